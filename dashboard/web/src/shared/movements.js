// Small faces that move: each card shows its movement while it is looked at, all of them when asked.

const EACH = 4; // faces drawn in a frame of the screen
const PAUSE = 0.35; // s at the end of a round
const PERIOD = 1800; // ms there and back of a face that has no movement of its own

/** Whether the reader's system asks for less motion. */
export const calm = () => Boolean(window.matchMedia?.("(prefers-reduced-motion: reduce)").matches);

/** The row of a movement at a time: round after round with a pause on the last.
 * @param {number} ms @param {number} rows @param {number} fps */
export const rowAt = (ms, rows, fps) => Math.min(rows - 1, Math.floor(((ms / 1000) % (rows / fps + PAUSE)) * fps));

/** How much of an expression is shown at a time: from neutral, there and back. @param {number} ms */
export const amountAt = (ms) => 0.5 - 0.5 * Math.cos((2 * Math.PI * ms) / PERIOD);

/** One loop for all faces of a view. */
export class Movements {
  /** @param {(which: number, ms: number) => void} draw @param {(which: number) => void} rest draws it still again */
  constructor(draw, rest) {
    this.draw = draw;
    this.rest = rest;
    /** @type {Map<number, number>} when each began */ this.begun = new Map();
    this.frame = 0;
    this.turn = 0;
  }

  /** @param {number} which */
  start(which) {
    if (this.begun.has(which)) return;
    this.begun.set(which, performance.now());
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.step(now));
  }

  /** @param {number} which */
  stop(which) { if (this.begun.delete(which)) this.rest(which); }

  stopAll() { for (const which of [...this.begun.keys()]) this.stop(which); }

  /** @param {number} now */
  step(now) {
    this.frame = 0;
    const moving = [...this.begun];
    for (let i = 0; i < Math.min(EACH, moving.length); i++) {
      const [which, begun] = moving[this.turn++ % moving.length];
      this.draw(which, Math.max(0, now - begun));
    }
    if (this.begun.size) this.frame = requestAnimationFrame((later) => this.step(later));
  }

  close() {
    this.begun.clear();
    cancelAnimationFrame(this.frame);
  }
}
