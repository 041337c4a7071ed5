"""The sections of the coverage report on what is beyond FACS, and on codewords and AUs that are alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports import coverage_charts as charts
from dfe_core.reports import coverage_figures as figures
from dfe_core.reports import coverage_text as say
from dfe_core.reports.document import (
    Card,
    Figure,
    Gallery,
    Section,
    Table,
    Text,
    table_columns,
)
from dfe_core.table_rows import typed_rows

_CARDS = 20


@dataclass(frozen=True)
class Pictures:
    """Faces for the report, all PNG bytes, all optional: by codeword, and the map of displacement by (condition,
    level) with the mm at its hot end."""

    codewords: Mapping[int, bytes] = field(default_factory=dict)
    maps: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    scale_mm: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _NewDisplay:
    """What a card says of a codeword; face_aus: the AUs whose face is nearest, no text where there are none."""

    codeword: int
    name: str
    share: float
    face_aus: object
    face_cosine: float


def beyond_section(coverage: Coverage, pictures: Pictures) -> Section:
    """Movement that AUs do not explain, and the codewords that show it."""
    s, judged = coverage.settings, coverage.codewords[coverage.codewords["judged"]].reset_index(drop=True)
    blocks: list = []
    if np.isfinite(coverage.variance["share"]).all():
        blocks.append(
            Figure(
                name="variance",
                caption="Displacement variance on held-out subjects, parted by what explains it, before any floor: "
                "what AUs leave and tokens explain here still holds errors of AUs, their amplitude, the resting face, "
                f"drift and head pose, and is not the variance beyond FACS. {say.subjects_text(coverage)}",
                draw=lambda f: figures.draw_variance(f, coverage.variance),
                height_mm=42,
                chart=lambda: charts.chart_variance(coverage.variance),
            )
        )
        blocks.append(
            Table(
                name="beyond",
                caption="Movement beyond FACS above its floor: share of displacement variance that is "
                "left when one explanation after the other is taken out, and what tokens explain of it, "
                f"with 95 % intervals over subjects. {say.subjects_text(coverage)}",
                frame=coverage.beyond,
                columns=table_columns(
                    "step=taken out*2; remainder=left:.2%; share=tokens explain:.2%; low:.2%; high:.2%"
                ),
            )
        )
        blocks.append(
            Table(
                name="variance",
                caption="Before any floor. Shares of displacement variance, with 95 % intervals over "
                f"subjects. {say.subjects_text(coverage)}",
                frame=coverage.variance.replace({"part": figures.PART_NAMES}),
                columns=table_columns("part=explained by*2; share:.2%; low:.2%; high:.2%"),
            )
        )
    else:
        blocks.append(Text(f"Shares of variance: not enough data (n = {coverage.subjects} subjects)."))
    blocks.append(
        Figure(
            name="matches",
            caption="Codewords by how well AUs match their face and their use; the shaded corner is "
            f"what no AU or pair of AUs matches. Area: share of frames. {say.subjects_text(coverage)}",
            draw=lambda f: figures.draw_matches(f, judged, s.match_cosine, s.match_r),
            height_mm=92,
            chart=lambda: charts.chart_matches(judged, s.match_cosine, s.match_r),
        )
    )
    return Section("Coverage beyond FACS", (*blocks, *_new_displays(coverage, pictures)))


def _new_displays(coverage: Coverage, pictures: Pictures) -> list:
    new = coverage.new_codewords
    if not len(new):
        return [
            Text(
                "There are none: every codeword used often enough is matched by an AU or a pair of AUs, or moves no "
                "further "
                "than errors of AUs explain."
            )
        ]
    moments = {k: part for k, part in coverage.new_moments.groupby("codeword")}
    shown = new.assign(moments=[_moments(moments.get(k)) for k in new["codeword"]])
    planted = (
        table_columns("planted_action=planted action nearest*1.5; planted_auroc=AUROC:.2f*0.8")
        if "planted_action" in new
        else ()
    )
    cards = tuple(
        Card(
            f"Codeword {row.codeword}",
            (
                f"{row.share:.1%} of frames",
                row.name,
                f"near {row.face_aus if isinstance(row.face_aus, str) else 'no AU'}",
                f"cosine {row.face_cosine:.2f}",
            ),
            pictures.codewords.get(row.codeword),
        )
        for row in typed_rows(new.head(_CARDS), _NewDisplay)
    )
    return [
        Gallery(
            "New displays: codewords that no AU or pair of AUs matches and whose movement AUs leave (beyond), "
            "the most used first. Each face at "
            f"intensity 1, warmer where it moves further. {say.subjects_text(coverage)}",
            cards,
        ),
        Table(
            name="new_codewords",
            caption="New displays with what comes closest to them and when they are strongest "
            f"(recording and second). {say.subjects_text(coverage)}",
            frame=shown,
            columns=(
                *table_columns(
                    "codeword=code- word:d*0.7; share=frames:.1%*0.8; size_mm=rms mm:.2f*0.7; "
                    "face_aus=face nearest to*1.5; face_cosine=cosine:.2f*0.8; use_aus=used with*1.5; "
                    "use_r=r:.2f*0.6; beyond_fraction=beyond:.0%*0.8"
                ),
                *planted,
                *table_columns("moments=strongest moments*2"),
            ),
            limit=40,
        ),
    ]


def _moments(part: pd.DataFrame | None) -> str:
    return "" if part is None else ", ".join(f"{m.recording} {m.peak_s:.1f} s" for m in part.itertuples())


def redundancy_section(coverage: Coverage, pictures: Pictures) -> Section:
    """Codewords that are the same face, and AUs that are spread over several."""
    pairs, splits = coverage.redundancy, coverage.splits.assign(label=say.short_labels(coverage.splits))
    splits = splits[splits["codewords"] > 1].sort_values("effective_codewords", ascending=False, kind="stable")
    blocks: list = []
    if len(pairs):
        cards = tuple(
            Card(f"{a} and {b}", (f"cosine {c:.3f}",), pictures.codewords.get(int(a)))
            for a, b, c in zip(pairs["first"], pairs["second"], pairs["cosine"], strict=True)
        )[:10]
        blocks.append(
            Table(
                name="redundancy",
                caption="Pairs of codewords that are the same face at another size.",
                frame=pairs,
                columns=table_columns(
                    "first=codeword:d; second=and:d; cosine:.3f; first_frames=frames:,d; second_frames=frames:,d"
                ),
                limit=20,
            )
        )
        blocks += [Gallery("The first of each pair.", cards)] if any(c.picture for c in cards) else []
    else:
        blocks.append(
            Text(
                "No two codewords used often enough have faces with a cosine of "
                f"{coverage.settings.redundant_cosine:g} or more."
            )
        )
    if len(splits):
        blocks.append(
            Table(
                name="splits",
                caption="AUs that are spread over several codewords. A codeword counts for the AU that "
                f"it goes with most. {say.subjects_text(coverage)}",
                frame=splits.reset_index(drop=True),
                columns=table_columns("label=AU; codewords:d; effective_codewords=effective:.1f; top=which*4"),
                limit=30,
            )
        )
    return Section("Redundancy and splits", tuple(blocks))
