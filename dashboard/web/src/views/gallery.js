// Codewords as cards that can be clicked and walked with the arrow keys.

import { announce } from "../shared/clicked.js";
import { element } from "../shared/dom.js";
import { Edges } from "../shared/edges.js";
import { loadFace } from "../shared/face.js";
import { beforeLeaving } from "../shared/leaving.js";
import { clamp } from "../shared/maths.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { GLIDE, startGlide } from "../shared/page.js";
import { portrait, Portraits } from "../shared/portraits.js";
import { Question } from "../shared/question.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ id: number, src?: string, title: string, note: string, colour: string, alt: string, chip?: string,
 *   named?: boolean, score?: string }} Item `chip`: a mark after the title, of action units where it is `named`
 * @typedef {{ items: Item[], selected: number, chosen?: number[], face?: import("../shared/face.js").FaceAddress,
 *   codebook?: string, model: string, narrow?: boolean, row?: boolean, label?: string, confirms?: boolean, enclosed?: boolean }} Data
 * `enclosed`: keys that are pressed elsewhere on the page are not its own
 */

/** Where the next card is, from a key: its index among `count` cards in so many columns, or null.
 * @param {string} key @param {number} at @param {number} count @param {number} columns */
export function walked(key, at, count, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (step) return clamp(at + step, 0, count - 1);
  return key === "Home" ? 0 : key === "End" ? count - 1 : null;
}

/** @param {Item} item */
function cardOf(item) {
  const face = item.src ? element("img", { src: item.src, alt: "", loading: "lazy", draggable: "false" })
    : element("canvas", { "aria-hidden": "true" });
  const chip = item.chip ? element("em", { class: item.named ? "chip" : "chip quiet" }, item.chip) : "";
  return element("button", { type: "button", class: "card", role: "option", tabindex: -1, "data-id": item.id,
    "aria-label": item.alt, title: item.alt }, element("span", { class: "face" }, face),
  element("span", { class: "title" }, element("i", { style: `background:${item.colour}` }),
    element("b", {}, item.title), chip),
  element("span", { class: "note" }, item.note), item.score ? element("span", { class: "score" }, item.score) : "");
}

/** @extends {View<Data>} */
export class Gallery extends View {
  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "gallery");
    this.box.setAttribute("role", "listbox");
    this.edges = new Edges(this.box, component.parentElement);
    this.shown = "";
    /** @type {Map<number, HTMLButtonElement>} */ this.cards = new Map();
    /** @type {Set<number>} */ this.chosen = new Set();
    /** @type {number | undefined} */ this.selected = undefined;
    this.portraits = new Portraits((canvas) => this.portray(canvas), { each: 4, margin: "200px" });
    this.question = new Question((id) => this.component.setTriggerValue("pick", id), (id) => this.select(id));
    this.box.addEventListener("click", (e) => this.clicked(e));
    this.box.addEventListener("keydown", (e) => this.walk(e));
    this.ended = new AbortController();
    window.addEventListener("keydown", (e) => this.walkFromAnywhere(e), { signal: this.ended.signal });
    beforeLeaving(() => this.question.flush(), this.ended.signal);
  }

  /** At once, before anything is fetched. @param {Data} data */
  async update(data) {
    this.data = data;
    this.box.classList.toggle("narrow", Boolean(data.narrow));
    this.box.classList.toggle("row", Boolean(data.row));
    this.box.setAttribute("aria-label", data.label || "Codewords");
    const signature = JSON.stringify(data.items) + data.model;
    if (signature !== this.shown) this.fill(data.items);
    this.shown = signature;
    this.chosen = new Set(data.chosen || []);
    this.mark();
    this.question.answered(data.selected);
    this.box.dataset.state = "ready";
  }

  /** @param {Item[]} items */
  fill(items) {
    this.cards = new Map(items.map((item) => [item.id, cardOf(item)]));
    this.box.replaceChildren(...this.cards.values());
    this.box.querySelectorAll("canvas").forEach((canvas) => this.portraits.add(canvas));
  }

  /** Cards whose picture has not been rendered yet are drawn here. @param {HTMLCanvasElement} canvas */
  async portray(canvas) {
    if (!this.data.face || !this.data.codebook) return;
    const [face, codebook] = await Promise.all([loadFace(this.data.face), loadPack(this.data.codebook)]);
    const id = canvas.closest("button")?.dataset.id;
    if (id !== undefined) portrait(canvas, face, rowOf(codebook.psi, Number(id), face.coefficients));
  }

  /** @param {number} id */
  select(id) {
    this.selected = id;
    for (const [key, one] of this.cards) {
      one.setAttribute("aria-selected", String(key === id));
      one.tabIndex = key === id ? 0 : -1;
    }
    const card = this.cards.get(id);
    if (card && this.data.narrow) this.scrollTo(card);
    const [first] = this.cards.values();
    if (!card && first) first.tabIndex = 0;
  }

  /** @param {HTMLElement} card */
  scrollTo(card) {
    const box = this.box.getBoundingClientRect(), place = card.getBoundingClientRect();
    if (place.top < box.top || place.bottom > box.bottom) this.box.scrollTop += place.top - box.top - box.height / 3;
    if (place.left < box.left || place.right > box.right) this.box.scrollLeft += place.left - box.left - box.width / 3;
  }

  /** Cards that belong to the selection, which the map, the coverage table and the timeline share. */
  mark() {
    for (const [id, card] of this.cards) card.toggleAttribute("data-chosen", this.chosen.has(id));
  }

  /** @param {Event} event @returns {HTMLButtonElement | null} */
  cardAt(event) { return /** @type {Element} */ (event.target).closest("button[data-id]"); }

  /** @param {MouseEvent} event */
  clicked(event) {
    const card = this.cardAt(event), id = Number(card?.dataset.id);
    if (!card) return;
    if (event.ctrlKey || event.metaKey) this.toggle(id); else this.pick(id);
  }

  /** @param {number} id */
  toggle(id) {
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.mark();
    this.component.setTriggerValue("toggle", id);
  }

  /** The face first, the page after: the server's answer redraws charts, which would hold the face up.
   * @param {number} id */
  pick(id) {
    const { model, narrow, confirms, selected } = this.data;
    this.select(id);
    startGlide();
    announce({ codeword: id, model });
    if (confirms) this.question.ask(id, selected, GLIDE + 40); else this.question.tell(id, narrow ? GLIDE + 40 : 0);
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const cards = [...this.cards.values()], from = this.cardAt(event);
    if (!from) return;
    const at = cards.indexOf(from), columns = getComputedStyle(this.box).gridTemplateColumns.split(" ").length;
    const to = walked(event.key, at, cards.length, columns);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    from.tabIndex = -1;
    cards[to].tabIndex = 0;
    cards[to].focus();
    if (this.data.narrow) this.pick(Number(cards[to].dataset.id));
  }

  /** Left and right walk the gallery from anywhere on the page while a codeword is open. @param {KeyboardEvent} event */
  walkFromAnywhere(event) {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (this.data.enclosed || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT|CANVAS)$/.test(target.tagName)
      || target.isContentEditable || target.getAttribute?.("role") === "slider" || this.box.contains(target)) return;
    const ids = [...this.cards.keys()], at = ids.indexOf(/** @type {number} */ (this.selected));
    const to = { ArrowLeft: ids[at - 1], ArrowRight: ids[at + 1] }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    this.pick(to);
  }

  close() {
    super.close();
    this.question.close();
    this.ended.abort();
    this.portraits.close();
    this.edges.close();
  }
}

export default mount(Gallery);
