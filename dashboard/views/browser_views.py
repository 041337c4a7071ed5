"""The views that run in the browser, as Streamlit components: geometry goes over once, then only coefficients."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from dfe_core.store import content_key

from .. import web
from ..data import media

_LOADER = """// Sent with every message of the component; the view that it imports is kept by browsers.
const asked = (path) => new URL(path, document.baseURI);
const sheet = new CSSStyleSheet();
const [view] = await Promise.all([
  import(asked("SCRIPT")), fetch(asked("STYLE")).then((reply) => reply.text()).then((text) => sheet.replace(text))]);
export default (component) => {
  const root = component.parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  return view.default(component);
};
"""


def _view(name: str) -> Callable[..., Any]:
    """A view of dashboard/web/src/views. Its camera and switches stand in the link under its key, or `look`."""
    script = media.lasting_address(web.path(f"{name}.js").read_bytes(), "text/javascript")
    style = media.lasting_address(web.path("views.css").read_bytes(), "text/css")
    made = st.components.v2.component(
        f"dfe_{name}",
        html=f'<div class="dfe-{name}"></div>',
        js=_LOADER.replace("SCRIPT", script).replace("STYLE", style),
    )

    def shown(key: str, data: dict[str, Any], **options: Any) -> Any:
        return made(key=plain_key(key), data={"look": key, **data}, **options)

    return shown


def plain_key(key: str) -> str:
    """A key that Streamlit takes for a component: it keeps ``__`` for itself, and names of recordings may have it."""
    return key if "__" not in key else f"{re.sub('_+', '-', key)}-{content_key(key, 8)}"


morph = _view("morph")
"""data: face, codebook (addresses), codeword or psi, title, alt, height, model."""

_gallery = _view("gallery")


def gallery(**options: Any) -> Any:
    """data: items [{id, src, title, note, colour, alt, chip, named, score}], selected, face, codebook, model, narrow,
    chosen (numbers), confirms (a pick comes back as `selected`, and is asked again where it does not). chip: a mark
    after the title, named: whether it is of action units; score: a last line. Triggers: ``pick`` and, with Ctrl,
    ``toggle``."""
    return _gallery(**{"on_toggle_change": lambda: None, **options})


player = _view("player")
"""data: face, codebook, recording (addresses), at, stages, items, height, chosen. State: ``at``; trigger: ``open``."""

strip = _view("strip")
"""data: face, items [{psi, title, note, still, still_alt}], still being a picture below the face, and movements
(address of `moment_courses.courses_pack`), what each face does when it is pointed at. grid: in several rows, selected:
the index of the item that is open.

Trigger: ``pick``, the index of an item."""

diagram = _view("diagram")
"""data: those of `strip`, and places [x, y] of the items, lines [{d, width, from, to, title}], labels [{x, y, text,
end}], width, height, size of a face, alt (`syllable_figures`).

Trigger: ``pick``, the index of an item."""

scatter = _view("scatter")
"""data: points and colours (addresses), legend, ramp, words, face, codebook, selected, height, alt.

Triggers: ``pick`` (id and row of a point, add: whether Ctrl was held), ``select`` (ids or rows)."""

_tracks = _view("tracks")


def tracks(**options: Any) -> Any:
    """data: face, recording (address of `region_tracks.movement_pack`), tiers [{name, edited, words, rows}], end (ms),
    seen (of the rows as they were read), colours (by label), may (whether they may be saved), height, alt, at (ms).
    Trigger: ``save``, {rows, seen}."""
    return _tracks(**{"on_save_change": lambda: None, **options})


reel = _view("reel")
"""data: reel (address of a pack with time and psi0, psi1 … one a face), faces [{face, title}], tracks, height, alt."""

live = _view("live")
"""data: tokenizer and face (addresses), landmarker (folder of the landmarker's files), script, items, model, from (mm),
task_url, task_sha256, alt. Sends nothing back."""

pair = _view("pair")
"""data: pair (address of a pack of `data.conversation_pack`), face, titles and colours of both, films (of
`films.film_data`, None for none), at (s), height, alt. State: ``at``."""

drops = _view("drops")
"""Stops drops and choices of too many files before they are sent. data: target (selector of the uploader), files, bytes
(the most that is let through), advice, label of the button that does it. Trigger: ``folder``."""
