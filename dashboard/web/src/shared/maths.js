/** @param {number} v @param {number} low @param {number} high */
export const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

/** Whether two values are one where the link rounds them. @param {number} a @param {number} b */
export const near = (a, b) => Math.abs(a - b) < 5e-4;

/**
 * Index of the value nearest to `wanted` in a sorted array; the later of two that are as near.
 * @param {ArrayLike<number>} sorted @param {number} wanted
 */
export function nearestIndex(sorted, wanted) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low && wanted - sorted[low - 1] < sorted[low] - wanted ? low - 1 : low;
}

/**
 * Whether a place is inside a closed loop, by the parity of the edges to its right.
 * @param {[number, number]} place @param {[number, number][]} loop
 */
export function isInside([x, y], loop) {
  let odd = false;
  for (let a = 0, b = loop.length - 1; a < loop.length; b = a++) {
    const [ax, ay] = loop[a], [bx, by] = loop[b];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
