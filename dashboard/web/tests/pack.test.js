import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadPack, rowOf, unpack } from "../src/shared/pack.js";
import { page } from "../src/shared/page.js";
import { bytesOf, packOf } from "./golden.js";

beforeEach(() => page.assets.clear());
afterEach(() => vi.unstubAllGlobals());

test("a pack holds the arrays that Python wrote, with their shapes", () => {
  const pack = packOf("recording.bin");
  expect(pack.shapes).toMatchObject({ time: [4], psi: [4, 2], tokens: [4, 2], intensities: [3] });
  expect([...pack.time]).toEqual([0, 0.5, 1, 2]);
  expect([...pack.tokens]).toEqual([0, 0, 1, 0, 1, 2, 0, 2]);
  expect(pack.tokens).toBeInstanceOf(Uint16Array);
  expect(pack.levels).toBeInstanceOf(Uint8Array);
});

test("scale and bias stay with their array, and the header's other facts with the pack", () => {
  const pack = packOf("face.bin");
  expect(pack.scales.template).toHaveLength(3);
  expect(pack.biases.template).toHaveLength(3);
  expect(pack.scales.triangles).toBeUndefined();
  expect(pack.names).toEqual(["out", "left"]);
});

test("what is not a pack is refused", () => {
  expect(() => unpack(new ArrayBuffer(64))).toThrow("not a pack");
});

test("a row of an array of rows", () => {
  expect([...rowOf(packOf("codebook.bin").psi, 2, 2)]).toEqual([0, -0.5]);
});

const reply = () => Promise.resolve({ ok: true, arrayBuffer: () => Promise.resolve(bytesOf("codebook.bin")) });

test("an address is fetched once, and again after it failed", async () => {
  const fetched = vi.fn(reply).mockResolvedValueOnce(/** @type {any} */ ({ ok: false, status: 503 }));
  vi.stubGlobal("fetch", fetched);
  await expect(loadPack("/a")).rejects.toThrow("503 for /a");
  const [one, two] = await Promise.all([loadPack("/a"), loadPack("/a")]);
  expect(one).toBe(two);
  expect(fetched).toHaveBeenCalledTimes(2);
});

test("the twelve packs fetched last are kept", async () => {
  vi.stubGlobal("fetch", vi.fn(reply));
  for (let i = 0; i < 20; i++) await loadPack(`/${i}`);
  expect([...page.assets.keys()]).toEqual(Array.from({ length: 12 }, (_, i) => `/${i + 8}`));
});
