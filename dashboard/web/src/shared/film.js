// The video of a recording on the recording's own rows: which of its frames a row is of, and its sound.

import { clamp, nearestIndex } from "./maths.js";

/** @typedef {{ low: number, high: number, voice: boolean }} Wave shares of full scale, −1 … 1 */

/**
 * The last index of an increasing array whose value is not above one; −1 for none.
 * @param {ArrayLike<number>} values @param {number} value
 */
export function lastIndex(values, value) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class Film {
  /** @param {import("./pack.js").Pack} pack @param {Float32Array} time of the rows, s */
  constructor(pack, time) {
    /** @type {Float32Array} s on the player's clock at which each frame is shown */ this.shown = pack.shown;
    /** @type {Int32Array} of each row, −1 where the video has none */ this.frame = pack.frame;
    this.time = time;
    /** @type {Int8Array} */ this.low = pack.low;
    /** @type {Int8Array} */ this.high = pack.high;
    /** @type {number} s of a bin of the sound */ this.bin = pack.bin_s;
    /** @type {[number, number][]} s on the player's clock */ this.voice = pack.voice;
    this.offset = 0;
    /** Of the starts of voice. @type {number[]} */ this.starts = this.voice.map(([from]) => from);
    this.first = Math.max(0, this.frame.findIndex((at) => at >= 0)); // of the rows that the video has,
    this.end = this.frame.length; // and behind their last
    while (this.end > this.first + 1 && this.frame[this.end - 1] < 0) this.end--;
    const steps = Array.from(this.shown.slice(1), (t, i) => t - this.shown[i]).sort((a, b) => a - b);
    this.step = steps[Math.floor(steps.length / 2)] || 0.04;
  }

  get hasSound() { return this.low.length > 0; }

  /** The player's clock in the middle of the frame of a row, where no rounding shows its neighbour; NaN without one.
   * @param {number} row */
  clockOf(row) {
    const at = this.frame[row];
    if (at < 0) return NaN;
    const from = this.shown[at], until = this.shown[at + 1] ?? from + this.step;
    return (from + until) / 2 + this.offset;
  }

  /** The row that is on when a frame is shown. @param {number} clock as the player says it */
  rowAt(clock) {
    const at = nearestIndex(this.shown, clock - this.offset), { first, end } = this;
    return clamp(first + lastIndex(this.frame.subarray(first, end), at), first, end - 1);
  }

  /** The player's clock at a time of the recording. @param {number} time */
  clockAt(time) {
    const row = clamp(lastIndex(this.time, time), 0, this.time.length - 1), at = this.frame[row];
    return at < 0 ? NaN : this.shown[at] + time - this.time[row];
  }

  /** The sound between two times of the recording. @param {number} from @param {number} until @returns {Wave} */
  wave(from, until) {
    const start = this.clockAt(from);
    if (Number.isNaN(start)) return { low: 0, high: 0, voice: false };
    const first = Math.floor(start / this.bin), last = Math.max(first + 1, Math.ceil((start + until - from) / this.bin));
    let low = 0, high = 0;
    for (let i = Math.max(0, first); i < Math.min(last, this.low.length); i++) {
      if (this.low[i] < low) low = this.low[i];
      if (this.high[i] > high) high = this.high[i];
    }
    return { low: low / 127, high: high / 127, voice: this.hears(start) };
  }

  /** Whether a voice is likely. @param {number} clock */
  hears(clock) {
    const at = lastIndex(this.starts, clock);
    return at >= 0 && clock < this.voice[at][1];
  }
}

/** The element that shows a film: it goes to the row that was asked for last, however fast they come. */
export class Screen {
  /** @param {HTMLVideoElement} video @param {(row: number) => void} played the row that is on while it plays */
  constructor(video, played) {
    this.video = video;
    this.played = played;
    /** @type {Film | null} */ this.film = null;
    this.row = -1; // that is wanted, −1 for none
    this.source = "";
    this.reports = "requestVideoFrameCallback" in video;
    this.calibrated = false;
    for (const event of ["seeked", "loadeddata"]) video.addEventListener(event, () => this.seek());
    if (this.reports) this.listen();
    else video.addEventListener("timeupdate", () => this.shown(video.currentTime));
  }

  listen() {
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      this.listen();
      this.shown(mediaTime);
    });
  }

  /** A frame is on the screen. @param {number} clock of the player */
  shown(clock) {
    if (!this.film) return;
    if (!this.calibrated && this.reports) { // browsers may count from another zero than ffmpeg: the first frame says it
      this.film.offset = clock - this.film.shown[0];
      this.calibrated = true;
      this.seek();
    } else if (this.playing) this.played(this.film.rowAt(clock));
  }

  get playing() { return Boolean(this.film) && !this.video.paused && !this.video.ended; }

  get ready() { return Boolean(this.film) && this.video.readyState >= 2 && !this.video.error; }

  /** @param {string} source @param {Film | null} film */
  open(source, film) {
    if (this.film && film) film.offset = source === this.source ? this.film.offset : 0;
    this.film = film;
    if (source === this.source) return;
    this.source = source;
    this.calibrated = !this.reports;
    if (source) this.video.src = source;
    else this.video.removeAttribute("src");
    this.video.load();
  }

  /** Show the frame of a row, soon; false where the video has none. @param {number} row */
  show(row) {
    this.row = row;
    this.seek();
    return Boolean(this.film && this.film.frame[row] >= 0);
  }

  /** One seek at a time: while one is under way, the newest wish waits. */
  seek() {
    const { video, film, row } = this;
    if (!film || row < 0 || !this.calibrated || video.seeking || this.playing) return;
    const wanted = film.clockOf(row);
    if (Math.abs(video.currentTime - wanted) > 1e-3) video.currentTime = wanted;
  }

  play() {
    this.row = -1;
    this.video.play().catch(() => {}); // what cannot be played stays still
  }

  pause() { this.video.pause(); }

  close() {
    this.pause();
    this.open("", null);
  }
}
