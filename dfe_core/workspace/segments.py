"""Segments of a dataset as a dataset, with its tokens and AUs, kept up to date with the dataset and the events."""

from __future__ import annotations

from dfe_core.artefact_names import DATASETS
from dfe_core.errors import DataError
from dfe_core.events.segments import SegmentChoice, current_source, segment_source, state_key, write_segments
from dfe_core.events.store import EventSet
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.segment_aus import cut_aus
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path


def open_segments(
    dataset: Dataset, choice: SegmentChoice, name: str | None = None, *, progress: Listener = silent
) -> Dataset:
    """The dataset of segments, written where it is not there or was made of another state of the dataset or the events.

    name: of the dataset of segments (default: ``DATASET.EVENTS``). Its AUs are those of the whole recordings. Raises
    `DataError` where no segment has a valid frame, and for a name that another dataset has.
    """
    if segment_source(dataset) is not None:
        raise DataError(dataset.name, "its recordings are segments", "the dataset that they are of")
    name = name or choice.default_name(dataset.name)
    now = current_source(dataset, EventSet.open(dataset.name, choice.events, dataset.root), choice)
    found = _held(dataset, name)
    if found is None or segment_source(found) != now:
        found = write_segments(dataset, choice, name, progress=progress)
    cut_aus(found)
    return found


def _held(dataset: Dataset, name: str) -> Dataset | None:
    try:
        held = Dataset(artefact_path(DATASETS, name, dataset.root))
    except DataError:
        return None
    source = segment_source(held)
    if source is None or source.dataset != dataset.name:
        raise DataError(name, "a dataset of other recordings", f"another name for segments of {dataset.name}")
    return held


def is_current(segments: Dataset) -> bool:
    """Whether segments are of the dataset and the events as they are now; False where either is gone."""
    source = segment_source(segments)
    if source is None:
        return True
    try:
        dataset = Dataset.open(source.dataset, segments.root)
        events = EventSet.open(source.dataset, source.events, segments.root)
    except DataError:
        return False
    return (state_key(dataset), events.manifest["key"]) == (source.dataset_key, source.events_key)


def renewed(segments: Dataset, *, progress: Listener = silent) -> Dataset:
    """Segments of the dataset and the events as they are now, under the same name."""
    source = segment_source(segments)
    if source is None:
        return segments
    dataset = Dataset.open(source.dataset, segments.root)
    return open_segments(dataset, SegmentChoice(**source.choice), segments.name, progress=progress)
