// The stretch of time that a timeline shows.

import { clamp } from "./maths.js";

const SHORTEST = 0.5; // s

export class Stretch {
  /** @param {number} first @param {number} last of the whole recording, s */
  constructor(first, last) {
    this.first = this.from = first;
    this.last = this.until = Math.max(last, first + 1e-3);
  }

  get length() { return this.until - this.from; }

  /** Whether a link's stretch may be shown. @param {number} from @param {number} until */
  allows(from, until) { return until - from > 0.4 && from >= this.first - 0.01 && until <= this.last + 0.01; }

  /** @param {number} time */
  has(time) { return time >= this.from && time <= this.until; }

  /** @param {number} from @param {number} length */
  move(from, length) {
    this.from = Math.max(this.first, Math.min(this.last - length, from));
    this.until = this.from + length;
  }

  /** Show a time that is outside; true where it had to move. @param {number} time */
  follow(time) {
    if (this.has(time)) return false;
    this.move(time - this.length / 4, this.length);
    return true;
  }

  /** Longer or shorter by a factor, with a time kept in its place. @param {number} factor @param {number} time */
  zoom(factor, time) {
    const share = (time - this.from) / this.length;
    const length = Math.max(SHORTEST, Math.min(this.last - this.first, this.length * factor));
    this.move(time - share * length, length);
  }

  /** The time at a share of it. @param {number} share */
  at(share) { return this.from + clamp(share, 0, 1) * this.length; }
}
