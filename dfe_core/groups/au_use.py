"""How AUs are used, per unit of analysis: the measures of codewords, of AUs that are joined to a dataset.

An AU is present as `facs.store.present` says, for as long as `tokens.presence` asks of a codeword: flickers of a frame
or two are no movement. Frames in which an AU was not measured do not count. Letters: R recordings, U units, A AUs.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, AlignedFrames, present
from dfe_core.groups.confounds import Sums
from dfe_core.groups.measures import BalanceSums, UseSums
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokens.presence import Activations, frame_step, presence_of


def count_au_use(aus: AlignedAus, dataset: Dataset, recordings: list[str], progress: Listener = silent) -> UseSums:
    """The sums of these recordings, in this order, (R, A) each; zero where one has no AUs, or an AU is not measured."""
    rows = {part.name: np.zeros((len(recordings), len(aus.aus))) for part in fields(UseSums)}
    have = set(aus.recordings)
    for done, name in enumerate(recordings):
        progress(Progress(task="counting AUs", done=done, total=len(recordings), detail=name))
        if name in have and len((part := aus.recording(name)).frame):
            for key, values in vars(_counts(part, dataset.frames(name).at(part.frame).time_s)).items():
                rows[key][done] = values
    return UseSums(**rows)


def _counts(part: AlignedFrames, time_s: np.ndarray) -> UseSums:
    """Of one recording: (A,) each."""
    shown, level, step = present(part.presence, part.intensity), part.level, frame_step(time_s)
    measured, size = ~np.isnan(shown), shown.shape[1]
    codeword, row = np.nonzero(shown.T == 1)
    active = Activations(codeword, row, np.ones(len(row)))
    number = presence_of(active, time_s)
    kept = number >= 0
    codeword, row, number = codeword[kept], row[kept], number[kept]
    first = np.flatnonzero(np.diff(number, prepend=-1))
    last = np.r_[first[1:], len(number)] - 1
    lasts = time_s[row[last]] - time_s[row[first]] + step if len(first) else np.zeros(0)
    return UseSums(
        frames=measured.sum(0).astype(float),
        seconds=measured.sum(0) * step,
        present=np.bincount(codeword, minlength=size).astype(float),
        intensity=np.bincount(codeword, np.nan_to_num(level[row, codeword]), size),
        intervals=np.bincount(codeword[first], minlength=size).astype(float),
        interval_s=np.bincount(codeword[first], lasts, size),
        first_s=_earliest(codeword[first], time_s[row[first]], size),
        begun=(np.bincount(codeword[first], minlength=size) > 0).astype(float),
    )


def _earliest(codeword: np.ndarray, time_s: np.ndarray, size: int) -> np.ndarray:
    """(A,) the least time of each, 0 where it has none."""
    least = np.full(size, np.inf)
    np.minimum.at(least, codeword, time_s)
    return np.where(np.isfinite(least), least, 0.0)


def au_balance(sums: Sums, aus: tuple[tuple[str, str], ...]) -> tuple[BalanceSums, list[str]]:
    """Frames of the left and right side of every AU that has both, and the names of these AUs."""
    column = {pair: i for i, pair in enumerate(aus)}
    names = [au for au, side in aus if side == "left" and (au, "right") in column]
    left, right = ([column[au, side] for au in names] for side in ("left", "right"))
    return BalanceSums(frames=sums.frames[:, left], left=sums.present[:, left], right=sums.present[:, right]), names
