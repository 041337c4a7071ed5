import type { Page } from "./shared/page.js";

declare global {
  /** Hash of the shared sources, put in by build.js. */
  const __BUILD__: string;
  interface Window {
    __dfe?: Page;
    renderWindow?: import("./views/scene.js").Viewer;
    global?: Window;
  }
}
