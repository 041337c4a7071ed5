import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onClicked } from "../src/shared/clicked.js";
import gallery, { walked } from "../src/views/gallery.js";
import { mounted, press, setUpPage } from "./mounted.js";

const items = [5, 2, 9].map((id) => ({ id, src: `/${id}.png`, title: `${id}`, note: "", colour: "red", alt: `Codeword ${id}` }));
const DATA = { items, selected: 5, model: "m", narrow: true, confirms: true, look: "gallery" };

/** @type {ReturnType<typeof mounted>} */ let page;
/** @type {() => void} */ let close;

beforeEach(() => {
  vi.useFakeTimers();
  setUpPage();
  page = mounted("gallery", gallery);
  close = page.show(DATA);
});
afterEach(() => { close(); vi.useRealTimers(); });

const selected = () => page.find('[aria-selected="true"]').dataset.id;

test("keys step through cards in columns and stop at the ends", () => {
  expect([walked("ArrowRight", 0, 7, 3), walked("ArrowLeft", 0, 7, 3)]).toEqual([1, 0]);
  expect([walked("ArrowDown", 1, 7, 3), walked("ArrowDown", 5, 7, 3), walked("ArrowUp", 1, 7, 3)]).toEqual([4, 6, 0]);
  expect([walked("Home", 4, 7, 3), walked("End", 4, 7, 3), walked("x", 4, 7, 3)]).toEqual([0, 6, null]);
});

test("a click shows the card at once, tells the other views, and asks the server after the glide", () => {
  const heard = vi.fn(), forget = onClicked(heard);
  page.find('[data-id="9"]').click();
  expect(selected()).toBe("9");
  expect(heard).toHaveBeenCalledWith({ codeword: 9, model: "m" });
  expect(page.sent).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(page.sent).toEqual([["pick", 9]]);
  forget();
});

test("a rerun that knows nothing of a click yet does not take it back; its answer ends the question", () => {
  page.find('[data-id="9"]').click();
  vi.advanceTimersByTime(200);
  page.show({ ...DATA, selected: 5, chosen: [2] });
  expect(selected()).toBe("9");
  page.show({ ...DATA, selected: 9 });
  vi.advanceTimersByTime(60_000);
  expect(page.sent).toEqual([["pick", 9]]);
});

test("with Ctrl a click adds a card to the selection and takes it out again", () => {
  const card = page.find('[data-id="2"]'), click = () => card.dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true }));
  click();
  expect(card.hasAttribute("data-chosen")).toBe(true);
  click();
  expect(card.hasAttribute("data-chosen")).toBe(false);
  expect(page.sent).toEqual([["toggle", 2], ["toggle", 2]]);
  expect(selected()).toBe("5");
});

test("arrow keys walk the cards, and from anywhere on the page but a field of text", () => {
  press(page.find('[data-id="5"]'), "End");
  expect(selected()).toBe("9");
  press(document.body, "ArrowLeft");
  expect(selected()).toBe("2");
  const field = document.body.appendChild(document.createElement("input"));
  press(field, "ArrowLeft");
  press(document.body, "ArrowLeft", { altKey: true });
  expect(selected()).toBe("2");
});

test("one card is in the order of tabs, also where none is selected", () => {
  const tabbed = () => [...page.box.querySelectorAll("button")].filter((card) => card.tabIndex === 0).map((card) => card.dataset.id);
  expect(tabbed()).toEqual(["5"]);
  page.show({ ...DATA, selected: 77 });
  expect(tabbed()).toEqual(["5"]);
});

test("cards are made again only where they differ", () => {
  const card = page.find('[data-id="5"]');
  page.show({ ...DATA, chosen: [5] });
  expect(page.find('[data-id="5"]')).toBe(card);
  page.show({ ...DATA, items: items.slice(0, 2) });
  expect(page.box.children).toHaveLength(2);
});

test("a closed gallery leaves the keys of the page alone", () => {
  close();
  press(document.body, "ArrowRight");
  vi.advanceTimersByTime(1000);
  expect(page.sent).toEqual([]);
});
