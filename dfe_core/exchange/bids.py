"""A folder in the layout of BIDS (Brain Imaging Data Structure 1.10): ``sub-<label>/[ses-<label>/]beh/``.

Names of BIDS have letters and digits alone, so that subjects and sessions lose the rest; participants.tsv has the
name that each had, and ``*_scans.tsv`` the recording of each file. Missing values are ``n/a``.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.exchange.column_facts import column_fact
from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack
from dfe_core.spreadsheet import plain_table
from dfe_core.store import atomic_file, write_json

VERSION = "1.10.0"
TASK = "face"
EVENT_COLUMNS: dict[str, dict[str, Any]] = {
    "onset": {"Description": "Onset of the interval, from the first frame", "Units": "s"},
    "duration": {"Description": "Duration of the interval", "Units": "s"},
    "trial_type": {"Description": "The codeword that is present"},
    "codeword": {"Description": "Its number"},
    "region": {"Description": "Region of the face in which it moves most"},
    "side": {"Description": "Side of the face, the face's own"},
    "apex": {"Description": "Time of its largest intensity", "Units": "s"},
    "peak_intensity": {"Description": "Its largest intensity"},
    "mean_intensity": {"Description": "Its mean intensity over the interval"},
}


@dataclass(frozen=True, kw_only=True)
class BidsName:
    """The entities of one recording: subject and session (empty: none) as labels of BIDS, run from 1."""

    subject: str
    session: str
    run: int

    @property
    def folder(self) -> str:
        """``sub-01`` or ``sub-01/ses-1``."""
        return f"sub-{self.subject}" + (f"/ses-{self.session}" if self.session else "")

    @property
    def stem(self) -> str:
        """``sub-01_ses-1_task-face_run-1``."""
        session = f"_ses-{self.session}" if self.session else ""
        return f"sub-{self.subject}{session}_task-{TASK}_run-{self.run}"


def bids_names(recordings: pd.DataFrame) -> dict[str, BidsName]:
    """The name of each recording of a table with recording, subject and session."""
    subjects = _labels(recordings["subject"].astype(str))
    sessions = _labels(recordings["session"].fillna("").astype(str)) if "session" in recordings else {}
    names: dict[str, BidsName] = {}
    runs: dict[tuple[str, str], int] = {}
    for row in recordings.to_dict("records"):
        subject = subjects[str(row["subject"])]
        session = sessions.get(str(row.get("session") or ""), "")
        runs[subject, session] = runs.get((subject, session), 0) + 1
        names[str(row["recording"])] = BidsName(subject=subject, session=session, run=runs[subject, session])
    return names


def write_bids_dataset(
    folder: Path,
    *,
    name: str,
    participants: pd.DataFrame,
    recordings: pd.DataFrame,
    readme: str,
    sources: Mapping[str, Any],
) -> list[Path]:
    """Write dataset_description.json, README, participants.tsv and .json, ``*_scans.tsv`` of each session, and what
    the columns of scans and events are (once, at the top: files below inherit it).

    Parameters
    ----------
    participants: subject, then its labels.
    recordings: recording, subject, session and the labels of recordings.
    sources: what the events were made from (codebook, rule of presence).
    """
    names = bids_names(recordings)
    description = {
        "Name": name,
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "dfe", "Version": __version__, "Description": "Discrete Facial Encoding"}],
    }
    write_json(folder / "dataset_description.json", description)
    with atomic_file(folder / "README") as temporary:
        temporary.write_text(readme.rstrip() + "\n", encoding="utf-8")
    subjects = _labels(participants["subject"].astype(str))
    people = participants.rename(columns={"subject": "source_name"})
    people.insert(0, "participant_id", [f"sub-{subjects[str(s)]}" for s in participants["subject"]])
    _write_tsv(people, folder / "participants.tsv")
    events = {**EVENT_COLUMNS, "trial_type": {**EVENT_COLUMNS["trial_type"], **sources}}
    write_json(folder / f"task-{TASK}_events.json", events)
    write_json(
        folder / "participants.json", {"source_name": {"Description": "name in the source"}, **_meanings(people)}
    )
    write_json(folder / "scans.json", _meanings(recordings))
    tops = ("dataset_description.json", "README", "participants.tsv", "participants.json", "scans.json")
    files = [folder / n for n in (*tops, f"task-{TASK}_events.json")]
    return files + _write_scans(folder, recordings, names)


def write_bids_events(folder: Path, name: BidsName, track: IntervalTrack, labels: Mapping[int, CodewordLabel]) -> Path:
    """Write ``*_events.tsv`` of one recording."""
    table = track.intervals.sort_values(["onset_s", "codeword"], kind="stable")
    about = [labels[int(k)] for k in table["codeword"]]
    events = pd.DataFrame(
        {
            "onset": table["onset_s"].to_numpy(),
            "duration": (table["offset_s"] - table["onset_s"]).to_numpy(),
            "trial_type": [label.text for label in about],
            "codeword": table["codeword"].to_numpy(np.int64),
            "region": [label.region for label in about],
            "side": [label.side for label in about],
            "apex": table["peak_s"].to_numpy(),
            "peak_intensity": table["peak"].to_numpy(),
            "mean_intensity": table["mean"].to_numpy(),
        }
    )
    path = folder / name.folder / "beh" / f"{name.stem}_events.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_tsv(events, path)
    return path


def write_bids_coefficients(
    folder: Path, name: BidsName, *, time_s: np.ndarray, psi: np.ndarray, names: Sequence[str], fps: float
) -> list[Path]:
    """Write coefficients as ``*_recording-expression_physio.tsv.gz`` and its JSON.

    Parameters
    ----------
    time_s: (T,) s; the first column, because cameras drop frames and BIDS has rows at an even rate.
    psi: (T, E), NaN in frames that are not valid.
    """
    stem = folder / name.folder / "beh" / f"{name.stem}_recording-expression_physio"
    stem.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    table = pd.DataFrame(psi, columns=list(names))
    table.insert(0, "time_s", time_s)
    table.to_csv(text, sep="\t", header=False, index=False, na_rep="n/a", lineterminator="\n")
    path, beside = stem.with_name(f"{stem.name}.tsv.gz"), stem.with_name(f"{stem.name}.json")
    with atomic_file(path) as temporary:
        temporary.write_bytes(gzip.compress(text.getvalue().encode(), 6, mtime=0))
    start = float(time_s[0]) if len(time_s) else 0.0
    write_json(beside, {"SamplingFrequency": fps, "StartTime": start, "Columns": ["time_s", *names]})
    return [path, beside]


def _write_scans(folder: Path, recordings: pd.DataFrame, names: Mapping[str, BidsName]) -> list[Path]:
    paths = []
    owners = [names[str(recording)] for recording in recordings["recording"]]
    labels = recordings.drop(columns=[c for c in ("subject", "session") if c in recordings])
    for where in dict.fromkeys(owner.folder for owner in owners):
        rows = [i for i, owner in enumerate(owners) if owner.folder == where]
        table = labels.iloc[rows].reset_index(drop=True)
        table.insert(0, "filename", [f"beh/{owners[i].stem}_events.tsv" for i in rows])
        paths.append(folder / where / f"{where.replace('/', '_')}_scans.tsv")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        _write_tsv(table, paths[-1])
    return paths


def _meanings(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """What each column is that BIDS does not know: those of exported tables, else labels."""
    own = [c for c in table.columns if c not in ("participant_id", "source_name", "subject", "session")]
    return {c: {"Description": column_fact(c, table).meaning} for c in own}


def _labels(names: Iterable[str]) -> dict[str, str]:
    """Letters and digits of each name, those that are then the same numbered; empty stays empty."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        plain = re.sub(r"[^A-Za-z0-9]", "", name)
        label, number = plain or ("x" if name else ""), 1
        while label and label.lower() in taken:
            number += 1
            label = f"{plain or 'x'}{number:02d}"
        taken.add(label.lower())
        labels[name] = label
    return labels


def _write_tsv(table: pd.DataFrame, path: Path) -> None:
    with atomic_file(path) as temporary:
        plain_table(table).to_csv(temporary, sep="\t", index=False, na_rep="n/a", lineterminator="\n", encoding="utf-8")
