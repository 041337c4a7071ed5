// A timeline that plays as a face: tracks below, the face above, on one person or on two side by side.

import { Camera } from "../shared/camera.js";
import { blankCanvas, context2d, element, fitCanvas, isOn, setSwitches, switches, theme, toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { remember } from "../shared/link.js";
import { clamp } from "../shared/maths.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { Playback } from "../shared/playback.js";
import { drag, orbit, placeOn } from "../shared/pointer.js";
import { paint } from "../shared/stage.js";
import { mount, View } from "../shared/view.js";

/** @typedef {{ label: string, colour: string, intensity: number, onset: number, apex: number, offset: number,
 *   end: number }} Track in s */
/**
 * @typedef {{ reel: string, faces: { face: import("../shared/face.js").FaceAddress, title: string }[], tracks: Track[],
 *   height: number, alt: string, look: string, autoplay?: boolean }} Data
 */
/** @typedef {{ time: Float32Array, rows: number, psi: Float32Array[] }} Movement one psi (rows, coefficients) a face */

const LANE = 22, PAUSE = 0.4; // CSS pixels; s between two rounds of a loop

/** The row at a time after the start; past the end it is the last one, or, in a loop, that of another round.
 * @param {Float32Array} time @param {number} t @param {boolean} loops */
export function rowAfter(time, t, loops) {
  const end = time[time.length - 1], at = loops && t > end ? t % (end + PAUSE) : t;
  return Math.max(0, Math.min(time.length - 1, Math.floor((Math.min(at, end) / end) * (time.length - 1))));
}

/** The row at which most of a timeline's tracks are at their apex, so that a face at rest is not the first thing shown.
 * @param {Float32Array} time @param {Track[]} tracks */
export function apexRow(time, tracks) {
  const held = (/** @type {number} */ t) => tracks.reduce((sum, { apex, offset, intensity }) =>
    sum + (t >= apex - 1e-6 && t <= Math.max(apex, offset) + 1e-6 ? intensity : 0), 0);
  const best = tracks.map(({ apex }) => apex).reduce((a, b) => (held(b) > held(a) ? b : a));
  const row = time.findIndex((t) => t >= best - 1e-3);
  return row < 0 ? time.length - 1 : row;
}

/** @extends {View<Data>} */
class Reel extends View {
  /** @type {import("../shared/pack.js").Pack | undefined} */ pack;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "reel");
    this.instead = "The film and the coefficients can still be exported.";
    this.camera = new Camera();
    this.row = 0;
    this.range = 0.5;
    this.noted = 0;
    this.opened = 0; // the row that is shown before anything is chosen
    /** @type {number | undefined} the second that the link names, once */ this.at = undefined;
    /** @type {Movement | undefined} */ this.movement = undefined;
    /** @type {import("../shared/face.js").Face[]} */ this.faces = [];
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.clock = element("output", { class: "clock" });
    this.heat = toggle("Heat map", true, this.draw);
    this.loop = toggle("Loop", true, this.draw);
    this.lanes = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time" });
    let before = 0;
    this.playback = new Playback("Play", {
      began: () => {
        if (this.row >= this.last || this.row === this.opened) this.row = 0;
        before = this.second;
      },
      step: (ms) => this.step(before + ms / 1000),
      stopped: this.draw,
    });
    this.box.append(element("div", { class: "picture" }, this.canvas, this.captions),
      element("div", { class: "controls" }, this.playback.button, this.clock, this.loop, this.heat),
      element("div", { class: "timeline" }, this.lanes));
    this.listen();
    this.resized.observe(this.canvas);
  }

  listen() {
    orbit(this.canvas, this.camera, this.draw);
    const to = (/** @type {MouseEvent} */ e) => {
      const { width } = this.lanes.getBoundingClientRect(), [x] = placeOn(this.lanes, e), { labels } = this;
      this.playback.stop();
      this.go(Math.round(((x - labels) / (width - labels)) * this.last));
    };
    drag(this.lanes, { began: to, moved: to });
    this.lanes.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { this.go(this.row + step); e.preventDefault(); }
    });
  }

  get last() { return (this.movement?.rows ?? 1) - 1; }

  get second() { return this.movement?.time[this.row] ?? 0; }

  /** How wide the names of the tracks are, in CSS pixels. */
  get labels() { return Math.round(clamp(0.38 * this.lanes.getBoundingClientRect().width, 110, 230)); }

  /** @param {number} row */
  go(row) {
    this.row = clamp(row, 0, this.last);
    this.draw();
  }

  /** @param {number} t s since the beginning */
  step(t) {
    const { time } = /** @type {Movement} */ (this.movement), loops = isOn(this.loop);
    this.row = rowAfter(time, t, loops);
    this.paint();
    if (t > time[this.last] && !loops) this.playback.stop();
  }

  /** Camera, second, heat map and loop; once a second while it plays. */
  remember() {
    if (this.playback.playing && performance.now() - this.noted < 1000) return;
    this.noted = performance.now();
    const on = switches([this.heat, this.loop]);
    remember(this.name, this.camera.moved || this.row !== this.opened || on !== "11" ? [...this.camera.values, this.second, on] : null);
  }

  /** @param {string[]} values */
  recall(values) {
    this.camera.look(values.slice(0, 3).map(Number));
    if (Number(values[3]) > 0) this.at = Number(values[3]);
    setSwitches([this.heat, this.loop], values[4]);
  }

  /** @param {Data} data */
  async load(data) {
    this.box.style.setProperty("--height", `${data.height}px`);
    this.box.style.setProperty("--line", `${data.tracks.length * LANE + 26}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    const pack = await loadPack(data.reel);
    this.faces = await Promise.all(data.faces.map(({ face }) => loadFace(face)));
    if (this.faces.every((face) => face.uv)) this.camera.before(this.faces[0]);
    if (this.pack !== pack) this.open(pack);
  }

  /** @param {import("../shared/pack.js").Pack} pack */
  open(pack) {
    this.pack = pack;
    const [rows] = pack.shapes.psi0;
    /** @type {Movement} */ const movement = { time: pack.time, rows, psi: this.faces.map((_, i) => pack[`psi${i}`]) };
    this.movement = movement;
    this.row = Math.min(this.row, this.last);
    const before = this.opened;
    this.opened = this.data.tracks.length ? apexRow(movement.time, this.data.tracks) : 0;
    if (this.at !== undefined) {
      const later = movement.time.findIndex((t) => t >= Number(this.at) - 1e-3);
      this.row = later < 0 ? this.last : later;
    } else if (this.row === before && !this.playback.playing) this.row = this.opened;
    this.at = undefined;
    this.range = this.faces[0].look.shared;
    if (this.data.autoplay) this.playback.start();
  }

  /** @param {number} which face @param {number} row */
  psi(which, row) { return rowOf(/** @type {Movement} */ (this.movement).psi[which], row, this.faces[which].coefficients); }

  render() {
    fitCanvas(this.canvas);
    const context = context2d(this.canvas), { width, height } = this.canvas, each = width / this.faces.length;
    context.clearRect(0, 0, width, height);
    this.faces.forEach((face, i) => paint(context, face, 
      face.pose(this.psi(i, this.row), undefined, this.playback.playing ? face.plain : face.fine), this.camera,
      [i * each, 0, each, height], { heat: isOn(this.heat), range: this.range }));
    this.captions?.replaceChildren(...this.data.faces.map(({ title }) => element("span", {}, title)));
    this.renderLanes(/** @type {Movement} */ (this.movement).time[this.last]);
    this.remember();
  }

  /** @param {number} end s */
  renderLanes(end) {
    const { context, width: all } = blankCanvas(this.lanes), colours = theme(this.box);
    const { labels, second } = this, { tracks } = this.data;
    const width = all - labels - 4, x = (/** @type {number} */ t) => labels + (t / end) * width;
    context.font = `12px ${colours.font}`;
    context.textBaseline = "middle";
    tracks.forEach((track, i) => {
      context.fillStyle = colours.text;
      context.fillText(shortened(context, track.label, labels - 8), 0, i * LANE + LANE / 2);
      context.fillStyle = colours.ground;
      context.fillRect(labels, i * LANE + 2, width, LANE - 4);
      fillTrack(context, track, i * LANE, x);
    });
    context.fillStyle = colours.text;
    for (let i = 0; i <= 4; i++) {
      context.textAlign = i === 4 ? "right" : i ? "center" : "left";
      context.fillText(`${((end * i) / 4).toFixed(1)} s`, x((end * i) / 4), tracks.length * LANE + 12);
    }
    context.textAlign = "left";
    context.fillStyle = colours.primary;
    context.fillRect(x(second) - 1, 0, 2, tracks.length * LANE + 2);
    this.clock.textContent = `${second.toFixed(2)} / ${end.toFixed(2)} s`;
    for (const [name, value] of Object.entries({ now: second, min: 0, max: end })) {
      this.lanes.setAttribute(`aria-value${name}`, value.toFixed(2));
    }
  }

  close() {
    super.close();
    this.playback.stop();
  }
}

/** A text that is no wider than `width`.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function shortened(context, text, width) {
  let short = text;
  while (short.length > 4 && context.measureText(short).width > width) short = `${short.slice(0, -2).trimEnd()}…`;
  return short;
}

/** Rise, hold and fall of a track. @param {CanvasRenderingContext2D} context @param {Track} track @param {number} y
 * @param {(t: number) => number} x */
function fillTrack(context, { colour, intensity, onset, apex, offset, end }, y, x) {
  context.fillStyle = colour;
  context.globalAlpha = 0.35 + 0.65 * Math.min(1, intensity);
  context.beginPath();
  context.moveTo(x(onset), y + LANE - 3);
  context.lineTo(x(apex), y + 3);
  context.lineTo(x(offset), y + 3);
  context.lineTo(x(end), y + LANE - 3);
  context.fill();
  context.globalAlpha = 1;
}

export default mount(Reel);
