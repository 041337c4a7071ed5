// Arrows from the neutral face to where the skin goes, on the side that is seen.

import { projector } from "./camera.js";
import { pixelRatio } from "./dom.js";

/** @typedef {import("./face.js").Face} Face */
/** @typedef {[number, number]} Place */

const LONGER = 2.5, CELL = 0.009, LEAST = 0.12; // length, metres between them, share of the range that shows
const STROKES = /** @type {const} */ ([["rgba(255,255,255,.85)", 3.6], ["#14213D", 1.6]]);

/** @type {WeakMap<Face, number[]>} */ const roots = new WeakMap();

/** One vertex for each cell of a grid over the moving skin, chosen once a face. @param {Face} face */
function rootsOf(face) {
  const kept = roots.get(face);
  if (kept) return kept;
  const cells = new Map(), p = face.template;
  for (const v of face.moving) {
    const key = [0, 1, 2].map((d) => Math.round(p[3 * v + d] / CELL)).join();
    if (!face.materials[v] && !cells.has(key)) cells.set(key, v);
  }
  const made = [...cells.values()];
  roots.set(face, made);
  return made;
}

/**
 * @param {CanvasRenderingContext2D} context @param {Face} face @param {import("./face.js").Pose} pose
 * @param {import("./camera.js").Camera} camera @param {import("./stage.js").Box} box @param {number} range mm
 */
export function drawArrows(context, face, pose, camera, box, range) {
  const matrices = camera.matrices(face.look, box[2] / box[3]), place = projector(matrices, box), { view: m } = matrices;
  context.save();
  context.beginPath();
  context.rect(...box);
  context.clip();
  context.lineCap = "round";
  for (const v of rootsOf(face)) {
    const [moved, position, n] = [pose.moved, pose.position, pose.normal].map((of) => of.subarray(3 * v, 3 * v + 3));
    const facing = m[2] * n[0] + m[6] * n[1] + m[10] * n[2];
    if (1000 * Math.hypot(...moved) < LEAST * range || facing < 0.15) continue;
    arrow(context, place(position), place(position.map((at, d) => at + LONGER * moved[d])));
  }
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Place} a @param {Place} b */
function arrow(context, a, b) {
  const ratio = pixelRatio(), [dx, dy] = [b[0] - a[0], b[1] - a[1]], long = Math.hypot(dx, dy);
  if (long < 3 * ratio) return;
  const angle = Math.atan2(dy, dx), head = Math.min(6 * ratio, 0.45 * long);
  for (const [colour, wide] of STROKES) {
    Object.assign(context, { strokeStyle: colour, lineWidth: wide * ratio });
    context.beginPath();
    context.moveTo(...a);
    context.lineTo(...b);
    for (const turn of [2.6, -2.6]) {
      context.moveTo(...b);
      context.lineTo(b[0] + head * Math.cos(angle + turn), b[1] + head * Math.sin(angle + turn));
    }
    context.stroke();
  }
}
