"""A document as one HTML file that needs no server, no network and no other file: pictures and Plotly are inlined."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import Any

from dfe_core.reports.document import (
    Block,
    Callout,
    Card,
    Document,
    Figure,
    Gallery,
    Numbers,
    Section,
    Table,
    Text,
    caption_text,
    cell,
)
from dfe_core.reports.style import RC, TEXT_WIDTH_MM
from dfe_core.store import atomic_file

_CSS = """
:root{--ink:#1B2733;--grey:#5E6B77;--faint:#E3E8EC;--wash:#F6F8F9;--accent:#0072B2;--warn:#8A4B00;--warnwash:#FFF6E8}
*{box-sizing:border-box}html{scroll-behavior:smooth}
body{margin:0;color:var(--ink);background:#fff;font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.layout{display:grid;grid-template-columns:15rem minmax(0,62rem);gap:3rem;max-width:84rem;margin:0 auto;padding:0 2rem}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:3rem 0 2rem;font-size:.875rem}
nav b{display:block;color:var(--grey);font-weight:600;margin-bottom:.5rem}
nav a{display:block;padding:.25rem 0;color:var(--ink);text-decoration:none}nav a:hover{color:var(--accent)}
main{padding:3rem 0 4rem}h1{font-size:2rem;line-height:1.2;margin:0 0 .25rem;letter-spacing:-.015em}
h2{font-size:1.35rem;margin:3.25rem 0 .75rem;padding-top:1.25rem;border-top:1px solid var(--faint)}
p{max-width:46rem}.subtitle{color:var(--grey);margin:.25rem 0 1rem;font-size:1.05rem}
.label{display:inline-block;padding:.125rem .625rem;margin:0 .5rem .5rem 0;border-radius:1rem;
background:var(--warnwash);color:var(--warn);font-size:.8125rem;font-weight:600}
.note{max-width:46rem;padding:.75rem 1rem;margin:1rem 0;background:var(--warnwash);border-left:3px solid #E69F00;
font-size:.9375rem}
.numbers{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:1.5rem 1rem;margin:1.5rem 0}
.numbers div{border-left:2px solid var(--faint);padding:0 0 0 .875rem}
.numbers b{display:block;font-size:1.75rem;line-height:1.15;font-weight:600;
font-variant-numeric:tabular-nums}.numbers b.none{font-size:1.05rem;color:var(--grey);font-weight:500}
.numbers span{display:block;font-size:.875rem}.numbers small{color:var(--grey)}
figure{margin:1.5rem 0}figcaption,.caption{color:var(--grey);font-size:.875rem;max-width:52rem}
figcaption b,.caption b{color:var(--ink)}figcaption{margin-top:.75rem}figure svg{width:100%;height:auto}
.scroll{overflow:auto;max-height:34rem;border:1px solid var(--faint);margin-top:.5rem}
table{border-collapse:collapse;width:100%;font-size:.8125rem;font-variant-numeric:tabular-nums}
th{position:sticky;top:0;background:var(--wash);text-align:left;font-weight:600;white-space:nowrap}
th,td{padding:.375rem .75rem;border-bottom:1px solid var(--faint);white-space:nowrap}td.n,th.n{text-align:right}
tr:hover td{background:var(--wash)}.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));
gap:1rem;margin:1rem 0}.card{border:1px solid var(--faint);font-size:.8125rem;line-height:1.4}
.card img{display:block;width:100%;background:var(--wash)}.card div{padding:.5rem .75rem}
.card span{display:block;color:var(--grey)}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.125rem 1rem;
font-size:.8125rem;margin:1rem 0}dt{color:var(--grey)}
dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--faint);color:var(--grey);font-size:.8125rem}
@media(max-width:60rem){.layout{grid-template-columns:minmax(0,1fr);padding:0 1rem}nav{display:none}
main{padding-top:1.5rem}}
@media print{nav{display:none}.layout{display:block}.scroll{max-height:none}}
"""

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}


def write_html(document: Document, path: Path) -> None:
    """Write `document` as one self-contained HTML file. The same document gives the same bytes."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_html(document), encoding="utf-8")


def render_html(document: Document) -> str:
    """The HTML of `document`. Plotly's library is inlined once, and only when a figure needs it."""
    counter = _Counter()
    body = "".join(_section(section, i, document, counter) for i, section in enumerate(document.sections))
    links = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(document.sections))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(document.title)}</title><style>{_CSS}</style>{_script(document)}</head><body>"
        f'<div class="layout"><nav aria-label="Contents"><b>Contents</b>{links}</nav><main>{_head(document)}{body}'
        f"<footer>{escape(_foot(document))}</footer></main></div></body></html>\n"
    )


class _Counter:
    """Numbers figures and tables in reading order."""

    def __init__(self) -> None:
        self._count = {"Figure": 0, "Table": 0}

    def next(self, kind: str) -> str:
        self._count[kind] += 1
        return f"{kind} {self._count[kind]}"


def _head(document: Document) -> str:
    labels = "".join(f'<span class="label">{escape(label)}</span>' for label in document.labels)
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in document.facts)
    return (
        f'<h1>{escape(document.title)}</h1><p class="subtitle">{escape(document.subtitle)}</p>{labels}<dl>{facts}</dl>'
    )


def _foot(document: Document) -> str:
    return " · ".join([document.subtitle, *document.labels])


def _script(document: Document) -> str:
    if not any(figure.chart for figure in document.figures):
        return ""
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def _section(section: Section, index: int, document: Document, counter: _Counter) -> str:
    blocks = "".join(_block(block, document, counter) for block in section.blocks)
    return f'<section id="s{index}"><h2>{escape(section.title)}</h2>{blocks}</section>'


def _block(block: Block, document: Document, counter: _Counter) -> str:
    if isinstance(block, Text):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Callout):
        return f'<p class="note">{escape(block.text)}</p>'
    if isinstance(block, Numbers):
        return _numbers(block)
    if isinstance(block, Figure):
        return _figure(block, document, counter.next("Figure"))
    if isinstance(block, Table):
        return _table(block, document, counter.next("Table"))
    return _gallery(block, document)


_NO_FIGURE = ' class="none"'


def _numbers(block: Numbers) -> str:
    tiles = (
        f"<div><span>{escape(n.label)}</span><b{_NO_FIGURE if n.missing else ''}>{escape(n.value)}</b>"
        f"<small>{escape(n.detail)}</small></div>"
        for n in block.numbers
    )
    return f'<div class="numbers">{"".join(tiles)}</div>'


def _figure(block: Figure, document: Document, number: str) -> str:
    picture = _chart(block.chart(), block.name) if block.chart else _svg(block)
    return f"<figure>{picture}<figcaption>{_caption(document, number, block.caption)}</figcaption></figure>"


def _caption(document: Document, number: str, caption: str) -> str:
    return f"<b>{number}.</b> {escape(caption_text(document, caption))}"


def _chart(chart: Any, name: str) -> str:
    return chart.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{name}", config=_CONFIG)


def _svg(block: Figure) -> str:
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(RC), io.StringIO() as sink:
        canvas = Canvas(figsize=(TEXT_WIDTH_MM / 25.4, block.height_mm / 25.4))
        block.draw(canvas)
        canvas.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
        text = sink.getvalue()
    return text[text.index("<svg") :]


def _table(block: Table, document: Document, number: str) -> str:
    rows = block.frame.head(block.limit)
    numeric = [rows[c.name].dtype.kind in "iuf" for c in block.columns]
    mark = ['class="n"' if n else "" for n in numeric]
    head = "".join(f'<th scope="col" {m}>{escape(c.title)}</th>' for c, m in zip(block.columns, mark, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td {m}>{escape(cell(v, c.spec))}</td>" for v, c, m in zip(row, block.columns, mark, strict=True))
        + "</tr>"
        for row in zip(*(rows[c.name] for c in block.columns), strict=True)
    )
    caption = block.caption + more_rows(block)
    return (
        f'<div class="caption">{_caption(document, number, caption)}</div>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def more_rows(block: Table) -> str:
    """How many rows the page leaves out and where they are, empty where it leaves out none."""
    left = len(block.frame) - block.limit
    return f" {left} more rows in tables/{block.name}.csv." if left > 0 else ""


def _gallery(block: Gallery, document: Document) -> str:
    cards = "".join(map(_card, block.cards))
    caption = escape(caption_text(document, block.caption))
    return f'<div class="caption">{caption}</div><div class="gallery">{cards}</div>'


def _card(card: Card) -> str:
    picture = (
        f'<img alt="{escape(card.title)}" src="data:image/png;base64,{base64.b64encode(card.picture).decode()}">'
        if card.picture
        else ""
    )
    lines = "".join(f"<span>{escape(line)}</span>" for line in card.lines)
    return f'<div class="card">{picture}<div><b>{escape(card.title)}</b>{lines}</div></div>'
