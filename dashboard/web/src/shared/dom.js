// Elements, buttons and canvases.

/** @typedef {Node | string} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * An element; `on…` attributes are listeners, false, null and undefined ones are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Attributes} attributes @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** @param {Child} label @param {() => void} onclick @param {Attributes} attributes */
export const button = (label, onclick, attributes = {}) =>
  element("button", { type: "button", onclick, ...attributes }, label);

const SHAPES = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  reset: "M12 5V2L7.5 6 12 10V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
};

/** Give a button its picture and its name.
 * @param {HTMLButtonElement} of @param {keyof typeof SHAPES} shape @param {string} label */
export function setIcon(of, shape, label) {
  of.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${SHAPES[shape]}"/></svg>`;
  of.setAttribute("aria-label", label);
}

/** @param {keyof typeof SHAPES} shape @param {string} label @param {() => void} onclick */
export function iconButton(shape, label, onclick) {
  const made = button("", onclick, { class: "icon" });
  setIcon(made, shape, label);
  return made;
}

/** Whether a toggle is on. @param {HTMLElement} of */
export const isOn = (of) => of.getAttribute("aria-pressed") === "true";

/** @param {HTMLElement} of @param {boolean} on */
export const setOn = (of, on) => of.setAttribute("aria-pressed", String(on));

/** A button that stays pressed.
 * @param {string} label @param {boolean} on @param {() => void} changed @param {Attributes} attributes */
export function toggle(label, on, changed, attributes = {}) {
  const made = button(label, () => { setOn(made, !isOn(made)); changed(); },
    { class: "toggle", "aria-pressed": String(on), ...attributes });
  return made;
}

/** Toggles as the link has them: 1 for each that is on. @param {HTMLElement[]} toggles */
export const switches = (toggles) => toggles.map((one) => (isOn(one) ? 1 : 0)).join("");

/** @param {HTMLElement[]} toggles @param {string | undefined} text */
export const setSwitches = (toggles, text = "") => [...text].forEach((on, i) => toggles[i] && setOn(toggles[i], on === "1"));

/** @param {HTMLCanvasElement} canvas */
export const context2d = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** Device pixels per CSS pixel, within reason. */
export const pixelRatio = () => Math.min(window.devicePixelRatio || 1, 2);

/** Size a canvas to its box on the page; true when it changed. @param {HTMLCanvasElement} canvas */
export function fitCanvas(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = pixelRatio();
  const width = Math.max(2, Math.round(box.width * ratio)), height = Math.max(2, Math.round(box.height * ratio));
  if (canvas.width === width && canvas.height === height) return false;
  Object.assign(canvas, { width, height });
  return true;
}

/** A canvas fitted and cleared, to draw on in CSS pixels. @param {HTMLCanvasElement} canvas */
export function blankCanvas(canvas) {
  fitCanvas(canvas);
  const context = context2d(canvas), { width, height } = canvas.getBoundingClientRect();
  const ratio = canvas.width / Math.max(1, width);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The colours and the font of the theme. @param {HTMLElement} box */
export function theme(box) {
  const style = getComputedStyle(box), of = (/** @type {string} */ name) => style.getPropertyValue(`--st-${name}`);
  return { text: of("text-color"), primary: of("primary-color"), border: of("border-color"),
    ground: of("secondary-background-color"), font: of("font") };
}

/** One redraw a frame however often it is asked for. @param {() => void} draw */
export function redrawer(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; draw(); });
  };
}

/** A colour map (rgb in turn) for CSS. @param {number[]} pixels */
export function gradient(pixels) {
  const stops = Array.from({ length: 13 }, (_, i) => {
    const at = Math.round((i / 12) * (pixels.length / 3 - 1)) * 3;
    return `rgb(${pixels.slice(at, at + 3)})`;
  });
  return `linear-gradient(90deg, ${stops})`;
}
