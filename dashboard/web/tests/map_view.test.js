// @vitest-environment node

import { expect, test } from "vitest";
import { HOME, MapView } from "../src/shared/map_view.js";

const SIZE = { width: 400, height: 200 };

test("the map's centre stands in the middle and its extent fits the smaller side", () => {
  const map = new MapView([0, 0, 10, 4], 2), [x0, y0, near, x1, y1] = map.project([0, 0, 10, 4], SIZE);
  expect([(x0 + x1) / 2, (y0 + y1) / 2, near]).toEqual([200, 100, 1]);
  expect(y0 - y1).toBeCloseTo(0.9 * 200 * 0.4, 3); // y upwards; span is 10
  expect(x1 - x0).toBeCloseTo(0.9 * 200 * 1.7, 3); // a wide picture stretches the map, within reason
});

test("zooming at a place keeps what is there", () => {
  const map = new MapView([0, 0, 1, 1], 2), before = map.project([0.2, 0.7], SIZE);
  map.zoom(3, [before[0], before[1]], SIZE);
  const after = map.project([0.2, 0.7], SIZE);
  expect(after[0]).toBeCloseTo(before[0], 3);
  expect(after[1]).toBeCloseTo(before[1], 3);
  expect(map.unit(SIZE)).toBeCloseTo(3 * 0.9 * 200, 3);
});

test("a drag shifts a plane and turns space", () => {
  const plane = new MapView([0, 0, 1, 1], 2), space = new MapView([0, 0, 0, 1, 1, 1], 3);
  plane.drag(5, -7);
  space.drag(100, 1000);
  expect(plane.shift).toEqual([5, -7]);
  expect(space.shift).toEqual([0, 0]);
  expect(space.turn).toEqual([1.3, 1.5]);
});

test("in space what is before is larger, and half a turn brings the back to the front", () => {
  const points = [0, 0, -1, 0, 0, 1], map = new MapView(points, 3);
  map.turn = [0, 0];
  const [, , back, , , front] = map.project(points, SIZE);
  expect(front).toBeGreaterThan(1);
  expect(back).toBeLessThan(1);
  map.turn = [Math.PI, 0];
  expect(map.project(points, SIZE)[2]).toBeCloseTo(front, 4);
});

test("the link's values come back on a picture of another size", () => {
  const map = new MapView([0, 0, 1, 1], 2), other = new MapView([0, 0, 1, 1], 2);
  map.zoom(2, [30, 40], SIZE);
  expect(other.look(map.values(SIZE), { width: 800, height: 400 })).toBe(true);
  expect(other.shift).toEqual(map.shift.map((v) => 2 * v));
  other.fit();
  expect(other.values(SIZE)).toEqual(HOME);
});

test("values that are none change nothing", () => {
  const map = new MapView([0, 0, 1, 1], 2);
  for (const values of [[], [NaN, 0, 0, 0, 0], [0, 0, 0, 0, 0], [-1, 0, 0, 0, 0]]) expect(map.look(values, SIZE)).toBe(false);
  expect(map.values(SIZE)).toEqual(HOME);
});
