import { expect, test } from "vitest";
import { Recording } from "../src/shared/recording.js";
import { Stretch } from "../src/shared/stretch.js";
import { tickStep, tickText } from "../src/shared/strips.js";
import { clockText } from "../src/views/player.js";
import { rowAfter } from "../src/views/reel.js";
import { packOf } from "./golden.js";

const track = new Recording(packOf("recording.bin"), packOf("codebook.bin").psi);
const close = (/** @type {Float32Array} */ found, /** @type {number[]} */ expected) => expected.forEach((v, i) => expect(found[i]).toBeCloseTo(v, 4));

test("psi, tokens and errors of a row", () => {
  close(track.psi(2), [1, -0.5]);
  expect(track.token(2, 0)).toEqual([1, 1]);
  expect(track.token(2, 1)).toEqual([2, 0.5]);
  expect(track.error(2, 1)).toBe(2);
  expect(track.error(2, 2)).toBe(0.5);
  expect(track.last).toBe(2);
});

test("what the first stages rebuild is the sum of their codewords", () => {
  close(track.rebuilt(2, 1), [1, 0]);
  close(track.rebuilt(2, 2), [1, -0.25]);
  close(track.rebuilt(0, 2), [0, 0]);
});

test("a time between rows is of the nearer one", () => expect([-1, 0.2, 0.8, 1.4, 9].map((t) => track.rowAt(t))).toEqual([0, 0, 2, 2, 3]));

test("of rows that share a pixel the strongest token is shown, of the chosen ones where some are", () => {
  expect(track.strongestToken(0, 0, 4, new Set())).toEqual([1, 1]);
  expect(track.strongestToken(1, 0, 4, new Set([1]))).toBeNull();
  expect(track.strongestToken(0, 0, 1, new Set())).toBeNull();
});

test("the scale of errors has a floor and room above", () => expect(track.highError()).toBeCloseTo(1.4 * 0.5));

test("a lane has its curves on its scale, and says where they are unknown and what is marked", () => {
  const lane = { label: "Eyelids", names: ["closed", "open"], first: 0, low: 0, high: 1, unit: "",
    spans: /** @type {[number, number][]} */ ([[0.4, 0.6]]), marked: "blink" };
  const { pack } = track, channels = Uint8Array.from([0, 254, 127, 255, 254, 0, 127, 254]);
  const one = new Recording({ ...pack, lanes: [lane], channels }, new Float32Array(6));
  expect([one.share(lane, 0, 0), one.share(lane, 0, 1), one.share(lane, 1, 0)]).toEqual([0, 1, 1]);
  expect(one.share(lane, 0, 3)).toBeNaN();
  expect(one.laneText(lane, 1)).toBe("eyelids: closed 1.00, open 0.00 · blink");
  expect(one.laneText(lane, 3)).toBe("eyelids: closed unknown, open 1.00");
  expect(one.laneText({ ...lane, low: -10, high: 10, unit: "°" }, 2)).toBe("eyelids: closed 0.0°, open 0.0°");
  expect(track.lanes).toEqual([]);
});

test("a stretch zooms about the time that is shown and stays within the recording", () => {
  const stretch = new Stretch(0, 100);
  stretch.zoom(0.5, 80);
  expect([stretch.from, stretch.until]).toEqual([40, 90]);
  stretch.zoom(1e-9, 80);
  expect(stretch.length).toBe(0.5);
  stretch.zoom(1e9, 80);
  expect([stretch.from, stretch.until]).toEqual([0, 100]);
});

test("a stretch follows the time only when it leaves it", () => {
  const stretch = new Stretch(0, 100);
  stretch.move(20, 20);
  expect(stretch.follow(39)).toBe(false);
  expect(stretch.follow(60)).toBe(true);
  expect([stretch.from, stretch.until]).toEqual([55, 75]);
  stretch.follow(100);
  expect([stretch.from, stretch.until]).toEqual([80, 100]);
});

test("places of a stretch, and the link's stretches that it takes", () => {
  const stretch = new Stretch(10, 20);
  expect([-1, 0, 0.5, 1, 2].map((share) => stretch.at(share))).toEqual([10, 10, 15, 20, 20]);
  expect(stretch.allows(12, 14)).toBe(true);
  for (const [from, until] of [[12, 12.1], [5, 14], [12, 25], [NaN, 14]]) expect(stretch.allows(from, until)).toBe(false);
});

test("a recording of one frame has a stretch", () => expect(new Stretch(3, 3).length).toBeGreaterThan(0));

test("ticks are readable at any length", () => {
  for (const length of [0.5, 3, 40, 700, 4000]) expect(length / tickStep(length)).toBeLessThanOrEqual(9);
  expect([tickText(0.25, 0.1, 0.5), tickText(59.6, 15, 100), tickText(75, 15, 600)]).toEqual(["0.3 s", "60 s", "1:15"]);
  expect([clockText(0), clockText(62.46), clockText(119.97)]).toEqual(["0:00.0", "1:02.5", "2:00.0"]);
});

test("a movement ends at its last row, or begins again after a pause", () => {
  const time = Float32Array.of(0, 1, 2, 3, 4);
  expect([0, 1.5, 4, 9].map((t) => rowAfter(time, t, false))).toEqual([0, 1, 4, 4]);
  expect([4.2, 4.5, 5.5].map((t) => rowAfter(time, t, true))).toEqual([4, 0, 1]);
});
