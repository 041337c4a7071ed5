"""Whether faces that were recorded together answer each other, how late, who leads, and who speaks when.

Two measures of every codeword and region. ``correlation``: lagged correlation of intensities that are centred within
windows (Boker et al. 2002), the mean of Fisher's z over conversations, at the lag where it is largest. ``answers``: the
share of the onsets of one face that the other follows with an onset of the same thing within the largest lag
(event-based cross-recurrence; Coco & Dale 2014). Both are tested against circular shifts and shuffled pairs
(`surrogates`), conversations being the unit.

Letters: S conversations, C things, L lags, B surrogates, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dfe_core.conversations.answering import answer_ratios, answer_rows
from dfe_core.conversations.correlation import correlation_rows, lag_curves, long_curves, pair_rows, windowed_rows
from dfe_core.conversations.coupling import answers, centred_track
from dfe_core.conversations.overlap import overlap_row, turn_rows
from dfe_core.conversations.pairing import TalkingFaces, shows_enough
from dfe_core.conversations.result import BACKWARD, FORWARD, RARE, TESTED, PairTables
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import draw_orders
from dfe_core.errors import DataError
from dfe_core.groups.families import adjusted_over_known
from dfe_core.progress import Listener, silent

_TESTS = ("p_shift", "p_shuffled", "p_lead")


def analyse_faces(
    faces: Sequence[TalkingFaces],
    things: pd.DataFrame,
    step_s: float,
    settings: ConversationSettings,
    progress: Listener = silent,
) -> PairTables:
    """The tables of conversations on one clock.

    Parameters
    ----------
    faces: conversations of at least `ConversationSettings.least_s`. things: C rows: kind, thing, description.
    step_s: of the clock.

    Raises `DataError` without a conversation, and for one that is too short.
    """
    _require_lengths(faces, step_s, settings)
    lag, window = round(settings.max_lag_s / step_s), round(settings.window_s / step_s)
    orders = draw_orders([one.steps for one in faces], lag, settings.surrogates, settings.seed)
    prepared = [
        [(centred_track(t, window), answers(t, lag), shows_enough(t, settings)) for t in one.tracks] for one in faces
    ]
    curves = lag_curves(prepared, orders, lag, progress)
    ratios = {FORWARD: answer_ratios(prepared, orders, False), BACKWARD: answer_ratios(prepared, orders, True)}
    correlation, drawn = correlation_rows(curves, orders, step_s, settings)
    rows = [correlation, *(answer_rows(one, orders, lag, name, settings) for name, one in ratios.items())]
    onsets = sum(track.onset.sum(0) for one in faces for track in one.tracks)
    counted = curves.weight.sum(0).astype(int)
    status = np.where(counted >= settings.min_conversations, TESTED, RARE)
    parts = [
        pd.concat([things, row.assign(conversations=counted, onsets=onsets, status=status)], axis=1) for row in rows
    ]
    table = _corrected(pd.concat(parts, ignore_index=True))
    return PairTables(
        table=table,
        curves=long_curves(drawn, things[status == TESTED], step_s, lag),
        pairs=pair_rows(faces, prepared, orders, things, step_s),
        windows=windowed_rows(faces, table, things, step_s, settings),
        turns=pd.DataFrame(turn_rows(faces, step_s)),
        overlap=overlap_row(faces, orders, lag, settings),
    )


def _require_lengths(faces: Sequence[TalkingFaces], step_s: float, settings: ConversationSettings) -> None:
    if not faces:
        raise DataError("conversations", "none", "one or more")
    for one in faces:
        if one.steps * step_s < settings.least_s - step_s:
            found = f"{one.steps * step_s:.1f} s with all of its faces"
            raise DataError(one.name, found, f"{settings.least_s:g} s: eight of the largest lag")


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """The table with q of every p by Benjamini–Hochberg over the things of a kind (both directions of answers
    together), the smallest p first; p of things that are too rare are left out."""
    rare = table["status"] != TESTED
    for name in _TESTS:
        table.loc[rare, name] = np.nan
        q = table.groupby(["kind", "measure"], sort=False)[name].transform(lambda p: adjusted_over_known(p.to_numpy()))
        table[f"q{name[1:]}"] = q
    order = ["p_shift", "p_shuffled", "kind", "measure", "thing"]
    return table.sort_values(order, kind="stable", ignore_index=True)
