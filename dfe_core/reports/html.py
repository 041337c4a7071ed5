"""A document as one HTML file that needs no server, no network and no other file: pictures and Plotly are inlined."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.reports.document import Document, Figure, caption_text
from dfe_core.reports.page_template import page_template
from dfe_core.reports.style import FAINT, INK, svg
from dfe_core.store import atomic_file

if TYPE_CHECKING:
    from jinja2 import Template

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}
_LOOK = {
    "template": "none",
    "font": {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 12, "color": INK},
    "margin": {"l": 10, "r": 10, "t": 40, "b": 50},
    "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    "hovermode": "closest",
    "plot_bgcolor": "white",
    "paper_bgcolor": "white",
}
_AXIS = {"gridcolor": FAINT, "zeroline": False, "automargin": True}


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
    return page_template(
        "report.html",
        {
            "kind": lambda block: type(block).__name__,
            "caption": caption_text,
            "picture": _picture,
            "base64": lambda picture: base64.b64encode(picture).decode(),
        },
    )


def _picture(figure: Figure) -> str:
    """The chart of a figure, its drawing where it has none."""
    if figure.chart is None:
        text = svg(figure)
        return text[text.index("<svg") :]
    chart: Any = figure.chart()
    chart.update_layout(_LOOK)
    chart.update_xaxes(_AXIS).update_yaxes(_AXIS)
    return chart.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{figure.name}", config=_CONFIG)
