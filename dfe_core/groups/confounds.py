"""Do the groups differ in how they moved their heads, looked, blinked, spoke or were tracked? Always compared.

A difference between codewords may come from any of these. Each measure of `dfe_core.channels` is compared by the tests
of codewords, and may be a covariate of them by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.channels.measures import (
    CHANNEL_MEASURES,
    COMPARED,
    MeasuredChannels,
    measure_recordings,
)
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.groups.measures import VALUE, BalanceSums, TransitionSums, UseSums
from dfe_core.progress import Listener, silent

ALPHA = 0.05
"""q below which the groups are said to differ."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelUse:
    """Measures of channels in the place of the use of codewords. channels: of every recording or unit."""

    channels: MeasuredChannels

    @classmethod
    def of(cls, dataset: Dataset, progress: Listener = silent) -> ChannelUse:
        """Of every recording of a dataset."""
        return cls(channels=measure_recordings(dataset, progress))

    @staticmethod
    def things() -> pd.DataFrame:
        """(M rows) name, description and unit of what is compared."""
        chosen = {name: CHANNEL_MEASURES[name] for name in COMPARED}
        return pd.DataFrame(
            {
                "name": list(chosen),
                "description": [one.text for one in chosen.values()],
                "unit": [one.unit for one in chosen.values()],
            }
        )

    @property
    def frames(self) -> np.ndarray:
        """(U, 1) seconds in which anything was measured."""
        return self.channels.weights.max(1, keepdims=True)

    @property
    def present(self) -> np.ndarray:
        """(U, M) 1 where a measure is known."""
        return (self._compared(self.channels.weights) > 0).astype(float)

    def pooled(self, member: np.ndarray, units: int) -> ChannelUse:
        """As `UseSums.pooled`, by weighted means."""
        return ChannelUse(channels=self.channels.pooled(member, units))

    def measures(self) -> dict[str, np.ndarray]:
        """(U, M) of `COMPARED`."""
        return {VALUE: self._compared(self.channels.values)}

    def _compared(self, table: np.ndarray) -> np.ndarray:
        names = list(CHANNEL_MEASURES)
        return table[:, [names.index(name) for name in COMPARED]]


Sums = UseSums | BalanceSums | TransitionSums | ChannelUse
"""What a comparison of groups is made from."""


def recordings_with_channels(dataset: Dataset, names: tuple[str, ...]) -> pd.DataFrame:
    """`Dataset.recordings` with a column for each of the names that is a measure of channels and no label.

    Raises `DataError` for a measure that no recording of the dataset has, and for a name that is neither.
    """
    rows = dataset.recordings
    wanted = [name for name in names if name not in rows.columns]
    if not wanted:
        return rows
    unknown = [name for name in wanted if name not in CHANNEL_MEASURES]
    if unknown:
        raise DataError(
            unknown[0],
            "no such label column or measure",
            "one of " + ", ".join([*dataset.labels, *CHANNEL_MEASURES]),
        )
    measured = measure_recordings(dataset)
    columns = {name: measured.of(name) for name in wanted}
    for name, values in columns.items():
        if np.isnan(values).all():
            raise DataError(
                name,
                f"not known of any recording of {dataset.name}",
                f"recordings with {CHANNEL_MEASURES[name].channel}, or a label column of this name",
            )
    return rows.assign(**columns)


def differing(confounds: pd.DataFrame) -> pd.DataFrame:
    """The rows of `GroupComparison.confounds` that differ between the groups."""
    return confounds[confounds["q"] < ALPHA] if len(confounds) else confounds


def confound_sentences(confounds: pd.DataFrame, within: bool) -> str:
    """What else differs between the groups, for people; empty where it was not looked at. within: subjects are compared
    with themselves."""
    if not len(confounds):
        return ""
    found = differing(confounds)
    tested = confounds["p"].notna()
    names = ", ".join(dict.fromkeys(map(measure_words, confounds.loc[tested, "measure"])))
    if not len(found):
        return f"Always compared: {names}; no clear difference." if names else "Nothing else could be compared."
    rows = [
        f"{measure_words(row['measure'])} ({row['a']} {row['mean_a']:.3g}{row['unit']}, {row['b']} "
        f"{row['mean_b']:.3g}{row['unit']}; g = {row['hedges_g']:.2f}, q = {row['q']:.2g})"
        for row in found.to_dict("records")
    ]
    names = ",".join(dict.fromkeys(found["measure"]))
    way = "" if within else f" --covariates {names} adjusts for it."
    return f"CAUTION: the groups differ in {'; '.join(rows)}: differences between codewords may come from that.{way}"


def measure_words(name: str) -> str:
    """A measure in a sentence."""
    return name.replace("_", " ")
