import { expect, test } from "vitest";
import { added, History, merged, moved, relabelled, resized, room, split, under } from "../src/shared/intervals.js";

/** @param {number} on @param {number} off @param {string} label @param {string} tier */
const one = (on, off, label = "up", tier = "brow") => ({ tier, on, off, label, source: "ticc" });
const ALL = [one(100, 500), one(800, 1000, "down"), one(900, 1500, "smile", "mouth")];
const times = (/** @type {any} */ made) => made[0].filter((/** @type {any} */ { tier }) => tier === "brow").map((/** @type {any} */ { on, off }) => [on, off]);

test("an interval has room up to its neighbours of the same tier", () => {
  expect(room(ALL, "brow", 600, 2000)).toEqual([500, 800]);
  expect(room(ALL, "brow", 300, 2000, ALL[0])).toEqual([0, 800]);
  expect(under(ALL, "brow", 100)).toBe(ALL[0]);
  expect(under(ALL, "brow", 500)).toBeUndefined();
});

test("edges stop at neighbours and never cross, and what a person changes is by hand", () => {
  const made = resized(ALL, ALL[0], 50, 950, 2000);
  expect(times(made)).toEqual([[50, 800], [800, 1000]]);
  expect(made[1].source).toBe("hand");
  expect(times(resized(ALL, ALL[1], 990, 400, 2000))[1]).toEqual([990, 1010]);
});

test("an interval that is moved keeps its length and stays in its room", () => {
  expect(times(moved(ALL, ALL[0], 1000, 2000))).toEqual([[400, 800], [800, 1000]]);
  expect(times(moved(ALL, ALL[0], -1000, 2000))[0]).toEqual([0, 400]);
});

test("a split and a merge give back what was", () => {
  const two = /** @type {any} */ (split(ALL, ALL[0], 300));
  expect(times(two)).toEqual([[100, 300], [300, 500], [800, 1000]]);
  const first = two[0].find((/** @type {any} */ { on }) => on === 100);
  expect(times(merged(two[0], first))).toEqual([[100, 500], [800, 1000]]);
  expect(split(ALL, ALL[0], 110)).toBeNull();
  expect(merged(ALL, ALL[1])).toBeNull();
});

test("a new interval takes the room there is, and none where another one is", () => {
  expect(times(added(ALL, "brow", 500, "down", 2000))[1]).toEqual([500, 800]);
  expect(added(ALL, "brow", 200, "down", 2000)).toBeNull();
  expect(relabelled(ALL, ALL[0], "wide")[1]).toEqual({ ...ALL[0], label: "wide", source: "hand" });
});

test("undo and redo go through every change, and a new change ends what could be done again", () => {
  const history = new History(ALL);
  history.change(ALL.slice(1));
  history.change([]);
  expect(history.undo() && history.undo()).toBe(true);
  expect(history.rows).toBe(ALL);
  expect(history.undo()).toBe(false);
  history.redo();
  expect(history.rows).toHaveLength(2);
  history.change(ALL);
  expect(history.redo()).toBe(false);
});
