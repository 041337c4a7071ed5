// What belongs to no single page: the keys that work everywhere, their list, and the guided tour of a first visit.

import { button, element } from "../shared/dom.js";
import { watchLinks } from "../shared/leaving.js";
import { keepChoice } from "../shared/link.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ page: string, target: string, title: string, text: string, parameters: Record<string, unknown> }} Step
 * @typedef {{ page?: string, steps: Step[], invite: boolean, choice: { model: string, dataset: string,
 *   content: string } }} Data
 */

/** @type {[title: string, rows: [keys: string[], what: string][]][]} */
const KEYS = [
  ["Anywhere", [[["/"], "Search the codewords"], [["?"], "This list"], [["Esc"], "Close it, or leave the tour"]]],
  ["Codebook", [[["←", "→"], "The codeword before, the codeword after"],
    [["Ctrl", "click"], "Select a card, or take it out of the selection"],
    [["Home", "End"], "First card, last card"]]],
  ["A face in 3D (click it first)", [[["←", "→", "↑", "↓"], "Turn"], [["+", "−"], "Nearer, farther"],
    [["0"], "Look from the start"]]],
  ["Recordings (click the timeline first)", [[["←", "→"], "One frame back, one frame on"],
    [["Page up", "Page down"], "Thirty frames"], [["Space"], "Play or pause"]]],
  ["Map", [[["Shift", "drag"], "Draw around points to select them"], [["Ctrl", "click"], "Add a point to the selection"]]],
];

const STEP = "dfe.tour.step", DONE = "dfe.tour"; // keys of the browser's storage
const ASK_AGAIN = 4000, ASKS = 3; // ms, times
const PAGES = 3; // on which the invitation is shown at most
/** Pixels between the card of the tour and the edges of the window. */
const EDGE = 24;
const SEARCH = ".st-key-q input", NAVIGATION = 'ul[data-testid="stSidebarNavItems"]';

/** @extends {View<Data>} */
class Shell extends View {
  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "shell");
    this.asking = 0;
    this.searching = false;
    /** pages on which the invitation was seen @type {Set<string>} */ this.invitedOn = new Set();
    /** @type {number | undefined} step of the tour */ this.at = undefined;
    this.keys = this.keyList();
    this.ring = element("div", { class: "ring", hidden: true });
    this.card = element("section", { class: "tour", role: "dialog", "aria-label": "Guided tour", hidden: true });
    this.box.append(button("Keys", () => this.keys.showModal(), { title: "Keys (?)" }), button("Tour", () => this.show(0)),
      this.keys, this.ring, this.card);
    this.ended = new AbortController();
    const { signal } = this.ended;
    window.addEventListener("keydown", (event) => this.press(event), { signal });
    for (const name of ["resize", "scroll"]) window.addEventListener(name, () => this.place(), { signal, capture: true });
    watchLinks(signal);
    this.mending = new MutationObserver(() => this.mend());
    this.mending.observe(document.body, { childList: true, subtree: true });
    this.mend();
  }

  /** @param {Data} data */
  async update(data) {
    this.data = data;
    keepChoice(data.choice);
    if (this.at === 0) this.endInvitation();
    if (this.at !== undefined) return;
    const kept = sessionStorage.getItem(STEP);
    if (kept !== null) this.open(Number(kept));
    else if (data.invite && !localStorage.getItem(DONE)) this.open(0);
    if (this.at === 0) this.invitedOn.add(location.pathname);
  }

  /** @returns {HTMLDialogElement} */
  keyList() {
    const close = button("Close", () => this.keys.close(), { class: "primary" });
    const groups = KEYS.flatMap(([title, rows]) => [element("h3", {}, title),
      element("dl", {}, ...rows.flatMap(([keys, what]) =>
        [element("dt", {}, ...keys.map((key) => element("kbd", {}, key))), element("dd", {}, what)]))]);
    return element("dialog", { "aria-label": "Keys" }, element("h2", {}, "Keys"), ...groups,
      element("div", { class: "foot" }, element("span", { class: "count" }), close));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (event.key === "Escape" && !this.card.hidden && !this.keys.open) { this.leave(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
      || target.isContentEditable) return;
    if (event.key === "?") { event.preventDefault(); if (!this.keys.open) this.keys.showModal(); }
    if (event.key === "/") {
      event.preventDefault();
      if (this.focusSearch()) return;
      this.searching = true;
      this.component.setTriggerValue("go", { page: "codebook" });
    }
  }

  /** Whether there is a search on the page. */
  focusSearch() {
    const search = /** @type {HTMLElement | null} */ (document.querySelector(SEARCH));
    search?.focus();
    return search !== null;
  }

  /** Streamlit's navigation puts sections between a list and its items: name the roles that it means. And bring the
   * cursor to the search once the page that was asked for is there. */
  mend() {
    for (const list of document.querySelectorAll(`${NAVIGATION}:not([role])`)) list.setAttribute("role", "presentation");
    for (const { parentElement: parent } of document.querySelectorAll(`${NAVIGATION} li`)) {
      if (parent && !parent.hasAttribute("role")) parent.setAttribute("role", "list");
    }
    if (this.searching && this.focusSearch()) this.searching = false;
    this.place();
  }

  /** Go to a step: its page first, then its card. @param {number} step */
  show(step) {
    this.open(step);
    this.ask(ASKS);
  }

  /** Ask for the page of the step. An answer can be lost to another one that was under way: ask again then.
   * @param {number} times */
  ask(times) {
    clearTimeout(this.asking);
    const { page, parameters } = this.data.steps[this.at ?? -1] ?? {};
    if (!page || !times) return;
    this.component.setTriggerValue("go", { page, ...parameters });
    this.asking = window.setTimeout(() => { if (!this.isAt(page)) this.ask(times - 1); }, ASK_AGAIN);
  }

  /** @param {string} page */
  isAt(page) { return (location.pathname.split("/").pop() || "overview") === page; }

  /** @param {number} step */
  open(step) {
    this.at = step;
    sessionStorage.setItem(STEP, String(step));
    const { steps } = this.data, { title, text } = steps[step], last = step === steps.length - 1;
    const next = button(last ? "Done" : step ? "Next" : "Start the tour",
      () => (last ? this.leave() : this.show(step + 1)), { class: "primary" });
    this.card.replaceChildren(element("h2", {}, title), element("p", {}, text), element("div", { class: "foot" },
      element("span", { class: "count" }, `${step + 1} of ${steps.length}`),
      ...(step ? [button("Back", () => this.show(step - 1))] : []),
      ...(last ? [] : [button("Skip", () => this.leave(), { class: "quiet" })]), next));
    this.card.hidden = false;
    if (step) next.focus({ preventScroll: true });
    this.place();
  }

  /** A ring around what the step speaks of, while it can be seen. */
  place() {
    if (this.card.hidden || this.at === undefined) return;
    const box = document.querySelector(this.data.steps[this.at].target || "none")?.getBoundingClientRect();
    const { innerWidth, innerHeight } = window;
    this.ring.hidden = !box || box.width < 10 || box.bottom < 60 || box.top > innerHeight - 40;
    if (!box || this.ring.hidden) {
      Object.assign(this.card.style, { left: "", top: "", right: "", bottom: "" });
      return;
    }
    const top = Math.max(6, box.top - 6), left = Math.max(6, box.left - 6);
    const right = Math.min(innerWidth - 6, box.right + 6), bottom = Math.min(innerHeight - 6, box.bottom + 6);
    Object.assign(this.ring.style,
      { top: `${top}px`, left: `${left}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    this.clear({ top, left, right, bottom });
  }

  /** The card goes to the corner of the window in which it covers least of what the ring is around.
   * @param {{ top: number, left: number, right: number, bottom: number }} ring */
  clear(ring) {
    const { innerWidth, innerHeight } = window, { offsetWidth: width, offsetHeight: height } = this.card;
    const corners = [[1, 1], [0, 1], [1, 0], [0, 0]].map(([right, bottom]) => {
      const x = right ? innerWidth - EDGE - width : EDGE, y = bottom ? innerHeight - EDGE - height : EDGE;
      const over = Math.max(0, Math.min(ring.right, x + width) - Math.max(ring.left, x))
        * Math.max(0, Math.min(ring.bottom, y + height) - Math.max(ring.top, y));
      return { x, y, over };
    });
    const best = corners.reduce((one, other) => other.over < one.over ? other : one);
    Object.assign(this.card.style, { left: `${best.x}px`, top: `${best.y}px`, right: "auto", bottom: "auto" });
  }

  /** The invitation is not a step: who goes on to a third page has declined it. */
  endInvitation() {
    this.invitedOn.add(location.pathname);
    if (this.invitedOn.size >= PAGES) this.leave();
  }

  leave() {
    clearTimeout(this.asking);
    localStorage.setItem(DONE, "done");
    sessionStorage.removeItem(STEP);
    this.at = undefined;
    this.card.hidden = this.ring.hidden = true;
    this.data = { ...this.data, invite: false };
  }

  close() {
    super.close();
    clearTimeout(this.asking);
    this.ended.abort();
    this.mending.disconnect();
  }
}

export default mount(Shell);
