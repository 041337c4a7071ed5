// What Python wrote: see tests/dashboard/test_web_golden.py.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unpack } from "../src/shared/pack.js";

const read = (/** @type {string} */ name) => readFileSync(join(import.meta.dirname, "golden", name));

/** @param {string} name @returns {ArrayBuffer} */
export function bytesOf(name) {
  const { buffer, byteOffset, byteLength } = read(name);
  return /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));
}

/** @param {string} name */
export const packOf = (name) => unpack(bytesOf(name));

/** @type {{ look: import("../src/shared/face.js").FaceLook, psi: number[][], vertices: number[][][], displacement_mm: number[][],
 *   refined: { triangles: number[][], vertices: number[][], displacement_mm: number[] } }} */
export const faceFacts = JSON.parse(read("face.json").toString());
