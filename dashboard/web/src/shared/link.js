// How a view is looked at (camera, zoom, switches, second) stands in the link as `look=name:values~name:values`. It is
// put there without asking the server: Streamlit sends the address along with the next thing that it is asked.

import { page } from "./page.js";

const WRITE_AFTER = 250, WRITE_EVERY = 500; // ms; the server writes addresses of its own, which know no looks

/** The looks of the page that is open: those of its views, and those that the link brought, until their view takes them
 * up. */
function looks() {
  const { link } = page;
  if (link.path === location.pathname) return link;
  const parts = (new URLSearchParams(location.search).get("look") || "").split("~").filter(Boolean);
  link.every ||= window.setInterval(write, WRITE_EVERY);
  return Object.assign(link, { path: location.pathname, shown: new Map(),
    linked: new Map(parts.map((part) => /** @type {[string, string]} */ (part.split(/:(.*)/s).slice(0, 2)))) });
}

/** What the link says of how a view is looked at, or null. @param {string} name @returns {string[] | null} */
export function recall(name) {
  const { shown, linked } = looks(), text = linked.get(name);
  if (text !== undefined) { shown.set(name, text); linked.delete(name); }
  return shown.get(name)?.split("*") ?? null;
}

/** Put into the link how a view is looked at; null where it is as at first. A view without a name stays out of it.
 * @param {string} name @param {(string | number)[] | null} values */
export function remember(name, values) {
  if (!name) return;
  const link = looks(), { shown } = link;
  const text = values?.map((v) => (typeof v === "number" ? Number(v.toFixed(4)) : v)).join("*");
  if (shown.get(name) === text) return;
  if (text === undefined) shown.delete(name); else shown.set(name, text);
  clearTimeout(link.soon);
  link.soon = window.setTimeout(write, WRITE_AFTER);
}

function write() {
  const { link } = page;
  if (link.path !== location.pathname || !(link.shown.size || link.written)) return;
  link.written = true;
  putParameter("look", [...link.shown].map(([name, text]) => `${name}:${text}`).join("~"));
}

/** Set a parameter of the address, or take it out, without a new entry in the history and without a rerun.
 * @param {string} name @param {string | number} value */
export function putParameter(name, value) {
  const to = new URL(location.href);
  if ((to.searchParams.get(name) ?? "") === String(value)) return;
  if (value === "") to.searchParams.delete(name); else to.searchParams.set(name, String(value));
  history.replaceState(history.state, "", to);
}

/** Let the link and the browser keep which codebook and data are open: `content` says of which content they are, and the
 * next visit without a link begins with them. @param {{ model: string, dataset: string, content: string }} choice */
export function keepChoice({ model, dataset, content }) {
  if (!model && !dataset) return;
  for (const [name, value] of Object.entries({ model, dataset, content })) putParameter(name, value);
  const value = encodeURIComponent(JSON.stringify([model, dataset]));
  document.cookie = `dfe-last=${value}; path=/; max-age=31536000; SameSite=Lax`;
}

Object.assign(page, { recall, remember });
