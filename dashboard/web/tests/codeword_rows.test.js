import { expect, test } from "vitest";
import { endOfScale, MOST_ROWS, strongestRows } from "../src/shared/codeword_rows.js";

/** A recording of tokens [codeword, intensity] by frame and stage. @param {[number, number][][]} tokens */
const recordingOf = (tokens) => /** @type {any} */ ({ rows: tokens.length, stages: tokens[0].length,
  token: (/** @type {number} */ row, /** @type {number} */ stage) => tokens[row][stage] });
const ITEMS = [undefined, { mm: 1 }, { mm: 10 }, { mm: null }];

test("a codeword's size is its intensity times its mm, summed over the stages that are used", () => {
  const track = recordingOf([[[1, 1], [1, 0.5]], [[2, 0.5], [0, 0]], [[3, 0.25], [1, 1]]]);
  const found = (/** @type {number} */ stages, chosen = /** @type {number[]} */ ([])) =>
    strongestRows(track, ITEMS, stages, new Set(chosen)).map(({ k, sizes }) => [k, ...sizes]);
  expect(found(2)).toEqual([[2, 0, 5, 0], [1, 1.5, 0, 1], [3, 0, 0, 0.25]]);
  expect(found(1)).toEqual([[2, 0, 5, 0], [1, 1, 0, 0], [3, 0, 0, 0.25]]);
  expect(found(2, [1])).toEqual([[1, 1.5, 0, 1]]);
});

test("no more rows than fit, and none for a face at rest", () => {
  const many = recordingOf([Array.from({ length: 30 }, (_, k) => [k + 1, 1])]);
  expect(strongestRows(many, [], 30, new Set())).toHaveLength(MOST_ROWS);
  expect(strongestRows(recordingOf([[[0, 0]]]), ITEMS, 1, new Set())).toEqual([]);
});

test("the scale ends above nearly all sizes, at a round number", () => {
  const row = (/** @type {number[]} */ sizes) => ({ k: 1, sizes: Float32Array.from(sizes) });
  expect(endOfScale([row([0, 1.2, 2.4]), row([0.3, 0, 0])])).toBe(3);
  expect(endOfScale([row([...Array.from({ length: 99 }, () => 0.9), 40])])).toBe(1);
  expect(endOfScale([row([4, 30, 30])])).toBe(10);
  expect(endOfScale([])).toBe(1);
});
