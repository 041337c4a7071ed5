// The webcam in a codebook: camera → landmarker (a worker) → tokens → face. Everything stays in the tab.

import { headPose, Landmarker } from "../live/landmarker.js";
import { Pace, Recent, SPAN_S } from "../live/recent.js";
import { LEAST_FRAMES, restOf } from "../live/rest.js";
import { download, Take } from "../live/take.js";
import { LiveTokenizer } from "../live/tokenizer.js";
import { Camera } from "../shared/camera.js";
import { blankCanvas, button, context2d, element, fitCanvas, isOn, setOn, theme, toggle } from "../shared/dom.js";
import { loadFace } from "../shared/face.js";
import { loadPack } from "../shared/pack.js";
import { orbit } from "../shared/pointer.js";
import { paint } from "../shared/stage.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ tokenizer: string, face: import("../shared/face.js").FaceAddress, landmarker: string, script: string,
 *   items: Record<number, import("../live/recent.js").Item>, model: string, from: number, task_url: string,
 *   task_sha256: string, alt: string }} Data
 */
/** @typedef {"model" | "ready" | "opening" | "running"} Stage what is waited for, or what happens */

const DRAWN_SHARE = 3; // a picture that takes long is drawn no more often than in a third of the time
const REST_S = 3, LANE = 20, LABEL = 150, STRIP_MS = 125, TEXT_MS = 400;
const ASKED = { video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" } };

/** @extends {View<Data>} */
class Live extends View {
  /** @type {LiveTokenizer | undefined} */ tokenizer;
  /** @type {import("../shared/face.js").Face | undefined} */ face;
  /** @type {Recent | undefined} */ recent;
  /** @type {Landmarker | null} */ landmarker = null;
  /** @type {MediaStream | null} */ stream = null;
  /** @type {Take | null} */ take = null;
  /** @type {Take | null} the last take that was ended */ ended = null;
  /** @type {{ until: number, frames: Float32Array[] } | null} */ calm = null;
  /** @type {ArrayBuffer | null} */ task = null;

  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "live");
    this.instead = "Tokens are found all the same.";
    this.camera = new Camera(0, 0.04);
    /** @type {Stage} */ this.stage = "model";
    this.pace = new Pace();
    this.started = 0; // ms of the first frame
    this.frames = 0;
    this.drawn = 0; // ms at which the last picture was done
    this.listed = 0;
    this.said = 0;
    this.drawMs = 0; // that a picture of the face took
    this.psi = new Float32Array(0);
    /** @type {Map<number, HTMLElement>} one for each codeword, made at once: which of them are shown is the tab's business,
     * and pictures that were asked for one by one would tell the server */
    this.cards = new Map();
    /** @type {Float32Array | null} */ this.points = null;
    this.video = element("video", { playsinline: true, muted: true, "aria-label": "The camera’s picture" });
    this.video.muted = true;
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.canvas = element("canvas", { tabindex: 0, role: "img" });
    this.captions = element("div", { class: "captions", "aria-hidden": "true" });
    this.lanes = element("canvas", { class: "line", role: "img", "aria-label": `Codewords of the last ${SPAN_S} seconds` });
    this.chips = element("ul", { class: "now", "aria-label": "Codewords now" });
    this.state = element("p", { class: "state", role: "status" });
    this.figures = element("output", { class: "figures", "aria-live": "off" });
    this.file = element("input", { type: "file", accept: ".task", onchange: () => this.readModel() });
    this.start = button("Start the camera", () => this.toggleCamera(), { class: "main" });
    this.rest = button(`Rest your face for ${REST_S} s`, () => this.beginRest());
    this.record = button("Record", () => this.toggleTake());
    this.landmarks = toggle("Landmarks", false, this.draw, { title: "Draw the 478 landmarks over the picture" });
    this.mirror = toggle("Mirror", false, () => this.box.classList.toggle("mirrored", isOn(this.mirror)),
      { title: "Show picture and face as a mirror does; tokens do not change" });
    this.saved = element("span", { class: "saved" });
    this.build();
    this.resized.observe(this.canvas);
  }

  build() {
    const chooser = element("label", { class: "model" }, "Model file ", this.file);
    this.help = element("p", { class: "note" });
    this.box.append(
      element("div", { class: "controls" }, chooser, this.start, this.rest, this.record, this.landmarks, this.mirror, this.figures),
      this.help, this.state, this.saved,
      element("div", { class: "pair" },
        element("div", { class: "picture camera" }, this.video, this.overlay),
        element("div", { class: "picture" }, this.canvas, this.captions)),
      this.chips, element("div", { class: "timeline" }, this.lanes));
    orbit(this.canvas, this.camera, this.draw);
    this.enter("model");
  }

  /** @param {Data} data */
  async load(data) {
    this.canvas.setAttribute("aria-label", data.alt);
    const [held, face] = await Promise.all([loadPack(data.tokenizer), loadFace(data.face)]);
    const pack = /** @type {import("../live/tokenizer.js").TokenizerPack} */ (/** @type {unknown} */ (held));
    this.face = face;
    this.camera.before(face);
    if (this.tokenizer?.pack !== pack) {
      this.tokenizer = new LiveTokenizer(pack);
      this.recent = new Recent(data.items, data.from);
      this.psi = new Float32Array(face.coefficients);
      this.cards = new Map(Object.entries(data.items).map(([k, item]) => [Number(k), card(k, item)]));
    }
    this.help?.replaceChildren("MediaPipe’s face_landmarker.task, 3.8 MB, your own download of ",
      element("code", {}, data.task_url), ". It is read in this tab and sent nowhere.");
  }

  /** @param {Stage} stage @param {string} words what is said, where it is not what the stage says */
  enter(stage, words = "") {
    const secure = window.isSecureContext && navigator.mediaDevices;
    this.stage = stage;
    this.box.dataset.stage = stage;
    const running = stage === "running";
    this.start.disabled = stage === "model" || stage === "opening" || !secure;
    this.start.textContent = running ? "Stop the camera" : "Start the camera";
    this.rest.disabled = this.record.disabled = !running;
    this.file.disabled = running || stage === "opening";
    if (this.help) this.help.hidden = stage !== "model";
    this.state.textContent = words || (!secure ? "Browsers give a camera only to pages at localhost or over https: "
      + "open this dashboard on its own machine, through an ssh tunnel, or behind https."
      : { model: "Choose the model file first.", ready: "The model is read. Start the camera when you like.",
        opening: "The landmarker is loading.", running: "" }[stage]);
  }

  async readModel() {
    const file = this.file.files?.[0];
    if (!file) return;
    const data = await file.arrayBuffer();
    if (!isBundle(data)) {
      this.enter("model", `${file.name} is not MediaPipe’s face_landmarker.task.`);
      return;
    }
    this.task = data;
    const sum = window.isSecureContext ? await sha256(data) : "";
    this.enter("ready", sum && sum !== this.data.task_sha256
      ? "The model is read. It is another release than the one that dfe is tested with." : "");
  }

  async toggleCamera() {
    if (this.stage === "running") { this.stop(); return; }
    if (!this.task) return;
    this.enter("opening");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(ASKED);
      const base = new URL(`${this.data.landmarker}/`, document.baseURI).href;
      this.landmarker ??= await opened({ base, script: this.data.script, model: this.task.slice(0) });
      this.video.srcObject = this.stream;
      await this.video.play();
      this.run();
    } catch (error) { this.stop(refusal(error)); }
  }

  /** Look at every new picture, or at the newest while the one before is still looked at. */
  run() {
    this.pace = new Pace();
    this.started = performance.now();
    this.tokenizer?.lose();
    this.enter("running");
    const { stream } = this;
    let busy = false;
    const next = (/** @type {number} */ now, /** @type {VideoFrameCallbackMetadata | undefined} */ facts) => {
      if (this.stream !== stream || this.stage !== "running") return;
      this.whenPictured(next);
      if (busy) return;
      busy = true;
      this.look(facts?.captureTime ?? now).catch((error) => this.stop(refusal(error))).finally(() => { busy = false; });
    };
    this.whenPictured(next);
  }

  /** @param {(now: number, facts?: VideoFrameCallbackMetadata) => void} next */
  whenPictured(next) {
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(next);
    else requestAnimationFrame((now) => next(now));
  }

  /** One picture to its tokens. @param {number} taken ms of `performance.now` at which the camera took it */
  async look(taken) {
    const { landmarker, tokenizer } = this;
    if (!landmarker || !tokenizer) return;
    const picture = await createImageBitmap(this.video);
    const found = await landmarker.find(picture, performance.now(), isOn(this.landmarks));
    if (this.stage !== "running") return;
    const time = Math.max(0, (taken - this.started) / 1000);
    this.points = found.points;
    this.frames++;
    if (found.scores) this.tokenize(found, time, taken); else this.lose(time);
    this.box.dataset.frames = String(this.frames);
    if (performance.now() >= this.drawn + DRAWN_SHARE * this.drawMs) this.draw(); // tokens come first
  }

  /** @param {number} time */
  lose(time) {
    this.tokenizer?.lose();
    this.take?.add({ time, values: null, pose: null, tokens: null, steps: null });
    this.state.textContent = "No face in the picture.";
  }

  /** @param {import("../live/landmarker.js").Found} found @param {number} time @param {number} taken */
  tokenize(found, time, taken) {
    const tokenizer = /** @type {LiveTokenizer} */ (this.tokenizer), values = inOrder(found, tokenizer.pack.names);
    const { tokens, steps } = tokenizer.encode(values, time), now = performance.now();
    this.pace.add(now, now - taken);
    this.psi = tokenizer.decode({ tokens, steps });
    this.recent?.add(time, tokens, steps, tokenizer.pack.step);
    this.take?.add({ time, values, pose: found.matrix.length ? headPose(found.matrix) : null, tokens, steps });
    if (this.calm) this.gather(values, time);
    else if (this.state.textContent === "No face in the picture.") this.state.textContent = "";
    this.box.dataset.tokens = String(tokens.filter(Boolean).length);
  }

  beginRest() {
    this.calm = { until: (performance.now() - this.started) / 1000 + REST_S, frames: [] };
    this.state.textContent = "Rest your face: look ahead, lips closed, nothing moves.";
  }

  /** @param {Float32Array} values @param {number} time */
  gather(values, time) {
    const { calm, tokenizer } = this;
    if (!calm || !tokenizer) return;
    calm.frames.push(values);
    if (time < calm.until) return;
    this.calm = null;
    const rest = restOf(calm.frames, tokenizer.pack.sizes);
    if (rest) tokenizer.rest = rest;
    this.box.dataset.rest = rest ? "found" : "short";
    const most = rest ? rest.reduce((a, b) => Math.max(a, Math.abs(b)), 0) : 0;
    this.state.textContent = rest ? `Your resting face is taken off (its largest coefficient: ${most.toFixed(2)}).`
      : `Too few pictures with a face: ${calm.frames.length}, at least ${LEAST_FRAMES} are needed. Nothing is taken off.`;
  }

  toggleTake() {
    if (this.take) this.endTake();
    else if (this.tokenizer) {
      this.take = new Take(this.tokenizer.pack.names, this.tokenizer.pack.step);
      setOn(this.record, true);
      this.record.textContent = "Stop recording";
      this.saved.replaceChildren();
    }
    this.box.dataset.recording = String(Boolean(this.take));
  }

  endTake() {
    const take = this.take;
    if (!take) return;
    this.take = null;
    this.ended = take;
    setOn(this.record, false);
    this.record.textContent = "Record";
    const first = take.rows[0]?.time ?? 0;
    for (const row of take.rows) row.time -= first;
    const seconds = take.rows.length ? take.rows[take.rows.length - 1].time : 0;
    this.saved.replaceChildren(`A take of ${seconds.toFixed(1)} s, ${take.rows.length} frames: `,
      button("Download the take", () => download(take.scores(), `${take.name}.csv`)), " ",
      button("Download its tokens", () => download(take.tokens(), `${take.name}-tokens.csv`)));
  }

  /** @param {string} words why, where nobody asked for it */
  stop(words = "") {
    this.endTake();
    this.calm = null;
    this.points = null;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.box.dataset.recording = "false";
    this.enter(this.task ? "ready" : "model", words);
    this.draw();
  }

  render() {
    const { face, canvas, camera } = this;
    if (!face) return;
    const now = performance.now();
    this.renderPoints();
    this.renderFace(face, canvas, camera);
    if (now - this.listed > STRIP_MS || this.stage !== "running") { this.listed = now; this.renderNow(); this.renderStrip(); }
    this.drawn = performance.now();
    this.drawMs = this.drawn - now;
    if (now - this.said > TEXT_MS && this.stage === "running") {
      this.said = now;
      this.figures.textContent = `${this.pace.framesPerSecond.toFixed(0)} frames/s · `
        + `${this.pace.latencyWithin(0.5).toFixed(0)} ms from picture to tokens`;
      this.box.dataset.pace = JSON.stringify({ fps: this.pace.framesPerSecond, median: this.pace.latencyWithin(0.5), p95: this.pace.latencyWithin(0.95) });
    }
  }

  /** @param {import("../shared/face.js").Face} face @param {HTMLCanvasElement} canvas @param {Camera} camera */
  renderFace(face, canvas, camera) {
    fitCanvas(canvas);
    const context = context2d(canvas), { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const surface = this.stage === "running" ? face.plain : face.fine;
    paint(context, face, face.pose(this.psi, undefined, surface), camera, [0, 0, width, height], { range: face.look.shared });
  }

  renderPoints() {
    const { context, width, height } = blankCanvas(this.overlay), { points, video } = this;
    if (!points || !isOn(this.landmarks) || !video.videoWidth) return;
    const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [w, h] = [video.videoWidth * scale, video.videoHeight * scale], [x, y] = [(width - w) / 2, (height - h) / 2];
    context.fillStyle = theme(this.box).primary;
    for (let i = 0; i < points.length; i += 2) context.fillRect(x + points[i] * w - 0.75, y + points[i + 1] * h - 0.75, 1.5, 1.5);
  }

  /** The codewords that are there, each with its picture and how far it moves the face. */
  renderNow() {
    const shown = (this.recent?.shown ?? []).flatMap(({ k, mm }) => {
      const made = this.cards.get(k), size = made?.querySelector("small"), bar = made?.querySelector("i");
      if (!made || !size || !bar) return [];
      size.textContent = `${mm.toFixed(1)} mm`;
      bar.style.width = `${Math.min(100, 10 * mm)}%`;
      return [made];
    });
    if (shown.length !== this.chips.children.length || shown.some((made, i) => made !== this.chips.children[i])) {
      this.chips.replaceChildren(...shown);
    }
  }

  renderStrip() {
    const { recent, data } = this, lanes = recent?.lanes ?? [], rows = Math.max(lanes.length, 3);
    this.lanes.style.height = `${rows * LANE + 18}px`;
    const { context, width } = blankCanvas(this.lanes), { text, border, font } = theme(this.box), moments = recent?.moments ?? [];
    const end = moments.length ? moments[moments.length - 1].time : 0, from = LABEL;
    const x = (/** @type {number} */ t) => from + ((t - end + SPAN_S) / SPAN_S) * (width - from);
    context.font = `500 11px ${font}`;
    context.textBaseline = "middle";
    lanes.forEach((k, i) => {
      const item = data.items[k] ?? {}, y = i * LANE;
      context.fillStyle = text;
      context.fillText(fitted(context, `${k} ${item.note ?? ""}`, LABEL - 10), 0, y + LANE / 2);
      context.fillStyle = item.colour ?? border;
      moments.forEach(({ time, mm }, m) => {
        const size = mm.get(k) ?? 0, height = Math.min(1, size / 8) * (LANE - 3);
        if (size) context.fillRect(x(time), y + LANE - 1 - height, Math.max(1, x(moments[m + 1]?.time ?? time) - x(time)), height);
      });
      context.fillStyle = border;
      context.fillRect(from, y + LANE - 1, width - from, 0.5);
    });
    context.fillStyle = text;
    for (const back of [30, 20, 10, 0]) {
      context.textAlign = back === 0 ? "right" : "left";
      context.fillText(back ? `−${back} s` : "now", x(end - back), rows * LANE + 9);
    }
    context.textAlign = "left";
  }

  close() {
    super.close();
    this.stop();
    this.landmarker?.close();
    this.landmarker = null;
  }
}

/** @param {import("../live/landmarker.js").Start} start */
async function opened(start) {
  const made = new Landmarker();
  try { await made.open(start); } catch (error) { made.close(); throw error; }
  return made;
}

/** What shows that a codeword is there. @param {string} k @param {import("../live/recent.js").Item} item */
function card(k, item) {
  return element("li", { "data-codeword": k }, item.src ? element("img", { src: item.src, alt: "" }) : "",
    element("span", {}, element("b", {}, k), ` ${item.note ?? ""}`), element("small", {}),
    element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `background:${item.colour ?? "gray"}` })));
}

/** Scores in the order of the tokenizer's names, 0 for what MediaPipe has not.
 * @param {{ scores: Float32Array | null, names: string[] }} found @param {string[]} names */
export function inOrder({ scores, names: own }, names) {
  const place = new Map(own.map((name, i) => [name, i]));
  return Float32Array.from(names, (name) => scores?.[place.get(name) ?? -1] ?? 0);
}

/** A text that fits into a width. @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function fitted(context, text, width) {
  let shown = text;
  while (shown.length > 4 && context.measureText(shown).width > width) shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
  return shown;
}

/** What an error of the camera or the landmarker means. @param {unknown} error */
export function refusal(error) {
  const name = error instanceof Error ? error.name : "", words = error instanceof Error ? error.message : String(error);
  if (name === "NotAllowedError") return "The browser did not give the camera: allow it beside the address, and start again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "No camera was found.";
  if (name === "NotReadableError") return "The camera is in use by another program.";
  return `The landmarker stopped: ${words.split("\n")[0].slice(0, 160)}`;
}

/** Whether a file is the Face Landmarker's bundle: an archive whose directory, at its end, names the detector.
 * @param {ArrayBuffer} data */
export const isBundle = (data) =>
  new TextDecoder("latin1").decode(data.slice(Math.max(0, data.byteLength - 4096))).includes("face_landmarks_detector.tflite");

/** @param {ArrayBuffer} data */
async function sha256(data) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...sum].map((v) => v.toString(16).padStart(2, "0")).join("");
}

export default mount(Live);
