// Runs in the frame of the full scene beside vtk.js's viewer: its faces are lit like all pictures, both turn together, its
// camera stands in the link like that of every view, and a button makes a picture for print.

import SHADING from "../../../../dfe_core/render/shading.glsl";
import { element } from "../shared/dom.js";

/** @typedef {"position" | "focalPoint" | "viewUp" | "viewAngle"} Part */
/** @typedef {{ get: (part: Part) => Record<Part, any>, set: (values: Record<string, any>) => void,
 *   onModified: (changed: () => void) => void }} SceneCamera */
/** @typedef {{ getViewSpecificProperties: () => Record<string, any>, modified: () => void,
 *   setResolveCoincidentTopologyToPolygonOffset?: () => void,
 *   setRelativeCoincidentTopologyPolygonOffsetParameters?: (factor: number, offset: number) => void }} Mapper */
/** @typedef {{ getMapper: () => Mapper, getProperty: () => { getLighting: () => boolean } }} Actor */
/** @typedef {{ getActiveCamera: () => SceneCamera, getActors: () => Actor[], resetCameraClippingRange: () => void,
 *   updateLightsGeometryToFollowCamera: () => void }} Renderer */
/** @typedef {{ captureNextImage: (format: string, options: object) => Promise<string> }} SceneView */
/** @typedef {{ getRenderers: () => Renderer[], getViews: () => SceneView[], render: () => void }} Viewer vtk.js's render window */

const NAME = "scene", PARTS = /** @type {Part[]} */ (["position", "focalPoint", "viewUp"]), EVERY = 120; // ms
const OFFSET = 4; // see stage.js
const PRINT = 2126; // pixels: 18 cm at 300 to the inch

/** What replaces vtk.js's own light. */
const REPLACEMENTS = [
  ["Fragment", "//VTK::Normal::Dec", `${SHADING}\n//VTK::Normal::Dec`],
  ["Fragment", "//VTK::Light::Impl",
    "gl_FragData[0] = vec4(dfeLit(diffuseColor, normalVCVSOutput, normalize(-vertexVC.xyz), 0.0), opacity);"],
].map(([shaderType, originalValue, replacementValue]) =>
  ({ shaderType, originalValue, replacementValue, replaceFirst: true, replaceAll: false }));

/** @returns {Viewer | undefined} */
const viewer = () => (window.global ?? window).renderWindow;

/** @param {SceneCamera} camera */
const valuesOf = (camera) => PARTS.flatMap((part) => [...camera.get(part)[part]]);

/** @param {number[]} a @param {number[]} b */
const alike = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 5e-3);

/** @param {number[]} values */
const partsOf = (values) => Object.fromEntries(PARTS.map((part, i) => [part, values.slice(3 * i, 3 * i + 3)]));

/** Light the faces; lines keep their colour. Eyes and mouth, the second part of each face, are pushed back as in
 * stage.js. @param {Renderer[]} renderers */
export function light(renderers) {
  for (const renderer of renderers) {
    const faces = renderer.getActors().filter((actor) => actor.getProperty().getLighting()).map((actor) => actor.getMapper());
    faces.forEach((mapper, part) => {
      mapper.getViewSpecificProperties().OpenGL = { ShaderReplacements: REPLACEMENTS };
      mapper.setResolveCoincidentTopologyToPolygonOffset?.();
      mapper.setRelativeCoincidentTopologyPolygonOffsetParameters?.(part ? OFFSET : 0, 0);
      mapper.modified();
    });
  }
}

/** @param {Renderer[]} renderers @param {number[]} values of the camera */
function aim(renderers, values) {
  for (const renderer of renderers) {
    const camera = renderer.getActiveCamera();
    if (!alike(valuesOf(camera), values)) camera.set(partsOf(values));
    renderer.resetCameraClippingRange();
    renderer.updateLightsGeometryToFollowCamera();
  }
}

/** @param {Renderer[]} renderers @param {Required<import("../shared/page.js").Page>} page of the window around the frame */
export function follow(renderers, { recall, remember }) {
  const home = valuesOf(renderers[0].getActiveCamera()), linked = (recall(NAME) ?? []).map(Number);
  if (linked.length === home.length && linked.every(Number.isFinite)) aim(renderers, linked);
  let aiming = false;
  for (const { getActiveCamera } of renderers) {
    const camera = getActiveCamera();
    camera.onModified(() => {
      if (aiming) return;
      aiming = true; // the other camera follows, and says so
      const now = valuesOf(camera);
      aim(renderers, now);
      remember(NAME, alike(now, home) ? null : now);
      aiming = false;
    });
  }
}

/** The scene as it stands, wide enough for a page, as a PNG file. @param {Viewer} of */
async function print(of) {
  const [view] = of.getViews(), scale = PRINT / Math.max(1, window.innerWidth * (window.devicePixelRatio || 1));
  const href = await view.captureNextImage("image/png", { scale: Math.max(1, scale) });
  element("a", { href, download: "scene.png" }).click();
}

/** @param {Viewer} of */
function addButton(of) {
  const made = element("button", { type: "button", title: `${PRINT} pixels wide: 18 cm at 300 to the inch`,
    style: "position:fixed;right:8px;bottom:8px;font:500 13px system-ui,sans-serif;padding:5px 12px;border-radius:8px;"
      + "border:1px solid #8a91a0;background:#fff;color:#181c26;cursor:pointer",
    onclick: async () => { const asked = print(of); of.render(); await asked; made.dataset.made = "1"; } }, "Picture for print");
  document.body.append(made);
}

/** The quick look that stood here, until the scene is drawn. */
function poster() {
  const picture = window.parent.__dfe?.poster;
  if (!picture?.width) return null;
  const shown = element("img", { src: picture.toDataURL(), alt: "",
    style: "position:fixed;inset:0;width:100%;height:100%;object-fit:contain;pointer-events:none;z-index:1" });
  document.body.append(shown);
  return shown;
}

const before = poster(), waiting = setInterval(() => { // the viewer unpacks its scene in its own time
  const made = viewer(), renderers = made?.getRenderers().filter((one) => one.getActors().length) ?? [];
  const page = window.parent.__dfe;
  if (!made || !renderers.length || !page?.recall) return;
  clearInterval(waiting);
  light(renderers);
  follow(renderers, /** @type {Required<import("../shared/page.js").Page>} */ (page));
  addButton(made);
  made.render();
  before?.remove();
  document.body.dataset.state = "drawn";
}, EVERY);
