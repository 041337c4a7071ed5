"""What an analysis of conversations is asked: every choice that changes a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dfe_core.errors import DataError

MOST_FACES = 8
"""Of one conversation: all pairs of them are compared."""


@dataclass(frozen=True, kw_only=True)
class ConversationSettings:
    """Every choice that changes a number.

    Attributes
    ----------
    by: the label column (or ``session``) whose value names the conversation of a recording; empty: recordings
        ``NAME-face0``, ``NAME-face1`` … of one video.
    role: a label column that says which member is the first of a pair (its values, sorted); empty: the first by name.
    offset: a label column of numbers, s: when the clock of a recording starts on that of its conversation; empty: 0.
    syllables: whether the syllables that were found of the tokens (`dfe syllables`) are followed beside codewords and
        regions.
    max_lag_s: the largest lag, to either side, and the time within which an onset answers another, s.
    window_s: series are centred on their moving mean over this time before they are correlated, s.
    step_s: of the common clock, s; 0: the longest frame interval of the dataset, and 1/15 at least.
    surrogates: of either family. resamples: of the bootstrap over conversations.
    min_onsets: of a thing in either face, for the conversation to count for it.
    min_conversations: that a thing needs to be tested.
    seed: of surrogates and bootstrap.
    """

    by: str = ""
    role: str = ""
    offset: str = ""
    syllables: bool = False
    max_lag_s: float = 3.0
    window_s: float = 20.0
    step_s: float = 0.0
    surrogates: int = 1000
    resamples: int = 1000
    min_onsets: int = 3
    min_conversations: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.1 <= self.max_lag_s <= 60:
            raise DataError("largest lag", f"{self.max_lag_s:g} s", "0.1 to 60 s")
        if not 2 * self.max_lag_s <= self.window_s <= 3600:
            raise DataError(
                "window", f"{self.window_s:g} s", f"twice the largest lag ({2 * self.max_lag_s:g} s) to 3600 s"
            )
        if not (self.step_s == 0 or 0.01 <= self.step_s <= self.max_lag_s / 2):
            raise DataError("step", f"{self.step_s:g} s", "0.01 s to half of the largest lag, or 0 for the frame rate")
        for name, least in (("surrogates", 99), ("resamples", 100), ("min_onsets", 1), ("min_conversations", 1)):
            if not least <= getattr(self, name) <= 100_000:
                raise DataError(name, str(getattr(self, name)), f"{least} to 100000")

    @property
    def least_s(self) -> float:
        """The shortest time that a conversation must have both faces: eight of the largest lag."""
        return 8 * self.max_lag_s

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
