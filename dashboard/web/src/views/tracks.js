// Tracks of a recording: intervals by tier that are drawn out, moved, split, merged and named, and the face that moves along.

import { Camera } from "../shared/camera.js";
import { blankCanvas, button, context2d, element, fitCanvas, isOn, theme, toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { added, History, merged, moved, relabelled, resized, split, under } from "../shared/intervals.js";
import { remember } from "../shared/link.js";
import { clamp, nearestIndex } from "../shared/maths.js";
import { loadPack } from "../shared/pack.js";
import { Playback } from "../shared/playback.js";
import { drag, orbit, placeOn } from "../shared/pointer.js";
import { paint } from "../shared/stage.js";
import { mount, View } from "../shared/view.js";

/** @typedef {import("../shared/intervals.js").Interval} Interval */
/**
 * @typedef {{ name: string, edited: boolean, words: string[], rows: Interval[] }} Tier `edited`: whether it is of the set
 *   that is edited; `words`: labels that are offered for it
 */
/**
 * @typedef {{ face: import("../shared/face.js").FaceAddress | null, recording: string, tiers: Tier[], end: number,
 *   seen: string, colours: Record<string, string>, may: boolean, look: string, height: number, alt: string, at?: number }} Data
 *   `end`: of the recording, ms; `seen`: of the intervals as the page read them; `may`: whether they may be saved
 */

const LANE = 26, LABELS = 148, AXIS = 22, EDGE = 6, SPANS = [5, 10, 20, 60, 300]; // CSS pixels; s

/** @type {Record<string, string>} */ const CURSORS = { move: "grab", on: "ew-resize", off: "ew-resize" };

/** Seconds between the marks of an axis, so that there are few. @param {number} span s */
export const stepOf = (span) => [0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300].find((step) => span / step <= 12) ?? 600;

/** Black or white, whichever is easier to read on a colour. @param {string} colour #rrggbb */
export const inkOn = (colour) => {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  return 0.2126 * r ** 2.2 + 0.7152 * g ** 2.2 + 0.0722 * b ** 2.2 > 0.22 ? "#111" : "#fff";
};

/** @extends {View<Data>} */
class Tracks extends View {
  /** @type {import("../shared/pack.js").Pack | undefined} */ pack;
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {Interval | undefined} */ chosen;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "tracks");
    this.instead = "The intervals can still be edited.";
    this.camera = new Camera();
    this.history = new History([]);
    this.seen = "";
    this.at = 0; // ms
    this.from = 0; // ms, of what is shown
    this.span = 20; // s
    this.tier = "";
    this.noted = 0;
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.picture = element("div", { class: "picture" }, this.canvas, this.captions);
    this.clock = element("output", { class: "clock" });
    this.heat = toggle("Heat map", true, this.draw);
    let before = 0;
    this.playback = new Playback("Play", {
      began: () => { before = this.at >= this.end ? 0 : this.at; },
      step: (ms) => { this.go(before + ms); if (this.at >= this.end) this.playback.stop(); },
      stopped: this.draw,
    });
    this.words = element("datalist", { id: "dfe-track-words" });
    this.label = element("input", { type: "text", class: "label", "aria-label": "Label of the interval", list: "dfe-track-words",
      placeholder: "Label", onchange: () => this.rename(), onkeydown: (/** @type {KeyboardEvent} */ e) => e.stopPropagation() });
    this.says = element("output", { class: "says", "aria-live": "polite" });
    this.edits = this.tools();
    this.lanes = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time in the recording" });
    this.box.append(this.picture, element("div", { class: "controls" }, this.playback.button, this.clock, this.heat,
      element("span", { class: "group" }, this.zoomed("−", 1, "Show more time"), this.zoomed("+", -1, "Show less time"))),
    element("div", { class: "timeline" }, this.lanes),
    element("div", { class: "toggles edits" }, this.label, this.words, ...Object.values(this.edits), this.says));
    this.listen();
    this.resized.observe(this.lanes);
  }

  /** @param {string} text @param {number} by @param {string} name */
  zoomed(text, by, name) {
    return button(text, () => {
      const at = SPANS.findIndex((span) => span >= this.span);
      this.span = SPANS[clamp((at < 0 ? SPANS.length - 1 : at) + by, 0, SPANS.length - 1)];
      this.follow(true);
      this.draw();
    }, { "aria-label": name, title: name });
  }

  tools() {
    const tool = (/** @type {string} */ text, /** @type {() => void} */ act, /** @type {string} */ title) =>
      button(text, act, { title, disabled: true });
    return {
      add: tool("Add", () => this.add(), "A new interval at the playhead (A)"),
      start: tool("Start here", () => this.edge("on"), "Let the interval begin at the playhead ([)"),
      stop: tool("End here", () => this.edge("off"), "Let the interval end at the playhead (])"),
      split: tool("Split", () => this.change(this.chosen && split(this.rows, this.chosen, this.at)), "Two of it at the playhead (S)"),
      merge: tool("Merge with next", () => this.change(this.chosen && merged(this.rows, this.chosen)), "One of it and the next of its tier (M)"),
      remove: tool("Delete", () => this.remove(), "Delete the interval (Delete)"),
      undo: tool("Undo", () => this.back(this.history.undo()), "Ctrl Z"),
      redo: tool("Redo", () => this.back(this.history.redo()), "Ctrl Y"),
      save: tool("Save", () => this.save(), "Keep the changes with the dataset (Ctrl S)"),
    };
  }

  get rows() { return this.history.rows; }

  get end() { return this.data.end; }

  /** Tiers as they are shown: those that are edited with their changes. @returns {Tier[]} */
  get tiers() {
    return this.data.tiers.map((tier) => (tier.edited ? { ...tier, rows: this.rows.filter((one) => one.tier === tier.name) } : tier));
  }

  get dirty() { return this.history.before.length > 0; }

  listen() {
    orbit(this.canvas, this.camera, this.draw);
    let held = /** @type {{ kind: string, one?: Interval, at: number, begun: boolean } | null} */ (null);
    drag(this.lanes, {
      began: (e) => {
        this.playback.stop();
        held = this.held(e);
        if (held.kind === "time") this.go(held.at);
        this.draw();
      },
      moved: (e) => {
        const at = this.timeAt(placeOn(this.lanes, e)[0]);
        if (!held || held.kind === "time" || !held.one) { this.go(at); return; }
        if (!held.begun && Math.abs(at - held.at) < 0.002 * 1000 * this.span / 10) return;
        const [rows, made] = held.kind === "move" ? moved(this.rows, held.one, at - held.at, this.end)
          : held.kind === "on" ? resized(this.rows, held.one, Math.min(at, held.one.off - 20), held.one.off, this.end)
          : resized(this.rows, held.one, held.one.on, at, this.end);
        if (held.begun) this.history.amend(rows); else this.history.change(rows);
        held = { ...held, one: made, begun: true, at: held.kind === "move" ? held.at + (made.on - held.one.on) : at };
        this.chosen = made;
        this.draw();
      },
      ended: () => { held = null; this.draw(); },
    });
    this.lanes.addEventListener("pointermove", (e) => { this.lanes.style.cursor = CURSORS[this.kindAt(e)] ?? "crosshair"; });
    this.lanes.addEventListener("wheel", (e) => {
      const by = Math.abs(e.deltaX) > Math.abs(e.deltaY) ? e.deltaX : e.shiftKey ? e.deltaY : 0;
      if (!by) return;
      e.preventDefault();
      this.from = this.within(this.from + by * 2 * this.span);
      this.draw();
    }, { passive: false });
    this.lanes.addEventListener("keydown", (e) => this.key(e));
  }

  /** What is at a pointer, without taking it up. @param {MouseEvent} e */
  kindAt(e) {
    const [x, y] = placeOn(this.lanes, e), tier = this.tiers[Math.floor(y / LANE)], at = this.timeAt(x), near = this.near;
    const one = x >= LABELS ? tier?.rows.find(({ on, off }) => at >= on - near && at <= off + near) : undefined;
    if (!one || !tier.edited || !this.data.may) return "time";
    return at <= one.on + near ? "on" : at >= one.off - near ? "off" : "move";
  }

  get near() { return EDGE * this.perPixel; }

  /** Choose what is at a pointer. @param {PointerEvent} e */
  held(e) {
    const [x, y] = placeOn(this.lanes, e), tier = this.tiers[Math.floor(y / LANE)], at = this.timeAt(x), near = this.near;
    const kind = this.kindAt(e);
    if (tier?.edited) this.tier = tier.name;
    const one = tier?.rows.find(({ on, off }) => at >= on && at <= off) ?? tier?.rows.find(({ on, off }) => at >= on - near && at <= off + near);
    this.chosen = tier?.edited ? one : undefined;
    return { kind, one, at, begun: false };
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const ctrl = e.ctrlKey || e.metaKey, frame = 1000 / 30, step = e.shiftKey ? 1000 : frame;
    /** @type {Record<string, () => void>} */ const plain = { ArrowLeft: () => this.go(this.at - step), ArrowRight: () => this.go(this.at + step),
      ArrowUp: () => this.other(-1), ArrowDown: () => this.other(1), Home: () => this.go(0), End: () => this.go(this.end), " ": () => this.playback.toggle(),
      a: () => this.edits.add.click(), s: () => this.edits.split.click(), m: () => this.edits.merge.click(),
      "[": () => this.edits.start.click(), "]": () => this.edits.stop.click(), Delete: () => this.edits.remove.click(),
      Backspace: () => this.edits.remove.click(), Enter: () => this.take() };
    /** @type {Record<string, () => void>} */ const control = { z: () => this.edits[e.shiftKey ? "redo" : "undo"].click(), y: () => this.edits.redo.click(), s: () => this.edits.save.click() };
    const act = (ctrl ? control : plain)[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!act) return;
    act();
    e.preventDefault();
    e.stopPropagation();
  }

  /** Choose the interval at the playhead, and go to its label. */
  take() {
    this.chosen = under(this.rows, this.tier, this.at) ?? this.chosen;
    this.paint();
    this.label.focus();
  }

  /** Another tier that can be edited. @param {number} by */
  other(by) {
    const own = this.data.tiers.filter((tier) => tier.edited).map((tier) => tier.name);
    this.tier = own[clamp(own.indexOf(this.tier) + by, 0, own.length - 1)] ?? "";
    this.chosen = under(this.rows, this.tier, this.at);
    this.draw();
  }

  /** Take up a change, where there is one. @param {[Interval[], Interval] | null | undefined} made */
  change(made) {
    if (!made) return;
    this.chosen = made[1];
    this.history.change(made[0]);
    this.draw();
  }

  add() {
    const { words = [] } = this.data.tiers.find(({ name }) => name === this.tier) ?? {};
    this.change(added(this.rows, this.tier, this.at, words[0] ?? "interval", this.end));
    this.label.focus();
    this.label.select();
  }

  /** @param {"on" | "off"} which */
  edge(which) {
    if (!this.chosen) return;
    const on = which === "on" ? this.at : this.chosen.on, off = which === "off" ? this.at : this.chosen.off;
    if (off > on) this.change(resized(this.rows, this.chosen, on, off, this.end));
  }

  rename() {
    const label = this.label.value.replace(/\s+/g, " ").trim();
    if (this.chosen && label && label !== this.chosen.label) this.change(relabelled(this.rows, this.chosen, label));
    this.lanes.focus();
  }

  remove() {
    if (!this.chosen) return;
    this.history.change(this.rows.filter((one) => one !== this.chosen));
    this.chosen = undefined;
    this.draw();
  }

  /** @param {boolean} changed */
  back(changed) {
    if (!changed) return;
    this.chosen = undefined;
    this.draw();
  }

  save() {
    const rows = this.rows.map(({ tier, on, off, label, source }) => ({ tier, on, off, label, source }));
    this.component.setTriggerValue("save", { rows, seen: this.seen });
  }

  /** @param {number} at ms */
  go(at) {
    this.at = clamp(at, 0, this.end);
    this.follow(false);
    this.draw();
  }

  /** @param {number} from */
  within(from) { return clamp(from, 0, Math.max(0, this.end - 1000 * this.span)); }

  /** Keep the playhead in what is shown. @param {boolean} middle */
  follow(middle) {
    const span = 1000 * this.span;
    if (middle || this.at < this.from || this.at > this.from + span) this.from = this.within(this.at - span * (middle ? 0.5 : 0.1));
  }

  get perPixel() { return (1000 * this.shown) / Math.max(1, this.lanes.getBoundingClientRect().width - LABELS - 4); }

  /** s that are shown. */
  get shown() { return Math.min(this.span, this.end / 1000); }

  /** @param {number} x CSS pixels @returns ms */
  timeAt(x) { return clamp(this.from + (x - LABELS) * this.perPixel, 0, this.end); }

  /** @param {string[]} values */
  recall(values) {
    this.camera.look(values.slice(0, 3).map(Number));
    if (Number(values[3]) > 0) this.at = Number(values[3]) * 1000;
    if (Number(values[4]) > 0) this.span = Number(values[4]);
  }

  remember() {
    if (this.playback.playing && performance.now() - this.noted < 1000) return;
    this.noted = performance.now();
    remember(this.name, this.camera.moved || this.at || this.span !== 20 ? [...this.camera.values, this.at / 1000, this.span] : null);
  }

  /** @param {Data} data */
  async load(data) {
    this.box.style.setProperty("--height", `${data.height}px`);
    this.box.style.setProperty("--line", `${data.tiers.length * LANE + AXIS}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    this.picture.hidden = !data.face;
    if (data.seen !== this.seen) {
      this.history = new History(data.tiers.filter((tier) => tier.edited).flatMap((tier) => tier.rows));
      this.chosen = undefined;
    }
    this.seen = data.seen;
    if (!data.tiers.some(({ name }) => name === this.tier)) this.tier = data.tiers.find(({ edited }) => edited)?.name ?? "";
    if (data.at !== undefined && !this.loaded && !this.at) this.at = data.at;
    this.follow(false);
    this.pack = await loadPack(data.recording);
    this.face = data.face ? await loadFace(data.face) : undefined;
    if (this.face) this.camera.before(this.face);
  }

  /** ψ of the frame nearest to the playhead. */
  psi() {
    const { pack, face } = this;
    if (!pack || !face) return [];
    const row = nearestIndex(pack.time, this.at / 1000), at = row * face.coefficients;
    return Float32Array.from({ length: face.coefficients }, (_, e) => pack.psi[at + e] * pack.scale[e]);
  }

  render() {
    if (this.face) {
      fitCanvas(this.canvas);
      const { width, height } = this.canvas, context = context2d(this.canvas);
      context.clearRect(0, 0, width, height);
      paint(context, this.face, this.face.pose(this.psi(), undefined, this.playback.playing ? this.face.plain : this.face.fine), this.camera,
        [0, 0, width, height], { heat: isOn(this.heat), range: this.face.look.shared });
    }
    this.renderLanes();
    this.renderTools();
    this.remember();
  }

  renderLanes() {
    const { context, width } = blankCanvas(this.lanes), colours = theme(this.box), { from, shown, tiers } = this;
    const scale = (width - LABELS - 4) / (1000 * shown), x = (/** @type {number} */ ms) => LABELS + (ms - from) * scale;
    context.font = `12px ${colours.font}`;
    context.textBaseline = "middle";
    const bottom = tiers.length * LANE;
    tiers.forEach((tier, i) => {
      const y = i * LANE;
      context.globalAlpha = tier.edited ? 1 : 0.75;
      context.fillStyle = tier.name === this.tier && tier.edited ? colours.primary : colours.text;
      context.fillText(tier.name.length > 21 ? `${tier.name.slice(0, 20)}…` : tier.name, 0, y + LANE / 2);
      context.fillStyle = colours.ground;
      context.fillRect(LABELS, y + 2, width - LABELS - 4, LANE - 4);
      context.save();
      context.beginPath();
      context.rect(LABELS, y, width - LABELS - 4, LANE);
      context.clip();
      for (const one of tier.rows) if (one.off >= from && one.on <= from + 1000 * shown) this.bar(context, one, [x(one.on), x(one.off), y], tier.edited, colours);
      context.restore();
    });
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    const step = stepOf(shown);
    for (let t = Math.ceil(from / 1000 / step) * step; t <= from / 1000 + shown + 1e-6; t += step) {
      context.textAlign = x(1000 * t) > width - 30 ? "right" : "center";
      context.fillText(`${Number(t.toFixed(1))} s`, x(1000 * t), bottom + AXIS / 2);
    }
    context.textAlign = "left";
    context.fillStyle = colours.primary;
    if (this.at >= from && this.at <= from + 1000 * shown) context.fillRect(x(this.at) - 1, 0, 2, bottom + 3);
    this.clock.textContent = `${(this.at / 1000).toFixed(2)} / ${(this.end / 1000).toFixed(1)} s`;
    for (const [name, value] of Object.entries({ now: this.at, min: 0, max: this.end })) this.lanes.setAttribute(`aria-value${name}`, (value / 1000).toFixed(2));
    this.lanes.setAttribute("aria-valuetext", this.told());
  }

  /** One interval. @param {CanvasRenderingContext2D} context @param {Interval} one
   * @param {[left: number, right: number, top: number]} place @param {boolean} edited @param {ReturnType<typeof theme>} colours */
  bar(context, one, [left, right, top], edited, colours) {
    const width = Math.max(2, right - left), chosen = one === this.chosen;
    context.globalAlpha = edited ? 0.85 : 0.5;
    const colour = this.data.colours[one.label] ?? "#5f7d95";
    context.fillStyle = colour;
    context.fillRect(left, top + 3, width, LANE - 6);
    context.globalAlpha = 1;
    if (chosen) {
      context.strokeStyle = colours.text;
      context.lineWidth = 2;
      context.strokeRect(left, top + 3, width, LANE - 6);
    }
    if (width > 26) {
      context.save();
      context.beginPath();
      context.rect(left, top, width - 3, LANE);
      context.clip();
      context.fillStyle = edited ? inkOn(colour) : colours.text;
      context.fillText(one.label, Math.max(left, LABELS) + 5, top + LANE / 2 + 0.5);
      context.restore();
    }
  }

  /** What is at the playhead, in words. */
  told() {
    const said = this.tiers.flatMap(({ name, rows }) => rows.filter(({ on, off }) => on <= this.at && this.at < off).map(({ label }) => `${name}: ${label}`));
    return `${(this.at / 1000).toFixed(2)} s, ${said.join(", ") || "nothing"}`;
  }

  renderTools() {
    const { chosen, edits, data: { may } } = this, own = may && Boolean(chosen);
    const open = may && Boolean(this.tier) && !under(this.rows, this.tier, this.at);
    const inside = own && chosen && this.at > chosen.on && this.at < chosen.off;
    const on = { add: open, start: own, stop: own, split: inside, merge: own && Boolean(chosen && merged(this.rows, chosen)), remove: own,
      undo: this.history.before.length > 0, redo: this.history.after.length > 0, save: may && this.dirty };
    for (const [name, is] of Object.entries(on)) edits[/** @type {keyof typeof edits} */ (name)].disabled = !is;
    this.label.disabled = !own;
    if (this.label !== /** @type {ShadowRoot | Document} */ (this.box.getRootNode()).activeElement) this.label.value = chosen?.label ?? "";
    const words = this.data.tiers.find(({ name }) => name === (chosen?.tier ?? this.tier))?.words ?? [];
    if (this.words.childElementCount !== words.length || this.words.dataset.tier !== this.tier) {
      this.words.dataset.tier = this.tier;
      this.words.replaceChildren(...words.map((value) => element("option", { value })));
    }
    const length = chosen ? `${chosen.tier}, ${(chosen.on / 1000).toFixed(3)} to ${(chosen.off / 1000).toFixed(3)} s, by ${chosen.source}. ` : "";
    this.says.textContent = `${length}${this.dirty ? `${this.history.before.length} not saved` : ""}`;
    this.box.dataset.rows = String(this.rows.length);
    this.box.dataset.dirty = String(this.dirty);
  }

  close() {
    super.close();
    this.playback.stop();
  }
}

export default mount(Tracks);
