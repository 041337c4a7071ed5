"""A live session: frames of a source put in time, a resting face taken off, tokens chosen, a take written, all
counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from dfe_core.live.encoder import LiveEncoder, LiveFrame
from dfe_core.live.rest import LEAST_FRAMES, rest_of
from dfe_core.live.source_frame import PacketError, PacketFault, SourceFrame
from dfe_core.live.take import TakeWriter

JUMP_S = 5.0
"""A source's clock that leaves ours by more has started again."""
_KEPT = 100_000  # latencies, of the last frames


class SourceClock:
    """Seconds since the start of the session, by the source's clock where it has one, which rise from frame to
    frame."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._base: float | None = None
        self._last = -1.0

    def place(self, source_s: float | None, arrival_s: float) -> float | None:
        """The time of a frame that arrived at a time of any clock of ours, None where it comes too late, or twice."""
        self._start = arrival_s if self._start is None else self._start
        since = arrival_s - self._start
        if source_s is None:
            time = since
        else:
            if self._base is None or abs(source_s - self._base - since) > JUMP_S:
                self._base = source_s - max(since, self._last + 1e-3)
            time = source_s - self._base
        if time <= self._last:
            return None
        self._last = time
        return time


@dataclass(kw_only=True, eq=False)
class LiveCounts:
    """What happened to the packets of a session.

    broken: by what was wrong. late: came too late, or twice. others: of faces that are not the one. faceless: without a
    face. frames: with one. latency_s: from a packet's arrival to its tokens, of the last frames.
    """

    broken: Counter[PacketFault] = field(default_factory=Counter)
    late: int = 0
    others: int = 0
    faceless: int = 0
    frames: int = 0
    first_s: float | None = None
    last_s: float = 0.0
    latency_s: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def frames_per_second(self) -> float:
        """Of the frames with a face, over the time from the first of them to the last."""
        span = self.last_s - (self.first_s or 0.0)
        return (self.frames - 1) / span if span > 0 else 0.0

    def latency_ms(self, share: float) -> float:
        """The latency that this share of the frames does not exceed, NaN without any."""
        return 1e3 * float(np.quantile(self.latency_s, share)) if self.latency_s else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveMoment:
    """One frame of a session: its time in seconds since the start, and its tokens, None without a face or while the
    resting face is found."""

    time_s: float
    found: LiveFrame | None
    resting: bool = False


class LiveSession:
    """Takes what a source sends and gives moments.

    Parameters
    ----------
    encoder: of the codebook. sizes: (S,) how far each coefficient moves the face (`rest.coefficient_sizes`). rest_s:
    the first seconds are the person at rest, which is taken off what follows; 0 takes nothing off. take: written as
    it comes. subject: the one that counts, by the source's name; None takes the first that comes.
    """

    def __init__(
        self,
        encoder: LiveEncoder,
        sizes: np.ndarray,
        *,
        rest_s: float = 0.0,
        take: TakeWriter | None = None,
        subject: str | None = None,
    ) -> None:
        self.encoder, self.sizes, self.take, self.subject = encoder, sizes, take, subject
        self.counts = LiveCounts()
        self._clock, self._rest_s = SourceClock(), rest_s
        self._calm: list[np.ndarray] | None = [] if rest_s > 0 else None

    def receive(
        self, decode: Callable[[bytes], list[SourceFrame]], data: bytes, arrival_s: float
    ) -> Iterator[LiveMoment]:
        """Moments of one packet; one that is broken is counted."""
        try:
            frames = decode(data)
        except PacketError as error:
            self.counts.broken[error.fault] += 1
            return
        for frame in frames:
            moment = self.push(frame, arrival_s)
            if moment is not None:
                yield moment

    def push(self, frame: SourceFrame, arrival_s: float) -> LiveMoment | None:
        """The moment of one frame that arrived at a time of `perf_counter`; None where it does not count."""
        if self.subject is None:
            self.subject = frame.subject
        if frame.subject != self.subject:
            self.counts.others += 1
            return None
        time_s = self._clock.place(frame.time_s, arrival_s)
        if time_s is None:
            self.counts.late += 1
            return None
        if self.take is not None:
            self.take.add(time_s, frame)
        return self._moment(frame, time_s, arrival_s)

    @property
    def has_rest(self) -> bool:
        """Whether a resting face is taken off."""
        return bool(self.encoder.rest.any())

    def _moment(self, frame: SourceFrame, time_s: float, arrival_s: float) -> LiveMoment:
        if frame.values is None:
            self.counts.faceless += 1
            self.encoder.lose()
            return LiveMoment(time_s=time_s, found=None, resting=self._calm is not None)
        if self._calm is not None and time_s < self._rest_s:
            self._calm.append(frame.values)
            return LiveMoment(time_s=time_s, found=None, resting=True)
        self._find_rest()
        found = self.encoder.encode(frame.values, time_s)
        counts = self.counts
        counts.frames, counts.last_s = counts.frames + 1, time_s
        counts.first_s = time_s if counts.first_s is None else counts.first_s
        counts.latency_s.append(perf_counter() - arrival_s)
        return LiveMoment(time_s=time_s, found=found)

    def _find_rest(self) -> None:
        """Once the seconds of rest are over, take the resting face off; too few frames leave the face as it comes."""
        if self._calm is not None and len(self._calm) >= LEAST_FRAMES:
            self.encoder.rest = rest_of(np.stack(self._calm), self.sizes)
        self._calm = None
