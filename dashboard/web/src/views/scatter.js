// A map of codewords or frames: pan, zoom, turn (3D), hover for the face, click to open, lasso to select.

import { announce } from "../shared/clicked.js";
import { blankCanvas, button, context2d, element, isOn, setOn, setSwitches, theme, toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { remember } from "../shared/link.js";
import { isInside, near } from "../shared/maths.js";
import { loadPack, rowOf } from "../shared/pack.js";
import { MapFaces } from "../shared/map_faces.js";
import { HOME, MapView } from "../shared/map_view.js";
import { drag, placeOn, wheel } from "../shared/pointer.js";
import { portrait } from "../shared/portraits.js";
import { mount, View } from "../shared/view.js";

/** @typedef {[number, number]} Place CSS pixels */
/** @typedef {{ low: string, middle?: string, high: string, colours: string }} Ramp */
/**
 * @typedef {{ points: string, colours: string, inside?: string, legend: { name: string, colour: string }[], ramp?: Ramp,
 *   words?: Record<string, string>, face?: import("../shared/face.js").FaceAddress, codebook?: string, model: string,
 *   selected?: number[], point?: number, rows?: number[], height: number, alt: string, look: string }} Data
 * `inside`: the pack of the frames that are selected, or `rows`: which they are
 */

/** ``50, 80, 95``: the shares that lines enclose, in percent. @param {number[][]} lines */
const shares = (lines) => [...new Set(lines.map(([share]) => Math.round(100 * share)))].join(", ");

/** Which of `count` points are in `rows`; null for none. @param {number[]} rows @param {number} count */
const marked = (rows, count) => {
  const out = new Uint8Array(count);
  for (const row of rows) out[row] = 1;
  return rows.length ? out : null;
};

const SHADE = ["11%", "82%"].map((share) => `color-mix(in srgb, var(--st-text-color) ${share}, transparent)`);

/** @extends {View<Data>} */
class Scatter extends View {
  /** @type {import("../shared/pack.js").Pack} */ points;
  /** @type {MapView} */ map;
  /** @type {Uint8Array} rgb of every point */ colours;
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {import("../shared/pack.js").Pack | null} */ codebook = null;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "scatter");
    /** @type {Float32Array | undefined} where the points stand */ this.placed = undefined;
    /** @type {Uint8Array | null} frames of the selection */ this.inside = null;
    /** @type {Set<number>} */ this.chosen = new Set();
    /** @type {"lasso" | "box" | null} */ this.tool = null;
    /** @type {Place[] | null} */ this.loop = null;
    /** @type {{ ink: string, picture: HTMLCanvasElement } | null} */ this.shades = null;
    this.over = -1;
    /** @type {string[] | null} what the link says, once there are points */ this.linked = null;
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.portrait = element("canvas", { "aria-hidden": "true" });
    this.words = element("span");
    this.card = element("div", { class: "hovercard", hidden: true }, this.portrait, this.words);
    this.legend = element("div", { class: "legend" });
    this.lasso = toggle("Lasso", false, () => this.take("lasso"), { title: "Draw around points to select them" });
    this.boxing = toggle("Box", false, () => this.take("box"), { title: "Draw a box around points to select them" });
    this.pointsOn = toggle("Points", true, () => this.layer(this.densityOn),
      { hidden: true, title: "Show the drawn frames" });
    this.densityOn = toggle("Density", true, () => this.layer(this.pointsOn),
      { hidden: true, title: "Shade the plane by the number of all frames, on a logarithmic scale" });
    this.facesOn = toggle("Faces", true, () => this.draw(), { hidden: true, title: "Draw faces where there is room for them" });
    this.faces = new MapFaces(() => this.draw());
    this.build();
    this.listen();
    this.resized.observe(this.canvas);
  }

  build() {
    const zoom = (/** @type {number} */ by) => () => { this.map.scale *= by; this.draw(); };
    const zooms = [button("+", zoom(1.4), { class: "toggle", "aria-label": "Zoom in" }),
      button("−", zoom(1 / 1.4), { class: "toggle", "aria-label": "Zoom out" }),
      button("All", () => { this.map.fit(); this.draw(); }, { class: "toggle" })];
    this.box.append(element("div", { class: "picture" }, this.canvas, this.card),
      element("div", { class: "toggles" }, this.lasso, this.boxing, ...zooms, this.facesOn, this.pointsOn, this.densityOn,
        this.legend));
  }

  /** One of the two layers stays on. @param {HTMLElement} other */
  layer(other) {
    if (![this.pointsOn, this.densityOn].some(isOn)) setOn(other, true);
    this.describe();
    this.draw();
  }

  /** Whether a layer is drawn; where there is no density there is no switch. @param {HTMLElement} layer */
  draws(layer) { return layer.hidden || isOn(layer); }

  /** @param {"lasso" | "box"} tool */
  take(tool) {
    this.tool = this.tool === tool ? null : tool;
    setOn(this.lasso, this.tool === "lasso");
    setOn(this.boxing, this.tool === "box");
  }

  listen() {
    /** @type {Place} */ let start = [0, 0];
    let down = false, moved = false;
    const { canvas } = this;
    drag(canvas, {
      began: (e) => {
        start = placeOn(canvas, e);
        [down, moved] = [true, false];
        this.loop = this.tool || e.shiftKey ? [start] : null;
      },
      moved: (e) => {
        const here = placeOn(canvas, e), by = /** @type {Place} */ ([here[0] - start[0], here[1] - start[1]]);
        moved ||= Math.hypot(...by) > 3;
        if (this.loop && this.tool === "box") this.loop = [start, [here[0], start[1]], here, [start[0], here[1]]];
        else if (this.loop) this.loop.push(here);
        else if (moved) { this.map.drag(...by); start = here; }
        this.draw();
      },
      ended: (e) => {
        const point = moved || e.type !== "pointerup" ? -1 : this.nearest(placeOn(canvas, e));
        if (this.loop && moved) this.selectInside(this.loop);
        else if (point >= 0) this.pick(point, e.ctrlKey || e.metaKey);
        down = false;
        this.loop = null;
        this.draw();
      },
    });
    canvas.addEventListener("pointermove", (e) => { if (!down) this.hover(placeOn(canvas, e)); });
    canvas.addEventListener("pointerleave", () => { this.card.hidden = true; this.over = -1; this.draw(); });
    wheel(canvas, (e) => { this.map.zoom(Math.exp(-e.deltaY * 0.0014), placeOn(canvas, e), this.size); this.draw(); });
  }

  get count() { return this.points.shapes.places[0]; }

  get size() { return this.canvas.getBoundingClientRect(); }

  /** @param {Data} data */
  async load(data) {
    this.box.style.setProperty("--height", `${data.height}px`);
    this.canvas.setAttribute("aria-label", data.alt);
    this.describe();
    const [points, { colours }] = await Promise.all([loadPack(data.points), loadPack(data.colours)]);
    this.colours = colours;
    const opened = this.points !== points;
    if (opened) { this.open(points); this.describe(); }
    if (this.linked) this.look(this.linked); else if (opened) this.remember();
    this.linked = null;
    if (data.face) this.face = await loadFace(data.face);
    this.codebook = data.codebook ? await loadPack(data.codebook) : null;
    this.facesOn.hidden = !this.face || !points.shown;
    this.chosen = new Set(data.selected || []);
    this.inside = data.inside ? (await loadPack(data.inside)).inside : marked(data.rows ?? [], this.count);
  }

  /** @param {import("../shared/pack.js").Pack} points */
  open(points) {
    this.points = points;
    this.shades = null;
    this.faces.forget();
    this.pointsOn.hidden = this.densityOn.hidden = !points.density;
    this.map = new MapView(points.places, points.shapes.places[1]);
  }

  /** The legend: categories, or a ramp from its lowest to its highest colour; and what the density's shades count. */
  describe() {
    const { data: { legend, ramp }, points } = this;
    const bar = (/** @type {string} */ low, /** @type {string} */ colours, /** @type {(Node | string)[]} */ ...high) =>
      element("span", { class: "ramp" }, low,
        element("i", { style: `background:linear-gradient(90deg, ${colours})` }), ...high);
    if (!this.draws(this.pointsOn)) {
      const most = `${this.points.most.toLocaleString("en")} frames a cell, log scale`;
      const added = this.map.deep ? ", added up along the line of sight" : "";
      this.legend.replaceChildren(bar("Density 1", SHADE.join(), most + added));
      return;
    }
    const log = ramp?.middle === "log" ? ", log scale" : "";
    const middle = ramp?.middle && !log ? element("span", { class: "sr" }, `middle ${ramp.middle}, `) : "";
    const lines = points?.lines?.length && this.draws(this.densityOn)
      ? [element("span", {}, `Lines enclose ${shares(points.lines)} % of all frames`)] : [];
    this.legend.replaceChildren(...lines, ...(ramp ? [bar(ramp.low, ramp.colours, middle, ramp.high + log)] : []),
      ...legend.map(({ name, colour }) => element("span", {}, element("i", { style: `background:${colour}` }), name)));
  }

  /** Zoom, shift in parts of the picture's smaller side, turn (3D), what is drawn. */
  remember() {
    const drawn = [this.pointsOn, this.densityOn].map((layer) => (this.draws(layer) ? 1 : 0)).join("")
      + (this.draws(this.facesOn) ? "" : "0");
    const values = this.map.values(this.size);
    const changed = drawn !== "11" || values.some((v, i) => !near(v, HOME[i]));
    remember(this.name, changed ? [...values, drawn] : null);
  }

  /** @param {string[]} values */
  recall(values) { this.linked = values; }

  /** @param {string[]} values */
  look(values) {
    if (!this.map.look(values.slice(0, 5).map(Number), this.size)) return;
    setSwitches([this.pointsOn, this.densityOn, this.facesOn], values[5]);
    this.describe();
  }

  render() {
    const { points, count } = this, { context, width, height } = blankCanvas(this.canvas), colours = theme(this.box);
    const places = (this.placed = this.map.project(points.places, { width, height }));
    const radius = count > 2000 ? 1.6 : count > 300 ? 3.5 : 6;
    if (points.density && this.draws(this.densityOn)) {
      if (this.map.deep) this.renderFog(context, colours.text); else this.renderDensity(context, colours.text);
    }
    if (this.draws(this.pointsOn)) this.renderPoints(context, places, radius);
    if (points.lines && this.draws(this.densityOn)) this.renderLines(context, colours.text);
    if (this.face && points.shown && isOn(this.facesOn)) this.renderFaces(context, places, { width, height }, colours);
    else this.faces.placed = [];
    this.renderRings(context, places, radius + 3.5, colours.text);
    if (count <= 300) this.renderNumbers(context, places, radius, colours);
    if (points.labels) this.renderLabels(context, { width, height }, colours);
    if (this.loop && this.loop.length > 1) this.renderLoop(context, this.loop, colours.primary); else this.remember();
  }

  /** Dots, far ones first; squares where there are many. @param {CanvasRenderingContext2D} context
   * @param {Float32Array} places @param {number} radius */
  renderPoints(context, places, radius) {
    const { count, colours: c, points: { sizes }, inside, map: { deep } } = this, many = count > 2000;
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    if (deep) order.sort((a, b) => places[3 * a + 2] - places[3 * b + 2]);
    context.globalAlpha = many ? 0.55 : 0.9;
    for (const i of order) {
      const x = places[3 * i], y = places[3 * i + 1];
      const r = radius * places[3 * i + 2] * (sizes ? sizes[i] / 128 : 1);
      context.fillStyle = `rgb(${c[3 * i]},${c[3 * i + 1]},${c[3 * i + 2]})`;
      if (inside) context.globalAlpha = inside[i] ? 0.95 : 0.08;
      if (many) context.fillRect(x - r, y - r, 2 * r, 2 * r);
      else { context.beginPath(); context.arc(x, y, r, 0, 7); context.fill(); }
    }
    context.globalAlpha = 1;
  }

  /** Around what is below the pointer, open, or selected. @param {CanvasRenderingContext2D} context
   * @param {Float32Array} places @param {number} radius @param {string} colour */
  renderRings(context, places, radius, colour) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    for (let i = 0; i < this.count; i++) {
      if (i !== this.over && i !== this.data.point && !this.chosen.has(this.points.ids[i])) continue;
      context.beginPath();
      context.arc(places[3 * i], places[3 * i + 1], this.faces.at(i) ? this.faces.side / 2 + 4 : radius, 0, 7);
      context.stroke();
    }
  }

  /** The density of all frames below the points: the text's colour, more of it where there are more, by the logarithm.
   * @param {CanvasRenderingContext2D} context @param {string} ink */
  renderDensity(context, ink) {
    const { extent: [x0, x1, y0, y1] } = this.points;
    if (this.shades?.ink !== ink) this.shades = { ink, picture: this.shaded(ink) };
    const [[left, top], [right, bottom]] = [[x0, y1], [x1, y0]].map((place) => [...this.map.project(place, this.size)]);
    context.drawImage(this.shades.picture, left, top, right - left, bottom - top);
  }

  /** @param {string} ink */
  shaded(ink) {
    const { density, shapes: { density: [rows, columns] } } = this.points;
    const picture = element("canvas", { width: columns, height: rows });
    const brush = context2d(picture);
    brush.fillStyle = ink;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = brush.getImageData(0, 0, 1, 1).data, image = brush.createImageData(columns, rows);
    for (let i = 0; i < density.length; i++) {
      const row = rows - 1 - Math.floor(i / columns);
      image.data.set([r, g, b, density[i] ? 26 + 0.72 * density[i] : 0], 4 * (row * columns + (i % columns)));
    }
    brush.putImageData(image, 0, 0);
    return picture;
  }

  /** Lines that enclose shares of all frames, the innermost the strongest.
   * @param {CanvasRenderingContext2D} context @param {string} ink */
  renderLines(context, ink) {
    const { lines, outline } = this.points, at = this.map.project(outline, this.size);
    context.strokeStyle = ink;
    context.lineWidth = 1;
    for (const [share, from, to] of lines) {
      context.globalAlpha = share < 0.6 ? 0.75 : share < 0.9 ? 0.5 : 0.3;
      context.beginPath();
      for (let i = from; i < to; i++) context.lineTo(at[3 * i], at[3 * i + 1]);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** Faces at their points, as many as there is room for, in a ring of the point's colour.
   * @param {CanvasRenderingContext2D} context @param {Float32Array} places
   * @param {import("../shared/map_view.js").Size} size @param {ReturnType<typeof theme>} colours */
  renderFaces(context, places, size, colours) {
    const { points: { shown, ids }, inside, chosen, colours: c } = this;
    const first = chosen.size ? [...shown].filter((i) => chosen.has(ids[i])) : [];
    const rows = [...first, ...(inside ? [...shown].filter((i) => inside[i]) : shown)];
    const many = this.count > 300;
    this.faces.place(rows, places, size, many ? { side: 40, apart: 84 } : { side: 50, apart: 53 });
    this.faces.render(context, /** @type {import("../shared/face.js").Face} */ (this.face), (i) => this.psiOf(i),
      { ground: colours.ground, ring: (i) => `rgb(${c[3 * i]},${c[3 * i + 1]},${c[3 * i + 2]})` });
  }

  /** Names of the clusters, those of the largest first and each once; a name that would lie on another is left out.
   * @param {CanvasRenderingContext2D} context @param {import("../shared/map_view.js").Size} size
   * @param {ReturnType<typeof theme>} colours */
  renderLabels(context, size, colours) {
    /** @type {number[][]} */ const taken = [];
    /** @type {Set<string>} */ const said = new Set();
    context.font = `600 12px ${colours.font}`;
    context.textAlign = "center";
    Object.assign(context, { fillStyle: colours.text, strokeStyle: colours.ground, lineWidth: 3.5, lineJoin: "round" });
    for (const { name, at } of this.points.labels) {
      const [x, middle] = this.map.project(at, size), y = middle + this.faces.below(x, middle);
      const half = context.measureText(name).width / 2 + 4;
      if (x < half || x > size.width - half || y < 14 || y > size.height - 4) continue;
      if (said.has(name) || taken.some(([a, b, wide]) => Math.abs(a - x) < wide + half && Math.abs(b - y) < 16)) continue;
      taken.push([x, y, half]);
      said.add(name);
      context.strokeText(name, x, y);
      context.fillText(name, x, y);
    }
    context.textAlign = "start";
  }

  /** The density in space: a faint square a cell that is not empty, so that they add up along the line of sight.
   * @param {CanvasRenderingContext2D} context @param {string} ink */
  renderFog(context, ink) {
    const { cells, density, cell } = this.points, { size } = this;
    const placed = this.map.project(cells, size), side = cell * this.map.unit(size);
    context.fillStyle = ink;
    for (let i = 0; i < density.length; i++) {
      const wide = side * placed[3 * i + 2];
      context.globalAlpha = 0.01 + 0.16 * (density[i] / 255) ** 2;
      context.fillRect(placed[3 * i] - wide / 2, placed[3 * i + 1] - wide / 2, wide, wide);
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {Float32Array} places @param {number} radius
   * @param {ReturnType<typeof theme>} colours */
  renderNumbers(context, places, radius, colours) {
    context.font = `11px ${colours.font}`;
    context.fillStyle = colours.text;
    context.globalAlpha = 0.85;
    for (let i = 0; i < this.count; i++) {
      const covering = this.faces.under(places[3 * i], places[3 * i + 1]);
      if (covering >= 0 && covering !== i) continue;
      const beside = this.faces.at(i) ? this.faces.side / 2 - 5 : radius;
      context.fillText(this.points.ids[i], places[3 * i] + beside + 3, places[3 * i + 1] + (beside > radius ? 20 : 4));
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {Place[]} loop @param {string} colour */
  renderLoop(context, loop, colour) {
    context.beginPath();
    loop.forEach((place) => context.lineTo(...place));
    context.closePath();
    Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: 1.5 });
    context.stroke();
    context.globalAlpha = 0.1;
    context.fill();
    context.globalAlpha = 1;
  }

  /** The point of the face at a place, else the point within 14 pixels that is nearest; -1 for none. @param {Place} place */
  nearest([x, y]) {
    const face = this.faces.under(x, y);
    if (face >= 0) return face;
    let best = -1, least = 14 * 14;
    for (let i = 0; this.placed && i < this.count; i++) {
      const d = (this.placed[3 * i] - x) ** 2 + (this.placed[3 * i + 1] - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  /** @param {Place} here */
  hover(here) {
    const point = this.nearest(here);
    if (point === this.over) return;
    this.over = point;
    this.card.hidden = point < 0;
    if (point >= 0) this.show(point, here);
    this.draw();
  }

  /** @param {number} point @param {Place} place */
  show(point, [x, y]) {
    const { width, height } = this.size, { points, face } = this;
    Object.assign(this.card.style,
      { left: `${x > width - 190 ? x - 172 : x + 14}px`, top: `${y > height - 190 ? y - 180 : y + 14}px` });
    this.words.textContent = this.data.words?.[points.ids[point]] ?? points.notes?.[point] ?? "";
    this.portrait.hidden = !face;
    if (!face) return;
    portrait(this.portrait, face, this.psiOf(point));
  }

  /** Expression coefficients of a point. @param {number} point */
  psiOf(point) {
    const { points, face } = this, size = face?.coefficients ?? 0;
    return points.psi ? Float32Array.from(rowOf(points.psi, point, size), (v, e) => v * points.scale[e])
      : rowOf(this.codebook?.psi, points.ids[point], size);
  }

  /** @param {number} point @param {boolean} add */
  pick(point, add) {
    const id = this.points.ids[point];
    this.component.setTriggerValue("pick", { id, point, add });
    if (!this.points.psi) announce({ codeword: id, model: this.data.model });
  }

  /** @param {Place[]} loop */
  selectInside(loop) {
    const { points, placed = [] } = this, rows = [...Array(this.count).keys()];
    const inside = rows.filter((i) => isInside([placed[3 * i], placed[3 * i + 1]], loop));
    const ids = inside.map((i) => points.ids[i]);
    if (points.psi) this.inside = marked(inside, this.count); else this.chosen = new Set(ids);
    this.component.setTriggerValue("select", points.psi ? inside : ids);
  }
}

export default mount(Scatter);
