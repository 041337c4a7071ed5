import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beforeLeaving, LONGEST, watchLinks } from "../src/shared/leaving.js";

/** @type {AbortController} */ let ended;
const main = () => /** @type {HTMLElement} */ (document.querySelector('[data-testid="stMain"]'));
const link = () => /** @type {HTMLAnchorElement} */ (document.querySelector("a"));

beforeEach(() => {
  vi.useFakeTimers();
  history.replaceState(null, "", "/map");
  document.body.innerHTML = '<section data-testid="stMain"><a data-testid="stPageLink-NavLink" href="/codebook?only=true">'
    + "Gallery</a></section>";
  ended = new AbortController();
  watchLinks(ended.signal);
});
afterEach(() => { ended.abort(); vi.useRealTimers(); });

test("what a page has still to send goes out before the link is followed, in a task of its own", () => {
  /** @type {string[]} */ const order = [];
  beforeLeaving(() => setTimeout(() => order.push("sent"), 0), ended.signal);
  link().addEventListener("click", (event) => { event.preventDefault(); order.push("followed"); });
  link().click();
  vi.advanceTimersByTime(1);
  expect(order).toEqual(["sent", "followed"]);
});

test("a page that is left takes no clicks until the next one is there, or does not come", () => {
  link().addEventListener("click", (event) => event.preventDefault());
  link().click();
  vi.advanceTimersByTime(100);
  expect(main().inert).toBe(true);
  history.pushState(null, "", "/codebook?only=true");
  vi.advanceTimersByTime(100);
  expect(main().inert).toBe(false);
  history.replaceState(null, "", "/map");
  link().click();
  vi.advanceTimersByTime(LONGEST / 2);
  expect(main().inert).toBe(true);
  vi.advanceTimersByTime(LONGEST);
  expect(main().inert).toBe(false);
});

test("links of this page, and links opened beside it, are left alone", () => {
  const followed = vi.fn((/** @type {MouseEvent} */ event) => event.preventDefault());
  link().addEventListener("click", followed);
  link().dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: true, composed: true }));
  link().href = "/map?method=PCA";
  link().click();
  expect(followed).toHaveBeenCalledTimes(2);
  expect(main().inert).toBeFalsy();
});
