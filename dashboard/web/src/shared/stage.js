// One WebGL context draws every face of the page and is copied into ordinary 2D canvases, so that views may come and go
// by the hundred without a browser running out of contexts.

import { page } from "./page.js";
import { FRAGMENT, VERTEX } from "./shaders.js";

/** @typedef {import("./face.js").Face} Face */
/** @typedef {import("./face.js").Pose} Pose */
/** @typedef {import("./surface.js").Surface} Surface */
/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {[left: number, top: number, width: number, height: number]} Box part of a canvas, device pixels */
/**
 * @typedef {object} Shading
 * @property {number} [range] mm at the end of the colours
 * @property {boolean} [heat] false for plain skin
 * @property {boolean} [signed] whether heat has two directions
 * @property {import("./camera.js").Look} [aim] where the camera looks instead of at the whole head
 */
/** @typedef {{ array: WebGLVertexArrayObject, buffers: Record<string, WebGLBuffer>, texture: WebGLTexture, picture: WebGLTexture | null, skin: number }} Uploaded
 * `skin`: how many of the indices are of the skin; they come first */

const FACES_KEPT = 4; // surfaces, two of a face
const MOUTH = 2; // of the materials

/** How far eyes and the inside of the mouth are pushed back, in steps of a triangle's own depth from one pixel to the next.
 * Depth is uncertain on triangles that are seen edge-on: those of the cavity else come through the skin, as dark specks. */
const OFFSET = 4;

export class Stage {
  constructor() {
    this.canvas = document.createElement("canvas");
    const gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true,
      preserveDrawingBuffer: true });
    if (!gl) throw new Error("WebGL 2 is not available");
    this.gl = gl;
    this.canvas.addEventListener("webglcontextlost", () => { if (page.stage === this) page.stage = null; });
    this.program = linked(gl);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.POLYGON_OFFSET_FILL);
    /** @type {Map<string, WebGLUniformLocation | null>} */ this.uniforms = new Map();
    /** @type {Map<string, Uploaded>} */ this.faces = new Map();
  }

  /** Where a uniform is; asked once, for the GPU's process answers. @param {string} name */
  uniform(name) {
    if (!this.uniforms.has(name)) this.uniforms.set(name, this.gl.getUniformLocation(this.program, name));
    return this.uniforms.get(name) ?? null;
  }

  /** What the GPU holds of a surface of a face, uploaded once. @param {Face} face @param {Surface} surface @returns {Uploaded} */
  prepare(face, surface) {
    const key = `${face.key} ${surface.vertices}`, kept = this.faces.get(key);
    if (kept) return kept;
    const { gl } = this, array = gl.createVertexArray(), rest = surface.refine(face.template, 3);
    const material = surface.refine(parts(face.materials, face.triangles), 2), order = ordered(surface.triangles, material);
    gl.bindVertexArray(array);
    const buffers = {
      position: this.attribute("position", 3, rest, gl.DYNAMIC_DRAW),
      normal: this.attribute("normal", 3, rest, gl.DYNAMIC_DRAW),
      heat: this.attribute("heat", 1, new Float32Array(surface.vertices), gl.DYNAMIC_DRAW),
      rest: this.attribute("rest", 3, rest, gl.STATIC_DRAW),
      material: this.attribute("material", 2, material, gl.STATIC_DRAW),
      index: gl.createBuffer(),
      ...(face.uv ? { uv: this.attribute("uv", 2, face.uv, gl.STATIC_DRAW) } : {}),
    };
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.index);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order.triangles, gl.STATIC_DRAW);
    const made = { array, buffers, texture: colourTable(gl, face), picture: pictureOf(gl, face), skin: order.skin };
    this.faces.set(key, made);
    for (const oldest of this.faces.keys()) if (this.faces.size > FACES_KEPT) this.drop(oldest);
    return made;
  }

  /** @param {string} name @param {number} size @param {Float32Array} values @param {number} usage */
  attribute(name, size, values, usage) {
    const { gl } = this, place = gl.getAttribLocation(this.program, name), buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, usage);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
    return buffer;
  }

  /** @param {string} key */
  drop(key) {
    const { gl } = this, made = this.faces.get(key);
    if (!made) return;
    Object.values(made.buffers).forEach((buffer) => gl.deleteBuffer(buffer));
    gl.deleteTexture(made.texture);
    gl.deleteTexture(made.picture);
    gl.deleteVertexArray(made.array);
    this.faces.delete(key);
  }

  /** Draw into the top left corner of the own canvas.
   * @param {Face} face @param {Pose} pose @param {Camera} camera @param {number} width @param {number} height
   * @param {Shading} shading */
  draw(face, pose, camera, width, height, shading) {
    const { gl } = this, made = this.prepare(face, pose.surface), bottom = this.clear(width, height) - height;
    gl.viewport(0, bottom, width, height);
    gl.useProgram(this.program);
    gl.bindVertexArray(made.array);
    for (const name of /** @type {const} */ (["position", "normal", "heat"])) {
      gl.bindBuffer(gl.ARRAY_BUFFER, made.buffers[name]);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, pose[name]);
    }
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, made.picture ?? made.texture);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, made.texture);
    gl.uniform1i(this.uniform("picture"), 1);
    gl.uniform1f(this.uniform("hasPicture"), made.picture ? 1 : 0);
    this.setUniforms(face, camera.matrices(shading.aim ?? face.look, width / height), shading);
    gl.polygonOffset(0, 0);
    gl.drawElements(gl.TRIANGLES, made.skin, gl.UNSIGNED_INT, 0);
    gl.polygonOffset(OFFSET, 0);
    gl.drawElements(gl.TRIANGLES, pose.surface.triangles.length - made.skin, gl.UNSIGNED_INT, 4 * made.skin);
  }

  /** Room for a picture of this size, empty; returns the canvas's height. @param {number} width @param {number} height */
  clear(width, height) {
    const { gl, canvas } = this;
    if (canvas.width < width || canvas.height < height) {
      canvas.width = Math.max(canvas.width, width);
      canvas.height = Math.max(canvas.height, height);
    }
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, canvas.height - height, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    return canvas.height;
  }

  /** @param {Face} face @param {{ view: Float32Array, projection: Float32Array }} matrices @param {Shading} shading */
  setUniforms({ look }, { view, projection }, { range = 1, heat = true, signed = false }) {
    const { gl } = this;
    gl.uniformMatrix4fv(this.uniform("view"), false, view);
    gl.uniformMatrix4fv(this.uniform("projection"), false, projection);
    gl.uniform1f(this.uniform("range"), Math.max(range, 1e-3));
    gl.uniform1f(this.uniform("signed_"), signed ? 1 : 0);
    gl.uniform1f(this.uniform("strength"), heat ? 1 : 0);
    gl.uniform1f(this.uniform("hasEyes"), look.eyes ? 1 : 0);
    if (look.eyes) gl.uniform4fv(this.uniform("eyes"), look.eyes.flat());
    gl.uniform2fv(this.uniform("eyeEdges"), look.eyeEdges);
  }
}

/** How much of each vertex is eye, and how much inside of the mouth: half of it is the skin beside, which lies in the
 * shadow of the lips. Iris and pupil are painted. @param {Uint8Array} materials @param {Uint32Array} triangles */
export function parts(materials, triangles) {
  const out = Float32Array.from({ length: 2 * materials.length }, (_, i) => {
    const code = materials[i >> 1];
    return Number(i % 2 ? code === MOUTH : code === 1 || code > MOUTH);
  });
  for (let f = 0; f < triangles.length; f += 3) {
    const corners = triangles.subarray(f, f + 3);
    if (corners.some((v) => materials[v] === MOUTH)) for (const v of corners) out[2 * v + 1] = Math.max(out[2 * v + 1], 0.5);
  }
  return out;
}

/** Triangles of the skin first, and how many indices they have.
 * @param {Uint32Array} triangles @param {Float32Array} material two shares of every vertex */
export function ordered(triangles, material) {
  /** @type {[number[], number[]]} */ const [skin, rest] = [[], []];
  for (let f = 0; f < triangles.length; f += 3) {
    const corners = triangles.subarray(f, f + 3);
    (corners.some((v) => material[2 * v] + material[2 * v + 1] > 0.6) ? rest : skin).push(...corners);
  }
  return { triangles: Uint32Array.from([...skin, ...rest]), skin: skin.length };
}

/** @param {WebGL2RenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  /** @type {[number, string][]} */ const shaders = [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]];
  for (const [kind, text] of shaders) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "no shader");
  return program;
}

/** The two colour maps as the rows of a texture. @param {WebGL2RenderingContext} gl @param {Face} face */
function colourTable(gl, { look: { heat, diverging } }) {
  const texture = gl.createTexture(), width = heat.length / 3;
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, width, 2, 0, gl.RGB, gl.UNSIGNED_BYTE, Uint8Array.of(...heat, ...diverging));
  for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  return texture;
}

/** A lab's own picture, clear when it is small. @param {WebGL2RenderingContext} gl @param {Face} face */
function pictureOf(gl, { picture }) {
  if (!picture) return null;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  gl.generateMipmap(gl.TEXTURE_2D);
  for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  return texture;
}

/** Draw a pose into part of a 2D canvas.
 * @param {CanvasRenderingContext2D} context @param {Face} face @param {Pose} pose @param {Camera} camera
 * @param {Box} box @param {Shading} shading */
export function paint(context, face, pose, camera, box, shading) {
  const [x, y, width, height] = box.map(Math.round);
  if (width < 2 || height < 2) return;
  const stage = (page.stage ??= new Stage());
  stage.draw(face, pose, camera, width, height, shading);
  context.drawImage(stage.canvas, 0, 0, width, height, x, y, width, height);
}
