// Shared by every view: binary assets, the linear face, and one WebGL context for the whole page.
// One context draws everything and is copied into ordinary 2D canvases, so that views may come and go by the
// hundred without a browser running out of contexts.

const dfe = (window.__dfe ??= { assets: new Map(), stage: null });
const ASSETS_KEPT = 12;
const GLIDE = 120; // ms from one codeword's face to the next

/** Whether the face that was clicked is still on its way: smaller pictures wait for it. */
const busy = () => performance.now() < (dfe.gliding || 0);

/** Fetch and unpack a pack written by packs.py; the same address is fetched once. */
function loadPack(url) {
  if (!dfe.assets.has(url)) {
    const loading = fetch(url).then((reply) => {
      if (!reply.ok) throw new Error(`${reply.status} for ${url}`);
      return reply.arrayBuffer();
    }).then(unpack);
    loading.catch(() => dfe.assets.delete(url));
    dfe.assets.set(url, loading);
    while (dfe.assets.size > ASSETS_KEPT) dfe.assets.delete(dfe.assets.keys().next().value);
  }
  return dfe.assets.get(url);
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array, int16: Int16Array, uint16: Uint16Array,
  uint8: Uint8Array };

/** The layout of dfe_core.render.scene: a JSON header, then arrays; scale and bias stay with their array's entry. */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const pack = { ...header, shapes: {}, scales: {}, biases: {} };
  for (const [name, { dtype, shape, offset, scale, bias }] of Object.entries(header.arrays)) {
    const count = shape.reduce((a, b) => a * b, 1);
    pack[name] = new ARRAYS[dtype](buffer, 8 + length + offset, count);
    Object.assign(pack.shapes, { [name]: shape });
    if (scale) pack.scales[name] = scale;
    if (bias) pack.biases[name] = bias;
  }
  return pack;
}

/** The linear face model: psi in, positions, normals and the size of the displacement out. */
class Face {
  constructor(pack, look, url) {
    Object.assign(this, look);
    this.key = url;
    this.names = pack.names;
    this.materials = pack.materials;
    this.moving = pack.moving;
    this.basis = pack.basis;
    this.scale = pack.scales.basis;
    this.triangles = Uint32Array.from(pack.triangles);
    [this.vertices] = pack.shapes.template;
    [this.coefficients] = pack.shapes.basis;
    const { template: scale } = pack.scales, { template: bias } = pack.biases;
    this.template = Float32Array.from(pack.template, (v, i) => v * scale[i % 3] + bias[i % 3]);
    this.sum = new Float32Array(this.moving.length * 3);
  }

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

  /** What the GPU needs for one pose: position, normal, and heat (mm) along with it. */
  pose(psi, heat = null) {
    const moved = this.displacement(psi);
    const position = new Float32Array(moved.length);
    for (let i = 0; i < moved.length; i++) position[i] = this.template[i] + moved[i];
    return { position, normal: this.normals(position), heat: heat ?? this.size(moved) };
  }

  size(moved) {
    const heat = new Float32Array(this.vertices);
    for (let v = 0; v < this.vertices; v++) {
      heat[v] = 1000 * Math.hypot(moved[3 * v], moved[3 * v + 1], moved[3 * v + 2]);
    }
    return heat;
  }

  /** Displacement along the outward normal of the neutral face, mm: positive outwards. */
  outward(moved) {
    this.restNormals ??= this.normals(this.template);
    const n = this.restNormals, heat = new Float32Array(this.vertices);
    for (let v = 0; v < this.vertices; v++) {
      const i = 3 * v;
      heat[v] = 1000 * (moved[i] * n[i] + moved[i + 1] * n[i + 1] + moved[i + 2] * n[i + 2]);
    }
    return heat;
  }

  normals(p) {
    const n = new Float32Array(p.length), t = this.triangles;
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
}

async function loadFace({ url, look }) {
  const pack = await loadPack(url);
  return (pack.face ??= new Face(pack, look, url));
}

const VERTEX = `#version 300 es
in vec3 position; in vec3 normal; in vec3 rest; in float heat; in float material;
uniform mat4 view; uniform mat4 projection;
out vec3 vNormal; out vec3 vRest; out vec3 vEye; out float vHeat; out float vMaterial;
void main() {
  vec4 eye = view * vec4(position, 1.0);
  vNormal = mat3(view) * normal; vRest = rest; vEye = eye.xyz; vHeat = heat; vMaterial = material;
  gl_Position = projection * eye;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 vNormal; in vec3 vRest; in vec3 vEye; in float vHeat; in float vMaterial;
uniform sampler2D colours; uniform float range; uniform float signed_; uniform float strength;
uniform vec4 eyes[2]; uniform vec2 eyeEdges; uniform float hasEyes;
out vec4 colour;
vec3 eyeColour() {
  vec4 e = vRest.x > 0.0 ? eyes[0] : eyes[1];
  vec3 d = normalize(vRest - e.xyz);
  float a = acos(clamp(d.z, -1.0, 1.0)), e1 = eyeEdges.y;
  vec3 c = mix(vec3(0.33, 0.42, 0.47), vec3(0.93, 0.92, 0.90), smoothstep(e1 * 0.95, e1 * 1.05, a));
  c = mix(c, c * 0.5, smoothstep(e1 * 0.78, e1 * 0.97, a) * (1.0 - smoothstep(e1 * 0.99, e1 * 1.1, a)));
  return mix(vec3(0.05), c, smoothstep(eyeEdges.x * 0.93, eyeEdges.x * 1.07, a));
}
void main() {
  vec3 toEye = normalize(-vEye);
  vec3 n = normalize(vNormal);
  if (dot(n, toEye) < -0.35) n = -n; // the inside of the mouth; not by winding, which flickers at the silhouette
  bool isEye = vMaterial > 0.5 && vMaterial < 1.5;
  float t = signed_ > 0.5 ? clamp(vHeat / range * 0.5 + 0.5, 0.0, 1.0) : clamp(vHeat / range, 0.0, 1.0);
  if (strength < 0.5) t = signed_ > 0.5 ? 0.5 : 0.0;
  vec3 base = texture(colours, vec2(t * 0.9922 + 0.0039, signed_ > 0.5 ? 0.75 : 0.25)).rgb;
  if (isEye) base = hasEyes > 0.5 ? eyeColour() : vec3(0.93, 0.92, 0.90);
  else if (vMaterial > 1.5) base = vec3(0.40, 0.17, 0.17);
  float key = pow(max(0.5 + 0.5 * dot(n, normalize(vec3(-0.45, 0.55, 0.75))), 0.0), 1.8);
  float fill = pow(max(0.5 + 0.5 * dot(n, normalize(vec3(0.85, 0.05, 0.55))), 0.0), 2.0);
  float sky = 0.5 + 0.5 * n.y;
  float rim = pow(1.0 - clamp(dot(n, toEye), 0.0, 1.0), 3.0);
  vec3 light = vec3(1.00, 0.97, 0.93) * key * 0.86 + vec3(0.80, 0.88, 1.0) * fill * 0.30
    + mix(vec3(0.10, 0.09, 0.09), vec3(0.17, 0.18, 0.20), sky);
  float shine = pow(max(dot(n, normalize(normalize(vec3(-0.45, 0.55, 0.75)) + toEye)), 0.0), isEye ? 90.0 : 24.0);
  vec3 lit = base * light + vec3(shine) * (isEye ? 0.55 : 0.05) + rim * 0.07;
  colour = vec4(pow(clamp(lit, 0.0, 1.0), vec3(0.94)), 1.0);
}`;

/** The one WebGL context: draws a pose into its own canvas, from which views copy. */
class Stage {
  constructor() {
    this.canvas = document.createElement("canvas");
    const gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true,
      preserveDrawingBuffer: true });
    if (!gl) throw new Error("WebGL 2 is not available");
    this.gl = gl;
    this.canvas.addEventListener("webglcontextlost", () => { if (dfe.stage === this) dfe.stage = null; });
    this.program = this.link();
    this.places = {};
    for (const name of ["view", "projection", "colours", "range", "signed_", "strength", "eyes", "eyeEdges", "hasEyes"]) {
      this.places[name] = gl.getUniformLocation(this.program, name);
    }
    gl.enable(gl.DEPTH_TEST);
    this.faces = new Map();
  }

  link() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return program;
  }

  /** Buffers of a face, made once. Two faces are kept: a third drops the oldest. */
  prepare(face) {
    if (this.faces.has(face.key)) return this.faces.get(face.key);
    const gl = this.gl, made = { array: gl.createVertexArray(), buffers: {} };
    gl.bindVertexArray(made.array);
    const attach = (name, size, values, usage) => {
      const place = gl.getAttribLocation(this.program, name);
      made.buffers[name] = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, made.buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, values, usage);
      if (place < 0) return;
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
    };
    const count = face.vertices;
    attach("position", 3, face.template, gl.DYNAMIC_DRAW);
    attach("normal", 3, face.template, gl.DYNAMIC_DRAW);
    attach("rest", 3, face.template, gl.STATIC_DRAW);
    attach("heat", 1, new Float32Array(count), gl.DYNAMIC_DRAW);
    const kinds = Float32Array.from(face.materials, (code) => (code > 2 ? 1 : code)); // iris and pupil are painted
    attach("material", 1, kinds, gl.STATIC_DRAW);
    made.index = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, made.index);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, face.triangles, gl.STATIC_DRAW);
    made.texture = this.texture(face);
    this.faces.set(face.key, made);
    if (this.faces.size > 2) this.drop(this.faces.keys().next().value);
    return made;
  }

  texture(face) {
    const gl = this.gl, texture = gl.createTexture(), width = face.heat.length / 3;
    const pixels = new Uint8Array(width * 2 * 4);
    for (let i = 0; i < width; i++) for (const [row, from] of [[0, face.heat], [1, face.diverging]]) {
      pixels.set([from[3 * i], from[3 * i + 1], from[3 * i + 2], 255], (row * width + i) * 4);
    }
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, width, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    return texture;
  }

  drop(key) {
    const gl = this.gl, made = this.faces.get(key);
    Object.values(made.buffers).forEach((b) => gl.deleteBuffer(b));
    gl.deleteBuffer(made.index); gl.deleteTexture(made.texture); gl.deleteVertexArray(made.array);
    this.faces.delete(key);
  }

  draw(face, pose, camera, width, height, look) {
    const gl = this.gl, made = this.prepare(face);
    if (this.canvas.width < width || this.canvas.height < height) {
      this.canvas.width = Math.max(this.canvas.width, width);
      this.canvas.height = Math.max(this.canvas.height, height);
    }
    gl.viewport(0, this.canvas.height - height, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, this.canvas.height - height, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.bindVertexArray(made.array);
    for (const name of ["position", "normal", "heat"]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, made.buffers[name]);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, pose[name]);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, made.index);
    gl.bindTexture(gl.TEXTURE_2D, made.texture);
    const { view, projection } = camera.matrices(face, width / height);
    gl.uniformMatrix4fv(this.places.view, false, view);
    gl.uniformMatrix4fv(this.places.projection, false, projection);
    gl.uniform1i(this.places.colours, 0);
    gl.uniform1f(this.places.range, Math.max(look.range || 1, 1e-3));
    gl.uniform1f(this.places.signed_, look.signed ? 1 : 0);
    gl.uniform1f(this.places.strength, look.heat === false ? 0 : 1);
    gl.uniform1f(this.places.hasEyes, face.eyes ? 1 : 0);
    if (face.eyes) gl.uniform4fv(this.places.eyes, face.eyes.flat());
    gl.uniform2fv(this.places.eyeEdges, face.eyeEdges);
    gl.drawElements(gl.TRIANGLES, face.triangles.length, gl.UNSIGNED_INT, 0);
  }
}

function stage() {
  return (dfe.stage ??= new Stage());
}

/** An orbit camera around the face's focus. */
class Camera {
  constructor(yaw = 0, pitch = 0, zoom = 1) { Object.assign(this, { yaw, pitch, zoom }); this.home = { yaw, pitch, zoom }; }

  reset() { Object.assign(this, this.home); }

  /** Yaw, pitch and zoom for the link. */
  get values() { return [this.yaw, this.pitch, this.zoom]; }

  get moved() { return !["yaw", "pitch", "zoom"].every((of) => near(this[of], this.home[of])); }

  turn(dx, dy) {
    this.yaw = Math.max(-3.1, Math.min(3.1, this.yaw + dx));
    this.pitch = Math.max(-1.2, Math.min(1.2, this.pitch + dy));
  }

  magnify(factor) { this.zoom = Math.max(0.4, Math.min(6, this.zoom * factor)); }

  matrices(face, aspect) {
    const fov = 0.36, [cx, cy, cz] = face.focus, fit = Math.max(1, Math.min(1.25, 1.28 * face.wide) / aspect);
    const distance = (face.reach * fit) / Math.tan(fov / 2) / this.zoom;
    const a = Math.cos(this.yaw), b = Math.sin(this.yaw), c = Math.cos(this.pitch), d = Math.sin(this.pitch);
    const r = [a, 0, -b], u = [-b * d, c, -a * d], f = [b * c, d, a * c]; // right, up, towards the eye
    const dot = (v) => -(v[0] * cx + v[1] * cy + v[2] * cz);
    const view = new Float32Array([r[0], u[0], f[0], 0, r[1], u[1], f[1], 0, r[2], u[2], f[2], 0,
      dot(r), dot(u), dot(f) - distance, 1]);
    const s = 1 / Math.tan(fov / 2), near = distance * 0.05, far = distance * 4;
    const projection = new Float32Array([s / aspect, 0, 0, 0, 0, s, 0, 0, 0, 0, (far + near) / (near - far), -1,
      0, 0, (2 * far * near) / (near - far), 0]);
    return { view, projection };
  }
}

/** Draw a pose into part of a 2D canvas. `box` is in device pixels. */
function paint(context, face, pose, camera, box, look) {
  const [x, y, width, height] = box.map(Math.round);
  if (width < 2 || height < 2) return;
  const st = stage();
  st.draw(face, pose, camera, width, height, look);
  context.drawImage(st.canvas, 0, 0, width, height, x, y, width, height);
}

/** Size a canvas to its box on the page; true when it changed. */
function fitCanvas(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), box = canvas.getBoundingClientRect();
  const width = Math.max(2, Math.round(box.width * ratio)), height = Math.max(2, Math.round(box.height * ratio));
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width; canvas.height = height;
  return true;
}

/** Pointer, wheel and keys turn and zoom a camera; double click resets it. */
function orbit(canvas, camera, changed) {
  let last = null;
  canvas.addEventListener("pointerdown", (e) => { last = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    if (!last) return;
    camera.turn((last[0] - e.clientX) * 0.009, (e.clientY - last[1]) * 0.007);
    last = [e.clientX, e.clientY];
    changed();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
  canvas.addEventListener("wheel", (e) => {
    if (canvas.getRootNode().activeElement !== canvas && !e.ctrlKey) return; // the page scrolls until the view is clicked
    e.preventDefault();
    camera.magnify(Math.exp(-e.deltaY * 0.0012));
    changed();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { camera.reset(); changed(); });
  canvas.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: [0.12, 0], ArrowRight: [-0.12, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[e.key];
    if (step) camera.turn(...step);
    else if (e.key === "+" || e.key === "=") camera.magnify(1.12);
    else if (e.key === "-") camera.magnify(1 / 1.12);
    else if (e.key === "0" || e.key === "Home") camera.reset();
    else return;
    e.preventDefault(); e.stopPropagation();
    changed();
  });
}

/** One redraw a frame however often it is asked for. */
function redrawer(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; draw(); });
  };
}

// How a view is looked at (camera, zoom, switches, second) stands in the link as `look=name:values~name:values`. It is
// put there without asking the server: Streamlit sends the address along with the next thing that it is asked.

/** What the link says of how a view is looked at, as strings, or null. */
function recall(name) {
  looks();
  if (dfe.linked.has(name)) { dfe.looks.set(name, dfe.linked.get(name)); dfe.linked.delete(name); }
  return dfe.looks.get(name)?.split("*") ?? null;
}

/** Put into the link how a view is looked at; null where it is as at first. */
function remember(name, values) {
  looks();
  const text = values?.map((v) => (typeof v === "number" ? Number(v.toFixed(4)) : v)).join("*");
  if ((dfe.looks.get(name) ?? undefined) === text) return;
  if (text === undefined) dfe.looks.delete(name); else dfe.looks.set(name, text);
  clearTimeout(dfe.looking);
  dfe.looking = setTimeout(putLooks, 250);
}

/** The looks of this page: those that the link brought, until their view takes them up, and those of its views. */
function looks() {
  if (dfe.looksOf === location.pathname) return;
  dfe.looksOf = location.pathname;
  const text = new URLSearchParams(location.search).get("look") || "";
  dfe.looks = new Map();
  dfe.keeping ??= setInterval(putLooks, 500); // the server writes addresses of its own, which know no looks
  dfe.linked = new Map(text.split("~").filter(Boolean).map((part) => part.split(/:(.*)/s).slice(0, 2)));
}

function putLooks() {
  if (dfe.looksOf !== location.pathname || !(dfe.looks.size || dfe.looked)) return;
  dfe.looked = true;
  putParameter("look", [...dfe.looks].map(([name, text]) => `${name}:${text}`).join("~"));
}

/** Set a parameter of the address, or take it out, without a new entry in the history and without a rerun. */
function putParameter(name, value) {
  const to = new URL(location.href);
  if ((to.searchParams.get(name) ?? "") === String(value)) return;
  if (value === "") to.searchParams.delete(name); else to.searchParams.set(name, value);
  history.replaceState(history.state, "", to);
}

Object.assign(dfe, { recall, remember }); // for the full scene, which lies in a frame of its own: see scene.js

const near = (a, b) => Math.abs(a - b) < 5e-4;

/** Turn a camera as the link has it: yaw, pitch and zoom come first among a view's values. */
function recallCamera(name, camera) {
  const found = recall(name), [yaw, pitch, zoom] = (found ?? []).map(Number);
  if ([yaw, pitch, zoom].every(Number.isFinite)) {
    camera.turn(yaw - camera.yaw, pitch - camera.pitch);
    camera.magnify(zoom / camera.zoom);
  }
  return found;
}

/** State kept between the calls Streamlit makes for one mounted component. */
const mounted = (dfe.mounted ??= new WeakMap());
function once(component, setUp) {
  const root = component.parentElement;
  if (!mounted.has(root)) mounted.set(root, setUp(root));
  return mounted.get(root);
}

const gradient = (pixels) => {
  const stops = [];
  for (let i = 0; i <= 12; i++) {
    const at = Math.round((i / 12) * (pixels.length / 3 - 1)) * 3;
    stops.push(`rgb(${pixels[at]},${pixels[at + 1]},${pixels[at + 2]})`);
  }
  return `linear-gradient(90deg, ${stops.join(",")})`;
};

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
};

const SHAPES = {
  play: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5.5v13l11-6.5z"/></svg>',
  pause: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 5h3.5v14H7zM13.5 5H17v14h-3.5z"/></svg>',
  reset: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 5V2L7.5 6 12 10V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z"/></svg>',
};
