"""The coverage report: one folder with HTML, PDF, figures, tidy tables, the JSON of the contract and a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.artefact_names import MANIFEST, tokens_name
from dfe_core.facs.coverage_result import Coverage
from dfe_core.progress import Listener, Progress, silent
from dfe_core.reports import coverage_charts as charts
from dfe_core.reports import coverage_figures as figures
from dfe_core.reports import coverage_text as say
from dfe_core.reports.coverage_matrix import heat_matrix
from dfe_core.reports.document import (
    Block,
    Bullets,
    Callout,
    Card,
    Document,
    Figure,
    Gallery,
    Numbers,
    Section,
    Table,
    Text,
    table_columns,
)
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.pdf import write_pdf
from dfe_core.reports.style import svg
from dfe_core.reports.tables import write_tables
from dfe_core.store import atomic_file, write_json
from dfe_core.table_rows import typed_rows

_CARDS = 20


@dataclass(frozen=True)
class Pictures:
    """Faces for the report, all PNG bytes, all optional: by codeword, and the map of displacement by (condition,
    level) with the mm at its hot end."""

    codewords: Mapping[int, bytes] = field(default_factory=dict)
    maps: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    scale_mm: float = 0.0


def write_coverage_report(
    coverage: Coverage, out: Path, *, pictures: Pictures | None = None, command: str = "", progress: Listener = silent
) -> list[Path]:
    """Write report.html, report.pdf, coverage.json, tables/, figures/ (SVG) and, last, manifest.json into `out`.

    `out` is made where it is missing; other files in it stay. The same coverage and pictures give the same bytes.
    `command` is the command line to print as the one that makes the report again. Returns the paths written.
    """
    out.mkdir(parents=True, exist_ok=True)
    command = command or (
        f"dfe coverage {coverage.model} {coverage.dataset} --aus {coverage.aus} --out {out.name} --seed {coverage.seed}"
    )
    document = coverage_document(coverage, pictures or Pictures(), command)
    files = []
    for i, (name, write) in enumerate((("report.html", write_html), ("report.pdf", write_pdf))):
        progress(Progress(task="report", done=i, total=4, detail=name))
        write(document, out / name)
        files.append(out / name)
    progress(Progress(task="report", done=2, total=4, detail="figures"))
    files += _write_figures(document, out / "figures")
    progress(Progress(task="report", done=3, total=4, detail="tables"))
    files += write_tables(coverage.tables, out / "tables")
    write_json(out / "coverage.json", coverage.to_json())
    files.append(out / "coverage.json")
    write_manifest(
        out,
        files,
        kind="coverage",
        inputs=_inputs(coverage),
        settings=coverage.settings.as_dict(),
        seed=coverage.seed,
        command=command,
        notes=list(coverage.notes),
    )
    progress(Progress(task="report", done=4, total=4))
    return [*files, out / MANIFEST]


def coverage_document(coverage: Coverage, pictures: Pictures, command: str) -> Document:
    """The report's content."""
    sections = [_summary(coverage), _of_facs(coverage), _pairs(coverage), _beyond(coverage, pictures)]
    sections += [_truth(coverage)] if len(coverage.truth) else []
    sections += [
        _symmetry(coverage),
        _redundancy(coverage, pictures),
        _deformation(coverage, pictures),
        _diversity(coverage),
        _measured_aus(coverage),
        *([_as_imported(coverage)] if coverage.notes_of_import else []),
        _method(coverage),
    ]
    facts = (
        ("Model", f"{coverage.model} ({coverage.keys['model']})"),
        ("Dataset", f"{coverage.dataset} ({coverage.keys['dataset']})"),
        ("AUs", f"{coverage.aus} ({coverage.keys['aus']}) by {say.tool_name(coverage)}, {coverage.presence_rule}"),
        ("Frames", f"{coverage.frames:,} with tokens and AUs, {coverage.subjects} subjects"),
        ("Face", coverage.face_id),
        ("Made by", f"dfe {__version__}, seed {coverage.seed}"),
        ("Command", command),
    )
    return Document(
        title="Coverage against FACS",
        subtitle=say.subtitle(coverage),
        sections=tuple(sections),
        facts=facts,
        labels=say.labels(coverage),
    )


def _inputs(coverage: Coverage) -> dict[str, dict[str, str]]:
    names = {
        "model": coverage.model,
        "dataset": coverage.dataset,
        "aus": coverage.aus,
        "tokens": tokens_name(coverage.model, coverage.dataset),
    }
    return {kind: {"name": name, "key": coverage.keys[kind]} for kind, name in names.items()} | {
        "face": {"name": coverage.face_id},
        "tool": {"name": coverage.tool, "version": coverage.tool_version},
    }


def _write_figures(document: Document, folder: Path) -> list[Path]:
    paths = []
    for figure in document.figures:
        paths.append(folder / f"{figure.name}.svg")
        with atomic_file(paths[-1]) as temporary:
            temporary.write_text(svg(figure), encoding="utf-8")
    return paths


def _summary(coverage: Coverage) -> Section:
    limits = [note for note in coverage.notes if note not in coverage.notes_of_import]
    figures_and_text = (Numbers(say.headlines(coverage)), Text(say.summary(coverage)))
    return Section("Summary", (*figures_and_text, *(Callout(note) for note in limits)))


def _as_imported(coverage: Coverage) -> Section:
    return Section("The AUs as they were imported", (Bullets(coverage.notes_of_import),))


def _of_facs(coverage: Coverage) -> Section:
    table, s = coverage.per_au, coverage.settings
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
        "label=AU*1.4; prevalence=share:.1%; held_out_subjects=n:d*0.6; best_codeword=best:d*0.8; "
        "auroc=AUROC:.3f*1.2; interval=95 %*1.6; sparse_codewords=set*1.6; "
        "sparse_auroc=AUROC:.3f*1.2; sparse_interval=95 %*1.6; all_auroc=all:.3f; "
        "all_interval=95 %*1.6; template_cosine=cosine:.2f*1.1; verdict=*2.6"
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
            caption="AUs and the codewords that say them. Cosine: of the best codeword's deformation with "
            f"the AU's template; n: held-out subjects that AUROCs are averaged over; all: readout of all "
            f"codewords. {say.subjects_text(coverage)}",
            frame=shown,
            columns=per_au,
            limit=80,
        ),
    ]
    return Section("Coverage of FACS", tuple(blocks))


def _pairs(coverage: Coverage) -> Section:
    matrix, aus, codewords, left_out = heat_matrix(coverage)
    caption = (
        "Correlation (phi) of codewords and AUs over frames; both in clustered order, blank where q is "
        f"{coverage.settings.fdr:g} or more.{left_out} {say.subjects_text(coverage)}"
    )
    top = (
        coverage.pairs.assign(label=say.short_labels(coverage.pairs))
        .sort_values(["phi", "codeword"], ascending=[False, True])
        .reset_index(drop=True)
    )
    table = Table(
        name="pairs",
        caption=f"The pairs of largest phi. Lift 1 is independence. {say.subjects_text(coverage)}",
        frame=top,
        columns=table_columns(
            "codeword:d*1.25; label=AU*1.3; lift:.2f; lift_low=low:.2f; lift_high=high:.2f; "
            "pmi=PMI, bits:.2f; phi:.2f; auroc=AUROC:.3f; best_f1=best F1:.2f; "
            "threshold=at intensity:.2f; template_cosine=cosine of faces:.2f; p:.1e; q:.1e"
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


def _beyond(coverage: Coverage, pictures: Pictures) -> Section:
    s, judged = coverage.settings, coverage.codewords[coverage.codewords["judged"]].reset_index(drop=True)
    blocks: list = []
    if np.isfinite(coverage.variance["share"]).all():
        blocks.append(
            Figure(
                name="variance",
                caption="Displacement variance on held-out subjects, parted by what explains it. "
                f"{say.subjects_text(coverage)}",
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
                frame=coverage.variance,
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


@dataclass(frozen=True, kw_only=True)
class _NewDisplay:
    """What a card says of a codeword; face_aus: the AUs whose face is nearest, no text where there are none."""

    codeword: int
    name: str
    share: float
    face_aus: object
    face_cosine: float


def _new_displays(coverage: Coverage, pictures: Pictures) -> list:
    new = coverage.new_codewords
    if not len(new):
        return [
            Text(
                "There are none: every codeword in use is matched by an AU or a pair of AUs, or moves no further "
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


def _truth(coverage: Coverage) -> Section:
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


def _symmetry(coverage: Coverage) -> Section:
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


def _redundancy(coverage: Coverage, pictures: Pictures) -> Section:
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
            Text(f"No two codewords in use have faces with a cosine of {coverage.settings.redundant_cosine:g} or more.")
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


def _deformation(coverage: Coverage, pictures: Pictures) -> Section:
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
                name=f"deformation-{condition}",
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


def _diversity(coverage: Coverage) -> Section:
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


def _measured_aus(coverage: Coverage) -> Section:
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


def _method(coverage: Coverage) -> Section:
    settings = pd.DataFrame(
        {"setting": coverage.settings.as_dict().keys(), "value": [str(v) for v in coverage.settings.as_dict().values()]}
    )
    return Section(
        "How it was made",
        (
            *map(Text, say.method(coverage)),
            Table(
                name="settings",
                caption="Settings.",
                frame=settings,
                columns=table_columns("setting; value*3"),
            ),
        ),
    )
