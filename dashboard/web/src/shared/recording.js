// A recording and its tokens, frame by frame: the pack of dashboard's packs.py.

import { nearestIndex } from "./maths.js";

/**
 * Curves on one scale that are shown over time: head pose, gaze, eyelids, jaw, tracking.
 * @typedef {{ label: string, names: string[], first: number, low: number, high: number, unit: string,
 *   spans: [from: number, until: number][], marked: string, rows?: boolean }} Lane `first`: its first row of the
 *   curves; `rows`: each has a row of its own, as of action units
 */
const UNKNOWN = 255, STEPS = 254;

export class Recording {
  /** @param {import("./pack.js").Pack} pack @param {Float32Array} codebook psi of every codeword */
  constructor(pack, codebook) {
    this.pack = pack;
    this.codebook = codebook;
    this.rows = pack.shapes.tokens[0];
    this.stages = pack.shapes.tokens[1];
    this.coefficients = pack.shapes.psi[1];
    /** @type {Float32Array} s, of every row */ this.time = pack.time;
    /** @type {Float32Array} of the levels */ this.intensities = pack.intensities;
    /** @type {Lane[]} */ this.lanes = pack.lanes ?? [];
  }

  get last() { return this.time[this.rows - 1]; }

  get strongest() { return this.intensities.at(-1) || 1; }

  /** psi of a row. @param {number} row */
  psi(row) {
    const { psi, scale } = this.pack, at = row * this.coefficients;
    return Float32Array.from({ length: this.coefficients }, (_, e) => psi[at + e] * scale[e]);
  }

  /** Sum of the codewords of the first stages. @param {number} row @param {number} stages */
  rebuilt(row, stages) {
    const size = this.coefficients, out = new Float32Array(size);
    for (let s = 0; s < stages; s++) {
      const [k, g] = this.token(row, s);
      if (k) for (let e = 0; e < size; e++) out[e] += g * this.codebook[k * size + e];
    }
    return out;
  }

  /** Codeword (0: at rest) and intensity. @param {number} row @param {number} stage @returns {[number, number]} */
  token(row, stage) {
    const at = row * this.stages + stage;
    return [this.pack.tokens[at], this.intensities[this.pack.levels[at]]];
  }

  /** Error with the first stages, mm. @param {number} row @param {number} stages */
  error(row, stages) { return this.pack.error[row * this.stages + stages - 1]; }

  /** 0 at the low end of the lane to 1; NaN where unknown. @param {Lane} lane @param {number} curve @param {number} row */
  share(lane, curve, row) {
    const step = this.pack.channels[(lane.first + curve) * this.rows + row];
    return step === UNKNOWN ? NaN : step / STEPS;
  }

  /** What a lane shows at a row, in words. @param {Lane} lane @param {number} row */
  laneText(lane, row) {
    const { low, high, unit, marked } = lane, time = this.time[row];
    if (lane.rows) return this.strongestText(lane, row);
    const values = lane.names.map((name, curve) => {
      const value = low + this.share(lane, curve, row) * (high - low);
      return Number.isNaN(value) ? `${name} unknown` : `${name} ${value.toFixed(unit ? 1 : 2)}${unit}`;
    });
    const inside = lane.spans.some(([from, until]) => time >= from && time <= until);
    return `${lane.label.toLowerCase()}: ${values.join(", ")}${inside ? ` · ${marked}` : ""}`;
  }

  /** The four strongest rows of a lane, such as action units. @param {Lane} lane @param {number} row */
  strongestText(lane, row) {
    const { names, low, high, label } = lane;
    const found = names.map((name, curve) => ({ name, share: this.share(lane, curve, row) }))
      .filter(({ share }) => share > 0.02).sort((a, b) => b.share - a.share).slice(0, 4);
    return `${label}: ${found.map(({ name, share }) => `${name} ${(low + share * (high - low)).toFixed(1)}`).join(", ")
      || "none"}`;
  }

  /** @param {number} time */
  rowAt(time) { return nearestIndex(this.time, time); }

  /** The end of the scale of errors: above nearly all of them. */
  highError() {
    const step = Math.max(1, Math.floor(this.rows / 2000)), sample = [];
    for (let row = 0; row < this.rows; row += step) sample.push(this.error(row, this.stages));
    sample.sort((a, b) => a - b);
    return Math.max(0.2, 1.4 * (sample[Math.floor(sample.length * 0.98)] || 0));
  }

  /** The strongest token of a stage within rows, of some codewords or of all; null for none.
   * @param {number} stage @param {number} from @param {number} until @param {Set<number>} chosen */
  strongestToken(stage, from, until, chosen) {
    /** @type {[number, number] | null} */ let found = null;
    for (let row = from; row < until; row++) {
      const token = this.token(row, stage);
      if (token[0] && token[1] > (found?.[1] ?? 0) && (!chosen.size || chosen.has(token[0]))) found = token;
    }
    return found;
  }
}
