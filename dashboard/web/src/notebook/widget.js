// The views as widgets of a notebook (anywidget): what Streamlit gives a component comes from the widget's model here.
//
// Traits of the model: kind (which view), facts (its data, packs by name), packs (bytes by name), and the state that
// other widgets can be linked to: codeword, chosen, time_s, stages, point, frames.

import style from "../../built/views.css";
import { givePack } from "../shared/pack.js";
import gallery from "../views/gallery.js";
import morph from "../views/morph.js";
import player from "../views/player.js";
import scatter from "../views/scatter.js";
import { followColours } from "./colours.js";

/** What a widget's model is, of anywidget. @typedef {{ get: (name: string) => any, set: (name: string, value: unknown) => void,
 *   save_changes: () => void, on: (event: string, done: () => void) => void, off: (event: string, done: () => void) => void }} Model */

const OWN_STYLE = `:host { margin: 4px 0 8px; }
.dfe-gallery { max-height: var(--height, 420px); overflow-y: auto; scrollbar-width: thin; align-content: start; }`;

/** @param {number[]} list @param {number} one */
const toggled = (list, one) => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);

/** The codewords that are selected, or the one that is open. @param {Model["get"]} get */
const selected = (get) => (get("chosen").length ? get("chosen") : get("codeword") ? [get("codeword")] : []);

/**
 * Each kind: class of its box, its view, the traits that it shows, and what its messages set.
 * @type {Record<string, { box: string, view: (component: any) => () => void, shows: (get: Model["get"]) => object,
 *   sets: Record<string, (value: any, get: Model["get"]) => Record<string, unknown>> }>}
 */
const KINDS = {
  codeword: { box: "morph", view: morph, shows: (get) => ({ codeword: get("codeword") }), sets: {} },
  gallery: { box: "gallery", view: gallery,
    shows: (get) => ({ selected: get("codeword"), chosen: get("chosen"), enclosed: true }),
    sets: { pick: (id) => ({ codeword: id }), toggle: (id, get) => ({ chosen: toggled(get("chosen"), id) }) } },
  player: { box: "player", view: player, shows: (get) => ({ seconds: get("time_s"), chosen: selected(get) }),
    sets: { at: ({ t, stages }) => ({ time_s: t, stages }), open: (id) => ({ codeword: id }) } },
  map: { box: "scatter", view: scatter,
    shows: (get) => (get("facts").of === "frames" ? { point: get("point"), rows: get("frames") }
      : { selected: selected(get) }),
    sets: { pick: ({ id, point, add }, get) => (get("facts").of === "frames" ? { point }
      : add ? { chosen: toggled(get("chosen"), id) } : { codeword: id, chosen: [] }),
    select: (ids, get) => (get("facts").of === "frames" ? { frames: ids } : { chosen: ids }) } },
};
const STATE = ["facts", "codeword", "chosen", "time_s", "point", "frames"];

/** Hold the packs of a model, those that are new; lets go of those that are gone.
 * @param {Map<string, () => void>} held @param {Record<string, DataView>} packs */
function hold(held, packs) {
  for (const [name, bytes] of Object.entries(packs)) if (!held.has(name)) held.set(name, givePack(name, bytes));
  for (const [name, release] of held) if (!(name in packs)) { release(); held.delete(name); }
}

let count = 0; // of the widgets that were shown: each hears of the codewords that are clicked in itself alone

/** @param {{ model: Model, el: HTMLElement }} widget @returns {() => void} takes it away */
function render({ model, el }) {
  const { box, view, shows, sets } = KINDS[model.get("kind")], name = `widget-${++count}`;
  const host = document.createElement("div"), root = host.attachShadow({ mode: "open" });
  root.innerHTML = `<style>${style}${OWN_STYLE}</style><div class="dfe-${box}"></div>`;
  host.className = `dfe-widget dfe-widget-${model.get("kind")}`;
  el.append(host);
  const get = model.get.bind(model), /** @type {Map<string, () => void>} */ held = new Map();
  const say = (/** @type {string} */ what, /** @type {any} */ value) => {
    const changes = Object.entries(sets[what]?.(value, get) ?? {});
    for (const [trait, one] of changes) model.set(trait, one);
    if (changes.length) model.save_changes();
  };
  let asked = false, closed = false, close = () => {};
  const show = () => {
    asked = false;
    if (closed) return;
    hold(held, get("packs"));
    host.style.setProperty("--height", `${get("facts").height}px`);
    close = view({ parentElement: root, data: { ...get("facts"), look: "", model: name, ...shows(get) }, setTriggerValue: say,
      setStateValue: say });
  };
  const later = () => { if (!asked) { asked = true; queueMicrotask(show); } };
  for (const trait of STATE) model.on(`change:${trait}`, later);
  const forget = followColours(host, later);
  show();
  return () => {
    closed = true;
    for (const trait of STATE) model.off(`change:${trait}`, later);
    forget();
    close();
    for (const release of held.values()) release();
    host.remove();
  };
}

export default { render };
