import { expect, test } from "vitest";
import { Face, normals } from "../src/shared/face.js";
import { faceFacts, packOf } from "./golden.js";

const face = new Face(packOf("face.bin"), faceFacts.look, "golden");
const near = (/** @type {ArrayLike<number>} */ found, /** @type {number[]} */ expected, /** @type {number} */ by) =>
  expected.forEach((v, i) => expect(Math.abs(found[i] - v)).toBeLessThan(by));

test("vertices and displacements are those of the face model in Python", () => {
  faceFacts.psi.forEach((psi, i) => {
    const { position, heat } = face.pose(psi, undefined, face.plain);
    near(position, faceFacts.vertices[i].flat(), 4e-6); // the template is stored to 4 µm
    near(heat, faceFacts.displacement_mm[i], 2e-3);
  });
});

test("neutral is the template, and coefficients that are missing are zero", () => {
  expect([...face.pose([], undefined, face.plain).position]).toEqual([...face.template]);
  expect(face.range([])).toBe(0.1);
});

test("the range is that of the vertex which moves most", () => {
  expect(face.range(faceFacts.psi[0])).toBeCloseTo(Math.max(...faceFacts.displacement_mm[0]), 2);
  expect(face.range(faceFacts.psi[0], 50)).toBe(50);
});

test("outward is positive for a point that comes forward and negative for one that goes back", () => {
  const outwards = (/** @type {number} */ psi) => face.outward(face.displacement([psi, 0]))[4];
  expect(outwards(1)).toBeCloseTo(12, 1);
  expect(outwards(-1)).toBeCloseTo(-12, 1);
});

test("normals have unit length, follow the winding, and are zero where no triangle is", () => {
  const n = normals(Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 5, 5), Uint32Array.of(0, 1, 2));
  expect([...n.subarray(0, 3)]).toEqual([0, 0, 1]);
  expect([...n.subarray(9)]).toEqual([0, 0, 0]);
  for (let v = 0; v < 5; v++) expect(Math.hypot(...normals(face.template, face.triangles).subarray(3 * v, 3 * v + 3))).toBeCloseTo(1, 5);
});
