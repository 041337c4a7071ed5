"""What a report says, once: sections of text, numbers, figures, tables and pictures, which html.py and pdf.py lay out.

A figure is given twice, as a matplotlib drawing (print, vector) and as a Plotly chart (screen, interactive); both show
the same numbers. Captions carry their own n: a figure that leaves the report keeps what makes it readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Union

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.portable_names import name_fault


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Callout:
    """A paragraph that limits what the numbers may be read as."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """Short remarks, one below the other."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Number:
    """A headline: value as it is printed (``0.83``), with its interval or n in `detail`. missing: whether the value is
    words that say why there is no figure. main: the one that is read first. help: what it means, in a sentence or two.
    """

    label: str
    value: str
    detail: str = ""
    missing: bool = False
    main: bool = False
    help: str = ""


@dataclass(frozen=True)
class Numbers:
    """Headlines side by side."""

    numbers: tuple[Number, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Figure:
    """A figure.

    Attributes
    ----------
    name: file name of the figure without its suffix, and its id on the page: unique in the document, portable.
    caption: what is drawn, n subjects, n frames, tool and threshold where they apply.
    draw: draws on a matplotlib figure (or subfigure) whose size is the text width by `height_mm`.
    height_mm: height in print.
    chart: returns a plotly Figure; None puts the drawing itself on the page as SVG.
    """

    name: str
    caption: str
    draw: Callable[[Any], None]
    height_mm: float = 80.0
    chart: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        if fault := name_fault(self.name):  # a path out of the report's folder, or markup on its page
            raise DataError(f"figure {self.name!r}", fault, "a name by `file_name`")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column to print: its name in the frame, its heading, a format spec, its share of the text width, and the
    heading that it shares with the columns beside it."""

    name: str
    title: str
    spec: str = ""
    width: float = 1.0
    group: str = ""


_COLUMN = re.compile(r"(?P<name>\w+)(?:=(?P<title>[^:*]*))?(?::(?P<spec>[^*]+))?(?:\*(?P<width>[\d.]+))?")


def table_columns(text: str) -> tuple[Column, ...]:
    """Columns as ``name=group|title:spec*width``, apart by ``;``; without a title the name is printed, without a group
    the heading stands alone.

    >>> table_columns("label=AU*1.4; low:.2f")[1]
    Column(name='low', title='low', spec='.2f', width=1.0, group='')
    """
    found = []
    for part in text.split(";"):
        match = _COLUMN.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"not a column: {part!r}")
        name, title, spec, width = match.groups()
        group, apart, heading = (name if title is None else title).partition("|")
        found.append(
            Column(
                name=name,
                title=heading if apart else group,
                spec=spec or "",
                width=float(width or 1),
                group=group if apart else "",
            )
        )
    return tuple(found)


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """The first `limit` rows of `frame`, with the columns to print; the whole lies in ``tables/<name>.csv``."""

    name: str
    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    limit: int = 40

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers."""
        return [self.frame[column.name].dtype.kind in "iuf" for column in self.columns]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Shared headings with how many columns each is over; empty where no column has one."""
        if not any(column.group for column in self.columns):
            return []
        return [(group, len(list(part))) for group, part in groupby(column.group for column in self.columns)]

    @property
    def rows(self) -> list[list[str]]:
        """The cells to print, row by row."""
        columns = [[cell(v, c.spec) for v in self.frame[c.name].head(self.limit)] for c in self.columns]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def more_rows(self) -> str:
        """How many rows the page leaves out and where they are, empty where it leaves out none."""
        left = len(self.frame) - self.limit
        return f" {left} more rows in tables/{self.name}.csv." if left > 0 else ""


@dataclass(frozen=True)
class Card:
    """A picture (PNG bytes, None where there is none) with a title and a few short lines."""

    title: str
    lines: tuple[str, ...] = ()
    picture: bytes | None = None


@dataclass(frozen=True)
class Gallery:
    """Cards in a grid."""

    caption: str
    cards: tuple[Card, ...]


Block = Union[Text, Callout, Bullets, Numbers, Figure, Table, Gallery]  # noqa: UP007


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report.

    Attributes
    ----------
    title, subtitle: what it is about; the subtitle names model, dataset and tool.
    facts: (label, value) pairs of the box at the top: hashes, versions, seed, command.
    sections: in reading order.
    labels: short words printed on every page and before every caption (``simulated data``, ``estimate``).
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = field(default_factory=tuple)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures in reading order."""
        return tuple(b for s in self.sections for b in s.blocks if isinstance(b, Figure))


def cell(value: Any, spec: str = "") -> str:
    """A table cell as text: `spec` for numbers, an en dash for what is missing, lists joined by commas."""
    if isinstance(value, (list, tuple)) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0):
        return ", ".join(cell(v, spec) for v in value) or "–"
    if value is None or (isinstance(value, float) and value != value) or value is pd.NA:
        return "–"
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    return format(value, spec) if spec and not isinstance(value, str) else str(value)


def caption_text(document: Document, caption: str) -> str:
    """The caption with the document's labels before it."""
    return f"{sentence(document.labels)} {caption}" if document.labels else caption


def sentence(labels: tuple[str, ...]) -> str:
    """Labels as one sentence (``Simulated data; AUs are an estimate.``)."""
    text = "; ".join(labels)
    return f"{text[:1].upper()}{text[1:]}."
