import { describe, expect, test, vi } from "vitest";
import { Film, lastIndex, Screen } from "../src/shared/film.js";

const shown = Float32Array.of(0.5, 0.52, 0.56, 0.7, 0.73);

/** @param {Partial<import("../src/shared/pack.js").Pack>} more */
const made = (more = {}) => new Film({ shapes: {}, scales: {}, biases: {}, shown, frame: Int32Array.of(-1, 0, 1, 1, 3, -1),
  low: Int8Array.of(0, -10, -127, 0), high: Int8Array.of(0, 20, 127, 0), bin_s: 0.5, voice: [[0.9, 1.2]], ...more },
Float32Array.of(-0.02, 0, 0.02, 0.04, 0.2, 9));

/** A video that seeks when it is asked to, and says so later. */
function video() {
  const listeners = new Map();
  const one = { currentTime: 0, seeking: false, paused: true, ended: false, readyState: 4, error: null, src: "",
    /** @type {any} */ frame: () => {},
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ does) => listeners.set(name, does),
    requestVideoFrameCallback: (/** @type {any} */ does) => { one.frame = does; }, removeAttribute: vi.fn(), load: vi.fn(),
    pause: vi.fn(), play: vi.fn(async () => {}), tell: (/** @type {string} */ name) => listeners.get(name)() };
  return one;
}

describe("a film", () => {
  test("the last index is found at, between and outside of values", () => {
    expect([0, 0.5, 0.51, 0.73, 9].map((t) => lastIndex(shown, Math.fround(t)))).toEqual([-1, 0, 0, 4, 4]);
  });

  test("a row is shown in the middle of its frame, so that no rounding shows its neighbour", () => {
    const film = made();
    expect([1, 2, 4].map((row) => film.clockOf(row).toFixed(3))).toEqual(["0.510", "0.540", "0.715"]);
    expect(film.clockOf(0)).toBeNaN();
    expect(film.clockOf(5)).toBeNaN();
  });

  test("a frame is of the last row that has it, and no row is of a frame outside", () => {
    const film = made();
    expect([0, 0.5, 0.52, 0.56, 0.7, 0.73, 8].map((t) => film.rowAt(t))).toEqual([1, 1, 3, 3, 4, 4, 4]);
  });

  test("every row with a frame of its own is found again from its frame", () => {
    const film = made({ frame: Int32Array.of(0, 1, 2, 3, 4, -1) });
    expect([0, 1, 2, 3, 4].map((row) => film.rowAt(film.shown[row]))).toEqual([0, 1, 2, 3, 4]);
  });

  test("the sound is on the player's clock, and nothing is heard where there is no video", () => {
    const film = made();
    expect(film.wave(0, 0.2)).toEqual({ low: -10 / 127, high: 20 / 127, voice: false });
    expect(film.wave(0.5, 0.6)).toMatchObject({ low: -1, high: 1, voice: true });
    expect(film.wave(9, 9.1)).toEqual({ low: 0, high: 0, voice: false });
  });
});

describe("the screen", () => {
  test("takes its zero from the first frame, then goes to the newest row alone", () => {
    const one = video(), screen = new Screen(/** @type {any} */ (one), () => {}), film = made();
    screen.open("a.webm", film);
    expect(screen.show(1)).toBe(true);
    expect(one.currentTime).toBe(0);
    one.frame(0, { mediaTime: 0.25 });
    expect(one.currentTime).toBeCloseTo(0.26);
    one.seeking = true;
    screen.show(2);
    screen.show(4);
    expect(one.currentTime).toBeCloseTo(0.26);
    one.seeking = false;
    one.tell("seeked");
    expect(one.currentTime).toBeCloseTo(0.465);
    expect(screen.show(5)).toBe(false);
    expect(one.currentTime).toBeCloseTo(0.465);
  });

  test("says the row of every frame while it plays, and does not seek then", () => {
    const one = video(), rows = /** @type {number[]} */ ([]);
    const screen = new Screen(/** @type {any} */ (one), (row) => rows.push(row));
    screen.open("a.webm", made());
    one.frame(0, { mediaTime: 0.5 });
    screen.play();
    one.paused = false;
    one.frame(0, { mediaTime: 0.52 });
    one.frame(0, { mediaTime: 0.7 });
    screen.show(1);
    expect(rows).toEqual([3, 4]);
    expect(one.currentTime).toBe(0);
  });
});
