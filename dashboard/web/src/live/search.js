// The search for the tokens of one frame: `dfe_core/tokenizer/kernel.py` step by step, in float32 as there, so that the
// same products give the same tokens. Math.fround stands after every operation that is float32 in Python.

const f32 = Math.fround;

/**
 * What a search needs of a codebook: `dfe_core/live/pack.py`.
 * @typedef {object} Tables
 * @property {Float32Array} gram (K, K) @property {Float32Array} norms (K) @property {Int32Array} stride (K)
 * @property {Int32Array} top (K) @property {Int32Array} partner (K) @property {Float32Array} cost (K, L + 1)
 * @property {Float32Array} refund (K) @property {number} step base step of the intensities
 */
/** @typedef {{ tokens: Int32Array, steps: Int32Array }} Chosen one entry a place; token 0 is none */

/** The search of one codebook, with the room that it works in. */
export class Search {
  /** @param {Tables} tables @param {number} places most tokens of a frame */
  constructor(tables, places) {
    this.tables = tables;
    this.size = tables.norms.length;
    this.places = places;
    this.step = f32(tables.step);
    this.width = tables.cost.length / this.size;
    this.products = new Float32Array(this.size);
    this.bonus = new Float32Array(this.size);
    this.free = new Uint8Array(this.size);
    this.level = 0; // of the codeword that was looked at last
  }

  /**
   * Tokens of a frame that stands alone, strongest first.
   * @param {Float32Array} proposed products (K) of the codewords with the latent @param {Float32Array} wanted with the target
   * @param {number} sweeps
   */
  alone(proposed, wanted, sweeps) {
    const chosen = { tokens: new Int32Array(this.places), steps: new Int32Array(this.places) };
    this.release();
    this.bonus.fill(0);
    this.products.set(proposed);
    this.sweep(chosen);
    if (sweeps) for (let k = 0; k < this.size; k++) this.products[k] += f32(wanted[k] - proposed[k]);
    for (let s = 0; s < sweeps; s++) this.sweep(chosen);
    return this.strongestFirst(chosen);
  }

  /**
   * Every token chosen again given those of the frame before, in place.
   * @param {Chosen} chosen @param {Float32Array} wanted @param {Int32Array} before tokens of that frame
   * @param {number} weight squared error that a token costs which is not shared @param {number} sweeps
   */
  smooth(chosen, wanted, before, weight, sweeps) {
    const { products, bonus } = this, pull = f32(weight);
    bonus.fill(f32(-0.5 * pull));
    for (const word of before) if (word) bonus[word] += pull;
    products.set(wanted);
    this.release();
    for (let place = 0; place < this.places; place++) {
      const word = chosen.tokens[place];
      if (!word) continue;
      this.add(f32(-chosen.steps[place] * this.step), word);
      this.mark(word, false);
    }
    for (let s = 0; s < sweeps; s++) this.sweep(chosen);
  }

  /** Choose every token again with the others known; from none it is the greedy search. @param {Chosen} chosen */
  sweep({ tokens, steps }) {
    let full = false;
    for (let place = 0; place < this.places; place++) {
      const old = tokens[place];
      if (!old && full) continue;
      if (old) {
        this.mark(old, true);
        this.add(f32(steps[place] * this.step), old);
      }
      const word = this.choose();
      full = word === 0;
      tokens[place] = word;
      steps[place] = word ? this.level : 0;
      if (word) {
        this.mark(word, false);
        this.add(f32(-this.level * this.step), word);
      }
    }
  }

  /** The codeword of the largest gain, 0 where nothing gains; its base steps are `level`. */
  choose() {
    const { products, bonus, free, size, tables: { norms, refund } } = this;
    let best = 0, word = 0, level = 0;
    for (let k = 1; k < size; k++) {
      const product = Math.max(products[k], 0);
      if (!free[k] || f32(f32(f32(f32(product * product) / norms[k]) + bonus[k]) + refund[k]) <= best) continue;
      const value = f32(this.gain(k) + bonus[k]);
      if (value > best) { best = value; word = k; level = this.level; }
    }
    this.level = level;
    return word;
  }

  /** What a codeword gains at its best intensity, whose base steps are `level`. @param {number} k */
  gain(k) {
    const { norms, stride, top, cost } = this.tables, product = this.products[k], norm = norms[k];
    const width = f32(stride[k] * this.step), nearest = Math.floor(f32(product / f32(norm * width)));
    let best = -Infinity;
    this.level = 0;
    for (let offset = -1; offset <= 1; offset++) {
      const multiple = Math.min(Math.max(f32(nearest + offset), 1), top[k]), strength = f32(multiple * width);
      const at = multiple * stride[k];
      const won = f32(strength * f32(f32(2 * product) - f32(strength * norm)));
      const value = f32(won - cost[k * this.width + at]);
      if (value > best) { best = value; this.level = at; }
    }
    return best;
  }

  /** Add a multiple of a codeword's row of the Gram matrix to the products. @param {number} strength @param {number} word */
  add(strength, word) {
    const { products, size, tables: { gram } } = this, from = word * size;
    for (let k = 0; k < size; k++) products[k] += f32(strength * gram[from + k]);
  }

  release() {
    const { free, size, tables: { stride } } = this;
    for (let k = 0; k < size; k++) free[k] = stride[k] > 0 ? 1 : 0;
  }

  /** Whether a codeword, and the one of the opposite movement, may be chosen. @param {number} word @param {boolean} value */
  mark(word, value) {
    const { stride, partner } = this.tables, other = partner[word];
    this.free[word] = value && stride[word] > 0 ? 1 : 0;
    if (other >= 0) this.free[other] = value && stride[other] > 0 ? 1 : 0;
  }

  /** Tokens in order of the energy that they carry, those without one last. @param {Chosen} chosen @returns {Chosen} */
  strongestFirst({ tokens, steps }) {
    const { norms } = this.tables, count = f32(this.size), tiny = f32(1e-6);
    const energy = Float32Array.from(tokens, (word, i) => {
      const strength = f32(steps[i] * this.step), carried = word ? f32(f32(strength * strength) * norms[word]) : 0;
      return carried - f32(f32(word * tiny) / count);
    });
    return inOrder({ tokens, steps }, energy);
  }
}

/** Entries by a falling key, those that are equal as they were. @param {Chosen} chosen @param {ArrayLike<number>} key @returns {Chosen} */
export function inOrder({ tokens, steps }, key) {
  const order = Array.from(tokens, (_, i) => i).sort((a, b) => key[b] - key[a] || a - b);
  return { tokens: Int32Array.from(order, (i) => tokens[i]), steps: Int32Array.from(order, (i) => steps[i]) };
}
