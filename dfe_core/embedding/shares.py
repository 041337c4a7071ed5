"""By subject and label: how much of their frames every codeword of a codebook takes."""

from __future__ import annotations

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.tokens.intervals import RunIndex


def shares_by(index: RunIndex, recordings: pd.DataFrame, by: str) -> pd.DataFrame:
    """Share of frames with each codeword in each value of a column of `recordings` (``subject`` or a label).

    Returns K rows, one column a value in sorted order: the mean over the value's subjects of the subject's own share,
    as `tokens.dynamics.distribution_over` has it for one codeword. Raises `DataError` for a column that is not there.
    """
    if by not in recordings.columns:
        raise DataError(by, "no such column of the recordings", ", ".join(map(str, recordings.columns)))
    about = pd.DataFrame(
        {"recording": recordings["recording"].astype(str), "value": recordings[by], "who": recordings["subject"]}
    ).dropna(subset="value")
    held = index.recordings[["recording", "frames"]].assign(recording=lambda t: t["recording"].astype(str))
    frames = held.merge(about, on="recording").groupby(["value", "who"], observed=True)["frames"].sum()
    rows = index.presence[["recording", "codeword", "frames"]].assign(recording=lambda t: t["recording"].astype(str))
    present = rows.merge(about, on="recording").groupby(["codeword", "value", "who"], observed=True)["frames"].sum()
    share = present.reset_index().merge(frames.rename("all").reset_index(), on=["value", "who"])
    share = share.assign(share=share["frames"] / share["all"])
    by_value = share.groupby(["codeword", "value"], observed=True)["share"]
    people = frames.groupby(level="value", observed=True).size()
    table = by_value.sum().unstack("value").reindex(range(index.codewords)).reindex(columns=sorted(people.index))
    return table.fillna(0.0) / people


def subjects_showing(index: RunIndex, recordings: pd.DataFrame) -> pd.Series:
    """(K,) int: in how many subjects each codeword occurs at all."""
    who = recordings.assign(recording=recordings["recording"].astype(str)).set_index("recording")["subject"]
    rows = index.presence[index.presence["frames"] > 0]
    shown = rows.assign(who=rows["recording"].astype(str).map(who)).groupby("codeword")["who"].nunique()
    return shown.reindex(range(index.codewords), fill_value=0).astype(int)
