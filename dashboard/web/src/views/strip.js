// Small faces, each an expression: moments of recordings or codewords beside each other, in a row, or syllables in a grid.

import { element, isOn, setOn } from "../shared/dom.js";
import { Edges } from "../shared/edges.js";
import { loadFace } from "../shared/face.js";
import { amountAt, calm, Movements, rowAt } from "../shared/movements.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { portrait, Portraits } from "../shared/portraits.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ psi?: number[], codeword?: number, title: string, note: string, alt: string, src?: string, still?: string,
 *   still_alt?: string }} Item `still`: a picture below the face
 * @typedef {{ face: import("../shared/face.js").FaceAddress, codebook?: string, items: Item[], range?: number,
 *   heat?: boolean, movements?: string, grid?: boolean, selected?: number | null }} Data `movements`: the pack of what
 *   the face of each item does around it, `grid`: in as many rows as they need, `selected`: the item that is open
 */

/**
 * @template {Data} [D=Data]
 * @extends {View<D>}
 */
export class Strip extends View {
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {import("../shared/pack.js").Pack | null} */ codebook = null;
  /** @type {import("../shared/pack.js").Pack | null} */ recorded = null;

  /** @param {import("../shared/view.js").Component<D>} component @param {string} [name] class of its box */
  constructor(component, name = "strip") {
    super(component, name);
    this.shown = "";
    this.edges = new Edges(this.box, component.parentElement);
    this.movements = new Movements((at, ms) => this.move(at, ms), (at) => this.settle(at));
    this.all = element("button", { type: "button", class: "toggle all", "aria-pressed": "false", hidden: true,
      title: "Let every face show its movement", onclick: () => this.playAll(!isOn(this.all)) }, "Play all");
    this.box.after(this.all);
    this.portraits = new Portraits((canvas) => this.portray(canvas),
      { each: 2, margin: "150px", finished: () => { this.box.dataset.state = "drawn"; } });
    this.resized.observe(this.box);
  }

  /** @param {D} data */
  async load(data) {
    this.box.classList.toggle("grid", Boolean(data.grid));
    const signature = JSON.stringify(data.items.map((i) => [i.title, i.note, i.alt, i.src, i.still]));
    if (signature !== this.shown) {
      const filmed = data.items.some((item) => item.still);
      this.playAll(false);
      this.box.replaceChildren(...data.items.map((item, at) => this.card(item, at, filmed)));
    }
    this.shown = signature;
    this.box.querySelectorAll(".card").forEach((card, at) => card.toggleAttribute("data-open", at === data.selected));
    this.face = await loadFace(data.face);
    this.codebook = data.codebook ? await loadPack(data.codebook) : null;
    this.recorded = data.movements ? await loadPack(data.movements) : null;
    this.all.hidden = !this.recorded;
  }

  /** @param {Item} item @param {number} at @param {boolean} filmed */
  card(item, at, filmed) {
    const face = item.src ? element("img", { src: item.src, alt: "", loading: "lazy" }) : this.canvas(at);
    const still = item.still ? element("img", { class: "still", src: item.still, alt: item.still_alt })
      : element("span", { class: "still" });
    const looked = () => { if (!calm()) this.movements.start(at); };
    const left = () => { if (!isOn(this.all)) this.movements.stop(at); };
    return element("button", { type: "button", class: "card", "aria-label": item.alt, title: item.alt,
      onclick: () => this.component.setTriggerValue("pick", at), onpointerenter: looked, onpointerleave: left,
      onfocus: looked, onblur: left }, element("span", { class: "face" }, face),
    ...(filmed ? [still] : []), element("span", { class: "title" }, item.title),
    element("span", { class: "note" }, item.note));
  }

  /** @param {number} at */
  canvas(at) { return element("canvas", { "aria-hidden": "true", "data-at": at }); }

  /** Every face is drawn again: its data or its size may be others. */
  paint() {
    if (!this.loaded) return;
    const canvases = this.box.querySelectorAll("canvas");
    canvases.forEach((canvas) => this.portraits.add(canvas));
    if (!canvases.length) this.box.dataset.state = "drawn";
  }

  /** @param {HTMLCanvasElement} canvas */
  portray(canvas) {
    const at = Number(canvas.dataset.at);
    if (!this.face || !canvas.isConnected || this.movements.begun.has(at)) return;
    this.drawInto(canvas, this.peak(at));
  }

  /** @param {HTMLCanvasElement} canvas @param {import("../shared/face.js").Psi} psi */
  drawInto(canvas, psi) {
    const { face, data: { range, heat } } = this;
    try {
      if (face) portrait(canvas, face, psi, { range, heat });
    } catch (error) { this.fail(error); }
  }

  /** The expression of an item. @param {number} at @returns {import("../shared/face.js").Psi} */
  peak(at) {
    const { psi, codeword } = this.data.items[at] ?? {}, size = this.face?.coefficients ?? 0;
    return psi ?? (this.codebook ? rowOf(this.codebook.psi, codeword ?? 0, size) : []);
  }

  /** The expression of an item at a time of its movement: as recorded, or from neutral, there and back.
   * @param {number} at @param {number} ms */
  psiAt(at, ms) {
    const { recorded } = this;
    if (!recorded) return Float32Array.from(this.peak(at), (v) => v * amountAt(ms));
    const [, rows, size] = recorded.shapes.psi, row = at * rows + rowAt(ms, rows, recorded.fps);
    return Float32Array.from(rowOf(recorded.psi, row, size), (v) => v * recorded.scale[row]);
  }

  /** @param {number} at @param {number} ms */
  move(at, ms) {
    const face = this.box.children[at]?.querySelector(".face"), seen = face?.getBoundingClientRect();
    if (!face || !this.face || !seen || seen.bottom < 0 || seen.top > window.innerHeight) return;
    let canvas = face.querySelector("canvas");
    if (!canvas) face.append(canvas = this.canvas(at));
    this.box.dataset.moving = String(this.movements.begun.size);
    this.drawInto(canvas, this.psiAt(at, ms));
  }

  /** Its picture, or its face at rest, again. @param {number} at */
  settle(at) {
    const canvas = this.box.children[at]?.querySelector("canvas");
    this.box.dataset.moving = String(this.movements.begun.size);
    if (!canvas) return;
    if (canvas.previousElementSibling) canvas.remove(); else this.portray(canvas);
  }

  /** @param {boolean} on */
  playAll(on) {
    setOn(this.all, on);
    if (on) this.data.items.forEach((_, at) => this.movements.start(at)); else this.movements.stopAll();
  }

  close() {
    super.close();
    this.portraits.close();
    this.movements.close();
    this.edges.close();
    this.all.remove();
  }
}

export default mount(Strip);
