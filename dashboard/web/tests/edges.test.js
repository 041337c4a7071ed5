import { expect, test, vi } from "vitest";
import { Edges, hiddenSides } from "../src/shared/edges.js";

/** A box of 100 pixels with 250 in it. @param {boolean} down */
function scroller(down) {
  const box = document.createElement("div"), frame = document.createElement("div");
  const sizes = down ? { scrollHeight: 250, clientHeight: 100, scrollWidth: 80, clientWidth: 80 }
    : { scrollWidth: 250, clientWidth: 100, scrollHeight: 80, clientHeight: 80 };
  for (const [name, value] of Object.entries(sizes)) Object.defineProperty(box, name, { value });
  Object.assign(box.style, { overflowX: "auto", overflowY: "auto" });
  frame.append(box);
  document.body.append(frame);
  return { box, frame };
}

test("there is more before, after, on both sides or on none", () => {
  expect(hiddenSides(0, 100, 100)).toEqual([]);
  expect(hiddenSides(0, 100, 250)).toEqual(["after"]);
  expect(hiddenSides(60, 100, 250)).toEqual(["before", "after"]);
  expect(hiddenSides(150, 100, 250)).toEqual(["before"]);
});

test("what is cut off on purpose does not scroll", () => {
  const { box, frame } = scroller(false), edges = new Edges(box, frame);
  Object.assign(box.style, { overflowX: "hidden", overflowY: "hidden" });
  edges.mark();
  expect(box.dataset.more).toBe("");
  edges.close();
});

for (const down of [false, true]) {
  test(`a box that scrolls ${down ? "down" : "sideways"} says where there is more, and its button brings it`, () => {
    const { box, frame } = scroller(down), edges = new Edges(box, frame), scrolled = vi.fn();
    box.scrollBy = scrolled;
    edges.mark();
    const [before, after] = /** @type {HTMLButtonElement[]} */ ([...frame.querySelectorAll("button.more")]);
    expect([box.dataset.more, before.hidden, after.hidden, box.classList.contains("down")]).toEqual(["after", true, false, down]);
    after.click();
    expect(scrolled.mock.calls[0][0][down ? "top" : "left"]).toBe(80);
    box[down ? "scrollTop" : "scrollLeft"] = 150;
    edges.mark();
    expect([box.dataset.more, before.hidden, after.hidden]).toEqual(["before", false, true]);
    edges.close();
    expect(frame.querySelectorAll("button").length).toBe(0);
  });
}
