"""Syllables as drawings: what follows what, what is like what, and which codewords make one up."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.syllables.chain import PHASES
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet

from ..theme.formatting import percent

WIDTH = 1000
"""Of every drawing, in its own units."""
SHOWN_FROM = 0.05
"""Share of what follows a syllable from which on a transition has a line."""
MOST_LINES = 3
"""Lines that leave one syllable at most, to what follows it most often."""
_GRAPH_HEIGHT, _TREE_HEIGHT, _MARGIN, _WIDEST = 620, 190, 60, 9.0


def transition_graph(counts: np.ndarray, order: list[int], size: float = 76) -> dict[str, Any]:
    """Places and lines of what follows what, for the diagram view.

    counts: (S, S), `details.successions`. order: the syllables on the ellipse, rest apart; rest is in the middle where
    it is in `order`. Items are in the order of `order`.
    """
    ring = [k for k in order if k != REST]
    angle = 2 * np.pi * np.arange(len(ring)) / max(len(ring), 1) - np.pi / 2
    middle = np.array([WIDTH / 2, _GRAPH_HEIGHT / 2])
    radius = middle - size / 2 - 18
    at = {k: middle + radius * (np.cos(a), np.sin(a)) for k, a in zip(ring, angle, strict=True)}
    at |= {REST: middle} if REST in order else {}
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    lines = [
        _arrow((at[a], at[b]), (i, order.index(b)), float(share[a, b]), _words(a, b, share[a, b], counts[a, b]), size)
        for i, a in enumerate(order)
        for b in _most_frequent(share[a], order)
    ]
    places = [at[k].round(1).tolist() for k in order]
    return {"places": places, "lines": lines, "width": WIDTH, "height": _GRAPH_HEIGHT, "size": size}


def _most_frequent(share: np.ndarray, order: list[int]) -> list[int]:
    """What follows a syllable most often, of those that are drawn. share: (S,) of each."""
    ranked = sorted(order, key=lambda k: -share[k])[:MOST_LINES]
    return [k for k in ranked if share[k] >= SHOWN_FROM]


def _words(first: int, second: int, share: float, count: int) -> str:
    return f"After {first or 'rest'} comes {second or 'rest'} in {percent(share)} of the cases, {count} times"


def _arrow(
    ends: tuple[np.ndarray, np.ndarray], items: tuple[int, int], share: float, words: str, size: float
) -> dict[str, Any]:
    """A curve from one face to another, bent to its own right, so that both directions are seen."""
    start, end = ends
    way = end - start
    length = max(float(np.hypot(*way)), 1e-9)
    across = np.array([-way[1], way[0]]) / length
    bend = (start + end) / 2 + across * min(0.12 * length, 46)
    first = start + (bend - start) / np.hypot(*(bend - start)) * size * 0.56
    last = end + (bend - end) / np.hypot(*(bend - end)) * size * 0.64
    path = f"M{first[0]:.1f} {first[1]:.1f}Q{bend[0]:.1f} {bend[1]:.1f} {last[0]:.1f} {last[1]:.1f}"
    width = round(0.8 + _WIDEST * share, 2)
    return {"d": path, "width": width, "from": items[0], "to": items[1], "title": words}


def leaf_order(found: SyllableSet) -> list[int]:
    """The syllables but rest, those that look alike beside each other."""
    from scipy.cluster.hierarchy import leaves_list

    tree = found.dendrogram
    return [int(k) + 1 for k in leaves_list(tree)] if len(tree) else list(range(1, found.count))


def similarity_tree(found: SyllableSet) -> dict[str, Any]:
    """Places and lines of the dendrogram of moving faces, for the diagram view; items are in `leaf_order`."""
    from scipy.cluster.hierarchy import dendrogram

    leaves = len(leaf_order(found))
    step = (WIDTH - _MARGIN - 8) / max(leaves, 1)
    size = min(76.0, 0.94 * step)
    bottom = _TREE_HEIGHT + 14
    tree = dendrogram(found.dendrogram, no_plot=True) if leaves > 1 else {"icoord": [], "dcoord": []}
    most = max(max((max(row) for row in tree["dcoord"]), default=1.0), 1e-9)
    lines: list[dict[str, Any]] = []
    for across, up in zip(tree["icoord"], tree["dcoord"], strict=True):
        points = [
            (_MARGIN + x / 10 * step, bottom - y / most * (_TREE_HEIGHT - 10)) for x, y in zip(across, up, strict=True)
        ]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        lines.append({"d": path, "width": 1.6, "title": f"{up[1]:.2f} mm apart"})
    ticks = [0.0, most / 2, most] if leaves > 1 else []
    labels = [
        {
            "x": _MARGIN - 10,
            "y": round(bottom - t / most * (_TREE_HEIGHT - 10) + 4, 1),
            "text": f"{t:.1f}{' mm' if t == most else ''}",
            "end": True,
        }
        for t in ticks
    ]
    places = [[round(_MARGIN + (i + 0.5) * step, 1), round(bottom + size * 0.66, 1)] for i in range(leaves)]
    height = round(bottom + 1.36 * size)
    return {"places": places, "lines": lines, "labels": labels, "width": WIDTH, "height": height, "size": size}


def phase_table(rows: pd.DataFrame, names: dict[int, str], pictures: dict[int, str], links: dict[int, str]) -> str:
    """The codewords of a syllable by phase as HTML: a bar in each phase, and a mark at their share at rest.

    rows: `details.codewords_by_phase`. names, pictures, links: of codewords, by number.
    """
    heads = "".join(f"<b>{phase.capitalize()}</b>" for phase in PHASES)
    body = "".join(_phase_row(row, names, pictures, links) for row in rows.to_dict("records"))
    return f'<div class="dfe-phases"><span></span><span></span>{heads}{body}</div>'


def _phase_row(row: Mapping[Any, Any], names: dict[int, str], pictures: dict[int, str], links: dict[int, str]) -> str:
    number = int(row["codeword"])
    picture = f'<img src="{escape(pictures[number])}" alt="">' if number in pictures else "<span></span>"
    name = escape(names.get(number, ""))
    link = f'<a href="{escape(links[number])}" target="_self" title="{name}"><b>{number}</b> {name}</a>'
    return f"{picture}{link}" + "".join(_phase_bar(number, phase, row[phase], row["rest"]) for phase in PHASES)


def _phase_bar(number: int, phase: str, share: float, rest: float) -> str:
    words = f"Codeword {number}, {phase}: in {percent(share)} of frames; at rest in {percent(rest)}"
    return (
        f'<div role="img" aria-label="{words}" title="{words}"><i style="width:{100 * share:.1f}%"></i>'
        f'<u style="left:{100 * rest:.1f}%"></u><small>{percent(share)}</small></div>'
    )
