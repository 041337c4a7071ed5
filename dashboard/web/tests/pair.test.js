import { beforeEach, expect, test, vi } from "vitest";
import { page as shared } from "../src/shared/page.js";
import { highOf, levelOf, ROW, SPEECH } from "../src/shared/pair_rows.js";
import { unpack } from "../src/shared/pack.js";
import pair from "../src/views/pair.js";
import { assets, bytes, FACE, mounted, point, press, setUpPage } from "./pair_mounted.js";

beforeEach(() => {
  setUpPage();
  shared.assets.clear();
  shared.stage = null;
  history.pushState(null, "", "/page");
  shared.link.path = "";
  assets["/pair"] = bytes;
});

const DATA = { pair: "/pair", face: FACE, titles: ["a", "b"], films: [null, null], colours: ["blue", "orange"], height: 300,
  alt: "Faces of a and b", look: "pair" };

test("both faces move on one clock, by keys and by the pointer, and the page is told where they rest", async () => {
  const { box, find, sent, show, reach } = mounted("pair", pair), close = show({ ...DATA, at: 1 });
  await reach("drawn");
  expect(find(".clock").textContent).toBe("0:01.0 / 0:03.0");
  expect(find(".films").hidden).toBe(true);
  expect([...find(".captions").children].map((one) => one.textContent)).toEqual(["a", "b"]);
  press(find(".line"), "ArrowRight");
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0:02.0 / 0:03.0"));
  expect([...find(".captions").children].map((one) => one.textContent)).toEqual(["a", "b · not seen here"]);
  point(find(".line"), "pointerdown", [399, 10]);
  point(find(".line"), "pointerup", [399, 10]);
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0:03.0 / 0:03.0"));
  await vi.waitFor(() => expect(sent.at(-1)).toEqual(["at", 3]));
  expect(box.style.getPropertyValue("--line")).toBe(`${2 * ROW + SPEECH + 18}px`);
  close();
});

test("pointing at a row says how strong it is in both", async () => {
  const { find, show, reach } = mounted("pair", pair), close = show(DATA);
  await reach("drawn");
  point(find(".line"), "pointermove", [399, 10]);
  expect(find(".tip").textContent).toBe("3.00 s · smile · a 100 % · b not seen");
  close();
});

test("a level is a share of the largest, and unknown where a face is not seen", () => {
  const pack = unpack(bytes()), one = { time: pack.time, rows: pack.rows, levels: pack.levels, speech: pack.speech };
  const held = /** @type {import("../src/shared/pair_rows.js").Pair} */ (/** @type {unknown} */ ({ ...one, colours: ["a", "b"] }));
  expect([0, 1, 2, 3].map((at) => levelOf(held, 0, 0, at))).toEqual([0, 0.5, 1, 1]);
  expect(levelOf(held, 0, 1, 3)).toBeNaN();
  expect(highOf({ ...held, speech: null })).toBe(2 * ROW + 18);
});
