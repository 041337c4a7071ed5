// A row of small faces, each an expression: moments of recordings, or codewords beside each other.

import { element } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { portrait, Portraits } from "../shared/portraits.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ psi?: number[], codeword?: number, title: string, note: string, alt: string, src?: string, still?: string,
 *   still_alt?: string }} Item `still`: a picture below the face
 * @typedef {{ face: import("../shared/face.js").FaceAddress, codebook?: string, items: Item[], range?: number,
 *   heat?: boolean }} Data
 */

/** @extends {View<Data>} */
class Strip extends View {
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {import("../shared/pack.js").Pack | null} */ codebook = null;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "strip");
    this.shown = "";
    this.portraits = new Portraits((canvas) => this.portray(canvas),
      { each: 2, margin: "150px", finished: () => { this.box.dataset.state = "drawn"; } });
    this.resized.observe(this.box);
  }

  /** @param {Data} data */
  async load(data) {
    const signature = JSON.stringify(data.items.map((i) => [i.title, i.note, i.alt, i.src, i.still]));
    if (signature !== this.shown) {
      const filmed = data.items.some((item) => item.still);
      this.box.replaceChildren(...data.items.map((item, at) => this.card(item, at, filmed)));
    }
    this.shown = signature;
    this.face = await loadFace(data.face);
    this.codebook = data.codebook ? await loadPack(data.codebook) : null;
  }

  /** @param {Item} item @param {number} at @param {boolean} filmed */
  card(item, at, filmed) {
    const face = item.src ? element("img", { src: item.src, alt: "", loading: "lazy" })
      : element("canvas", { "aria-hidden": "true", "data-at": at });
    const still = item.still ? element("img", { class: "still", src: item.still, alt: item.still_alt })
      : element("span", { class: "still" });
    return element("button", { type: "button", class: "card", "aria-label": item.alt, title: item.alt,
      onclick: () => this.component.setTriggerValue("pick", at) }, element("span", { class: "face" }, face),
    ...(filmed ? [still] : []), element("span", { class: "title" }, item.title),
    element("span", { class: "note" }, item.note));
  }

  /** Every face is drawn again: its data or its size may be others. */
  paint() {
    if (!this.loaded) return;
    const canvases = this.box.querySelectorAll("canvas");
    canvases.forEach((canvas) => this.portraits.add(canvas));
    if (!canvases.length) this.box.dataset.state = "drawn";
  }

  /** @param {HTMLCanvasElement} canvas */
  portray(canvas) {
    const { face, codebook, data: { items, range, heat } } = this, item = items[Number(canvas.dataset.at)];
    if (!face || !item || !canvas.isConnected) return;
    try {
      portrait(canvas, face, item.psi ?? rowOf(codebook?.psi, item.codeword ?? 0, face.coefficients), { range, heat });
    } catch (error) { this.fail(error); }
  }

  close() {
    super.close();
    this.portraits.close();
  }
}

export default mount(Strip);
