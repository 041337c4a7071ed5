"""Neurodata Without Borders (``.nwb``), one file per recording: intervals, events and coefficients on one clock.

Needs the optional extra ``dfe[nwb]`` (pynwb), which is imported when a file is written. Its schema has the table of
events since NWB 2.10; before, it was the extension ndx-events.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack
from dfe_core.store import atomic_file

ENDING = ".nwb"
START = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""NWB wants the time at which a session began; dfe keeps none, which would help to find who was recorded."""
INTERVALS, EVENTS, COEFFICIENTS = "codeword_intervals", "codeword_onsets", "expression_coefficients"


@dataclass(frozen=True, eq=False, kw_only=True)
class Coefficients:
    """ψ of one recording: time_s (T,), psi (T, E), valid (T,) bool, and the E names."""

    time_s: np.ndarray
    psi: np.ndarray
    valid: np.ndarray
    names: Sequence[str]


def write_nwb(
    path: Path, track: IntervalTrack, labels: Mapping[int, CodewordLabel], coefficients: Coefficients, about: str
) -> None:
    """Write one recording, atomically. about: what it was made from, for the description.

    Raises `DataError` where pynwb is not installed.
    """
    pynwb = _pynwb()
    made = pynwb.NWBFile(
        session_description=about,
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, f"dfe/{about}/{track.recording}")),
        session_start_time=START,
        session_id=track.session or track.recording,
        notes="The start time is not known: 1970-01-01 stands in its place.",
        subject=pynwb.file.Subject(subject_id=track.subject, species="Homo sapiens", sex="U"),
    )
    _add_intervals(pynwb, made, track, labels)
    _add_events(pynwb, made, track, labels)
    _add_coefficients(pynwb, made, coefficients)
    with atomic_file(path) as temporary, pynwb.NWBHDF5IO(str(temporary), "w") as sink:
        sink.write(made)


def _pynwb() -> Any:
    try:
        import pynwb
    except ImportError:
        raise DataError("nwb", "pynwb is not installed", "`pip install 'dfe[nwb]'`") from None
    return pynwb


def _columns(track: IntervalTrack, labels: Mapping[int, CodewordLabel]) -> list[tuple[str, str, list[Any]]]:
    """(name, description, values) of what is known of each interval but its times, in the order of onsets."""
    table = _ordered(track)
    about = [labels[int(k)] for k in table["codeword"]]
    return [
        ("codeword", "number of the codeword", table["codeword"].astype(int).tolist()),
        ("label", "what the codeword moves", [label.text for label in about]),
        ("region", "region of the face in which it moves most", [label.region for label in about]),
        ("apex_time", "time of its largest intensity, s", table["peak_s"].tolist()),
        ("peak_intensity", "its largest intensity", table["peak"].astype(float).tolist()),
        ("mean_intensity", "its mean intensity", table["mean"].astype(float).tolist()),
    ]


def _ordered(track: IntervalTrack) -> Any:
    return track.intervals.sort_values(["onset_s", "codeword"], kind="stable")


def _add_intervals(pynwb: Any, made: Any, track: IntervalTrack, labels: Mapping[int, CodewordLabel]) -> None:
    if not len(track.intervals):
        return
    table, common = _ordered(track), pynwb.core.VectorData
    columns = [
        ("start_time", "onset, s", table["onset_s"].tolist()),
        ("stop_time", "offset, s", table["offset_s"].tolist()),
        *_columns(track, labels),
    ]
    made.add_time_intervals(
        pynwb.epoch.TimeIntervals(
            name=INTERVALS,
            description="intervals in which a codeword is present",
            columns=[common(name=name, description=text, data=data) for name, text, data in columns],
            colnames=[name for name, _, _ in columns],
        )
    )


def _add_events(pynwb: Any, made: Any, track: IntervalTrack, labels: Mapping[int, CodewordLabel]) -> None:
    """The onsets as a table of events, where this pynwb has one."""
    if not len(track.intervals) or not hasattr(made, "add_events_table"):
        return
    from pynwb.event import DurationVectorData, EventsTable, TimestampVectorData

    table = _ordered(track)
    columns = [
        TimestampVectorData(name="timestamp", description="onset, s", data=table["onset_s"].tolist()),
        DurationVectorData(
            name="duration", description="duration, s", data=(table["offset_s"] - table["onset_s"]).tolist()
        ),
        *(
            pynwb.core.VectorData(name=name, description=text, data=data)
            for name, text, data in _columns(track, labels)
        ),
    ]
    made.add_events_table(EventsTable(name=EVENTS, description="onsets of codewords", columns=columns))


def _add_coefficients(pynwb: Any, made: Any, found: Coefficients) -> None:
    values = np.where(found.valid[:, None], found.psi, np.nan).astype(np.float32)
    series = pynwb.TimeSeries(
        name=COEFFICIENTS,
        description="expression coefficients, one column each, NaN in frames without a face",
        comments=json.dumps({"columns": list(found.names)}),
        data=values,
        timestamps=found.time_s.astype(np.float64),
        unit="a.u.",
    )
    made.create_processing_module("behavior", "movement of the face").add(series)
