"""A document as one HTML file that needs no server, no network and no other file: pictures and Plotly are inlined."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.reports.document import Document, Figure, caption_text
from dfe_core.reports.style import svg
from dfe_core.store import atomic_file

if TYPE_CHECKING:
    from jinja2 import Template

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
    plotly = ""
    if any(figure.chart for figure in document.figures):
        from plotly.offline import get_plotlyjs

        plotly = get_plotlyjs()
    return _template().render(document=document, plotly=plotly)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "kind": lambda block: type(block).__name__,
        "caption": caption_text,
        "picture": _picture,
        "base64": lambda picture: base64.b64encode(picture).decode(),
    }
    return environment.get_template("report.html")


def _picture(figure: Figure) -> str:
    """The chart of a figure, its drawing where it has none."""
    if figure.chart is None:
        text = svg(figure)
        return text[text.index("<svg") :]
    chart: Any = figure.chart()
    return chart.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{figure.name}", config=_CONFIG)
