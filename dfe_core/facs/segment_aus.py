"""Action units of segments: those of their frames in the whole recordings."""

from __future__ import annotations

import numpy as np

from dfe_core.events.segments import segment_source, source_frames
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, AlignedFrames, list_aligned, open_au_writer

_OF = "segment_aus_of"
"""The field of the manifest with the key of the AUs that they were cut from."""
_COMPUTED = ("schema_version", "aus", "alignment", "frames", "files", "key", "dataset", "dataset_key")


def cut_aus(segments: Dataset) -> list[str]:
    """Cut every set of AUs of the whole recordings for the segments, where that is not done; names of those cut."""
    source = segment_source(segments)
    if source is None:
        return []
    made = []
    for name in list_aligned(source.dataset, segments.root):
        whole = AlignedAus.open(source.dataset, name, segments.root)
        if not _is_cut(segments, name, whole):
            _cut(whole, segments, name)
            made.append(name)
    return made


def _is_cut(segments: Dataset, name: str, whole: AlignedAus) -> bool:
    if name not in list_aligned(segments.name, segments.root):
        return False
    held = AlignedAus.open(segments.name, name, segments.root)
    return held.manifest.get(_OF) == whole.key and held.matches(segments)


def _cut(whole: AlignedAus, segments: Dataset, name: str) -> None:
    about = {k: v for k, v in whole.manifest.items() if k not in _COMPUTED}
    have = set(whole.recordings)
    with open_au_writer(segments.name, name, whole.aus, segments.root) as writer:
        held, of = None, ""
        for source, frames in source_frames(segments):
            if source != of and source in have:
                held, of = whole.recording(source), source
            inside = None if held is None or source != of else np.isin(held.frame, frames.frame)
            cut = None if held is None or inside is None else AlignedFrames(*(values[inside] for values in held))
            writer.add(frames.recording, cut)
        writer.close({**about, "dataset": segments.name, "dataset_key": segments.stored_key, _OF: whole.key})
