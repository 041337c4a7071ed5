"""The sections of the coverage report on symmetry, movement by region, and diversity."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.facs.coverage_result import Coverage
from dfe_core.portable_names import file_name
from dfe_core.reports import coverage_charts as charts
from dfe_core.reports import coverage_figures as figures
from dfe_core.reports import coverage_text as say
from dfe_core.reports.coverage_beyond import Pictures
from dfe_core.reports.document import (
    Card,
    Figure,
    Gallery,
    Section,
    Table,
    table_columns,
)


def symmetry_section(coverage: Coverage) -> Section:
    """Displays by side."""
    by_subject = (
        coverage.symmetry_by_subject.sort_values("frames", ascending=False, kind="stable")
        .head(figures.MOST_SUBJECTS)
        .sort_values("subject", ignore_index=True)
    )
    rest = len(coverage.symmetry_by_subject) - len(by_subject)
    more = f" The {len(by_subject)} subjects of {rest + len(by_subject)} with most frames." if rest else ""
    return Section(
        "Symmetric and one-sided displays",
        (
            Figure(
                name="symmetry",
                caption=f"Frames that are symmetric, stronger on the face's own left or right, or still, by subject."
                f"{more} n = {coverage.subjects} subjects, {coverage.frames:,} frames; no AUs used.",
                draw=lambda f: figures.draw_symmetry(f, by_subject),
                height_mm=figures.row_height(len(by_subject), 3.6),
                chart=lambda: charts.chart_symmetry(by_subject),
            ),
            Table(
                name="symmetry",
                caption="Shares over all subjects, with 95 % intervals over subjects (of frames and tokens; "
                "codewords are counted).",
                frame=coverage.symmetry,
                columns=table_columns("of; what=side; share:.1%; low:.1%; high:.1%; n:d"),
            ),
            Table(
                name="symmetry_by_subject",
                caption="Left–right balance: the difference of squared displacement over its sum, −1 all "
                "right to 1 all left, mean over moving frames.",
                frame=coverage.symmetry_by_subject,
                columns=table_columns(
                    "subject; frames:,d; symmetric:.1%; left:.1%; right:.1%; balance:+.3f; "
                    "token_left=tokens left:.1%; token_right=tokens right:.1%"
                ),
                limit=30,
            ),
        ),
    )


def deformation_section(coverage: Coverage, pictures: Pictures) -> Section:
    """Movement by region and condition."""
    table, unit = coverage.deformation, "mm" if coverage.vertex_mm.shape[1] else "coefficient units"
    shown = [c for c in dict.fromkeys(table["condition"]) if c != "all"][:3] or ["all"]
    blocks: list = []
    for condition in shown:
        part = table[table["condition"] == condition]
        what = "all frames" if condition == "all" else f"by {condition}"
        caption = (
            f"Displacement of each region, {what}: root mean square over its vertices, mean and 99th percentile "
            f"over frames, with 95 % intervals over subjects. {_per_level(part)}"
        )
        blocks.append(
            Figure(
                name=file_name(f"deformation-{condition}"),
                caption=caption,
                draw=partial(figures.draw_deformation, table=part, unit=unit),
                height_mm=78,
                chart=partial(charts.chart_deformation, part, unit),
            )
        )
    if pictures.maps:
        cards = tuple(
            Card("all frames" if c == "all" else f"{c}: {level}", (), picture)
            for (c, level), picture in pictures.maps.items()
        )
        blocks.append(
            Gallery(
                "Root mean square displacement of every point of the face, from none (pale) to "
                f"{pictures.scale_mm:.1f} mm (dark). n = {coverage.subjects} subjects, "
                f"{coverage.frames:,} frames.",
                cards,
            )
        )
    blocks.append(
        Table(
            name="deformation",
            caption=f"Displacement by region and condition, {unit}.",
            frame=table,
            columns=table_columns(
                "condition*1.2; level*1.2; region*1.3; subjects:d; frames:,d; mean_mm=mean:.2f; "
                "mean_low=low:.2f; mean_high=high:.2f; peak_mm=peak:.2f; peak_low=low:.2f; "
                "peak_high=high:.2f"
            ),
            limit=60,
        )
    )
    return Section("Deformation by region and condition", tuple(blocks))


def _per_level(part: pd.DataFrame) -> str:
    levels = part.drop_duplicates("level")
    return (
        "; ".join(f"{row.level}: n = {row.subjects} subjects, {row.frames:,} frames" for row in levels.itertuples())
        + "."
    )


def diversity_section(coverage: Coverage) -> Section:
    """How many displays there are."""
    table = coverage.diversity.assign(printed=[_measured(row) for row in coverage.diversity.itertuples()])
    return Section(
        "Diversity",
        (
            Figure(
                name="rarefaction",
                caption="Distinct displays expected in so many frames drawn at random; bands are 95 % intervals "
                f"from the jackknife over subjects. {say.subjects_text(coverage)}",
                draw=lambda f: figures.draw_rarefaction(f, coverage.rarefaction),
                height_mm=80,
                chart=lambda: charts.chart_rarefaction(coverage.rarefaction),
            ),
            Table(
                name="diversity",
                caption="Displays of tokens and of AUs. A tool that emits fewer AUs can show fewer displays. "
                f"{say.subjects_text(coverage)}",
                frame=table,
                columns=table_columns("of; measure*1.5; printed=value*1.6; low:.2f; high:.2f; n:,d; unit_of_n="),
            ),
        ),
    )


def _measured(row: Any) -> str:
    return (
        f"not enough data (n = {row.n} {row.unit_of_n})"
        if not np.isfinite(row.value)
        else f"{row.value:,.0f}"
        if row.measure == "distinct displays"
        else f"{row.value:,.2f}"
    )
