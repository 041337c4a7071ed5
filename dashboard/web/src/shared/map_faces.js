// Faces on a map: which have room, and small pictures of them, drawn a few a frame and kept.

import { element, pixelRatio, redrawer } from "./dom.js";
import { portray } from "./portraits.js";

const MOST = 70; // faces at once
const KEPT = 500;
const EACH = 3; // pictures a frame

export class MapFaces {
  /** @param {() => void} changed called when more pictures are there */
  constructor(changed) {
    this.side = 0;
    /** @type {[x: number, y: number, point: number][]} */ this.placed = [];
    /** @type {Map<number, HTMLCanvasElement>} */ this.pictures = new Map();
    /** @type {(() => void)[]} */ this.waiting = [];
    this.next = redrawer(() => { this.waiting.splice(0, EACH).forEach((draw) => draw()); changed(); });
  }

  /** The points are others now. */
  forget() {
    this.pictures.clear();
    this.placed = [];
  }

  /** Give the first points a place, then every one that touches none before it.
   * @param {ArrayLike<number>} rows points, the most important first @param {ArrayLike<number>} places x, y and nearness
   * @param {import("./map_view.js").Size} size of the picture
   * @param {{ side: number, apart: number }} how wide a face is, and how far at least from the next, CSS pixels */
  place(rows, places, { width, height }, { side, apart }) {
    const edge = side / 2 + 2;
    this.side = side;
    this.placed = [];
    for (const i of Array.from(rows)) {
      const x = places[3 * i], y = places[3 * i + 1];
      if (x < edge || y < edge || x > width - edge || y > height - edge) continue;
      if (this.placed.some(([a, b]) => Math.hypot(a - x, b - y) < apart)) continue;
      if (this.placed.push([x, y, i]) >= MOST) break;
    }
  }

  /** Whether a point's face has a place. @param {number} point */
  at(point) { return this.placed.some(([, , i]) => i === point); }

  /** The point whose face is at a place; -1 for none. @param {number} x @param {number} y */
  under(x, y) { return this.placed.find(([a, b]) => Math.hypot(a - x, b - y) < this.side / 2)?.[2] ?? -1; }

  /** How far below a place a line of text begins, so that it clears the face there. @param {number} x @param {number} y */
  below(x, y) { return this.under(x, y) < 0 ? 4 : this.side / 2 + 13; }

  /** @param {CanvasRenderingContext2D} context @param {import("./face.js").Face} face
   * @param {(point: number) => import("./face.js").Psi} psiOf
   * @param {{ ground: string, ring: (point: number) => string }} look */
  render(context, face, psiOf, { ground, ring }) {
    const { side } = this;
    this.waiting = [];
    for (const [x, y, i] of this.placed) {
      const picture = this.pictures.get(i);
      if (!picture) { this.waiting.push(() => this.draw(i, face, psiOf(i))); continue; }
      context.beginPath();
      context.arc(x, y, side / 2, 0, 7);
      context.fillStyle = ground;
      context.fill();
      context.save();
      context.clip();
      context.drawImage(picture, x - side / 2, y - side / 2, side, side);
      context.restore();
      Object.assign(context, { strokeStyle: ring(i), lineWidth: 2.5 });
      context.stroke();
    }
    if (this.waiting.length) this.next();
  }

  /** @param {number} point @param {import("./face.js").Face} face @param {import("./face.js").Psi} psi */
  draw(point, face, psi) {
    const wide = Math.round(this.side * pixelRatio()), picture = element("canvas", { width: wide, height: wide });
    portray(picture, face, psi);
    if (this.pictures.size >= KEPT) this.pictures.clear();
    this.pictures.set(point, picture);
  }
}
