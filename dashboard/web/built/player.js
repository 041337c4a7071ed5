// A recording and its reconstruction from tokens: scrubbed, played and built up stage by stage in the browser.

export default function (component) {
  const view = once(component, (root) => new Player(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(component.parentElement);
}

const MODES = { m: "Movement", e: "Error", p: "Plain" };
const GUTTER = 64, CURVE = 54, GAP = 10;

class Player {
  constructor(root) {
    this.box = root.querySelector(".dfe-player");
    this.camera = new Camera(0.3, 0.03);
    this.draw = redrawer(() => this.paint());
    this.build();
    this.watch = new ResizeObserver(() => { this.background = null; this.draw(); });
    this.watch.observe(this.canvas);
    this.watch.observe(this.line);
  }

  build() {
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.scale = element("div", { class: "scale" }, element("span"), element("i"), element("span"));
    this.parts = element("ol", { class: "parts", "aria-label": "Tokens of this frame" });
    this.partsTitle = element("h4", {}, "Tokens of this frame");
    this.playing = element("button", { type: "button", class: "icon", "aria-label": "Play",
      onclick: () => (this.timer ? this.stop() : this.play()) });
    this.playing.innerHTML = SHAPES.play;
    this.clock = element("output", { class: "clock" });
    this.depth = element("input", { type: "range", min: 1, step: 1, "aria-label": "Stages used",
      oninput: () => { this.stages = Number(this.depth.value); this.draw(); this.tell(); } });
    this.depthLabel = element("span", { class: "end" });
    this.error = element("span", { class: "error" });
    this.modes = ["Movement", "Error", "Plain"].map((name) => element("button", { type: "button", class: "toggle",
      "aria-pressed": String(name === "Movement"), onclick: () => this.colour(name) }, name));
    this.line = element("canvas", { class: "line", tabindex: 0, role: "slider", "aria-label": "Time in the recording" });
    this.tip = element("div", { class: "tip", hidden: true });
    this.zooms = [["Zoom in", "+", 0.5], ["Zoom out", "−", 2], ["Whole recording", "All", 1e9]].map(([label, text, by]) =>
      element("button", { type: "button", class: "toggle", "aria-label": label, title: label,
        onclick: () => { this.zoom(by); } }, text));
    this.box.append(
      element("div", { class: "stagearea" },
        element("div", { class: "picture" }, this.canvas, this.captions, this.scale),
        element("div", { class: "side" }, this.partsTitle, this.parts)),
      element("div", { class: "controls" }, this.playing, this.clock, this.depthLabel, this.depth, this.error,
        element("span", { class: "group", role: "group", "aria-label": "Colour the skin by" }, ...this.modes)),
      element("div", { class: "timeline" }, this.line, this.tip),
      element("div", { class: "toggles" }, ...this.zooms,
        element("span", { class: "hint" }, "Drag along the timeline to scrub; space plays, arrows step")));
    orbit(this.canvas, this.camera, this.draw);
    this.listen();
  }

  listen() {
    let scrubbing = false;
    const to = (e) => {
      const { left, width } = this.line.getBoundingClientRect();
      const share = (e.clientX - left - GUTTER) / Math.max(1, width - GUTTER);
      return this.rowAt(this.from + Math.max(0, Math.min(1, share)) * (this.until - this.from));
    };
    this.line.addEventListener("pointerdown", (e) => { scrubbing = true; this.stop(); this.line.setPointerCapture(e.pointerId); this.go(to(e)); });
    this.line.addEventListener("pointermove", (e) => { if (scrubbing) this.go(to(e)); this.hover(e, to(e)); });
    this.line.addEventListener("pointerup", () => { scrubbing = false; this.tell(); });
    this.line.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.line.addEventListener("wheel", (e) => {
      if (this.line.getRootNode().activeElement !== this.line && !e.ctrlKey) return;
      e.preventDefault();
      this.zoom(Math.exp(e.deltaY * 0.0015));
    }, { passive: false });
    this.box.addEventListener("keydown", (e) => {
      if (e.target.tagName === "INPUT") return;
      const step = e.target === this.line ? { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[e.key] : 0;
      if (step) this.go(this.row + step);
      else if (e.key === " " && e.target.tagName !== "BUTTON") { if (this.timer) this.stop(); else this.play(); }
      else return;
      e.preventDefault();
      this.tell();
    });
  }

  async update(data) {
    const chosen = new Set(data.chosen || []), key = [...chosen].join() + "|" + (data.marks || []).join();
    if (key !== this.chosenKey) { this.chosenKey = key; this.background = null; }
    this.chosen = chosen;
    this.data = data;
    if (!this.recalled) { this.recalled = recallCamera(data.look, this.camera) ?? []; this.mode = MODES[this.recalled[3]] ?? "Movement"; this.colour(this.mode); }
    this.box.style.setProperty("--height", `${data.height}px`);
    try {
      const [face, codebook, track] = await Promise.all([loadFace(data.face), loadPack(data.codebook),
        loadPack(data.recording)]);
      this.canvas.setAttribute("aria-label", `${data.name}: original and reconstruction`);
      Object.assign(this, { face, codebook });
      if (this.track !== track) this.open(track);
      this.draw();
    } catch (error) {
      this.box.dataset.state = "failed";
      this.box.dataset.error = String(error.message || error);
      this.captions.replaceChildren(element("span", { class: "failed" },
        "The 3D view could not start in this browser. The table and the figures below still work."));
    }
  }

  open(track) {
    this.stop();
    this.track = track;
    [this.rows, this.count] = track.shapes.tokens;
    this.stages = Math.min(this.count, Math.max(1, this.data.stages || this.count));
    Object.assign(this.depth, { max: this.count, value: this.stages });
    this.depth.value = this.stages;
    this.from = track.time[0];
    this.until = Math.max(track.time[this.rows - 1], this.from + 1e-3);
    this.first = this.from; this.last = this.until;
    const [from, until] = this.recalled.splice(4, 2).map(Number), first = !dfe.stretched; // a link's stretch is of its recording
    dfe.stretched = true;
    if (first && until - from > 0.4 && from >= this.first - 0.01 && until <= this.last + 0.01) Object.assign(this, { from, until });
    this.row = Math.max(0, Math.min(this.rows - 1, this.data.at || 0));
    this.worst = this.highError();
    this.background = null;
    this.mode ??= "Movement";
    this.range = this.mostMoved();
    this.line.setAttribute("aria-valuemin", 0);
    this.line.setAttribute("aria-valuemax", Math.round(this.last));
  }

  highError() {
    const sample = [];
    for (let t = 0; t < this.rows; t += Math.max(1, Math.floor(this.rows / 2000))) sample.push(this.track.error[t * this.count + this.count - 1]);
    sample.sort((a, b) => a - b);
    return Math.max(0.2, 1.4 * (sample[Math.floor(sample.length * 0.98)] || 0));
  }

  mostMoved() {
    let most = 1;
    for (let i = 0; i < 24; i++) {
      const heat = this.face.pose(this.psi(Math.floor((i / 24) * this.rows))).heat;
      for (let v = 0; v < heat.length; v += 3) if (heat[v] > most) most = heat[v];
    }
    return most;
  }

  psi(row) {
    const size = this.face.coefficients, out = new Float32Array(size);
    for (let e = 0; e < size; e++) out[e] = this.track.psi[row * size + e] * this.track.scale[e];
    return out;
  }

  rebuilt(row, stages) {
    const size = this.face.coefficients, out = new Float32Array(size);
    for (let s = 0; s < stages; s++) {
      const [k, g] = this.token(row, s);
      if (k) for (let e = 0; e < size; e++) out[e] += g * this.codebook.psi[k * size + e];
    }
    return out;
  }

  token(row, stage) {
    const at = row * this.count + stage;
    return [this.track.tokens[at], this.track.intensities[this.track.levels[at]]];
  }

  rowAt(time) {
    let low = 0, high = this.rows - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.track.time[middle] < time) low = middle + 1; else high = middle;
    }
    return low && time - this.track.time[low - 1] < this.track.time[low] - time ? low - 1 : low;
  }

  go(row) {
    this.row = Math.max(0, Math.min(this.rows - 1, row));
    const now = this.track.time[this.row];
    if (now < this.from || now > this.until) {
      const width = this.until - this.from;
      this.from = Math.max(this.first, Math.min(this.last - width, now - width / 4));
      this.until = this.from + width;
      this.background = null;
    }
    this.draw();
  }

  zoom(factor) {
    const now = this.track.time[this.row], width = Math.max(0.5, Math.min(this.last - this.first, (this.until - this.from) * factor));
    const share = (now - this.from) / (this.until - this.from);
    this.from = Math.max(this.first, Math.min(this.last - width, now - share * width));
    this.until = this.from + width;
    this.background = null;
    this.draw();
  }

  play() {
    this.playing.innerHTML = SHAPES.pause;
    this.playing.setAttribute("aria-label", "Pause");
    if (this.row >= this.rows - 1) this.go(0);
    const begun = performance.now(), start = this.track.time[this.row];
    const step = (now) => {
      if (!this.timer) return;
      this.go(this.rowAt(start + (now - begun) / 1000));
      if (this.row >= this.rows - 1) { this.stop(); this.tell(); return; }
      this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    if (this.timer) { cancelAnimationFrame(this.timer); this.timer = 0; this.tell(); }
    this.playing.innerHTML = SHAPES.play;
    this.playing.setAttribute("aria-label", "Play");
  }

  /** Tell the page where we are, once scrubbing has come to rest. */
  tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      if (!this.track || this.timer) return;
      const at = { t: Number(this.track.time[this.row].toFixed(3)), stages: this.stages };
      const key = JSON.stringify(at);
      if (key !== this.told) { this.told = key; this.component.setStateValue("at", at); }
    }, 350);
  }

  colour(name) {
    this.mode = name;
    this.modes.forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === name)));
    this.draw();
  }

  /** How it is looked at, for the link: camera, colour, and the stretch of time where it is not the whole. */
  note() {
    const whole = near(this.from, this.first) && near(this.until, this.last), mode = this.mode[0].toLowerCase();
    const values = [...this.camera.values, mode, ...(whole ? [] : [this.from, this.until])];
    remember(this.data.look, this.camera.moved || mode !== "m" || !whole ? values : null);
    if (this.timer && !(performance.now() - this.noted < 1000)) { // where a playing recording is, once a second
      this.noted = performance.now();
      putParameter("t", Number(this.track.time[this.row].toFixed(3)));
    }
  }

  paint() {
    if (!this.track || !this.box.isConnected) return;
    this.note();
    try { this.faces(); this.timeline(); this.words(); this.box.dataset.state = "drawn"; } catch (error) {
      this.box.dataset.state = "failed";
      this.box.dataset.error = String(error.message || error);
    }
  }

  faces() {
    fitCanvas(this.canvas);
    const context = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const original = this.face.pose(this.psi(this.row)), rebuilt = this.face.pose(this.rebuilt(this.row, this.stages));
    const wrong = this.mode === "Error";
    if (wrong) rebuilt.heat = this.face.size(original.position.map((v, i) => v - rebuilt.position[i]));
    const look = { heat: this.mode !== "Plain", range: wrong ? 3 : this.range };
    context.clearRect(0, 0, width, height);
    paint(context, this.face, original, this.camera, [0, 0, width / 2, height], { ...look, heat: look.heat && !wrong });
    paint(context, this.face, rebuilt, this.camera, [width / 2, 0, width / 2, height], look);
  }

  words() {
    const t = this.track, now = t.time[this.row], mm = t.error[this.row * this.count + this.stages - 1];
    const minutes = (seconds) => {
      const tenths = Math.round(seconds * 10);
      return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
    };
    this.clock.textContent = `${minutes(now)} / ${minutes(this.last)}`;
    this.depthLabel.textContent = `Stages ${this.stages} of ${this.count}`;
    this.error.textContent = `Error ${mm.toFixed(2)} mm`;
    this.error.title = "Root mean square over the vertices of this frame";
    this.captions.replaceChildren(element("span", {}, "Original"),
      element("span", {}, this.stages === this.count ? "Reconstruction" : `Reconstruction, ${this.stages} of ${this.count} stages`));
    const [low, , high] = this.scale.children;
    this.scale.hidden = this.mode === "Plain";
    this.scale.style.setProperty("--gradient", gradient(this.face.heat));
    low.textContent = "0";
    high.textContent = this.mode === "Error" ? "3 mm error" : `${Math.round(this.range)} mm moved`;
    this.line.setAttribute("aria-valuenow", now.toFixed(1));
    this.line.setAttribute("aria-valuetext", `${now.toFixed(1)} seconds`);
    this.list();
  }

  list() {
    const found = [];
    for (let s = 0; s < this.count; s++) { const [k, g] = this.token(this.row, s); found.push([s, k, g]); }
    const key = JSON.stringify([found, this.stages]);
    if (key === this.listed) return;
    this.listed = key;
    const focus = this.parts.contains(this.box.getRootNode().activeElement);
    this.parts.replaceChildren(...found.map(([s, k, g]) => this.part(s, k, g)));
    if (focus) this.parts.querySelector("button")?.focus();
  }

  part(stage, k, g) {
    const item = this.data.items[k], off = stage >= this.stages;
    const number = element("span", { class: "number" }, String(stage + 1));
    if (!k) return element("li", { class: off ? "rest off" : "rest" }, number, element("span", {}, "at rest"));
    return element("li", { class: off ? "off" : "" }, number, element("button", { type: "button", class: "part",
      title: `Open codeword ${k}`, onclick: () => this.component.setTriggerValue("open", k) },
      item?.src ? element("img", { src: item.src, alt: "" }) : element("i", { style: `background:${item?.colour}` }),
      element("span", {}, element("b", {}, `${k}`), ` ${item?.note ?? ""}`), element("em", {}, `× ${g.toFixed(2)}`)));
  }

  /** Strips and curve are drawn once per window; only the play head moves. */
  timeline() {
    if (fitCanvas(this.line)) this.background = null;
    const { width, height } = this.line, ratio = width / Math.max(1, this.line.getBoundingClientRect().width);
    const style = getComputedStyle(this.box);
    if (!this.background || this.shownStages !== this.stages) {
      this.background = document.createElement("canvas");
      Object.assign(this.background, { width, height });
      this.shownStages = this.stages;
      this.strips(this.background.getContext("2d"), width, height, ratio, style);
    }
    const context = this.line.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.drawImage(this.background, 0, 0);
    const x = this.x(this.track.time[this.row], width, ratio);
    context.fillStyle = style.getPropertyValue("--st-primary-color");
    context.fillRect(x - ratio, 0, 2 * ratio, height - 16 * ratio);
    context.beginPath();
    context.arc(x, 4 * ratio, 4 * ratio, 0, 7);
    context.fill();
  }

  x(time, width, ratio) {
    return GUTTER * ratio + ((time - this.from) / (this.until - this.from)) * (width - GUTTER * ratio - 2 * ratio);
  }

  strips(context, width, height, ratio, style) {
    const text = style.getPropertyValue("--st-text-color"), faint = style.getPropertyValue("--st-border-color");
    const top = CURVE * ratio + GAP * ratio, rows = (height - top - 18 * ratio) / this.count;
    context.font = `${12 * ratio}px ${style.getPropertyValue("--st-font")}`;
    context.textBaseline = "middle";
    context.fillStyle = text;
    context.fillText("Error mm", 0, 10 * ratio);
    for (let s = 0; s < this.count; s++) {
      context.globalAlpha = s < this.stages ? 1 : 0.45;
      context.fillStyle = text;
      if (s % Math.ceil((11 * ratio) / rows) === 0) context.fillText(`Stage ${s + 1}`, 0, top + (s + 0.5) * rows);
      context.globalAlpha = 1;
      context.fillStyle = style.getPropertyValue("--st-secondary-background-color");
      context.fillRect(GUTTER * ratio, top + s * rows, width, rows - ratio);
    }
    this.cells(context, width, ratio, top, rows);
    this.marks(context, width, ratio, style);
    this.curve(context, width, ratio, style);
    this.ticks(context, width, height, ratio, text, faint);
  }

  cells(context, width, ratio, top, rows) {
    const a = this.rowAt(this.from), b = this.rowAt(this.until), pixels = width - GUTTER * ratio;
    const step = Math.max(1, Math.floor((b - a) / pixels)), most = this.track.intensities[this.track.intensities.length - 1] || 1;
    for (let s = 0; s < this.count; s++) {
      for (let r = a; r <= b; r += step) {
        let k = 0, g = 0;
        for (let i = r; i < Math.min(r + step, b + 1); i++) { const [ki, gi] = this.token(i, s); if (ki && gi > g && (!this.chosen.size || this.chosen.has(ki))) { k = ki; g = gi; } }
        if (!k) continue;
        const x = this.x(this.track.time[r], width, ratio), next = Math.min(r + step, this.rows - 1);
        const gap = Math.min(this.track.time[next] - this.track.time[r] || 0.034, 0.2 + step * 0.04);
        const w = Math.max(1, this.x(this.track.time[r] + gap, width, ratio) - x + 0.5);
        context.globalAlpha = (s < this.stages ? 1 : 0.3) * (0.35 + 0.65 * Math.min(1, g / most));
        context.fillStyle = this.data.items[k]?.colour ?? "#888";
        context.fillRect(x, top + s * rows, w, rows - ratio);
      }
    }
    context.globalAlpha = 1;
  }

  /** Frames that were selected on the map: a mark each, between the error and the strips. */
  marks(context, width, ratio, style) {
    context.fillStyle = style.getPropertyValue("--st-primary-color");
    for (const row of this.data.marks || []) {
      const time = this.track.time[row];
      if (time < this.from || time > this.until) continue;
      const x = this.x(time, width, ratio);
      context.beginPath();
      context.moveTo(x, (CURVE + GAP) * ratio);
      context.lineTo(x - 3 * ratio, (CURVE + 1) * ratio);
      context.lineTo(x + 3 * ratio, (CURVE + 1) * ratio);
      context.fill();
    }
  }

  curve(context, width, ratio, style) {
    const a = this.rowAt(this.from), b = this.rowAt(this.until), base = CURVE * ratio;
    const step = Math.max(1, Math.floor((b - a) / (width - GUTTER * ratio)));
    context.beginPath();
    context.moveTo(this.x(this.track.time[a], width, ratio), base);
    for (let r = a; r <= b; r += step) {
      let worst = 0;
      for (let i = r; i < Math.min(r + step, b + 1); i++) worst = Math.max(worst, this.track.error[i * this.count + this.stages - 1]);
      context.lineTo(this.x(this.track.time[r], width, ratio), base - Math.min(1, worst / this.worst) * (base - 4 * ratio));
    }
    context.lineTo(this.x(this.track.time[b], width, ratio), base);
    context.fillStyle = style.getPropertyValue("--st-primary-color");
    context.globalAlpha = 0.28;
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = style.getPropertyValue("--st-text-color");
    context.fillText(this.worst.toFixed(1), GUTTER * ratio - 26 * ratio, 10 * ratio + 14 * ratio);
    context.fillText("0", GUTTER * ratio - 14 * ratio, base - 4 * ratio);
  }

  ticks(context, width, height, ratio, text, faint) {
    const span = this.until - this.from;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((s) => span / s <= 9) ?? 7200;
    context.textAlign = "center";
    for (let t = Math.ceil(this.from / step) * step; t <= this.until; t += step) {
      const x = this.x(t, width, ratio);
      context.fillStyle = faint;
      context.fillRect(x, CURVE * ratio, ratio, height - CURVE * ratio - 18 * ratio);
      context.fillStyle = text;
      const label = step < 1 ? `${t.toFixed(1)} s` : t < 120 && span < 120 ? `${Math.round(t)} s`
        : `${Math.floor(t / 60)}:${String(Math.round(t % 60)).padStart(2, "0")}`;
      context.fillText(label, Math.min(Math.max(x, GUTTER * ratio + 12 * ratio), width - 18 * ratio), height - 8 * ratio);
    }
    context.textAlign = "start";
  }

  hover(event, row) {
    const box = this.line.getBoundingClientRect(), y = event.clientY - box.top, top = CURVE + GAP;
    const stage = Math.floor((y - top) / ((box.height - top - 18) / this.count));
    let text = `${this.track.time[row].toFixed(2)} s · error ${this.track.error[row * this.count + this.stages - 1].toFixed(2)} mm`;
    if (stage >= 0 && stage < this.count) {
      const [k, g] = this.token(row, stage), item = this.data.items[k];
      text = k ? `${this.track.time[row].toFixed(2)} s · stage ${stage + 1} · codeword ${k} × ${g.toFixed(2)}${item?.note ? ` · ${item.note}` : ""}`
        : `${this.track.time[row].toFixed(2)} s · stage ${stage + 1} · at rest`;
    }
    this.tip.textContent = text;
    this.tip.hidden = event.clientX - box.left < GUTTER;
    this.tip.style.left = `${Math.min(event.clientX - box.left + 12, box.width - 260)}px`;
    this.tip.style.top = `${Math.max(0, y - 34)}px`;
  }

  close(root) {
    clearTimeout(this.telling);
    if (this.timer) cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.watch.disconnect();
    dfe.mounted.delete(root);
  }
}
