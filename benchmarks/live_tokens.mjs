// Tokens of frames in JavaScript, beside those that Python found: run by benchmarks/live.py.

import { readFileSync } from "node:fs";

Object.assign(globalThis, { window: globalThis });
const { unpack } = await import("../dashboard/web/src/shared/pack.js");
const { LiveTokenizer } = await import("../dashboard/web/src/live/tokenizer.js");

const read = (path) => {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return unpack(buffer.slice(byteOffset, byteOffset + byteLength));
};
const tokenizer = new LiveTokenizer(read(process.argv[2])), frames = read(process.argv[3]);
const { values, time, start, tokens, steps, shapes } = frames, size = shapes.values[1], places = shapes.tokens[1];
const found = [], began = performance.now();
for (let i = 0; i < time.length; i++) {
  if (start[i]) tokenizer.lose();
  found.push(tokenizer.encode(values.subarray(i * size, (i + 1) * size), time[i]));
}
const ms = (performance.now() - began) / time.length;
const same = found.filter((one, i) => one.tokens.every((k, p) => k === tokens[i * places + p] && one.steps[p] === steps[i * places + p]));
console.log(JSON.stringify({ frames: time.length, same: same.length, ms_per_frame: ms }));
