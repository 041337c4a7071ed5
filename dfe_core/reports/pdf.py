"""A document as a PDF: A4 pages of measured text and vector figures, drawn by matplotlib alone.

No browser, no system library: what is needed installs by pip on every platform. Fonts are embedded (type 42).
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from dfe_core.reports.document import (
    Block,
    Callout,
    Document,
    Figure,
    Gallery,
    Number,
    Numbers,
    Table,
    Text,
    caption_text,
    cell,
    sentence,
)
from dfe_core.reports.html import more_rows
from dfe_core.reports.style import FAINT, GOLD, GREY, INK, RC, TEXT_WIDTH_MM
from dfe_core.store import atomic_file

PAGE_MM = (210.0, 297.0)
_LEFT, _TOP, _BOTTOM = (PAGE_MM[0] - TEXT_WIDTH_MM) / 2, 20.0, 20.0
_MM = 25.4 / 72  # mm per point
_WASH = "#FFF6E8"


def write_pdf(document: Document, path: Path) -> None:
    """Write `document` as a PDF. The same document gives the same bytes (no creation date is stored)."""
    with atomic_file(path) as temporary, matplotlib.rc_context(RC):
        metadata = {"Title": document.title, "Subject": document.subtitle, "Creator": "dfe", "CreationDate": None}
        with PdfPages(temporary, metadata=metadata) as sink:
            _Layout(document, sink).write()


class _Layout:
    """Fills pages from the top; a block that does not fit starts a new page. Lengths are mm, y runs down."""

    def __init__(self, document: Document, sink: PdfPages) -> None:
        self.document, self.sink = document, sink
        self.number, self.count = 0, {"Figure": 0, "Table": 0}
        self._start_page()

    def write(self) -> None:
        self._title()
        for section in self.document.sections:
            self._heading(section.title, section.blocks)
            for block in section.blocks:
                self._block(block)
        self._end_page()

    def _start_page(self) -> None:
        self.number += 1
        self.page = Canvas(figsize=(PAGE_MM[0] / 25.4, PAGE_MM[1] / 25.4))
        self.y = _TOP

    def _end_page(self) -> None:
        line = " · ".join([*self.document.labels, self.document.subtitle])
        self._rule(PAGE_MM[1] - 13.5)
        self._line(_clip(line, TEXT_WIDTH_MM - 15, 6.5), _LEFT, PAGE_MM[1] - 9.5, 6.5, GREY)
        self._line(str(self.number), _LEFT + TEXT_WIDTH_MM, PAGE_MM[1] - 9.5, 6.5, GREY, align="right")
        self.sink.savefig(self.page)

    def _need(self, height: float) -> None:
        if self.y + height > PAGE_MM[1] - _BOTTOM and self.y > _TOP:
            self._end_page()
            self._start_page()

    def _title(self) -> None:
        self._paragraph(self.document.title, 17, weight="bold", after=1.5)
        self._paragraph(self.document.subtitle, 9.5, GREY, after=3)
        if self.document.labels:
            self._note(sentence(self.document.labels))
        for label, value in self.document.facts:
            self._fact(label, value)
        self.y += 3

    def _fact(self, label: str, value: str) -> None:
        lines = wrap(value, TEXT_WIDTH_MM - 34, 7)
        self._need(len(lines) * 3.6)
        self._line(label, _LEFT, self.y + 2.6, 7, GREY)
        for line in lines:
            self._line(line, _LEFT + 34, self.y + 2.6, 7)
            self.y += 3.6

    def _heading(self, title: str, blocks: tuple[Block, ...]) -> None:
        """A heading stays with what it announces: the figure below it, also with a paragraph between them."""
        self._need(14 + self._announced(blocks))
        self.y += 5 if self.y > _TOP else 0
        self._rule(self.y)
        self.y += 4
        self._paragraph(title, 12, weight="bold", after=2)

    def _announced(self, blocks: tuple[Block, ...]) -> float:
        if blocks and isinstance(blocks[0], Figure):
            caption = wrap(caption_text(self.document, blocks[0].caption) + " Figure 00.", TEXT_WIDTH_MM, 7.2)
            return blocks[0].height_mm + 7 + 3.7 * len(caption)
        if blocks and isinstance(blocks[0], Text):
            lines = len(wrap(blocks[0].text, TEXT_WIDTH_MM, 8.5))
            return lines * 8.5 * 1.42 * _MM + 2.5 + self._announced(blocks[1:2])
        return 20.0 if blocks else 0.0

    def _block(self, block: Block) -> None:
        if isinstance(block, Text):
            self._paragraph(block.text, 8.5)
        elif isinstance(block, Callout):
            self._note(block.text)
        elif isinstance(block, Numbers):
            self._numbers(block)
        elif isinstance(block, Figure):
            self._figure(block)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._gallery(block)

    def _paragraph(
        self, text: str, size: float, colour: str = INK, weight: str = "normal", after: float = 2.5, inset: float = 0.0
    ) -> None:
        step = size * 1.42 * _MM
        for line in wrap(text, TEXT_WIDTH_MM - 2 * inset, size, weight):
            self._need(step)
            self._line(line, _LEFT + inset, self.y + size * _MM * 1.05, size, colour, weight=weight)
            self.y += step
        self.y += after

    def _note(self, text: str) -> None:
        lines = wrap(text, TEXT_WIDTH_MM - 8, 8)
        height = len(lines) * 8 * 1.42 * _MM + 3
        self._need(height + 2)
        self._box(_LEFT, self.y, TEXT_WIDTH_MM, height, _WASH)
        self._box(_LEFT, self.y, 0.9, height, GOLD)
        for i, line in enumerate(lines):
            self._line(line, _LEFT + 4, self.y + 1.5 + 8 * _MM * (1.05 + 1.42 * i), 8)
        self.y += height + 2.5

    def _numbers(self, block: Numbers) -> None:
        across = 4
        for start in range(0, len(block.numbers), across):
            row = block.numbers[start : start + across]
            details = [wrap(n.detail, TEXT_WIDTH_MM / across - 4, 6.5) for n in row]
            height = 15 + 3.2 * max(map(len, details))
            self._need(height + 2)
            for i, number in enumerate(row):
                self._tile(number, details[i], _LEFT + i * TEXT_WIDTH_MM / across)
            self.y += height
        self.y += 1

    def _tile(self, number: Number, detail: list[str], x: float) -> None:
        self._box(x, self.y, 0.35, 12.5 + 3.2 * len(detail), FAINT)
        self._line(_clip(number.label, TEXT_WIDTH_MM / 4 - 4, 7.5), x + 2.5, self.y + 3, 7.5)
        self._line(
            number.value,
            x + 2.5,
            self.y + 10,
            8 if number.missing else 15,
            GREY if number.missing else INK,
            weight="normal" if number.missing else "bold",
        )
        for i, line in enumerate(detail):
            self._line(line, x + 2.5, self.y + 14 + 3.2 * i, 6.5, GREY)

    def _figure(self, block: Figure) -> None:
        caption = self._caption("Figure", block.caption)
        self._need(block.height_mm + 3 + len(caption) * 3.7 + 4)
        _width, height = PAGE_MM
        grid = self.page.add_gridspec(
            3,
            3,
            left=0,
            right=1,
            top=1,
            bottom=0,
            wspace=0,
            hspace=0,
            width_ratios=[_LEFT, TEXT_WIDTH_MM, _LEFT],
            height_ratios=[self.y, block.height_mm, height - self.y - block.height_mm],
        )
        block.draw(self.page.add_subfigure(grid[1, 1], facecolor="none"))
        self.y += block.height_mm + 3
        self._caption_lines(caption)

    def _caption(self, kind: str, text: str) -> list[str]:
        self.count[kind] += 1
        return wrap(f"{kind} {self.count[kind]}. {caption_text(self.document, text)}", TEXT_WIDTH_MM, 7.2)

    def _caption_lines(self, lines: list[str]) -> None:
        for line in lines:
            self._need(3.7)
            self._line(line, _LEFT, self.y + 2.4, 7.2, GREY)
            self.y += 3.7
        self.y += 4

    def _table(self, block: Table) -> None:
        lines = self._caption("Table", block.caption + more_rows(block))
        self._need(len(lines) * 3.7 + 22)
        self._caption_lines(lines)
        self.y -= 2.5
        total = sum(c.width for c in block.columns)
        widths = [TEXT_WIDTH_MM * c.width / total for c in block.columns]
        left = _LEFT + np.cumsum([0, *widths[:-1]])
        numeric = [block.frame[c.name].dtype.kind in "iuf" for c in block.columns]
        self._header(block, left, widths, numeric)
        for row in zip(*(block.frame[c.name].head(block.limit) for c in block.columns), strict=True):
            cells = [
                _lines(cell(v, c.spec), w - 2, number)
                for v, c, w, number in zip(row, block.columns, widths, numeric, strict=True)
            ]
            height = 1.3 + 3 * max(map(len, cells))
            if self.y + height > PAGE_MM[1] - _BOTTOM:
                self._need(height)
                self._header(block, left, widths, numeric)
            self._row(cells, left, widths, numeric)
        self.y += 5

    def _header(self, block: Table, left: np.ndarray, widths: list[float], numeric: list[bool]) -> None:
        titles = [wrap(c.title, w - 1.5, 6.4, "bold") for c, w in zip(block.columns, widths, strict=True)]
        rows = max(map(len, titles))
        for lines, x, width, number in zip(titles, left, widths, numeric, strict=True):
            for i, line in enumerate(lines):
                self._line(
                    line,
                    x + (width - 2 if number else 0),
                    self.y + 2.9 + 3 * (rows - len(lines) + i),
                    6.4,
                    weight="bold",
                    align="right" if number else "left",
                )
        self.y += 1.3 + 3 * rows
        self._rule(self.y - 0.1, GREY)

    def _row(self, cells: list[list[str]], left: np.ndarray, widths: list[float], numeric: list[bool]) -> None:
        for lines, x, width, number in zip(cells, left, widths, numeric, strict=True):
            for i, line in enumerate(lines):
                self._line(
                    line,
                    x + (width - 2 if number else 0),
                    self.y + 2.9 + 3 * i,
                    6.8,
                    align="right" if number else "left",
                )
        self.y += 1.3 + 3 * max(map(len, cells))
        self._rule(self.y - 0.1, FAINT)

    def _gallery(self, block: Gallery) -> None:
        lines = wrap(caption_text(self.document, block.caption), TEXT_WIDTH_MM, 7.2)
        across, gap = 5, 3.0
        width = (TEXT_WIDTH_MM - gap * (across - 1)) / across
        self._need(len(lines) * 3.7 + width + 14)
        self._caption_lines(lines)
        self.y -= 2
        for start in range(0, len(block.cards), across):
            row = block.cards[start : start + across]
            face = width if any(card.picture for card in row) else 0.0
            height = face + 5 + 3.3 * max(len(card.lines) for card in row)
            self._need(height)
            for i, card in enumerate(row):
                x = _LEFT + i * (width + gap)
                if card.picture:
                    self._picture(card.picture, x, self.y, width)
                self._line(_clip(card.title, width, 7.2, "bold"), x, self.y + face + 3.4, 7.2, weight="bold")
                for j, line in enumerate(card.lines):
                    self._line(_clip(line, width, 6.3), x, self.y + face + 6.8 + 3.2 * j, 6.3, GREY)
            self.y += height + 3

    def _picture(self, png: bytes, x: float, y: float, size: float) -> None:
        from PIL import Image

        with Image.open(io.BytesIO(png)) as image:
            axes = self.page.add_axes(_place(x, y, size, size))
            axes.imshow(np.asarray(image.convert("RGB")), interpolation="antialiased")
            axes.axis("off")

    def _line(
        self, text: str, x: float, y: float, size: float, colour: str = INK, weight: str = "normal", align: str = "left"
    ) -> None:
        self.page.text(
            x / PAGE_MM[0],
            1 - y / PAGE_MM[1],
            text,
            fontsize=size,
            color=colour,
            weight=weight,
            ha=align,
            va="baseline",
            parse_math=False,
        )

    def _rule(self, y: float, colour: str = FAINT) -> None:
        self._box(_LEFT, y, TEXT_WIDTH_MM, 0.2, colour)

    def _box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        left, bottom, across, up = _place(x, y, width, height)
        self.page.add_artist(
            Rectangle((left, bottom), across, up, transform=self.page.transFigure, color=colour, linewidth=0, zorder=0)
        )


def _place(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x / PAGE_MM[0], 1 - (y + height) / PAGE_MM[1], width / PAGE_MM[0], height / PAGE_MM[1]


def _lines(text: str, width_mm: float, number: bool) -> list[str]:
    """A cell's lines: a number keeps one, words are broken into up to three."""
    lines = [_clip(text, width_mm, 6.8)] if number else wrap(text, width_mm, 6.8) or [""]
    return lines if len(lines) <= 3 else [*lines[:2], _clip(" ".join(lines[2:]), width_mm, 6.8)]


def wrap(text: str, width_mm: float, size: float, weight: str = "normal") -> list[str]:
    """Break `text` into lines of at most `width_mm` at font size `size` pt; a word longer than a line is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _pieces(word, width_mm, size, weight):
            longer = f"{line} {piece}".strip()
            if line and text_width(longer, size, weight) > width_mm:
                lines.append(line)
                line = piece
            else:
                line = longer
    return [*lines, line] if line else lines


def _pieces(word: str, width_mm: float, size: float, weight: str) -> list[str]:
    if text_width(word, size, weight) <= width_mm:
        return [word]
    fits = max(1, int(len(word) * width_mm / text_width(word, size, weight)) - 1)
    return [word[i : i + fits] for i in range(0, len(word), fits)]


def _clip(text: str, width_mm: float, size: float, weight: str = "normal") -> str:
    if text_width(text, size, weight) <= width_mm:
        return text
    while text and text_width(text + "…", size, weight) > width_mm:
        text = text[:-1]
    return text + "…"


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text in the reports' font, mm."""
    return sum(_advance(character, weight) for character in text) * size * _MM


@lru_cache(maxsize=4096)
def _advance(character: str, weight: str) -> float:
    """Width of one character at 1 pt, from the width of many: kerning is ignored, which errs towards wider lines."""
    font = FontProperties(family="DejaVu Sans", weight=weight, size=100)
    width: Any = text_to_path.get_text_width_height_descent("H" + character * 8 + "H", font, False)[0]
    return float(width - text_to_path.get_text_width_height_descent("HH", font, False)[0]) / 800
