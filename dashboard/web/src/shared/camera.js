// An orbit camera around the focus of a face.

import { clamp, near } from "./maths.js";

const FIELD = 0.36; // of view, vertical, radians
const MARGIN = 1.2; // beside the head

/** Where to look, half the height to show, m, and half the head's width and depth in shares of that.
 * `middle`: of its depth, m. @typedef {{ focus: number[], reach: number, wide: number, deep?: number, middle?: number }} Look */

export class Camera {
  /** @param {number} yaw @param {number} pitch radians @param {number} zoom */
  constructor(yaw = 0.3, pitch = 0.03, zoom = 1) {
    this.yaw = yaw;
    this.pitch = pitch;
    this.zoom = zoom;
    this.home = this.values;
  }

  /** Yaw, pitch and zoom, as the link has them. @returns {[number, number, number]} */
  get values() { return [this.yaw, this.pitch, this.zoom]; }

  get moved() { return this.values.some((v, i) => !near(v, this.home[i])); }

  /** Look straight at a face that is drawn as a picture, until someone turns it. @param {{ uv: Float32Array | null }} face */
  before({ uv }) {
    if (!uv || this.moved) return;
    this.yaw = this.pitch = 0;
    this.home = this.values;
  }

  reset() { [this.yaw, this.pitch, this.zoom] = this.home; }

  /** @param {number} dx @param {number} dy radians */
  turn(dx, dy) {
    this.yaw = clamp(this.yaw + dx, -3.1, 3.1);
    this.pitch = clamp(this.pitch + dy, -1.2, 1.2);
  }

  /** @param {number} factor */
  magnify(factor) { this.zoom = clamp(this.zoom * factor, 0.4, 6); }

  /** Look as a link says, within the camera's limits. @param {number[]} values yaw, pitch and zoom */
  look([yaw, pitch, zoom]) {
    if (![yaw, pitch, zoom].every(Number.isFinite)) return;
    this.turn(yaw - this.yaw, pitch - this.pitch);
    this.magnify(zoom / this.zoom);
  }

  /** View and projection, column-major.
   * @param {Look} look @param {number} aspect */
  matrices({ focus, reach, wide, deep = wide, middle = focus[2] }, aspect) {
    const fit = Math.max(1, (MARGIN * Math.hypot(wide * Math.cos(this.yaw), deep * Math.sin(this.yaw))) / aspect);
    const distance = (reach * fit) / Math.tan(FIELD / 2) / this.zoom;
    const a = Math.cos(this.yaw), b = Math.sin(this.yaw), c = Math.cos(this.pitch), d = Math.sin(this.pitch);
    const right = [a, 0, -b], up = [-b * d, c, -a * d], back = [b * c, d, a * c]; // back: towards the eye
    const shift = (/** @type {number[]} */ v) => -(v[0] * focus[0] + v[1] * focus[1] + v[2] * focus[2]);
    const rotation = [0, 1, 2].flatMap((i) => [right[i], up[i], back[i], 0]);
    const aside = b * (middle - focus[2]); // the head in the middle, not the face
    const view = new Float32Array([...rotation, shift(right) + aside, shift(up), shift(back) - distance, 1]);
    const s = 1 / Math.tan(FIELD / 2), first = distance * 0.05, last = distance * 4;
    const projection = new Float32Array([s / aspect, 0, 0, 0, 0, s, 0, 0, 0, 0, (last + first) / (first - last), -1,
      0, 0, (2 * last * first) / (first - last), 0]);
    return { view, projection };
  }
}

/**
 * Where points of space stand in a box of a canvas.
 * @param {{ view: Float32Array, projection: Float32Array }} matrices @param {import("./stage.js").Box} box
 * @returns {(xyz: ArrayLike<number>) => [number, number]}
 */
export const projector = ({ view: m, projection: q }, [left, top, width, height]) => (p) => {
  const [x, y, z] = [0, 1, 2].map((r) => m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r]);
  return [left + (0.5 + (0.5 * q[0] * x) / -z) * width, top + (0.5 - (0.5 * q[5] * y) / -z) * height];
};
