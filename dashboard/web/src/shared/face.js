// The linear face model: expression coefficients (psi) in; positions, normals and displacements out.

import { loadPack } from "./pack.js";
import { COARSE, Surface } from "./surface.js";

/** @typedef {ArrayLike<number>} Psi expression coefficients, one for each row of the basis */
/**
 * Position (m), normal, displacement (m) and heat (mm) of every vertex of the surface that is drawn.
 * @typedef {{ surface: Surface, position: Float32Array, normal: Float32Array, moved: Float32Array, heat: Float32Array }} Pose
 */
/**
 * How a face is looked at: see `look_of` of packs.py.
 * @typedef {{ focus: number[], reach: number, wide: number, deep: number, middle: number, eyes: number[][] | null, eyeEdges: number[],
 *   heat: number[], diverging: number[], shared: number,
 *   portrait: { focus: number[], reach: number, pitch: number, crown: number, neck: number } }} FaceLook
 * `shared`: mm at the hot end of all pictures; `portrait`: how small pictures look at it, as the rendered ones do
 */

export class Face {
  /** @param {import("./pack.js").Pack} pack @param {FaceLook} look @param {string} key its address */
  constructor(pack, look, key) {
    this.key = key;
    this.look = look;
    /** @type {Uint8Array} */ this.materials = pack.materials;
    /** @type {Uint32Array} indices of the vertices that the basis moves */ this.moving = pack.moving;
    /** @type {Int16Array} */ this.basis = pack.basis;
    this.scale = pack.scales.basis;
    this.triangles = Uint32Array.from(pack.triangles);
    this.vertices = pack.shapes.template[0];
    this.coefficients = pack.shapes.basis[0];
    const { template: scale } = pack.scales, { template: bias } = pack.biases;
    this.template = Float32Array.from(pack.template, (v, i) => v * scale[i % 3] + bias[i % 3]);
    /** @type {Float32Array | null} places of the vertices in the picture, of a face that has one */ this.uv = pack.uv ?? null;
    /** @type {ImageBitmap | null} what it is drawn as, once that is decoded */ this.picture = null;
    this.sum = new Float32Array(this.moving.length * 3);
    this.plain = new Surface(this.triangles, this.vertices, false);
    /** @type {Float32Array | null} */ this.restNormals = null;
    /** @type {Surface | null} */ this.refined = null;
  }

  /** The surface for large pictures; small ones do not show the triangles of the face itself, and the mesh over a picture
   * is as fine as it need be. */
  get fine() {
    return (this.refined ??= this.vertices < COARSE && !this.uv ? new Surface(this.triangles, this.vertices, true) : this.plain);
  }

  /** Displacement of every vertex, m, xyz in turn. @param {Psi} psi */
  displacement(psi) {
    const { sum, moving } = this, size = sum.length, out = new Float32Array(this.vertices * 3);
    sum.fill(0);
    for (let e = 0; e < this.coefficients; e++) {
      const scale = (psi[e] || 0) * this.scale[e];
      if (Math.abs(scale) < 1e-12) continue;
      const row = this.basis.subarray(e * size, (e + 1) * size);
      for (let i = 0; i < size; i++) sum[i] += scale * row[i];
    }
    for (let m = 0; m < moving.length; m++) out.set(sum.subarray(3 * m, 3 * m + 3), 3 * moving[m]);
    return out;
  }

  /**
   * A pose, coloured by the size of the displacement unless `heatOf` says otherwise.
   * @param {Psi} psi
   * @param {(moved: Float32Array) => Float32Array} heatOf mm of each vertex, from displacements in m
   * @param {Surface} surface
   * @returns {Pose}
   */
  pose(psi, heatOf = sizes, surface = this.fine) {
    const moved = this.displacement(psi), at = moved.map((v, i) => v + this.template[i]);
    const position = surface.refine(at, 3);
    return { surface, position, normal: normals(position, surface.triangles), moved: surface.refine(moved, 3),
      heat: surface.refine(heatOf(moved), 1) };
  }

  /** How far the most moved vertex moves, mm, and no less than `least`. @param {Psi} psi @param {number} least */
  range(psi, least = 0.1) { return sizes(this.displacement(psi)).reduce((a, b) => Math.max(a, b), least); }

  /** Displacement along the outward normal of the neutral face, mm: positive outwards. @param {Float32Array} moved */
  outward(moved) {
    const n = (this.restNormals ??= normals(this.template, this.triangles));
    return perVertex(moved, (i) => moved[i] * n[i] + moved[i + 1] * n[i + 1] + moved[i + 2] * n[i + 2]);
  }
}

/** A length for each vertex in mm, from one in m at the vertex's place in `xyz`.
 * @param {Float32Array} xyz @param {(at: number) => number} length */
const perVertex = (xyz, length) => {
  const out = new Float32Array(xyz.length / 3);
  for (let v = 0; v < out.length; v++) out[v] = 1000 * length(3 * v);
  return out;
};

/** Length of each displacement, mm. @param {Float32Array} moved in m */
export const sizes = (moved) => perVertex(moved, (i) => Math.hypot(moved[i], moved[i + 1], moved[i + 2]));

/** Unit normals of the vertices, weighted by area. @param {Float32Array} p @param {Uint32Array} t */
export function normals(p, t) {
  const n = new Float32Array(p.length);
  for (let f = 0; f < t.length; f += 3) {
    const a = 3 * t[f], b = 3 * t[f + 1], c = 3 * t[f + 2];
    const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
    const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    for (const i of [a, b, c]) { n[i] += x; n[i + 1] += y; n[i + 2] += z; }
  }
  for (let i = 0; i < n.length; i += 3) {
    const l = Math.hypot(n[i], n[i + 1], n[i + 2]) || 1;
    n[i] /= l; n[i + 1] /= l; n[i + 2] /= l;
  }
  return n;
}

/** @typedef {{ url: string, look: FaceLook }} FaceAddress */

/** The face at an address, made once. @param {FaceAddress} address @returns {Promise<Face>} */
export async function loadFace({ url, look }) {
  const pack = await loadPack(url);
  return (pack.face ??= decoded(pack, look, url));
}

/** A face and, where it has one, its picture. @param {import("./pack.js").Pack} pack @param {FaceLook} look @param {string} key */
export async function decoded(pack, look, key) {
  const face = new Face(pack, look, key);
  if (pack.picture) {
    face.picture = await createImageBitmap(new Blob([pack.picture], { type: pack.picture_kind }),
      { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  }
  return face;
}
