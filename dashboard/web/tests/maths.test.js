// @vitest-environment node

import { expect, test } from "vitest";
import { isInside, nearestIndex } from "../src/shared/maths.js";

test("the nearest of sorted values, at gaps and ends too", () => {
  const times = [0, 0.1, 0.2, 5, 5.1];
  expect([-1, 0.04, 0.06, 2.5, 2.7, 5.04, 99].map((t) => nearestIndex(times, t))).toEqual([0, 0, 1, 2, 3, 3, 4]);
  times.forEach((t, i) => expect(nearestIndex(times, t)).toBe(i));
});

test("of two that are as near, the later", () => expect(nearestIndex([0, 1], 0.5)).toBe(1));

test("inside a loop that is not convex", () => {
  /** @type {[number, number][]} */ const horseshoe = [[0, 0], [9, 0], [9, 9], [6, 9], [6, 3], [3, 3], [3, 9], [0, 9]];
  expect(isInside([1, 8], horseshoe)).toBe(true);
  expect(isInside([8, 8], horseshoe)).toBe(true);
  expect(isInside([4.5, 1], horseshoe)).toBe(true);
  expect(isInside([4.5, 8], horseshoe)).toBe(false); // between its legs
  expect(isInside([-1, 5], horseshoe)).toBe(false);
  expect(isInside([4.5, 1], horseshoe.toReversed())).toBe(true);
});
