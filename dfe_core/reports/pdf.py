"""A document as a PDF: A4 pages of text that can be selected, and vector figures, set by fpdf2."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.fonts import FontFace

from dfe_core.reports.document import (
    Block,
    Bullets,
    Callout,
    Document,
    Figure,
    Gallery,
    Numbers,
    Table,
    Text,
    caption_text,
    sentence,
)
from dfe_core.reports.fonts import BOLD, REGULAR, bundled_font, fallback_fonts, lacking
from dfe_core.reports.style import FAINT, GOLD, GREY, INK, TEXT_WIDTH_MM, svg
from dfe_core.store import atomic_file

_FONT, _WASH = "DejaVu Sans", "#FFF6E8"
_MM = 25.4 / 72  # mm per point
_FACTS_MM, _EDGE_MM = 34.0, 20.0


@dataclass(frozen=True)
class _Face:
    """How a text is set: size in points, colour and weight."""

    size: float
    colour: str = INK
    weight: str = ""

    @property
    def line(self) -> float:
        """Height of a line, mm."""
        return self.size * 1.42 * _MM


_TITLE, _SUBTITLE, _HEADING, _BODY = _Face(17, INK, "B"), _Face(9.5, GREY), _Face(12, INK, "B"), _Face(8.5)
_NOTE, _CAPTION, _FACT, _LABEL, _SMALL = _Face(8), _Face(7.2, GREY), _Face(7), _Face(7, GREY), _Face(6.5, GREY)
_MAIN, _NUMBER, _NO_NUMBER = _Face(22, INK, "B"), _Face(15, INK, "B"), _Face(8, GREY)
_CELL, _CARD = _Face(6.8), _Face(7.2, INK, "B")


def write_pdf(document: Document, path: Path) -> None:
    """Write `document` as a PDF. The same document gives the same bytes."""
    with atomic_file(path) as temporary:
        pages = _Pages(document)
        pages.write_document()
        pages.output(str(temporary))


def _texts(part: Any) -> Iterator[str]:
    """Everything that a document says, but the letters of its figures."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, (tuple, list)):
        for one in part:
            yield from _texts(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _texts(getattr(part, field.name))
    if isinstance(part, Table):
        yield from _texts(list(part.rows))


class _Pages(FPDF):
    """Fills pages from the top; a block that does not fit starts a new page. Lengths are mm, y runs down."""

    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self.document, self.count = document, {"Figure": 0, "Table": 0}
        side = (self.w - TEXT_WIDTH_MM) / 2
        self.set_margins(side, _EDGE_MM, side)
        self.set_auto_page_break(True, _EDGE_MM)
        for weight, file in (("", REGULAR), ("B", BOLD)):
            self.add_font(_FONT, weight, bundled_font(file))
        others = fallback_fonts(lacking("".join(_texts(document))))[0]
        for i, path in enumerate(others):
            self.add_font(f"other{i}", "", path)
        self.set_fallback_fonts([_FONT, *(f"other{i}" for i in range(len(others)))], exact_match=False)
        self.c_margin = 0
        self.set_title(document.title)
        self.set_subject(document.subtitle)
        self.set_creator("dfe")
        self.set_creation_date(datetime.fromtimestamp(0, timezone.utc))
        self.set_draw_color(FAINT)
        self.set_line_width(0.2)
        self.add_page()

    def write_document(self) -> None:
        self._say(self.document.title, _TITLE, after=1.5)
        self._say(self.document.subtitle, _SUBTITLE, after=3)
        if self.document.labels:
            self._note(sentence(self.document.labels))
        for label, value in self.document.facts:
            self._fact(label, value)
        self.ln(3)
        for section in self.document.sections:
            self._heading(section.title, section.blocks)
            for block in section.blocks:
                self._block(block)

    def footer(self) -> None:
        self._use(_SMALL)
        self.set_y(-13.5)
        self._rule()
        self.cell(self.epw - 15, 6, " · ".join([*self.document.labels, self.document.subtitle])[:150])
        self.cell(15, 6, str(self.page_no()), align="R")

    def _use(self, face: _Face) -> None:
        self.set_font(_FONT, face.weight, face.size)
        self.set_text_color(face.colour)

    def _say(self, text: str, face: _Face, width: float = 0, after: float = 2.5) -> None:
        """A paragraph from x on, x and the line below it after that."""
        self._use(face)
        self.multi_cell(width, face.line, text, align="L", new_x="LEFT", new_y="NEXT")
        self.set_y(self.y + after) if not width else self.set_xy(self.x, self.y + after)

    def _height(self, text: str, face: _Face, width: float = 0) -> float:
        self._use(face)
        height: Any = self.multi_cell(width, face.line, text, align="L", dry_run=True, output="HEIGHT")
        return float(height)

    def _need(self, height: float) -> None:
        if self.will_page_break(height):
            self.add_page()

    def _rule(self) -> None:
        self.line(self.l_margin, self.y, self.l_margin + self.epw, self.y)

    def _fact(self, label: str, value: str) -> None:
        self._need(self._height(value, _FACT, self.epw - _FACTS_MM))
        self._use(_LABEL)
        self.cell(_FACTS_MM, _FACT.line, label)
        self._say(value, _FACT, self.epw - _FACTS_MM, after=0)
        self.set_x(self.l_margin)

    def _heading(self, title: str, blocks: Sequence[Block]) -> None:
        """A heading stays with what it announces: the figure below it, also with a paragraph between them."""
        self._need(14 + self._announced(blocks))
        self.ln(5 if self.y > _EDGE_MM else 0)
        self._rule()
        self.ln(3)
        self._say(title, _HEADING, after=2)

    def _announced(self, blocks: Sequence[Block]) -> float:
        if blocks and isinstance(blocks[0], Figure):
            return blocks[0].height_mm + 7 + self._height(caption_text(self.document, blocks[0].caption), _CAPTION)
        if blocks and isinstance(blocks[0], Text):
            return self._height(blocks[0].text, _BODY) + 2.5 + self._announced(blocks[1:2])
        return 20.0 if blocks else 0.0

    def _block(self, block: Block) -> None:
        if isinstance(block, Text):
            self._say(block.text, _BODY)
        elif isinstance(block, Callout):
            self._note(block.text)
        elif isinstance(block, Bullets):
            for line in block.lines:
                self._need(self._height(line, _FACT, self.epw - 4))
                self._use(_FACT)
                self.cell(4, _FACT.line, "•")
                self._say(line, _FACT, self.epw - 4, after=1)
                self.set_x(self.l_margin)
            self.ln(2)
        elif isinstance(block, Numbers):
            faces = [_NO_NUMBER if n.missing else _MAIN if n.main else _NUMBER for n in block.numbers]
            tiles = [
                ((n.label, _FACT), (n.value, face), (n.detail, _SMALL))
                for n, face in zip(block.numbers, faces, strict=True)
            ]
            lead = sum(n.main for n in block.numbers)
            for part in filter(None, (tiles[:lead], tiles[lead:])):
                self._grid([(None, tile) for tile in part], across=5 if len(part) == 5 else 4)
        elif isinstance(block, Figure):
            self._figure(block)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._gallery(block)

    def _note(self, text: str) -> None:
        height = self._height(text, _NOTE, self.epw - 8) + 3
        self._need(height + 2)
        top = self.y
        for colour, width in ((_WASH, self.epw), (GOLD, 0.9)):
            with self.local_context(fill_color=colour):
                self.rect(self.l_margin, top, width, height, "F")
        self.set_xy(self.l_margin + 4, top + 1.5)
        self._say(text, _NOTE, self.epw - 8)
        self.set_xy(self.l_margin, top + height + 2.5)

    def _numbered(self, kind: str, text: str) -> str:
        self.count[kind] += 1
        return f"{kind} {self.count[kind]}. {caption_text(self.document, text)}"

    def _figure(self, block: Figure) -> None:
        caption = self._numbered("Figure", block.caption)
        self._need(block.height_mm + 7 + self._height(caption, _CAPTION))
        drawing = svg(block, fonttype="none").replace("px", "pt")  # matplotlib's px are points, as its lengths are
        self.image(io.BytesIO(drawing.encode()), w=self.epw, h=block.height_mm)
        self.ln(3)
        self._say(caption, _CAPTION, after=4)

    def _table(self, block: Table) -> None:
        caption = self._numbered("Table", block.caption + block.more_rows)
        self._need(self._height(caption, _CAPTION) + 22)
        self._say(caption, _CAPTION, after=1.5)
        self._use(_CELL)
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=tuple(column.width for column in block.columns),
            text_align=tuple("RIGHT" if number else "LEFT" for number in block.numeric),
            v_align="TOP",
            headings_style=FontFace(emphasis="BOLD", size_pt=6.4),
            line_height=3.0,
            padding=(0.65, 2, 0.65, 0),
            num_heading_rows=2 if block.groups else 1,
        ) as table:
            if block.groups:
                heads = table.row()
                for group, over in block.groups:
                    heads.cell(group, colspan=over, align="LEFT")
            for row in ([column.title for column in block.columns], *block.rows):
                table.row(row)
        self.ln(5)

    def _gallery(self, block: Gallery) -> None:
        caption = caption_text(self.document, block.caption)
        self._need(self._height(caption, _CAPTION) + self.epw / 5 + 14)
        self._say(caption, _CAPTION, after=2)
        cards = [(c.picture, ((c.title, _CARD), *((line, _SMALL) for line in c.lines))) for c in block.cards]
        self._grid(cards, across=5)

    def _grid(self, cells: Sequence[tuple[bytes | None, Sequence[tuple[str, _Face]]]], across: int) -> None:
        """Cells side by side: a picture, if there is one, above lines of text."""
        gap = 3.0
        width = (self.epw - gap * (across - 1)) / across
        for start in range(0, len(cells), across):
            row = cells[start : start + across]
            above = width + 1 if any(picture for picture, _ in row) else 0.0
            height = above + max(sum(self._height(*line, width) + 0.3 for line in lines) for _, lines in row)
            self._need(height)
            top = self.y
            for i, (picture, lines) in enumerate(row):
                self.set_xy(self.l_margin + i * (width + gap), top + above)
                if picture:
                    self.image(io.BytesIO(picture), self.x, top, width, width)
                for text, face in lines:
                    self._say(text, face, width, after=0.3)
            self.set_xy(self.l_margin, top + height + gap)
