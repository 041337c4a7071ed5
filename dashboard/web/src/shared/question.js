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
    /** @type {(() => void) | undefined} what the timer is to send */ this.due = undefined;
  }

  /** Say which codeword it is; no answer comes back here. @param {number} id @param {number} delay ms */
  tell(id, delay) { this.sendLater(() => this.send(id), delay); }

  /** @param {number} id @param {number} shown where the server is @param {number} delay ms */
  ask(id, shown, delay) {
    this.shown = shown;
    this.wanted = id;
    this.repeats = 0;
    if (this.asked !== undefined) return;
    if (id !== shown) { this.put(delay); return; }
    this.close(); // back where the server is
    this.wanted = undefined;
  }

  /** @param {number} delay ms */
  put(delay) {
    this.sendLater(() => {
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
    this.close();
    this.wanted = undefined;
    this.show(id);
  }

  /** The page is about to be left: send at once what waits to be sent, and ask for nothing after. */
  flush() {
    this.due?.();
    this.close();
  }

  /** @param {() => void} what @param {number} delay ms */
  later(what, delay) {
    this.close();
    this.timer = window.setTimeout(what, delay);
  }

  /** @param {() => void} what it sends @param {number} delay ms */
  sendLater(what, delay) {
    this.later(() => { this.due = undefined; what(); }, delay);
    this.due = what;
  }

  close() {
    clearTimeout(this.timer);
    this.due = undefined;
  }
}
