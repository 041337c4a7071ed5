// Tokens of a stream, frame by frame: `dfe_core/live/encoder.py` in the browser.

import { proposal } from "./network.js";
import { inOrder, Search } from "./search.js";

/**
 * A tokenizer as `dfe_core/live/pack.py` writes it.
 * @typedef {import("./search.js").Tables & { names: string[], encoder: string, places: number, sweeps: number,
 *   weight: number, link_s: number, order_frames: number, products: Float32Array, psi: Float32Array, sizes: Float32Array,
 *   shapes: Record<string, number[]> } & Record<string, any>} TokenizerPack
 */
/** @typedef {{ tokens: Int32Array, steps: Int32Array, psi: Float32Array }} LiveFrame `psi`: what they were chosen for */

const SMOOTHING_SWEEPS = 2;

export class LiveTokenizer {
  /** @param {TokenizerPack} pack */
  constructor(pack) {
    this.pack = pack;
    this.search = new Search(pack, pack.places);
    this.size = pack.names.length;
    this.rest = new Float32Array(this.size);
    this.wanted = new Float32Array(pack.norms.length);
    this.total = new Float64Array(pack.norms.length);
    this.propose = proposal(pack);
    /** @type {Int32Array | null} */ this.before = null;
    this.last = -Infinity;
    /** @type {[word: number, energy: number][][]} */ this.energy = [];
  }

  /** A frame without a face: the next one has no neighbour. */
  lose() {
    this.before = null;
    this.last = -Infinity;
    this.energy = [];
  }

  /** Tokens of one frame. @param {ArrayLike<number>} values one a coefficient of the pack's names @param {number} time s
   * @returns {LiveFrame} */
  encode(values, time) {
    const { pack, search } = this, gap = time - this.last;
    if (!(gap >= 0 && gap <= pack.link_s)) this.lose();
    const psi = new Float32Array(this.size);
    for (let s = 0; s < this.size; s++) psi[s] = Math.fround(values[s]) - this.rest[s];
    this.multiply(psi);
    const chosen = search.alone(this.propose(psi) ?? this.wanted, this.wanted, pack.sweeps);
    if (this.before && pack.weight) search.smooth(chosen, this.wanted, this.before, pack.weight, SMOOTHING_SWEEPS);
    const { tokens, steps } = this.inSteadyOrder(chosen);
    this.before = tokens;
    this.last = time;
    return { tokens, steps, psi };
  }

  /** Products of the codewords with ψ, summed in float64 and rounded once. @param {Float32Array} psi */
  multiply(psi) {
    const { products } = this.pack, { total } = this, size = total.length;
    total.fill(0);
    for (let s = 0; s < psi.length; s++) {
      const value = psi[s], from = s * size;
      if (value) for (let k = 0; k < size; k++) total[k] += value * products[from + k];
    }
    this.wanted.set(total);
  }

  /** Strongest first by the energy over the last frames, this one with them. @param {import("./search.js").Chosen} chosen */
  inSteadyOrder({ tokens, steps }) {
    const { step, norms, order_frames: most } = this.pack;
    /** @type {[number, number][]} */ const now = [];
    tokens.forEach((word, i) => { if (word) now.push([word, (steps[i] * step) ** 2 * norms[word]]); });
    this.energy.push(now);
    if (this.energy.length > most) this.energy.shift();
    this.total.fill(0);
    for (const frame of this.energy) for (const [word, energy] of frame) this.total[word] += energy;
    return inOrder({ tokens, steps }, Array.from(tokens, (word) => (word ? this.total[word] : -1)));
  }

  /** ψ of the face that tokens stand for. @param {{ tokens: Int32Array, steps: Int32Array }} frame */
  decode({ tokens, steps }) {
    const { psi, shapes, step } = this.pack, size = shapes.psi[1], out = new Float32Array(size);
    tokens.forEach((word, i) => {
      if (word) for (let e = 0; e < size; e++) out[e] += steps[i] * step * psi[word * size + e];
    });
    return out;
  }
}
