import { beforeEach, expect, test, vi } from "vitest";
import { announce } from "../src/shared/clicked.js";
import { page as shared } from "../src/shared/page.js";
import diagram from "../src/views/diagram.js";
import morph, { glided } from "../src/views/morph.js";
import { GUTTER } from "../src/shared/strips.js";
import player, { summed } from "../src/views/player.js";
import reel from "../src/views/reel.js";
import scatter from "../src/views/scatter.js";
import shell from "../src/views/shell.js";
import strip from "../src/views/strip.js";
import tracks, { stepOf } from "../src/views/tracks.js";
import { unpack } from "../src/shared/pack.js";
import { bytesOf } from "./golden.js";
import { assets, calls, FACE, mounted, packed, point, press, setUpPage } from "./mounted.js";

const lookOf = () => new URLSearchParams(location.search).get("look");

/** @param {string} address */
function open(address) {
  history.pushState(null, "", address);
  shared.link.path = "";
}

beforeEach(() => {
  setUpPage();
  shared.assets.clear();
  shared.stage = null;
  shared.stretched = false;
  localStorage.clear();
  sessionStorage.clear();
  open("/page");
});

const MORPH = { face: FACE, codebook: "/codebook", codeword: 1, model: "m", alt: "A face", height: 300, look: "quick-look" };

test("the quick look shows its codeword, and the one that is clicked in another view of its model", async () => {
  const { box, show, reach, find } = mounted("morph", morph), close = show(MORPH);
  await reach("drawn");
  expect(box.dataset.codeword).toBe("1");
  expect(find(".captions").textContent).toBe("NeutralCodeword 1");
  expect(find(".scale").textContent).toBe("010 mm or more"); // the scale of all pictures
  const own = /** @type {HTMLButtonElement} */ ([...find(".toggles").children].find((b) => b.textContent === "Own scale"));
  own.click();
  await vi.waitFor(() => expect(find(".scale").textContent).toBe("012 mm"));
  own.click();
  announce({ codeword: 2, model: "another" });
  announce({ codeword: 2, model: "m" });
  await vi.waitFor(() => expect(box.dataset.codeword).toBe("2"));
  await vi.waitFor(() => expect(box.dataset.settled).toBe("true"));
  close();
});

test("a quick look of a link has its camera, intensity and switches, and they stay in the link", async () => {
  open("/page?look=quick-look:0.5*0.1*2*60*01010");
  const { find, show, reach } = mounted("morph", morph), close = show(MORPH);
  await reach("drawn");
  expect(find("output").textContent).toBe("60 %");
  expect([...find(".toggles").children].slice(0, 4).map((one) => one.getAttribute("aria-pressed"))).toEqual(["false", "true", "false", "true"]);
  await vi.waitFor(() => expect(lookOf()).toBe("quick-look:0.5*0.1*2*60*01010"));
  close();
});

test("a glide begins where it was, ends at its target, and is slow at both ends", () => {
  const glide = { from: Float32Array.of(0), to: Float32Array.of(1), begun: 1000 };
  expect([1000, 1060, 1120, 5000].map((now) => glided(glide, now)[0])).toEqual([0, 0.5, 1, 1]);
  expect(glided(glide, 1012)[0]).toBeLessThan(0.05);
});

test("a browser without WebGL is told so, and what still works", async () => {
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = /** @type {any} */ ((/** @type {string} */ kind) => (kind === "2d" ? getContext.call(document.createElement("canvas"), kind) : null));
  const { box, show, reach } = mounted("morph", morph), close = show(MORPH);
  await reach("failed");
  expect(box.dataset.error).toBe("WebGL 2 is not available");
  expect(box.textContent).toContain("The full scene and the pictures still work.");
  close();
});

const PLAYER = { face: FACE, codebook: "/codebook", recording: "/recording", name: "r", look: "player-r", height: 300, stages: 2,
  items: [undefined, { colour: "red", note: "brow" }, { colour: "blue", note: "lip" }] };

test("the player opens at its row, steps by keys, and tells the page once it rests", async () => {
  const { find, sent, show, reach } = mounted("player", player), close = show({ ...PLAYER, at: 1 });
  await reach("drawn");
  expect(find(".clock").textContent).toBe("0:00.5 / 0:02.0");
  expect(find(".error").textContent).toBe("Error 0.25 mm");
  for (let i = 0; i < 9; i++) press(find(".line"), "ArrowRight");
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0:02.0 / 0:02.0"));
  await vi.waitFor(() => expect(sent).toEqual([["at", { t: 2, stages: 2 }]]));
  close();
});

test("the tokens of a frame are listed, and open their codeword", async () => {
  const { find, sent, show, reach } = mounted("player", player), close = show({ ...PLAYER, at: 2 });
  await reach("drawn");
  expect([...find(".parts").children].map((part) => part.textContent)).toEqual(["11 brow× 1.00", "22 lip× 0.50"]);
  find(".part").click();
  expect(sent).toEqual([["open", 1]]);
  close();
});

test("tokens of the same codeword are one line, and what moves the face too little to count stands below", async () => {
  expect(summed([[3, 1], [5, 0.2], [3, 0.8], [0, 0], [3, 0.06]], 5)).toEqual([{ k: 3, g: 1.86, stage: 0 }, { k: 5, g: 0.2, stage: 1 }]);
  expect(summed([[3, 1], [5, 0.2], [3, 0.8], [5, 0.1]], 1)).toEqual([{ k: 3, g: 1, stage: 0 }, { k: 5, g: 0.30000000000000004, stage: 1 }]);
  const items = [undefined, { colour: "red", note: "brow", mm: 4 }, { colour: "blue", note: "lip", mm: 1.5 }];
  const { find, show, reach } = mounted("player", player), close = show({ ...PLAYER, at: 2, items, from: 1 });
  await reach("drawn");
  expect([...find(".parts").children].map((part) => part.textContent)).toEqual(["11 brow4.0 mm", "1 faint, each below 1 mm22 lip0.8 mm"]);
  close();
});

test("a span is drawn along the timeline once that is asked for, and the page excludes it", async () => {
  const bands = [{ from: 0.4, until: 0.6, text: "joke", set: "trial" }, { from: 1.4, until: 1.6, text: "face lost", out: true }];
  const { find, sent, show, reach } = mounted("player", player), close = show({ ...PLAYER, excludes: true, bands });
  await reach("drawn");
  const line = find(".line"), exclude = /** @type {HTMLButtonElement} */ (find(".toggles").querySelector("[title^=Then]"));
  const at = (/** @type {number} */ seconds, y = 100) => /** @type {[number, number]} */ ([GUTTER + ((398 - GUTTER) * seconds) / 2, y]);
  expect(calls.fillText.map(([text]) => text)).toEqual(expect.arrayContaining(["trial", "joke", "Excluded"]));
  point(line, "pointermove", at(0.5, 34 + 54 + 10 + 4)); // two rows of events, then the error
  expect(find(".tip").textContent).toBe("0.50 s · joke · codeword 1 · brow · × 0.50");
  exclude.click();
  point(line, "pointerdown", at(1.5));
  point(line, "pointermove", at(0.5));
  point(line, "pointerup", at(0.5));
  expect(sent).toEqual([["exclude", { from: 0.5, until: 1.5 }]]);
  expect([exclude.getAttribute("aria-pressed"), find(".clock").textContent]).toEqual(["false", "0:00.0 / 0:02.0"]);
  close();
});

test("dragging along the timeline scrubs, and pointing at it says what is there", async () => {
  const { find, show, reach, click } = mounted("player", player), close = show(PLAYER), line = find(".line");
  await reach("drawn");
  click("Stages");
  await vi.waitFor(() => expect(lookOf()).toMatch(/\*ms$/));
  const wide = 400 - GUTTER;
  point(line, "pointerdown", [GUTTER + wide / 4, 100]);
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0:00.5 / 0:02.0"));
  point(line, "pointermove", [399, 100]);
  point(line, "pointerup", [399, 100]);
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0:02.0 / 0:02.0"));
  expect(find(".tip").textContent).toBe("2.00 s · stage 1 · at rest");
  point(line, "pointermove", [GUTTER + wide / 2, 150]);
  expect(find(".tip").textContent).toBe("1.00 s · stage 2 · codeword 2 × 0.50 · lip");
  expect(find(".clock").textContent).toBe("0:02.0 / 0:02.0"); // the button is up
  close();
});

test("below the stages is a lane for each channel, which says its values", async () => {
  const lane = { label: "Head", names: ["pitch"], first: 0, low: -10, high: 10, unit: " deg", spans: [[0, 0.5]], marked: "turn" };
  const whole = unpack(bytesOf("recording.bin"));
  const kept = ["time", "psi", "scale", "tokens", "levels", "intensities", "error"];
  const arrays = Object.fromEntries(kept.map((name) => [name, [whole.shapes[name], [...whole[name]]]]));
  assets["/lanes"] = () => packed({ lanes: [lane] }, /** @type {any} */ ({ ...arrays, channels: [[1, 4], [0, 127, 254, 255]] }));
  const { box, find, show, reach } = mounted("player", player), close = show({ ...PLAYER, recording: "/lanes" });
  await reach("drawn");
  expect(box.style.getPropertyValue("--line")).toBe("156px"); // the error, two codewords, a lane, the seconds
  expect(calls.fillText.map(([text]) => text)).toContain("Head");
  const middle = GUTTER + (400 - GUTTER) / 2;
  point(find(".line"), "pointermove", [middle, 200 - 18 - 10]);
  expect(find(".tip").textContent).toBe("1.00 s · head: pitch 10.0 deg");
  point(find(".line"), "pointermove", [middle, 70]);
  expect(find(".tip").textContent).toContain("codeword 1");
  close();
});

test("the rows are the strongest codewords on one scale, and stages when asked, with a legend of the regions", async () => {
  const items = [undefined, { colour: "red", note: "brow", region: "brows", mm: 4 }, { colour: "blue", note: "lip", region: "lips", mm: 1.5 }];
  const { find, show, reach, click } = mounted("player", player), close = show({ ...PLAYER, items, from: 1 });
  await reach("drawn");
  expect(calls.fillText.map(([text]) => text)).toEqual(expect.arrayContaining(["1 brow", "2 lip"]));
  expect(find(".legend").textContent).toBe("Height: 0 to 4 mm or more in every row, paler below 1 mmbrowslips");
  click("Stages");
  await vi.waitFor(() => expect(find(".legend").textContent).toBe("One row for each stage of a frame: the darker, the strongerbrowslips"));
  expect(calls.fillText.map(([text]) => text)).toContain("Stage 1");
  close();
});

test("a link of the stages opens on them", async () => {
  open("/page?look=player-r:0.5*0.1*2*es");
  const { find, show, reach } = mounted("player", player), close = show(PLAYER);
  await reach("drawn");
  expect([...find(".kinds").children].map((one) => one.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
  close();
});

const MAP = { points: "/points", colours: "/colours", legend: [{ name: "brow", colour: "red" }], model: "m", height: 300, alt: "Map", look: "map",
  words: { 7: "Seven" }, face: FACE, codebook: "/codebook" };
assets["/points"] = () => packed({ ids: [1, 2, 7] }, { places: [[3, 2], [0, 0, 1, 1, 0, 1]] });
assets["/colours"] = () => packed({}, { colours: [[3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]] });
// On a picture of 400 by 200, a point at (x, y) stands at (200 + (x - 0.5) * 306, 100 - (y - 0.5) * 180).
/** @type {[number, number]} */ const ONE = [47, 190];
/** @type {[number, number]} */ const SEVEN = [47, 10];

test("a click on the map picks the point below it, and a click beside picks none", async () => {
  const { find, sent, show, reach } = mounted("scatter", scatter), close = show(MAP), canvas = find("canvas");
  await reach("drawn");
  const click = (/** @type {[number, number]} */ place, more = {}) => { point(canvas, "pointerdown", place, more); point(canvas, "pointerup", place, more); };
  click([ONE[0] + 5, ONE[1] - 5]);
  click(SEVEN, { ctrlKey: true });
  click([200, 100]);
  expect(sent).toEqual([["pick", { id: 1, point: 0, add: false }], ["pick", { id: 7, point: 2, add: true }]]);
  close();
});

test("pointing at a point shows its face and its words", async () => {
  const { find, show, reach } = mounted("scatter", scatter), close = show({ ...MAP, codebook: undefined, face: undefined });
  await reach("drawn");
  point(find("canvas"), "pointermove", SEVEN);
  expect(find(".hovercard").hidden).toBe(false);
  expect(find(".hovercard").textContent).toBe("Seven");
  point(find("canvas"), "pointerleave", SEVEN);
  expect(find(".hovercard").hidden).toBe(true);
  close();
});

test("a lasso and a box select what is inside them", async () => {
  const { find, sent, show, reach, click } = mounted("scatter", scatter), close = show(MAP), canvas = find("canvas");
  await reach("drawn");
  point(canvas, "pointerdown", [10, 0], { shiftKey: true });
  for (const place of /** @type {[number, number][]} */ ([[80, 0], [80, 199], [10, 199]])) point(canvas, "pointermove", place);
  point(canvas, "pointerup", [10, 199]);
  click("Box");
  point(canvas, "pointerdown", [20, 0]);
  point(canvas, "pointermove", [390, 60]);
  point(canvas, "pointerup", [390, 60]);
  expect(sent).toEqual([["select", [1, 7]], ["select", [2, 7]]]);
  close();
});

test("faces stand at their points, take the click there, and the link says where they are left out", async () => {
  assets["/faces"] = () => packed({ ids: [1, 2, 7], labels: [{ name: "Brow, left", at: [0.5, 0.5], points: 2 }] },
    { places: [[3, 2], [0.2, 0.5, 0.5, 0.5, 0.8, 0.5]], shown: [[3], [1, 0, 2]] });
  const { box, find, sent, show, reach, click } = mounted("scatter", scatter), close = show({ ...MAP, points: "/faces" }), canvas = find("canvas");
  await reach("drawn");
  await vi.waitFor(() => expect(calls.clip?.length).toBeGreaterThan(0));
  expect(calls.fillText?.some(([text]) => text === "Brow, left")).toBe(true);
  point(canvas, "pointerdown", [200, 122]);
  point(canvas, "pointerup", [200, 122]);
  expect(sent).toEqual([["pick", { id: 2, point: 1, add: false }]]);
  point(canvas, "pointermove", [200, 122]);
  await vi.waitFor(() => expect(calls.arc?.some(([x, , radius]) => x === 200 && radius === 29)).toBe(true));
  expect([...box.querySelectorAll("button")].find((one) => one.textContent === "Faces")?.hidden).toBe(false);
  click("Faces");
  await vi.waitFor(() => expect(lookOf()).toBe("map:0.9*0*0*0.5*0.35*110"));
  close();
});

test("a drag moves the map, which the link then holds", async () => {
  const { find, sent, show, reach } = mounted("scatter", scatter), close = show(MAP), canvas = find("canvas");
  await reach("drawn");
  point(canvas, "pointerdown", [100, 100]);
  point(canvas, "pointermove", [140, 100]);
  point(canvas, "pointerup", [140, 100]);
  await vi.waitFor(() => expect(lookOf()).toBe("map:0.9*0.2*0*0.5*0.35*11"));
  expect(sent).toEqual([]);
  close();
});

test("of points and density one stays on", async () => {
  assets["/dense"] = () => packed({ ids: [0], most: 12, extent: [0, 1, 0, 1] }, { places: [[1, 2], [0.5, 0.5]], density: [[1, 2], [0, 200]] });
  const { box, find, show, click } = mounted("scatter", scatter), close = show({ ...MAP, points: "/dense" });
  const on = () => ["Points", "Density"].map((label) => [...box.querySelectorAll("button")].find((one) => one.textContent === label)?.getAttribute("aria-pressed"));
  await vi.waitFor(() => expect([...box.querySelectorAll("button")].find((one) => one.textContent === "Density")?.hidden).toBe(false));
  click("Points");
  expect(on()).toEqual(["false", "true"]);
  expect(find(".legend").textContent).toBe("Density 112 frames a cell, log scale");
  click("Density");
  expect(on()).toEqual(["true", "false"]);
  close();
});

test("a movement is stepped by keys and scrubbed on its tracks", async () => {
  assets["/reel"] = () => packed({}, { time: [[3], [0, 1, 2]], psi0: [[3, 2], [0, 0, 1, 0, 0, 0]] });
  const { find, show, reach } = mounted("reel", reel), close = show({ reel: "/reel", faces: [{ face: FACE, title: "Golden" }], height: 300, alt: "", look: "reel",
    tracks: [{ label: "AU12", colour: "red", intensity: 1, onset: 0, apex: 1, offset: 1, end: 2 }] });
  await reach("drawn");
  expect(find(".clock").textContent).toBe("1.00 / 2.00 s"); // at the apex: no face at rest
  expect(lookOf()).toBe(null);
  press(find(".line"), "ArrowLeft");
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("0.00 / 2.00 s"));
  press(find(".line"), "ArrowRight");
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("1.00 / 2.00 s"));
  point(find(".line"), "pointerdown", [399, 5]);
  await vi.waitFor(() => expect(find(".clock").textContent).toBe("2.00 / 2.00 s"));
  await vi.waitFor(() => expect(lookOf()).toBe("reel:0.3*0.03*1*2*11"));
  close();
});

test("a strip of pictures is ready at once and a click tells which", async () => {
  const { find, sent, show, reach } = mounted("strip", strip);
  const close = show({ face: FACE, items: [{ title: "A", note: "", alt: "a", src: "/a.png" }, { title: "B", note: "", alt: "b", src: "/b.png" }] });
  await reach("drawn");
  find('[aria-label="b"]').click();
  expect(sent).toEqual([["pick", 1]]);
  close();
});

test("a moment that is pointed at shows its recorded movement, rests when it is left, and all move when asked", async () => {
  assets["/movements"] = () => packed({ fps: 20 }, { psi: [[2, 3, 2], [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]], scale: [[6], [1, 1, 1, 1, 1, 1]] });
  const { box, find, show } = mounted("strip", strip), around = /** @type {HTMLElement} */ (box.parentElement);
  const items = ["a", "b"].map((alt) => ({ title: alt, note: "", alt, psi: [1, 0] }));
  const close = show({ face: FACE, items, movements: "/movements" });
  const all = /** @type {HTMLButtonElement} */ (around.querySelector("button.all"));
  await vi.waitFor(() => expect(all.hidden).toBe(false));
  const card = find('[aria-label="b"]');
  card.dispatchEvent(new Event("pointerenter"));
  await vi.waitFor(() => expect(box.dataset.moving).toBe("1"));
  card.dispatchEvent(new Event("pointerleave"));
  expect(box.dataset.moving).toBe("0");
  all.click();
  await vi.waitFor(() => expect([box.dataset.moving, all.getAttribute("aria-pressed")]).toEqual(["2", "true"]));
  all.click();
  expect(box.dataset.moving).toBe("0");
  close();
  expect(around.querySelectorAll("button.more, button.all").length).toBe(0);
});

test("a reader who asks for less motion sees faces move only when they say so", async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
  const { box, find, show } = mounted("strip", strip), close = show({ face: FACE, items: [{ title: "A", note: "", alt: "a", psi: [1, 0] }] });
  await vi.waitFor(() => expect(find('[aria-label="a"]')).toBeTruthy());
  find('[aria-label="a"]').dispatchEvent(new Event("pointerenter"));
  expect(box.dataset.moving).toBeUndefined();
  close();
  vi.unstubAllGlobals();
});

const STEPS = ["overview", "codebook"].map((page) => ({ page, target: "", title: page, text: "", parameters: { model: "m" } }));

const CHOICE = { model: "lab", dataset: "clinic", content: "1a2b3c4d" };

test("the link and the browser keep which codebook and data are open", () => {
  const close = mounted("shell", shell).show({ steps: STEPS, invite: false, choice: CHOICE });
  const link = new URLSearchParams(location.search);
  expect(["model", "dataset", "content"].map((name) => link.get(name))).toEqual(["lab", "clinic", "1a2b3c4d"]);
  expect(document.cookie).toContain(`dfe-last=${encodeURIComponent('["lab","clinic"]')}`);
  close();
});

test("the tour invites on a first visit, and never again once it was left", () => {
  const { find, show } = mounted("shell", shell), close = show({ steps: STEPS, invite: true, choice: CHOICE });
  expect(find(".tour").hidden).toBe(false);
  press(document.body, "Escape");
  expect(find(".tour").hidden).toBe(true);
  close();
  const again = mounted("shell", shell), end = again.show({ steps: STEPS, invite: true, choice: CHOICE });
  expect(again.find(".tour").hidden).toBe(true);
  end();
});

test("who goes on to a third page has declined the tour", () => {
  localStorage.clear();
  const { find, show } = mounted("shell", shell), data = { steps: STEPS, invite: true, choice: CHOICE };
  const close = show(data), shown = [!find(".tour").hidden];
  for (const path of ["/codebook", "/codebook", "/map"]) {
    history.replaceState({}, "", path);
    show(data);
    shown.push(!find(".tour").hidden);
  }
  expect(shown).toEqual([true, true, true, false]);
  close();
});

test("the card of the tour goes to a corner where it does not cover what it points at", () => {
  const target = document.body.appendChild(document.createElement("div"));
  target.className = "target";
  const { find, show, click } = mounted("shell", shell);
  const steps = STEPS.map((step) => ({ ...step, target: ".target" }));
  const close = show({ steps, invite: true, choice: CHOICE }), card = find(".tour");
  Object.defineProperties(card, { offsetWidth: { value: 380 }, offsetHeight: { value: 200 } });
  /** @type {(left: number, top: number, width: number, height: number) => string[]} */
  const at = (left, top, width, height) => {
    target.getBoundingClientRect = () => new DOMRect(left, top, width, height);
    window.dispatchEvent(new Event("resize"));
    return [card.style.left, card.style.top];
  };
  click("Start the tour");
  const { innerWidth, innerHeight } = window, right = `${innerWidth - 404}px`, bottom = `${innerHeight - 224}px`;
  expect(at(100, 100, 100, 100)).toEqual([right, bottom]);
  expect(at(innerWidth - 300, 300, 300, innerHeight - 300)).toEqual(["24px", bottom]);
  expect(at(0, innerHeight - 300, innerWidth, 300)).toEqual([right, "24px"]);
  close();
  target.remove();
});

test("a step of the tour asks for its page, again where the answer was lost, and not once it is there", () => {
  vi.useFakeTimers();
  const { sent, show, click } = mounted("shell", shell), close = show({ steps: STEPS, invite: true, choice: CHOICE });
  click("Start the tour");
  vi.advanceTimersByTime(4001);
  expect(sent).toEqual(Array(2).fill(["go", { page: "codebook", model: "m" }]));
  open("/codebook");
  vi.advanceTimersByTime(60_000);
  expect(sent).toHaveLength(2);
  close();
  vi.useRealTimers();
});

test("a slash asks for the page with the search, but not while something is written", () => {
  const { sent, show } = mounted("shell", shell), close = show({ steps: STEPS, invite: false, choice: CHOICE });
  press(document.body.appendChild(document.createElement("textarea")), "/");
  expect(sent).toEqual([]);
  press(document.body, "/");
  expect(sent).toEqual([["go", { page: "codebook" }]]);
  close();
});

test("one WebGL context draws the faces of all views", async () => {
  const one = mounted("morph", morph), two = mounted("player", player), closing = [one.show(MORPH), two.show(PLAYER)];
  await Promise.all([one.reach("drawn"), two.reach("drawn")]);
  expect(calls.linkProgram).toHaveLength(1);
  expect(calls.drawElements.length).toBeGreaterThan(3);
  closing.forEach((close) => close());
});

test("a component is mounted once, and anew after it was closed", async () => {
  const { box, show, reach } = mounted("morph", morph), close = show(MORPH);
  await reach("drawn");
  const parts = box.children.length;
  show({ ...MORPH, codeword: 2 });
  expect(box.children).toHaveLength(parts);
  await vi.waitFor(() => expect(box.dataset.codeword).toBe("2"));
  close();
  expect(shared.mounted.has(/** @type {Element} */ (box.parentElement))).toBe(false);
});

test("a diagram puts faces at their places, lights the lines of the one that is pointed at, and a click tells which", async () => {
  const { box, find, sent, show, reach } = mounted("diagram", diagram);
  const items = ["a", "b"].map((alt) => ({ title: alt, note: "", alt, src: `/${alt}.png` }));
  const lines = [{ d: "M0 0L10 10", width: 1, from: 0, to: 1, title: "a to b" }, { d: "M10 10L0 0", width: 2, from: 1, to: 0 }, { d: "M0 0H9", width: 1 }];
  const close = show({ face: FACE, items, places: [[10, 20], [90, 50]], lines, labels: [{ x: 1, y: 2, text: "0 mm", end: true }],
    width: 100, height: 80, size: 12, alt: "What follows", selected: 1 });
  await reach("drawn");
  const lit = (/** @type {string} */ name) => [...box.querySelectorAll(`path.${name}`)].map((one) => one.getAttribute("d"));
  await vi.waitFor(() => expect([lit("out"), lit("in")]).toEqual([["M10 10L0 0"], ["M0 0L10 10"]]));
  expect([find('[aria-label="b"]').style.left, find('[aria-label="b"]').style.top, find("text").textContent]).toEqual(["90%", "62.5%", "0 mm"]);
  find('[aria-label="a"]').dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect([lit("out"), lit("in")]).toEqual([["M0 0L10 10"], ["M10 10L0 0"]]);
  box.dispatchEvent(new Event("pointerleave"));
  expect(lit("out")).toEqual(["M10 10L0 0"]);
  find('[aria-label="a"]').click();
  expect(sent).toEqual([["pick", 0]]);
  close();
});

const TRACKS = { face: FACE, recording: "/movement", end: 10000, seen: "a", may: true, colours: {}, look: "tracks-r", height: 300, alt: "A face",
  tiers: [{ name: "brow", edited: true, words: ["brows up"], rows: [{ tier: "brow", on: 1000, off: 3000, label: "brows up", source: "ticc" }] },
    { name: "theirs", edited: false, words: [], rows: [{ tier: "theirs", on: 0, off: 500, label: "x", source: "hand" }] }] };

test("tracks are edited by keys, undone, saved whole, and begin again where the page has read others", async () => {
  assets["/movement"] = () => packed({}, { time: [[2], [0, 10]], psi: [[2, 3], [0, 0, 0, 1, 1, 1]], scale: [[3], [1, 1, 1]] });
  const { box, find, sent, show, reach } = mounted("tracks", tracks), close = show({ ...TRACKS, at: 2000 });
  await reach("drawn");
  const lanes = find(".line");
  expect(lanes.getAttribute("aria-valuetext")).toBe("2.00 s, brow: brows up");
  press(lanes, "Enter");
  await vi.waitFor(() => expect(find(".says").textContent).toContain("brow, 1.000 to 3.000 s, by ticc"));
  press(lanes, "s");
  await vi.waitFor(() => expect(box.dataset.rows).toBe("2"));
  press(lanes, "z", { ctrlKey: true });
  await vi.waitFor(() => expect([box.dataset.rows, box.dataset.dirty]).toEqual(["1", "false"]));
  press(lanes, "y", { ctrlKey: true });
  await vi.waitFor(() => expect(box.dataset.rows).toBe("2"));
  press(lanes, "s", { ctrlKey: true });
  expect(sent).toEqual([["save", { seen: "a", rows: [[1000, 2000], [2000, 3000]].map(([on, off]) => ({ tier: "brow", on, off, label: "brows up", source: "hand" })) }]]);
  show({ ...TRACKS, seen: "b" });
  await vi.waitFor(() => expect([box.dataset.rows, box.dataset.dirty]).toEqual(["1", "false"]));
  close();
});

test("an axis of tracks has few marks whatever its span", () => {
  expect([5, 20, 60, 300, 3000].map(stepOf)).toEqual([0.5, 2, 5, 30, 300]);
});
