// Runs in the frame of the full scene beside vtk.js's viewer: its camera stands in the link like that of every view.

/** @typedef {"position" | "focalPoint" | "viewUp"} Part */
/** @typedef {{ get: (part: Part) => Record<Part, number[]>, set: (values: Record<string, number[]>) => void,
 *   onModified: (changed: () => void) => void }} SceneCamera */
/** @typedef {{ getActiveCamera: () => SceneCamera, getActors: () => unknown[], resetCameraClippingRange: () => void,
 *   updateLightsGeometryToFollowCamera: () => void }} Renderer */
/** @typedef {{ getRenderers: () => Renderer[], render: () => void }} Viewer vtk.js's render window */

const NAME = "scene", PARTS = /** @type {Part[]} */ (["position", "focalPoint", "viewUp"]), EVERY = 120; // ms

/** @returns {Viewer | undefined} */
const viewer = () => (window.global ?? window).renderWindow;

/** @param {SceneCamera} camera */
const valuesOf = (camera) => PARTS.flatMap((part) => [...camera.get(part)[part]]);

/** @param {number[]} a @param {number[]} b */
const alike = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 5e-3);

/** @param {Renderer} renderer @param {Required<import("../shared/page.js").Page>} page of the window around the frame */
function follow(renderer, { recall, remember }) {
  const camera = renderer.getActiveCamera(), home = valuesOf(camera), linked = (recall(NAME) ?? []).map(Number);
  if (linked.length === home.length && linked.every(Number.isFinite)) {
    camera.set(Object.fromEntries(PARTS.map((part, i) => [part, linked.slice(3 * i, 3 * i + 3)])));
    renderer.resetCameraClippingRange();
    renderer.updateLightsGeometryToFollowCamera();
    viewer()?.render();
  }
  camera.onModified(() => {
    const now = valuesOf(camera);
    remember(NAME, alike(now, home) ? null : now);
  });
}

const waiting = setInterval(() => { // the viewer unpacks its scene in its own time
  const renderer = viewer()?.getRenderers().find((one) => one.getActors().length), page = window.parent.__dfe;
  if (!renderer || !page?.recall) return;
  clearInterval(waiting);
  follow(renderer, /** @type {Required<import("../shared/page.js").Page>} */ (page));
}, EVERY);
