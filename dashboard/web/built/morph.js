// The quick look: a face that morphs between neutral and one expression, in the browser alone.

export default function (component) {
  const view = once(component, (root) => new MorphView(root, component));
  view.component = component;
  view.update(component.data);
  return () => view.close();
}

class MorphView {
  constructor(root, component) {
    this.component = component;
    this.camera = new Camera(0.32, 0.04);
    this.amount = 1;
    this.direction = 1;
    this.draw = redrawer(() => this.paint());
    this.build(root.querySelector(".dfe-morph"));
    this.preview = (event) => this.show(event.detail);
    window.addEventListener("dfe:codeword", this.preview);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.canvas);
  }

  build(box) {
    this.box = box;
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.scale = element("div", { class: "scale" });
    this.slider = element("input", { type: "range", min: 0, max: 150, value: 100, step: 1, "aria-label": "Intensity",
      oninput: () => { this.stop(); this.amount = this.slider.value / 100; this.draw(); } });
    this.readout = element("output", { class: "readout" });
    this.playing = element("button", { type: "button", class: "icon", "aria-label": "Play the movement",
      onclick: () => (this.timer ? this.stop() : this.start()) });
    this.playing.innerHTML = SHAPES.play;
    this.beside = this.toggle("Neutral beside", "Show the neutral face beside it", true);
    this.heat = this.toggle("Heat map", "Colour the skin by how far it moves", true);
    this.signed = this.toggle("In / out", "Colour by direction: outwards or inwards along the skin", false);
    this.arrows = this.toggle("Arrows", "Show where the skin goes, drawn 2.5 times as long", false);
    const sides = [["Front", 0, "Look from the front"], ["Left", 1.45, "Look at the face’s left side"],
      ["Right", -1.45, "Look at the face’s right side"]].map(([label, yaw, title]) => element("button",
      { type: "button", class: "toggle", title, "aria-label": title, onclick: () => this.look(yaw) }, label));
    const reset = element("button", { type: "button", class: "icon", "aria-label": "Reset the view",
      onclick: () => { this.camera.reset(); this.draw(); } });
    reset.innerHTML = SHAPES.reset;
    box.append(
      element("div", { class: "picture" }, this.canvas, this.captions, this.scale),
      element("div", { class: "controls" }, this.playing, element("span", { class: "end" }, "Neutral"), this.slider,
        this.readout, reset),
      element("div", { class: "toggles" }, this.beside, this.heat, this.signed, this.arrows,
        element("span", { class: "group", role: "group", "aria-label": "Side to look from" }, ...sides),
        element("span", { class: "hint" }, "Drag to turn, click then scroll to zoom")));
    orbit(this.canvas, this.camera, this.draw);
  }

  look(yaw) {
    Object.assign(this.camera, { yaw, pitch: 0 });
    this.draw();
  }

  toggle(label, title, on) {
    const button = element("button", { type: "button", class: "toggle", title, "aria-pressed": String(on) }, label);
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      this.draw();
    });
    return button;
  }

  on(button) { return button.getAttribute("aria-pressed") === "true"; }

  /** How it is looked at, for the link: camera, intensity and the four switches. */
  note() {
    const switches = [this.beside, this.heat, this.signed, this.arrows].map((b) => (this.on(b) ? 1 : 0)).join("");
    const amount = this.timer ? 100 : Math.round(this.amount * 100);
    remember(this.name, this.camera.moved || amount !== 100 || switches !== "1100" ? [...this.camera.values, amount, switches] : null);
  }

  /** Look as the link says. */
  recalled() {
    const [, , , amount, switches] = recallCamera(this.name, this.camera) ?? [];
    if (amount !== undefined && Number(amount) >= 0) { this.slider.value = amount; this.amount = this.slider.value / 100; }
    [...(switches ?? "")].forEach((on, i) => [this.beside, this.heat, this.signed, this.arrows][i]?.setAttribute("aria-pressed", String(on === "1")));
  }

  async update(data) {
    this.data = data;
    if (this.name !== data.look) { this.name = data.look; this.recalled(); }
    this.beside.textContent = data.other ? "Side by side" : "Neutral beside";
    this.box.style.setProperty("--height", `${data.height}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    try {
      const face = await loadFace(data.face);
      if (face !== this.face) Object.assign(this, { face, neutral: null });
      this.codebook = data.codebook ? await loadPack(data.codebook) : null;
      this.scale.style.setProperty("--gradient", gradient(this.face.heat));
      this.scale.style.setProperty("--diverging", gradient(this.face.diverging));
      this.show({ codeword: data.codeword, psi: data.psi, title: data.title });
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.box.dataset.state = "failed";
    this.box.dataset.error = String(error.message || error);
    this.captions.replaceChildren(element("span", { class: "failed" },
      "The 3D view could not start in this browser. The full scene and the pictures still work."));
  }

  /** Glide from what is shown to another expression. */
  show({ codeword, psi, title, model }) {
    if (!this.face || (model && this.data.model && model !== this.data.model)) return;
    const size = this.face.coefficients;
    const target = psi ? Float32Array.from(psi)
      : this.codebook ? this.codebook.psi.slice(codeword * size, (codeword + 1) * size) : new Float32Array(size);
    const same = this.shown && this.target && target.every((v, i) => Math.abs(v - this.target[i]) < 1e-7);
    this.title = title ?? (codeword !== undefined ? `Codeword ${codeword}` : "Expression");
    this.codeword = codeword;
    if (same) { this.draw(); return; }
    this.from = this.shown ?? target;
    this.target = target;
    this.range = Math.max(0.1, ...this.face.size(this.face.displacement(target)));
    this.started = this.shown && this.box.isConnected ? performance.now() : 0;
    this.draw();
  }

  start() {
    this.playing.innerHTML = SHAPES.pause;
    this.playing.setAttribute("aria-label", "Pause");
    let before = performance.now();
    const step = (now) => {
      if (!this.timer) return;
      this.phase = ((this.phase ?? 0.5) + (now - before) / 2400) % 1;
      before = now;
      this.amount = 0.5 - 0.5 * Math.cos(2 * Math.PI * this.phase);
      this.slider.value = Math.round(this.amount * 100);
      this.paint();
      this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.playing.innerHTML = SHAPES.play;
    this.playing.setAttribute("aria-label", "Play the movement");
  }

  blended() {
    if (!this.started) return this.target;
    const t = Math.min(1, (performance.now() - this.started) / GLIDE), s = t * t * (3 - 2 * t);
    if (t >= 1) this.started = 0; else this.draw();
    return this.target.map((v, i) => this.from[i] * (1 - s) + v * s);
  }

  paint() {
    if (!this.face || !this.target || !this.box.isConnected) return;
    try { this.render(); } catch (error) { this.fail(error); }
  }

  render() {
    if (fitCanvas(this.canvas)) this.leftDrawn = null;
    this.shown = this.blended();
    const psi = this.shown.map((v) => v * this.amount), signed = this.on(this.signed), pair = this.on(this.beside);
    const heat = signed ? this.face.outward(this.face.displacement(psi)) : null;
    const pose = this.face.pose(psi, heat), look = { range: this.range, heat: this.on(this.heat), signed };
    const context = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const left = pair ? width / 2 : 0;
    context.clearRect(left, 0, width - left, height);
    this.companionBeside(context, left, height);
    paint(context, this.face, pose, this.camera, [left, 0, width - left, height], look);
    if (this.on(this.arrows)) drawArrows(context, this.face, psi, pose, this.camera, [left, 0, width - left, height], this.range);
    this.label(pair, signed);
    this.note();
  }

  /** The left half is drawn when something of it changes, not on every step of the movement beside it. */
  companionBeside(context, left, height) {
    const { other } = this.data, of = other ? [other.title, ...other.psi, this.amount, this.on(this.heat)] : [];
    const key = left ? [left, height, this.face.key, ...this.camera.values, ...of].join() : null;
    if (key && key !== this.leftDrawn) {
      const pose = this.companion();
      context.clearRect(0, 0, left, height);
      paint(context, this.face, pose, this.camera, [0, 0, left, height], this.companionLook);
    }
    this.leftDrawn = key;
  }

  /** What stands to the left: the neutral face, or another expression at the same intensity. */
  companion() {
    const { other } = this.data;
    if (!other) {
      this.companionLook = { heat: false };
      return (this.neutral ??= this.face.pose(new Float32Array(this.face.coefficients)));
    }
    const pose = this.face.pose(other.psi.map((v) => v * this.amount));
    const range = Math.max(0.1, ...this.face.size(this.face.displacement(other.psi)));
    this.companionLook = { heat: this.on(this.heat), range };
    return pose;
  }

  label(pair, signed) {
    const shown = `${Math.round(this.amount * 100)} %`;
    this.readout.textContent = shown;
    const names = pair ? [this.data.other?.title ?? "Neutral", this.title] : [this.title];
    const key = names.join("|");
    if (this.captions.dataset.key !== key) {
      this.captions.dataset.key = key;
      this.captions.replaceChildren(...names.map((name) => element("span", {}, name)));
    }
    const mm = this.range < 9.95 ? this.range.toFixed(1) : Math.round(this.range);
    const ends = signed ? [`${mm} mm in`, `${mm} mm out`] : ["0", `${mm} mm`];
    const scale = `${signed}${ends}`;
    this.scale.hidden = !this.on(this.heat);
    if (this.scale.dataset.key !== scale) {
      this.scale.dataset.key = scale;
      this.scale.classList.toggle("signed", signed);
      this.scale.replaceChildren(element("span", {}, ends[0]), element("i"), element("span", {}, ends[1]));
    }
    this.box.dataset.state = "drawn";
    this.box.dataset.settled = String(!this.started);
    this.box.dataset.codeword = this.codeword ?? "";
  }

  close() {
    this.stop();
    window.removeEventListener("dfe:codeword", this.preview);
    this.watch.disconnect();
    dfe.mounted.delete(this.component.parentElement);
  }
}

const LONGER = 2.5, CELL = 0.009, LEAST = 0.12; // arrows: length, metres between them, share of the range that shows

/** One vertex for each cell of a grid over the moving skin, chosen once a face. */
function arrowRoots(face) {
  if (face.roots) return face.roots;
  const cells = new Map(), p = face.template;
  for (const v of face.moving) {
    if (face.materials[v]) continue;
    const key = [0, 1, 2].map((d) => Math.round(p[3 * v + d] / CELL)).join();
    if (!cells.has(key)) cells.set(key, v);
  }
  return (face.roots = [...cells.values()]);
}

/** Arrows from the neutral face to where the skin goes, on the side that is seen. */
function drawArrows(context, face, psi, pose, camera, [left, top, width, height], range) {
  const moved = face.displacement(psi), { view: m, projection: q } = camera.matrices(face, width / height);
  const place = (x, y, z) => {
    const e = [0, 1, 2].map((r) => m[r] * x + m[4 + r] * y + m[8 + r] * z + m[12 + r]);
    return [left + (0.5 + (0.5 * q[0] * e[0]) / -e[2]) * width, top + (0.5 - (0.5 * q[5] * e[1]) / -e[2]) * height];
  };
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  context.save();
  context.beginPath(); context.rect(left, top, width, height); context.clip();
  context.lineCap = "round";
  for (const v of arrowRoots(face)) {
    const i = 3 * v, size = 1000 * Math.hypot(moved[i], moved[i + 1], moved[i + 2]);
    const n = pose.normal, facing = m[2] * n[i] + m[6] * n[i + 1] + m[10] * n[i + 2];
    if (size < LEAST * range || facing < 0.15) continue;
    const p = pose.position, a = place(p[i], p[i + 1], p[i + 2]);
    const b = place(...[0, 1, 2].map((d) => p[i + d] + LONGER * moved[i + d]));
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]), long = Math.hypot(b[0] - a[0], b[1] - a[1]), head = Math.min(6 * ratio, 0.45 * long);
    if (long < 3 * ratio) continue;
    for (const [colour, wide] of [["rgba(255,255,255,.85)", 3.6], ["#14213D", 1.6]]) {
      context.strokeStyle = colour; context.lineWidth = wide * ratio;
      context.beginPath();
      context.moveTo(...a); context.lineTo(...b);
      for (const turn of [2.6, -2.6]) { context.moveTo(...b); context.lineTo(b[0] + head * Math.cos(angle + turn), b[1] + head * Math.sin(angle + turn)); }
      context.stroke();
    }
  }
  context.restore();
}
