// A map of codewords or frames: pan, zoom, turn (3D), hover for the face, click to open, lasso to select.

export default function (component) {
  const view = once(component, (root) => new Scatter(root));
  view.component = component;
  view.update(component.data);
  return () => view.close(component.parentElement);
}

class Scatter {
  constructor(root) {
    this.box = root.querySelector(".dfe-scatter");
    this.draw = redrawer(() => this.paint());
    this.turn = [0.5, 0.35];
    this.build();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.canvas);
  }

  build() {
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.face = element("canvas", { "aria-hidden": "true" });
    this.words = element("span");
    this.card = element("div", { class: "hovercard", hidden: true }, this.face, this.words);
    this.legend = element("div", { class: "legend" });
    this.lasso = element("button", { type: "button", class: "toggle", "aria-pressed": "false", title: "Draw around points to select them",
      onclick: () => this.tool("lasso") }, "Lasso");
    this.boxing = element("button", { type: "button", class: "toggle", "aria-pressed": "false", title: "Draw a box around points to select them",
      onclick: () => this.tool("box") }, "Box");
    this.points_ = this.layer("Points", "Show the drawn frames");
    this.density_ = this.layer("Density", "Shade the plane by the number of all frames, on a logarithmic scale");
    const zoom = (by) => () => { this.scale *= by; this.draw(); };
    const all = element("button", { type: "button", class: "toggle", onclick: () => { this.fit(); this.draw(); } }, "All");
    this.box.append(element("div", { class: "picture" }, this.canvas, this.card),
      element("div", { class: "toggles" }, this.lasso, this.boxing,
        element("button", { type: "button", class: "toggle", "aria-label": "Zoom in", onclick: zoom(1.4) }, "+"),
        element("button", { type: "button", class: "toggle", "aria-label": "Zoom out", onclick: zoom(1 / 1.4) }, "−"), all, this.points_, this.density_, this.legend));
    this.listen();
  }

  /** A switch of what is drawn of a map of frames; one of the two stays on. */
  layer(label, title) {
    const button = element("button", { type: "button", class: "toggle", hidden: true, title, "aria-pressed": "true", onclick: () => {
      const other = button === this.points_ ? this.density_ : this.points_, off = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!off));
      if (off) other.setAttribute("aria-pressed", "true");
      this.key();
      this.draw();
    } }, label);
    return button;
  }

  on(button) { return button.hidden || button.getAttribute("aria-pressed") === "true"; }

  tool(name) {
    this.drawing = this.drawing === name ? null : name;
    this.lasso.setAttribute("aria-pressed", String(this.drawing === "lasso"));
    this.boxing.setAttribute("aria-pressed", String(this.drawing === "box"));
  }

  listen() {
    let start = null, moved = false;
    const at = (e) => { const b = this.canvas.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
    this.canvas.addEventListener("pointerdown", (e) => {
      start = at(e); moved = false; this.canvas.setPointerCapture(e.pointerId);
      this.loop = this.drawing || e.shiftKey ? [start] : null;
    });
    this.canvas.addEventListener("pointermove", (e) => {
      const here = at(e);
      if (!start) { this.hover(here); return; }
      const [dx, dy] = [here[0] - start[0], here[1] - start[1]];
      if (Math.hypot(dx, dy) > 3) moved = true;
      if (this.loop && this.drawing === "box") this.loop = [start, [here[0], start[1]], here, [start[0], here[1]]];
      else if (this.loop) this.loop.push(here);
      else if (moved && this.deep) { this.turn[0] += dx * 0.008; this.turn[1] = Math.max(-1.5, Math.min(1.5, this.turn[1] + dy * 0.008)); start = here; }
      else if (moved) { this.shift[0] += dx; this.shift[1] += dy; start = here; }
      this.draw();
    });
    this.canvas.addEventListener("pointerup", (e) => {
      if (this.loop && moved) this.selectInside();
      else if (start && !moved) { const point = this.nearest(at(e)); if (point >= 0) this.pick(point, e.ctrlKey || e.metaKey); }
      start = null; this.loop = null;
      this.draw();
    });
    this.canvas.addEventListener("pointerleave", () => { this.card.hidden = true; this.over = -1; this.draw(); });
    this.canvas.addEventListener("wheel", (e) => {
      if (this.canvas.getRootNode().activeElement !== this.canvas && !e.ctrlKey) return;
      e.preventDefault();
      const by = Math.exp(-e.deltaY * 0.0014), [x, y] = at(e), { width, height } = this.canvas.getBoundingClientRect();
      this.shift = [x - width / 2 - by * (x - width / 2 - this.shift[0]), y - height / 2 - by * (y - height / 2 - this.shift[1])];
      this.scale *= by;
      this.draw();
    }, { passive: false });
  }

  async update(data) {
    this.data = data;
    this.box.style.setProperty("--height", `${data.height}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    this.key();
    try {
      const [points, { colours }] = await Promise.all([loadPack(data.points), loadPack(data.colours)]);
      this.colours = colours;
      const opened = this.points !== points;
      if (opened) { this.points = points; this.open(); }
      if (this.name !== data.look) { this.name = data.look; this.recalled(); } else if (opened) this.note();
      if (data.face) [this.mesh, this.codebook] = await Promise.all([loadFace(data.face), data.codebook ? loadPack(data.codebook) : null]);
      this.chosen = new Set(data.selected || []);
      this.inside = data.inside ? (await loadPack(data.inside)).inside : null;
      this.draw();
    } catch (error) {
      this.box.dataset.state = "failed";
      this.box.dataset.error = String(error.message || error);
    }
  }

  /** The legend: categories, or a ramp from its lowest to its highest colour; and what the density's shades count. */
  key() {
    const { legend, ramp } = this.data, dot = ({ name, colour }) => element("span", {}, element("i", { style: `background:${colour}` }), name);
    const bar = ramp && element("span", { class: "ramp" }, ramp.low, element("i", { style: `background:linear-gradient(90deg, ${ramp.colours})` }),
      ramp.middle && ramp.middle !== "log" ? element("span", { class: "sr" }, `middle ${ramp.middle}, `) : "", ramp.high + (ramp.middle === "log" ? ", log scale" : ""));
    const shades = this.points?.density && this.on(this.density_) && element("span", { class: "ramp" }, "Density 1",
      element("i", { style: "background:linear-gradient(90deg, color-mix(in srgb, var(--st-text-color) 11%, transparent), color-mix(in srgb, var(--st-text-color) 82%, transparent))" }),
      `${this.points.most.toLocaleString("en")} frames a cell, log scale${this.deep ? ", added up along the line of sight" : ""}`);
    this.legend.replaceChildren(...(this.on(this.points_) ? [...(bar ? [bar] : []), ...legend.map(dot)] : [shades]));
  }

  open() {
    this.shades = null;
    this.points_.hidden = this.density_.hidden = !this.points.density;
    [this.count, this.dimensions] = this.points.shapes.places;
    this.deep = this.dimensions === 3;
    const p = this.points.places, n = this.dimensions;
    this.centre = []; this.span = 1e-6;
    for (let d = 0; d < n; d++) {
      let low = Infinity, high = -Infinity;
      for (let i = 0; i < this.count; i++) { const v = p[i * n + d]; if (v < low) low = v; if (v > high) high = v; }
      this.centre.push((low + high) / 2);
      this.span = Math.max(this.span, high - low);
    }
    this.fit();
  }

  /** How it is looked at, for the link: zoom, shift in parts of the picture's smaller side, turn (3D), what is drawn. */
  note() {
    const { width, height } = this.canvas.getBoundingClientRect(), side = Math.min(width, height) || 1;
    const drawn = [this.points_, this.density_].map((b) => (this.on(b) ? 1 : 0)).join(""), [a, b] = this.turn;
    const values = [this.scale, this.shift[0] / side, this.shift[1] / side, a, b];
    const moved = drawn !== "11" || values.some((v, i) => !near(v, [0.9, 0, 0, 0.5, 0.35][i]));
    if (this.name) remember(this.name, moved ? [...values, drawn] : null);
  }

  /** Look as the link says. */
  recalled() {
    const found = recall(this.name), { width, height } = this.canvas.getBoundingClientRect(), side = Math.min(width, height) || 1;
    const [scale, x, y, a, b] = (found ?? []).map(Number);
    if (![scale, x, y, a, b].every(Number.isFinite) || scale <= 0) return;
    Object.assign(this, { scale, shift: [x * side, y * side], turn: [a, b] });
    [...(found[5] ?? "")].forEach((on, i) => [this.points_, this.density_][i]?.setAttribute("aria-pressed", String(on === "1")));
    this.key();
  }

  fit() { this.scale = 0.9; this.shift = [0, 0]; this.turn = [0.5, 0.35]; }

  /** Where every point stands on the canvas, in CSS pixels, and how near it is (3D). */
  project(p = this.points.places) {
    const { width, height } = this.canvas.getBoundingClientRect(), size = Math.min(width, height) * this.scale / this.span;
    const n = this.dimensions, count = p.length / n, out = new Float32Array(count * 3);
    const [ca, sa, cb, sb] = [Math.cos(this.turn[0]), Math.sin(this.turn[0]), Math.cos(this.turn[1]), Math.sin(this.turn[1])];
    const aspect = this.deep ? 1 : Math.min(1.7, Math.max(1, width / height));
    for (let i = 0; i < count; i++) {
      let x = p[i * n] - this.centre[0], y = p[i * n + 1] - this.centre[1], z = this.deep ? p[i * n + 2] - this.centre[2] : 0;
      if (this.deep) { [x, z] = [ca * x + sa * z, ca * z - sa * x]; [y, z] = [cb * y - sb * z, cb * z + sb * y]; }
      const near = this.deep ? 1 / (1 - 0.35 * z / this.span) : 1;
      out[3 * i] = width / 2 + this.shift[0] + x * size * near * aspect;
      out[3 * i + 1] = height / 2 + this.shift[1] - y * size * near;
      out[3 * i + 2] = near;
    }
    return out;
  }

  paint() {
    if (!this.points || !this.box.isConnected) return;
    fitCanvas(this.canvas);
    const context = this.canvas.getContext("2d"), ratio = this.canvas.width / this.canvas.getBoundingClientRect().width;
    const style = getComputedStyle(this.box), places = (this.placed = this.project()), c = this.colours;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.points.density && this.on(this.density_)) { if (this.deep) this.fog(context, style); else this.density(context, style); }
    const many = this.count > 2000, radius = many ? 1.6 : this.count > 300 ? 3.5 : 6;
    const order = this.deep ? [...Array(this.count).keys()].sort((a, b) => places[3 * a + 2] - places[3 * b + 2]) : null;
    context.globalAlpha = many ? 0.55 : 0.9;
    for (let j = 0; j < (this.on(this.points_) ? this.count : 0); j++) {
      const i = order ? order[j] : j, r = radius * (this.deep ? places[3 * i + 2] : 1) * (this.points.sizes ? this.points.sizes[i] / 128 : 1);
      context.fillStyle = `rgb(${c[3 * i]},${c[3 * i + 1]},${c[3 * i + 2]})`;
      if (this.inside) context.globalAlpha = this.inside[i] ? 0.95 : 0.08;
      if (many) { context.fillRect(places[3 * i] - r, places[3 * i + 1] - r, 2 * r, 2 * r); continue; }
      context.beginPath(); context.arc(places[3 * i], places[3 * i + 1], r, 0, 7); context.fill();
    }
    context.globalAlpha = 1;
    context.strokeStyle = style.getPropertyValue("--st-text-color");
    context.lineWidth = 2;
    for (let i = 0; i < this.count; i++) {
      if (i !== this.over && i !== this.data.point && !this.chosen?.has(this.points.ids[i])) continue;
      context.beginPath(); context.arc(places[3 * i], places[3 * i + 1], radius + 3.5, 0, 7); context.stroke();
    }
    if (!many && this.count <= 300) this.labels(context, places, style, radius);
    if (this.loop?.length > 1) this.outline(context, style); else this.note();
    this.box.dataset.state = "drawn";
  }

  /** The density of all frames below the points: the text's colour, more of it where there are more, by the logarithm. */
  density(context, style) {
    const { density, extent: [x0, x1, y0, y1], shapes: { density: [rows, columns] } } = this.points;
    const ink = style.getPropertyValue("--st-text-color");
    if (!this.shades || this.shades.ink !== ink) {
      const made = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
      const brush = made.getContext("2d");
      brush.fillStyle = ink; brush.fillRect(0, 0, 1, 1);
      const [r, g, b] = brush.getImageData(0, 0, 1, 1).data, picture = brush.createImageData(columns, rows);
      for (let i = 0; i < density.length; i++) {
        const to = 4 * ((rows - 1 - Math.floor(i / columns)) * columns + (i % columns));
        picture.data.set([r, g, b, density[i] ? 26 + 0.72 * density[i] : 0], to);
      }
      brush.putImageData(picture, 0, 0);
      this.shades = { ink, made };
    }
    const [left, top] = this.place(x0, y1), [right, bottom] = this.place(x1, y0);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.shades.made, left, top, right - left, bottom - top);
  }

  /** The density in space: a faint square a cell that is not empty, so that they add up along the line of sight. */
  fog(context, style) {
    const { cells, density, cell } = this.points, placed = this.project(cells);
    const { width, height } = this.canvas.getBoundingClientRect(), side = cell * Math.min(width, height) * this.scale / this.span;
    context.fillStyle = style.getPropertyValue("--st-text-color");
    for (let i = 0; i < density.length; i++) {
      const wide = side * placed[3 * i + 2];
      context.globalAlpha = 0.01 + 0.16 * (density[i] / 255) ** 2;
      context.fillRect(placed[3 * i] - wide / 2, placed[3 * i + 1] - wide / 2, wide, wide);
    }
    context.globalAlpha = 1;
  }

  /** Where a place of a plane map stands on the canvas, in CSS pixels. */
  place(x, y) {
    const { width, height } = this.canvas.getBoundingClientRect(), size = Math.min(width, height) * this.scale / this.span;
    const aspect = Math.min(1.7, Math.max(1, width / height));
    return [width / 2 + this.shift[0] + (x - this.centre[0]) * size * aspect, height / 2 + this.shift[1] - (y - this.centre[1]) * size];
  }

  labels(context, places, style, radius) {
    context.font = `11px ${style.getPropertyValue("--st-font")}`;
    context.fillStyle = style.getPropertyValue("--st-text-color");
    context.globalAlpha = 0.85;
    for (let i = 0; i < this.count; i++) context.fillText(this.points.ids[i], places[3 * i] + radius + 3, places[3 * i + 1] + 4);
    context.globalAlpha = 1;
  }

  outline(context, style) {
    context.beginPath();
    this.loop.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.strokeStyle = style.getPropertyValue("--st-primary-color");
    context.fillStyle = style.getPropertyValue("--st-primary-color");
    context.lineWidth = 1.5;
    context.stroke();
    context.globalAlpha = 0.1; context.fill(); context.globalAlpha = 1;
  }

  nearest([x, y]) {
    if (!this.placed) return -1;
    let best = -1, least = 14 * 14;
    for (let i = 0; i < this.count; i++) {
      const d = (this.placed[3 * i] - x) ** 2 + (this.placed[3 * i + 1] - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  hover(here) {
    const point = this.nearest(here);
    if (point === this.over) return;
    this.over = point;
    this.card.hidden = point < 0;
    if (point >= 0) this.show(point, here);
    this.draw();
  }

  show(point, [x, y]) {
    const box = this.canvas.getBoundingClientRect(), right = x > box.width - 190, low = y > box.height - 190;
    Object.assign(this.card.style, { left: `${right ? x - 172 : x + 14}px`, top: `${low ? y - 180 : y + 14}px` });
    this.words.textContent = this.data.words?.[this.points.ids[point]] ?? this.points.notes?.[point] ?? "";
    if (!this.mesh) { this.face.hidden = true; return; }
    fitCanvas(this.face);
    const size = this.mesh.coefficients, context = this.face.getContext("2d");
    const psi = this.points.psi ? Float32Array.from({ length: size }, (_, e) => this.points.psi[point * size + e] * this.points.scale[e])
      : this.codebook.psi.slice(this.points.ids[point] * size, (this.points.ids[point] + 1) * size);
    const pose = this.mesh.pose(psi);
    context.clearRect(0, 0, this.face.width, this.face.height);
    paint(context, this.mesh, pose, new Camera(0.3, 0.03), [0, 0, this.face.width, this.face.height], { range: Math.max(0.5, ...pose.heat) });
  }

  pick(point, add = false) {
    this.component.setTriggerValue("pick", { id: this.points.ids[point], point, add });
    if (!this.points.psi) window.dispatchEvent(new CustomEvent("dfe:codeword", { detail: { codeword: this.points.ids[point], model: this.data.model } }));
  }

  selectInside() {
    const inside = [], loop = this.loop;
    for (let i = 0; i < this.count; i++) {
      const [x, y] = [this.placed[3 * i], this.placed[3 * i + 1]];
      let odd = false;
      for (let a = 0, b = loop.length - 1; a < loop.length; b = a++) {
        if ((loop[a][1] > y) !== (loop[b][1] > y)
          && x < ((loop[b][0] - loop[a][0]) * (y - loop[a][1])) / (loop[b][1] - loop[a][1]) + loop[a][0]) odd = !odd;
      }
      if (odd) inside.push(i);
    }
    if (this.points.psi) {
      this.inside = inside.length ? new Uint8Array(this.count) : null;
      for (const i of inside) this.inside[i] = 1;
    } else this.chosen = new Set(inside.map((i) => this.points.ids[i]));
    this.component.setTriggerValue("select", this.points.psi ? inside : inside.map((i) => this.points.ids[i]));
  }

  close(root) {
    this.watch.disconnect();
    dfe.mounted.delete(root);
  }
}
