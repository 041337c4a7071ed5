// The colours of the page that a widget is on, which has no theme that the views know: Jupyter, VS Code and marimo each
// have their own, light and dark.

/** @typedef {[red: number, green: number, blue: number, opacity: number]} Colour 0 … 255, opacity 0 … 1 */

const LIGHT = { ground: [255, 255, 255, 1], text: [28, 32, 39, 1], primary: "#3157C4" };
const DARK = { ground: [26, 29, 36, 1], text: [236, 238, 243, 1], primary: "#8FA6FF" };
const LEAST_CONTRAST = 4.5;

/** A colour in any spelling of CSS. @param {string} css @returns {Colour} */
export function parsed(css) {
  const numbers = css.startsWith("rgb") ? css.match(/[\d.]+/g)?.map(Number) : undefined;
  if (numbers) return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

/** Relative luminance (WCAG 2). @param {ArrayLike<number>} colour */
export function luminance(colour) {
  const [r, g, b] = [0, 1, 2].map((i) => colour[i] / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** The first ground behind an element that is seen, through shadow roots; undefined where there is none.
 * @param {Element | null} of @returns {Colour | undefined} */
function groundBehind(of) {
  for (let at = of; at; at = at.parentElement ?? hostOf(at)) {
    const colour = parsed(getComputedStyle(at).backgroundColor || "rgba(0, 0, 0, 0)");
    if (colour[3] > 0.5) return colour;
  }
  return undefined;
}

/** @param {Element} of */
function hostOf(of) {
  const root = of.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

/** The colours of the views for an element of a page: text and ground are the page's own where they can be read.
 * @param {Element} of @returns {Record<string, string>} custom properties */
export function coloursOf(of) {
  const style = getComputedStyle(of), own = parsed(style.color || "rgb(0, 0, 0)");
  const ground = groundBehind(of) ?? (luminance(own) > 0.4 ? DARK.ground : LIGHT.ground);
  const dark = luminance(ground) < 0.3, { primary, text: usual } = dark ? DARK : LIGHT;
  const text = contrast(own, ground) < LEAST_CONTRAST ? usual : own;
  const mixed = (/** @type {number} */ share) =>
    `rgb(${[0, 1, 2].map((i) => Math.round(ground[i] * (1 - share) + text[i] * share))})`;
  return { "color-scheme": dark ? "dark" : "light", "--st-background-color": mixed(0), "--st-text-color": mixed(1),
    "--st-secondary-background-color": mixed(0.05), "--st-border-color": mixed(0.18), "--st-gray-color": mixed(0.72),
    "--st-primary-color": primary, "--st-font": style.fontFamily || "system-ui, sans-serif", "--st-base-radius": "8px",
    "--st-button-radius": "8px" };
}

/** Give an element the colours of its page, and again when the page changes them.
 * @param {HTMLElement} of @param {() => void} changed after they have @returns {() => void} ends it */
export function followColours(of, changed) {
  let known = "";
  const look = () => {
    const colours = coloursOf(/** @type {Element} */ (of.parentElement ?? of)), key = JSON.stringify(colours);
    if (key === known) return;
    const first = !known;
    known = key;
    for (const [name, value] of Object.entries(colours)) of.style.setProperty(name, value);
    if (!first) changed();
  };
  const scheme = window.matchMedia?.("(prefers-color-scheme: dark)");
  const watched = new MutationObserver(look), placed = new ResizeObserver(look);
  for (const node of [document.documentElement, document.body]) watched.observe(node, { attributes: true });
  watched.observe(document.head, { childList: true, subtree: true });
  placed.observe(of); // it has the colours of its place once it is on the page
  document.addEventListener("load", look, true); // of a style sheet
  scheme?.addEventListener("change", look);
  look();
  return () => {
    watched.disconnect();
    placed.disconnect();
    document.removeEventListener("load", look, true);
    scheme?.removeEventListener("change", look);
  };
}
