// A drop that is too large for a browser is stopped before a byte of it is sent: a browser sends every file by itself.

import { button, element } from "../shared/dom.js";
import { mount, View } from "../shared/view.js";

/**
 * @typedef {{ target: string, files: number, bytes: number, advice: string, label: string }} Data
 * target: selector of the uploader; files, bytes: the most that is let through; advice: what to do instead; label: of
 * the button that does it (trigger `folder`).
 * @typedef {{ files: File[], bytes: number, more: boolean }} Dropped more: there are more of them than were counted.
 */

const PASSED = "dfeCounted"; // on drops that were counted and are let through

/** @extends {View<Data>} */
class Drops extends View {
  /** @param {import("../shared/view.js").Component<Data>} component */
  constructor(component) {
    super(component, "drops");
    this.box.setAttribute("role", "alert");
    this.ended = new AbortController();
    const options = { signal: this.ended.signal, capture: true };
    window.addEventListener("drop", (event) => this.drop(event), options);
    window.addEventListener("change", (event) => this.choose(event), options);
  }

  /** @param {Event} event */
  concerns({ target }) { return target instanceof Element && target.closest(this.data.target) !== null; }

  /** @param {DragEvent} event */
  drop(event) {
    if (PASSED in event || !this.concerns(event)) return;
    const entries = [...event.dataTransfer?.items ?? []].map((item) => item.webkitGetAsEntry?.()).filter((one) => one !== null);
    const folder = entries.some((one) => one?.isDirectory);
    const dropped = counted([...event.dataTransfer?.files ?? []]);
    this.say();
    if (folder) { // what is in it is not known yet
      stop(event);
      this.look(/** @type {FileSystemEntry[]} */ (entries.filter(Boolean)), /** @type {Element} */ (event.target));
    } else if (this.isHeavy(dropped)) {
      stop(event);
      this.say(dropped);
    }
  }

  /** Files that were chosen in the browser's own window. @param {Event} event */
  choose(event) {
    const { target } = event;
    if (!this.concerns(event) || !(target instanceof HTMLInputElement) || !target.files) return;
    const chosen = counted([...target.files]);
    this.say();
    if (!this.isHeavy(chosen)) return;
    stop(event);
    target.value = "";
    this.say(chosen);
  }

  /** Count what dropped folders hold, and let it through where it is little.
   * @param {FileSystemEntry[]} entries @param {Element} target */
  async look(entries, target) {
    const dropped = await inside(entries, (so_far) => this.isHeavy(so_far));
    if (this.ended.signal.aborted) return;
    if (dropped.more || this.isHeavy(dropped)) { this.say(dropped); return; }
    const dataTransfer = new DataTransfer();
    for (const file of dropped.files) dataTransfer.items.add(file);
    target.dispatchEvent(Object.assign(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }), { [PASSED]: true }));
  }

  /** @param {Dropped} dropped */
  isHeavy({ files, bytes }) { return files.length > this.data.files || bytes > this.data.bytes; }

  /** Say what was stopped; nothing without it. @param {Dropped} [dropped] */
  say(dropped) {
    if (!dropped) { this.box.replaceChildren(); return; }
    const { files, bytes, more } = dropped, { advice, label } = this.data;
    const size = bytes < 1e8 ? "" : ` of ${(bytes / 1e9).toFixed(1)} GB`;
    const what = `${more ? "More than " : ""}${files.length.toLocaleString("en")} file${files.length === 1 ? "" : "s"}${size}`;
    this.box.replaceChildren(element("p", {}, `${what}: nothing was sent. ${advice}`),
      button(label, () => this.component.setTriggerValue("folder", true), { class: "primary" }));
  }

  close() {
    super.close();
    this.ended.abort();
  }
}

/** @param {File[]} files @returns {Dropped} */
const counted = (files) => ({ files, bytes: files.reduce((sum, file) => sum + file.size, 0), more: false });

/** Keep an event from the uploader, and tell it that nothing hovers over it any more. @param {Event} event */
function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.type === "drop") event.target?.dispatchEvent(new Event("dragleave", { bubbles: true }));
}

/** The files in folders, until there are enough of them.
 * @param {FileSystemEntry[]} entries @param {(so_far: Dropped) => boolean} enough @returns {Promise<Dropped>} */
async function inside(entries, enough) {
  const found = counted([]), open = [...entries];
  for (let entry = open.shift(); entry; entry = open.shift()) {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => /** @type {FileSystemFileEntry} */ (entry).file(done, failed));
      found.files.push(file);
      found.bytes += file.size;
      if (enough(found)) return { ...found, more: true };
    } else open.push(...await listed(/** @type {FileSystemDirectoryEntry} */ (entry)));
  }
  return found;
}

/** What is in a folder, which browsers give in parts. @param {FileSystemDirectoryEntry} folder */
async function listed(folder) {
  const reader = folder.createReader(), all = [];
  for (;;) {
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!part.length) return /** @type {FileSystemEntry[]} */ (all);
    all.push(...part);
  }
}

export default mount(Drops);
