"""A page that runs widgets as a notebook does: their script in a browser, their traits here."""

from __future__ import annotations

import base64
import json
from typing import Any

from dfe_core.notebook.widgets import FaceWidget

ADDRESS = "http://notebook.test"
_PLAIN = ("codeword", "chosen", "time_s", "stages", "point", "frames")
_PAGE = """<!doctype html><html><head><meta charset="utf-8"></head><body>
<script type="module">
import widget from "/widget.js";
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
class Model {
  constructor(at, state) { Object.assign(this, { at, state: {}, heard: {}, changed: {} }); this.take(state); }
  get(name) { return this.state[name]; }
  set(name, value) { this.changed[name] = value; this.take({ [name]: value }); }
  on(event, done) { (this.heard[event] ??= new Set()).add(done); }
  off(event, done) { this.heard[event]?.delete(done); }
  take(state) {
    const packs = state.packs && Object.fromEntries(Object.entries(state.packs).map(([k, v]) => [k, bytes(v)]));
    for (const [name, value] of Object.entries({ ...state, ...(packs && { packs }) })) {
      if (JSON.stringify(this.state[name]) === JSON.stringify(value) && name !== "packs") continue;
      this.state[name] = value;
      for (const done of this.heard[`change:${name}`] ?? []) done();
    }
  }
  async save_changes() {
    const changed = this.changed;
    this.changed = {};
    for (const [at, state] of (await window.kernel(this.at, changed)).entries()) models[at].take(state);
  }
}
const models = STATES.map((state, at) => new Model(at, state));
const shown = models.map((model) => { const el = document.body.appendChild(document.createElement("section"));
  return { el, end: widget.render({ model, el }) }; });
window.notebook = { models,
  again: (at) => { shown[at].end(); shown[at].end = widget.render({ model: models[at], el: shown[at].el }); },
  remove: (at) => { shown[at].end(); shown[at].el.remove(); } };
</script></body></html>"""


class NotebookPage:
    """Widgets on a page of a browser context. page: Playwright's; requests: addresses that were asked for; faults."""

    def __init__(self, context: Any, widgets: list[FaceWidget]) -> None:
        self.page, self.widgets = context.new_page(), widgets
        self.requests: list[str] = []
        self.faults: list[str] = []
        self._known = [widget.facts for widget in widgets]
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.expose_function("kernel", self._changed)
        states = json.dumps([_state(widget, whole=True) for widget in widgets])
        html = _PAGE.replace("STATES", states)
        self.page.route(f"{ADDRESS}/", lambda route: route.fulfill(body=html, content_type="text/html"))
        script = widgets[0]._esm
        self.page.route(
            f"{ADDRESS}/widget.js", lambda route: route.fulfill(body=str(script), content_type="text/javascript")
        )
        self.page.goto(f"{ADDRESS}/")

    def _changed(self, at: int, changes: dict[str, Any]) -> list[dict[str, Any]]:
        """What a kernel does: set the traits, and answer with all that has changed with them."""
        for name, value in changes.items():
            setattr(self.widgets[at], name, value)
        return self._states()

    def sync(self) -> None:
        """Send what was set in Python to the page."""
        states = self._states()
        self.page.evaluate("(all) => all.forEach((state, at) => window.notebook.models[at].take(state))", states)

    def _states(self) -> list[dict[str, Any]]:
        whole = [widget.facts is not known for widget, known in zip(self.widgets, self._known, strict=True)]
        self._known = [widget.facts for widget in self.widgets]
        return [_state(widget, whole=one) for widget, one in zip(self.widgets, whole, strict=True)]


def _state(widget: FaceWidget, *, whole: bool) -> dict[str, Any]:
    state = {name: getattr(widget, name) for name in _PLAIN if widget.has_trait(name)}
    if not whole:
        return state
    packs = {name: base64.b64encode(data).decode() for name, data in widget.packs.items()}
    return {"packs": packs, "kind": widget.kind, "facts": widget.facts, **state}
