"""The asymmetry of every recording of a dataset, kept.

``analyses/asymmetry-<key>/`` holds recordings.parquet (`recording_row`), movements.parquet (one row per recording and
movement), apexes.parquet (one row per apex: recording, movement, frame, time_s, left_mm, right_mm), rest.parquet (ψ of
every recording's resting face) and, last, manifest.json. A person's weaker side is the one that moves less over all of
the person's recordings, empty where none of them holds a movement that is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, OpenedArtefact, newest_first, source_labels
from dfe_core.artefact_names import ASYMMETRY, DATASETS, FACES, MANIFEST, RECORDINGS_FILE, keyed_name
from dfe_core.asymmetry.change import TRACKED, MeasurementError, RepeatsOf, measurement_error, session_course
from dfe_core.asymmetry.composites import SideComposites, composites_of, lean, weaker_side
from dfe_core.asymmetry.measure import MeasuredApexes, MeasuredSides, asymmetry_index, measure_sides, no_face
from dfe_core.asymmetry.movements import COMPARED, LEFT_RIGHT, MOVEMENTS, NAMES, Ruler, ruler_of
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import is_whole, seal
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json
from dfe_core.table_rows import json_rows

VERSION = 8
"""Raised when figures change."""
MOVEMENTS_FILE, APEXES_FILE, REST_FILE = "movements.parquet", "apexes.parquet", "rest.parquet"


@dataclass(frozen=True)
class AsymmetryReport(OpenedArtefact):
    """A finished report. Its manifest holds dataset, face, simulated and errors (`MeasurementError` by measure)."""

    path: Path

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """One row per recording, wide: as clinics keep them."""
        return pd.read_parquet(self.path / RECORDINGS_FILE)

    @cached_property
    def movements(self) -> pd.DataFrame:
        """One row per recording and movement."""
        return pd.read_parquet(self.path / MOVEMENTS_FILE)

    @cached_property
    def apexes(self) -> pd.DataFrame:
        """One row per apex."""
        return pd.read_parquet(self.path / APEXES_FILE)

    @cached_property
    def rest(self) -> pd.DataFrame:
        """One row per recording: recording, psi (E,) of the resting face."""
        return pd.read_parquet(self.path / REST_FILE)

    @cached_property
    def errors(self) -> dict[str, MeasurementError]:
        """The error of measurement of everything that is followed over sessions."""
        return {
            name: MeasurementError(
                measure=name,
                sem=float("nan") if held["sem"] is None else held["sem"],
                df=held["df"],
                source=RepeatsOf(held["source"]),
            )
            for name, held in self.manifest["errors"].items()
        }

    def course(self, measure: str) -> pd.DataFrame:
        """A measure over the sessions of every person (`session_course`)."""
        return session_course(self.recordings, self.errors[measure])

    def to_json(self) -> dict[str, Any]:
        """Everything but the apexes."""
        facts = {key: self.manifest[key] for key in ("dataset", "face", "simulated", "errors")}
        tables = {"recordings": json_rows(self.recordings), "movements": json_rows(self.movements)}
        return {**facts, **tables, "course": {name: json_rows(self.course(name)) for name in TRACKED}}


def asymmetry_report(dataset: str, root: Path | None = None, progress: Listener = silent) -> AsymmetryReport:
    """Measure every recording of a dataset, or open what was measured before.

    Raises `DataError` for a dataset whose face has no two sides to measure.
    """
    data = Dataset.open(dataset, root)
    path = _path(data, root)
    if is_whole(path):
        return AsymmetryReport(path)
    face = open_face(data.face_id, root, progress)
    measured = measured_tables(data, face, progress)
    errors = {name: measurement_error(measured.recordings, name) for name in TRACKED}
    with atomic_directory(path) as folder:
        measured.recordings.to_parquet(folder / RECORDINGS_FILE)
        measured.movements.to_parquet(folder / MOVEMENTS_FILE)
        measured.apexes.to_parquet(folder / APEXES_FILE)
        measured.rest.to_parquet(folder / REST_FILE)
        about = {
            "version": VERSION,
            **source_labels(ArtefactId(DATASETS, dataset), ArtefactId(FACES, data.face_id)),
            "dataset": dataset,
            "dataset_key": data.key,
            "face": data.face_id,
            "simulated": data.simulated,
            "errors": {name: _error_facts(error) for name, error in errors.items()},
        }
        write_json(folder / MANIFEST, about)
        seal(folder)
    return AsymmetryReport(path)


def newest_asymmetry_report(data: Dataset, root: Path | None = None) -> AsymmetryReport | None:
    """The finished report of the dataset as it is now; None where there is none."""
    path = _path(data, root)
    return AsymmetryReport(path) if is_whole(path) else None


def asymmetry_reports(root: Path | None = None) -> Iterator[AsymmetryReport]:
    """Every finished report by this version, the newest first."""
    for folder in newest_first(artefact_path("analyses", "x", root).parent, ASYMMETRY):
        if is_whole(folder) and (made := AsymmetryReport(folder)).manifest["version"] == VERSION:
            yield made


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredTables:
    """The tables of an `AsymmetryReport`."""

    recordings: pd.DataFrame
    movements: pd.DataFrame
    apexes: pd.DataFrame
    rest: pd.DataFrame


def measured_tables(data: Dataset, face: FaceModel, progress: Listener = silent) -> MeasuredTables:
    """Measure every recording. Recordings without a valid frame are left out.

    Raises `DataError` where no recording has one, and for a face without two sides to measure.
    """
    ruler, rows = ruler_of(face), data.recordings
    measured: dict[str, MeasuredSides] = {}
    apexes = []
    for done, (name, fps) in enumerate(zip(rows["recording"].astype(str), rows["fps"].astype(float), strict=True)):
        progress(Progress(task="measuring", done=done, total=len(rows), detail=name))
        frames = data.frames(name)
        if (frames.valid & ~no_face(ruler, frames.psi)).any():
            measured[name] = measure_sides(face, ruler, frames.psi, frames.valid, fps)
            apexes += [_apex_rows(name, m, a, frames.frame, frames.time_s) for m, a in measured[name].apexes.items()]
    progress(Progress(task="measuring", done=len(rows), total=len(rows)))
    if not measured:
        raise DataError(data.name, "no recording with a valid frame", "recordings in which the face was tracked")
    people = dict(zip(rows["recording"].astype(str), rows["subject"].astype(str), strict=True))
    occasions = dict(zip(rows["recording"].astype(str), rows["session"].fillna("").astype(str), strict=True))
    sides = _weaker_sides(measured, people)
    found = {name: composites_of(one, sides[people[name]]) for name, one in measured.items()}
    heads = {name: {"recording": name, "subject": people[name], "session": occasions[name]} for name in measured}
    wide = [heads[n] | recording_row(one, found[n], ruler) for n, one in measured.items()]
    long = [heads[n] | row for n, one in measured.items() for row in _movement_rows(one, found[n])]
    rest = [{"recording": name, "psi": one.rest_psi.astype(np.float32)} for name, one in measured.items()]
    return MeasuredTables(
        recordings=pd.DataFrame(wide),
        movements=pd.DataFrame(long),
        apexes=pd.concat(apexes, ignore_index=True),
        rest=pd.DataFrame(rest),
    )


def recording_row(measured: MeasuredSides, found: SideComposites, ruler: Ruler) -> dict[str, Any]:
    """One recording, wide: of every movement rest and excursion of both sides in mm and the index; then what clinics
    sum up. ``_like``: an estimate by lengths, not a clinician's score."""
    row: dict[str, Any] = {"weaker_side": found.weaker, "rest_seconds": measured.rest_seconds}
    row["broken_frames"] = measured.broken_frames
    for i, name in enumerate(NAMES):
        one, word = measured.apexes[name], name.replace(" ", "_")
        row |= {f"{word}_rest_{side}_mm": float(measured.rest_mm[i, s]) for s, side in enumerate(LEFT_RIGHT)}
        row |= {f"{word}_{side}_mm": float(one.median_mm[s]) for s, side in enumerate(LEFT_RIGHT)}
        row[f"{word}_index"] = float(asymmetry_index(*one.median_mm))
        row[f"{word}_synkinesis_mm"] = found.synkinesis_mm.get(name, float("nan"))
    smile, lid = measured.apexes["smile"], measured.apexes["lid"]
    for s, side in enumerate(LEFT_RIGHT):
        row[f"commissure_excursion_{side}_mm"] = float(np.median(smile.path_mm[:, s])) if len(smile.row) else np.nan
        open_mm = ruler.gap_mm[s] - measured.rest_mm[NAMES.index("lid"), s]
        row[f"lid_gap_left_open_{side}_mm"] = float(np.maximum(open_mm - lid.median_mm[s], 0.0))  # NaN stays
    return row | {
        "smile_weaker_mm": float(smile.median_mm[LEFT_RIGHT.index(found.weaker)]) if found.weaker else float("nan"),
        "mean_share": found.mean_share,
        "mean_share_other": found.mean_other_share,
        "mean_share_se": float("nan") if np.isnan(found.mean_share) else _share_error(measured, found.weaker),
        "function_like": found.function,
        "grade_like": found.grade,
        "sunnybrook_like": found.sunnybrook,
        "sunnybrook_like_voluntary": found.sunnybrook_voluntary,
        "sunnybrook_like_resting": found.sunnybrook_resting,
        "sunnybrook_like_synkinesis": found.sunnybrook_synkinesis,
        "eface_like": found.eface,
        "eface_like_static": found.eface_static,
        "eface_like_dynamic": found.eface_dynamic,
        "eface_like_synkinesis": found.eface_synkinesis,
    }


def _movement_rows(measured: MeasuredSides, found: SideComposites) -> list[dict[str, Any]]:
    rows = []
    for i, movement in enumerate(MOVEMENTS):
        one = measured.apexes[movement.name]
        left, right = (float(value) for value in one.median_mm)
        rows.append(
            {
                "movement": movement.name,
                "region": movement.region,
                "rest_left_mm": float(measured.rest_mm[i, 0]),
                "rest_right_mm": float(measured.rest_mm[i, 1]),
                "left_mm": left,
                "right_mm": right,
                "index": float(asymmetry_index(left, right)),
                "share": found.share.get(movement.name, float("nan")),
                "synkinesis_mm": found.synkinesis_mm.get(movement.name, float("nan")),
                "apexes": len(one.row),
                "weaker_side": found.weaker,
            }
        )
    return rows


def _apex_rows(
    recording: str, movement: str, found: MeasuredApexes, frame: np.ndarray, time_s: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recording": recording,
            "movement": movement,
            "frame": frame[found.row],
            "time_s": time_s[found.row],
            "left_mm": found.moved_mm[:, 0],
            "right_mm": found.moved_mm[:, 1],
        }
    )


def _weaker_sides(measured: dict[str, MeasuredSides], people: dict[str, str]) -> dict[str, str]:
    """The weaker side of every person, over all recordings."""
    leans: dict[str, list[float]] = {}
    for name, one in measured.items():
        leans.setdefault(people[name], []).append(lean(one))
    return {person: weaker_side(values) for person, values in leans.items()}


def _share_error(measured: MeasuredSides, weaker: str) -> float:
    """Standard error of the mean share from its spread over apexes; NaN where no movement has two."""
    weak, errors = LEFT_RIGHT.index(weaker), []
    for one in (measured.apexes[name] for name in COMPARED):
        if len(one.row) > 1:
            moved = one.moved_mm
            share = np.clip(moved[:, weak] / np.maximum(moved[:, 1 - weak], 1e-6), 0, 1)
            errors.append(float(share.var(ddof=1)) / len(share))
    return float(np.sqrt(sum(errors)) / len(errors)) if errors else float("nan")


def _error_facts(error: MeasurementError) -> dict[str, Any]:
    limit = None if np.isnan(error.sem) else error.mdc95
    return {
        "sem": None if np.isnan(error.sem) else error.sem,
        "mdc95": limit if error.source == RepeatsOf.SESSION else None,
        "apexes_differ_by": limit if error.source == RepeatsOf.APEXES else None,
        "df": error.df,
        "source": str(error.source),
    }


def _path(data: Dataset, root: Path | None) -> Path:
    return artefact_path("analyses", keyed_name(ASYMMETRY, content_key(["asymmetry", VERSION, data.key])), root)
