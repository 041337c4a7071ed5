"""Small pale pictures of what a page shows once there is something to show, for `panels.empty_states`.

Each is an SVG in two hues that both colour schemes carry. Nothing in them is a result: figures have no numbers.
"""

from __future__ import annotations

import math
from base64 import b64encode
from functools import cache

from dfe_core.text_enum import StrEnum

from ..theme.palette import ACCENT

WIDTH, HEIGHT = 320, 170
"""Of every picture, in units of its view box."""
_GREY, _WARM = "#8A909C", "#CF7A4C"


class Picture(StrEnum):
    """What an example shows."""

    CODEWORDS = "codewords"
    MAP = "map"
    MATRIX = "matrix"
    SCORES = "scores"
    PAIR = "pair"
    TIMELINE = "timeline"
    TABLE = "table"
    VOLCANO = "volcano"
    CURVE = "curve"
    NOTE = "note"
    EVENTS = "events"
    SEARCH = "search"
    UNITS = "units"
    RATING = "rating"
    SYLLABLES = "syllables"
    TALK = "talk"


def picture(name: Picture) -> str:
    """A figure of HTML with the picture, hidden from screen readers: the words beside it say the same."""
    return (
        f'<figure class="dfe-example" aria-hidden="true"><img src="{_address(name)}" alt="" width="{WIDTH}" '
        f'height="{HEIGHT}"><figcaption>Example</figcaption></figure>'
    )


@cache
def _address(name: Picture) -> str:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none" stroke="{_GREY}" '
        f'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">{_DRAWINGS[name]()}</svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def _face(x: float, y: float, size: float, smile: float = 0.0, brow: float = 0.0, side: float = 0.0) -> str:
    """A face about (x, y). smile, brow: up (positive) or down, −1 to 1; side: the mouth's corner that is drawn out."""
    s, mouth = size / 2, y + size * 0.24
    heat = _spot(x + side * s * 0.42, mouth, s * 0.34) if smile or side else _spot(x, y - s * 0.34, s * 0.4)
    eyes = "".join(
        f'<ellipse cx="{x + i * s * 0.4:.1f}" cy="{y - s * 0.12:.1f}" rx="{s * 0.15:.1f}" ry="{s * 0.08:.1f}"/>'
        f'<path d="M{x + i * s * 0.22:.1f} {y - s * (0.34 + 0.1 * brow):.1f} q{i * s * 0.18:.1f} '
        f'{-s * 0.14:.1f} {i * s * 0.36:.1f} {s * 0.02:.1f}"/>'
        for i in (-1, 1)
    )
    left, right = x - s * (0.34 + 0.12 * max(0.0, -side)), x + s * (0.34 + 0.12 * max(0.0, side))
    bend, rise = s * 0.42 * smile, s * 0.12 * side
    return (
        f'<ellipse cx="{x}" cy="{y}" rx="{s * 0.78:.1f}" ry="{s}" fill="{_GREY}" fill-opacity=".12"/>{heat}{eyes}'
        f'<path d="M{x:.1f} {y:.1f} l{-s * 0.08:.1f} {s * 0.2:.1f} h{s * 0.14:.1f}" stroke-opacity=".6"/>'
        f'<path d="M{left:.1f} {mouth + rise:.1f} Q{x:.1f} {mouth + bend:.1f} {right:.1f} {mouth - rise:.1f}"/>'
    )


def _spot(x: float, y: float, radius: float, colour: str = _WARM) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity=".35" stroke="none"/>'


def _bar(x: float, y: float, width: float, height: float, colour: str = _GREY, share: float = 0.3) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2.5" fill="{colour}" '
        f'fill-opacity="{share:.2f}" stroke="none"/>'
    )


def _frame(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" stroke-opacity=".55"/>'


def _codewords() -> str:
    moves = [(0.8, 0, 0), (0, 1, 0), (0, 0, 1), (-0.8, 0, 0), (0.4, 0, -1), (0, -1, 0), (0.9, 0.8, 0), (0, 0.4, 0)]
    cells = []
    for i, (smile, brow, side) in enumerate(moves):
        x, y = 8 + (i % 4) * 77, 6 + (i // 4) * 81
        cells += [_frame(x, y, 70, 75), _face(x + 35, y + 33, 48, smile, brow, side), _bar(x + 10, y + 63, 34, 4)]
    return "".join(cells)


def _map() -> str:
    clusters = [(70, 50, 17, ACCENT), (232, 44, 14, _WARM), (150, 118, 20, _GREY), (268, 122, 11, ACCENT)]
    dots = []
    for x, y, count, colour in clusters:
        for i in range(count):  # a sunflower: even, and the same on every start
            angle, away = i * 2.39996, 9.2 * math.sqrt(i + 0.5)
            dots.append(_spot(x + away * math.cos(angle), y + 0.72 * away * math.sin(angle), 3.4, colour))
    return _frame(2, 2, 316, 166) + "".join(dots) + _face(150, 60, 34, 0.8) + '<path d="M150 80 v18"/>'


def _matrix() -> str:
    strong = {
        (0, 1): 0.9,
        (1, 4): 0.8,
        (2, 2): 0.7,
        (3, 7): 0.95,
        (4, 5): 0.6,
        (5, 9): 0.85,
        (1, 10): 0.4,
        (4, 11): 0.5,
    }
    cells = [
        _bar(52 + 21.5 * c, 22 + 24 * r, 19, 21, ACCENT if (r, c) in strong else _GREY, strong.get((r, c), 0.1))
        for r in range(6)
        for c in range(12)
    ]
    heads = [_bar(57 + 21.5 * c, 8, 9, 6) for c in range(12)]
    return "".join([*cells, *heads, *(_bar(8, 29 + 24 * r, 36, 6) for r in range(6))])


def _scores() -> str:
    rows = [(0.78, 0.1, ACCENT), (0.66, 0.12, _GREY), (0.7, 0.09, _GREY), (0.52, 0.13, _GREY)]
    parts = ['<path d="M166 8 V154" stroke-dasharray="4 5"/>']
    for i, (score, half, colour) in enumerate(rows):
        x, y = 60 + 240 * (score - 0.1), 26 + 36 * i
        parts += [
            _bar(6, y - 4, 44, 8),
            f'<path d="M{x - 240 * half:.1f} {y} H{x + 240 * half:.1f}" stroke="{colour}" stroke-width="2.4"/>',
            _spot(x, y, 6, colour),
        ]
    return "".join([*parts, '<path d="M60 156 H312" stroke-opacity=".6"/>'])


def _pair() -> str:
    return (
        f"{_frame(6, 6, 128, 130)}{_frame(186, 6, 128, 130)}{_face(70, 70, 96, 0.8, 0, 0.5)}{_face(250, 70, 96, 0.9)}"
        '<path d="M144 70 H176 M151 63 l-7 7 7 7 M169 63 l7 7 -7 7"/>'
        f"{_bar(6, 150, 308, 8, _GREY, 0.14)}{_bar(6, 150, 232, 8, ACCENT, 0.5)}"
    )


def _hills(x: float, y: float, width: float, height: float, peaks: tuple[float, ...], colour: str) -> str:
    """A curve over time that rises at `peaks` (shares of the width), filled."""
    steps = [(i / 60, max(math.exp(-(((i / 60 - p) * 16) ** 2)) for p in peaks)) for i in range(61)]
    line = " ".join(f"L{x + t * width:.1f} {y - h * height:.1f}" for t, h in steps)
    return f'<path d="M{x} {y} {line} L{x + width} {y} Z" fill="{colour}" fill-opacity=".4" stroke="none"/>'


def _timeline() -> str:
    peaks = [(0.2, 0.55), (0.3, 0.82), (0.14, 0.62, 0.9), (0.46,)]
    rows = [
        part
        for i, at in enumerate(peaks)
        for part in (_bar(6, 94 + 20 * i, 40, 5), _hills(58, 102 + 20 * i, 256, 15, at, ACCENT if i % 2 else _WARM))
    ]
    faces = f"{_face(110, 36, 60, 0.8)}{_face(210, 36, 60, 0.7)}"
    return f'{faces}{"".join(rows)}<path d="M140 80 V166" stroke="{ACCENT}" stroke-width="2"/>'


def _table() -> str:
    head = "".join(_bar(14 + 76 * c, 14, 42, 8, _GREY, 0.5) for c in range(4))
    cells = "".join(
        _bar(14 + 76 * c, 44 + 26 * r, (58, 34, 48, 26)[(r + c) % 4], 8, ACCENT if c == 3 else _GREY, 0.28)
        for r in range(5)
        for c in range(4)
    )
    lines = "".join(f'<path d="M4 {34 + 26 * r} H316" stroke-opacity=".35"/>' for r in range(5))
    return _frame(4, 4, 312, 162) + head + lines + cells


def _volcano() -> str:
    dots = []
    for i in range(46):
        across = i * 0.618034 % 1 * 2 - 1
        up = abs(across) ** 1.7 * (0.35 + 0.65 * (i * 0.754878 % 1))
        far = up > 0.45
        dots.append(_spot(160 + 140 * across, 150 - 132 * up, 4.2, (_WARM if across > 0 else ACCENT) if far else _GREY))
    return "".join(dots) + '<path d="M6 90 H314" stroke-dasharray="4 5"/><path d="M160 8 V156 M6 156 H314"/>'


def _curve() -> str:
    return (
        '<path d="M10 146 H314 M110 10 V158"/>'
        f'<path d="M10 128 C80 130 104 124 128 84 S176 36 204 62 260 118 314 122 L314 138 C264 136 232 116 204 92 '
        f'S152 84 134 110 88 144 10 142 Z" fill="{ACCENT}" fill-opacity=".22" stroke="none"/>'
        f'<path d="M10 135 C84 138 104 132 130 98 S170 56 204 78 260 128 314 130" stroke="{ACCENT}" '
        'stroke-width="2.4"/>'
        f"{_bar(132, 150, 96, 6, _WARM, 0.5)}"
    )


def _note() -> str:
    lines = "".join(_bar(118, 62 + 20 * i, (176, 150, 92)[i], 7) for i in range(3))
    tags = "".join(_bar(118 + 62 * i, 130, 52, 15, ACCENT, 0.3) for i in range(2))
    return f"{_frame(4, 6, 312, 158)}{_face(60, 84, 84, 0.8, 0, 1)}{_bar(118, 30, 110, 12, _GREY, 0.5)}{lines}{tags}"


def _events() -> str:
    spans = [(58, 46), (132, 70), (236, 44)]
    bands = "".join(_bar(x, 14, w, 14, ACCENT, 0.5) + _bar(x, 28, w, 120, ACCENT, 0.08) for x, w in spans)
    rows = "".join(
        _bar(6, 56 + 30 * i, 40, 6) + _hills(58, 66 + 30 * i, 256, 22, at, _WARM)
        for i, at in enumerate([(0.08, 0.4, 0.76), (0.44, 0.8), (0.14, 0.5)])
    )
    return f'{bands}{rows}<path d="M58 150 H314"/>'


def _search() -> str:
    found = "".join(
        _frame(150 + 57 * i, 40, 50, 92)
        + _face(175 + 57 * i, 78, 42, 0.8 - 0.2 * i, 0, 0.6)
        + _bar(158 + 57 * i, 114, 34 - 8 * i, 5)
        for i in range(3)
    )
    return f'{_frame(6, 16, 104, 138)}{_face(58, 84, 84, 0.9, 0, 0.6)}<path d="M118 86 H140 M133 79 l7 7 -7 7"/>{found}'


def _units() -> str:
    rows = [(0.22, 0.7), (0.4,), (0.16, 0.52, 0.86), (0.6,), (0.3, 0.76)]
    return "".join(
        _bar(6, 20 + 31 * i, 40, 7) + _hills(58, 32 + 31 * i, 256, 24, at, ACCENT) + _bar(58, 32 + 31 * i, 256, 1.4)
        for i, at in enumerate(rows)
    )


def _rating() -> str:
    choices = "".join(_frame(140, 18 + 48 * i, 172, 36) + _bar(176, 32 + 48 * i, (104, 72, 88)[i], 8) for i in range(3))
    marks = "".join(f'<circle cx="158" cy="{36 + 48 * i}" r="6"/>' for i in range(3)) + _spot(158, 84, 4, ACCENT)
    return f"{_frame(6, 18, 118, 132)}{_face(65, 84, 96, 0.8, 0, 1)}{choices}{marks}"


def _syllables() -> str:
    faces = "".join(_face(54 + 106 * i, 46, 64, (0.2, 0.9, 0.4)[i], (0, 0.6, 0.2)[i]) for i in range(3))
    arrows = "".join(f'<path d="M{96 + 106 * i} 46 h22 m-7 -6 l7 6 -7 6"/>' for i in range(2))
    spans = [(8, 40, _GREY), (50, 62, ACCENT), (114, 34, _WARM), (150, 26, _GREY), (178, 66, ACCENT), (246, 66, _WARM)]
    row = "".join(_bar(x, 132, w, 18, colour, 0.2 if colour == _GREY else 0.5) for x, w, colour in spans)
    return f"{faces}{arrows}{_hills(8, 124, 304, 28, (0.24, 0.42, 0.67, 0.9), ACCENT)}{row}"


def _talk() -> str:
    rows = "".join(
        _bar(60, 118 + 17 * i, 256, 1.2)
        + _hills(60, 118 + 17 * i, 256, 12, at, ACCENT)
        + _hills(60, 128 + 17 * i, 256, 12, tuple(x + 0.07 for x in at), _WARM)
        + _bar(6, 113 + 17 * i, 40, 6)
        for i, at in enumerate([(0.1, 0.42, 0.78), (0.25, 0.6)])
    )
    return f"{_face(108, 56, 88, 0.9)}{_face(226, 56, 88, 0.7)}{rows}"


_DRAWINGS = {
    Picture.CODEWORDS: _codewords,
    Picture.MAP: _map,
    Picture.MATRIX: _matrix,
    Picture.SCORES: _scores,
    Picture.PAIR: _pair,
    Picture.TIMELINE: _timeline,
    Picture.TABLE: _table,
    Picture.VOLCANO: _volcano,
    Picture.CURVE: _curve,
    Picture.NOTE: _note,
    Picture.EVENTS: _events,
    Picture.SEARCH: _search,
    Picture.UNITS: _units,
    Picture.RATING: _rating,
    Picture.SYLLABLES: _syllables,
    Picture.TALK: _talk,
}
