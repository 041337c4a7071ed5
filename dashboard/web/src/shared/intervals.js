// Changes to the intervals of tracks, each giving new ones: what was is kept for undo. Times are whole milliseconds.

/** @typedef {{ tier: string, on: number, off: number, label: string, source: string }} Interval */

const SHORTEST = 20, HAND = "hand";

/** @param {Interval} a @param {Interval} b */
const inOrder = (a, b) => a.on - b.on || a.off - b.off;

/** The room an interval of a tier has: the end of the one before and the start of the one after a place.
 * @param {Interval[]} all @param {string} tier @param {number} at ms @param {number} end of the recording
 * @param {Interval} [but] which does not count @returns {[number, number]} */
export function room(all, tier, at, end, but) {
  const others = all.filter((one) => one.tier === tier && one !== but);
  const before = others.filter((one) => one.off <= at).map((one) => one.off);
  const after = others.filter((one) => one.on >= at).map((one) => one.on);
  return [Math.max(0, ...before), Math.min(end, ...after)];
}

/** The one of a tier that is at a time, if any. @param {Interval[]} all @param {string} tier @param {number} at */
export const under = (all, tier, at) => all.find((one) => one.tier === tier && one.on <= at && at < one.off);

/** @param {Interval[]} all @param {Interval} old @param {Interval[]} made */
const replaced = (all, old, ...made) => [...all.filter((one) => one !== old), ...made].sort(inOrder);

/** With other edges, as far as its neighbours and the recording let it.
 * @param {Interval[]} all @param {Interval} one @param {number} on @param {number} off @param {number} end
 * @returns {[Interval[], Interval]} */
export function resized(all, one, on, off, end) {
  const [low, high] = room(all, one.tier, (one.on + one.off) / 2, end, one);
  const from = Math.round(Math.min(Math.max(on, low), high - SHORTEST));
  const until = Math.round(Math.max(Math.min(off, high), from + SHORTEST));
  const made = { ...one, on: from, off: until, source: HAND };
  return [replaced(all, one, made), made];
}

/** At another time, as long as it was. @param {Interval[]} all @param {Interval} one @param {number} by ms
 * @param {number} end @returns {[Interval[], Interval]} */
export function moved(all, one, by, end) {
  const [low, high] = room(all, one.tier, (one.on + one.off) / 2, end, one), length = one.off - one.on;
  const on = Math.round(Math.min(Math.max(one.on + by, low), high - length));
  const made = { ...one, on, off: on + length, source: HAND };
  return [replaced(all, one, made), made];
}

/** Two of the one at a time; null where there would be less than the shortest on a side.
 * @param {Interval[]} all @param {Interval} one @param {number} at @returns {[Interval[], Interval] | null} */
export function split(all, one, at) {
  const cut = Math.round(at);
  if (cut - one.on < SHORTEST || one.off - cut < SHORTEST) return null;
  const first = { ...one, off: cut, source: HAND }, second = { ...one, on: cut, source: HAND };
  return [replaced(all, one, first, second), second];
}

/** With the next one of its tier, under its own label; null where it is the last.
 * @param {Interval[]} all @param {Interval} one @returns {[Interval[], Interval] | null} */
export function merged(all, one) {
  const next = all.filter(({ tier, on }) => tier === one.tier && on >= one.off).sort(inOrder)[0];
  if (!next) return null;
  const made = { ...one, off: next.off, source: HAND };
  return [replaced(all.filter((other) => other !== next), one, made), made];
}

/** A new one at a time, a second long or as long as there is room; null where another one is.
 * @param {Interval[]} all @param {string} tier @param {number} at @param {string} label @param {number} end
 * @returns {[Interval[], Interval] | null} */
export function added(all, tier, at, label, end) {
  if (under(all, tier, at)) return null;
  const [, high] = room(all, tier, at, end), on = Math.round(at), off = Math.round(Math.min(at + 1000, high));
  if (off - on < SHORTEST) return null;
  const made = { tier, on, off, label, source: HAND };
  return [[...all, made].sort(inOrder), made];
}

/** @param {Interval[]} all @param {Interval} one @param {string} label @returns {[Interval[], Interval]} */
export function relabelled(all, one, label) {
  const made = { ...one, label, source: HAND };
  return [replaced(all, one, made), made];
}

/** What was, what is, and what was taken back: undo and redo. */
export class History {
  /** @param {Interval[]} rows */
  constructor(rows) {
    this.rows = rows;
    /** @type {Interval[][]} */ this.before = [];
    /** @type {Interval[][]} */ this.after = [];
  }

  /** @param {Interval[]} rows */
  change(rows) {
    this.before.push(this.rows);
    this.after = [];
    this.rows = rows;
  }

  /** What a drag changes while it lasts is one change. @param {Interval[]} rows */
  amend(rows) { this.rows = rows; }

  undo() { return this.step(this.before, this.after); }

  redo() { return this.step(this.after, this.before); }

  /** @param {Interval[][]} from @param {Interval[][]} to */
  step(from, to) {
    const rows = from.pop();
    if (!rows) return false;
    to.push(this.rows);
    this.rows = rows;
    return true;
  }
}
