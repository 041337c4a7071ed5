// The resting face from a few seconds of frames: `dfe_core/live/rest.py` in the browser.

export const LEAST_FRAMES = 10;
const ROUNDS = 8;

/** @param {ArrayLike<number>} values */
export function median(values) {
  const sorted = Float64Array.from(values).sort(), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of every coefficient. @param {Float64Array[]} frames */
const medians = (frames) => Float64Array.from(frames[0], (_, s) => median(frames.map((frame) => frame[s])));

/** The coefficients that frames return to; null for too few frames.
 * @param {ArrayLike<number>[]} frames @param {Float32Array} sizes how far each coefficient moves the face */
export function restOf(frames, sizes) {
  if (frames.length < LEAST_FRAMES) return null;
  const values = frames.map((frame) => Float64Array.from(sizes, (size, s) => Math.fround(frame[s]) * size));
  let centre = medians(values);
  for (let round = 0; round < ROUNDS; round++) {
    const distance = values.map((one) => one.reduce((sum, v, s) => sum + (v - centre[s]) ** 2, 0)), near = median(distance);
    centre = medians(values.filter((_, i) => distance[i] <= near));
  }
  return Float32Array.from(centre, (v, s) => v / sizes[s]);
}
