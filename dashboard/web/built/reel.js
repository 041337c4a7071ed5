// A timeline that plays as a face: tracks below, the face above, on one person or on two side by side.

export default function (component) {
  const view = once(component, (root) => new Reel(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(component.parentElement);
}

const LANE = 22;

class Reel {
  constructor(root) {
    this.box = root.querySelector(".dfe-reel");
    this.camera = new Camera(0.3, 0.03);
    this.draw = redrawer(() => this.paint());
    this.row = 0;
    this.build();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.canvas);
  }

  build() {
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.playing = element("button", { type: "button", class: "icon", "aria-label": "Play", onclick: () => (this.timer ? this.stop() : this.play()) });
    this.playing.innerHTML = SHAPES.play;
    this.clock = element("output", { class: "clock" });
    this.heat = element("button", { type: "button", class: "toggle", "aria-pressed": "true",
      onclick: () => { this.heat.setAttribute("aria-pressed", String(this.heat.getAttribute("aria-pressed") !== "true")); this.draw(); } }, "Heat map");
    this.loop = element("button", { type: "button", class: "toggle", "aria-pressed": "true",
      onclick: () => { this.loop.setAttribute("aria-pressed", String(this.loop.getAttribute("aria-pressed") !== "true")); this.draw(); } }, "Loop");
    this.lanes = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time" });
    this.box.append(element("div", { class: "picture" }, this.canvas, this.captions),
      element("div", { class: "controls" }, this.playing, this.clock, this.loop, this.heat),
      element("div", { class: "timeline" }, this.lanes));
    orbit(this.canvas, this.camera, this.draw);
    const to = (e) => {
      const { left, width } = this.lanes.getBoundingClientRect();
      this.stop();
      this.row = Math.max(0, Math.min(this.rows - 1, Math.round(((e.clientX - left - this.labels) / (width - this.labels)) * (this.rows - 1))));
      this.draw();
    };
    let down = false;
    this.lanes.addEventListener("pointerdown", (e) => { down = true; this.lanes.setPointerCapture(e.pointerId); to(e); });
    this.lanes.addEventListener("pointermove", (e) => down && to(e));
    this.lanes.addEventListener("pointerup", () => { down = false; });
    this.lanes.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { this.row = Math.max(0, Math.min(this.rows - 1, this.row + step)); this.draw(); e.preventDefault(); }
    });
  }

  /** How it is looked at, for the link: camera, second, heat map and loop. */
  note() {
    if (this.timer && performance.now() - this.noted < 1000) return;
    this.noted = performance.now();
    const switches = [this.heat, this.loop].map((b) => (b.getAttribute("aria-pressed") === "true" ? 1 : 0)).join("");
    const moved = this.camera.moved || this.row || switches !== "11";
    remember(this.name, moved ? [...this.camera.values, this.reel.time[this.row], switches] : null);
  }

  /** Look as the link says. */
  recalled() {
    const [, , , at, switches] = recallCamera(this.name, this.camera) ?? [];
    if (Number(at) > 0) this.at = Number(at);
    [...(switches ?? "")].forEach((on, i) => [this.heat, this.loop][i]?.setAttribute("aria-pressed", String(on === "1")));
  }

  /** How wide the names of the tracks are, in CSS pixels. */
  get labels() { return Math.round(Math.max(110, Math.min(230, 0.38 * this.lanes.getBoundingClientRect().width))); }

  async update(data) {
    this.data = data;
    if (this.name !== data.look) { this.name = data.look; this.recalled(); }
    this.box.style.setProperty("--height", `${data.height}px`);
    this.box.style.setProperty("--line", `${data.tracks.length * LANE + 26}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    try {
      const reel = await loadPack(data.reel);
      this.faces = await Promise.all(data.faces.map(({ face }) => loadFace(face)));
      if (this.reel !== reel) { this.reel = reel; this.open(); }
      this.draw();
    } catch (error) {
      this.box.dataset.state = "failed";
      this.box.dataset.error = String(error.message || error);
    }
  }

  open() {
    [this.rows] = this.reel.shapes.psi0;
    this.row = Math.min(this.row, this.rows - 1);
    if (this.at !== undefined) { // the second that the link names, once
      const later = this.reel.time.findIndex((t) => t >= this.at - 1e-3);
      this.row = later < 0 ? this.rows - 1 : later;
      this.at = undefined;
    }
    this.range = 0.5;
    for (let i = 0; i < 30; i++) for (const v of this.pose(0, Math.floor((i / 30) * this.rows)).heat) if (v > this.range) this.range = v;
    if (this.data.autoplay && !this.timer) this.play();
  }

  pose(which, row) {
    const psi = this.reel[`psi${which}`], size = this.faces[which].coefficients;
    return this.faces[which].pose(psi.subarray(row * size, (row + 1) * size));
  }

  play() {
    this.playing.innerHTML = SHAPES.pause;
    this.playing.setAttribute("aria-label", "Pause");
    if (this.row >= this.rows - 1) this.row = 0;
    const begun = performance.now() - 1000 * this.reel.time[this.row], end = this.reel.time[this.rows - 1];
    const step = (now) => {
      if (!this.timer) return;
      let t = (now - begun) / 1000;
      if (t > end && this.loop.getAttribute("aria-pressed") === "true") t %= end + 0.4;
      this.row = Math.min(this.rows - 1, Math.floor((Math.min(t, end) / end) * (this.rows - 1)));
      this.paint();
      if (t > end && this.loop.getAttribute("aria-pressed") !== "true") { this.stop(); return; }
      this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.playing.innerHTML = SHAPES.play;
    this.playing.setAttribute("aria-label", "Play");
  }

  paint() {
    if (!this.reel || !this.box.isConnected) return;
    try {
      fitCanvas(this.canvas);
      const context = this.canvas.getContext("2d"), { width, height } = this.canvas, each = width / this.faces.length;
      const look = { heat: this.heat.getAttribute("aria-pressed") === "true", range: this.range };
      context.clearRect(0, 0, width, height);
      this.faces.forEach((face, i) => paint(context, face, this.pose(i, this.row), this.camera, [i * each, 0, each, height], look));
      this.captions.replaceChildren(...this.data.faces.map(({ title }) => element("span", {}, title)));
      this.clock.textContent = `${this.reel.time[this.row].toFixed(2)} / ${this.reel.time[this.rows - 1].toFixed(2)} s`;
      this.tracks();
      this.note();
      this.box.dataset.state = "drawn";
    } catch (error) {
      this.box.dataset.state = "failed";
      this.box.dataset.error = String(error.message || error);
    }
  }

  tracks() {
    fitCanvas(this.lanes);
    const context = this.lanes.getContext("2d"), box = this.lanes.getBoundingClientRect(), ratio = this.lanes.width / Math.max(1, box.width);
    const style = getComputedStyle(this.box), end = this.reel.time[this.rows - 1], labels = this.labels, width = box.width - labels - 4;
    const x = (t) => labels + (t / end) * width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, box.width, box.height);
    context.font = `12px ${style.getPropertyValue("--st-font")}`;
    context.textBaseline = "middle";
    this.data.tracks.forEach((track, i) => {
      const y = i * LANE;
      context.fillStyle = style.getPropertyValue("--st-text-color");
      let name = track.label;
      while (name.length > 4 && context.measureText(name).width > labels - 8) name = `${name.slice(0, -2).trimEnd()}…`;
      context.fillText(name, 0, y + LANE / 2);
      context.fillStyle = style.getPropertyValue("--st-secondary-background-color");
      context.fillRect(labels, y + 2, width, LANE - 4);
      context.fillStyle = track.colour;
      context.globalAlpha = 0.35 + 0.65 * Math.min(1, track.intensity);
      context.beginPath();
      context.moveTo(x(track.onset), y + LANE - 3);
      context.lineTo(x(track.apex), y + 3); context.lineTo(x(track.offset), y + 3); context.lineTo(x(track.end), y + LANE - 3);
      context.closePath(); context.fill();
      context.globalAlpha = 1;
    });
    context.fillStyle = style.getPropertyValue("--st-text-color");
    const bottom = this.data.tracks.length * LANE + 12;
    for (let i = 0; i <= 4; i++) {
      const label = `${((end * i) / 4).toFixed(1)} s`;
      context.textAlign = i === 4 ? "right" : i ? "center" : "left";
      context.fillText(label, x((end * i) / 4), bottom);
    }
    context.textAlign = "left";
    context.fillStyle = style.getPropertyValue("--st-primary-color");
    context.fillRect(x(this.reel.time[this.row]) - 1, 0, 2, this.data.tracks.length * LANE + 2);
    this.lanes.setAttribute("aria-valuenow", this.reel.time[this.row].toFixed(2));
    this.lanes.setAttribute("aria-valuemin", 0);
    this.lanes.setAttribute("aria-valuemax", end.toFixed(2));
  }

  close(root) {
    this.stop();
    this.watch.disconnect();
    dfe.mounted.delete(root);
  }
}
