// The last seconds of tokens: which codewords are there now, and a strip of those that moved the face most.

export const SPAN_S = 30;
const HELD_S = 0.5; // a codeword stays on show for so long after it is gone
const LANES = 8, SHOWN = 6;

/** @typedef {{ note?: string, mm?: number | null, colour?: string, src?: string, region?: string }} Item a codeword */
/** @typedef {{ time: number, mm: Map<number, number> }} Moment size of every codeword, mm */

export class Recent {
  /** @param {Record<number, Item>} items @param {number} from mm from which on a codeword counts as there */
  constructor(items, from) {
    this.items = items;
    this.from = from;
    /** @type {Moment[]} */ this.moments = [];
    /** @type {Map<number, { since: number, last: number, mm: number }>} those on show, in the order in which they came */
    this.present = new Map();
  }

  /** @param {number} time s @param {Int32Array} tokens @param {Int32Array} steps @param {number} step */
  add(time, tokens, steps, step) {
    /** @type {Map<number, number>} */ const mm = new Map();
    tokens.forEach((k, i) => { if (k) mm.set(k, (mm.get(k) ?? 0) + steps[i] * step * (this.items[k]?.mm ?? 1)); });
    this.moments.push({ time, mm });
    while (this.moments[0].time < time - SPAN_S) this.moments.shift();
    for (const [k, size] of mm) {
      if (size < this.from) continue;
      const known = this.present.get(k);
      this.present.set(k, { since: known?.since ?? time, last: time, mm: size });
    }
    for (const [k, { last }] of this.present) if (last < time - HELD_S) this.present.delete(k);
  }

  /** Codewords on show, those that came first before the others. */
  get shown() { return [...this.present].slice(0, SHOWN).map(([k, facts]) => ({ k, ...facts })); }

  /** The codewords that moved the face most, by number, so that they keep their lanes. */
  get lanes() {
    /** @type {Map<number, number>} */ const total = new Map();
    for (const { mm } of this.moments) for (const [k, size] of mm) if (size >= this.from) total.set(k, (total.get(k) ?? 0) + size);
    return [...total].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, LANES).map(([k]) => k).sort((a, b) => a - b);
  }
}

/** Frames a second and latency over the last frames. */
export class Pace {
  /** @param {number} most frames that it looks back */
  constructor(most = 90) {
    this.most = most;
    /** @type {number[]} */ this.at = [];
    /** @type {number[]} */ this.latency = [];
  }

  /** @param {number} now ms at which tokens were there @param {number} latency ms since the picture was */
  add(now, latency) {
    this.at.push(now);
    this.latency.push(latency);
    if (this.at.length > this.most) { this.at.shift(); this.latency.shift(); }
  }

  get framesPerSecond() {
    const { at } = this, span = at[at.length - 1] - at[0];
    return at.length > 1 && span > 0 ? (1000 * (at.length - 1)) / span : 0;
  }

  /** @param {number} share of the frames @returns {number} ms that so many are within */
  latencyWithin(share) {
    const sorted = [...this.latency].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : NaN;
  }
}
