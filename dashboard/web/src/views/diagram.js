// Small faces at places of a drawing, with lines between them: what follows what, or what is like what.

import { mount } from "../shared/view.js";
import { Strip } from "./strip.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

/** @typedef {{ d: string, width: number, from?: number, to?: number, title?: string }} Line `d`: its path; `from` and
 *   `to`: the items at its ends, towards the second of which it has an arrow */
/** @typedef {{ x: number, y: number, text: string, end?: boolean }} Label `end`: its place is that of its right end */
/**
 * @typedef {import("./strip.js").Data & { places: [x: number, y: number][], lines: Line[], labels?: Label[], width: number,
 *   height: number, size: number, alt: string }} Data places of the middles of the items, paths and the size of a face
 *   in units of a drawing of `width` by `height`
 */

/** @param {string} name @param {Record<string, string | number>} attributes @param {(Node | string)[]} children */
function drawn(name, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** @param {Line} line */
function lineOf({ d, width, from, to, title }) {
  /** @type {Record<string, string | number>} */
  const ends = from === undefined || to === undefined ? {} : { "data-from": from, "data-to": to, "marker-end": "url(#arrow)" };
  return drawn("path", { class: "line", d, "stroke-width": width, ...ends }, ...(title ? [drawn("title", {}, title)] : []));
}

/** @extends {Strip<Data>} */
class Diagram extends Strip {
  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "diagram");
    this.lines = drawn("svg", { role: "img" });
    this.box.addEventListener("pointerover", (event) => this.light(this.itemAt(event)));
    this.box.addEventListener("focusin", (event) => this.light(this.itemAt(event)));
    for (const name of ["pointerleave", "focusout"]) this.box.addEventListener(name, () => this.light(this.opened));
  }

  /** The item that is open; −1 where none is. */
  get opened() { return this.data.selected ?? -1; }

  /** @param {Event} event */
  itemAt(event) {
    const card = /** @type {Element} */ (event.target).closest(".card");
    return card ? [...this.box.children].indexOf(card) : this.opened;
  }

  /** @param {Data} data */
  async load(data) {
    await super.load(data);
    this.all.hidden = true;
    const { width, height, size } = data;
    this.box.style.setProperty("--ratio", `${width} / ${height}`);
    this.box.style.setProperty("--size", `${(100 * size) / width}cqw`);
    this.box.querySelectorAll(".card").forEach((card, at) => {
      const [x, y] = data.places[at], { style } = /** @type {HTMLElement} */ (card);
      Object.assign(style, { left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%` });
    });
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.lines.setAttribute("aria-label", data.alt);
    const arrow = drawn("marker", { id: "arrow", viewBox: "0 0 6 6", refX: 5, refY: 3, markerWidth: 9, markerHeight: 9,
      markerUnits: "userSpaceOnUse", orient: "auto" }, drawn("path", { d: "M0 0L6 3L0 6z" }));
    const labels = (data.labels ?? []).map(({ x, y, text, end }) =>
      drawn("text", { x, y, "text-anchor": end ? "end" : "start" }, text));
    this.lines.replaceChildren(drawn("defs", {}, arrow), ...data.lines.map(lineOf), ...labels);
    this.box.append(this.lines);
    this.light(this.opened);
  }

  /** Show the lines of one item before the others, those that leave it apart from those that reach it; −1: of none.
   * @param {number} item */
  light(item) {
    const lines = [...this.lines.querySelectorAll("path[data-from]")];
    for (const line of lines) {
      line.classList.toggle("out", Number(line.getAttribute("data-from")) === item);
      line.classList.toggle("in", Number(line.getAttribute("data-to")) === item);
    }
    this.lines.classList.toggle("near", item >= 0 && lines.length > 0);
  }
}

export default mount(Diagram);
