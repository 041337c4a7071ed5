import { defineConfig } from "vitest/config";

export default defineConfig({ test: { environment: "happy-dom", include: ["tests/**/*.test.js"], pool: "threads", maxWorkers: 2, isolate: false } });
