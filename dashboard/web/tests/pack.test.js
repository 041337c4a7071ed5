import { expect, test } from "vitest";
import { unpack } from "../src/shared/pack.js";

test("what is not a pack is refused", () => {
  expect(() => unpack(new ArrayBuffer(64))).toThrow("not a pack");
});
