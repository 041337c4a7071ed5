// Small faces: drawn once they are seen, a few a frame, after the face that was clicked.

import { Camera } from "./camera.js";
import { context2d, fitCanvas, redrawer } from "./dom.js";
import { gliding } from "./page.js";
import { paint } from "./stage.js";

/** @typedef {import("./face.js").Face} Face */

const SMALL = 300; // pixels across: no triangles are seen

/** Draw a face into a canvas of its own, as large as it is on the page; coloured over the range that all pictures share
 * unless given another. @param {HTMLCanvasElement} canvas @param {Face} face @param {import("./face.js").Psi} psi
 * @param {import("./stage.js").Shading} shading */
export function portrait(canvas, face, psi, shading = {}) {
  fitCanvas(canvas);
  portray(canvas, face, psi, shading);
}

/** The same into a canvas of any size, on the page or not.
 * @param {HTMLCanvasElement} canvas @param {Face} face @param {import("./face.js").Psi} psi
 * @param {import("./stage.js").Shading} shading */
export function portray(canvas, face, psi, shading = {}) {
  const context = context2d(canvas), pose = face.pose(psi, undefined, canvas.width > SMALL ? face.fine : face.plain);
  const { width, height } = canvas, { portrait: aim, shared } = face.look;
  context.clearRect(0, 0, width, height);
  paint(context, face, pose, new Camera(0, aim.pitch), [0, 0, width, height],
    { ...shading, range: shading.range || shared, aim: { ...aim, wide: 0 } });
  faded(context, height, aim);
}

/** Let crown and neck fade out, as in the pictures that are rendered.
 * @param {CanvasRenderingContext2D} context @param {number} height @param {{ crown: number, neck: number }} aim */
function faded(context, height, { crown, neck }) {
  const gradient = context.createLinearGradient(0, 0, 0, height);
  for (const [at, alpha] of [[0, 0], [crown, 1], [1 - neck, 1], [1, 0]]) gradient.addColorStop(at, `rgba(0,0,0,${alpha})`);
  context.save();
  context.globalCompositeOperation = "destination-in";
  context.fillStyle = gradient;
  context.fillRect(0, 0, context.canvas.width, height);
  context.restore();
}

export class Portraits {
  /** @param {(canvas: HTMLCanvasElement) => void} draw @param {{ each: number, margin: string, finished?: () => void }} how
   * how many a frame, how near to the window they are drawn, and what follows the last */
  constructor(draw, { each, margin, finished }) {
    /** @type {Set<HTMLCanvasElement>} */ this.waiting = new Set();
    this.next = redrawer(() => {
      if (gliding()) { this.next(); return; }
      for (const canvas of [...this.waiting].slice(0, each)) { this.waiting.delete(canvas); draw(canvas); }
      if (this.waiting.size) this.next(); else finished?.();
    });
    this.seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) { this.seen.unobserve(target); this.waiting.add(/** @type {HTMLCanvasElement} */ (target)); }
      }
      if (this.waiting.size) this.next();
    }, { rootMargin: margin });
  }

  /** Draw it, again if it was. @param {HTMLCanvasElement} canvas */
  add(canvas) {
    this.seen.unobserve(canvas);
    this.seen.observe(canvas);
  }

  close() { this.seen.disconnect(); }
}
