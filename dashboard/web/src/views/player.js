// A recording and its reconstruction from tokens: scrubbed, played and built up stage by stage in the browser.

import { Camera } from "../shared/camera.js";
import { button, context2d, element, fitCanvas, gradient, isOn, setOn, theme, toggle } from "../shared/dom.js";
import { loadFace, sizes } from "../shared/face.js";
import { Film, Screen } from "../shared/film.js";
import { putParameter, remember } from "../shared/link.js";
import { clamp, near } from "../shared/maths.js";
import { loadPack } from "../shared/pack.js";
import { page } from "../shared/page.js";
import { Playback } from "../shared/playback.js";
import { drag, orbit, placeOn, wheel } from "../shared/pointer.js";
import { Recording } from "../shared/recording.js";
import { paint } from "../shared/stage.js";
import { Stretch } from "../shared/stretch.js";
import { CODEWORDS, GUTTER, STAGE, Strips } from "../shared/strips.js";
import { mount, View } from "../shared/view.js";

/** @typedef {{ src?: string, colour?: string, note?: string, region?: string, mm?: number | null } | undefined} Item of a
 * codeword; `mm`: its size at intensity 1 */
/**
 * @typedef {{ face: import("../shared/face.js").FaceAddress, codebook: string, recording: string, name: string,
 *   look: string, at?: number, stages?: number, items: Item[], height: number, chosen?: number[], marks?: number[],
 *   bands?: import("../shared/strips.js").Band[], excludes?: boolean, from?: number,
 *   film?: { video: string, times: string, name: string } | null, seconds?: number }} Data
 * `at`: the row it opens at; `seconds`: where it goes when that changes; `marks`: rows that were selected on the map; `bands`: events and what is excluded;
 * `excludes`: whether spans may be drawn that are then excluded; `from`: mm below which a codeword is faint; `film`: the
 * recording's video, and the times of its frames with its sound
 */

const MODES = ["Movement", "Error", "Plain"], ERROR_MM = 3, KINDS = [CODEWORDS, STAGE];
/** @type {[label: string, text: string, factor: number][]} */
const ZOOMS = [["Zoom in", "+", 0.5], ["Zoom out", "−", 2], ["Whole recording", "All", 1e9]];

/** As 1:02.5. @param {number} seconds */
export function clockText(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** @typedef {{ k: number, g: number, stage: number }} Summed a codeword of a frame, its summed intensity and first stage */

/**
 * The codewords of a frame, each once, in the order of their first stage; intensities of the first `stages` stages are
 * summed, of a codeword that comes later those after.
 * @param {[k: number, g: number][]} tokens codeword and intensity of every stage @param {number} stages
 * @returns {Summed[]}
 */
export function summed(tokens, stages) {
  /** @type {Map<number, Summed>} */
  const found = new Map();
  tokens.forEach(([k, g], stage) => {
    const one = found.get(k);
    if (!k) return;
    if (!one) found.set(k, { k, g, stage });
    else if (stage < stages || one.stage >= stages) one.g += g;
  });
  return [...found.values()];
}

/** @extends {View<Data>} */
class Player extends View {
  /** @type {Recording} */ track;
  /** @type {Stretch} */ stretch;
  /** @type {Strips} */ strips;
  /** @type {import("../shared/face.js").Face} */ face;
  /** @type {import("../shared/pack.js").Pack | undefined} */ pack;
  /** @type {import("../shared/pack.js").Pack | null} of the film */ times = null;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "player");
    this.instead = "The table and the figures below still work.";
    this.camera = new Camera();
    this.mode = MODES[0];
    this.faintOpen = false;
    this.row = 0;
    this.stages = 1;
    this.range = 1;
    this.noted = 0;
    /** @type {number | undefined} */ this.seconds = undefined;
    this.telling = 0;
    this.told = "";
    this.listed = "";
    this.explained = "";
    /** @type {number[]} the stretch that the link names */ this.linked = [];
    /** @type {[number, number] | undefined} the span that is being drawn, s */ this.span = undefined;
    this.excluder = toggle("Exclude a span", false, () => {}, { hidden: true,
      title: "Then drag along the timeline: its frames count in no figure" });
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.video = element("video", { muted: true, playsinline: true, preload: "auto", tabindex: -1 });
    this.video.muted = true;
    this.screen = new Screen(this.video, (row) => { this.played = row; });
    this.played = 0;
    this.noPicture = element("p", { class: "instead", hidden: true });
    this.film = element("figure", { class: "film", hidden: true }, this.video, this.noPicture);
    this.hears = toggle("Sound", false, () => { this.video.muted = !isOn(this.hears); }, { hidden: true });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.scaleEnd = element("span");
    this.scale = element("div", { class: "scale" }, element("span", {}, "0"), element("i"), this.scaleEnd);
    this.parts = element("ol", { class: "parts", "aria-label": "Tokens of this frame" });
    this.clock = element("output", { class: "clock" });
    this.depth = element("input", { type: "range", min: 1, step: 1, "aria-label": "Stages used",
      oninput: () => { this.stages = Number(this.depth.value); this.draw(); this.tell(); } });
    this.depthLabel = element("span", { class: "end" });
    this.error = element("span", { class: "error", title: "Root mean square over the vertices of this frame" });
    this.modes = MODES.map((name) => button(name, () => this.colour(name),
      { class: "toggle", "aria-pressed": String(name === this.mode) }));
    this.kinds = KINDS.map((name) => button(name, () => this.showRows(name),
      { class: "toggle", "aria-pressed": String(name === CODEWORDS) }));
    this.kind = CODEWORDS;
    this.legend = element("div", { class: "legend rows" });
    this.line = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time in the recording" });
    this.tip = element("div", { class: "tip", hidden: true });
    /** Whether it plays by the film's clock. */ this.filmed = false;
    let start = 0;
    this.playback = new Playback("Play", {
      began: () => {
        if (this.row >= this.track.rows - 1) this.go(0);
        start = this.time;
        this.filmed = this.screen.ready && this.screen.show(this.row);
        this.played = this.row;
        if (this.filmed) this.screen.play();
      },
      step: (ms) => {
        this.go(this.filmed ? this.played : this.track.rowAt(start + ms / 1000));
        if (this.row >= this.track.rows - 1 || (this.filmed && this.video.ended)) this.playback.stop();
      },
      stopped: () => {
        this.screen.pause();
        this.show();
        this.tell();
      },
    });
    this.build();
    this.listen();
    for (const one of [this.canvas, this.line]) this.resized.observe(one);
  }

  build() {
    const zooms = ZOOMS.map(([label, text, by]) =>
      button(text, () => this.zoom(by), { class: "toggle", "aria-label": label, title: label }));
    this.box.append(
      element("div", { class: "stagearea" }, this.film,
        element("div", { class: "picture" }, this.canvas, /** @type {Node} */ (this.captions), this.scale),
        element("div", { class: "side" }, element("h4", {}, "Tokens of this frame"), this.parts)),
      element("div", { class: "controls" }, this.playback.button, this.clock, this.hears, this.depthLabel, this.depth, this.error,
        element("span", { class: "group", role: "group", "aria-label": "Colour the skin by" }, ...this.modes)),
      element("div", { class: "timeline" }, this.line, this.tip),
      this.legend,
      element("div", { class: "toggles" }, ...zooms,
        element("span", { class: "kinds", role: "group", "aria-label": "Rows of the timeline" }, ...this.kinds), this.excluder,
        element("span", { class: "hint" }, "Drag along the timeline to scrub; space plays, arrows step")));
  }

  listen() {
    const { line } = this, rowOf = (/** @type {MouseEvent} */ e) => {
      const { width } = line.getBoundingClientRect(), [x] = placeOn(line, e);
      return this.track.rowAt(this.stretch.at((x - GUTTER) / Math.max(1, width - GUTTER)));
    };
    orbit(this.canvas, this.camera, this.draw);
    const timeOf = (/** @type {MouseEvent} */ e) => {
      const { width } = line.getBoundingClientRect(), [x] = placeOn(line, e);
      return this.stretch.at((x - GUTTER) / Math.max(1, width - GUTTER - 2));
    };
    let from = 0;
    drag(line, {
      began: (e) => { this.playback.stop(); from = timeOf(e); if (!this.excluding) this.go(rowOf(e)); },
      moved: (e) => {
        if (!this.excluding) { this.go(rowOf(e)); return; }
        this.span = [Math.min(from, timeOf(e)), Math.max(from, timeOf(e))];
        this.draw();
      },
      ended: () => (this.excluding ? this.exclude() : this.tell()),
    });
    line.addEventListener("pointermove", (e) => this.hover(placeOn(line, e), rowOf(e)));
    line.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    wheel(line, (e) => this.zoom(Math.exp(e.deltaY * 0.0015)));
    this.box.addEventListener("keydown", (e) => this.press(e));
    this.video.addEventListener("error", () => this.show());
  }

  get excluding() { return isOn(this.excluder); }

  /** Ask the page to exclude the span that was drawn. */
  exclude() {
    const span = this.span;
    this.span = undefined;
    setOn(this.excluder, false);
    this.draw();
    if (!span || span[1] - span[0] < 0.02) return;
    this.component.setTriggerValue("exclude", { from: Number(span[0].toFixed(3)), until: Number(span[1].toFixed(3)) });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const { tagName } = /** @type {Element} */ (event.target), { key } = event;
    if (tagName === "INPUT") return;
    const step = event.target === this.line ? { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[key] : 0;
    if (step) this.go(this.row + step);
    else if (key === " " && tagName !== "BUTTON") this.playback.toggle();
    else return;
    event.preventDefault();
    this.tell();
  }

  /** @param {string[]} values */
  recall(values) {
    this.camera.look(values.slice(0, 3).map(Number));
    const [mode = "", rows] = values[3] ?? "";
    this.colour(MODES.find((one) => one[0].toLowerCase() === mode) ?? MODES[0]);
    this.showRows(rows === "s" ? STAGE : CODEWORDS);
    this.linked = values.slice(4, 6).map(Number);
  }

  /** @param {Data} data */
  async load(data) {
    this.box.style.setProperty("--height", `${data.height}px`);
    const [face, codebook, pack, times] = await Promise.all([loadFace(data.face), loadPack(data.codebook),
      loadPack(data.recording), data.film ? loadPack(data.film.times) : null]);
    this.canvas.setAttribute("aria-label", `${data.name}: original and reconstruction`);
    this.face = face;
    this.camera.before(face);
    this.scale.style.setProperty("--gradient", gradient(face.look.heat));
    if (this.pack !== pack) this.open(new Recording(pack, codebook.psi));
    this.pack = pack;
    this.openFilm(times);
    if (data.seconds !== undefined && data.seconds !== this.seconds) this.go(this.track.rowAt(data.seconds));
    this.seconds = data.seconds;
    this.strips.choose(new Set(data.chosen || []), data.marks || [], data.bands || []);
    this.excluder.hidden = !data.excludes;
    this.showRows(this.kind);
  }

  /** Rows of the strongest codewords, or of stages. @param {string} kind */
  showRows(kind) {
    this.kind = kind;
    this.kinds.forEach((one) => setOn(one, one.textContent === kind));
    if (this.track) this.draw();
  }

  /** What the rows are measured by, and the colours of the regions that are in them. */
  explain() {
    const { strips, data } = this, faint = data.from ? `, paler below ${data.from} mm` : "";
    const words = this.kind === STAGE ? "One row for each stage of a frame: the darker, the stronger"
      : `Height: 0 to ${strips.end} mm or more in every row${faint}`;
    const units = strips.track.lanes.find((lane) => lane.rows);
    const known = Object.values(data.items).filter((item) => item?.region), shown = this.kind === STAGE ? known
      : strips.rowsOfCodewords.map(({ k }) => data.items[k]);
    const regions = new Map(shown.flatMap((item) => (item?.region ? [[item.region, item.colour ?? ""]] : [])));
    const spoken = units ? `${words}; ${units.label}: ${units.low} to ${units.high}` : words;
    const key = JSON.stringify([spoken, ...regions]);
    if (key === this.explained) return;
    this.explained = key;
    this.legend.replaceChildren(element("span", {}, spoken), ...[...regions].map(([region, colour]) =>
      element("span", {}, element("i", { style: `background:${colour}` }), region)));
  }

  /** @param {Recording} track */
  open(track) {
    this.playback.stop();
    this.track = track;
    this.stretch = new Stretch(track.time[0], track.last);
    this.strips = new Strips(track, this.stretch, this.data.items, this.data.from ?? 0);
    this.stages = clamp(this.data.stages || track.stages, 1, track.stages);
    this.depth.max = String(track.stages);
    this.depth.value = String(this.stages);
    this.row = clamp(this.data.at || 0, 0, track.rows - 1);
    this.range = this.face.look.shared;
    this.line.setAttribute("aria-valuemin", "0");
    this.line.setAttribute("aria-valuemax", String(Math.round(this.stretch.last)));
    const [from, until] = this.linked;
    if (!page.stretched && this.stretch.allows(from, until)) this.stretch.move(from, until - from);
    page.stretched = true; // a link's stretch is of its recording
  }

  /** @param {import("../shared/pack.js").Pack | null} times of the film, null for none */
  openFilm(times) {
    const film = times && new Film(times, this.track.time);
    if (times !== this.times) this.screen.open(this.data.film?.video ?? "", film);
    this.times = times;
    this.strips.film = this.screen.film;
    this.film.hidden = !film;
    this.hears.hidden = !film?.hasSound;
    this.box.classList.toggle("filmed", Boolean(film));
    this.video.setAttribute("aria-label", `Video ${this.data.film?.name ?? ""}`);
    this.show();
  }

  /** The frame of the video at this row. */
  show() {
    if (!this.screen.film) return;
    const there = this.screen.show(this.row), { error } = this.video;
    this.noPicture.hidden = there && !error;
    this.video.classList.toggle("none", !there || Boolean(error));
    this.noPicture.textContent = error ? "This browser cannot play the video’s format." : "The video has no frame here.";
  }

  get time() { return this.track.time[this.row]; }

  /** @param {number} row */
  go(row) {
    this.row = clamp(row, 0, this.track.rows - 1);
    this.stretch.follow(this.time);
    if (!this.playback.playing || !this.filmed) this.show();
    this.draw();
  }

  /** @param {number} factor */
  zoom(factor) {
    this.stretch.zoom(factor, this.time);
    this.draw();
  }

  /** Tell the page where we are, once scrubbing has come to rest. */
  tell() {
    clearTimeout(this.telling);
    this.telling = window.setTimeout(() => {
      if (!this.track || this.playback.playing) return;
      const at = { t: Number(this.time.toFixed(3)), stages: this.stages }, key = JSON.stringify(at);
      if (key !== this.told) this.component.setStateValue("at", at);
      this.told = key;
    }, 350);
  }

  /** @param {string} mode */
  colour(mode) {
    this.mode = mode;
    this.modes.forEach((one) => setOn(one, one.textContent === mode));
    this.draw();
  }

  /** Camera, colour, and the stretch of time where it is not the whole; the second of a playing recording once a second. */
  remember() {
    const { from, until, first, last } = this.stretch, whole = near(from, first) && near(until, last);
    const mode = this.mode[0].toLowerCase() + (this.kind === STAGE ? "s" : "");
    const values = [...this.camera.values, mode, ...(whole ? [] : [from, until])];
    remember(this.name, this.camera.moved || mode !== "m" || !whole ? values : null);
    if (this.name && this.playback.playing && performance.now() - this.noted > 1000) {
      this.noted = performance.now();
      putParameter("t", Number(this.time.toFixed(3)));
    }
  }

  render() {
    this.remember();
    this.renderFaces();
    this.strips.kind = this.kind;
    this.strips.count(this.stages);
    this.box.style.setProperty("--line", `${this.strips.high}px`);
    this.explain();
    this.strips.draw(this.line, this.stages, this.time, theme(this.box));
    if (this.span) this.strips.drawSpan(this.line, this.span, theme(this.box));
    this.describe();
    this.list();
  }

  renderFaces() {
    const { face } = this;
    fitCanvas(this.canvas);
    const context = context2d(this.canvas), { width, height } = this.canvas, half = width / 2;
    const wrong = this.mode === "Error", heat = this.mode !== "Plain";
    const surface = this.playback.playing ? face.plain : face.fine;
    const original = face.pose(this.track.psi(this.row), undefined, surface);
    const rebuilt = face.pose(this.track.rebuilt(this.row, this.stages), undefined, surface);
    if (wrong) rebuilt.heat = sizes(original.position.map((v, i) => v - rebuilt.position[i]));
    context.clearRect(0, 0, width, height);
    paint(context, face, original, this.camera, [0, 0, half, height], { range: this.range, heat: heat && !wrong });
    paint(context, face, rebuilt, this.camera, [half, 0, half, height], { range: wrong ? ERROR_MM : this.range, heat });
  }

  describe() {
    const { track, stages, time } = this, all = track.stages;
    this.clock.textContent = `${clockText(time)} / ${clockText(this.stretch.last)}`;
    this.depthLabel.textContent = `Stages ${stages} of ${all}`;
    this.error.textContent = `Error ${track.error(this.row, stages).toFixed(2)} mm`;
    this.captions?.replaceChildren(element("span", {}, "Original"),
      element("span", {}, stages === all ? "Reconstruction" : `Reconstruction, ${stages} of ${all} stages`));
    this.scale.hidden = this.mode === "Plain";
    this.scaleEnd.textContent = this.mode === "Error" ? `${ERROR_MM} mm error` : `${this.range} mm or more`;
    this.line.setAttribute("aria-valuenow", time.toFixed(1));
    this.line.setAttribute("aria-valuetext", `${time.toFixed(1)} seconds`);
  }

  /** The codewords of this frame, tokens of the same one summed, the faint ones below; the cursor stays among them. */
  list() {
    const tokens = Array.from({ length: this.track.stages }, (_, stage) => this.track.token(this.row, stage));
    const key = JSON.stringify([tokens, this.stages]);
    if (key === this.listed) return;
    this.listed = key;
    const { activeElement } = /** @type {Document | ShadowRoot} */ (this.box.getRootNode());
    const focus = this.parts.contains(activeElement);
    const all = summed(tokens, this.stages), faint = all.filter((one) => this.isFaint(one));
    this.parts.replaceChildren(...all.filter((one) => !faint.includes(one)).map((one) => this.part(one)),
      ...(faint.length ? [this.faint(faint)] : []));
    if (!all.length) this.parts.append(element("li", { class: "rest" }, element("span", {}, "at rest")));
    if (focus) this.parts.querySelector("button")?.focus();
  }

  /** Whether a codeword moves the face by less than what is counted. @param {Summed} one */
  isFaint({ k, g }) {
    const mm = this.data.items[k]?.mm;
    return mm !== undefined && mm !== null && g * mm < (this.data.from ?? 0);
  }

  /** The faint ones under one line. @param {Summed[]} all */
  faint(all) {
    const words = `${all.length} faint, each below ${this.data.from} mm`;
    const box = element("details", { ontoggle: () => { this.faintOpen = box.open; } }, element("summary", {}, words),
      element("ol", {}, ...all.map((one) => this.part(one))));
    box.open = this.faintOpen;
    return element("li", { class: "faint" }, box);
  }

  /** @param {Summed} one */
  part({ k, g, stage }) {
    const item = this.data.items[k], off = stage >= this.stages ? "off" : "";
    const number = element("span", { class: "number", title: `Stage ${stage + 1}` }, String(stage + 1));
    const open = element("button", { type: "button", class: "part", title: `Open codeword ${k}`,
      onclick: () => this.component.setTriggerValue("open", k) },
    item?.src ? element("img", { src: item.src, alt: "" }) : element("i", { style: `background:${item?.colour}` }),
    element("span", {}, element("b", {}, `${k}`), ` ${item?.note ?? ""}`), 
    element("em", { title: `Intensity ${g.toFixed(2)}` }, item?.mm ? `${(g * item.mm).toFixed(1)} mm` : `× ${g.toFixed(2)}`));
    return element("li", { class: off }, number, open);
  }

  /** What is below the pointer. @param {[number, number]} place CSS pixels @param {number} row */
  hover([x, y], row) {
    const { width, height } = this.line.getBoundingClientRect(), { track, strips } = this, at = y - strips.top;
    const [end] = strips.stagesIn(height), lane = at < end ? null : strips.laneAt(at - end);
    const text = lane ? track.laneText(lane, row)
      : strips.textAt(at, height, row) || `error ${track.error(row, this.stages).toFixed(2)} mm`;
    this.tip.textContent = [`${track.time[row].toFixed(2)} s`, ...this.strips.textsAt(track.time[row]), text].join(" · ");
    this.tip.hidden = x < GUTTER;
    Object.assign(this.tip.style, { left: `${Math.min(x + 12, width - 260)}px`, top: `${Math.max(0, y - 34)}px` });
  }

  close() {
    super.close();
    this.playback.stop();
    this.screen.close();
    clearTimeout(this.telling);
  }
}

export default mount(Player);
