"""A dataset of segments: each event that lasts is a recording of its own, with its frames, its subject, the labels of
its recording and the columns of the event. Every figure by recording is then by segment, and subjects stay subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, events_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.events.store import OWN_COLUMNS, EventSet
from dfe_core.expressions.dataset import RECORDING_COLUMNS, Dataset, Frames
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.split import Split
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import content_key

SEGMENTS_OF = "segments_of"
"""The field of a dataset's manifest that says which dataset and events its recordings are segments of."""
SOURCE, ONSET, OFFSET = "source_recording", "segment_onset_s", "segment_offset_s"
"""Label columns of a dataset of segments: where each segment is from."""
_COMPUTED = ("schema_version", "recordings", "frames", "files", "key", "pose_leak", "coefficients")
_WITHOUT = ("sources", "dropped", "notes")


@dataclass(frozen=True, kw_only=True)
class SegmentChoice:
    """Which segments are taken.

    events: the set. where: columns and the values that are taken. before_s, after_s: seconds before and after each
    onset that a segment spans; None: from onset to offset.
    """

    events: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    before_s: float | None = None
    after_s: float | None = None

    def __post_init__(self) -> None:
        if (self.before_s is None) != (self.after_s is None):
            raise DataError("window", "one end alone", "seconds before and after the onset")
        if self.before_s is not None and self.after_s is not None and self.before_s + self.after_s <= 0:
            raise DataError("window", f"{self.before_s:g} s before and {self.after_s:g} s after", "some length")

    def default_name(self, dataset: str) -> str:
        """The name of the dataset of these segments, where none is given."""
        plain = not self.where and self.before_s is None
        return f"{dataset}.{self.events}" + ("" if plain else "-" + content_key(self.as_dict(), 6))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "where": {column: list(values) for column, values in self.where.items()}}


class SegmentSource(NamedTuple):
    """What a dataset of segments was made from: names of the dataset and the events, and their keys then."""

    dataset: str
    dataset_key: str
    stored_key: str
    events: str
    events_key: str
    choice: dict[str, Any]


def segment_source(dataset: Dataset) -> SegmentSource | None:
    """What a dataset's segments are of, None where its recordings are no segments."""
    return SegmentSource(**held) if isinstance(held := dataset.manifest.get(SEGMENTS_OF), dict) else None


def state_key(dataset: Dataset) -> str:
    """Changes with the frames, the exclusions and the labels of a dataset."""
    return content_key([dataset.key, dataset.manifest.get("files")])


def current_source(dataset: Dataset, events: EventSet, choice: SegmentChoice) -> SegmentSource:
    """What segments that are made now are made from."""
    return SegmentSource(
        dataset=dataset.name,
        dataset_key=state_key(dataset),
        stored_key=dataset.stored_key,
        events=events.title,
        events_key=str(events.manifest["key"]),
        choice=choice.as_dict(),
    )


@audited("write segments", DATASETS, wait_s=20.0)
def write_segments(dataset: Dataset, choice: SegmentChoice, name: str, *, progress: Listener = silent) -> Dataset:
    """Write the segments of a dataset as the dataset `name`.

    Frames that are excluded are not valid in it. Events without a valid frame (points in time, without a window) are
    left out, and the manifest says how many. Overlapping segments each have the frames that they share.

    Raises `DataError` where no segment is left.
    """
    events = EventSet.open(dataset.name, choice.events, dataset.root)
    table = events.where(choice.where)
    about = {k: v for k, v in dataset.manifest.items() if k not in (*_COMPUTED, *_WITHOUT)}
    names: dict[str, list[str]] = {}
    with open_writer(name, dataset.names, dataset.root) as writer:
        labels = [c for c in dataset.recordings.columns if c not in (*RECORDING_COLUMNS, *events.columns)]
        for segment, source, row in _segments(dataset, table, choice, progress):
            rows = dataset.stored_recordings
            own = rows.loc[rows["recording"] == source, labels].iloc[0].to_dict()
            writer.add(segment, {**{str(name): value for name, value in own.items()}, **row})
            names.setdefault(source, []).append(segment.name)
        count = sum(map(len, names.values()))
        if not count:
            raise DataError(events.title, "no event with a valid frame", "events that last, or a window around onsets")
        left_out = len(table) - count
        made_from = (ArtefactId(DATASETS, dataset.name), ArtefactId(ANALYSES, events_name(dataset.name, events.title)))
        writer.close(
            {
                **about,
                **source_labels(*made_from),
                "name": name,
                SEGMENTS_OF: current_source(dataset, events, choice)._asdict(),
                "sources": _sources(dataset, names),
                "notes": [f"{left_out} events without a valid frame left out"] * bool(left_out),
            }
        )
    return Dataset.open(name, dataset.root)


def _sources(dataset: Dataset, names: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """The files that the segments came from, each with the segments that are of it."""
    found = [
        {**s, "recordings": [n for r in s.get("recordings", ()) for n in names.get(r, ())]}
        for s in dataset.manifest.get("sources") or []
    ]
    return [s for s in found if s["recordings"]]


def _segments(
    dataset: Dataset, table: pd.DataFrame, choice: SegmentChoice, progress: Listener
) -> Iterator[tuple[Recording, str, dict[str, Any]]]:
    """Each segment with a valid frame, the recording that it is of, and its labels; in the order of the dataset."""
    order = [str(name) for name in dataset.recordings["recording"]]
    by_recording = dict(tuple(table.groupby("recording", sort=False)))
    for done, source in enumerate((name for name in order if name in by_recording), 1):
        progress(Progress(task="segments", done=done, total=len(by_recording), detail=source))
        whole = dataset.recording(source)
        for number, row in enumerate(by_recording[source].to_dict("records"), 1):
            onset, offset = _span(row, choice)
            inside = np.flatnonzero((whole.time_s >= onset) & (whole.time_s < offset))
            if whole.valid[inside].any():
                labels = {str(c): v for c, v in row.items() if c not in OWN_COLUMNS}
                labels |= {SOURCE: source, ONSET: float(row["onset_s"]), OFFSET: float(row["offset_s"])}
                yield _cut(whole, inside, onset, f"{source}-{number:03d}"), source, labels


def _span(row: Mapping[Any, Any], choice: SegmentChoice) -> tuple[float, float]:
    onset = float(row["onset_s"])
    if choice.before_s is None or choice.after_s is None:
        return onset, float(row["offset_s"])
    return onset - choice.before_s, onset + choice.after_s


def _cut(whole: Recording, rows: np.ndarray, start_s: float, name: str) -> Recording:
    """These rows as a recording whose time is 0 where the segment begins. Frames keep their numbers."""
    return Recording(
        name=name,
        names=whole.names,
        psi=whole.psi[rows],
        time_s=whole.time_s[rows] - start_s,
        frame=whole.frame[rows],
        valid=whole.valid[rows],
        fps=whole.fps,
        space=whole.space,
        extractor=whole.extractor,
        subject=whole.subject,
        session=whole.session,
        extras={column: values[rows] for column, values in whole.extras.items()},
    )


def split_of_segments(config: Mapping[str, Any], segments: Dataset) -> Split | None:
    """The split of the model of this config.json over segments of the dataset that it was trained on, None for another
    dataset and for a split by time."""
    source = segment_source(segments)
    if source is None or config["dataset"]["key"] != source.stored_key or config["split"]["by"] == "time":
        return None
    whole = Split.from_json(config["split"])
    rows = segments.recordings
    parts = {p: rows.loc[rows[SOURCE].isin(names), "recording"].tolist() for p, names in whole.recordings.items()}
    return Split(whole.by, parts, whole.spans)


def source_frames(segments: Dataset) -> Iterator[tuple[str, Frames]]:
    """The recording that each segment is of, and the segment's frames, in the order of the segments."""
    of = dict(zip(segments.recordings["recording"], segments.recordings[SOURCE], strict=True))
    for frames in segments.iter_frames():
        yield str(of[frames.recording]), frames
