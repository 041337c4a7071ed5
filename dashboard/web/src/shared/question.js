// A codeword asked of the server, one question at a time: a slow browser would otherwise fall behind with answers until
// the server drops the connection. What is not answered, for the connection was down, is asked again; where the page
// has moved on to something else, it is not. Walking fast sends only where the walk ends.

/** ms until an unanswered question is sent again, and how often. */
export const PATIENCE = 5000, REPEATS = 4;

export class Question {
  /** @param {(id: number) => void} send @param {(id: number) => void} show the codeword that the server is at */
  constructor(send, show) {
    this.send = send;
    this.show = show;
    /** @type {number | undefined} */ this.wanted = undefined;
    /** @type {number | undefined} */ this.asked = undefined;
    /** @type {number | undefined} */ this.shown = undefined;
    this.heard = false;
    this.repeats = 0;
    this.timer = 0;
  }

  /** Say which codeword it is; no answer comes back here. @param {number} id @param {number} delay ms */
  tell(id, delay) { this.later(() => this.send(id), delay); }

  /** @param {number} id @param {number} shown where the server is @param {number} delay ms */
  ask(id, shown, delay) {
    this.shown = shown;
    this.wanted = id;
    this.repeats = 0;
    if (this.asked !== undefined) return;
    if (id !== shown) { this.put(delay); return; }
    clearTimeout(this.timer); // back where the server is
    this.wanted = undefined;
  }

  /** @param {number} delay ms */
  put(delay) {
    this.later(() => {
      this.asked = this.wanted;
      this.heard = false;
      this.send(/** @type {number} */ (this.asked));
      this.later(() => this.unanswered(), PATIENCE);
    }, delay);
  }

  unanswered() {
    this.asked = undefined;
    if (!this.heard && this.repeats++ < REPEATS) { this.put(0); return; }
    this.wanted = undefined;
    this.show(/** @type {number} */ (this.shown));
  }

  /** The server's codeword: shown, unless another one is wanted since. @param {number} id */
  answered(id) {
    this.shown = id;
    if (this.asked === undefined && this.wanted === undefined) { this.show(id); return; }
    this.heard = true;
    if (this.asked === undefined || id !== this.asked) return; // an answer to something before
    this.asked = undefined;
    if (this.wanted !== id) { this.put(0); return; }
    clearTimeout(this.timer);
    this.wanted = undefined;
    this.show(id);
  }

  /** @param {() => void} what @param {number} delay ms */
  later(what, delay) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(what, delay);
  }

  close() { clearTimeout(this.timer); }
}
