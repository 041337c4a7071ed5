// How a face is lit and coloured: heat on the skin, painted eyes, dark mouth.

export const VERTEX = `#version 300 es
in vec3 position; in vec3 normal; in vec3 rest; in float heat; in float material;
uniform mat4 view; uniform mat4 projection;
out vec3 vNormal; out vec3 vRest; out vec3 vEye; out float vHeat; out float vMaterial;
void main() {
  vec4 eye = view * vec4(position, 1.0);
  vNormal = mat3(view) * normal; vRest = rest; vEye = eye.xyz; vHeat = heat; vMaterial = material;
  gl_Position = projection * eye;
}`;

export const FRAGMENT = `#version 300 es
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
  float tint = strength < 0.5 || signed_ > 0.5 ? 0.0 : clamp(4.0 * t, 0.0, 1.0); // as palette.tinted of Python
  if (isEye) base = mix(hasEyes > 0.5 ? eyeColour() : vec3(0.93, 0.92, 0.90), base, 0.35 * tint);
  else if (vMaterial > 1.5) base = mix(vec3(0.40, 0.17, 0.17), base, 0.85 * tint);
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
