// @vitest-environment node

import { expect, test } from "vitest";
import { Camera, projector } from "../src/shared/camera.js";

const LOOK = { focus: [0, 0.01, 0.02], reach: 0.15, wide: 0.6 };
/** @type {[number, number, number, number]} */ const BOX = [100, 20, 400, 300];

/** @param {Camera} camera */
const placing = (camera) => projector(camera.matrices(LOOK, 4 / 3), BOX);

test("the focus stands in the middle of the box, however the camera is turned", () => {
  for (const camera of [new Camera(0, 0), new Camera(1, -0.4, 2), new Camera(-2, 1.1, 0.5)]) {
    const [x, y] = placing(camera)(LOOK.focus);
    expect(x).toBeCloseTo(300, 3);
    expect(y).toBeCloseTo(170, 3);
  }
});

test("a head that is deeper than wide is seen whole from every side, in the middle", () => {
  const head = { focus: [0, 0, 0.03], reach: 0.15, wide: 0.6, deep: 0.75, middle: -0.02 }, narrow = /** @type {const} */ ([0, 0, 60, 100]);
  const ends = [[0.09, 0, -0.02], [-0.09, 0, -0.02], [0, 0, 0.0925], [0, 0, -0.1325]];
  for (const yaw of [0, 0.32, 0.9, Math.PI / 2, -1.45]) {
    const place = projector(new Camera(yaw, 0).matrices(head, 0.6), [...narrow]), across = ends.map((end) => place(end)[0]);
    expect(Math.min(...across)).toBeGreaterThan(1);
    expect(Math.max(...across)).toBeLessThan(59);
  }
  const place = projector(new Camera(Math.PI / 2, 0).matrices(head, 0.6), [...narrow]);
  expect((place(ends[2])[0] + place(ends[3])[0]) / 2).toBeCloseTo(30, 0);
});

test("half the height that is shown is the reach, and zoom magnifies", () => {
  const above = [0, 0.01 + 0.15, 0.02];
  expect(placing(new Camera(0, 0))(above)[1]).toBeCloseTo(20, 2);
  expect(placing(new Camera(0, 0, 0.5))(above)[1]).toBeCloseTo(170 - 75, 2);
});

test("the face's left is on the right from the front, and before the focus from its left side", () => {
  const left = [0.05, 0.01, 0.02];
  expect(placing(new Camera(0, 0))(left)[0]).toBeGreaterThan(310);
  expect(placing(new Camera(Math.PI / 2, 0))(left)[0]).toBeCloseTo(300, 3);
  expect(placing(new Camera(Math.PI / 2, 0))([0, 0.01, 0.07])[0]).toBeLessThan(290); // the nose, seen from its left
});

test("the view is a rotation", () => {
  const { view: m } = new Camera(0.7, -0.5).matrices(LOOK, 1), row = (/** @type {number} */ r) => [m[r], m[4 + r], m[8 + r]];
  const dot = (/** @type {number[]} */ a, /** @type {number[]} */ b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  for (const a of [0, 1, 2]) for (const b of [0, 1, 2]) expect(dot(row(a), row(b))).toBeCloseTo(a === b ? 1 : 0, 5);
});

test("turning and zooming stay within limits, and a reset goes home", () => {
  const camera = new Camera(0.3, 0.03);
  expect(camera.moved).toBe(false);
  camera.turn(100, -100);
  camera.magnify(1e6);
  expect(camera.values).toEqual([3.1, -1.2, 6]);
  expect(camera.moved).toBe(true);
  camera.reset();
  expect(camera.values).toEqual([0.3, 0.03, 1]);
});

test("a camera looks as another one's values say, and not at all where they are no numbers", () => {
  const camera = new Camera();
  camera.look([NaN, 0, 1]);
  expect(camera.moved).toBe(false);
  camera.look([-1.2, 0.4, 2]);
  expect(camera.values.map((v) => Number(v.toFixed(6)))).toEqual([-1.2, 0.4, 2]);
});
