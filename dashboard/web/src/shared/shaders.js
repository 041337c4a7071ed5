// The shaders of the viewer: light and colours are those of every picture of a face (shading.glsl).

import SHADING from "../../../../dfe_core/render/shading.glsl";

export const VERTEX = `#version 300 es
in vec3 position; in vec3 normal; in vec3 rest; in float heat; in vec2 material; in vec2 uv;
uniform mat4 view; uniform mat4 projection;
out vec3 vNormal; out vec3 vRest; out vec3 vEye; out float vHeat; out vec2 vMaterial; out vec2 vUv;
void main() {
  vec4 eye = view * vec4(position, 1.0);
  vNormal = mat3(view) * normal; vRest = rest; vEye = eye.xyz; vHeat = heat; vMaterial = material; vUv = uv;
  gl_Position = projection * eye;
}`;

export const FRAGMENT = `#version 300 es
precision highp float;
in vec3 vNormal; in vec3 vRest; in vec3 vEye; in float vHeat; in vec2 vMaterial; in vec2 vUv;
uniform sampler2D picture; uniform float hasPicture;
uniform sampler2D colours; uniform float range; uniform float signed_; uniform float strength;
uniform vec4 eyes[2]; uniform vec2 eyeEdges; uniform float hasEyes;
out vec4 colour;
${SHADING}
void main() {
  float t = signed_ > 0.5 ? clamp(vHeat / range * 0.5 + 0.5, 0.0, 1.0) : clamp(vHeat / range, 0.0, 1.0);
  if (strength < 0.5) t = signed_ > 0.5 ? 0.5 : 0.0;
  vec3 heat = texture(colours, vec2(t * 0.9922 + 0.0039, signed_ > 0.5 ? 0.75 : 0.25)).rgb;
  float tint = strength < 0.5 || signed_ > 0.5 ? 0.0 : clamp(4.0 * t, 0.0, 1.0);
  if (hasPicture > 0.5) {
    if (signed_ > 0.5 && strength > 0.5) tint = clamp(4.0 * abs(2.0 * t - 1.0), 0.0, 1.0);
    colour = vec4(dfePicture(texture(picture, vUv).rgb, heat, tint), 1.0);
    return;
  }
  vec4 ball = vRest.x > 0.0 ? eyes[0] : eyes[1];
  vec3 eyeball = hasEyes > 0.5 ? dfeEyeball(normalize(vRest - ball.xyz), eyeEdges) : vec3(0.90, 0.89, 0.87);
  vec3 base = dfePaint(heat, tint, vMaterial.x, eyeball, vMaterial.y);
  colour = vec4(dfeLit(base, normalize(vNormal), normalize(-vEye), vMaterial.x), 1.0);
}`;
