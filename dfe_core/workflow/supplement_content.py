"""What the page of a supplement says and shows, from the results of a study; figures with their data beside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfe_core.artefact_names import CONFIG, MANIFEST, MODELS
from dfe_core.expressions.sealed_test import find_seal
from dfe_core.faces.model import FaceModel
from dfe_core.facs.codeword_names import name_codewords
from dfe_core.groups.families import Family, FamilyComparison
from dfe_core.portable_names import file_name
from dfe_core.probes.labels_together import LabelFamily
from dfe_core.reports import coverage_text, study_text
from dfe_core.reports import supplement_figures as draw
from dfe_core.reports.coverage_aus import facs_section
from dfe_core.reports.document import Block, Figure, Number, Section, Table, Text, table_columns
from dfe_core.reports.style import pdf, svg
from dfe_core.reports.supplement_page import (
    CodewordCard,
    CodewordTable,
    SupplementPage,
    TurningFaces,
    write_supplement_page,
)
from dfe_core.reports.tables import write_table
from dfe_core.store import artefact_path, atomic_file, read_json
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.phrasing import description_sentence, plain_name
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import codeword_summary

if TYPE_CHECKING:
    from dfe_core.workflow.supplement import StudyResults

PAGE, FIGURES = "index.html", "figures"
_FILES = {
    PAGE: "this page; it needs no other file and no network",
    "methods.txt": "the methods paragraph",
    "study.toml": "every choice and the SHA-256 of every file; dfe study study.toml runs the study again",
    "tables": "every table as CSV and Parquet",
    FIGURES: "every figure as SVG and PDF, with its data as CSV and Parquet",
    "coverage": "the report on action units",
    "groups": "comparisons of groups",
    "probes": "predictions of labels",
    "codewords": "a picture of each codeword",
    MANIFEST: "what everything was made from, versions of packages, SHA-256 of every file",
}


class NoFaces(StrEnum):
    """Why a page has no faces."""

    NO_MESH = "no mesh"
    LICENCE = "licence"


_NO_FACES = {
    NoFaces.NO_MESH: "The face of this codebook is coefficients alone: it has no mesh to draw.",
    NoFaces.LICENCE: "The mesh of this face is under a licence of its own that does not allow passing it on: the page "
    "has no faces that turn. Pictures of the codewords are in the folder codewords, where they were drawn.",
}
_NOT_PASSED_ON = ("flame-", "bfm-")
"""Beginnings of ids of faces whose models are licensed to each user (NOTICE)."""


def why_no_faces(face: FaceModel) -> NoFaces | None:
    """Why a face cannot be in a page that is passed on; None where it can."""
    if not face.has_mesh:
        return NoFaces.NO_MESH
    return NoFaces.LICENCE if face.id.startswith(_NOT_PASSED_ON) else None


def write_page(results: StudyResults, study: Study, out: Path) -> list[Path]:
    """Write the page of a supplement, and its figures with their data, into the supplement's folder, where the other
    files are already. The same study gives the same bytes. Returns the paths."""
    page, data = supplement_page(results, study)
    present = {name: what for name, what in _FILES.items() if (out / name).exists() or name in (PAGE, FIGURES)}
    page = dataclasses.replace(page, files=(*present.items(), (MANIFEST, _FILES[MANIFEST])))
    drawings = {figure.name: svg(figure) for figure in page.figures}
    write_supplement_page(page, drawings, out / PAGE)
    return [out / PAGE, *write_figures(page.figures, drawings, data, out / FIGURES)]


def write_figures(
    figures: tuple[Figure, ...], drawings: dict[str, str], data: dict[str, pd.DataFrame], folder: Path
) -> list[Path]:
    """Write every figure as SVG (its drawing) and PDF, and what it shows as a table of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for figure in figures:
        for ending, content in ((".svg", drawings[figure.name].encode()), (".pdf", pdf(figure))):
            paths.append(folder / f"{figure.name}{ending}")
            with atomic_file(paths[-1]) as temporary:
                temporary.write_bytes(content)
        if figure.name in data:
            paths += write_table(data[figure.name], folder, figure.name)
    return paths


def supplement_page(results: StudyResults, study: Study) -> tuple[SupplementPage, dict[str, pd.DataFrame]]:
    """The page of a study, and the data of its figures by their names."""
    face, codewords = study.face, codeword_summary(study)
    recordings = study.dataset.recordings
    subjects, frames = int(recordings["subject"].nunique()), study.token_cache.frames
    moving = codewords[codewords["codeword"] != REST]
    figures: dict[str, pd.DataFrame] = {}
    sections = [
        _use_section(moving, subjects, frames, figures),
        *_fidelity_section(results, figures),
        *_groups_sections(results, figures),
        *_coverage_section(results, figures),
        *_probe_sections(results),
        *_robustness_section(study, figures),
    ]
    faults = why_no_faces(face)
    page = SupplementPage(
        title=f"Supplement: {study.dataset.name}",
        subtitle=f"Codebook {study.codebook.model} on {len(recordings)} recordings of "
        f"{study_text.people_words(subjects)}, "
        f"{frames:,} frames with a face",
        numbers=tuple(_headlines(results, study)),
        cards=tuple(_cards(results, study, moving)),
        faces=None if faults else _faces(face, study),
        no_faces=_NO_FACES[faults] if faults else "",
        sections=tuple(sections),
        methods=methods_paragraphs(results, study),
        licence=_licence(face, faults),
        labels=_labels(results, study),
    )
    return page, figures


def methods_paragraphs(results: StudyResults, study: Study) -> tuple[str, ...]:
    """The methods of a study in words, a paragraph for each part that it has."""
    config = read_json(artefact_path(MODELS, study.codebook.model, study.root) / CONFIG)
    trained_here = config.get("dataset", {}).get("name") == study.dataset.name
    parts = (
        study_text.recordings_sentence(study.dataset.manifest, study.dataset.recordings, study.face.title),
        study_text.codebook_sentence(config, trained_here=trained_here) if "train" in config else "",
        study_text.evaluation_sentence(results.metrics),
        study_text.coverage_sentence(results.coverage),
        study_text.groups_sentence(list(results.groups.values())),
        LabelFamily(results=tuple(results.probes.values()), refused={}).methods,
        study_text.seal_sentence(find_seal(study.dataset.name, study.root)),
    )
    return tuple(part for part in parts if part)


def _labels(results: StudyResults, study: Study) -> tuple[str, ...]:
    """What must be read beside every figure."""
    simulated = ("simulated data",) if study.dataset.simulated else ()
    return tuple(dict.fromkeys((*simulated, *(coverage_text.labels(results.coverage) if results.coverage else ()))))


def _headlines(results: StudyResults, study: Study) -> Iterator[Number]:
    recordings = study.dataset.recordings
    minutes = float(recordings["duration_s"].sum()) / 60
    yield Number(label="People", value=str(recordings["subject"].nunique()), detail=f"{len(recordings)} recordings")
    yield Number(label="Minutes", value=f"{minutes:.0f}", detail=f"{study.token_cache.frames:,} frames with a face")
    used = int((study.intervals_index.summary["runs"] > 0).sum())
    yield Number(label="Codewords", value=str(study.codebook.size - 1), detail=f"{used} of them occur")
    if (figures := results.metrics) is not None:
        held = f"{figures['split']} part, {study_text.people_words(figures['subjects'])}"
        yield Number(label="Error", value=f"{figures['rmse_mm']:.3f} mm", detail=held)
        yield Number(label="Explained variance", value=f"{figures['explained_variance']:.3f}", detail=held)
        bits = f"{figures['entropy_bits_per_frame']:.1f}"
        yield Number(label="Bits per frame", value=bits, detail="entropy-coded")
    if results.coverage is not None:
        yield from (number for number in coverage_text.headlines(results.coverage) if number.main)


def _cards(results: StudyResults, study: Study, codewords: pd.DataFrame) -> Iterator[CodewordCard]:
    """The codewords, the most used first."""
    pairs = results.coverage.pairs if results.coverage is not None else None
    names = name_codewords(study.codebook.psi, study.face, pairs=pairs)
    own = Notebook.open(study.codebook.model, study.root).read()
    for row in codewords.sort_values("share_of_frames", ascending=False, kind="stable").to_dict("records"):
        number = int(row["codeword"])
        name, size = names[number], float(row.get("peak_mm", np.nan))
        called = own.of(number).name or plain_name(name.description)
        facts = (name.label, f"{row['share_of_frames']:.1%} of frames", f"{size:.1f} mm" if np.isfinite(size) else "")
        yield CodewordCard(
            codeword=number,
            title=f"{number} {called}",
            line=" · ".join(fact for fact in facts if fact),
            note=f"{description_sentence(name.description)}. {row['region']}, {name.description.side}."
            f"{f' {name.label} by shape.' if name.label else ''}",
        )


def _faces(face: FaceModel, study: Study) -> TurningFaces:
    from dfe_core.render.scene import pack_arrays, pack_scene
    from dfe_core.render.viewer import look_of

    codebook = pack_arrays({}, psi=study.codebook.psi.astype(np.float32))
    return TurningFaces(face=pack_scene(face), codebook=codebook, look=look_of(face))


def _use_section(codewords: pd.DataFrame, subjects: int, frames: int, data: dict[str, pd.DataFrame]) -> Section:
    figure = draw.use_figure(codewords, subjects, frames)
    data[figure.name] = codewords[["codeword", "share_of_frames", "presences", "mean_intensity"]]
    return Section("Use of codewords", (figure,))


def _fidelity_section(results: StudyResults, data: dict[str, pd.DataFrame]) -> Iterator[Section]:
    if (figures := results.metrics) is None:
        return
    regions = pd.DataFrame(list(figures["rmse_mm_by_region"].items()), columns=["region", "rmse_mm"]).dropna()
    figure = draw.region_figure(regions, str(figures["split"]), int(figures["subjects"]), int(figures["frames"]))
    data[figure.name] = regions
    yield Section("Fidelity", (Text(study_text.evaluation_sentence(figures)), figure))


def _groups_sections(results: StudyResults, data: dict[str, pd.DataFrame]) -> Iterator[Section]:
    for number, (label, result) in enumerate(results.groups.items(), 1):
        figure = draw.volcano_figure(label, number, result.table, _units(result))
        data[figure.name] = result.table
        yield Section(f"Groups by {label}", (figure, _groups_table(label, result)))


def _units(result: FamilyComparison) -> str:
    design = next(iter(result.parts.values()))
    each = ", ".join(f"{level} {design.units[level]}" for level in design.levels)
    return f"n: {each} ({'within' if design.within else 'between'} subjects)"


_NAMED = {str(Family.CODEWORDS): "codeword", str(Family.SYLLABLES): "syllable"}
"""Families whose things are numbers, and what one of them is."""


def _groups_table(label: str, result: FamilyComparison) -> Table:
    """The tests of the smallest p, those of codewords with their number to show the face."""
    table = result.table.dropna(subset=["p"]).reset_index(drop=True)
    named = table.assign(
        what=[
            f"{_NAMED[family]} {thing}" if family in _NAMED else str(thing)
            for family, thing in zip(table["family"], table["thing"], strict=True)
        ],
        pair=table["b"].astype(str) + " − " + table["a"].astype(str),
        interval=[f"{low:.2f} to {high:.2f}" for low, high in zip(table["g_low"], table["g_high"], strict=True)],
    )
    shown = tuple(
        int(thing) if family == Family.CODEWORDS else None
        for family, thing in zip(table["family"], table["thing"], strict=True)
    )
    return CodewordTable(
        name=f"groups_{file_name(label)}",
        caption=f"Tests by {label}, the smallest p first. g: Hedges' g with its 95 % interval; q: over the rows of the "
        f"family and over all. {_units(result)}.",
        frame=named,
        columns=table_columns(
            "what=of; description; measure; pair=groups; mean_a=first:.3g; mean_b=second:.3g; hedges_g=g:.2f; "
            "interval=95 %; p=p:.2g; q=q:.2g; q_all=q over all:.2g"
        ),
        shown=shown,
    )


def _coverage_section(results: StudyResults, data: dict[str, pd.DataFrame]) -> Iterator[Section]:
    if (found := results.coverage) is None:
        return
    blocks: list[Block] = []
    for block in facs_section(found).blocks:
        if isinstance(block, Figure):
            block = dataclasses.replace(block, chart=None)
            data[block.name] = found.per_au
        blocks.append(block)
    yield Section("Coverage against FACS", (Text(coverage_text.subtitle(found)), *blocks))


def _probe_sections(results: StudyResults) -> Iterator[Section]:
    for label, probe in results.probes.items():
        table = Table(
            name=f"probe_{file_name(label)}",
            caption=f"How well features predict {label}, over folds that keep subjects together, with 95 % intervals.",
            frame=probe.rows,
            columns=table_columns("features; model; metric; score:.3f; p_vs_chance=p:.2g"),
        )
        yield Section(f"Predicting {label}", (table,))


def _robustness_section(study: Study, data: dict[str, pd.DataFrame]) -> Iterator[Section]:
    """What `dfe robustness` last measured of this codebook on this dataset, if it did."""
    from dfe_core.reports.robustness import robustness_figure, robustness_sentence
    from dfe_core.robustness.result import open_robustness  # with torch, which no page of the dashboard waits for

    found = open_robustness(study.codebook.model, study.dataset.name, study.root)
    if found is None:
        return
    figure = robustness_figure(found)
    data[figure.name] = found.table
    yield Section("Robustness", (Text(robustness_sentence(found)), figure))


def _licence(face: FaceModel, fault: NoFaces | None) -> str:
    terms = f"Face: {face.title or face.id}. {face.licence}.".replace("..", ".") if face.licence else ""
    people = (
        "No picture, film or sound of a person is in these files, and no label of one in tables of this page; names of "
        "recordings and subjects are those of the dataset."
    )
    inlined = "The mesh in this page is under that licence." if fault is None and face.licence else ""
    return " ".join(part for part in (people, terms, inlined) if part)
