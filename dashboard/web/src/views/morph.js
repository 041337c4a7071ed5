// The quick look: a face that morphs between neutral and one expression, in the browser alone.

import { drawArrows } from "../shared/arrows.js";
import { Camera } from "../shared/camera.js";
import { onClicked } from "../shared/clicked.js";
import { button, context2d, element, fitCanvas, gradient, iconButton, isOn, setSwitches, switches,
  toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { remember } from "../shared/link.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { GLIDE, page } from "../shared/page.js";
import { Playback } from "../shared/playback.js";
import { orbit } from "../shared/pointer.js";
import { paint } from "../shared/stage.js";
import { mount, View } from "../shared/view.js";

/** @typedef {{ codeword?: number, psi?: number[], title?: string, model?: string }} Shown */
/**
 * @typedef {Shown & { face: import("../shared/face.js").FaceAddress, codebook?: string, alt: string, height: number,
 *   look: string, other?: { title: string, psi: number[] } }} Data `other`: what stands beside it instead of neutral
 */
/** @typedef {{ from: Float32Array, to: Float32Array, begun: number }} Glide */

const PERIOD = 2400; // ms from neutral to neutral

/** @type {[label: string, yaw: number, title: string][]} */
const SIDES = [["Front", 0, "Look from the front"], ["Left", 1.45, "Look at the face’s left side"],
  ["Right", -1.45, "Look at the face’s right side"]];

/** Between two expressions: slow at both ends. @param {Glide} glide @param {number} now @returns {Float32Array} */
export function glided({ from, to, begun }, now) {
  const t = Math.min(1, (now - begun) / GLIDE), s = t * t * (3 - 2 * t);
  return to.map((v, i) => from[i] * (1 - s) + v * s);
}

/** @extends {View<Data>} */
class Morph extends View {
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {import("../shared/pack.js").Pack | null} */ codebook = null;
  /** @type {Float32Array | undefined} */ target;
  /** @type {number | undefined} */ codeword;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "morph");
    this.instead = "The full scene and the pictures still work.";
    this.camera = new Camera(0.32, 0.04);
    this.amount = 1;
    this.phase = 0.5;
    this.title = "";
    this.range = 1;
    this.leftDrawn = "";
    this.described = "";
    /** @type {Glide | null} */ this.glide = null;
    /** @type {Float32Array | null} */ this.shown = null;
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.scale = element("div", { class: "scale" });
    this.slider = element("input", { type: "range", min: 0, max: 150, value: 100, step: 1, "aria-label": "Intensity",
      oninput: () => { this.playback.stop(); this.amount = Number(this.slider.value) / 100; this.draw(); } });
    this.readout = element("output", { class: "readout" });
    let before = 0;
    this.playback = new Playback("Play the movement", {
      began: () => { before = this.phase; },
      step: (ms) => this.step((before + ms / PERIOD) % 1),
      stopped: this.draw,
    });
    this.beside = this.toggle("Neutral beside", "Show the neutral face beside it", true);
    this.heat = this.toggle("Heat map", "Colour the skin by how far it moves", true);
    this.signed = this.toggle("In / out", "Colour by direction: outwards or inwards along the skin", false);
    this.arrows = this.toggle("Arrows", "Show where the skin goes, drawn 2.5 times as long", false);
    this.own = this.toggle("Own scale", "Spread the colours over this movement alone, not over the 10 mm of all pictures", false);
    this.toggles = [this.beside, this.heat, this.signed, this.arrows, this.own];
    this.build();
    this.forget = onClicked((clicked) => this.show(clicked));
    this.resized.observe(this.canvas);
  }

  build() {
    const sides = SIDES.map(([label, yaw, title]) => button(label,
      () => { Object.assign(this.camera, { yaw, pitch: 0 }); this.draw(); },
      { class: "toggle", title, "aria-label": title }));
    const reset = iconButton("reset", "Reset the view", () => { this.camera.reset(); this.draw(); });
    this.box.append(
      element("div", { class: "picture" }, this.canvas, this.captions, this.scale),
      element("div", { class: "controls" }, this.playback.button, element("span", { class: "end" }, "Neutral"),
        element("span", { class: "scaled" }, this.slider, element("small", { "aria-hidden": "true" }, "100 %")),
        element("span", { class: "end" }, "150 %"), this.readout, reset),
      element("div", { class: "toggles" }, ...this.toggles,
        element("span", { class: "group", role: "group", "aria-label": "Side to look from" }, ...sides),
        element("span", { class: "hint" }, "Drag to turn, click then scroll to zoom")));
    orbit(this.canvas, this.camera, this.draw);
  }

  /** @param {string} label @param {string} title @param {boolean} on */
  toggle(label, title, on) { return toggle(label, on, () => this.draw(), { title }); }

  /** Camera, intensity in per cent and the four switches. */
  remember() {
    const on = switches(this.toggles), amount = this.playback.playing ? 100 : Math.round(this.amount * 100);
    const changed = this.camera.moved || amount !== 100 || on !== "11000";
    remember(this.name, changed ? [...this.camera.values, amount, on] : null);
  }

  /** @param {string[]} values */
  recall(values) {
    const [yaw, pitch, zoom, amount] = values.map(Number);
    this.camera.look([yaw, pitch, zoom]);
    if (amount >= 0) { this.slider.value = String(amount); this.amount = Number(this.slider.value) / 100; }
    setSwitches(this.toggles, values[4]);
  }

  /** @param {Data} data */
  async load(data) {
    this.beside.textContent = data.other ? "Side by side" : "Neutral beside";
    this.box.style.setProperty("--height", `${data.height}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    this.face = await loadFace(data.face);
    this.camera.before(this.face);
    this.codebook = data.codebook ? await loadPack(data.codebook) : null;
    this.scale.style.setProperty("--gradient", gradient(this.face.look.heat));
    this.scale.style.setProperty("--diverging", gradient(this.face.look.diverging));
    this.show({ codeword: data.codeword, psi: data.psi, title: data.title });
  }

  /** Glide from what is shown to another expression. @param {Shown} shown */
  show({ codeword, psi, title, model }) {
    if (!this.face || (model && this.data.model && model !== this.data.model)) return;
    const size = this.face.coefficients;
    const target = psi ? Float32Array.from(psi)
      : this.codebook ? Float32Array.from(rowOf(this.codebook.psi, codeword ?? 0, size)) : new Float32Array(size);
    const { shown, target: before } = this;
    this.title = title ?? (codeword !== undefined ? `Codeword ${codeword}` : "Expression");
    this.codeword = codeword;
    if (!shown || !before || target.some((v, i) => Math.abs(v - before[i]) >= 1e-7)) {
      this.target = target;
      this.range = this.face.range(target);
      this.glide = shown && this.box.isConnected ? { from: shown, to: target, begun: performance.now() } : null;
    }
    this.draw();
  }

  /** A step of the movement. @param {number} phase of its period */
  step(phase) {
    this.phase = phase;
    this.amount = 0.5 - 0.5 * Math.cos(2 * Math.PI * phase);
    this.slider.value = String(Math.round(this.amount * 100));
    this.paint();
  }

  /** What is shown now; the next frame is asked for while it glides. @param {Float32Array} target */
  current(target) {
    if (!this.glide) return target;
    const now = performance.now(), shown = glided(this.glide, now);
    if (now - this.glide.begun >= GLIDE) this.glide = null; else this.draw();
    return shown;
  }

  /** While it moves it is drawn on the face's own triangles, and on finer ones when it comes to rest. */
  get moving() { return this.playback.playing || this.glide !== null; }

  render() {
    const { face, target, canvas, camera } = this;
    if (!face || !target) return;
    const range = isOn(this.own) ? this.range : face.look.shared;
    if (fitCanvas(canvas)) this.leftDrawn = "";
    this.shown = this.current(target);
    const signed = isOn(this.signed), psi = this.shown.map((v) => v * this.amount);
    const pose = face.pose(psi, signed ? (moved) => face.outward(moved) : undefined, this.moving ? face.plain : face.fine);
    const context = context2d(canvas), { width, height } = canvas, left = isOn(this.beside) ? width / 2 : 0;
    /** @type {import("../shared/stage.js").Box} */ const box = [left, 0, width - left, height];
    context.clearRect(...box);
    this.renderBeside(context, face, left, height, range);
    paint(context, face, pose, camera, box, { range, heat: isOn(this.heat), signed });
    if (isOn(this.arrows)) drawArrows(context, face, pose, camera, box, this.range);
    this.describe(left > 0, signed, range);
    this.remember();
  }

  /** What stands to the left: the neutral face, or another expression at the same intensity. It is drawn when something
   * of it changes, not on every step of the movement beside it.
   * @param {CanvasRenderingContext2D} context @param {import("../shared/face.js").Face} face
   * @param {number} width @param {number} height @param {number} range */
  renderBeside(context, face, width, height, range) {
    const { other } = this.data, heat = isOn(this.heat);
    const of = other ? [other.title, ...other.psi, this.amount, heat, range] : [];
    const key = width ? [width, height, face.key, this.moving, ...this.camera.values, ...of].join() : "";
    if (key && key !== this.leftDrawn) {
      const pose = face.pose(other ? other.psi.map((v) => v * this.amount) : [], undefined, this.moving ? face.plain : face.fine);
      context.clearRect(0, 0, width, height);
      paint(context, face, pose, this.camera, [0, 0, width, height],
        other ? { heat, range } : { heat: false });
    }
    this.leftDrawn = key;
  }

  /** @param {boolean} pair @param {boolean} signed @param {number} range */
  describe(pair, signed, range) {
    this.readout.textContent = `${Math.round(this.amount * 100)} %`;
    const names = pair ? [this.data.other?.title ?? "Neutral", this.title] : [this.title];
    const mm = range < 9.95 ? range.toFixed(1) : Math.round(range), more = isOn(this.own) ? "" : " or more";
    const [low, high] = signed ? [`${mm} mm in`, `${mm} mm out`] : ["0", `${mm} mm${more}`];
    this.scale.hidden = !isOn(this.heat);
    const key = [...names, low, high].join("|");
    if (key !== this.described) {
      this.captions?.replaceChildren(...names.map((name) => element("span", {}, name)));
      this.scale.classList.toggle("signed", signed);
      this.scale.replaceChildren(element("span", {}, low), element("i"), element("span", {}, high));
    }
    this.described = key;
    Object.assign(this.box.dataset, { settled: String(!this.glide), codeword: this.codeword ?? "" });
  }

  close() {
    super.close();
    this.playback.stop();
    page.poster = this.canvas;
    this.forget();
  }
}

export default mount(Morph);
