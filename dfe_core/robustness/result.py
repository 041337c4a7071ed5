"""The table of a measurement of robustness: worked out once, kept, and opened.

``analyses/robustness-<key>/`` holds table.parquet and, last, manifest.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, newest_first, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, MANIFEST, MODELS, ROBUSTNESS, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.gaps.model import GapModel
from dfe_core.integrity import check, is_whole
from dfe_core.progress import Listener, silent
from dfe_core.robustness.agreement import share_divergence
from dfe_core.robustness.measure import (
    PLAIN,
    Condition,
    PerturbationSums,
    make_workbench,
    measure_perturbations,
    subject_sums,
)
from dfe_core.robustness.probe_scores import LabelledPeople, ProbeChange, labelled_people, probe_changes
from dfe_core.robustness.settings import MASKED, NO_PURIFIER, UNITS, RobustnessSettings
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.storage import load_model, require_same_coefficients

VERSION = 2
_TABLE = "table.parquet"
_NO_LABEL = ("score", "score_low", "score_high", "change", "change_low", "change_high")


@dataclass(frozen=True, eq=False, kw_only=True)
class RobustnessResult:
    """What perturbations do.

    Attributes
    ----------
    settings: what was asked for.
    table: a row a perturbation and purifier: perturbation (its name), kind, part, size, unit, purifier; kept, matched
        and divergence with their ``_low`` and ``_high`` (means over subjects, 95 % bootstrap over subjects); face_mm,
        the distance of the decoded faces; steady: matched against the undisturbed frames through the same purifier;
        gain, steady_gain with their ends: matched and steady, less matched without a purifier, paired;
        score, change of a probe with their ends, NaN without a label.
    facts: subjects, recordings, frames, simulated, own_divergence (between the halves of a recording, undisturbed),
        metric, units and classes of the label, absent (perturbations that change nothing here), gap_model, sealed.
    """

    settings: RobustnessSettings
    table: pd.DataFrame
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values, not a number as null."""
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        return {"settings": self.settings.as_dict(), **self.facts, "rows": rows}


def measure_robustness(
    settings: RobustnessSettings, root: Path | None = None, progress: Listener = silent
) -> RobustnessResult:
    """Measure it, or open what was measured before of the same artefacts.

    Raises `DataError` for a model of other coefficients, a label that tells nothing, and a pair on another face.
    """
    dataset, codebook = Dataset.open(settings.dataset, root), Codebook.open(settings.model, root)
    people = labelled_people(dataset, settings) if settings.label else None
    path = _path(settings, dataset, codebook, root)
    if is_whole(path):
        return _opened(path)
    result, sources = _work_out(settings, dataset, codebook, people, root=root, progress=progress)
    with atomic_directory(path) as folder:
        result.table.to_parquet(folder / _TABLE, index=False)
        write_json(
            folder / MANIFEST,
            {
                "version": VERSION,
                **source_labels(*sources),
                "model_key": codebook.key,
                "dataset_key": dataset.key,
                "settings": settings.as_dict(),
                "facts": result.facts,
            },
        )
    return result


def open_robustness(model: str, dataset: str, root: Path | None = None) -> RobustnessResult | None:
    """The newest measurement of this codebook on this dataset as both are now, None where there is none."""
    keys = Codebook.open(model, root).key, Dataset.open(dataset, root).key
    for path in newest_first(artefact_path(ANALYSES, ROBUSTNESS, root).parent, ROBUSTNESS):
        if is_whole(path):
            manifest = read_json(path / MANIFEST)
            asked = manifest["settings"]
            named = (asked["model"], asked["dataset"]) == (model, dataset)
            if manifest["version"] == VERSION and named and (manifest["model_key"], manifest["dataset_key"]) == keys:
                return _opened(path)
    return None


def _opened(path: Path) -> RobustnessResult:
    manifest = read_json(path / MANIFEST)
    asked: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in manifest["settings"].items()}
    return RobustnessResult(
        settings=RobustnessSettings(**asked),
        table=pd.read_parquet(check(path / _TABLE)),
        facts=manifest["facts"],
    )


def _path(settings: RobustnessSettings, dataset: Dataset, codebook: Codebook, root: Path | None) -> Path:
    labels = dataset.recordings.astype(str).to_dict("list") if settings.label else {}
    others = [Dataset.open(name, root).key for name in (settings.pair, settings.trained_on) if name]
    key = content_key([VERSION, settings.as_dict(), codebook.key, dataset.key, labels, others, sorted(dataset.sealed)])
    return artefact_path(ANALYSES, keyed_name(ROBUSTNESS, key), root)


def _work_out(
    settings: RobustnessSettings,
    dataset: Dataset,
    codebook: Codebook,
    people: LabelledPeople | None,
    *,
    root: Path | None,
    progress: Listener,
) -> tuple[RobustnessResult, list[ArtefactId]]:
    face = open_face(codebook.face_id, root)
    model, config = load_model(settings.model, root)
    require_same_coefficients(config, dataset)
    if settings.pair:
        require_same_coefficients(config, Dataset.open(settings.pair, root))
    gaps, gap_name = _gap_model(settings, dataset, face, root, progress) if MASKED in settings.purifiers else (None, "")
    bench = make_workbench(model, codebook, dataset, face, settings, gaps)
    measured = measure_perturbations(bench, dataset, progress)
    changes = _changes(measured, people, settings)
    sealed = (
        facts_under_seal(
            dataset, people.target.table["subject"].astype(str), "robustness", settings.label, codebook.key
        )
        if people
        else None
    )
    facts = {
        "model": settings.model,
        "dataset": settings.dataset,
        "simulated": dataset.simulated,
        "subjects": len(np.unique(measured.subject)),
        "recordings": len(measured.subject),
        "frames": measured.frames,
        "unit": "mm" if face.has_mesh else "coefficients",
        "own_divergence": float(share_divergence(*_halves(measured)).mean()),
        "metric": people.metric if people else "",
        "units": int(people.target.n) if people else 0,
        "classes": list(people.target.classes) if people else [],
        "absent": sorted({one.name for one in measured.absent} - {key.perturbation.name for key in measured.tallies}),
        "gap_model": gap_name,
        "sealed": sealed,
    }
    sources = [ArtefactId(MODELS, settings.model), ArtefactId(DATASETS, settings.dataset)]
    sources += [ArtefactId(DATASETS, name) for name in dict.fromkeys((settings.pair, settings.trained_on)) if name]
    return RobustnessResult(
        settings=settings, table=robustness_table_of(measured, changes, settings), facts=facts
    ), sources


def _gap_model(
    settings: RobustnessSettings, dataset: Dataset, face: FaceModel, root: Path | None, progress: Listener
) -> tuple[GapModel, str]:
    from dfe_core.gaps.settings import GapSettings
    from dfe_core.gaps.store import find_gap_model

    source = Dataset.open(settings.trained_on, root) if settings.trained_on else dataset
    if source.face_id != dataset.face_id:
        raise DataError(f"--trained-on {source.name}", "another face", f"a dataset on {dataset.face_id}")
    found = find_gap_model(source, face, GapSettings(seed=settings.seed), progress=progress)
    return found.model(face), found.path.name


def _changes(
    measured: PerturbationSums, people: LabelledPeople | None, settings: RobustnessSettings
) -> dict[Condition, ProbeChange]:
    if people is None:
        return {}
    bags = {key: tally.bag(settings.feature) for key, tally in measured.tallies.items()}
    return probe_changes(people, bags, PLAIN, settings.resamples, settings.seed)


def _halves(measured: PerturbationSums) -> tuple[np.ndarray, np.ndarray]:
    sums = subject_sums(measured.halves, measured.subject)
    return sums[:, 0], sums[:, 1]


def robustness_table_of(
    measured: PerturbationSums, changes: dict[Condition, ProbeChange], settings: RobustnessSettings
) -> pd.DataFrame:
    """A row a perturbation and purifier, as `RobustnessResult.table`. changes: of the probe, empty without one."""
    people = len(np.unique(measured.subject))
    draws = np.random.default_rng([settings.seed, 3]).integers(0, people, (settings.resamples, people))
    own = {key: _by_subject(measured, key) for key in measured.tallies}
    rows = []
    for key, found in own.items():
        plain = own[Condition(key.perturbation, NO_PURIFIER)]
        what = key.perturbation
        through = key.purifier != NO_PURIFIER
        gained, steadier = ((found[name] - plain["matched"]) if through else None for name in ("matched", "steady"))
        row: dict[str, Any] = {
            "perturbation": what.name,
            "kind": what.kind.value,
            "part": what.part,
            "size": what.size,
            "unit": UNITS[what.kind],
            "purifier": key.purifier,
        }
        for name in ("kept", "matched", "steady", "divergence"):
            row |= _interval(name, found[name], draws)
        row["face_mm"] = float(np.nanmean(found["face_mm"])) if np.isfinite(found["face_mm"]).any() else np.nan
        for name, values in (("gain", gained), ("steady_gain", steadier)):
            row |= _interval(name, values, draws) if values is not None else dict.fromkeys(_ends(name), np.nan)
        change = changes.get(key)
        row |= (
            dict.fromkeys(_NO_LABEL, np.nan)
            if change is None
            else {("score_" + k if k in ("low", "high") else k): v for k, v in asdict(change).items()}
        )
        rows.append(row)
    return pd.DataFrame(rows)


def _by_subject(measured: PerturbationSums, key: Condition) -> dict[str, np.ndarray]:
    """(S,) means of each subject; NaN where a subject has no frame that counts."""
    tally = measured.tallies[key]
    sums = {
        name: subject_sums(getattr(tally, name), measured.subject)
        for name in ("frames", "kept", "matched", "steady", "steady_frames", "energy", "all_frames", "uses")
    }
    plain = subject_sums(measured.tallies[PLAIN].uses, measured.subject)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "kept": sums["kept"] / sums["frames"],
            "matched": sums["matched"] / sums["frames"],
            "steady": sums["steady"] / sums["steady_frames"],
            "divergence": share_divergence(plain, sums["uses"]),
            "face_mm": np.sqrt(sums["energy"] / sums["all_frames"]),
        }


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _interval(name: str, values: np.ndarray, draws: np.ndarray) -> dict[str, float]:
    """Mean over subjects and its 95 % percentile interval, subjects drawn with replacement."""
    if not np.isfinite(values).any():
        return dict.fromkeys(_ends(name), np.nan)
    drawn = values[draws]
    known = np.isfinite(drawn)
    means = np.where(known, drawn, 0).sum(1) / np.maximum(known.sum(1), 1)
    low, high = np.quantile(means[known.any(1)], [0.025, 0.975])
    return dict(zip(_ends(name), (float(np.nanmean(values)), float(low), float(high)), strict=True))
