// A row of small faces, each an expression: moments of recordings, or codewords beside each other.

export default function (component) {
  const view = once(component, (root) => new Strip(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(component.parentElement);
}

class Strip {
  constructor(root) {
    this.box = root.querySelector(".dfe-strip");
    this.draw = redrawer(() => this.paint());
    this.waiting = new Set();
    this.seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) { this.seen.unobserve(target); this.waiting.add(target); }
      this.draw();
    }, { rootMargin: "150px" });
    this.watch = new ResizeObserver(() => this.again());
    this.watch.observe(this.box);
  }

  async update(data) {
    this.data = data;
    const signature = JSON.stringify(data.items.map((i) => [i.title, i.note, i.alt, i.src, i.still]));
    if (signature !== this.signature) {
      this.signature = signature;
      const filmed = data.items.some((item) => item.still);
      this.box.replaceChildren(...data.items.map((item, at) => element("button", { type: "button", class: "card",
        "aria-label": item.alt, title: item.alt, onclick: () => this.component.setTriggerValue("pick", at) },
        element("span", { class: "face" }, item.src ? element("img", { src: item.src, alt: "", loading: "lazy" })
          : element("canvas", { "aria-hidden": "true", "data-at": at })),
        ...(filmed ? [item.still ? element("img", { class: "still", src: item.still, alt: item.still_alt })
          : element("span", { class: "still" })] : []),
        element("span", { class: "title" }, item.title), element("span", { class: "note" }, item.note))));
    }
    try {
      this.face = await loadFace(data.face);
      this.codebook = data.codebook ? await loadPack(data.codebook) : null;
      this.again();
    } catch (error) {
      this.box.dataset.state = "failed";
    }
  }

  again() {
    const canvases = this.box.querySelectorAll("canvas");
    canvases.forEach((canvas) => this.seen.observe(canvas));
    if (!canvases.length) this.box.dataset.state = "drawn";
  }

  psi(item) {
    if (item.psi) return item.psi;
    const size = this.face.coefficients;
    return this.codebook.psi.slice(item.codeword * size, (item.codeword + 1) * size);
  }

  paint() {
    if (!this.face || !this.box.isConnected) return;
    if (busy()) { this.draw(); return; }
    try {
      for (const canvas of [...this.waiting].slice(0, 2)) { // two a frame: the face that was clicked comes first
        this.waiting.delete(canvas);
        fitCanvas(canvas);
        const item = this.data.items[canvas.dataset.at];
        if (!item) continue;
        const pose = this.face.pose(this.psi(item));
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, canvas.width, canvas.height);
        paint(context, this.face, pose, new Camera(0.3, 0.03), [0, 0, canvas.width, canvas.height],
          { range: this.data.range || Math.max(0.1, ...pose.heat), heat: this.data.heat });
      }
      if (this.waiting.size) this.draw(); else this.box.dataset.state = "drawn";
    } catch (error) {
      this.box.dataset.state = "failed";
    }
  }

  close(root) {
    this.watch.disconnect();
    this.seen.disconnect();
    dfe.mounted.delete(root);
  }
}
