// The codewords that move the face most in a recording, each with its size in mm over time.

/** @typedef {{ note?: string, colour?: string, mm?: number | null } | undefined} Named a codeword; `mm`: its size at intensity 1 */
/** @typedef {{ k: number, sizes: Float32Array }} CodewordRow sizes: mm of every row of the recording, tokens of the same summed */

export const MOST_ROWS = 12;
const ENDS = [0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/**
 * The codewords with the most movement over time, that first; of the chosen ones where there are any.
 * @param {import("./recording.js").Recording} track @param {Named[]} items @param {number} stages that are used
 * @param {Set<number>} chosen @returns {CodewordRow[]}
 */
export function strongestRows(track, items, stages, chosen) {
  /** @type {Map<number, number>} */ const totals = new Map();
  const sizeOf = (/** @type {number} */ k, /** @type {number} */ g) => g * (items[k]?.mm ?? 1);
  eachToken(track, stages, (_, k, g) => {
    if (!chosen.size || chosen.has(k)) totals.set(k, (totals.get(k) ?? 0) + sizeOf(k, g));
  });
  const kept = [...totals].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, MOST_ROWS).map(([k]) => k);
  const rows = kept.map((k) => ({ k, sizes: new Float32Array(track.rows) })), at = new Map(kept.map((k, i) => [k, i]));
  eachToken(track, stages, (row, k, g) => {
    const i = at.get(k);
    if (i !== undefined) rows[i].sizes[row] += sizeOf(k, g);
  });
  return rows;
}

/** @param {import("./recording.js").Recording} track @param {number} stages
 * @param {(row: number, k: number, g: number) => void} told of every token but rest */
function eachToken(track, stages, told) {
  for (let row = 0; row < track.rows; row++) {
    for (let s = 0; s < stages; s++) {
      const [k, g] = track.token(row, s);
      if (k) told(row, k, g);
    }
  }
}

/** The end of the scale that all rows share, mm: above nearly all sizes, and no more than that of the colours. @param {CodewordRow[]} rows */
export function endOfScale(rows) {
  const step = Math.max(1, Math.floor((rows[0]?.sizes.length ?? 0) / 2000));
  const sample = rows.flatMap(({ sizes }) => [...sizes.filter((size, i) => size > 0 && i % step === 0)]);
  sample.sort((a, b) => a - b);
  const high = sample[Math.floor(sample.length * 0.98)] ?? 1;
  return ENDS.find((end) => end >= high) ?? 10;
}
