import { expect, test } from "vitest";
import { Face, normals } from "../src/shared/face.js";
import { ordered, parts } from "../src/shared/stage.js";
import { subdivided, Surface } from "../src/shared/surface.js";
import { faceFacts, packOf } from "./golden.js";

const face = new Face(packOf("face.bin"), faceFacts.look, "golden");
const OCTAHEDRON = Uint32Array.of(0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5);
const POINTS = Float32Array.of(1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1);

/** How often each edge is used. @param {Uint32Array} triangles */
function uses(triangles) {
  const count = new Map();
  for (let f = 0; f < triangles.length; f += 3) {
    for (const [i, j] of [[0, 1], [1, 2], [2, 0]]) {
      const ends = [triangles[f + i], triangles[f + j]].sort((a, b) => a - b).join();
      count.set(ends, (count.get(ends) ?? 0) + 1);
    }
  }
  return [...count.values()];
}

test("the refined surface is that of Python, vertex by vertex and triangle by triangle", () => {
  const { position, heat, surface } = face.pose(faceFacts.psi[0]);
  expect([...surface.triangles]).toEqual(faceFacts.refined.triangles.flat());
  faceFacts.refined.vertices.flat().forEach((/** @type {number} */ v, /** @type {number} */ i) =>
    expect(Math.abs(position[i] - v)).toBeLessThan(8e-6));
  faceFacts.refined.displacement_mm.forEach((/** @type {number} */ v, /** @type {number} */ i) =>
    expect(Math.abs(heat[i] - v)).toBeLessThan(4e-3));
});

test("a closed surface stays closed, without a crack and without a vertex twice", () => {
  const surface = new Surface(OCTAHEDRON, 6, true), at = surface.refine(POINTS, 3);
  expect(uses(surface.triangles).every((n) => n === 2)).toBe(true);
  const places = Array.from({ length: surface.vertices }, (_, v) => [...at.subarray(3 * v, 3 * v + 3)].map((x) => x.toFixed(5)).join());
  expect(new Set(places).size).toBe(surface.vertices);
  expect([surface.vertices, surface.triangles.length]).toEqual([18, 96]);
});

test("old vertices stay near their places, and normals point outwards, alike wherever triangles meet", () => {
  const surface = new Surface(OCTAHEDRON, 6, true), at = surface.refine(POINTS, 3), n = normals(at, surface.triangles);
  expect(at[0]).toBeGreaterThan(0.85); // subdivision alone pulls it in to 0.6
  for (let v = 0; v < surface.vertices; v++) {
    const [p, q] = [at, n].map((of) => [...of.subarray(3 * v, 3 * v + 3)]);
    expect(p.reduce((sum, x, d) => sum + x * q[d], 0) / Math.hypot(...p)).toBeGreaterThan(0.9);
  }
});

test("weights of every row add up to one: what is the same everywhere stays so", () => {
  const { matrix: { starts, weights }, vertices } = subdivided(face.triangles, face.vertices);
  for (let v = 0; v < vertices; v++) {
    expect(weights.subarray(starts[v], starts[v + 1]).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  }
});

test("a face of many vertices is drawn as it is", () => {
  const surface = new Surface(OCTAHEDRON, 6, false);
  expect(surface.refine(POINTS, 3)).toBe(POINTS);
  expect(surface.triangles).toBe(OCTAHEDRON);
});

test("eyes and the inside of the mouth are drawn after the skin, and the lips' inner rim lies in shadow", () => {
  const triangles = Uint32Array.of(0, 1, 2, 1, 2, 3, 4, 5, 6), shares = parts(Uint8Array.of(0, 0, 0, 2, 1, 3, 4), triangles);
  expect([...shares]).toEqual([0, 0, 0, 0.5, 0, 0.5, 0, 1, 1, 0, 1, 0, 1, 0]);
  const { triangles: drawn, skin } = ordered(Uint32Array.of(4, 5, 6, 0, 1, 2, 1, 2, 3), shares);
  expect([...drawn]).toEqual([0, 1, 2, 4, 5, 6, 1, 2, 3]);
  expect(skin).toBe(3);
});
