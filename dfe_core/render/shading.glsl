// How a face is lit and coloured, in every picture of it: by the viewer in the browser (web/src/shared/shaders.js), by
// VTK for thumbnails, films and reports (studio.py), and by vtk.js in the full scene (web/src/views/scene.js).
// Directions and normals are in eye space: the lights go with the camera.

const vec3 dfeKey = vec3(-0.4356, 0.5324, 0.7260); // unit vector towards the key light: above, on the viewer's left

// The eyeball at a direction from its centre: pupil, iris with a dark rim, white. edges: angles of pupil and iris, radians.
vec3 dfeEyeball(vec3 direction, vec2 edges) {
  float a = acos(clamp(direction.z, -1.0, 1.0)), rim = edges.y;
  vec3 c = mix(vec3(0.33, 0.42, 0.47), vec3(0.90, 0.89, 0.87), smoothstep(rim * 0.95, rim * 1.05, a));
  c = mix(c, c * 0.5, smoothstep(rim * 0.78, rim * 0.97, a) * (1.0 - smoothstep(rim * 0.99, rim * 1.1, a)));
  return mix(vec3(0.05), c, smoothstep(edges.x * 0.93, edges.x * 1.07, a));
}

// Skin takes the colour of the heat map; eyeballs and the inside of the mouth give up their own as they move: `tinted` of
// palette.py. eye, mouth: how much of the surface is either; tint: 0 at rest, 1 from a quarter of the scale on.
vec3 dfePaint(vec3 heat, float tint, float eye, vec3 eyeball, float mouth) {
  vec3 base = mix(heat, mix(eyeball, heat, 0.35 * tint), eye);
  return mix(base, mix(vec3(0.36, 0.15, 0.15), heat, 0.85 * tint), mouth);
}

// A lab's own picture takes the colour of the movement and keeps its lines: `over_picture` of palette.py.
vec3 dfePicture(vec3 picture, vec3 heat, float tint) {
  float light = dot(picture, vec3(0.299, 0.587, 0.114));
  return mix(picture, heat * (0.3 + 0.7 * light), 0.85 * tint);
}

// The colour that reaches the eye. n, toEye: unit vectors.
vec3 dfeLit(vec3 base, vec3 n, vec3 toEye, float eye) {
  if (dot(n, toEye) < -0.35) n = -n; // the inside of the mouth; not by winding, which flickers at the silhouette
  float key = pow(max(0.5 + 0.5 * dot(n, dfeKey), 0.0), 1.8);
  float fill = pow(max(0.5 + 0.5 * dot(n, vec3(0.8378, 0.0493, 0.5421)), 0.0), 2.0);
  float sky = 0.5 + 0.5 * n.y;
  float rim = pow(1.0 - clamp(dot(n, toEye), 0.0, 1.0), 3.0);
  vec3 light = vec3(1.00, 0.97, 0.93) * key * 0.78 + vec3(0.80, 0.88, 1.0) * fill * 0.28
    + mix(vec3(0.10, 0.09, 0.09), vec3(0.16, 0.17, 0.19), sky);
  float shine = pow(max(dot(n, normalize(dfeKey + toEye)), 0.0), mix(24.0, 90.0, eye)) * mix(0.05, 0.55, eye);
  return pow(clamp(base * light + vec3(shine) + rim * 0.06, 0.0, 1.0), vec3(0.94));
}
