// How a map of points is looked at: zoom, shift and, in space, turn.

import { clamp } from "./maths.js";

/** @typedef {{ width: number, height: number }} Size of the picture, CSS pixels */

/** Zoom, shift (x, y) and turn (about y, about x, radians) at first. */
export const HOME = [0.9, 0, 0, 0.5, 0.35];

const DEPTH = 0.35; // how much nearer the near side is

export class MapView {
  /** @param {ArrayLike<number>} points coordinates, one point after another @param {number} dimensions 2 or 3 */
  constructor(points, dimensions) {
    this.dimensions = dimensions;
    this.deep = dimensions === 3;
    this.span = 1e-6;
    this.centre = Array.from({ length: dimensions }, (_, d) => {
      let low = Infinity, high = -Infinity;
      for (let i = d; i < points.length; i += dimensions) {
        low = Math.min(low, points[i]);
        high = Math.max(high, points[i]);
      }
      this.span = Math.max(this.span, high - low);
      return (low + high) / 2;
    });
    this.scale = HOME[0];
    this.shift = HOME.slice(1, 3);
    this.turn = HOME.slice(3);
  }

  fit() { this.look(HOME, { width: 1, height: 1 }); }

  /** As the link has it: the shift in parts of the smaller side. @param {Size} size */
  values({ width, height }) {
    const side = Math.min(width, height) || 1;
    return [this.scale, this.shift[0] / side, this.shift[1] / side, ...this.turn];
  }

  /** Look as the link says; false where it says nothing that can be. @param {number[]} values @param {Size} size */
  look([scale, x, y, a, b], { width, height }) {
    if (![scale, x, y, a, b].every(Number.isFinite) || scale <= 0) return false;
    const side = Math.min(width, height) || 1;
    this.scale = scale;
    this.shift = [x * side, y * side];
    this.turn = [a, b];
    return true;
  }

  /** Turn in space, shift in a plane. @param {number} dx @param {number} dy CSS pixels */
  drag(dx, dy) {
    if (this.deep) this.turn = [this.turn[0] + dx * 0.008, clamp(this.turn[1] + dy * 0.008, -1.5, 1.5)];
    else this.shift = [this.shift[0] + dx, this.shift[1] + dy];
  }

  /** Zoom with one place of the picture kept. @param {number} by @param {[number, number]} place @param {Size} size */
  zoom(by, [x, y], { width, height }) {
    const [dx, dy] = [x - width / 2, y - height / 2];
    this.shift = [dx - by * (dx - this.shift[0]), dy - by * (dy - this.shift[1])];
    this.scale *= by;
  }

  /** CSS pixels a unit of the map. @param {Size} size */
  unit({ width, height }) { return Math.min(width, height) * this.scale / this.span; }

  /** Where points stand in the picture (x, y, CSS pixels) and how near they are (1 in a plane).
   * @param {ArrayLike<number>} p coordinates @param {Size} size */
  project(p, size) {
    const { dimensions: n, deep, centre, span, shift, turn } = this, unit = this.unit(size);
    const out = new Float32Array(p.length / n * 3);
    const [ca, sa, cb, sb] = [Math.cos(turn[0]), Math.sin(turn[0]), Math.cos(turn[1]), Math.sin(turn[1])];
    const aspect = deep ? 1 : clamp(size.width / size.height, 1, 1.7);
    for (let i = 0, at = 0; at < out.length; i += n, at += 3) {
      let x = p[i] - centre[0], y = p[i + 1] - centre[1], near = 1;
      if (deep) {
        const z = p[i + 2] - centre[2], back = ca * z - sa * x;
        x = ca * x + sa * z;
        near = 1 / (1 - DEPTH * (cb * back + sb * y) / span);
        y = cb * y - sb * back;
      }
      out[at] = size.width / 2 + shift[0] + x * unit * near * aspect;
      out[at + 1] = size.height / 2 + shift[1] - y * unit * near;
      out[at + 2] = near;
    }
    return out;
  }
}
