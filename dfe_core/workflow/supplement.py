"""The folder for a paper's supplement: a page with faces that turn, tables, figures, coverage report, probes, pictures
of codewords, methods, ``study.toml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfe_core.artefact_names import MANIFEST, METRICS_FILE, MODELS
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.portable_names import file_name
from dfe_core.probes.labels_together import family_table
from dfe_core.progress import Listener, Progress
from dfe_core.replacement import owner_of
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.tables import write_tables
from dfe_core.store import artefact_path, atomic_file, content_key, file_sha256, read_json, read_signed_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.workflow.recipe import STUDY_FILE, with_start, write_study_recipe
from dfe_core.workspace.study import Study

if TYPE_CHECKING:
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.groups.families import FamilyComparison
    from dfe_core.probes.result import ProbeResult
    from dfe_core.workflow.study_steps import StudySteps

VERSION = 3
"""Counted up when the supplement holds something else for the same study."""
METHODS_FILE, FACES_FOLDER = "methods.txt", "codewords"


def part_is_current(folder: Path, inputs: Mapping[str, Any]) -> bool:
    """Whether a folder of results has a manifest with these inputs and every file that it names, unchanged."""
    try:
        manifest = read_json(folder / MANIFEST)
    except DataError:
        return False
    same = content_key(manifest.get("inputs")) == content_key(inputs)
    files = manifest.get("files") or {}
    return same and all((folder / name).is_file() and file_sha256(folder / name) == h for name, h in files.items())


@dataclass(frozen=True, eq=False, kw_only=True)
class StudyResults:
    """What a study has come to: what could not be made is None or missing."""

    codebook: Codebook
    dataset: Dataset
    metrics: dict[str, Any] | None
    coverage: Coverage | None
    groups: dict[str, FamilyComparison] = field(default_factory=dict)
    probes: dict[str, ProbeResult] = field(default_factory=dict)


def supplement_inputs(steps: StudySteps, root: Path) -> dict[str, Any]:
    """What a supplement is made from: keys of the artefacts, and which analyses are there."""
    asked = steps.settings
    codebook, dataset = Codebook.open(asked.codebook, root), Dataset.open(asked.name, root)
    aus = steps.known_aus(root)
    return {
        "version": VERSION,
        "model": {"name": asked.codebook, "key": codebook.key},
        "dataset": {"name": asked.name, "key": dataset.key, "files": dataset.manifest.get("files")},
        "aus": aus,
        "labels": steps.labels(root),
        "seed": asked.seed,
        **steps.seal_state(root),
        "evaluated": _done(steps.has_metrics, root),
        "compared": bool(aus) and _done(steps.has_coverage, root),
        "groups": _done(steps.has_groups, root),
        "probes": _done(steps.has_probes, root),
        "faces": _done(steps.has_pictures, root),
        **({} if asked.events is None else {"events": _done(steps.has_curves, root)}),
    }


def _done(present: Any, root: Path) -> bool:
    try:
        return bool(present(root))
    except (DataError, OSError, KeyError):
        return False


def write_supplement(steps: StudySteps, root: Path, progress: Listener) -> list[Path]:
    """Write everything that a paper's supplement needs into the study's folder, its manifest last.

    Returns the paths that the manifest names. The same study gives the same bytes of tables, methods and recipe.
    """
    out = steps.settings.out
    from dfe_core.workflow.supplement_content import write_page

    out.mkdir(parents=True, exist_ok=True)
    progress(Progress(task="supplement", done=0, total=5, detail="results"))
    results, study = read_results(steps, root), Study(steps.settings.codebook, steps.settings.name, root=root)
    files = write_tables(dict(study_tables(results, study)), out / "tables")
    progress(Progress(task="supplement", done=1, total=5, detail="coverage"))
    files += _coverage_report(results, out, root, progress)
    progress(Progress(task="supplement", done=2, total=5, detail="probes"))
    files += _probe_reports(results, out)
    progress(Progress(task="supplement", done=3, total=5, detail="faces"))
    files += write_faces(results, out, root)
    progress(Progress(task="supplement", done=4, total=5, detail="methods"))
    files += [write_methods(results, study, out), _recipe(steps, results)]
    files += write_page(results, study, out)
    _remove_leftovers(out)
    write_manifest(
        out,
        files,
        kind="study",
        inputs=supplement_inputs(steps, root),
        settings={"by": steps.labels(root)},
        seed=steps.settings.seed,
        command=f"dfe study {STUDY_FILE}",
    )
    progress(Progress(task="supplement", done=5, total=5))
    return files


def _remove_leftovers(out: Path) -> None:
    """Remove half-written files of a study that was killed: the folder is handed in as it is."""
    for path in sorted(out.rglob(".*")):
        if path.is_file() and (owner := owner_of(path)) and path.with_name(owner + path.suffix).is_file():
            path.unlink()


def read_results(steps: StudySteps, root: Path) -> StudyResults:
    """What the steps of a study have made, opened; nothing is worked out but what is not kept as an artefact."""
    from dfe_core.facs.coverage import coverage_folder
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.probes.result import ProbeResult
    from dfe_core.probes.run import probe_folder

    asked, labels = steps.settings, steps.labels(root)
    study = Study(asked.codebook, asked.name, root=root)
    metrics, coverage = None, None
    groups: dict[str, FamilyComparison] = {}
    probes: dict[str, ProbeResult] = {}
    if _done(steps.has_metrics, root):
        metrics = read_signed_json(artefact_path(MODELS, asked.codebook, root) / METRICS_FILE)
    if steps.known_aus(root):
        with suppress(DataError, OSError):
            coverage = Coverage.load(coverage_folder(asked.codebook, asked.name, steps.aus(), root, asked.seed))
    for label in steps.group_labels(root):
        with suppress(DataError, OSError):
            groups[label] = study.groups(label, aus=steps.known_aus(root), seed=asked.seed)
    for label in labels:
        with suppress(DataError, OSError):
            folder = probe_folder(steps.probe_settings(label, root), root)
            probes |= {label: ProbeResult.load(folder)} if (folder / MANIFEST).is_file() else {}
    return StudyResults(
        codebook=study.codebook,
        dataset=study.dataset,
        metrics=metrics,
        coverage=coverage,
        groups=groups,
        probes=probes,
    )


def study_tables(results: StudyResults, study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of the supplement by name. Labels of people are not among them."""
    from dfe_core.workspace.tables import codeword_summary

    columns = ("recording", "subject", "session", "frames", "valid_frames", "fps", "duration_s")
    yield "recordings", results.dataset.recordings[[c for c in columns if c in results.dataset.recordings]]
    yield "codewords", codeword_summary(study)
    yield "bag_by_recording", study.bag("recording").add_prefix("codeword_").reset_index()
    if results.metrics is not None:
        yield from _figures(results.metrics)
    if results.coverage is not None:
        yield "action_units", results.coverage.per_au
    for label, result in results.groups.items():
        yield f"groups_{label}", result.table
        yield f"groups_{label}_families", result.families
    for label, probe in results.probes.items():
        yield f"probe_{label}", probe.rows
    if len(results.probes) > 1:
        yield "probe_labels", family_table(list(results.probes.values()))


def _figures(metrics: dict[str, Any]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The figures of an evaluation: single ones, by region, and those of the baselines."""
    single = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    yield "evaluation", pd.DataFrame(list(single.items()), columns=["figure", "value"])
    yield (
        "evaluation_by_region",
        pd.DataFrame(list(metrics["rmse_mm_by_region"].items()), columns=["region", "rmse_mm"]),
    )
    rivals = [{"baseline": name, **one} for name, one in (metrics.get("baselines") or {}).items() if one]
    if rivals:
        yield "baselines", pd.DataFrame(rivals)


def _coverage_report(results: StudyResults, out: Path, root: Path, progress: Listener) -> list[Path]:
    if results.coverage is None:
        return []
    from dfe_core.reports.coverage import write_coverage_report
    from dfe_core.reports.coverage_pictures import coverage_pictures

    pictures = coverage_pictures(results.coverage, root=root, progress=progress)
    return write_coverage_report(results.coverage, out / "coverage", pictures=pictures, root=root, progress=progress)


def _probe_reports(results: StudyResults, out: Path) -> list[Path]:
    from dfe_core.reports.probe import write_report

    found = {file_name(label): result for label, result in results.probes.items()}
    return [p for name, result in found.items() for p in write_report(result, out / "probes" / name)]


def write_faces(results: StudyResults, out: Path, root: Path) -> list[Path]:
    """The pictures of the codewords, one file for each, where the face has a mesh and they could be drawn."""
    from dfe_core.faces import open_face
    from dfe_core.render.pictures import thumbnail_folder, thumbnail_path, thumbnails_ready
    from dfe_core.reports.coverage_pictures import on_white

    face = open_face(results.codebook.face_id, root)
    folder = thumbnail_folder(results.codebook, face, root)
    if not thumbnails_ready(folder):
        return []
    (out / FACES_FOLDER).mkdir(exist_ok=True)
    made = []
    for codeword in range(1, results.codebook.size):
        path = out / FACES_FOLDER / f"{codeword:04d}.png"
        with atomic_file(path) as temporary:
            temporary.write_bytes(on_white(thumbnail_path(folder, codeword)))
        made.append(path)
    return made


def write_methods(results: StudyResults, study: Study, out: Path) -> Path:
    """Write the methods paragraph into a folder."""
    from dfe_core.workflow.supplement_content import methods_paragraphs

    with atomic_file(out / METHODS_FILE) as temporary:
        temporary.write_text("\n\n".join(methods_paragraphs(results, study)) + "\n", encoding="utf-8")
    return out / METHODS_FILE


def _recipe(steps: StudySteps, results: StudyResults) -> Path:
    """The study as a file that runs it again, with the codebook that training began from."""
    settings = with_start(steps.settings, str(results.codebook.config["started_from"]))
    return write_study_recipe(settings, study_files(steps), steps.settings.out)


def study_files(steps: StudySteps) -> dict[str, str]:
    """SHA-256 of every file that a study reads, by name."""
    from dfe_core.workflow.sources import file_hashes

    labels = [steps.settings.labels] if steps.settings.labels else []
    others = [*steps.sources.aus_files, *labels, *steps.event_files()]
    return {**file_hashes(others), **steps.sources.hashes}
