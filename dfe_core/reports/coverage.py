"""The coverage report: one folder with HTML, PDF, figures, tidy tables, the JSON of the contract and a manifest."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd

from dfe_core import __version__
from dfe_core.artefact_names import MANIFEST, tokens_name
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.store import MANUAL_TOOL, TRUTH_TOOL
from dfe_core.progress import Listener, Progress, silent
from dfe_core.reports import coverage_aus, coverage_beyond, coverage_movement
from dfe_core.reports import coverage_text as say
from dfe_core.reports.coverage_beyond import Pictures
from dfe_core.reports.coverage_data import data_section
from dfe_core.reports.document import (
    Bullets,
    Callout,
    Document,
    Numbers,
    Section,
    Table,
    Text,
    table_columns,
)
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.pdf import write_pdf
from dfe_core.reports.references import COVERAGE_METHODS, references
from dfe_core.reports.style import svg
from dfe_core.reports.tables import write_tables
from dfe_core.store import atomic_file, write_json


def write_coverage_report(
    coverage: Coverage,
    out: Path,
    *,
    pictures: Pictures | None = None,
    command: str = "",
    date: str = "",
    root: Path | None = None,
    progress: Listener = silent,
) -> list[Path]:
    """Write report.html, report.pdf, coverage.json, tables/, figures/ (SVG) and, last, manifest.json into `out`.

    `out` is made where it is missing; other files in it stay. The same coverage, pictures and date give the same
    bytes. `command` is the command line to print as the one that makes the report again; `date` (ISO) that of the
    report, today's or that of SOURCE_DATE_EPOCH by default; `root` the cache with the dataset that is described.
    Returns the paths written.
    """
    out.mkdir(parents=True, exist_ok=True)
    command = command or (
        f"dfe coverage {coverage.model} {coverage.dataset} --aus {coverage.aus} --out {out.name} --seed {coverage.seed}"
    )
    document = coverage_document(coverage, pictures or Pictures(), command, date=date or _today(), root=root)
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
        settings=asdict(coverage.settings),
        seed=coverage.seed,
        command=command,
        notes=list(coverage.notes),
    )
    progress(Progress(task="report", done=4, total=4))
    return [*files, out / MANIFEST]


def coverage_document(
    coverage: Coverage, pictures: Pictures, command: str, *, date: str = "", root: Path | None = None
) -> Document:
    """The report's content."""
    sections = [
        _summary(coverage),
        data_section(coverage, root),
        coverage_aus.facs_section(coverage),
        coverage_aus.pairs_section(coverage),
        coverage_beyond.beyond_section(coverage, pictures),
    ]
    sections += [coverage_aus.truth_section(coverage)] if len(coverage.truth) else []
    sections += [
        coverage_movement.symmetry_section(coverage),
        coverage_beyond.redundancy_section(coverage, pictures),
        coverage_movement.deformation_section(coverage, pictures),
        coverage_movement.diversity_section(coverage),
        coverage_aus.not_seen_section(coverage),
        *([_as_imported(coverage)] if coverage.notes_of_import else []),
        _method(coverage),
        Section("References", (Bullets(_references(coverage)),)),
    ]
    facts = (
        ("Model", f"{coverage.model} ({coverage.keys['model']})"),
        ("Dataset", f"{coverage.dataset} ({coverage.keys['dataset']})"),
        ("AUs", f"{coverage.aus} ({coverage.keys['aus']}) by {say.tool_name(coverage)}"),
        ("Frames", f"{coverage.frames:,} with tokens and AUs, {coverage.subjects} subjects"),
        ("Face", coverage.face_id),
        *((("Date", date),) if date else ()),
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


def _references(coverage: Coverage) -> tuple[str, ...]:
    """What the methods rest on, the tool, and where what is known of its errors comes from."""
    by_people = coverage.tool in (MANUAL_TOOL, TRUTH_TOOL)
    return references(COVERAGE_METHODS | {coverage.tool.lower()} | (frozenset() if by_people else {"py-feat"}))


def _today() -> str:
    """The date of the report, UTC; SOURCE_DATE_EPOCH (reproducible-builds.org) has the say, so that a report can be
    made again to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch.isdigit() else datetime.now(timezone.utc)
    return now.date().isoformat()


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
    limits = " ".join(note for note in coverage.notes if note not in coverage.notes_of_import)
    figures_and_text = (Numbers(say.headlines(coverage)), Text(say.summary(coverage)))
    return Section("Summary", (*figures_and_text, *([Callout(limits)] if limits else [])))


def _as_imported(coverage: Coverage) -> Section:
    return Section("The AUs as they were imported", (Bullets(coverage.notes_of_import),))


def _method(coverage: Coverage) -> Section:
    settings = asdict(coverage.settings)
    table = pd.DataFrame({"setting": settings.keys(), "value": [str(v) for v in settings.values()]})
    return Section(
        "How it was made",
        (
            *map(Text, say.method(coverage)),
            Table(
                name="settings",
                caption="Settings.",
                frame=table,
                columns=table_columns("setting; value*3"),
            ),
        ),
    )
