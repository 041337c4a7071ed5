// Bundles src/views into built/: one file a view, with its copy of the shared code, as Streamlit takes a component's script;
// src/pages into the library, for pages that it writes to be opened without a server; and src/notebook into the library,
// the same views with their style for notebooks.
//
//   node build.js           build
//   node build.js --watch   build at every change, readable and with source maps; build again before a commit
//   node build.js --check   fail where what is built is not what the sources give
//
// built/manifest.json holds the hash of every source and of every built file: tests/dashboard/test_web.py verifies them
// without node.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";

const HERE = import.meta.dirname, VIEWS = "src/views", PAGES = "src/pages", BUILT = "built";
const WRITTEN = "../../dfe_core/reports/templates"; // pages of the library
const NOTEBOOK = "src/notebook", WIDGETS = "../../dfe_core/notebook/static"; // anywidget's
const STYLE = `${BUILT}/views.css`; // of the views, which the notebook's bundle holds
const SHADING = "../../dfe_core/render/shading.glsl"; // how the library's own pictures are lit
/** @param {string} folder */
const scriptsOf = (folder) => readdirSync(join(HERE, folder)).filter((name) => name.endsWith(".js")).sort();
/** @param {string} folder @param {string} to @returns {[folder: string, name: string, out: string][]} */
const bundles = (folder, to) => scriptsOf(folder).map((name) => [folder, name, `${to}/${name}`]);
const SCRIPTS = [...bundles(VIEWS, BUILT), ...bundles(PAGES, WRITTEN), [NOTEBOOK, "widget.js", `${WIDGETS}/widget.js`]];

const sha256 = (/** @type {string | Uint8Array} */ content) => createHash("sha256").update(content).digest("hex");

/** Every file below a folder, by its path in this one. @param {string} folder @returns {string[]} */
const filesIn = (folder) => readdirSync(join(HERE, folder), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(HERE.length + 1)).sort();

/** Hash of each file, by path. @param {string[]} files */
const hashes = (files) => Object.fromEntries(files.map((file) => [file, sha256(readFileSync(join(HERE, file)))]));

/** @param {typeof SCRIPTS[number]} script @param {boolean} readable @returns {esbuild.BuildOptions} */
const options = ([folder, name, outfile], readable) => ({
  absWorkingDir: HERE,
  entryPoints: [join(folder, name)],
  outfile,
  bundle: true,
  charset: "utf8",
  // The scene's script stands in a page of its own, as those of pages do; the others are imported by Streamlit.
  format: name === "scene.js" || folder === PAGES ? "iife" : "esm",
  target: "es2022",
  loader: { ".glsl": "text", ".css": "text" },
  define: { __BUILD__: JSON.stringify(sha256(JSON.stringify(hashes([...filesIn("src/shared"), SHADING]))).slice(0, 12)) },
  minify: !readable,
  sourcemap: readable && "inline",
  legalComments: "none",
  banner: { js: `// Built from ${folder}/${name} by \`npm run build\`: change it there.\n` }, // Streamlit takes one line for a path
});

/** The built files, by path. @returns {Promise<Record<string, Uint8Array>>} */
async function bundled() {
  const made = await Promise.all(SCRIPTS.map((script) => esbuild.build({ ...options(script, false), write: false })));
  const files = Object.fromEntries(made.map(({ outputFiles: [{ contents }] }, i) => [SCRIPTS[i][2], contents]));
  const built = Object.fromEntries(Object.entries(files).map(([file, content]) => [file, sha256(content)]));
  const manifest = { sources: hashes([...filesIn("src"), SHADING, STYLE, "build.js", "package-lock.json"]), built };
  return { ...files, [`${BUILT}/manifest.json`]: new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`) };
}

if (process.argv.includes("--watch")) {
  for (const script of SCRIPTS) await (await esbuild.context({ ...options(script, true), logLevel: "info" })).watch();
} else {
  for (const [file, content] of Object.entries(await bundled())) {
    if (!process.argv.includes("--check")) writeFileSync(join(HERE, file), content);
    else if (!readFileSync(join(HERE, file)).equals(content)) {
      console.error(`error: ${file}: not what the sources give; run: npm run build`);
      process.exitCode = 1;
    }
  }
}
