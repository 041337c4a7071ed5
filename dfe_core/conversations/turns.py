"""Who speaks when: shares of speech, overlap, changes of turn, and the time between turns.

Speech is that of `channels`: a voice in the sound of a face's own video where it was read, else movement of the jaw as
in speech. One sound for both faces does not say which of them spoke, and the jaw is taken there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.channels.series import channel_series
from dfe_core.channels.sources import ChannelSources
from dfe_core.conversations.tracks import resample_on_clock
from dfe_core.expressions.dataset import Dataset

VOICE, JAW = "voice", "jaw"
_MOST_GAP_S = 3.0
"""A silence longer than this is a pause of the conversation, and no time between turns."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Of two faces: shares of the time that both are known, 0 … 1, and changes of turn.

    gap_s: median time from the end of one's turn to the start of the other's, negative where they overlap (Heldner &
    Edlund 2010, Journal of Phonetics 38); NaN without one.
    """

    first: float
    second: float
    both: float
    neither: float
    changes: int
    gap_s: float
    seconds: float


def speech_source(sources: ChannelSources, recordings: list[str]) -> str:
    """`VOICE` where each of the recordings has a sound of its own, else `JAW`."""
    voices = [sources.voices.get(name) for name in recordings]
    own = {one.spans for one in voices if one is not None}
    return VOICE if all(one is not None for one in voices) and len(own) == len(voices) else JAW


def speech_on_clock(
    dataset: Dataset, recording: str, sources: ChannelSources, source: str, clock_s: np.ndarray
) -> np.ndarray | None:
    """(N,) 1 where the face speaks, 0 where not, NaN where it is not known; None where it is not measured.

    clock_s: (N,) s on the clock of the recording.
    """
    series = channel_series(dataset, recording, sources)
    speech = series.voice if source == VOICE else series.speech
    if speech is None or not np.isfinite(speech).any():
        return None
    seen = np.isfinite(speech)
    known, values = resample_on_clock(series.time_s[seen], speech[seen][:, None], clock_s)
    return np.where(known, (values[:, 0] >= 0.5).astype(float), np.nan)


def count_turns(first: np.ndarray, second: np.ndarray, step_s: float) -> Turns:
    """Turns of two faces on one clock; (N,) each, 1, 0, or NaN where it is not known."""
    known = np.isfinite(first) & np.isfinite(second)
    a, b = first[known] > 0.5, second[known] > 0.5
    gaps = _gaps(np.where(known, first > 0.5, False), np.where(known, second > 0.5, False), known, step_s)
    share = np.mean if known.any() else (lambda _: float("nan"))
    return Turns(
        first=float(share(a)),
        second=float(share(b)),
        both=float(share(a & b)),
        neither=float(share(~a & ~b)),
        changes=len(gaps),
        gap_s=float(np.median(gaps)) if gaps else float("nan"),
        seconds=float(known.sum() * step_s),
    )


def _gaps(a: np.ndarray, b: np.ndarray, known: np.ndarray, step_s: float) -> list[float]:
    """Seconds from the end of each turn to the start of the other's next one, of changes without a gap in the data."""
    turns = sorted([(s, e, 0) for s, e in _spans(a)] + [(s, e, 1) for s, e in _spans(b)])
    found, last = [], None
    for turn in turns:
        if last is not None and turn[1] <= last[1]:
            continue  # said within the other's turn: no change
        if last is not None and turn[2] != last[2]:
            gap = (turn[0] - last[1]) * step_s
            if gap <= _MOST_GAP_S and known[min(last[1], turn[0]) : max(last[1], turn[0]) + 1].all():
                found.append(gap)
        last = turn
    return found


def _spans(active: np.ndarray) -> list[tuple[int, int]]:
    """First step and the step after the last of each run."""
    edges = np.flatnonzero(np.diff(np.r_[False, active, False]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
