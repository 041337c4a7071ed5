// The picture of a recording's tokens over time: the error above, a strip of colours a stage, marks between, the sound of
// its video, a lane for each of action units, head, gaze, eyelids, jaw and tracking that it has, seconds below.

import { context2d, fitCanvas } from "./dom.js";
import { clamp } from "./maths.js";

/** @typedef {ReturnType<typeof import("./dom.js").theme>} Theme */
/**
 * What is drawn on, in CSS pixels.
 * @typedef {{ context: CanvasRenderingContext2D, width: number, height: number, ratio: number, stages: number,
 *   colours: Theme }} Sheet
 */

export const GUTTER = 64, CURVE = 54, GAP = 10, LANE = 30, SOUND = 44, UNIT = 11; // CSS pixels
const FOOT = 18, APART = 4;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]; // s between ticks

/** Seconds between ticks: no more than about nine of them. @param {number} length s */
export const tickStep = (length) => STEPS.find((step) => length / step <= 9) ?? 7200;

/** @param {number} t @param {number} step @param {number} length s */
export function tickText(t, step, length) {
  if (step < 1) return `${t.toFixed(1)} s`;
  if (t < 120 && length < 120) return `${Math.round(t)} s`;
  return `${Math.floor(t / 60)}:${String(Math.round(t % 60)).padStart(2, "0")}`;
}

/**
 * A span of time with a label; `out`: its frames are excluded.
 * @typedef {{ from: number, until: number, text: string, out?: boolean }} Band
 */

const BAND = 13, HATCH = 6; // CSS pixels

export class Strips {
  /** @param {import("./recording.js").Recording} track @param {import("./stretch.js").Stretch} stretch
   * @param {(codeword: number) => string} colourOf */
  constructor(track, stretch, colourOf) {
    this.track = track;
    this.stretch = stretch;
    this.colourOf = colourOf;
    this.worst = track.highError();
    this.drawn = "";
    this.background = document.createElement("canvas");
    /** @type {Set<number>} */ this.chosen = new Set();
    /** @type {number[]} */ this.marked = [];
    /** @type {Band[]} */ this.bands = [];
    this.choice = "";
    /** @type {import("./film.js").Film | null} whose sound is drawn */ this.film = null;
  }

  /** How high a lane is. @param {import("./recording.js").Lane} lane */
  static high(lane) { return lane.rows ? lane.names.length * UNIT + APART + 4 : LANE; }

  get sound() { return this.film?.hasSound ? SOUND : 0; }

  /** How high sound and lanes are together. */
  get below() { return this.track.lanes.reduce((sum, lane) => sum + Strips.high(lane), this.sound); }

  /** The lane at so many pixels below the strips; null where there is none, or the sound is. @param {number} y */
  laneAt(y) {
    let top = this.sound;
    if (y < top) return null;
    return this.track.lanes.find((lane) => y < (top += Strips.high(lane))) ?? null;
  }

  /** Show some codewords only (none: all), mark rows, and show events.
   * @param {Set<number>} chosen @param {number[]} marks @param {Band[]} bands */
  choose(chosen, marks, bands = []) {
    this.chosen = chosen;
    this.marked = marks;
    this.bands = bands;
    this.choice = JSON.stringify([[...chosen], marks, bands]);
  }

  /** The labels of what a time is in. @param {number} time */
  textsAt(time) {
    return this.bands.filter(({ from, until }) => time >= from && time <= Math.max(until, from + this.stretch.length / 200))
      .map(({ text, out }) => (out ? `excluded${text ? `: ${text}` : ""}` : text));
  }

  /** Strips and curve are drawn when something of them changes; on every frame only the play head moves.
   * @param {HTMLCanvasElement} canvas @param {number} stages @param {number} time @param {Theme} colours */
  draw(canvas, stages, time, colours) {
    fitCanvas(canvas);
    const { width, height } = canvas, ratio = width / Math.max(1, canvas.getBoundingClientRect().width);
    const { from, until } = this.stretch;
    const key = [width, height, ratio, stages, from, until, this.choice, this.sound, ...Object.values(colours)].join();
    const sheet = { context: context2d(canvas), width: width / ratio, height: height / ratio, ratio, stages, colours };
    if (key !== this.drawn) {
      Object.assign(this.background, { width, height });
      this.drawBackground({ ...sheet, context: context2d(this.background) });
    }
    this.drawn = key;
    sheet.context.setTransform(1, 0, 0, 1, 0, 0);
    sheet.context.clearRect(0, 0, width, height);
    sheet.context.drawImage(this.background, 0, 0);
    this.drawHead(sheet, this.x(time, sheet.width));
  }

  /** Where the strips of stages end, and how high one is. @param {number} height @returns {[end: number, strip: number]} */
  stagesIn(height) {
    const end = height - FOOT - this.below;
    return [end, (end - CURVE - GAP) / this.track.stages];
  }

  /** @param {number} time @param {number} width */
  x(time, width) { return GUTTER + ((time - this.stretch.from) / this.stretch.length) * (width - GUTTER - 2); }

  /** @param {Sheet} sheet @param {number} x */
  drawHead({ context, height, ratio, colours }, x) {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.primary;
    context.fillRect(x - 1, 0, 2, height - 16);
    context.beginPath();
    context.arc(x, 4, 4, 0, 7);
    context.fill();
  }

  /** A span that is being drawn. @param {HTMLCanvasElement} canvas @param {[number, number]} span @param {Theme} colours */
  drawSpan(canvas, [from, until], colours) {
    const { width, height } = canvas.getBoundingClientRect(), context = context2d(canvas), x = this.x(from, width);
    context.globalAlpha = 0.3;
    context.fillStyle = colours.primary;
    context.fillRect(x, 0, Math.max(1, this.x(until, width) - x), height - FOOT);
    context.globalAlpha = 1;
  }

  /** @param {Sheet} sheet */
  drawBackground(sheet) {
    const { context, ratio, colours, height } = sheet, [end, lane] = this.stagesIn(height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `12px ${colours.font}`;
    context.textBaseline = "middle";
    this.drawLanes(sheet, lane);
    this.drawTokens(sheet, lane);
    this.drawMarks(sheet);
    this.drawCurve(sheet);
    if (this.film?.hasSound) this.drawSound(sheet, this.film, end + APART);
    let top = end + this.sound + APART;
    for (const one of this.track.lanes) {
      this.drawLane(sheet, one, top);
      top += Strips.high(one);
    }
    this.drawTicks(sheet);
    for (const band of this.bands) {
      if (band.until >= this.stretch.from && band.from <= this.stretch.until) this.drawBand(sheet, band);
    }
  }

  /** @param {Sheet} sheet @param {number} lane height of a strip */
  drawLanes({ context, width, stages, colours }, lane) {
    context.fillStyle = colours.text;
    context.fillText("Error mm", 0, 10);
    for (let s = 0; s < this.track.stages; s++) {
      const y = CURVE + GAP + s * lane;
      context.globalAlpha = s < stages ? 1 : 0.45;
      context.fillStyle = colours.text;
      if (s % Math.ceil(11 / lane) === 0) context.fillText(`Stage ${s + 1}`, 0, y + lane / 2);
      context.globalAlpha = 1;
      context.fillStyle = colours.ground;
      context.fillRect(GUTTER, y, width, lane - 1);
    }
  }

  /** The rows that are shown, and how many of them share a pixel.
   * @param {Sheet} sheet @returns {[number, number, number]} */
  rows({ width, ratio }) {
    const first = this.track.rowAt(this.stretch.from), last = this.track.rowAt(this.stretch.until);
    return [first, last, Math.max(1, Math.floor((last - first) / ((width - GUTTER) * ratio)))];
  }

  /** @param {Sheet} sheet @param {number} lane */
  drawTokens(sheet, lane) {
    const { context, width, ratio, stages } = sheet, { track } = this, [first, last, step] = this.rows(sheet);
    for (let s = 0; s < track.stages; s++) {
      for (let r = first; r <= last; r += step) {
        const token = track.strongestToken(s, r, Math.min(r + step, last + 1), this.chosen);
        if (!token) continue;
        const x = this.x(track.time[r], width), next = Math.min(r + step, track.rows - 1);
        const length = Math.min(track.time[next] - track.time[r] || 0.034, 0.2 + step * 0.04); // a gap stays one
        const wide = Math.max(1 / ratio, this.x(track.time[r] + length, width) - x + 0.5 / ratio);
        context.globalAlpha = (s < stages ? 1 : 0.3) * (0.35 + 0.65 * Math.min(1, token[1] / track.strongest));
        context.fillStyle = this.colourOf(token[0]);
        context.fillRect(x, CURVE + GAP + s * lane, wide, lane - 1);
      }
    }
    context.globalAlpha = 1;
  }

  /** Frames that were selected on the map. @param {Sheet} sheet */
  drawMarks({ context, width, colours }) {
    context.fillStyle = colours.primary;
    for (const row of this.marked) {
      if (!this.stretch.has(this.track.time[row])) continue;
      const x = this.x(this.track.time[row], width);
      context.beginPath();
      context.moveTo(x, CURVE + GAP);
      context.lineTo(x - 3, CURVE + 1);
      context.lineTo(x + 3, CURVE + 1);
      context.fill();
    }
  }

  /** @param {Sheet} sheet */
  drawCurve(sheet) {
    const { context, width, colours, stages } = sheet, { track, worst } = this, [first, last, step] = this.rows(sheet);
    context.beginPath();
    context.moveTo(this.x(track.time[first], width), CURVE);
    for (let r = first; r <= last; r += step) {
      let most = 0;
      for (let i = r; i < Math.min(r + step, last + 1); i++) most = Math.max(most, track.error(i, stages));
      context.lineTo(this.x(track.time[r], width), CURVE - Math.min(1, most / worst) * (CURVE - 4));
    }
    context.lineTo(this.x(track.time[last], width), CURVE);
    context.fillStyle = colours.primary;
    context.globalAlpha = 0.28;
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    context.fillText(worst.toFixed(1), GUTTER - 26, 24);
    context.fillText("0", GUTTER - 14, CURVE - 4);
  }

  /** Events have a bar above the curve, what is excluded is hatched down to the seconds.
   * @param {Sheet} sheet @param {Band} band */
  drawBand({ context, width, height, colours }, { from, until, text, out }) {
    const left = Math.max(GUTTER, this.x(from, width)), wide = Math.max(2, this.x(until, width) - left);
    context.save();
    context.beginPath();
    context.rect(left, 0, Math.min(wide, width - left), out ? height - FOOT : BAND);
    context.clip();
    context.globalAlpha = out ? 0.16 : 0.22;
    context.fillStyle = out ? colours.text : colours.primary;
    context.fillRect(left, 0, wide, height);
    context.globalAlpha = 0.45;
    context.strokeStyle = colours.text;
    context.beginPath();
    for (let x = left - height; out && x < left + wide; x += HATCH) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    if (!out && wide > 24) context.fillText(text, left + 3, BAND / 2 + 1);
    context.restore();
  }

  /** The wave of the sound, and where a voice is likely. @param {Sheet} sheet @param {import("./film.js").Film} film
   * @param {number} top */
  drawSound({ context, width, colours, ratio }, film, top) {
    const deep = SOUND - APART - 2, middle = top + deep / 2, scale = deep / 2 - 1;
    context.fillStyle = colours.text;
    context.fillText("Sound", 0, middle);
    context.fillStyle = colours.ground;
    context.fillRect(GUTTER, top, width, deep);
    const pixels = Math.floor((width - GUTTER - 2) * ratio);
    for (let i = 0; i < pixels; i++) {
      const from = this.stretch.from + (i / pixels) * this.stretch.length;
      const until = from + this.stretch.length / pixels, { low, high, voice } = film.wave(from, until);
      const x = GUTTER + i / ratio;
      context.globalAlpha = 0.28;
      context.fillStyle = colours.primary;
      if (voice) context.fillRect(x, top, 1 / ratio, deep);
      context.globalAlpha = 0.85;
      context.fillStyle = colours.text;
      context.fillRect(x, middle - high * scale, 1 / ratio, Math.max(1 / ratio, (high - low) * scale));
    }
    context.globalAlpha = 1;
  }

  /** A row of shades a curve. @param {Sheet} sheet @param {import("./recording.js").Lane} lane @param {number} top */
  drawRows(sheet, lane, top) {
    const { context, width, colours } = sheet, { track } = this, [first, last, step] = this.rows(sheet);
    context.font = `10px ${colours.font}`;
    lane.names.forEach((name, curve) => {
      const y = top + curve * UNIT;
      context.globalAlpha = 1;
      context.fillStyle = colours.text;
      context.fillText(name, 0, y + UNIT / 2);
      context.fillStyle = colours.ground;
      context.fillRect(GUTTER, y, width, UNIT - 1);
      context.fillStyle = colours.primary;
      for (let r = first; r <= last; r += step) {
        let most = 0;
        for (let i = r; i < Math.min(r + step, last + 1); i++) most = Math.max(most, track.share(lane, curve, i) || 0);
        if (most < 0.02) continue;
        const x = Math.max(GUTTER, this.x(track.time[r], width)), next = Math.min(r + step, track.rows - 1);
        const length = Math.min(track.time[next] - track.time[r] || 0.034, 0.2 + step * 0.04);
        context.globalAlpha = 0.12 + 0.88 * most;
        context.fillRect(x, y, Math.max(0.5, this.x(track.time[r] + length, width) - x), UNIT - 1);
      }
    });
    context.globalAlpha = 1;
    context.font = `12px ${colours.font}`;
  }

  /** @param {Sheet} sheet @param {import("./recording.js").Lane} lane @param {number} top */
  drawLane(sheet, lane, top) {
    if (lane.rows) {
      this.drawRows(sheet, lane, top);
      return;
    }
    const { context, width, colours } = sheet, deep = LANE - APART;
    context.fillStyle = colours.text;
    context.fillText(lane.label, 0, top + deep / 2);
    context.fillStyle = colours.ground;
    context.fillRect(GUTTER, top, width, deep);
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, width, deep);
    context.clip();
    context.fillStyle = colours.primary;
    context.globalAlpha = 0.35;
    for (const [from, until] of lane.spans) {
      const x = this.x(from, width);
      context.fillRect(x, top, Math.max(2, this.x(until, width) - x), deep);
    }
    lane.names.forEach((_, curve) => {
      context.strokeStyle = curve === 1 ? colours.primary : colours.text;
      context.globalAlpha = curve === 2 ? 0.5 : 0.9;
      this.drawLaneCurve(sheet, lane, curve, top + deep - 2);
    });
    context.restore();
  }

  /** One curve, through the lowest and the highest value of each pixel; broken where it is unknown, and in gaps.
   * @param {Sheet} sheet @param {import("./recording.js").Lane} lane @param {number} curve @param {number} base */
  drawLaneCurve(sheet, lane, curve, base) {
    const { context, width } = sheet, { track } = this, [first, last, step] = this.rows(sheet);
    let open = false, before = 0;
    context.lineWidth = 1;
    context.beginPath();
    for (let r = first; r <= last; r += step) {
      let low = Infinity, high = -Infinity;
      for (let i = r; i < Math.min(r + step, last + 1); i++) {
        const share = track.share(lane, curve, i);
        if (share < low) low = share;
        if (share > high) high = share;
      }
      const known = low <= high, x = this.x(track.time[r], width);
      if (!known || track.time[r] - before > 0.2 + step * 0.04) open = false;
      before = track.time[r];
      if (!known) continue;
      for (const share of step > 1 ? [low, high] : [high]) {
        const y = base - share * (LANE - APART - 4);
        if (open) context.lineTo(x, y);
        else context.moveTo(x, y);
        open = true;
      }
    }
    context.stroke();
  }

  /** @param {Sheet} sheet */
  drawTicks({ context, width, height, colours }) {
    const { from, until, length } = this.stretch, step = tickStep(length);
    context.textAlign = "center";
    for (let t = Math.ceil(from / step) * step; t <= until; t += step) {
      const x = this.x(t, width);
      context.fillStyle = colours.border;
      context.fillRect(x, CURVE, 1, height - CURVE - FOOT);
      context.fillStyle = colours.text;
      context.fillText(tickText(t, step, length), clamp(x, GUTTER + 12, width - 18), height - 8);
    }
    context.textAlign = "start";
  }
}
