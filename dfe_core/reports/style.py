"""Colours and sizes of every figure: safe for the common colour-vision deficiencies, and readable in grey print."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfe_core.reports.document import Figure

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
SKY, GOLD, INK, GREY, FAINT = "#56B4E9", "#E69F00", "#1B2733", "#7A8793", "#E3E8EC"
"""Okabe & Ito's palette (jfly.uni-koeln.de/color, 2008) and neutral tones."""

DIVERGING = ("#0072B2", "#F4F6F8", "#D55E00")
"""Blue, near white, vermilion: negative, none, positive."""

TEXT_WIDTH_MM = 174.0
"""Width of the text on an A4 page, which is the width figures are drawn for."""

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "dfe",
    "figure.dpi": 100,
}
"""matplotlib settings of a printed figure; `svg.hashsalt` keeps the ids, and so the bytes, the same on every run."""


def pdf(figure: Figure) -> bytes:
    """A figure as PDF, the same bytes on every run, its letters as text."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(RC), io.BytesIO() as sink:
        canvas = Canvas(figsize=(TEXT_WIDTH_MM / 25.4, figure.height_mm / 25.4))
        figure.draw(canvas)
        canvas.savefig(sink, format="pdf", metadata=dict.fromkeys(("CreationDate", "Creator", "Producer")))
        return sink.getvalue()


def svg(figure: Figure, fonttype: str = "path") -> str:
    """A figure as SVG, the same bytes on every run; letters are outlines (``path``) or text (``none``)."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context({**RC, "svg.fonttype": fonttype}), io.StringIO() as sink:
        canvas = Canvas(figsize=(TEXT_WIDTH_MM / 25.4, figure.height_mm / 25.4))
        figure.draw(canvas)
        canvas.savefig(sink, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        return sink.getvalue()
