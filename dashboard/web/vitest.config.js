import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Shaders are imported as their text, as build.js does it. */
const shaders = { name: "glsl", load: (/** @type {string} */ id) =>
  (id.endsWith(".glsl") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))}` : undefined) };

export default defineConfig({ plugins: [shaders], test: { environment: "happy-dom", include: ["tests/**/*.test.js"], setupFiles: ["tests/setup.js"],
  testTimeout: 30_000, pool: "threads", maxWorkers: 2, isolate: false } });
