// Two faces of a conversation on one clock: their films and their faces side by side, and rows of what moves in both.

import { Camera } from "../shared/camera.js";
import { button, context2d, element, fitCanvas, isOn, setSwitches, switches, theme, toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { Film, Screen } from "../shared/film.js";
import { remember } from "../shared/link.js";
import { clamp, nearestIndex } from "../shared/maths.js";
import { loadPack } from "../shared/pack.js";
import { drawPair, GUTTER, highOf, levelOf, ROW } from "../shared/pair_rows.js";
import { Playback } from "../shared/playback.js";
import { drag, orbit, placeOn, wheel } from "../shared/pointer.js";
import { paint } from "../shared/stage.js";
import { Stretch } from "../shared/stretch.js";
import { mount, View } from "../shared/view.js";
import { clockText } from "./player.js";

/** @typedef {{ video: string, times: string, name: string } | null} FilmOf a video, and the times of its frames */
/**
 * @typedef {{ pair: string, face: import("../shared/face.js").FaceAddress, titles: [string, string],
 *   films: [FilmOf, FilmOf], colours: [string, string], height: number, alt: string, look: string, at?: number }} Data
 * `pair`: address of the pack of `conversation_pack.py`; `at`: s to open at
 */

const APART_S = 0.12; // films further apart than this are brought together while they play
/** @type {[label: string, text: string, factor: number][]} */
const ZOOMS = [["Zoom in", "+", 0.5], ["Zoom out", "−", 2], ["Whole conversation", "All", 1e9]];

/** @extends {View<Data>} */
class PairView extends View {
  /** @type {import("../shared/pack.js").Pack | undefined} */ pack;
  /** @type {import("../shared/face.js").Face} */ face;
  /** @type {import("../shared/pair_rows.js").Pair} */ pair;
  /** @type {Stretch} */ stretch;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "pair");
    this.instead = "The table and the figures still work.";
    this.camera = new Camera();
    this.row = 0;
    this.played = 0;
    this.telling = 0;
    this.told = "";
    /** @type {number[]} the stretch that the link names */ this.linked = [];
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.films = [0, 1].map((which) => this.filmOf(which));
    this.figures = element("div", { class: "films", hidden: true }, ...this.films.map(({ figure }) => figure));
    this.clock = element("output", { class: "clock" });
    this.heat = toggle("Heat map", true, this.draw);
    this.hears = toggle("Sound", false, () => this.mute(), { hidden: true });
    this.line = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time in the conversation" });
    this.tip = element("div", { class: "tip", hidden: true });
    this.legend = element("div", { class: "legend rows" });
    this.playback = this.player();
    this.build();
    this.listen();
    for (const one of [this.canvas, this.line]) this.resized.observe(one);
  }

  /** One of two videos. @param {number} which */
  filmOf(which) {
    const video = element("video", { playsinline: true, preload: "auto", tabindex: -1 }), nothing = element("p", { class: "instead" });
    video.muted = true;
    const screen = new Screen(video, (row) => { if (this.leader === which) this.played = row; });
    return { video, nothing, screen, figure: element("figure", { class: "film" }, video, nothing) };
  }

  /** Which film the clock follows, −1 for none. */
  get leader() { return this.films.findIndex(({ screen }) => screen.ready && screen.film && screen.film.frame[this.row] >= 0); }

  player() {
    let begun = 0, filmed = false;
    return new Playback("Play", {
      began: () => {
        if (this.row >= this.last) this.go(0);
        begun = this.second;
        this.played = this.row;
        filmed = this.leader >= 0;
        for (const { screen } of this.films) if (screen.ready && screen.show(this.row)) screen.play();
      },
      step: (ms) => {
        this.go(filmed ? this.played : nearestIndex(this.pair.time, begun + ms / 1000));
        this.join();
        const ended = this.films[this.leader]?.video.ended;
        if (this.row >= this.last || (filmed && (ended || this.leader < 0))) this.playback.stop();
      },
      stopped: () => {
        for (const { screen } of this.films) screen.pause();
        this.show();
        this.tell();
      },
    });
  }

  /** Bring a film that runs ahead or behind to where the other one is. */
  join() {
    this.films.forEach(({ screen, video }, which) => {
      if (which === this.leader || !screen.playing || !screen.film) return;
      const wanted = screen.film.clockOf(this.row);
      if (!Number.isNaN(wanted) && Math.abs(video.currentTime - wanted) > APART_S) video.currentTime = wanted;
    });
  }

  build() {
    const zooms = ZOOMS.map(([label, text, by]) => button(text, () => { this.stretch.zoom(by, this.second); this.draw(); },
      { class: "toggle", "aria-label": label, title: label }));
    this.box.append(this.figures, element("div", { class: "picture" }, this.canvas, this.captions),
      element("div", { class: "controls" }, this.playback.button, this.clock, this.hears, this.heat, ...zooms,
        element("span", { class: "hint" }, "Drag along the rows to scrub; space plays, arrows step")),
      element("div", { class: "timeline" }, this.line, this.tip), this.legend);
  }

  listen() {
    const { line } = this, rowOf = (/** @type {MouseEvent} */ e) => {
      const { width } = line.getBoundingClientRect(), [x] = placeOn(line, e);
      return nearestIndex(this.pair.time, this.stretch.at((x - GUTTER) / Math.max(1, width - GUTTER - 2)));
    };
    orbit(this.canvas, this.camera, this.draw);
    drag(line, { began: (e) => { this.playback.stop(); this.go(rowOf(e)); }, moved: (e) => this.go(rowOf(e)), ended: () => this.tell() });
    line.addEventListener("pointermove", (e) => this.hover(placeOn(line, e), rowOf(e)));
    line.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    wheel(line, (e) => { this.stretch.zoom(Math.exp(e.deltaY * 0.0015), this.second); this.draw(); });
    this.box.addEventListener("keydown", (e) => this.press(e));
    for (const { video } of this.films) video.addEventListener("error", () => this.show());
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const { tagName } = /** @type {Element} */ (event.target), { key } = event;
    const step = event.target === this.line ? { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[key] : 0;
    if (step) this.go(this.row + step);
    else if (key === " " && tagName !== "BUTTON") this.playback.toggle();
    else return;
    event.preventDefault();
    this.tell();
  }

  mute() { this.films.forEach(({ video }) => { video.muted = !isOn(this.hears); }); }

  get last() { return this.pair.time.length - 1; }

  get second() { return this.pair.time[this.row]; }

  /** @param {number} row */
  go(row) {
    this.row = clamp(row, 0, this.last);
    this.stretch.follow(this.second);
    if (!this.playback.playing) this.show();
    this.draw();
  }

  /** The frames of both films at this row. */
  show() {
    for (const { screen, video, nothing } of this.films) {
      const there = Boolean(screen.film) && screen.show(this.row), { error } = video;
      nothing.hidden = there && !error;
      video.classList.toggle("none", !there || Boolean(error));
      nothing.textContent = error ? "This browser cannot play the video’s format."
        : screen.film ? "The video has no frame here." : "No video is linked.";
    }
  }

  /** Tell the page where we are, once scrubbing has come to rest. */
  tell() {
    clearTimeout(this.telling);
    this.telling = window.setTimeout(() => {
      if (!this.pair || this.playback.playing) return;
      const at = Number(this.second.toFixed(3)), key = String(at);
      if (key !== this.told) this.component.setStateValue("at", at);
      this.told = key;
    }, 350);
  }

  /** @param {string[]} values */
  recall(values) {
    this.camera.look(values.slice(0, 3).map(Number));
    setSwitches([this.heat], values[3]);
    this.linked = values.slice(4, 6).map(Number);
  }

  /** @param {Data} data */
  async load(data) {
    this.box.style.setProperty("--height", `${data.height}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    const [face, pack, ...times] = await Promise.all([loadFace(data.face), loadPack(data.pair),
      ...data.films.map((film) => (film ? loadPack(film.times) : null))]);
    this.face = face;
    this.camera.before(face);
    if (this.pack !== pack) this.open(pack);
    this.openFilms(times);
    this.legend.replaceChildren(...data.titles.map((title, i) => element("span", {},
      element("i", { style: `background:${data.colours[i]}` }), `${title}, ${i ? "below" : "above"} the middle of each row`)),
    element("span", {}, "Lines: onsets that are answered"));
  }

  /** @param {import("../shared/pack.js").Pack} pack */
  open(pack) {
    this.playback.stop();
    this.pack = pack;
    this.pair = { time: pack.time, rows: pack.rows, levels: pack.levels, speech: pack.speech, colours: this.data.colours };
    this.stretch = new Stretch(pack.time[0], pack.time[pack.time.length - 1]);
    const [from, until] = this.linked;
    if (this.stretch.allows(from, until)) this.stretch.move(from, until - from);
    this.linked = [];
    this.row = nearestIndex(pack.time, this.data.at ?? pack.time[0]);
    this.line.setAttribute("aria-valuemin", pack.time[0].toFixed(1));
    this.line.setAttribute("aria-valuemax", this.stretch.last.toFixed(1));
    this.box.style.setProperty("--line", `${highOf(this.pair)}px`);
  }

  /** @param {(import("../shared/pack.js").Pack | null)[]} times of the films, null for none */
  openFilms(times) {
    this.films.forEach(({ screen, video }, which) => {
      const pack = times[which], source = this.data.films[which]?.video ?? "";
      if (source !== screen.source) screen.open(source, pack && new Film(pack, this.pair.time));
      video.setAttribute("aria-label", `Video of ${this.data.titles[which]}`);
    });
    this.figures.hidden = times.every((one) => !one);
    this.hears.hidden = !this.films.some(({ screen }) => screen.film?.hasSound);
    this.show();
  }

  /** ψ of a face at this row; at rest where it is unknown. @param {number} which */
  psi(which) {
    const pack = /** @type {import("../shared/pack.js").Pack} */ (this.pack), size = this.face.coefficients;
    const steps = pack[`psi${which}`], scale = pack[`scale${which}`], at = this.row * size;
    return Float32Array.from({ length: size }, (_, e) => steps[at + e] * scale[e]);
  }

  /** Whether a face was seen at this row. @param {number} which */
  sees(which) { return Boolean(/** @type {import("../shared/pack.js").Pack} */ (this.pack)[`known${which}`][this.row]); }

  render() {
    fitCanvas(this.canvas);
    const context = context2d(this.canvas), { width, height } = this.canvas, half = width / 2, { face } = this;
    context.clearRect(0, 0, width, height);
    for (const which of [0, 1]) {
      const pose = face.pose(this.psi(which), undefined, this.playback.playing ? face.plain : face.fine);
      context.globalAlpha = this.sees(which) ? 1 : 0.35;
      paint(context, face, pose, this.camera, [which * half, 0, half, height], { heat: isOn(this.heat), range: face.look.shared });
    }
    context.globalAlpha = 1;
    this.captions?.replaceChildren(...this.data.titles.map((title, i) =>
      element("span", {}, this.sees(i) ? title : `${title} · not seen here`)));
    drawPair(this.line, this.pair, this.stretch, this.second, theme(this.box));
    this.clock.textContent = `${clockText(this.second)} / ${clockText(this.stretch.last)}`;
    this.line.setAttribute("aria-valuenow", this.second.toFixed(1));
    this.line.setAttribute("aria-valuetext", `${this.second.toFixed(1)} seconds`);
    this.remember();
  }

  /** Camera, heat map and the stretch of time, where they are not as at first. */
  remember() {
    const { from, until, first, last } = this.stretch, whole = until - from > last - first - 1e-3, on = switches([this.heat]);
    const values = [...this.camera.values, on, ...(whole ? [] : [from, until])];
    remember(this.name, this.camera.moved || on !== "1" || !whole ? values : null);
  }

  /** What is below the pointer. @param {[number, number]} place CSS pixels @param {number} at */
  hover([x, y], at) {
    const { width } = this.line.getBoundingClientRect(), row = Math.floor(y / ROW), one = this.pair.rows[row];
    const parts = one ? this.data.titles.map((title, i) => {
      const level = levelOf(this.pair, row, i, at);
      return `${title} ${Number.isNaN(level) ? "not seen" : `${Math.round(100 * level)} %`}`;
    }) : [];
    this.tip.textContent = [`${this.pair.time[at].toFixed(2)} s`, ...(one ? [one.label] : []), ...parts].join(" · ");
    this.tip.hidden = x < GUTTER;
    Object.assign(this.tip.style, { left: `${Math.min(x + 12, width - 260)}px`, top: `${Math.max(0, y - 34)}px` });
  }

  close() {
    super.close();
    this.playback.stop();
    for (const { screen } of this.films) screen.close();
    clearTimeout(this.telling);
  }
}

export default mount(PairView);
