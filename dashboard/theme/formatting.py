"""Numbers as people read them, and texts of others as they are."""

from __future__ import annotations

import math
import re


def mm(value: float) -> str:
    """``4.2 mm``; small values keep two decimals; a dash for what could not be measured."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.2f} mm" if abs(value) < 1 else f"{value:.1f} mm"


def percent(share: float, decimals: int | None = None) -> str:
    """``12 %``; a share under 1 % keeps more decimals."""
    if share is None or not math.isfinite(share):
        return "–"
    value = 100 * share
    if decimals is None:
        decimals = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
    return f"{value:.{decimals}f} %"


def count(value: float) -> str:
    """``1,234``, ``56.7 k``, ``1.2 M``."""
    for limit, divisor, unit in ((1e6, 1e6, " M"), (1e5, 1e3, " k")):
        if value >= limit:
            return f"{value / divisor:,.1f}{unit}"
    return f"{int(value):,}"


def clock(seconds: float) -> str:
    """``1:02.5``."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def span(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def plural(number: int, noun: str) -> str:
    """``1 recording``, ``3 recordings``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def text(value: object) -> str:
    """What somebody wrote (a name, a label, a path) as Markdown that shows just that: no link, picture or colour."""
    return re.sub(r"([\\`*_\[\]<>|~$:])", r"\\\1", " ".join(str(value).split()))
