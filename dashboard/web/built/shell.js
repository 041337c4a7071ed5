// What belongs to no single page: the keys that work everywhere, their list, and the guided tour of a first visit.

export default function (component) {
  const root = component.parentElement;
  const view = (shells.get(root) ?? shells.set(root, new Shell(root)).get(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(root);
}

const shells = (window.__dfeShells ??= new WeakMap());

const KEYS = [
  ["Anywhere", [[["/"], "Search the codewords"], [["?"], "This list"], [["Esc"], "Close it, or leave the tour"]]],
  ["Codebook", [[["←", "→"], "The codeword before, the codeword after"],
    [["Ctrl", "click"], "Select a card, or take it out of the selection"],
    [["Home", "End"], "First card, last card"]]],
  ["A face in 3D (click it first)", [[["←", "→", "↑", "↓"], "Turn"], [["+", "−"], "Nearer, farther"], [["0"], "Look from the start"]]],
  ["Recordings (click the timeline first)", [[["←", "→"], "One frame back, one frame on"],
    [["Page up", "Page down"], "Thirty frames"], [["Space"], "Play or pause"]]],
  ["Map", [[["Shift", "drag"], "Draw around points to select them"], [["Ctrl", "click"], "Add a point to the selection"]]],
];

const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value); else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

class Shell {
  constructor(root) {
    const box = root.querySelector(".dfe-shell");
    this.keys = this.keyList();
    this.ring = make("div", { class: "ring", hidden: "" });
    this.card = make("section", { class: "tour", role: "dialog", "aria-label": "Guided tour", hidden: "" });
    box.append(make("button", { type: "button", onclick: () => this.keys.showModal(), title: "Keys (?)" }, "Keys"),
      make("button", { type: "button", onclick: () => this.show(0) }, "Tour"), this.keys, this.ring, this.card);
    this.pressed = (event) => this.press(event);
    window.addEventListener("keydown", this.pressed);
    this.moved = () => this.place();
    for (const name of ["resize", "scroll"]) window.addEventListener(name, this.moved, true);
    this.mending = new MutationObserver(() => this.mend());
    this.mending.observe(document.body, { childList: true, subtree: true });
    this.mend();
  }

  update(data) {
    this.data = data;
    if (this.at !== undefined) return;
    const kept = Number(sessionStorage.getItem("dfe.tour.step") ?? "NaN");
    if (!Number.isNaN(kept)) this.draw(kept);
    else if (data.invite && !localStorage.getItem("dfe.tour")) this.draw(0);
  }

  keyList() {
    const close = make("button", { type: "button", class: "primary", onclick: () => this.keys.close() }, "Close");
    const groups = KEYS.flatMap(([title, rows]) => [make("h3", {}, title),
      make("dl", {}, ...rows.flatMap(([keys, what]) => [make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, what)]))]);
    return make("dialog", { "aria-label": "Keys" }, make("h2", {}, "Keys"), ...groups,
      make("div", { class: "foot" }, make("span", { class: "count" }), close));
  }

  press(event) {
    const target = event.composedPath()[0];
    if (event.key === "Escape" && !this.card.hidden && !this.keys.open) { this.leave(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable) return;
    if (event.key === "?") { event.preventDefault(); if (!this.keys.open) this.keys.showModal(); }
    if (event.key === "/") {
      event.preventDefault();
      const search = document.querySelector(".st-key-q input");
      if (search) search.focus(); else { this.searching = true; this.component.setTriggerValue("go", { page: "codebook" }); }
    }
  }

  /** Streamlit's navigation puts sections between a list and its items: name the roles that it means. And bring the
   * cursor to the search once the page that was asked for is there. */
  mend() {
    for (const list of document.querySelectorAll('ul[data-testid="stSidebarNavItems"]:not([role])')) list.setAttribute("role", "presentation");
    for (const item of document.querySelectorAll('ul[data-testid="stSidebarNavItems"] li')) {
      const parent = item.parentElement;
      if (!parent.hasAttribute("role")) parent.setAttribute("role", "list");
    }
    if (this.searching) {
      const search = document.querySelector(".st-key-q input");
      if (search) { this.searching = false; search.focus(); }
    }
    if (!this.card.hidden) this.place();
  }

  /** Go to a step: its page first, then its card. */
  show(step) {
    this.draw(step);
    this.ask(3);
  }

  /** Ask for the page of the step. An answer can be lost to another one that was under way: ask again then. */
  ask(times) {
    clearTimeout(this.asking);
    const { page, parameters } = this.data.steps[this.at] ?? {};
    if (!page || !times) return;
    this.component.setTriggerValue("go", { page, ...parameters });
    this.asking = setTimeout(() => { if (!this.there(page)) this.ask(times - 1); }, 4000);
  }

  there(page) {
    const last = location.pathname.split("/").pop();
    return last === page || (page === "overview" && last === "");
  }

  draw(step) {
    this.at = step;
    sessionStorage.setItem("dfe.tour.step", step);
    const { title, text } = this.data.steps[step], last = step === this.data.steps.length - 1;
    const next = make("button", { type: "button", class: "primary", onclick: () => (last ? this.leave() : this.show(step + 1)) },
      last ? "Done" : step ? "Next" : "Start the tour");
    this.card.replaceChildren(make("h2", {}, title), make("p", {}, text), make("div", { class: "foot" },
      make("span", { class: "count" }, `${step + 1} of ${this.data.steps.length}`),
      ...(step ? [make("button", { type: "button", onclick: () => this.show(step - 1) }, "Back")] : []),
      ...(last ? [] : [make("button", { type: "button", class: "quiet", onclick: () => this.leave() }, "Skip")]), next));
    this.card.hidden = false;
    if (step) next.focus({ preventScroll: true });
    this.place();
  }

  /** A ring around what the step speaks of, while it can be seen. */
  place() {
    if (this.card.hidden || this.at === undefined) return;
    const target = document.querySelector(this.data.steps[this.at].target || "none"), box = target?.getBoundingClientRect();
    this.ring.hidden = !box || box.width < 10 || box.bottom < 60 || box.top > window.innerHeight - 40;
    if (this.ring.hidden) return;
    const top = Math.max(6, box.top - 6), left = Math.max(6, box.left - 6);
    Object.assign(this.ring.style, { top: `${top}px`, left: `${left}px`,
      width: `${Math.min(window.innerWidth - 6, box.right + 6) - left}px`, height: `${Math.min(window.innerHeight - 6, box.bottom + 6) - top}px` });
  }

  leave() {
    clearTimeout(this.asking);
    localStorage.setItem("dfe.tour", "done");
    sessionStorage.removeItem("dfe.tour.step");
    this.at = undefined;
    this.card.hidden = this.ring.hidden = true;
    this.data = { ...this.data, invite: false };
  }

  close(root) {
    clearTimeout(this.asking);
    window.removeEventListener("keydown", this.pressed);
    for (const name of ["resize", "scroll"]) window.removeEventListener(name, this.moved, true);
    this.mending.disconnect();
    shells.delete(root);
  }
}
