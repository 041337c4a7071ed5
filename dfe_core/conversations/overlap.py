"""Who speaks in every pair, and whether both speak at once more or less than chance gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.conversations.answering import ratio_row, ratios_of
from dfe_core.conversations.coupling import cross_sums
from dfe_core.conversations.pairing import TalkingFaces
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import Orders, share_above
from dfe_core.conversations.turns import Turns, count_turns

_OVERLAP = ("value", "base", "low", "high", "p_shift", "p_shuffled", "conversations")


def turn_rows(faces: Sequence[TalkingFaces], step_s: float) -> Iterator[dict[str, Any]]:
    """Turns of every pair whose speech is known."""
    for one in faces:
        for first, second in combinations(one.tracks, 2):
            if first.speech is not None and second.speech is not None:
                turns: Turns = count_turns(first.speech, second.speech, step_s)
                names = {"conversation": one.name, "first_face": first.recording, "second_face": second.recording}
                yield {**names, "source": first.speech_from, **vars(turns)}


def overlap_row(
    faces: Sequence[TalkingFaces], orders: Orders, lag: int, settings: ConversationSettings
) -> pd.DataFrame:
    """One row of the share of time in which both speak, tested to either side of what surrogates give."""
    speech = [[track.speech for track in one.tracks if track.speech is not None] for one in faces]
    if any(len(spoken) < len(one.tracks) for spoken, one in zip(speech, faces, strict=True)):
        return pd.DataFrame(columns=list(_OVERLAP))

    def summed(i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [_spoken_together(a, b) for p, a in enumerate(speech[i]) for q, b in enumerate(speech[j]) if p < q]
        return np.sum([above for above, _ in pairs], 0), np.sum([below for _, below in pairs], 0)

    ratios = ratios_of(len(faces), orders, summed)
    row = ratio_row(ratios, orders, lag, settings)
    for name, orders_of, share in (
        ("p_shift", orders.shifts, ratios.shifted),
        ("p_shuffled", orders.partners, ratios.shuffled),
    ):
        if orders_of is not None:
            null = np.stack([share(one) for one in orders_of])
            centre = null.mean(0)
            row[name] = share_above(np.abs(row["value"] - centre), np.abs(null - centre))
    return pd.DataFrame({**row, "conversations": len(faces)})[list(_OVERLAP)]


def _spoken_together(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1) steps in which both speak, and in which both are known, at every circular shift of the second."""
    size = min(len(first), len(second))
    a, b = first[:size, None], second[:size, None]
    known = np.isfinite(a).astype(float), np.isfinite(b).astype(float)
    return np.rint(cross_sums(np.nan_to_num(a), np.nan_to_num(b))), np.rint(cross_sums(*known))
