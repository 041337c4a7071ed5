// The page of a supplement: its codewords as faces that turn, from data that stand in the page itself.

import { Camera } from "../shared/camera.js";
import { context2d, element, fitCanvas, gradient, iconButton, isOn, redrawer, toggle } from "../shared/dom.js";
import { decoded } from "../shared/face.js";
import { rowOf, unpack } from "../shared/pack.js";
import { Playback } from "../shared/playback.js";
import { orbit } from "../shared/pointer.js";
import { portrait, Portraits } from "../shared/portraits.js";
import { paint } from "../shared/stage.js";

const PERIOD = 2400; // ms from neutral to neutral

/** @param {string} id @returns {string} */
const textOf = (id) => document.getElementById(id)?.textContent?.trim() ?? "";

/** The pack that stands in the page as base64. @param {string} id */
const packOf = (id) => unpack(Uint8Array.from(atob(textOf(id)), (c) => c.charCodeAt(0)).buffer);

/** Cards of the codewords, and beside them the face of the one that is chosen. */
class Codewords {
  /** @param {HTMLElement} box @param {import("../shared/face.js").Face} face @param {Float32Array} psi of all codewords, one after the other */
  constructor(box, face, psi) {
    this.box = box;
    this.face = face;
    this.psi = psi;
    this.cards = /** @type {HTMLElement[]} */ ([...box.querySelectorAll(".card")]);
    this.camera = new Camera(0.32, 0.04);
    this.camera.before(face);
    this.amount = 1;
    this.chosen = 0;
    this.draw = redrawer(() => this.render());
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.slider = element("input", { type: "range", min: 0, max: 150, value: 100, step: 1, "aria-label": "Intensity",
      oninput: () => { this.playback.stop(); this.amount = Number(this.slider.value) / 100; this.draw(); } });
    this.readout = element("output");
    this.playback = new Playback("Play the movement", { step: (ms) => {
      this.amount = 0.5 - 0.5 * Math.cos((2 * Math.PI * ms) / PERIOD);
      this.slider.value = String(Math.round(this.amount * 100));
      this.render();
    }, stopped: this.draw });
    this.heat = toggle("Heat map", true, this.draw, { title: "Colour the skin by how far it moves" });
    this.signed = toggle("In / out", false, this.draw,
      { title: "Colour by direction: outwards or inwards along the skin" });
    this.scale = element("div", { class: "heatscale" });
    this.caption = element("h3", { "aria-live": "polite" });
    this.note = element("p", { class: "note-small" });
    this.build();
  }

  build() {
    const reset = iconButton("reset", "Reset the view", () => { this.camera.reset(); this.draw(); });
    /** @type {HTMLElement} */ (this.box.querySelector(".viewer")).replaceChildren(this.caption, this.canvas, this.scale,
      element("div", { class: "controls" }, this.playback.button, this.slider, this.readout, reset),
      element("div", { class: "controls" }, this.heat, this.signed,
        element("span", { class: "hint" }, "Drag to turn; click, then scroll to zoom")), this.note);
    orbit(this.canvas, this.camera, this.draw);
    new ResizeObserver(this.draw).observe(this.canvas);
    const small = new Portraits((canvas) => this.portray(canvas), { each: 6, margin: "300px" });
    for (const card of this.cards) {
      card.addEventListener("click", () => this.choose(card));
      card.querySelectorAll("canvas").forEach((canvas) => small.add(canvas));
    }
    for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-show]"))) {
      link.addEventListener("click", () => {
        const card = this.cards.find((one) => one.dataset.codeword === link.dataset.show);
        if (card) { this.choose(card); this.box.scrollIntoView({ behavior: "smooth" }); }
      });
    }
    if (this.cards.length) this.choose(this.cards[0]);
  }

  /** @param {number} codeword */
  row(codeword) { return rowOf(this.psi, codeword, this.face.coefficients); }

  /** @param {HTMLCanvasElement} canvas */
  portray(canvas) {
    const card = /** @type {HTMLElement} */ (canvas.closest(".card"));
    portrait(canvas, this.face, this.row(Number(card.dataset.codeword)));
  }

  /** @param {HTMLElement} card */
  choose(card) {
    this.cards.forEach((one) => one.setAttribute("aria-pressed", String(one === card)));
    this.chosen = Number(card.dataset.codeword);
    this.range = this.face.look.shared;
    this.caption.textContent = card.dataset.title ?? "";
    this.note.textContent = card.dataset.note ?? "";
    this.canvas.setAttribute("aria-label", `Face of ${card.dataset.title}. Arrow keys turn it.`);
    this.draw();
  }

  render() {
    const { canvas, face, amount, range } = this, signed = isOn(this.signed);
    fitCanvas(canvas);
    const context = context2d(canvas);
    const pose = face.pose(this.row(this.chosen).map((v) => v * amount), signed ? (moved) => face.outward(moved) : undefined,
      this.playback.playing ? face.plain : face.fine);
    context.clearRect(0, 0, canvas.width, canvas.height);
    paint(context, face, pose, this.camera, [0, 0, canvas.width, canvas.height], { range, heat: isOn(this.heat), signed });
    this.readout.textContent = `${Math.round(amount * 100)} %`;
    const { heat, diverging } = face.look, mm = `${range ?? 0} mm`;
    this.scale.hidden = !isOn(this.heat);
    const strip = element("i");
    strip.style.background = gradient(signed ? diverging : heat);
    this.scale.replaceChildren(signed ? `${mm} in` : "0", strip, signed ? `${mm} out` : `${mm} or more`);
    this.box.dataset.state = "drawn";
  }
}

/** Rows of a table by the words of a search. */
function searchable() {
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[data-search]"))) {
    const items = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(input.dataset.search ?? ""));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const item of items) {
        const text = `${item.dataset.title ?? ""} ${item.dataset.note ?? ""} ${item.textContent}`.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
      }
    });
  }
}

async function open() {
  searchable();
  const box = document.getElementById("codewords");
  if (!box || !textOf("dfe-face")) return;
  try {
    const face = await decoded(packOf("dfe-face"), JSON.parse(textOf("dfe-look")), "face");
    new Codewords(box, face, packOf("dfe-codebook").psi);
  } catch (error) {
    box.dataset.state = "failed";
    box.dataset.error = error instanceof Error ? error.message : String(error);
    box.querySelector(".viewer")?.replaceChildren("The faces need WebGL 2, which this browser has not. Tables and figures do not.");
  }
}

open();
