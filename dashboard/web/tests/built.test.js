import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { mounted, setUpPage } from "./mounted.js";

// The bundles as browsers get them: each has its own copy of the shared code.
const load = (/** @type {string} */ name) => import(/* @vite-ignore */ join(import.meta.dirname, `../built/${name}.js`));

beforeEach(() => { setUpPage(); delete window.__dfe; vi.resetModules(); });

test("bundles of one build share what is one on a page", async () => {
  await load("gallery");
  const first = window.__dfe;
  await load("scatter");
  expect(first?.assets).toBeInstanceOf(Map);
  expect(window.__dfe).toBe(first);
});

test("a bundle does not take over the state of another build", async () => {
  const old = { build: "another" };
  Object.assign(window, { __dfe: old });
  await load("gallery");
  expect(window.__dfe).not.toBe(old);
});

test("a built gallery is mounted as Streamlit does it", async () => {
  const { default: gallery } = await load("gallery");
  const page = mounted("gallery", gallery), items = [{ id: 1, src: "/1.png", title: "1", note: "", colour: "red", alt: "One" }];
  const close = page.show({ items, selected: 1, model: "m", look: "gallery" });
  expect(page.find('[aria-selected="true"]').title).toBe("One");
  close();
});

/** An actor of the scene; lines are not lit. @param {boolean} lit */
function actor(lit) {
  const special = /** @type {Record<string, any>} */ ({}), modified = vi.fn(), offset = vi.fn();
  const mapper = { getViewSpecificProperties: () => special, modified, setRelativeCoincidentTopologyPolygonOffsetParameters: offset };
  return { getMapper: () => mapper, getProperty: () => ({ getLighting: () => lit }), special, offset };
}

test("faces of the scene are lit as all pictures, lines are not, and what lies inside is pushed back", () => {
  vi.useFakeTimers();
  const camera = { get: () => ({ position: [0, 0, 5], focalPoint: [0, 0, 0], viewUp: [0, 1, 0] }), set: vi.fn(), onModified: () => {} };
  const actors = [actor(true), actor(true), actor(false)];
  const renderer = { getActiveCamera: () => camera, getActors: () => actors, resetCameraClippingRange: () => {}, updateLightsGeometryToFollowCamera: () => {} };
  Object.assign(window, { renderWindow: { getRenderers: () => [renderer], render: () => {} }, __dfe: { recall: () => null, remember: () => {} } });
  new Function(readFileSync(join(import.meta.dirname, "../built/scene.js"), "utf8"))();
  vi.advanceTimersByTime(500);
  const text = (/** @type {ReturnType<typeof actor>} */ one) => JSON.stringify(one.special.OpenGL ?? "");
  expect(actors.map((one) => text(one).includes("dfeLit(diffuseColor"))).toEqual([true, true, false]);
  expect(actors.map((one) => one.offset.mock.calls)).toEqual([[[0, 0]], [[4, 0]], []]);
  expect(document.body.querySelector("button")?.textContent).toBe("Picture for print");
  vi.useRealTimers();
});

test("the scene's script is a plain one, which moves the viewer's camera to where the link says", async () => {
  vi.useFakeTimers();
  const set = vi.fn(), home = { position: [0, 0, 5], focalPoint: [0, 0, 0], viewUp: [0, 1, 0] };
  /** @type {() => void} */ let modified = () => {};
  const camera = { get: () => home, set, onModified: (/** @type {() => void} */ changed) => { modified = changed; } };
  const renderer = { getActiveCamera: () => camera, getActors: () => [actor(true)], resetCameraClippingRange: () => {}, updateLightsGeometryToFollowCamera: () => {} };
  const remember = vi.fn(), recall = () => ["1", "2", "3", "0", "0", "0", "0", "1", "0"];
  Object.assign(window, { renderWindow: { getRenderers: () => [renderer], render: () => {} }, __dfe: { recall, remember } });
  new Function(readFileSync(join(import.meta.dirname, "../built/scene.js"), "utf8"))();
  vi.advanceTimersByTime(500);
  expect(set).toHaveBeenCalledExactlyOnceWith({ position: [1, 2, 3], focalPoint: [0, 0, 0], viewUp: [0, 1, 0] });
  modified();
  expect(remember).toHaveBeenLastCalledWith("scene", null); // where it was at first
  home.position = [9, 0, 5];
  modified();
  expect(remember).toHaveBeenLastCalledWith("scene", [9, 0, 5, 0, 0, 0, 0, 1, 0]);
  vi.useRealTimers();
});
