// Codewords as cards that can be clicked and walked with the arrow keys.

export default function (component) {
  const view = once(component, (root) => new Gallery(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(component.parentElement);
}

/** Action units that may be named, or why there are none: quiet where there are none. */
function chip(item) {
  return item.chip ? element("em", { class: item.named ? "chip" : "chip quiet" }, item.chip) : "";
}

const PATIENCE = 5000, REPEATS = 4;  // milliseconds until an unanswered click is sent again, and how often

const FRONT = () => new Camera(0.3, 0.03);

class Gallery {
  constructor(root) {
    this.box = root.querySelector(".dfe-gallery");
    this.box.setAttribute("role", "listbox");
    this.cards = new Map();
    this.missing = [];
    this.box.addEventListener("click", (e) => {
      const card = e.target.closest("button[data-id]");
      if (card && (e.ctrlKey || e.metaKey)) this.toggle(Number(card.dataset.id));
      else if (card) this.pick(Number(card.dataset.id));
    });
    this.box.addEventListener("keydown", (e) => this.walk(e));
    this.keys = (e) => this.global(e);
    window.addEventListener("keydown", this.keys);
    this.near = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (isIntersecting) { this.near.unobserve(target); this.missing.push(target); this.drawMissing(); }
      }
    }, { rootMargin: "200px" });
    this.drawMissing = redrawer(() => this.thumbnails());
  }

  update(data) {
    this.data = data;
    this.box.classList.toggle("narrow", Boolean(data.narrow));
    this.box.classList.toggle("row", Boolean(data.row));
    this.box.setAttribute("aria-label", data.label || "Codewords");
    const signature = JSON.stringify(data.items) + data.model;
    if (signature !== this.signature) {
      this.signature = signature;
      this.cards.clear();
      this.box.replaceChildren(...data.items.map((item) => this.card(item)));
    }
    this.chosen = new Set(data.chosen || []);
    this.mark();
    this.answered(data.selected);
    this.box.dataset.state = "ready";
  }

  card(item) {
    const face = item.src ? element("img", { src: item.src, alt: "", loading: "lazy", draggable: "false" })
      : element("canvas", { "aria-hidden": "true" });
    const card = element("button", { type: "button", class: "card", role: "option", tabindex: -1, "data-id": item.id,
      "aria-label": item.alt, title: item.alt },
      element("span", { class: "face" }, face),
      element("span", { class: "title" }, element("i", { style: `background:${item.colour}` }), element("b", {}, item.title), chip(item)),
      element("span", { class: "note" }, item.note), item.score ? element("span", { class: "score" }, item.score) : "");
    if (!item.src) this.near.observe(face);
    this.cards.set(item.id, card);
    return card;
  }

  /** Cards whose picture has not been rendered yet are drawn here, a few a frame. */
  async thumbnails() {
    if (!this.data.face || !this.data.codebook) return;
    const [face, codebook] = await Promise.all([loadFace(this.data.face), loadPack(this.data.codebook)]);
    if (busy()) { this.drawMissing(); return; }
    for (const canvas of this.missing.splice(0, 4)) {
      const id = Number(canvas.closest("button")?.dataset.id), size = face.coefficients;
      if (Number.isNaN(id)) continue;
      fitCanvas(canvas);
      const psi = codebook.psi.slice(id * size, (id + 1) * size), pose = face.pose(psi);
      paint(canvas.getContext("2d"), face, pose, FRONT(), [0, 0, canvas.width, canvas.height],
        { range: Math.max(0.1, ...pose.heat) });
    }
    if (this.missing.length) this.drawMissing();
  }

  select(id) {
    this.selected = id;
    for (const [key, card] of this.cards) {
      card.setAttribute("aria-selected", String(key === id));
      card.tabIndex = key === id ? 0 : -1;
    }
    const card = this.cards.get(id);
    if (!card) { const first = this.cards.values().next().value; if (first) first.tabIndex = 0; return; }
    if (this.data.narrow) {
      const box = this.box.getBoundingClientRect(), place = card.getBoundingClientRect();
      if (place.top < box.top || place.bottom > box.bottom) this.box.scrollTop += place.top - box.top - box.height / 3;
      if (place.left < box.left || place.right > box.right) this.box.scrollLeft += place.left - box.left - box.width / 3;
    }
  }

  /** Cards that belong to the selection, which the map, the coverage table and the timeline share. */
  mark() {
    for (const [id, card] of this.cards) card.toggleAttribute("data-chosen", this.chosen.has(id));
  }

  toggle(id) {
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.mark();
    this.component.setTriggerValue("toggle", id);
  }

  pick(id) {
    this.select(id);
    dfe.gliding = performance.now() + GLIDE + 100;
    window.dispatchEvent(new CustomEvent("dfe:codeword", { detail: { codeword: id, model: this.data.model } }));
    // The face first, the page after: the server's answer redraws charts, which would hold the face up. Walking fast
    // sends only where the walk ends.
    if (!this.data.confirms) {  // what the server does with it does not come back here
      clearTimeout(this.sending);
      this.sending = setTimeout(() => this.component.setTriggerValue("pick", id), this.data.narrow ? GLIDE + 40 : 0);
      return;
    }
    this.wanted = id;
    this.repeats = 0;
    if (this.asked !== undefined) return;
    if (id !== this.data.selected) { this.send(GLIDE + 40); return; }
    clearTimeout(this.sending);  // back where the server is
    this.wanted = undefined;
  }

  /** Ask the server for the codeword that is wanted. One question at a time: a slow browser would otherwise fall behind
   *  with answers until the server drops the connection. What is not answered, for the connection was down, is asked
   *  again; where the page has moved on to something else, it is not. */
  send(delay) {
    clearTimeout(this.sending);
    this.sending = setTimeout(() => {
      this.asked = this.wanted;
      this.heard = false;
      this.component.setTriggerValue("pick", this.asked);
      this.sending = setTimeout(() => {
        this.asked = undefined;
        if (!this.heard && this.repeats++ < REPEATS) { this.send(0); return; }
        this.wanted = undefined;
        this.select(this.data.selected);
      }, PATIENCE);
    }, delay);
  }

  /** The server's codeword: shown, unless another one is wanted since. */
  answered(id) {
    if (this.asked === undefined && this.wanted === undefined) { this.select(id); return; }
    this.heard = true;
    if (this.asked === undefined || id !== this.asked) return;  // an answer to something before
    this.asked = undefined;
    if (this.wanted !== id) { this.send(0); return; }
    clearTimeout(this.sending);
    this.wanted = undefined;
    this.select(id);
  }

  walk(event) {
    const cards = [...this.cards.values()], at = cards.indexOf(event.target.closest("button[data-id]"));
    if (at < 0) return;
    const columns = getComputedStyle(this.box).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const to = step ? at + step : event.key === "Home" ? 0 : event.key === "End" ? cards.length - 1 : NaN;
    if (Number.isNaN(to)) return;
    event.preventDefault(); event.stopPropagation();
    const card = cards[Math.max(0, Math.min(cards.length - 1, to))];
    cards[at].tabIndex = -1; card.tabIndex = 0;
    card.focus();
    if (this.data.narrow) this.pick(Number(card.dataset.id));
  }

  /** Left and right walk the gallery from anywhere on the page while a codeword is open. */
  global(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT|CANVAS)$/.test(target.tagName)
      || target.isContentEditable || target.getAttribute?.("role") === "slider") return;
    if (!this.cards.has(this.selected) || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    if (this.box.contains(target)) return;
    const ids = [...this.cards.keys()], to = ids[ids.indexOf(this.selected) + (event.key === "ArrowRight" ? 1 : -1)];
    if (to !== undefined) { event.preventDefault(); this.pick(to); }
  }

  close(root) {
    clearTimeout(this.sending);
    window.removeEventListener("keydown", this.keys);
    this.near.disconnect();
    dfe.mounted.delete(root);
  }
}
