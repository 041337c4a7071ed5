// Binary assets: packs of named arrays, as dashboard's packs.py and dfe_core.render.scene write them.

import { page } from "./page.js";

const ASSETS_KEPT = 12;

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array, int16: Int16Array, uint16: Uint16Array,
  uint8: Uint8Array, int8: Int8Array };

/**
 * @typedef {Float32Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Uint8Array |
 *   Int8Array} Numbers
 */
/** @typedef {{ dtype: keyof typeof ARRAYS, shape: number[], offset: number, scale?: number[], bias?: number[] }} Entry */
/**
 * What the header holds, every array under its name, and shape, scale and bias of each. Which names there are is a
 * matter of the writer; the views state what they read.
 * @typedef {{ shapes: Record<string, number[]>, scales: Record<string, number[]>, biases: Record<string, number[]> }
 *   & Record<string, any>} Pack
 */

/**
 * The layout: 4 bytes "DFE1", length of the header (uint32), the header (JSON), then the arrays, little-endian.
 * @param {ArrayBuffer} buffer
 * @returns {Pack}
 */
export function unpack(buffer) {
  if (new TextDecoder().decode(new Uint8Array(buffer, 0, 4)) !== "DFE1") throw new Error("not a pack");
  const length = new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const pack = { ...header, shapes: {}, scales: {}, biases: {} };
  const entries = Object.entries(/** @type {Record<string, Entry>} */ (header.arrays));
  for (const [name, { dtype, shape, offset, scale, bias }] of entries) {
    pack[name] = new ARRAYS[dtype](buffer, 8 + length + offset, shape.reduce((a, b) => a * b, 1));
    pack.shapes[name] = shape;
    if (scale) pack.scales[name] = scale;
    if (bias) pack.biases[name] = bias;
  }
  return pack;
}

/**
 * Take the bytes of a pack from elsewhere than the network: what asks for its name gets them, as long as one of those
 * who gave them holds them.
 * @param {string} name of the content @param {DataView} bytes @returns {() => void} lets go of them
 */
export function givePack(name, bytes) {
  const given = page.given.get(name) ?? { bytes, holders: 0 };
  given.holders++;
  page.given.set(name, given);
  return () => {
    given.holders--;
    if (given.holders) return;
    page.given.delete(name);
    page.assets.delete(name);
  };
}

/** @param {string} url @returns {Promise<ArrayBuffer>} */
async function bytesAt(url) {
  const given = page.given.get(url)?.bytes;
  if (given) return /** @type {ArrayBuffer} */ (given.buffer.slice(given.byteOffset, given.byteOffset + given.byteLength));
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(`${reply.status} for ${url}`);
  return reply.arrayBuffer();
}

/**
 * Fetch and unpack; the same address is fetched once, unless it failed. The packs fetched last are kept.
 * @param {string} url
 * @returns {Promise<Pack>}
 */
export function loadPack(url) {
  const kept = page.assets.get(url);
  if (kept) return kept;
  const loading = bytesAt(url).then(unpack);
  loading.catch(() => page.assets.delete(url));
  page.assets.set(url, loading);
  for (const oldest of page.assets.keys()) {
    if (page.assets.size <= ASSETS_KEPT) break;
    page.assets.delete(oldest);
  }
  return loading;
}

/**
 * One row of an array of rows.
 * @template {Numbers} T
 * @param {T} array @param {number} row @param {number} size
 * @returns {T}
 */
export const rowOf = (array, row, size) => /** @type {T} */ (array.subarray(row * size, (row + 1) * size));
