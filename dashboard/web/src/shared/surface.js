// A face's surface as it is drawn: refined once by Loop subdivision where its triangles would show, as surface.py of
// dfe_core does it. Vertices keep their numbers; those on edges follow.

/** A sparse matrix by rows. @typedef {{ starts: Uint32Array, columns: Uint32Array, weights: Float32Array }} Sparse */

/** From so many vertices on, a face shows no triangles at the size of a page. */
export const COARSE = 8000;

/** @param {number} rows @param {number[]} row @param {number[]} column @param {number[]} weight @returns {Sparse} */
function sparse(rows, row, column, weight) {
  const starts = new Uint32Array(rows + 1);
  for (const r of row) starts[r + 1]++;
  for (let r = 0; r < rows; r++) starts[r + 1] += starts[r];
  const next = starts.slice(), columns = new Uint32Array(row.length), weights = new Float32Array(row.length);
  row.forEach((r, i) => { columns[next[r]] = column[i]; weights[next[r]++] = weight[i]; });
  return { starts, columns, weights };
}

/** Rows of the product of a matrix and values of `size` numbers a vertex.
 * @param {Sparse} matrix @param {Float32Array} values @param {number} size @param {number} rows the first of them */
function multiplied({ starts, columns, weights }, values, size, rows) {
  const out = new Float32Array(rows * size);
  for (let r = 0; r < rows; r++) {
    for (let i = starts[r]; i < starts[r + 1]; i++) {
      const from = columns[i] * size, w = weights[i];
      for (let d = 0; d < size; d++) out[r * size + d] += w * values[from + d];
    }
  }
  return out;
}

/** The edges of a mesh in the order of their ends: [a, b, uses] each, and the number of the edge across from every corner.
 * @param {Uint32Array} triangles @param {number} count of vertices */
function edgesOf(triangles, count) {
  /** @type {Map<number, number>} */ const uses = new Map();
  const keys = new Float64Array(triangles.length);
  for (let f = 0; f < triangles.length; f += 3) {
    for (let c = 0; c < 3; c++) {
      const a = triangles[f + ((c + 1) % 3)], b = triangles[f + ((c + 2) % 3)];
      const key = (keys[f + c] = Math.min(a, b) * count + Math.max(a, b));
      uses.set(key, (uses.get(key) ?? 0) + 1);
    }
  }
  const sorted = Float64Array.from(uses.keys()).sort(), number = new Map();
  sorted.forEach((key, i) => number.set(key, i));
  const ends = [...sorted].map((key) => [Math.floor(key / count), key % count, /** @type {number} */ (uses.get(key))]);
  return { ends, across: Uint32Array.from(keys, (key) => number.get(key)) };
}

/** One step of Loop's scheme: a matrix that makes the finer vertices, and their triangles.
 * @param {Uint32Array} triangles @param {number} count of vertices */
export function subdivided(triangles, count) {
  const { ends, across } = edgesOf(triangles, count);
  /** @type {number[]} */ const row = [], /** @type {number[]} */ column = [], /** @type {number[]} */ weight = [];
  const add = (/** @type {number} */ r, /** @type {number} */ c, /** @type {number} */ w) => { row.push(r); column.push(c); weight.push(w); };
  const valence = new Uint32Array(count), rim = new Uint8Array(count);
  for (const [a, b, uses] of ends) {
    valence[a]++; valence[b]++;
    if (uses !== 2) rim[a] = rim[b] = 1;
  }
  const beta = (/** @type {number} */ v) => (valence[v] === 3 ? 3 / 16 : 3 / (8 * Math.max(valence[v], 1)));
  for (let v = 0; v < count; v++) add(v, v, rim[v] ? 3 / 4 : 1 - valence[v] * beta(v));
  ends.forEach(([a, b, uses], e) => {
    for (const [own, other] of [[a, b], [b, a]]) {
      add(count + e, own, uses === 2 ? 3 / 8 : 1 / 2);
      if (!rim[own]) add(own, other, beta(own)); else if (uses !== 2) add(own, other, 1 / 8);
    }
  });
  across.forEach((e, corner) => { if (ends[e][2] === 2) add(count + e, triangles[corner], 1 / 8); });
  return { matrix: sparse(count + ends.length, row, column, weight), triangles: finer(triangles, across, count),
    vertices: count + ends.length };
}

/** @param {Uint32Array} triangles @param {Uint32Array} across @param {number} count */
function finer(triangles, across, count) {
  const out = new Uint32Array(4 * triangles.length);
  for (let f = 0; f < triangles.length; f += 3) {
    const [a, b, c] = triangles.subarray(f, f + 3), [x, y, z] = [0, 1, 2].map((i) => count + across[f + i]);
    out.set([a, z, y, b, x, z, c, y, x, x, y, z], 4 * f);
  }
  return out;
}

/** How to draw a mesh: `refine` takes its vertices, or any values on them, to those drawn. */
export class Surface {
  /** @param {Uint32Array} triangles @param {number} count of vertices @param {boolean} fine */
  constructor(triangles, count, fine) {
    const made = fine ? subdivided(triangles, count) : { matrix: null, triangles, vertices: count };
    /** @type {Sparse | null} */ this.matrix = made.matrix;
    this.triangles = made.triangles;
    this.vertices = made.vertices;
    this.count = count;
  }

  /** Values on the vertices, `size` numbers each, on those drawn. What subdivision pulls in is pushed back, twice
   * (Maillot & Stam 2001): the vertices that were there stay where they are measured.
   * @param {Float32Array} values @param {number} size */
  refine(values, size) {
    if (!this.matrix) return values;
    const pull = (/** @type {Float32Array} */ of) => multiplied(/** @type {Sparse} */ (this.matrix), of, size, this.count)
      .map((v, i) => of[i] - v);
    const once = pull(values), twice = pull(once);
    return multiplied(this.matrix, values.map((v, i) => v + once[i] + twice[i]), size, this.vertices);
  }
}
