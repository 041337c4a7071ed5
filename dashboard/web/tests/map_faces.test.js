import { expect, test } from "vitest";
import { MapFaces } from "../src/shared/map_faces.js";

const SIZE = { width: 400, height: 200 }, WAY = { side: 40, apart: 50 };

/** x, y and nearness of points. @param {[number, number][]} places */
const at = (places) => Float32Array.from(places.flatMap(([x, y]) => [x, y, 1]));

test("a face has a place where it touches none before it and no edge", () => {
  const faces = new MapFaces(() => {});
  faces.place([2, 0, 1, 3, 4], at([[100, 100], [200, 100], [140, 100], [10, 100], [300, 185]]), SIZE, WAY);
  expect(faces.placed.map(([, , i]) => i)).toEqual([2, 1]);
  expect([0, 1, 2].map((i) => faces.at(i))).toEqual([false, true, true]);
});

test("a face is hit within its circle, and text below clears it", () => {
  const faces = new MapFaces(() => {});
  faces.place([7], at(Array.from({ length: 8 }, () => [100, 100])), SIZE, WAY);
  expect([faces.under(100, 119), faces.under(100, 121), faces.under(0, 0)]).toEqual([7, -1, -1]);
  expect([faces.below(100, 100), faces.below(300, 100)]).toEqual([33, 4]);
  faces.forget();
  expect(faces.under(100, 100)).toBe(-1);
});
