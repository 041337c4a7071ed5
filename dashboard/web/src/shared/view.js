// A view: what Streamlit mounts, keeps, gives new data and takes away again.

import { element, redrawer } from "./dom.js";
import { recall } from "./link.js";
import { page } from "./page.js";

/**
 * What Streamlit gives a component (st.components.v2).
 * @template Data
 * @typedef {{ parentElement: HTMLElement | ShadowRoot, data: Data, setTriggerValue: (name: string, value: unknown) => void,
 *   setStateValue: (name: string, value: unknown) => void }} Component
 */

/**
 * The life of a view. A subclass loads what its data name and renders it; what fails is written on its box.
 * @template Data
 */
export class View {
  /** @param {Component<Data>} component @param {string} name class of its box is `dfe-…` */
  constructor(component, name) {
    this.component = component;
    this.data = component.data;
    this.box = /** @type {HTMLElement} */ (component.parentElement.querySelector(`.dfe-${name}`));
    this.loaded = false;
    this.name = "";
    /** @type {HTMLElement | undefined} where it says that there is no 3D view */ this.captions = undefined;
    /** What still works then. */ this.instead = "";
    this.draw = redrawer(() => this.paint());
    this.resized = new ResizeObserver(() => this.draw());
  }

  /** New data, at the first call and whenever the page has run. @param {Data} data */
  async update(data) {
    this.data = data;
    const { look = "" } = /** @type {{ look?: string }} */ (data);
    const opened = this.name !== look;
    this.name = look;
    try {
      if (opened) this.recall(recall(look) ?? []);
      await this.load(data);
      this.loaded = true;
      this.draw();
    } catch (error) { this.fail(error); }
  }

  /** Look as the link says. @param {string[]} _values none where it says nothing */
  recall(_values) {}

  /** Take up what the data name. @param {Data} _data @returns {Promise<void>} */
  async load(_data) {}

  paint() {
    if (!this.loaded || !this.box.isConnected) return;
    try {
      this.render();
      this.box.dataset.state = "drawn";
    } catch (error) { this.fail(error); }
  }

  render() {}

  /** @param {unknown} error */
  fail(error) {
    this.box.dataset.state = "failed";
    this.box.dataset.error = error instanceof Error ? error.message : String(error);
    this.captions?.replaceChildren(element("span", { class: "failed" },
      `The 3D view could not start in this browser. ${this.instead}`));
  }

  close() { this.resized.disconnect(); }
}

/**
 * The function that Streamlit calls for a mounted component, again and again.
 * @template Data
 * @param {new (component: Component<Data>) => View<Data>} Made
 */
export const mount = (Made) => (/** @type {Component<Data>} */ component) => {
  const root = component.parentElement;
  const view = page.mounted.get(root) ?? new Made(component);
  page.mounted.set(root, view);
  view.component = component;
  view.update(component.data);
  return () => {
    view.close();
    page.mounted.delete(root);
  };
};
