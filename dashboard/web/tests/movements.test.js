import { expect, test, vi } from "vitest";
import { amountAt, Movements, rowAt } from "../src/shared/movements.js";

test("a movement runs at its own rate, rests on its last row and begins again", () => {
  expect([0, 49, 50, 1000].map((ms) => rowAt(ms, 31, 20))).toEqual([0, 0, 1, 20]);
  expect(rowAt(1549, 31, 20)).toBe(30);
  expect(rowAt(1800, 31, 20)).toBe(30); // the pause
  expect(rowAt(1901, 31, 20)).toBe(0);
});

test("an expression without a movement goes from neutral, there and back", () => {
  expect([0, 900, 1800].map((ms) => Math.round(100 * amountAt(ms)))).toEqual([0, 100, 0]);
});

test("all that were started are drawn in turn, few a frame, and each rests when it is stopped", async () => {
  /** @type {number[]} */ const drawn = [], rested = vi.fn();
  const movements = new Movements((which) => drawn.push(which), rested);
  for (let i = 0; i < 6; i++) movements.start(i);
  movements.step(performance.now());
  movements.step(performance.now());
  expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 0, 1]);
  movements.stop(2);
  movements.stop(2);
  expect(rested.mock.calls).toEqual([[2]]);
  movements.stopAll();
  expect(rested).toHaveBeenCalledTimes(6);
  movements.close();
});
