import { afterEach, beforeEach, expect, test, vi } from "vitest";
import drops from "../src/views/drops.js";
import { mounted, setUpPage } from "./mounted.js";

const DATA = { target: ".uploader", files: 3, bytes: 2e9, advice: "Name the folder.", label: "Name the folder" };

/** @type {ReturnType<typeof mounted>} */ let page;
/** @type {() => void} */ let close;
/** @type {HTMLElement} */ let zone;
/** What the uploader got. @type {import("vitest").Mock<(event: any) => void>} */ let got;

beforeEach(() => {
  setUpPage();
  const uploader = document.createElement("div");
  uploader.className = "uploader";
  zone = document.createElement("section");
  uploader.append(zone);
  document.body.append(uploader);
  got = vi.fn();
  for (const type of ["drop", "change"]) uploader.addEventListener(type, got);
  page = mounted("drops", drops);
  close = page.show(DATA);
});
afterEach(() => { close(); vi.unstubAllGlobals(); });

const file = (size = 10) => /** @type {any} */ ({ size });
const fileEntry = (/** @type {any} */ one) => ({ isFile: true, isDirectory: false, file: (/** @type {any} */ done) => done(one) });
/** A folder that gives two entries at a time, as browsers give a hundred. @param {any[]} inside */
const folder = (...inside) => ({ isFile: false, isDirectory: true, createReader: () => {
  const left = [...inside];
  return { readEntries: (/** @type {any} */ done) => done(left.splice(0, 2)) };
} });

/** @param {any[]} files @param {any[]} entries @param {EventTarget} on */
function drop(files, entries = [], on = zone) {
  const event = new Event("drop", { bubbles: true, cancelable: true, composed: true });
  const items = entries.map((one) => ({ webkitGetAsEntry: () => one }));
  on.dispatchEvent(Object.assign(event, { dataTransfer: { files, items } }));
  return event;
}

test("a drop of few files goes through", () => {
  drop([file(), file(), file()]);
  expect(got).toHaveBeenCalledOnce();
  expect(page.box.textContent).toBe("");
});

test("too many files, or too many bytes, are stopped, said and offered another way", () => {
  for (const [files, what] of /** @type {[any[], string][]} */ ([[Array.from({ length: 4 }, () => file()), "4 files"], [[file(3e9)], "1 file of 3.0 GB"]])) {
    const event = drop(files);
    expect(event.defaultPrevented).toBe(true);
    expect(got).not.toHaveBeenCalled();
    expect(page.box.textContent).toContain(`${what}: nothing was sent. Name the folder.`);
  }
  page.click("Name the folder");
  expect(page.sent).toEqual([["folder", true]]);
});

test("the next drop that goes through takes the word back", () => {
  drop([file(3e9)]);
  drop([file()]);
  expect(page.box.textContent).toBe("");
  expect(got).toHaveBeenCalledOnce();
});

test("files that are chosen in the browser's window are counted too, and let go of", () => {
  const input = document.createElement("input");
  zone.append(input);
  Object.defineProperty(input, "files", { value: [file(3e9)] });
  input.value = "kept";
  input.dispatchEvent(new Event("change", { bubbles: true }));
  expect(got).not.toHaveBeenCalled();
  expect([input.value, page.box.textContent?.includes("nothing was sent")]).toEqual(["", true]);
});

test("a folder is looked into before any file of it is sent", async () => {
  drop([file()], [folder(...Array.from({ length: 5 }, () => fileEntry(file())))]);
  await vi.waitFor(() => expect(page.box.textContent).toContain("More than 4 files"));
  expect(got).not.toHaveBeenCalled();
});

test("a small folder within a folder goes through as the files it holds", async () => {
  vi.stubGlobal("DataTransfer", class {
    /** @type {any[]} */ files = [];
    items = { add: (/** @type {any} */ one) => this.files.push(one) };
  });
  vi.stubGlobal("DragEvent", class extends Event {
    constructor(/** @type {string} */ type, /** @type {any} */ { dataTransfer, ...options }) { super(type, options); this.dataTransfer = dataTransfer; }
  });
  const files = [file(1), file(2)];
  drop([file()], [folder(fileEntry(files[0]), folder(fileEntry(files[1])))]);
  await vi.waitFor(() => expect(got).toHaveBeenCalledOnce());
  expect(got.mock.calls[0][0].dataTransfer.files).toEqual(files);
  expect(page.box.textContent).toBe("");
});

test("drops elsewhere on the page are nobody's, and none is stopped once the view is gone", () => {
  expect(drop([file(3e9)], [], document.body).defaultPrevented).toBe(false);
  close();
  drop([file(3e9)]);
  expect(got).toHaveBeenCalledOnce();
});
