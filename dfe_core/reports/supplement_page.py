"""The page of a supplement: one HTML file that needs neither server nor network, with faces that turn.

Everything stands in the page: the face as a packed mesh, the codewords, the script that draws them (built from
dashboard/web/src/pages/supplement.js), figures as SVG. Its content security policy names the script by its hash and
allows nothing else, so that no part of the page can ask a server for anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.reports.document import Figure, Number, Section, Table, sentence
from dfe_core.reports.page_template import TEMPLATES, page_template
from dfe_core.store import atomic_file

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, kw_only=True)
class CodewordCard:
    """A codeword on the page: its number, what it is called, a line of figures, and what it does in words."""

    codeword: int
    title: str
    line: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class TurningFaces:
    """What draws the codewords: the packed face, the packed codebook, and how the face is looked at."""

    face: bytes
    codebook: bytes
    look: Mapping[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class CodewordTable(Table):
    """A table whose rows may be of a codeword, which a click shows. shown: its number for each row, None for none."""

    shown: tuple[int | None, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class SupplementPage:
    """What the page of a supplement holds.

    Attributes
    ----------
    title, subtitle: what it is about.
    numbers: headlines, side by side.
    cards: the codewords, the most used first.
    faces: None where they may not be passed on or there is no mesh; `no_faces` says why.
    sections: groups, coverage, probes, figures.
    methods: paragraphs.
    files: (path in the zip, what it is).
    licence: of the face.
    labels: short words printed at the top and before every caption.
    """

    title: str
    subtitle: str
    numbers: tuple[Number, ...]
    cards: tuple[CodewordCard, ...]
    faces: TurningFaces | None
    no_faces: str = ""
    sections: tuple[Section, ...] = ()
    methods: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    labels: tuple[str, ...] = field(default_factory=tuple)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures in reading order."""
        return tuple(b for s in self.sections for b in s.blocks if isinstance(b, Figure))


def write_supplement_page(page: SupplementPage, drawings: Mapping[str, str], path: Path) -> None:
    """Write the page. drawings: each of its figures as SVG, by name. The same content gives the same bytes."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_supplement_page(page, drawings), encoding="utf-8")


def render_supplement_page(page: SupplementPage, drawings: Mapping[str, str]) -> str:
    """The HTML of the page. drawings: each of its figures as SVG, by name."""
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    faces = page.faces
    held = {} if faces is None else {"face": faces.face, "codebook": faces.codebook}
    return _template().render(
        page=page,
        drawings={name: text[text.index("<svg") :] for name, text in drawings.items()},
        script=script,
        digest=digest,
        packs={name: base64.b64encode(data).decode() for name, data in held.items()},
        look="" if faces is None else _json(faces.look),
    )


@cache
def _script() -> str:
    """The built script; ``</`` would end the element that it stands in."""
    return (TEMPLATES / "supplement.js").read_text(encoding="utf-8").replace("</", "<\\/")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


@cache
def _template() -> Template:
    return page_template(
        "supplement.html",
        {
            "kind": lambda block: "Table" if isinstance(block, Table) else type(block).__name__,
            "caption": lambda page, text: f"{sentence(page.labels)} {text}" if page.labels else text,
            "shown": lambda block: getattr(block, "shown", (None,) * len(block.frame)),
        },
    )
