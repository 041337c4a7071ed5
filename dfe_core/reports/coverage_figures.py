"""The figures of the coverage report for print: vector, colour-blind safe, drawn on any matplotlib (sub)figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.facs.status import describe, without_figure
from dfe_core.reports.style import BLUE, DIVERGING, FAINT, GOLD, GREEN, GREY, INK, ORANGE, SKY

PART_COLOURS = {"both alike": GREY, "beyond FACS": ORANGE, "FACS only": BLUE, "neither": FAINT}
SIDE_COLOURS = {"symmetric": GREY, "left": BLUE, "right": GOLD, "still": FAINT}
PART_NAMES = {
    "both alike": "either explains it",
    "beyond FACS": "left by AUs, floor included",
    "FACS only": "AUs only",
    "neither": "neither",
}
"""What the parts of the raw split are called where they are shown. The share that tokens alone explain still holds the
floor, and must not be quoted as the variance beyond FACS, which is without it."""
MOST_SUBJECTS = 36


def level_colours(levels: Sequence[object]) -> list[str]:
    """A colour for each level of a condition: of the palette while they are few, from blue by grey to vermilion for
    many, so that no two are the same."""
    palette = (BLUE, ORANGE, GREEN, GOLD, SKY, GREY)
    if len(levels) <= len(palette):
        return list(palette[: len(levels)])
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (BLUE, GREY, ORANGE)])
    at = np.linspace(0, 2, len(levels))
    rgb = np.stack([np.interp(at, range(3), stops[:, c]) for c in range(3)], 1).round().astype(int)
    return [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in rgb.tolist()]


def row_height(rows: int, each: float = 3.7, margin: float = 22.0) -> float:
    """Height in mm of a figure with one line a row."""
    return margin + each * max(rows, 3)


def draw_scores(figure: Any, table: pd.DataFrame, labels: list[str], threshold: float) -> None:
    """AUROC of the one best codeword (ring), of the set (dot) and of all codewords (tick), held out, with intervals;
    one line an AU."""
    axes = _wide(figure, len(table), left=0.34)
    y = np.arange(len(table))
    for name, offset, colour, face, size in (("", 0.17, GREY, "white", 3.2), ("sparse_", -0.17, BLUE, BLUE, 3.4)):
        value, low, high = (table[f"{name}{c}"].to_numpy(float) for c in ("auroc", "low", "high"))
        axes.hlines(y - offset, low, high, color=colour, linewidth=0.9, alpha=0.7)
        axes.plot(value, y - offset, "o", color=colour, markerfacecolor=face, markersize=size, markeredgewidth=0.9)
    if "all_auroc" in table:
        axes.plot(table["all_auroc"].to_numpy(float), y, "|", color=GREEN, markersize=6, markeredgewidth=1.2)
        axes.plot([], [], "|", color=GREEN, markersize=6, label="all codewords")
    for i, row in enumerate(table.to_dict("records")):
        if without_figure(row):
            axes.text(0.505, i, describe(row), va="center", fontsize=5.8, color=GREY)
    axes.axvline(threshold, color=ORANGE, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(
        threshold - 0.005,
        len(table) - 0.3,
        f"covered from {threshold:g}",
        color=ORANGE,
        fontsize=6,
        ha="right",
        va="top",
    )
    axes.set_xlim(0.5, 1.005)
    axes.set_xlabel("AUROC within held-out subjects (0.5 is chance)")
    _rows(axes, labels)
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", markersize=3.2, label="one codeword")
    axes.plot([], [], "o", color=BLUE, markersize=3.4, label="up to three codewords")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=3, borderaxespad=0.2)


def draw_heat(figure: Any, matrix: np.ndarray, rows: list[str], columns: list[str]) -> None:
    """phi of AUs (rows) and codewords (columns), both in clustered order; NaN cells are left blank."""
    from matplotlib.colors import LinearSegmentedColormap

    height = figure.bbox.height / 72
    axes = figure.add_axes((0.11, 0.30 / height, 0.80, 1 - 0.42 / height))
    colours = LinearSegmentedColormap.from_list("dfe", list(DIVERGING))
    image = axes.pcolormesh(np.ma.masked_invalid(matrix), cmap=colours, vmin=-1, vmax=1, linewidth=0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=5.2)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90, fontsize=4.4 if len(columns) > 60 else 5.5)
    axes.tick_params(length=0, pad=1)
    axes.invert_yaxis()
    axes.set_xlabel("codeword")
    bar = figure.add_axes((0.93, 0.30 / height, 0.012, 0.35))
    figure.figure.colorbar(image, cax=bar, label="phi").solids.set(rasterized=False, edgecolor="face")
    bar.tick_params(labelsize=5.5)


def draw_variance(figure: Any, variance: pd.DataFrame) -> None:
    """One bar of all displacement variance, parted by what explains it."""
    axes = figure.add_axes((0.02, 0.26, 0.96, 0.72))
    share = variance.set_index("part")["share"]
    left = 0.0
    for part, colour in PART_COLOURS.items():
        width = max(float(share[part]), 0)
        axes.barh(0, width, left=left, height=1, color=colour, edgecolor="white", linewidth=0.8)
        name = PART_NAMES[part]
        below = part == "FACS only"
        if width > 0.25:
            axes.text(left + width / 2, 0, f"{name}\n{width:.1%}", ha="center", va="center", fontsize=7, color="white")
        else:
            axes.annotate(
                f"{name} {width:.1%}",
                (left + width / 2, -0.5 if below else 0.5),
                (min(max(left + width / 2, 0.08), 0.93), -0.82 if below else 0.82 + 0.42 * (part == "neither")),
                ha="right" if left > 0.5 else "left",
                fontsize=6.8,
                va="center",
                arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6},
            )
        left += width
    axes.set_xlim(0, max(1.0, left))
    axes.set_ylim(-1.05, 1.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    axes.set_xlabel("share of displacement variance on held-out subjects")


def draw_matches(figure: Any, codewords: pd.DataFrame, cosine: float, r: float) -> None:
    """Every judged codeword by how well AUs match its face (across) and its use (up); what neither matches is new."""
    axes = figure.add_axes((0.09, 0.16, 0.88, 0.76))
    axes.axhspan(0, r, 0, 1, color="none")
    axes.fill_between([0, cosine], 0, r, color=ORANGE, alpha=0.07, linewidth=0)
    for value, draw in ((cosine, axes.axvline), (r, axes.axhline)):
        draw(value, color=GREY, linewidth=0.7, linestyle=(0, (4, 3)))
    size = 8 + 220 * codewords["share"].to_numpy()
    new = codewords["new"].to_numpy(bool)
    x, y = codewords["face_cosine"].fillna(0).to_numpy(), codewords["use_r"].to_numpy()
    axes.scatter(
        x[~new], y[~new], size[~new], color=SKY, alpha=0.75, edgecolor="white", linewidth=0.5, label="an AU or AU pair"
    )
    axes.scatter(
        x[new], y[new], size[new], color=ORANGE, alpha=0.9, edgecolor="white", linewidth=0.5, label="new: no AU or pair"
    )
    for i in np.flatnonzero(new):
        axes.annotate(str(codewords["codeword"].iloc[i]), (x[i], y[i]), (4, 3), textcoords="offset points", fontsize=6)
    low = max(0.0, min(0.5, float(x.min(initial=1.0)) - 0.05))
    axes.set(
        xlim=(low, 1.01),
        ylim=(-0.02, 1.02),
        xlabel="face: cosine with the nearest AU or sum of two",
        ylabel="use: correlation with the best AU or two",
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=2, borderaxespad=0.2)


def draw_truth(figure: Any, truth: pd.DataFrame, labels: list[str], threshold: float) -> None:
    """Held-out AUROC of the set for every planted action, those without a FACS code apart in colour."""
    axes = _wide(figure, len(truth), left=0.34)
    for inside, colour, label in ((True, BLUE, "has a FACS code"), (False, ORANGE, "has none")):
        at = np.flatnonzero(truth["in_facs"].to_numpy(bool) == inside)
        part = truth.iloc[at]
        axes.hlines(
            at,
            part["sparse_low"].astype(float),
            part["sparse_high"].astype(float),
            color=colour,
            linewidth=0.9,
            alpha=0.7,
        )
        found = part["found"].fillna(False).to_numpy(bool)
        value = part["sparse_auroc"].to_numpy(float)
        axes.plot(value[found], at[found], "o", color=colour, markersize=3.6, label=label)
        axes.plot(value[~found], at[~found], "o", color=colour, markerfacecolor="white", markersize=3.6)
    for i, row in enumerate(truth.to_dict("records")):
        if without_figure(row):
            axes.text(0.505, i, describe(row), va="center", fontsize=5.8, color=GREY)
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", markersize=3.6, label="not found")
    axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlim(0.5, 1.005)
    axes.set_xlabel("AUROC of up to three codewords on held-out subjects")
    _rows(axes, labels)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=3, borderaxespad=0.2)


def draw_symmetry(figure: Any, by_subject: pd.DataFrame) -> None:
    """Share of frames on each side, one bar a subject."""
    shown = by_subject.head(MOST_SUBJECTS)
    names = [name if len(name) <= 26 else name[:25] + "…" for name in shown["subject"].astype(str)]
    axes = _wide(figure, len(shown), left=0.03 + 0.0085 * max(map(len, names), default=4))
    left = np.zeros(len(shown))
    for side in ("symmetric", "left", "right", "still"):
        width = shown[side].to_numpy()
        axes.barh(
            np.arange(len(shown)),
            width,
            left=left,
            height=0.72,
            color=SIDE_COLOURS[side],
            label=side,
            edgecolor="white",
            linewidth=0.4,
        )
        left += width
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    axes.set_xlabel("share of frames")
    _rows(axes, names)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=4, borderaxespad=0.2)


def draw_deformation(figure: Any, table: pd.DataFrame, unit: str) -> None:
    """Mean and peak displacement by region, one colour a level of one condition, with intervals."""
    regions = list(dict.fromkeys(table["region"]))[::-1]
    levels = list(dict.fromkeys(table["level"]))
    axes = [figure.add_axes((0.13 + 0.45 * i, 0.15, 0.40, 0.72)) for i in range(2)]
    colours = level_colours(levels)
    for panel, name, title in ((axes[0], "mean", "Mean over frames"), (axes[1], "peak", "Peak (99th percentile)")):
        for j, level in enumerate(levels):
            part = table[table["level"] == level].set_index("region").reindex(regions)
            y = np.arange(len(regions)) + 0.16 * ((len(levels) - 1) / 2 - j)
            panel.hlines(y, part[f"{name}_low"], part[f"{name}_high"], color=colours[j], linewidth=1.0, alpha=0.8)
            panel.plot(part[f"{name}_mm"], y, "o", color=colours[j], markersize=3.2, label=str(level))
        panel.set_xlim(left=0)
        panel.set_title(title, pad=14)
        panel.set_xlabel(f"displacement, {unit}")
        panel.set_ylim(-0.6, len(regions) - 0.4)
        panel.grid(axis="y", color=FAINT, linewidth=0.5)
        panel.set_axisbelow(True)
        panel.tick_params(axis="y", length=0)
    axes[0].set_yticks(np.arange(len(regions)), regions)
    axes[1].set_yticks(np.arange(len(regions)), [])
    if len(levels) > 1:
        axes[0].legend(
            loc="lower left", bbox_to_anchor=(0, 0.985), ncol=len(levels), borderaxespad=0.1, handletextpad=0.2
        )


def draw_rarefaction(figure: Any, curves: pd.DataFrame) -> None:
    """Displays expected in so many frames, for tokens and for AUs."""
    axes = figure.add_axes((0.09, 0.17, 0.80, 0.77))
    for kind, colour in (("tokens", ORANGE), ("AUs", BLUE)):
        part = curves[curves["of"] == kind]
        axes.fill_between(
            part["frames"], part["low"].astype(float), part["high"].astype(float), color=colour, alpha=0.16, linewidth=0
        )
        axes.plot(part["frames"], part["displays"], color=colour)
        axes.annotate(
            kind,
            (part["frames"].iloc[-1], part["displays"].iloc[-1]),
            (4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=7.5,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("frames seen")
    axes.set_ylabel("distinct displays")
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:,.0f}")


def _wide(figure: Any, rows: int, left: float) -> Any:
    """Axes with room for row labels, and margins that stay the same in mm however many rows there are."""
    height = figure.bbox.height / 72 * 25.4
    return figure.add_axes((left, 11 / height, 0.98 - left, 1 - 18 / height))


def _rows(axes: Any, labels: list[str]) -> None:
    axes.set_yticks(np.arange(len(labels)), labels, fontsize=6)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for label in axes.get_yticklabels():
        label.set_color(INK)
