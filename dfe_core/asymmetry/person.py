"""One person of an asymmetry report: sessions in order, what has changed, and the faces at the apexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.asymmetry.change import TRACKED, MeasurementError, session_order
from dfe_core.asymmetry.movements import COMPARED, MOVEMENTS
from dfe_core.asymmetry.report import AsymmetryReport
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset

REST = "rest"


@dataclass(frozen=True, eq=False, kw_only=True)
class SessionFacts:
    """One session: its recordings, of every number of the table of recordings the mean over those that have it (NaN for
    none) and how many have it, and the movements that ``mean_share`` is averaged over in any of them."""

    session: str
    recordings: tuple[str, ...]
    values: Mapping[str, float]
    counts: Mapping[str, int]
    compared: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class PersonFacts:
    """subject, weaker side (empty where no movement was compared), sessions in order (one at least), and of every
    tracked measure the course (`change.session_course`, the rows of this person) and the error it is held against."""

    subject: str
    weaker: str
    sessions: tuple[SessionFacts, ...]
    courses: Mapping[str, pd.DataFrame]
    errors: Mapping[str, MeasurementError]

    @property
    def other(self) -> str:
        """The side that is not the weaker one; empty where none is."""
        return {"left": "right", "right": "left"}.get(self.weaker, "")

    @property
    def latest(self) -> SessionFacts:
        """The last session."""
        return self.sessions[-1]

    def session(self, name: str) -> SessionFacts:
        """The session of this name. Raises `DataError` where the person has none."""
        for one in self.sessions:
            if one.session == name:
                return one
        raise DataError(self.subject, f"no session {name!r}", "one of " + ", ".join(s.session for s in self.sessions))


@dataclass(frozen=True, eq=False, kw_only=True)
class ApexFace:
    """A face at an apex, or at rest (movement ``rest``, time NaN): psi (E,), mm that each side moves. still_s: of a
    resting face the seconds of stillness that it is the median of, 0 where it is of all frames."""

    movement: str
    title: str
    recording: str
    time_s: float
    left_mm: float
    right_mm: float
    psi: np.ndarray
    still_s: float = float("nan")


def people_of(report: AsymmetryReport) -> list[str]:
    """The subjects, in the order of the dataset."""
    return list(dict.fromkeys(report.recordings["subject"].astype(str)))


def person_facts(report: AsymmetryReport, subject: str) -> PersonFacts:
    """Everything of one person. Raises `DataError` for somebody who is not in the report."""
    rows = report.recordings[report.recordings["subject"].astype(str) == subject]
    if rows.empty:
        known = people_of(report)
        shown = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
        raise DataError(str(report.manifest["dataset"]), f"no subject {subject!r}", f"one of {shown}")
    numbers = rows.select_dtypes("number").columns
    sessions = []
    for name in session_order(rows["session"]):
        own = rows[rows["session"].astype(str) == name]
        shared = own[own["mean_share"].notna()]
        sessions.append(
            SessionFacts(
                session=name,
                recordings=tuple(own["recording"].astype(str)),
                values={str(column): float(own[column].mean()) for column in numbers},
                counts={str(column): int(own[column].notna().sum()) for column in numbers},
                compared=tuple(m for m in COMPARED if shared[f"{m.replace(' ', '_')}_index"].notna().any()),
            )
        )
    return PersonFacts(
        subject=subject,
        weaker=str(rows["weaker_side"].iloc[0]),
        sessions=tuple(sessions),
        courses={name: (c := report.course(name))[c["subject"] == subject] for name in TRACKED},
        errors=report.errors,
    )


def apex_faces(report: AsymmetryReport, data: Dataset, recordings: tuple[str, ...]) -> list[ApexFace]:
    """The resting face of the recording with most movements, and of every movement the strongest apex of all of the
    recordings."""
    apexes = report.apexes[report.apexes["recording"].isin(recordings)]
    most = apexes.groupby("recording")["movement"].nunique().reindex(list(recordings)).fillna(0)
    of_rest = str(most.idxmax())
    rest = report.rest.set_index("recording")["psi"].loc[of_rest]
    faces = [
        ApexFace(
            movement=REST,
            title="At rest",
            recording=of_rest,
            time_s=float("nan"),
            left_mm=float("nan"),
            right_mm=float("nan"),
            psi=np.asarray(rest, np.float32),
            still_s=float(report.recordings.set_index("recording")["rest_seconds"].loc[of_rest]),
        )
    ]
    for movement in MOVEMENTS:
        own = apexes[apexes["movement"] == movement.name]
        if own.empty:
            continue
        row = own.iloc[int((own["left_mm"] + own["right_mm"]).to_numpy().argmax())]
        frames = data.frames(str(row["recording"])).at([int(row["frame"])])
        faces.append(
            ApexFace(
                movement=movement.name,
                title=movement.title,
                recording=str(row["recording"]),
                time_s=float(row["time_s"]),
                left_mm=float(row["left_mm"]),
                right_mm=float(row["right_mm"]),
                psi=frames.psi[0],
            )
        )
    return faces
