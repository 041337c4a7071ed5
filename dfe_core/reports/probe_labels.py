"""The report of several labels predicted together: one page with the table of all, and the report of each below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.artefact_names import MANIFEST
from dfe_core.p_values import p_text
from dfe_core.portable_names import file_name
from dfe_core.probes.labels_together import LabelFamily
from dfe_core.probes.methods_text import named_source
from dfe_core.reports.document import Callout, Document, Figure, Section, Table, Text, table_columns
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.probe import write_report
from dfe_core.reports.tables import write_table
from dfe_core.store import atomic_file, write_json


def write_labels_report(family: LabelFamily, folder: Path) -> list[Path]:
    """Write ``report.html``, ``labels.csv``, ``labels.parquet``, ``result.json``, ``methods.txt``, a folder with the
    report of each label and, last, the manifest. Returns the paths; the same results give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_html(labels_document(family), folder / "report.html")
    write_json(folder / "result.json", family.to_json())
    with atomic_file(folder / "methods.txt") as temporary:
        temporary.write_text(family.methods + "\n", encoding="utf-8")
    files = [folder / name for name in ("report.html", "result.json", "methods.txt")]
    files += write_table(family.table, folder, "labels")
    for result in family.results:
        files += write_report(result, folder / file_name(result.settings.label))
    first = family.results[0]
    settings = first.settings
    write_manifest(
        folder,
        files,
        kind="probe of several labels",
        inputs=first.summary["inputs"],
        settings=settings.as_dict(),
        seed=settings.seed,
        command=f"dfe probe {settings.model} {settings.dataset} "
        + " ".join(f"--label {label}" for label in settings.together)
        + f" --recipe {file_name(settings.label)}/recipe.toml",
        notes=[f"{label}: {error}" for label, error in family.refused.items()],
    )
    return [*files, folder / MANIFEST]


def labels_document(family: LabelFamily) -> Document:
    """The page of all labels."""
    settings, facts = family.results[0].settings, family.results[0].summary
    refused = tuple(Callout(f"{label} was not predicted: {error}.") for label, error in family.refused.items())
    frame = family.table
    for name in ("p", "p_holm", "q", "p_joint"):
        printed = [p_text(p, low, 3) for p, low in zip(frame[name], family.table["p_at_floor"], strict=True)]
        frame = frame.assign(**{f"{name}_printed": printed})
    table = Table(
        name="labels",
        caption="One row per label and features. p: against chance, of the row alone; Holm and q: corrected over all "
        "rows of all labels; joint: by the largest standardised score of each permutation.",
        frame=frame,
        columns=table_columns(
            "label=Label*1.5; scale=Scale; n=n; features=Features; metric=Metric; score=Score:.3f; low=from:.3f; "
            "high=to:.3f; chance=Chance:.3f; p_printed=p; p_holm_printed=Holm; q_printed=q; p_joint_printed=joint"
        ),
        limit=200,
    )
    return Document(
        title=f"What does the face predict of {len(family.results)} labels?",
        subtitle=f"{named_source(settings.model)}, dataset {settings.dataset}",
        sections=(
            Section("What was found", (Text(family.headline), *refused, _figure(family), table)),
            Section("Methods", tuple(Text(part) for part in family.methods.split("\n\n"))),
        ),
        facts=(("labels", ", ".join(settings.together)), ("seed", str(settings.seed)), ("dfe", facts["version"])),
        labels=("simulated data",) if facts["simulated"] else (),
    )


def _figure(family: LabelFamily) -> Figure:
    table = family.table.iloc[::-1].reset_index(drop=True)
    names = [f"{label}, {features}" for label, features in zip(table["label"], table["features"], strict=True)]

    def draw(canvas: Any) -> None:
        axes = canvas.subplots()
        at = np.arange(len(table))
        axes.hlines(at, table["low"], table["high"], color="#5E6B77", linewidth=1.5)
        axes.plot(table["score"], at, "o", color="#0072B2")
        axes.plot(table["chance"], at, "|", color="#D55E00", markersize=10)
        axes.set(yticks=at, yticklabels=names, xlabel="score", ylim=(-0.6, len(table) - 0.4))

    return Figure(
        name="labels",
        caption="Score of each label and row with its 95 % interval (macro-F1 of classes, CCC of scales and numbers); "
        "the upright stroke is chance.",
        draw=draw,
        height_mm=20 + 6 * len(table),
    )
