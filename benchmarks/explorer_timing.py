"""When a page has answered: the browser listens to what it sends and gets, and to when that is painted."""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET_MS = 250
"""Without a message from the server for so long it has answered all; the wait itself does not count."""

WATCH = """
(() => {
  const heard = (window.__heard = { sent: 0, got: 0, painted: 0 }), Plain = window.WebSocket;
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => { heard.painted = Date.now(); }));
  window.WebSocket = class extends Plain {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", () => { heard.got = Date.now(); painted(); });
    }
    send(data) { heard.sent = Date.now(); super.send(data); }
  };
})()
"""
_ANSWERED = """
([begun, quiet]) => {
  const { sent, got, painted } = window.__heard;
  return sent >= begun && got >= sent && painted >= got && Date.now() - got > quiet;
}
"""


def timed(page, act: Callable[[], object], ready: str) -> float:
    """Milliseconds from an act until the server has answered all of it, that is painted, and `ready` is there."""
    begun = 1e3 * time.time()
    act()
    page.wait_for_selector(ready, timeout=60_000, state="attached")
    there = page.evaluate("Date.now()")
    page.wait_for_function(_ANSWERED, arg=[begun, QUIET_MS], timeout=60_000)
    if there < page.evaluate("window.__heard.got"):  # it may have stood there before, and may be drawn anew
        page.wait_for_selector(ready, timeout=60_000, state="attached")
    return round(max(there, page.evaluate("window.__heard.painted")) - begun, 0)
