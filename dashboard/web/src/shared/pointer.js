// Pointer, wheel and keys on a canvas.

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {(event: PointerEvent) => void} Listener */

/** Where a pointer is on an element, CSS pixels.
 * @param {Element} of @param {MouseEvent} event @returns {[number, number]} */
export function placeOn(of, event) {
  const { left, top } = of.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

/**
 * Follow a drag: `began` where it begins, `moved` at every step, `ended` where the button is let go.
 * @param {HTMLElement} on
 * @param {{ began?: Listener, moved: Listener, ended?: Listener }} what
 */
export function drag(on, { began, moved, ended }) {
  let down = false;
  on.addEventListener("pointerdown", (e) => { down = true; on.setPointerCapture(e.pointerId); began?.(e); });
  on.addEventListener("pointermove", (e) => { if (down) moved(e); });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    on.addEventListener(name, (e) => { if (down) { down = false; ended?.(e); } });
  }
}

/**
 * The wheel, where it is for the view: the page scrolls until the view is clicked.
 * @param {HTMLElement} on @param {(event: WheelEvent) => void} turned
 */
export function wheel(on, turned) {
  on.addEventListener("wheel", (e) => {
    const root = /** @type {Document | ShadowRoot} */ (on.getRootNode());
    if (root.activeElement !== on && !e.ctrlKey) return;
    e.preventDefault();
    turned(e);
  }, { passive: false });
}

/** @type {Record<string, [number, number]>} */
const TURNS = { ArrowLeft: [0.12, 0], ArrowRight: [-0.12, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
/** @type {Record<string, number>} */
const ZOOMS = { "+": 1.12, "=": 1.12, "-": 1 / 1.12 };

/**
 * Pointer, wheel and keys turn and zoom a camera; double click, 0 and Home reset it.
 * @param {HTMLCanvasElement} canvas @param {Camera} camera @param {() => void} changed
 */
export function orbit(canvas, camera, changed) {
  let last = [0, 0];
  drag(canvas, {
    began: (e) => { last = [e.clientX, e.clientY]; },
    moved: (e) => {
      camera.turn((last[0] - e.clientX) * 0.009, (e.clientY - last[1]) * 0.007);
      last = [e.clientX, e.clientY];
      changed();
    },
  });
  wheel(canvas, (e) => { camera.magnify(Math.exp(-e.deltaY * 0.0012)); changed(); });
  canvas.addEventListener("dblclick", () => { camera.reset(); changed(); });
  canvas.addEventListener("keydown", (e) => {
    if (TURNS[e.key]) camera.turn(...TURNS[e.key]);
    else if (ZOOMS[e.key]) camera.magnify(ZOOMS[e.key]);
    else if (e.key === "0" || e.key === "Home") camera.reset();
    else return;
    e.preventDefault();
    e.stopPropagation();
    changed();
  });
}
