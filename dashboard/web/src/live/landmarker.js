// MediaPipe's Face Landmarker in a worker of its own, so that the page stays quick while it computes.

/** What it finds in a picture. `scores` null: no face. `matrix`: the head's, 16 numbers, column by column. `points`: x and y
 * of the landmarks in shares of the picture, where they were asked for.
 * @typedef {{ scores: Float32Array | null, names: string[], matrix: number[], points: Float32Array | null }} Found */

/** @typedef {{ base: string, script: string, model: ArrayBuffer }} Start addresses of the landmarker's folder and script */

/* v8 ignore start: runs in the worker alone, which a browser test starts */
/** The worker's program. It knows nothing of this file: its text is what the worker runs. tasks-vision loads its
 * WebAssembly by importScripts, which workers of modules do not have: so it is a classic one. */
function program() {
  const scope = /** @type {any} */ (self);
  /** @type {any} */ let landmarker;
  /** @param {Start} start */
  const open = async ({ base, script, model }) => {
    scope.exports = {};
    scope.importScripts(base + script);
    const { FilesetResolver, FaceLandmarker } = scope.exports;
    const simd = await FilesetResolver.isSimdSupported();
    const kind = simd ? "vision_wasm_internal" : "vision_wasm_nosimd_internal";
    landmarker = await FaceLandmarker.createFromOptions(
      { wasmLoaderPath: `${base}${kind}.js`, wasmBinaryPath: `${base}${kind}.wasm` },
      { baseOptions: { modelAssetBuffer: new Uint8Array(model), delegate: "CPU" }, runningMode: "VIDEO", numFaces: 1,
        outputFaceBlendshapes: true, outputFacialTransformationMatrixes: true });
  };
  /** @param {ImageBitmap} picture @param {number} time @param {boolean} withPoints @returns {Found} */
  const look = (picture, time, withPoints) => {
    const found = landmarker.detectForVideo(picture, time);
    picture.close();
    const scores = found.faceBlendshapes[0]?.categories, points = found.faceLandmarks[0];
    return {
      scores: scores ? Float32Array.from(scores, (one) => one.score) : null,
      names: scores ? scores.map((/** @type {any} */ one) => one.categoryName) : [],
      matrix: [...(found.facialTransformationMatrixes[0]?.data ?? [])],
      points: withPoints && points ? Float32Array.from(points.flatMap((/** @type {any} */ p) => [p.x, p.y])) : null,
    };
  };
  scope.onmessage = async (/** @type {MessageEvent} */ { data }) => {
    try {
      if (data.start) { await open(data.start); scope.postMessage({ ready: true }); } else {
        scope.postMessage({ found: look(data.picture, data.time, data.points) });
      }
    } catch (error) { scope.postMessage({ failed: error instanceof Error ? error.message : String(error) }); }
  };
}
/* v8 ignore stop */

export class Landmarker {
  constructor() {
    const address = URL.createObjectURL(new Blob([`(${program})()`], { type: "text/javascript" }));
    this.worker = new Worker(address);
    URL.revokeObjectURL(address);
    /** @type {{ done: (found: any) => void, failed: (why: Error) => void } | null} */ this.waiting = null;
    this.worker.onmessage = ({ data }) => {
      if (data.failed) this.waiting?.failed(new Error(data.failed)); else this.waiting?.done(data.found);
      this.waiting = null;
    };
    this.worker.onerror = (event) => this.waiting?.failed(new Error(event.message || "the worker could not start"));
  }

  /** @param {unknown} message @param {Transferable[]} given @returns {Promise<any>} */
  ask(message, given) {
    return new Promise((done, failed) => {
      this.waiting = { done, failed };
      this.worker.postMessage(message, given);
    });
  }

  /** Load it with the user's model. @param {Start} start */
  open(start) { return this.ask({ start }, [start.model]); }

  /** @param {ImageBitmap} picture @param {number} time ms that rise @param {boolean} points @returns {Promise<Found>} */
  find(picture, time, points) { return this.ask({ picture, time, points }, [picture]); }

  close() { this.worker.terminate(); }
}

/** Pitch, yaw and roll in radians of a head's matrix, as `mediapipe_head_pose` of dfe_core has them.
 * @param {number[]} m 16 numbers, column by column @returns {[pitch: number, yaw: number, roll: number]} */
export const headPose = (m) => [Math.asin(Math.max(-1, Math.min(1, -m[9]))), Math.atan2(m[8], m[10]), Math.atan2(m[1], m[5])];
