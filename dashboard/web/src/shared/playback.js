import { iconButton, setIcon } from "./dom.js";

/** A button that plays and pauses: calls `step` with the time played, ms, in every frame until it is stopped. */
export class Playback {
  /** @param {string} label @param {{ began?: () => void, step: (ms: number) => void, stopped?: () => void }} what */
  constructor(label, { began, step, stopped }) {
    this.label = label;
    this.began = began;
    this.step = step;
    this.stopped = stopped;
    this.frame = 0;
    this.button = iconButton("play", label, () => this.toggle());
  }

  get playing() { return this.frame !== 0; }

  toggle() { if (this.playing) this.stop(); else this.start(); }

  start() {
    if (this.playing) return;
    setIcon(this.button, "pause", "Pause");
    this.began?.();
    const begun = performance.now(), next = (/** @type {number} */ now) => {
      if (!this.playing) return;
      this.step(now - begun);
      if (this.playing) this.frame = requestAnimationFrame(next);
    };
    this.frame = requestAnimationFrame(next);
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    setIcon(this.button, "play", this.label);
    this.stopped?.();
  }
}
