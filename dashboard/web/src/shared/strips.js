// The picture of a recording's tokens over time: events and the error above, then a row for each of the strongest codewords
// with its size as height, or a strip of colours for each stage; the sound of its video, a lane for each of action units,
// head, gaze, eyelids, jaw and tracking that it has, seconds below.

import { endOfScale, strongestRows } from "./codeword_rows.js";
import { context2d, fitCanvas } from "./dom.js";
import { clamp } from "./maths.js";

/** @typedef {ReturnType<typeof import("./dom.js").theme>} Theme */
/**
 * What is drawn on, in CSS pixels.
 * @typedef {{ context: CanvasRenderingContext2D, width: number, height: number, ratio: number, stages: number,
 *   colours: Theme }} Sheet
 */

export const GUTTER = 148, CURVE = 54, GAP = 10, LANE = 30, SOUND = 44, UNIT = 16, ROW = 22, STAGES = 148; // CSS pixels
const FOOT = 18, APART = 4;
/** What the rows below the error are: of codewords, or of stages. */
export const CODEWORDS = "Codewords", STAGE = "Stages";
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]; // s between ticks

const LABELLED = 52; // CSS pixels between two labels of the axis at least

/** Seconds between ticks: no more than about nine of them. @param {number} length s */
export const tickStep = (length) => STEPS.find((step) => length / step <= 9) ?? 7200;

/** @param {number} t @param {number} step @param {number} length s */
export function tickText(t, step, length) {
  if (step < 1) return `${t.toFixed(1)} s`;
  const whole = Math.round(t);
  if (t < 120 && length < 120) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * A span of time with a label; `set`: the events it is of, which have a row; `out`: its frames are excluded.
 * @typedef {{ from: number, until: number, text: string, set?: string, colour?: string, out?: boolean }} Band
 */

const BAND = 15, HATCH = 6, EXCLUDED = "Excluded"; // CSS pixels

export class Strips {
  /** @param {import("./recording.js").Recording} track @param {import("./stretch.js").Stretch} stretch
   * @param {import("./codeword_rows.js").Named[]} items @param {number} from mm below which a codeword is faint */
  constructor(track, stretch, items, from) {
    this.track = track;
    this.stretch = stretch;
    this.items = items;
    this.faint = from;
    this.kind = CODEWORDS;
    /** @type {import("./codeword_rows.js").CodewordRow[]} */ this.rowsOfCodewords = [];
    this.end = 1;
    this.counted = "";
    this.worst = track.highError();
    this.drawn = "";
    this.background = document.createElement("canvas");
    /** @type {Set<number>} */ this.chosen = new Set();
    /** @type {number[]} */ this.marked = [];
    /** @type {Band[]} */ this.bands = [];
    /** @type {string[]} */ this.sets = [];
    this.choice = "";
    /** @type {import("./film.js").Film | null} whose sound is drawn */ this.film = null;
  }

  /** How high a lane is. @param {import("./recording.js").Lane} lane */
  static high(lane) { return lane.rows ? lane.names.length * UNIT + APART + 4 : LANE; }

  /** @param {number} codeword */
  colourOf(codeword) { return this.items[codeword]?.colour ?? "#888"; }

  /** How high the rows of events above the error are. */
  get top() { return this.sets.length ? this.sets.length * BAND + APART : 0; }

  /** How high the rows of codewords, or of stages, are together. */
  get area() { return this.kind === STAGE ? STAGES : Math.max(1, this.rowsOfCodewords.length) * ROW; }

  /** How high all of it is. */
  get high() { return this.top + CURVE + GAP + this.area + this.below + FOOT; }

  /** Take the strongest codewords of the stages that are used. @param {number} stages */
  count(stages) {
    const key = JSON.stringify([stages, [...this.chosen]]);
    if (key === this.counted) return;
    this.counted = key;
    this.rowsOfCodewords = strongestRows(this.track, this.items, stages, this.chosen);
    this.end = endOfScale(this.rowsOfCodewords);
  }

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
    const out = bands.some((band) => band.out) ? [EXCLUDED] : [];
    this.sets = [...new Set(bands.filter((band) => !band.out).map(({ set, text }) => set ?? text)), ...out];
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
    const key = [width, height, ratio, stages, from, until, this.choice, this.kind, this.sound, ...Object.values(colours)].join();
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

  /** Where the rows of codewords or stages end below the events, and how high one is.
   * @param {number} height @returns {[end: number, strip: number]} */
  stagesIn(height) {
    const end = height - this.top - FOOT - this.below;
    return [end, this.kind === STAGE ? (end - CURVE - GAP) / this.track.stages : ROW];
  }

  /** What the rows show at so many pixels below the events; empty where they end. @param {number} y @param {number} height
   * @param {number} row */
  textAt(y, height, row) {
    const [end, strip] = this.stagesIn(height), at = Math.floor((y - CURVE - GAP) / strip);
    if (at < 0 || y >= end) return "";
    if (this.kind === STAGE) {
      const [k, g] = at < this.track.stages ? this.track.token(row, at) : [0, 0];
      return `stage ${at + 1} · ${k ? `codeword ${k} × ${g.toFixed(2)}${this.noteOf(k)}` : "at rest"}`;
    }
    const one = this.rowsOfCodewords[at];
    if (!one) return "";
    return `codeword ${one.k}${this.noteOf(one.k)} · ${one.sizes[row] ? this.sizeText(one.k, one.sizes[row]) : "not here"}`;
  }

  /** @param {number} k */
  noteOf(k) { return this.items[k]?.note ? ` · ${this.items[k]?.note}` : ""; }

  /** @param {number} k @param {number} size */
  sizeText(k, size) { return this.items[k]?.mm ? `${size.toFixed(1)} mm` : `× ${size.toFixed(2)}`; }

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
    const { context, width, ratio, colours } = sheet, [end, strip] = this.stagesIn(sheet.height), { top } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, sheet.height);
    context.font = `12px ${colours.font}`;
    context.textBaseline = "middle";
    this.sets.forEach((set, i) => this.drawSet(sheet, set, i * BAND));
    context.setTransform(ratio, 0, 0, ratio, 0, top * ratio);
    const below = { ...sheet, height: sheet.height - top };
    if (this.kind === STAGE) {
      this.drawLanes(below, strip);
      this.drawTokens(below, strip);
    } else this.drawCodewords(below);
    this.drawError(below);
    this.drawMarks(below);
    this.drawCurve(below);
    if (this.film?.hasSound) this.drawSound(below, this.film, end + APART);
    let at = end + this.sound + APART;
    for (const one of this.track.lanes) {
      this.drawLane(below, one, at);
      at += Strips.high(one);
    }
    this.drawTicks(below);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const band of this.bands) if (band.out && this.shows(band)) this.drawOut(sheet, band);
  }

  /** @param {Band} band */
  shows({ from, until }) { return until >= this.stretch.from && from <= this.stretch.until; }

  /** Text that fits the gutter. @param {CanvasRenderingContext2D} context @param {string} text @param {number} y */
  label(context, text, y, room = GUTTER - 8) {
    let shown = text;
    while (shown.length > 3 && context.measureText(shown).width > room) shown = shown.slice(0, -1);
    context.fillText(shown === text ? text : `${shown.trimEnd()}…`, 0, y);
  }

  /** A row of events: their spans with their labels. @param {Sheet} sheet @param {string} set @param {number} top */
  drawSet({ context, width, colours }, set, top) {
    context.fillStyle = colours.text;
    this.label(context, set, top + BAND / 2);
    context.fillStyle = colours.ground;
    context.fillRect(GUTTER, top, width, BAND - 2);
    for (const band of this.bands) {
      if (!this.shows(band) || (band.out ? EXCLUDED : band.set ?? band.text) !== set) continue;
      const left = Math.max(GUTTER, this.x(band.from, width)), wide = Math.max(2, this.x(band.until, width) - left);
      context.save();
      context.beginPath();
      context.rect(left, top, Math.min(wide, width - left), BAND - 2);
      context.clip();
      context.globalAlpha = 0.38;
      context.fillStyle = band.out ? colours.text : band.colour ?? colours.primary;
      context.fillRect(left, top, wide, BAND);
      context.globalAlpha = 1;
      context.fillStyle = colours.text;
      context.font = `11px ${colours.font}`;
      if (wide > 24) context.fillText(band.text, left + 3, top + BAND / 2);
      context.restore();
    }
  }

  /** @param {Sheet} sheet */
  drawError({ context, colours }) {
    context.fillStyle = colours.text;
    context.fillText("Error mm", 0, 10);
  }

  /** A row for each of the strongest codewords: its size is the height. @param {Sheet} sheet */
  drawCodewords(sheet) {
    const { context, width, stages, colours } = sheet;
    this.count(stages);
    this.rowsOfCodewords.forEach(({ k, sizes }, i) => {
      const top = CURVE + GAP + i * ROW, deep = ROW - 3;
      context.globalAlpha = 1;
      context.fillStyle = colours.text;
      this.label(context, `${k} ${this.items[k]?.note ?? ""}`, top + deep / 2);
      context.fillStyle = colours.ground;
      context.fillRect(GUTTER, top, width, deep);
      context.fillStyle = this.colourOf(k);
      const faint = this.items[k]?.mm ? this.faint : 0;
      this.drawHeights(sheet, top + deep, (row) => sizes[row], (size) => [Math.min(1, size / this.end) * deep, size < faint ? 0.6 : 1]);
    });
    context.globalAlpha = 1;
    if (this.rowsOfCodewords.length) return;
    context.fillStyle = colours.text;
    context.fillText("No codeword here", 0, CURVE + GAP + ROW / 2);
  }

  /** Bars through the largest value of each pixel, of a height and a strength that depend on it; none in gaps.
   * @param {Sheet} sheet @param {number} base @param {(row: number) => number} valueOf
   * @param {(value: number) => [height: number, alpha: number]} lookOf */
  drawHeights(sheet, base, valueOf, lookOf) {
    const { context, width } = sheet, { track } = this, [first, last, step] = this.rows(sheet);
    for (let r = first; r <= last; r += step) {
      let most = 0;
      for (let i = r; i < Math.min(r + step, last + 1); i++) most = Math.max(most, valueOf(i) || 0);
      if (!most) continue;
      const x = Math.max(GUTTER, this.x(track.time[r], width)), next = Math.min(r + step, track.rows - 1);
      const length = Math.min(track.time[next] - track.time[r] || 0.034, 0.2 + step * 0.04); // a gap stays one
      const [height, alpha] = lookOf(most);
      context.globalAlpha = alpha;
      context.fillRect(x, base - height, Math.max(0.5, this.x(track.time[r] + length, width) - x + 0.25), height);
    }
  }

  /** @param {Sheet} sheet @param {number} lane height of a strip */
  drawLanes({ context, width, stages, colours }, lane) {
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
    context.globalAlpha = 0.6; // less is lost on a dark page
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    context.fillText(worst.toFixed(1), GUTTER - 26, 24);
    context.fillText("0", GUTTER - 14, CURVE - 4);
  }

  /** What is excluded is hatched from the error down to the seconds.
   * @param {Sheet} sheet @param {Band} band */
  drawOut({ context, width, height, colours }, { from, until }) {
    const left = Math.max(GUTTER, this.x(from, width)), wide = Math.max(2, this.x(until, width) - left), { top } = this;
    context.save();
    context.beginPath();
    context.rect(left, top, Math.min(wide, width - left), height - FOOT - top);
    context.clip();
    context.globalAlpha = 0.16;
    context.fillStyle = colours.text;
    context.fillRect(left, top, wide, height);
    context.globalAlpha = 0.45;
    context.strokeStyle = colours.text;
    context.beginPath();
    for (let x = left - height; x < left + wide; x += HATCH) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
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

  /** A row for each curve, its value as the height.
   * @param {Sheet} sheet @param {import("./recording.js").Lane} lane @param {number} top */
  drawRows(sheet, lane, top) {
    const { context, width, colours } = sheet, { track } = this, deep = UNIT - 3;
    lane.names.forEach((name, curve) => {
      const y = top + curve * UNIT;
      context.globalAlpha = 1;
      context.fillStyle = colours.text;
      this.label(context, name, y + deep / 2);
      context.fillStyle = colours.ground;
      context.fillRect(GUTTER, y, width, deep);
      context.fillStyle = colours.primary;
      this.drawHeights(sheet, y + deep, (row) => track.share(lane, curve, row), (share) => [share * deep, 0.8]);
    });
    context.globalAlpha = 1;
  }

  /** @param {Sheet} sheet @param {import("./recording.js").Lane} lane @param {number} top */
  drawLane(sheet, lane, top) {
    if (lane.rows) {
      this.drawRows(sheet, lane, top);
      return;
    }
    const { context, width, colours } = sheet, deep = LANE - APART;
    context.fillStyle = colours.text;
    this.label(context, lane.label, top + deep / 2);
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
    let end = true; // the end has a label of its own where no tick is near
    context.textAlign = "center";
    for (let t = Math.ceil(from / step) * step; t <= until; t += step) {
      const x = this.x(t, width);
      context.fillStyle = colours.border;
      context.fillRect(x, CURVE, 1, height - CURVE - FOOT);
      context.fillStyle = colours.text;
      context.fillText(tickText(t, step, length), clamp(x, GUTTER + 12, width - 18), height - 8);
      if (this.x(until, width) - x < LABELLED) end = false;
    }
    if (end) context.fillText(tickText(until, step, length), width - 18, height - 8);
    context.textAlign = "start";
  }
}
