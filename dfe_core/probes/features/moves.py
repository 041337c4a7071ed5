"""What else moves with faces as material of probes: measures of `dfe_core.channels` over each span."""

from __future__ import annotations

import numpy as np

from dfe_core.artefact import ArtefactId
from dfe_core.artefact_names import ANALYSES, aus_name
from dfe_core.channels.measures import (
    CHANNEL_MEASURES,
    VERSION,
    MeasuredChannels,
    known_measures,
    measure_stretch,
)
from dfe_core.channels.series import channel_series
from dfe_core.channels.sources import Channel, ChannelSources, channel_sources, known_channels
from dfe_core.errors import DataError
from dfe_core.probes.features.material import Arrays, Sources, kept_material
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.progress import Progress
from dfe_core.store import content_key

OTHER = "other"
"""The feature row of all channels together."""


def channel_measures(sources: Sources) -> MeasuredChannels:
    """The measures of every span, (S, M), counted once and kept."""
    dataset = sources.dataset
    read = channel_sources(dataset)
    content = content_key([dataset.key, dataset.manifest.get("files"), read.key, VERSION])
    made_from = () if read.aus is None else (ArtefactId(ANALYSES, aus_name(dataset.name, read.aus.name)),)
    found = kept_material(sources, "channels", content, lambda s: _measure(s, read), made_from)
    return MeasuredChannels(values=np.asarray(found["values"]), weights=np.asarray(found["weights"]))


def channel_columns(sources: Sources, name: str) -> list[str]:
    """The measures of a feature row: of a channel, or of `OTHER` those of all that the dataset has.

    Raises `DataError` for a channel that the dataset does not have.
    """
    known = known_channels(sources.dataset)
    wanted = known if name == OTHER else (Channel(name),)
    if not wanted or not set(wanted) <= set(known):
        raise DataError(
            f"features {name}",
            f"{sources.dataset.name} has no {name if name != OTHER else 'head pose, gaze, eyelids or jaw'}",
            f"one of {', '.join(known)}" if known else "recordings whose tool gives them, or imported action units",
        )
    there = known_measures(sources.dataset)
    return [name for name, facts in CHANNEL_MEASURES.items() if facts.channel in wanted and name in there]


def _measure(sources: Sources, read: ChannelSources) -> Arrays:
    index, width = SpanIndex(sources.spans), len(CHANNEL_MEASURES)
    values, weights = np.full((len(sources.spans), width), np.nan), np.zeros((len(sources.spans), width))
    for name in index.recordings:
        sources.progress(Progress(task="head, gaze, blinks, speech", done=0, total=0, detail=name))
        series = channel_series(sources.dataset, name, read)
        for span, rows in index.groups(name, series.time_s):
            values[span], weights[span] = measure_stretch(series, rows)
    return {"values": values, "weights": weights}
