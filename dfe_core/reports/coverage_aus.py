"""The sections of the coverage report on action units: how well codewords say each, and what was not seen."""

from __future__ import annotations

import pandas as pd

from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.settings import LEAST_PHI
from dfe_core.ontology import facs_order
from dfe_core.p_values import p_text
from dfe_core.reports import coverage_charts as charts
from dfe_core.reports import coverage_figures as figures
from dfe_core.reports import coverage_text as say
from dfe_core.reports.coverage_matrix import heat_matrix
from dfe_core.reports.document import (
    Block,
    Figure,
    Section,
    Table,
    Text,
    table_columns,
)


def facs_section(coverage: Coverage) -> Section:
    """How well codewords say each AU."""
    table, s = down_the_face(coverage.per_au), coverage.settings
    names = say.au_labels(table)
    caption = (
        "How well codewords say each AU within subjects they were not chosen on, averaged over subjects: the "
        "one best codeword, a set of up to three, and a readout of all. Lines are 95 % intervals over "
        f"subjects; the dashed line is the {s.covered_auroc:g} "
        f"from which an AU counts as covered. {say.subjects_text(coverage)}"
    )
    shown = table.assign(
        label=say.short_labels(table),
        interval=say.intervals(table, "low", "high"),
        sparse_interval=say.intervals(table, "sparse_low", "sparse_high"),
        all_interval=say.intervals(table, "all_low", "all_high"),
        verdict=say.statuses(table, short=True),
    )
    per_au = table_columns(
        "label=AU*1.5; prevalence=share:.1%; held_out_subjects=n:d*0.6; best_codeword=One codeword|number:d*1.2; "
        "template_cosine=One codeword|cosine:.2f*1.1; auroc=One codeword|AUROC:.3f*1.2; "
        "interval=One codeword|95 %*1.6; sparse_codewords=Up to three codewords|numbers*1.6; "
        "sparse_auroc=Up to three codewords|AUROC:.3f*1.2; sparse_interval=Up to three codewords|95 %*1.6; "
        "all_auroc=All codewords|AUROC:.3f*1.2; all_interval=All codewords|95 %*1.6; verdict=status*2"
    )
    blocks: list[Block] = [
        Text(
            "An AU is covered when a few codewords show, within a person on whom they were not chosen, whether "
            f"it is there. {say.exposure_text(coverage)} {say.unmeasured(coverage)}".strip()
        ),
        Figure(
            name="coverage-of-facs",
            caption=caption,
            draw=lambda f: figures.draw_scores(f, table, names, s.covered_auroc),
            height_mm=figures.row_height(len(table)),
            chart=lambda: charts.chart_scores(table, names, s.covered_auroc),
        ),
        Table(
            name="per_au",
            caption="AUs and the codewords that say them: the one best, the set of at most three that decides whether "
            "the AU is covered, and a readout of all. Cosine: of the best codeword's deformation with the AU's "
            f"template; n: held-out subjects that AUROCs are averaged over. {say.subjects_text(coverage)}",
            frame=shown,
            columns=per_au,
            limit=80,
        ),
    ]
    return Section("Coverage of FACS", tuple(blocks))


def down_the_face(per_au: pd.DataFrame) -> pd.DataFrame:
    """Rows of AUs in the order of FACS tables."""
    key = [facs_order(au, side) for au, side in zip(per_au["au"], per_au["side"], strict=True)]
    return per_au.iloc[sorted(range(len(per_au)), key=key.__getitem__)].reset_index(drop=True)


def pairs_section(coverage: Coverage) -> Section:
    """Codewords and AUs, pair by pair."""
    matrix, aus, codewords, left_out = heat_matrix(coverage)
    caption = (
        "Correlation (phi) of codewords and AUs over frames: AUs down the face, codewords by the AU that they go with "
        "most; blank where q is "
        f"{coverage.settings.fdr:g} or more, phi below {LEAST_PHI:g}, or the interval of the lift holds 1."
        f"{left_out} {say.subjects_text(coverage)}"
    )
    top = (
        coverage.pairs.assign(
            label=say.short_labels(coverage.pairs),
            lift_interval=say.intervals(coverage.pairs, "lift_low", "lift_high"),
        )
        .sort_values(["phi", "codeword"], ascending=[False, True])
        .reset_index(drop=True)
    )
    low = top["p"] <= top["p_least"]
    top = top.assign(**{f"{n}_printed": [p_text(v, at) for v, at in zip(top[n], low, strict=True)] for n in ("p", "q")})
    table = Table(
        name="pairs",
        caption="The pairs of largest phi; lift 1 is independence. PMI and the intensity of best F1 are in the file. "
        f"{say.subjects_text(coverage)}",
        frame=top,
        columns=table_columns(
            "codeword:d*1.2; label=AU*1.5; phi:.2f; lift:.2f; lift_interval=lift, 95 %*1.7; auroc=AUROC:.3f; "
            "best_f1=best F1:.2f; template_cosine=cosine of faces:.2f*1.2; p_printed=p*1.2; q_printed=q*1.2"
        ),
        limit=30,
    )
    if not matrix.size:
        return Section("Codewords and AUs", (Text(f"Not enough data (n = {coverage.subjects} subjects)."),))
    return Section(
        "Codewords and AUs",
        (
            Figure(
                name="codewords-and-aus",
                caption=caption,
                draw=lambda f: figures.draw_heat(f, matrix, aus, codewords),
                height_mm=min(20 + 3.1 * len(aus), 215),
                chart=lambda: charts.chart_heat(matrix, aus, codewords),
            ),
            table,
        ),
    )


def truth_section(coverage: Coverage) -> Section:
    """What was found of the planted actions of simulated data."""
    truth, s = coverage.truth, coverage.settings
    names = say.au_labels(truth, "action")
    known = truth[truth["found"].notna()]
    inside, outside = (known[known["in_facs"] == flag] for flag in (True, False))
    text = (
        "These data are simulated, so what there was to find is known. "
        f"{int(inside['found'].sum())} of {len(inside)} planted actions that FACS has a code for were found, and "
        f"{int(outside['found'].sum())} of {len(outside)} that it has none for. An action is found when a set of "
        f"codewords says it on held-out subjects (AUROC from {s.covered_auroc:g}); one without a code must also "
        "have a codeword that is listed as new."
    )
    return Section(
        "Against the truth",
        (
            Text(text),
            Figure(
                name="truth",
                caption="Planted actions, present from intensity 1 of 5, and how well up to three codewords say them "
                f"on held-out subjects. n = {coverage.subjects} subjects, {coverage.frames:,} frames; no detector.",
                draw=lambda f: figures.draw_truth(f, truth, names, s.covered_auroc),
                height_mm=figures.row_height(len(truth)),
                chart=lambda: charts.chart_truth(truth, names, s.covered_auroc),
            ),
        ),
    )


def not_seen_section(coverage: Coverage) -> Section:
    """What the AU tool and the extractor of expressions do not see in these data."""
    blind = coverage.blind_spots[coverage.blind_spots["sight"] != "moves"].reset_index(drop=True)
    signals = coverage.signals.assign(label=say.short_labels(coverage.signals))
    blocks: list = [
        Table(
            name="signals",
            caption="What each AU was judged by and in how many recordings it was measured. At rest: 0 in every frame, "
            "counted as absent; constant, at the top of the scale, contradictory (intensity against presence) and "
            "without values: not measured there. Head: share of variance that head rotation explains. "
            f"{say.subjects_text(coverage)}",
            frame=signals,
            columns=table_columns(
                "label=AU; signal=judged by*3.2; recordings:d; varies:d*0.8; rests=at rest:d*0.8; "
                "constant:d*0.9; saturated=at top:d*0.8; contradictory:d*1.3; missing=no value:d*0.9; "
                "baseline:.2f*0.9; pose_share=head:.0%*0.7"
            ),
            limit=80,
        )
    ]
    if len(blind):
        blocks.append(
            Table(
                name="blind_spots",
                caption="Coefficients that never move in these data, sit at the end of their scale or move with the "
                "head, by extractor: what only they show cannot be found here.",
                frame=blind,
                columns=table_columns(
                    "extractor; coefficient*1.6; sight*1.3; low=1 %:.3f; high=99 %:.3f; top_share=at top:.1%; "
                    "pose_share=head:.0%; aus=shows"
                ),
                limit=60,
            )
        )
    return Section("What the tools do not see", tuple(blocks))
