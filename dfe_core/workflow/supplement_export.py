"""The supplement of any codebook on any dataset as one zip, from the analyses that are there."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import MANIFEST, METRICS_FILE, MODELS
from dfe_core.errors import DataError
from dfe_core.facs.store import list_aligned
from dfe_core.groups.design import comparable_labels
from dfe_core.progress import Progress
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.tables import write_tables
from dfe_core.store import artefact_path, atomic_file, read_signed_json
from dfe_core.workflow.supplement import StudyResults, study_tables, write_faces, write_methods
from dfe_core.workflow.supplement_content import write_page
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import study_inputs

if TYPE_CHECKING:
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.probes.result import ProbeResult

MOST_LABELS = 3
_FIRST = (1980, 1, 1, 0, 0, 0)


def export_supplement(study: Study, path: Path, *, by: Sequence[str] | None = None, seed: int = 0) -> list[str]:
    """Write the supplement of a study as one zip, and return the names in it.

    Evaluation, coverage and probes are those that were made; groups are compared now.

    Parameters
    ----------
    path: the zip to write.
    by: label columns to compare (default: the first three of two to four levels with three or more people each).
    seed: of the analyses.

    Raises
    ------
    DataError
        For an unknown label, and an ending other than ``.zip``.
    """
    if path.suffix.lower() != ".zip":
        raise DataError(path, f"ending {path.suffix or 'none'}", ".zip")
    with tempfile.TemporaryDirectory(prefix="dfe-supplement-") as held:
        folder = Path(held) / path.stem
        folder.mkdir()
        results = _results(study, by, seed)
        study.progress(Progress(task="supplement", done=1, total=3, detail="tables and figures"))
        files = write_tables(dict(study_tables(results, study)), folder / "tables")
        files += write_faces(results, folder, study.root)
        files.append(write_methods(results, study, folder))
        files += write_page(results, study, folder)
        write_manifest(
            folder,
            files,
            kind="supplement",
            inputs=study_inputs(study) | _analyses(results),
            settings={"by": list(results.groups)},
            seed=seed,
            command=f"dfe export {study.codebook.model} {study.dataset.name} --supplement {path.name}"
            + "".join(f" --by {label}" for label in by or ()),
        )
        study.progress(Progress(task="supplement", done=2, total=3, detail=path.name))
        names = zip_folder(folder, path)
    study.progress(Progress(task="supplement", done=3, total=3))
    return names


def zip_folder(folder: Path, path: Path) -> list[str]:
    """Write every file of a folder into one zip, in a folder of the zip's own name, and return their names. The same
    files give the same bytes."""
    names = []
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            name = f"{path.stem}/{file.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo(name, _FIRST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
            names.append(name)
    return names


def _results(study: Study, by: Sequence[str] | None, seed: int) -> StudyResults:
    study.progress(Progress(task="supplement", done=0, total=3, detail="analyses"))
    labels = comparable_labels(study.dataset.recordings)[:MOST_LABELS] if by is None else list(by)
    coverage = _coverage(study, seed)
    aus = coverage.aus if coverage is not None else None
    return StudyResults(
        codebook=study.codebook,
        dataset=study.dataset,
        metrics=_metrics(study),
        coverage=coverage,
        groups={label: study.groups(label, aus=aus, seed=seed) for label in labels},
        probes={label: found for label in labels if (found := _probe(study, label, labels, aus, seed)) is not None},
    )


def _metrics(study: Study) -> dict[str, Any] | None:
    """The evaluation of the codebook, where it is one on this dataset."""
    try:
        held = read_signed_json(artefact_path(MODELS, study.codebook.model, study.root) / METRICS_FILE)
    except DataError:
        return None
    return held if held.get("dataset") == study.dataset.name else None


def _coverage(study: Study, seed: int) -> Coverage | None:
    """A coverage of the codebook by these data that was made, measured action units before estimates."""
    from dfe_core.facs.coverage import coverage_folder
    from dfe_core.facs.coverage_result import Coverage

    found = []
    for aus in list_aligned(study.dataset.name, study.root):
        with suppress(DataError, OSError):
            folder = coverage_folder(study.codebook.model, study.dataset.name, aus, study.root, seed)
            found += [Coverage.load(folder)] if (folder / MANIFEST).is_file() else []
    return min(found, key=lambda one: one.estimate, default=None)


def _probe(study: Study, label: str, labels: list[str], aus: str | None, seed: int) -> ProbeResult | None:
    """The probe of a label that a study makes, where it was made."""
    from dfe_core.probes.result import ProbeResult
    from dfe_core.probes.run import probe_folder
    from dfe_core.workflow.analysis_steps import label_probe

    with suppress(DataError, OSError):
        asked = label_probe(study.codebook.model, study.dataset.name, label, labels, aus, seed)
        folder = probe_folder(asked, study.root)
        return ProbeResult.load(folder) if (folder / MANIFEST).is_file() else None
    return None


def _analyses(results: StudyResults) -> dict[str, Any]:
    """What of the supplement is an analysis of its own, with its key."""
    held: dict[str, Any] = {"coverage": None if results.coverage is None else results.coverage.key}
    return held | {"evaluated": results.metrics is not None, "probes": sorted(results.probes)}
