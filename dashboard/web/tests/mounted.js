// A view mounted as Streamlit does it, in a page without a screen: canvases have a size, and note what is drawn.

import { vi } from "vitest";
import { bytesOf, faceFacts } from "./golden.js";

/** What is fetched, by address. @type {Record<string, () => ArrayBuffer>} */
export const assets = {
  "/face": () => bytesOf("face.bin"),
  "/codebook": () => bytesOf("codebook.bin"),
  "/recording": () => bytesOf("recording.bin"),
};

export const FACE = { url: "/face", look: faceFacts.look };

/** A pack as packs.py writes one, of numbers in float32. @param {object} header @param {Record<string, [shape: number[], values: number[]]>} arrays */
export function packed(header, arrays) {
  const entries = Object.entries(arrays), values = Float32Array.from(entries.flatMap(([, [, one]]) => one));
  let offset = 0;
  const described = Object.fromEntries(entries.map(([name, [shape, one]]) => {
    const entry = { dtype: "float32", shape, offset };
    offset += 4 * one.length;
    return [name, entry];
  }));
  const text = JSON.stringify({ ...header, arrays: described }), padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  const bytes = new Uint8Array(8 + padded.length + offset);
  bytes.set(new TextEncoder().encode("DFE1"));
  new DataView(bytes.buffer).setUint32(4, padded.length, true);
  bytes.set(new TextEncoder().encode(padded), 8);
  bytes.set(new Uint8Array(values.buffer), 8 + padded.length);
  return bytes.buffer;
}

/** Calls of canvases' contexts since the page was set up, by name. @type {Record<string, unknown[][]>} */
export let calls = {};

/** A context of any kind: it takes every call, and answers what is asked of it with something. */
function context() {
  /** @type {Record<string, any>} */ const set = {};
  const answers = /** @type {Record<string, unknown>} */ ({ getAttribLocation: 1, getProgramParameter: true, measureText: { width: 10 }, createLinearGradient: { addColorStop() {} } });
  return new Proxy(set, {
    get: (_, name) => (name in set ? set[String(name)] : (/** @type {unknown[]} */ ...values) => {
      (calls[String(name)] ??= []).push(values);
      return answers[String(name)] ?? {};
    }),
    set: (_, name, value) => { set[String(name)] = value; return true; },
  });
}

/** A page of 400 by 200 pixels; call before each test. */
export function setUpPage() {
  calls = {};
  document.body.replaceChildren();
  HTMLCanvasElement.prototype.getContext = /** @type {any} */ (context);
  HTMLElement.prototype.getBoundingClientRect = () => new DOMRect(0, 0, 400, 200);
  HTMLElement.prototype.setPointerCapture = () => {};
  vi.stubGlobal("fetch", async (/** @type {string} */ url) => ({ ok: url in assets, status: 404, arrayBuffer: async () => assets[url]() }));
  vi.stubGlobal("IntersectionObserver", class {
    observe() {}
    unobserve() {}
    disconnect() {}
  });
}

/**
 * @param {string} name @param {(component: any) => () => void} view what Streamlit imports
 */
export function mounted(name, view) {
  const parentElement = document.createElement("div"), box = document.createElement("div");
  box.className = `dfe-${name}`;
  parentElement.append(box);
  document.body.append(parentElement);
  /** @type {[name: string, value: any][]} */ const sent = [];
  const told = (/** @type {string} */ what, /** @type {unknown} */ value) => { sent.push([what, value]); };
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (box.querySelector(selector));
  return { box, sent, find,
    /** @param {object} data */ show: (data) => view({ parentElement, data, setTriggerValue: told, setStateValue: told }),
    /** @param {string} label */ click: (label) => [...box.querySelectorAll("button")]
      .find((one) => [one.textContent, one.getAttribute("aria-label")].includes(label))?.click(),
    /** @param {string} state */ reach: (state) => vi.waitFor(() => {
      if (box.dataset.state !== state) throw new Error(`${box.dataset.state}: ${box.dataset.error}`);
    }) };
}

/** @param {EventTarget} on @param {string} type @param {[number, number]} place @param {object} more */
export const point = (on, type, [clientX, clientY], more = {}) =>
  on.dispatchEvent(new PointerEvent(type, { clientX, clientY, pointerId: 1, bubbles: true, ...more }));

/** @param {EventTarget} on @param {string} key @param {object} more */
export const press = (on, key, more = {}) =>
  on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...more }));
