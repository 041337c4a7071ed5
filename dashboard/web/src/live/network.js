// The networks of `dfe_core/tokenizer/encoder.py`: what they make of a latent, for codebooks that have one. They only
// propose the first tokens, so that sums in float64 here and in float32 there give the same tokens but in rare ties.

/** @typedef {import("./tokenizer.js").TokenizerPack} TokenizerPack */
/** @typedef {Float64Array<ArrayBuffer>} Values */
/** @typedef {(values: Values) => Values} Layer */

/** From ψ to the products (K) of the codewords with the latent; null where there is no network.
 * @param {TokenizerPack} pack @returns {(psi: Float32Array) => Float32Array | null} */
export function proposal(pack) {
  if (pack.encoder === "linear") return () => null;
  const correct = pack.encoder === "mlp" ? perceptron(pack) : transformer(pack), latentSize = pack.shapes.codewords[1];
  return (psi) => {
    const plain = new Float64Array(latentSize);
    psi.forEach((value, s) => { for (let d = 0; d < latentSize; d++) plain[d] += value * pack.into_latent[s * latentSize + d]; });
    const corrected = correct(plain), out = new Float32Array(pack.norms.length);
    for (let k = 0; k < out.length; k++) {
      let sum = 0;
      for (let d = 0; d < latentSize; d++) sum += (plain[d] + corrected[d]) * pack.codewords[k * latentSize + d];
      out[k] = sum;
    }
    return out;
  };
}

/** @param {Float32Array} weight (out, in) @param {Float32Array} bias (out) @returns {Layer} */
const linear = (weight, bias) => (values) => Float64Array.from(bias, (start, row) => {
  let sum = start;
  for (let i = 0, at = row * values.length; i < values.length; i++) sum += weight[at + i] * values[i];
  return sum;
});

/** @param {TokenizerPack} pack @param {string} name @returns {Layer} */
const layerOf = (pack, name) => linear(pack[`${name}.weight`], pack[`${name}.bias`]);

/** The error function, to 1e-15 near 0 and 1e-12 elsewhere: its series, and beyond 3 its continued fraction. @param {number} x */
export function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 40; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
}

/** @type {Layer} */
const gelu = (values) => values.map((v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)));

/** @param {TokenizerPack} pack @returns {Layer} */
function perceptron(pack) {
  const [first, second, last] = ["0", "2", "4"].map((name) => layerOf(pack, name));
  return (latent) => last(gelu(second(gelu(first(latent)))));
}

/** @param {Float32Array} weight @param {Float32Array} bias @returns {Layer} */
const normalised = (weight, bias) => (values) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length, scale = 1 / Math.sqrt(variance + 1e-5);
  return values.map((v, i) => (v - mean) * scale * weight[i] + bias[i]);
};

/** @param {Values} a @param {Values} b */
const plus = (a, b) => Float64Array.from(a, (v, i) => v + b[i]);

/** A latent cut to a sequence of chunks, pre-norm blocks over them, and back. @param {TokenizerPack} pack @returns {Layer} */
function transformer(pack) {
  const { chunk, heads, layers } = pack, [positions, width] = pack.shapes.place;
  const enter = layerOf(pack, "enter"), leave = layerOf(pack, "leave");
  const blocks = Array.from({ length: layers }, (_, i) => block(pack, `blocks.layers.${i}`, heads, width));
  return (latent) => {
    let sequence = Array.from({ length: positions }, (_, p) => {
      const part = new Float64Array(chunk);
      part.set(latent.subarray(p * chunk, (p + 1) * chunk));
      return enter(part).map((v, i) => v + pack.place[p * width + i]);
    });
    for (const apply of blocks) sequence = apply(sequence);
    const out = new Float64Array(positions * chunk);
    sequence.forEach((one, p) => out.set(leave(one), p * chunk));
    return out.subarray(0, latent.length);
  };
}

/** @param {TokenizerPack} pack @param {string} name @param {number} heads @param {number} width
 * @returns {(sequence: Values[]) => Values[]} */
function block(pack, name, heads, width) {
  const first = normalised(pack[`${name}.norm1.weight`], pack[`${name}.norm1.bias`]);
  const second = normalised(pack[`${name}.norm2.weight`], pack[`${name}.norm2.bias`]);
  const project = linear(pack[`${name}.self_attn.in_proj_weight`], pack[`${name}.self_attn.in_proj_bias`]);
  const join = layerOf(pack, `${name}.self_attn.out_proj`);
  const [up, down] = [layerOf(pack, `${name}.linear1`), layerOf(pack, `${name}.linear2`)];
  return (sequence) => {
    const attended = attention(sequence.map((one) => project(first(one))), heads, width).map(join);
    return sequence.map((one, p) => plus(one, attended[p])).map((one) => plus(one, down(gelu(up(second(one))))));
  };
}

/** @param {Values[]} projected query, key and value of every position, one after the other
 * @param {number} heads @param {number} width */
function attention(projected, heads, width) {
  const each = width / heads, out = projected.map(() => new Float64Array(width));
  for (let h = 0; h < heads; h++) {
    projected.forEach((query, p) => {
      const scores = projected.map((key) => {
        let sum = 0;
        for (let i = h * each; i < (h + 1) * each; i++) sum += query[i] * key[width + i];
        return sum / Math.sqrt(each);
      });
      const top = Math.max(...scores), weights = scores.map((s) => Math.exp(s - top)), sum = weights.reduce((a, b) => a + b, 0);
      projected.forEach((value, q) => {
        for (let i = h * each; i < (h + 1) * each; i++) out[p][i] += (weights[q] / sum) * value[2 * width + i];
      });
    });
  }
  return out;
}
