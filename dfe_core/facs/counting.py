"""The counting of frames, a group of recordings at a time: what each group gives, and how that is added up.

The cut into groups depends on the recordings alone, and groups are added in their order: the sums are the same to the
last bit whatever worked on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.engines import report_part
from dfe_core.expressions.recording_table import RecordingSpan
from dfe_core.faces.model import FaceModel
from dfe_core.facs.counts import CountCollector, bin_edges
from dfe_core.facs.displays import DisplayCollector
from dfe_core.facs.moments import CodewordMoments, FrameMoments
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import SurfaceCollector
from dfe_core.facs.token_au_stream import Groups, Joined, LeftOut
from dfe_core.tokenizer.codebook import Codebook


@dataclass(frozen=True, eq=False, kw_only=True)
class Counting:
    """What all groups have in common. folds: of every subject."""

    joined: Joined
    codebook: Codebook
    face: FaceModel
    settings: CoverageSettings
    seed: int
    folds: dict[str, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Counts:
    """What was counted in some recordings. frames: how many; collectors: without a frame none."""

    groups: Groups
    left_out: dict[str, LeftOut]
    frames: int
    collectors: tuple[Any, ...]

    def merge(self, other: Counts, groups: np.ndarray) -> None:
        """Add what was counted in other recordings; groups: the index here of each group there."""
        for mine, theirs in zip(self.collectors, other.collectors, strict=True):
            mine.merge(theirs, groups)


def count_group(group: tuple[int, tuple[RecordingSpan, ...]], counting: Counting) -> Counts:
    """Count the frames of a group: its number, and its recordings."""
    number, spans = group
    joined = counting.joined.fresh()
    collectors = _collectors(counting, joined, number)
    done = 0
    for block in joined.blocks(spans=spans):
        for collector in collectors:
            collector.add(block)
        done += len(block)
        report_part(done, block.recording)
    return Counts(groups=joined.groups, left_out=joined.left_out, frames=done, collectors=collectors if done else ())


def _collectors(counting: Counting, joined: Joined, number: int) -> tuple[Any, ...]:
    codebook, face, settings = counting.codebook, counting.face, counting.settings
    aus = len(joined.aus.aus)
    scale = 1e3 if face.has_mesh else 1
    sizes = np.sqrt(np.einsum("ke,ef,kf->k", codebook.psi, face.gram, codebook.psi)) * scale
    return (
        CountCollector(
            codebook.size,
            aus + len(joined.truth_columns),
            aus,
            bin_edges(codebook.levels),
            min(joined.tokens.frames, joined.aus.frames),
            (counting.seed, number),
        ),
        FrameMoments(codebook.psi),
        CodewordMoments(joined.groups, counting.folds, aus),
        SurfaceCollector(face, settings.still_mm),
        DisplayCollector(sizes, aus, settings.still_mm, settings.hold_s),
    )
