import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { page } from "../src/shared/page.js";
import { putParameter, recall, remember } from "../src/shared/link.js";

const lookOf = () => new URLSearchParams(location.search).get("look");
const open = (/** @type {string} */ address) => history.pushState({ of: "Streamlit" }, "", address);

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(page.link, { path: "", shown: new Map(), linked: new Map(), written: false, soon: 0, every: 0 });
  open("/codebook?codeword=3");
});
afterEach(() => vi.useRealTimers());

test("what a view remembers stands in the link soon after, beside what was there", () => {
  remember("quick-look", [0.123456, -1, 2, 75, "1100"]);
  expect(lookOf()).toBeNull();
  vi.advanceTimersByTime(260);
  expect(lookOf()).toBe("quick-look:0.1235*-1*2*75*1100");
  expect(new URLSearchParams(location.search).get("codeword")).toBe("3");
  expect(history.state).toEqual({ of: "Streamlit" });
});

test("a link is taken up by the views that it names, and only as strings", () => {
  open("/map?look=map-1:2*0.5~quick-look:1*2*3*100*0110");
  expect(recall("map-1")).toEqual(["2", "0.5"]);
  expect(recall("other")).toBeNull();
  expect(recall("quick-look")).toEqual(["1", "2", "3", "100", "0110"]);
});

test("looks of a link that no view takes up are not written back", () => {
  open("/map?look=gone:1~here:2");
  recall("here");
  vi.advanceTimersByTime(600);
  expect(lookOf()).toBe("here:2");
});

test("null takes a view out of the link, and the parameter with the last one", () => {
  remember("a", [1]);
  remember("b", [2]);
  vi.advanceTimersByTime(260);
  expect(lookOf()).toBe("a:1~b:2");
  remember("a", null);
  vi.advanceTimersByTime(260);
  expect(lookOf()).toBe("b:2");
  remember("b", null);
  vi.advanceTimersByTime(260);
  expect(lookOf()).toBeNull();
});

test("an address that the server writes gets its looks back", () => {
  remember("a", [1]);
  vi.advanceTimersByTime(260);
  open("/codebook?codeword=4");
  vi.advanceTimersByTime(600);
  expect(location.search).toBe("?codeword=4&look=a%3A1");
});

test("looks belong to their page", () => {
  remember("a", [1]);
  vi.advanceTimersByTime(260);
  open("/map");
  vi.advanceTimersByTime(600);
  expect(lookOf()).toBeNull();
  expect(recall("a")).toBeNull();
});

test("a parameter is set, changed and taken out without an entry in the history", () => {
  const entries = history.length;
  putParameter("t", 1.25);
  expect(new URLSearchParams(location.search).get("t")).toBe("1.25");
  putParameter("t", "");
  expect(new URLSearchParams(location.search).has("t")).toBe(false);
  expect(history.length).toBe(entries);
});
