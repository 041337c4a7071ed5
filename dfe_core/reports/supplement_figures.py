"""The figures of a supplement that no other report has: use of codewords, error by region, volcano plots of groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dfe_core.groups.comparison import TESTED
from dfe_core.groups.volcano import effect_words, found_line
from dfe_core.reports.coverage_figures import row_height
from dfe_core.reports.document import Figure
from dfe_core.reports.study_text import people_words
from dfe_core.reports.style import BLUE, GOLD, GREEN, GREY, INK, ORANGE, SKY

ALPHA = 0.05
MOST_BARS = 64
_FAMILY_COLOURS = (BLUE, GOLD, GREEN, SKY, ORANGE, "#CC79A7", "#999933", "#4B4B8F", INK)


def use_figure(codewords: pd.DataFrame, subjects: int, frames: int) -> Figure:
    """How often codewords are present. codewords: codeword and share_of_frames, without the null codeword."""
    used = codewords[codewords["share_of_frames"] > 0].sort_values("share_of_frames", ascending=False)
    shown = used.head(MOST_BARS)
    more = f"; the {MOST_BARS} most used of {len(used)}" if len(used) > MOST_BARS else ""
    return Figure(
        name="codeword-use",
        caption=f"Share of frames in which each codeword is present{more}. n = {people_words(subjects)}, "
        f"{frames:,} frames.",
        draw=lambda figure: _draw_use(figure, shown),
        height_mm=62.0,
    )


def region_figure(regions: pd.DataFrame, split: str, subjects: int, frames: int) -> Figure:
    """Error of the codebook by region. regions: region and rmse_mm; split: the part of the data that was measured."""
    shown = regions.sort_values("rmse_mm")
    return Figure(
        name="error-by-region",
        caption=f"Root mean square vertex error of the codebook by region of the face, on the {split} part. "
        f"n = {people_words(subjects)}, {frames:,} frames.",
        draw=lambda figure: _draw_regions(figure, shown),
        height_mm=row_height(len(shown), each=5.0),
    )


def volcano_figure(label: str, number: int, table: pd.DataFrame, units: str) -> Figure:
    """Effect against evidence of every test. table: as `FamilyComparison.table`; units: how many there are of each
    level, in words; number: makes the name of the file, which a label may not be."""
    tested = table[(table["status"] == TESTED) & table["p"].notna()]
    found = int((tested["q_all"] < ALPHA).sum())
    return Figure(
        name=f"groups-{number}",
        caption=f"{label}: Hedges' g and p of {len(tested):,} tests, {found} of them with q < {ALPHA:g} over all (full "
        f"dots). {units}.",
        draw=lambda figure: _draw_volcano(figure, tested),
        height_mm=84.0,
    )


def _draw_use(figure: Any, table: pd.DataFrame) -> None:
    axes = figure.add_axes((0.07, 0.2, 0.92, 0.76))
    x = np.arange(len(table))
    axes.bar(x, 100 * table["share_of_frames"].to_numpy(float), color=BLUE, width=0.72)
    axes.set_xticks(x, table["codeword"].astype(str), rotation=90, fontsize=5.2 if len(x) > 40 else 6)
    axes.set_xlim(-0.7, max(len(x), 1) - 0.3)
    axes.set_xlabel("codeword")
    axes.set_ylabel("% of frames")


def _draw_regions(figure: Any, table: pd.DataFrame) -> None:
    axes = figure.add_axes((0.12, 0.2, 0.83, 0.76))
    axes.barh(table["region"].astype(str), table["rmse_mm"].to_numpy(float), color=BLUE, height=0.62)
    for i, value in enumerate(table["rmse_mm"].to_numpy(float)):
        axes.text(value, i, f" {value:.2f}", va="center", fontsize=6, color=GREY)
    axes.set_xlabel("error, mm")
    axes.tick_params(axis="y", length=0)


def _draw_volcano(figure: Any, table: pd.DataFrame) -> None:
    axes = figure.add_axes((0.08, 0.13, 0.9, 0.76))
    for colour, (family, part) in zip(_FAMILY_COLOURS, table.groupby("family", sort=False), strict=False):
        g, evidence = part["hedges_g"].to_numpy(float), -np.log10(part["p"].clip(lower=1e-12).to_numpy(float))
        found = part["q_all"].to_numpy(float) < ALPHA
        axes.plot(g[~found], evidence[~found], "o", color=colour, markersize=2.6, alpha=0.45, markeredgewidth=0)
        axes.plot(g[found], evidence[found], "o", color=colour, markersize=4.6, markeredgecolor="white")
        axes.plot([], [], "o", color=colour, markersize=4, label=str(family))
    threshold, words = found_line(table)
    axes.axhline(-np.log10(threshold), color=GREY, linewidth=0.7, linestyle=(0, (4, 3)))
    axes.text(
        1.0, -np.log10(threshold), words, transform=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize=6
    )
    axes.axvline(0, color=GREY, linewidth=0.5)
    axes.set_xlabel(effect_words(table))
    axes.set_ylabel("−log10 p")
    if len(table):
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=5, borderaxespad=0.2)
