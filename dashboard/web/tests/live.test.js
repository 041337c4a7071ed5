import { expect, test } from "vitest";
import { headPose } from "../src/live/landmarker.js";
import { erf } from "../src/live/network.js";
import { Pace, Recent } from "../src/live/recent.js";
import { median, restOf } from "../src/live/rest.js";
import { Take } from "../src/live/take.js";
import { LiveTokenizer } from "../src/live/tokenizer.js";
import { inOrder, isBundle, refusal } from "../src/views/live.js";
import { packOf } from "./golden.js";

/** @param {string} encoder */
function world(encoder) {
  const frames = packOf(`live-${encoder}-frames.bin`), size = frames.shapes.values[1], places = frames.shapes.tokens[1];
  return { tokenizer: new LiveTokenizer(/** @type {any} */ (packOf(`live-${encoder}-tokenizer.bin`))), frames, size, places,
    row: (/** @type {number} */ i) => frames.values.subarray(i * size, (i + 1) * size) };
}

test.each(["linear", "mlp", "transformer"])("tokens of a stream are Python’s, with a codebook whose encoder is %s", (encoder) => {
  const { tokenizer, frames, places, row } = world(encoder);
  let same = 0;
  for (let i = 0; i < frames.time.length; i++) {
    if (i === frames.rest_from) tokenizer.rest = frames.rest;
    if (frames.lost[i]) tokenizer.lose();
    const { tokens, steps } = tokenizer.encode(row(i), frames.time[i]), at = i * places;
    same += Number(tokens.every((k, p) => k === frames.tokens[at + p] && steps[p] === frames.steps[at + p]));
  }
  expect(same).toBe(frames.time.length);
});

test("a face is decoded to the sum of its tokens", () => {
  const { tokenizer } = world("linear"), { pack } = tokenizer, size = pack.shapes.psi[1];
  const psi = tokenizer.decode({ tokens: Int32Array.of(2, 7, 0), steps: Int32Array.of(8, 4, 0) });
  for (let e = 0; e < size; e++) expect(psi[e]).toBeCloseTo(0.5 * pack.psi[2 * size + e] + 0.25 * pack.psi[7 * size + e], 6);
});

test("the resting face is Python’s", () => {
  const { frames, tokenizer, row } = world("linear"), calm = Array.from({ length: frames.calm }, (_, i) => row(i));
  const rest = /** @type {Float32Array} */ (restOf(calm, tokenizer.pack.sizes));
  frames.rest.forEach((/** @type {number} */ v, /** @type {number} */ s) => expect(rest[s]).toBeCloseTo(v, 6));
  expect(restOf(calm.slice(0, 5), tokenizer.pack.sizes)).toBeNull();
});

test("the median of an even number is the mean of the middle two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

test("the error function", () => {
  for (const [x, value] of [[0, 0], [0.5, 0.5204998778130465], [-1, -0.8427007929497149], [2.9, 0.9999589021219005],
    [3.1, 0.9999883513426328], [7, 1]]) expect(erf(x)).toBeCloseTo(value, 12);
});

const ITEMS = { 1: { note: "Jaw drop", mm: 10 }, 2: { note: "Blink", mm: 4 }, 3: { note: "Faint", mm: 0.5 } };
const frame = (/** @type {number[][]} */ tokens) => /** @type {const} */ ([Int32Array.from(tokens, ([k]) => k), Int32Array.from(tokens, ([, g]) => g), 0.5]);

test("codewords are on show from their size on, in the order in which they came, and half a second longer", () => {
  const recent = new Recent(ITEMS, 1);
  recent.add(0, ...frame([[2, 1], [3, 2], [0, 0]]));
  recent.add(0.1, ...frame([[1, 1], [2, 2]]));
  expect(recent.shown.map(({ k, mm }) => [k, mm])).toEqual([[2, 4], [1, 5]]);
  recent.add(0.5, ...frame([[1, 2]]));
  expect(recent.shown.map(({ k }) => k)).toEqual([2, 1]);
  recent.add(0.7, ...frame([[1, 2]]));
  expect(recent.shown.map(({ k, mm }) => [k, mm])).toEqual([[1, 10]]);
  expect(recent.lanes).toEqual([1, 2]);
  recent.add(60, ...frame([]));
  expect(recent.lanes).toEqual([]);
});

test("frames a second and latency are of the last frames", () => {
  const pace = new Pace(4);
  expect(pace.framesPerSecond).toBe(0);
  for (let i = 0; i < 10; i++) pace.add(100 * i, i);
  expect(pace.framesPerSecond).toBe(10);
  expect(pace.latencyWithin(0.5)).toBe(8);
});

test("a take is a table of MediaPipe’s scores, with rows for lost frames, and a table of its tokens", () => {
  const take = new Take(["jawOpen", "eyeBlinkLeft", "tongueOut"], 0.25), values = Float32Array.of(0.1, 1, 0);
  take.add({ time: 0, values, pose: [0.5, 0, -1], tokens: Int32Array.of(4, 0), steps: Int32Array.of(2, 0) });
  take.add({ time: 0.04, values: null, pose: null, tokens: null, steps: null });
  expect(take.scores().split("\n")).toEqual(["frame,time_s,_neutral,jawOpen,eyeBlinkLeft,HeadPitch,HeadYaw,HeadRoll",
    "0,0.000000,0,0.100000001,1,0.5,0,-1", "1,0.040000,,,,,,", ""]);
  expect(take.tokens()).toBe("frame,time_s,stage,codeword,intensity\n0,0.000000,0,4,0.5\n");
  expect(take.name).toMatch(/^take-\d{8}-\d{6}$/);
});

test("the head’s angles are those of the import", () => {
  const [a, b] = [0.3, -0.2], yaw = [Math.cos(a), 0, -Math.sin(a), 0, 0, 1, 0, 0, Math.sin(a), 0, Math.cos(a), 0, 1, 2, 3, 1];
  expect(headPose(yaw)).toEqual([-0, expect.closeTo(a, 12), 0]);
  const pitch = [1, 0, 0, 0, 0, Math.cos(b), Math.sin(b), 0, 0, -Math.sin(b), Math.cos(b), 0, 0, 0, 0, 1];
  expect(headPose(pitch)[0]).toBeCloseTo(b, 12);
});

test("scores stand in the order of the tokenizer’s names", () => {
  const found = { names: ["_neutral", "jawOpen", "browInnerUp"], scores: Float32Array.of(0.5, 0.25, 0.75) };
  expect([...inOrder(found, ["browInnerUp", "jawOpen", "tongueOut"])]).toEqual([0.75, 0.25, 0]);
});

test("what is no bundle of the landmarker is refused, and errors of the camera are said in words", () => {
  expect(isBundle(new ArrayBuffer(10))).toBe(false);
  expect(isBundle(/** @type {ArrayBuffer} */ (new TextEncoder().encode("PK…face_landmarks_detector.tflite…").buffer))).toBe(true);
  const named = (/** @type {string} */ name) => Object.assign(new Error("x"), { name });
  expect(refusal(named("NotAllowedError"))).toContain("allow it");
  expect(refusal(named("NotReadableError"))).toContain("in use");
  expect(refusal(new Error("wasm\nstack"))).toBe("The landmarker stopped: wasm");
});
