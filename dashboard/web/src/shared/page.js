// What all views of a page share: each view is a bundle of its own with its own copy of this code, so what must be one
// (packs, the WebGL context, the link) hangs on the window. Bundles of another build do not take it over.

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("./pack.js").Pack} Pack */

/**
 * @typedef {object} Link
 * @property {string} path of the page it belongs to
 * @property {Map<string, string>} shown looks of the page's views, by name
 * @property {Map<string, string>} linked looks that the link brought and no view has taken up
 * @property {boolean} written whether looks were ever written into the link
 * @property {number} soon @property {number} every timers that write it
 */
/**
 * @typedef {object} Page
 * @property {string} build hash of the shared sources
 * @property {Map<string, Promise<Pack>>} assets packs by address
 * @property {Map<string, { bytes: DataView, holders: number }>} given bytes of packs that are not fetched, by name
 * @property {Stage | null} stage the one WebGL context
 * @property {number} glideUntil until when (ms of `performance.now`) the clicked face is on its way
 * @property {WeakMap<object, import("./view.js").View<any>>} mounted the view of a component's root
 * @property {boolean} stretched whether a recording was opened since the page was loaded
 * @property {HTMLCanvasElement} [poster] the last quick look, which the full scene shows until it has drawn itself
 * @property {Link} link how the views of this page are looked at
 * @property {typeof import("./link.js").recall} [recall] for the full scene, which lies in a frame of its own
 * @property {typeof import("./link.js").remember} [remember]
 */

const BUILD = typeof __BUILD__ === "undefined" ? "unbuilt" : __BUILD__;

/** @returns {Page} */
function opened() {
  if (window.__dfe?.build === BUILD) return window.__dfe;
  return (window.__dfe = { build: BUILD, assets: new Map(), given: new Map(), stage: null, glideUntil: 0, mounted: new WeakMap(),
    stretched: false, link: { path: "", shown: new Map(), linked: new Map(), written: false, soon: 0, every: 0 } });
}

export const page = opened();

/** Time from one codeword's face to the next, ms. */
export const GLIDE = 120;

/** Note that a codeword was clicked: its face comes first. */
export const startGlide = () => { page.glideUntil = performance.now() + GLIDE + 100; };

/** Whether the face that was clicked is still on its way: smaller pictures wait for it. */
export const gliding = () => performance.now() < page.glideUntil;
