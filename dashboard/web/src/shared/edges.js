// A box that scrolls shows that it does: its content fades out towards what is hidden, and a button brings it.

import { element } from "./dom.js";

const PART = 0.8; // of the box that a click moves it by
const ARROWS = { before: "M14.5 5.5 8 12l6.5 6.5", after: "M9.5 5.5 16 12l-6.5 6.5" };

/** On which sides there is more. @param {number} at scrolled so far @param {number} seen @param {number} all */
export const hiddenSides = (at, seen, all) =>
  [at > 1 ? "before" : "", at + seen < all - 1 ? "after" : ""].filter(Boolean);

export class Edges {
  /** @param {HTMLElement} scroller @param {HTMLElement | ShadowRoot} frame around it, which takes the buttons */
  constructor(scroller, frame) {
    this.scroller = scroller;
    this.buttons = /** @type {const} */ (["before", "after"]).map((side) => this.button(side));
    frame.append(...this.buttons);
    scroller.addEventListener("scroll", () => this.mark(), { passive: true });
    this.resized = new ResizeObserver(() => this.mark());
    this.resized.observe(scroller);
    this.changed = new MutationObserver(() => this.mark());
    this.changed.observe(scroller, { childList: true });
  }

  /** The keyboard needs none: what has the focus is scrolled to. @param {"before" | "after"} side */
  button(side) {
    const made = element("button", { type: "button", class: `more ${side}`, tabindex: -1, "aria-hidden": "true", hidden: true,
      title: side === "after" ? "Show more" : "Show those before", onclick: () => this.scroll(side === "after" ? PART : -PART) });
    made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ARROWS[side]}"/></svg>`;
    return made;
  }

  /** Whether it scrolls at all: what is cut off on purpose does not. */
  get scrolls() {
    const { overflowX, overflowY } = getComputedStyle(this.scroller);
    return [overflowX, overflowY].some((one) => one === "auto" || one === "scroll");
  }

  get down() { return this.scroller.scrollHeight > this.scroller.clientHeight + 1 && this.scroller.scrollWidth <= this.scroller.clientWidth + 1; }

  /** @param {number} parts of the box */
  scroll(parts) {
    const { scroller } = this, calm = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    scroller.scrollBy({ [this.down ? "top" : "left"]: parts * (this.down ? scroller.clientHeight : scroller.clientWidth),
      behavior: calm ? "auto" : "smooth" });
  }

  mark() {
    const { scroller, down } = this;
    const sides = !this.scrolls ? [] : down ? hiddenSides(scroller.scrollTop, scroller.clientHeight, scroller.scrollHeight)
      : hiddenSides(scroller.scrollLeft, scroller.clientWidth, scroller.scrollWidth);
    scroller.dataset.more = sides.join(" ");
    scroller.classList.toggle("down", down);
    this.buttons.forEach((one, i) => {
      one.hidden = !sides.includes(["before", "after"][i]);
      one.classList.toggle("down", down);
      const { offsetTop: top, offsetLeft: left, offsetWidth: width, offsetHeight: height } = scroller;
      one.style.top = `${down ? (i ? top + height - 34 : top + 4) : top + height / 2 - 15}px`;
      one.style.left = `${down ? left + width / 2 - 15 : i ? left + width - 34 : left + 4}px`;
    });
  }

  close() {
    this.resized.disconnect();
    this.changed.disconnect();
    this.buttons.forEach((one) => one.remove());
  }
}
