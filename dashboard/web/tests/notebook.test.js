import { beforeEach, expect, test, vi } from "vitest";
import { coloursOf, contrast, followColours, luminance } from "../src/notebook/colours.js";
import widget from "../src/notebook/widget.js";
import { page } from "../src/shared/page.js";
import { bytesOf, faceFacts } from "./golden.js";
import { press, setUpPage } from "./mounted.js";

beforeEach(() => {
  setUpPage();
  page.assets.clear();
  page.given.clear();
  document.body.removeAttribute("style");
});

const view = (/** @type {string} */ name) => new DataView(bytesOf(name));

/** A model as anywidget gives one. @param {Record<string, any>} state */
function modelOf(state) {
  /** @type {[string, () => void][]} */ let heard = [];
  const sent = vi.fn();
  return { state, sent, get: (/** @type {string} */ name) => state[name], save_changes: sent,
    set: (/** @type {string} */ name, /** @type {any} */ value) => {
      state[name] = value;
      heard.filter(([event]) => event === `change:${name}`).forEach(([, done]) => done());
    },
    on: (/** @type {string} */ event, /** @type {() => void} */ done) => { heard.push([event, done]); },
    off: (/** @type {string} */ event, /** @type {() => void} */ done) => { heard = heard.filter(([a, b]) => a !== event || b !== done); },
    listening: () => heard.length };
}

const FACTS = { face: { url: "pack:face", look: faceFacts.look }, codebook: "pack:codebook", height: 300, alt: "A face" };
const PACKS = { "pack:face": view("face.bin"), "pack:codebook": view("codebook.bin") };
const CARDS = [1, 2, 3].map((id) => ({ id, title: String(id), note: "", colour: "#000", alt: `Codeword ${id}` }));
const gallery = () => modelOf({ kind: "gallery", facts: { ...FACTS, items: CARDS }, packs: PACKS, codeword: 1, chosen: [] });
const codeword = () => modelOf({ kind: "codeword", facts: FACTS, packs: PACKS, codeword: 1 });

/** @param {ReturnType<typeof modelOf>} model */
function shown(model) {
  const el = document.createElement("div");
  document.body.append(el);
  const end = widget.render({ model, el });
  const root = /** @type {ShadowRoot} */ (el.firstElementChild?.shadowRoot);
  return { el, end, root, card: (/** @type {number} */ id) => /** @type {HTMLElement} */ (root.querySelector(`[data-id="${id}"]`)) };
}

test("a widget draws from bytes that it was given, and asks the network for nothing", async () => {
  const fetched = vi.fn();
  vi.stubGlobal("fetch", fetched);
  const model = codeword(), { root, end } = shown(model);
  const box = /** @type {HTMLElement} */ (root.querySelector(".dfe-morph"));
  await vi.waitFor(() => expect(box.dataset.state).toBe("drawn"));
  model.set("codeword", 2);
  await vi.waitFor(() => expect(box.dataset.codeword).toBe("2"));
  expect(fetched).not.toHaveBeenCalled();
  end();
});

test("clicks set the traits of their own model alone", async () => {
  const one = gallery(), other = codeword(), { card, end } = shown(one), beside = shown(other);
  await Promise.resolve();
  card(2).click();
  await vi.waitFor(() => expect(one.state.codeword).toBe(2));
  card(3).dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true }));
  card(3).dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true }));
  card(1).dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true }));
  expect(one.state.chosen).toEqual([1]);
  expect(other.state.codeword).toBe(1);
  expect(one.sent).toHaveBeenCalledTimes(4);
  end();
  beside.end();
});

test("keys that are pressed elsewhere in the notebook are not the gallery's", async () => {
  const model = gallery(), { end } = shown(model);
  await Promise.resolve();
  press(document.body, "ArrowRight");
  expect(model.state.codeword).toBe(1);
  end();
});

test("a widget that is taken away leaves no listener, no element and no bytes; another keeps its own", async () => {
  const model = codeword(), first = shown(model), second = shown(model);
  expect(page.given.size).toBe(2);
  first.end();
  expect(page.given.size).toBe(2);
  second.end();
  expect([page.given.size, model.listening(), first.el.childElementCount, second.el.childElementCount]).toEqual([0, 0, 0, 0]);
});

test("colours are those of the page, and legible where the page's own are not", () => {
  const el = document.createElement("div");
  document.body.append(el);
  document.body.style.cssText = "background: rgb(20, 20, 24); color: rgb(40, 40, 40)";
  const dark = coloursOf(el);
  expect(dark["--st-background-color"]).toBe("rgb(20,20,24)");
  const [text, ground] = ["--st-text-color", "--st-background-color"].map((name) => dark[name].match(/\d+/g)?.map(Number) ?? []);
  expect(contrast(text, ground)).toBeGreaterThan(10);
  expect(luminance([255, 255, 255])).toBeCloseTo(1);
  document.body.style.cssText = "background: rgb(255, 255, 255); color: rgb(30, 30, 30)";
  expect(coloursOf(el)["--st-text-color"]).toBe("rgb(30,30,30)");
  expect(coloursOf(el)["color-scheme"]).toBe("light");
});

test("a change of the page's theme is followed until the widget is gone", async () => {
  const host = document.createElement("div"), changed = vi.fn();
  document.body.append(host);
  document.body.style.cssText = "background: rgb(255, 255, 255)";
  const end = followColours(host, changed);
  document.body.style.cssText = "background: rgb(10, 10, 10); color: rgb(240, 240, 240)";
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1));
  expect(host.style.getPropertyValue("--st-background-color")).toBe("rgb(10,10,10)");
  end();
});
