"""Power: how many people, recorded for how long, a difference in the rate of a codeword needs.

People are drawn from those of a study, and with them how differently people use a codeword and how unevenly it comes in
time; a difference of d standard deviations is added to one group, and the share of draws in which the permutation test
of `dfe groups` finds it is the power. Rates of codewords are far from normal: the formula of the t test misses by 5 to
11 points at 20 people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.groups import permutation
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.intervals import RunIndex

CHUNK_S = 15.0
"""Length of the pieces of a recording between which the rate of a codeword varies, s."""
ALPHA = 0.05
_LEAST_PEOPLE, _LEAST_CHUNKS = 6, 2
_SHOWN_BY = 0.5


@dataclass(frozen=True, kw_only=True)
class PowerSettings:
    """What to predict power for.

    effect: difference between two groups in standard deviations between people, as their rates are in these recordings.
    people: of both groups together. minutes: recorded of each; 0 for as long as in these recordings. draws: of people,
    for each cell. permutations: of each test.
    """

    effect: float = 0.8
    people: tuple[int, ...] = (20, 40, 60, 80, 120)
    minutes: tuple[float, ...] = (0.0,)
    draws: int = 200
    permutations: int = 199
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.effect <= 10:
            raise DataError("effect", f"{self.effect:g}", "0 to 10 standard deviations")
        if not self.people or min(self.people) < 6 or max(self.people) > 5000:
            raise DataError("people", " ".join(map(str, self.people)) or "none", "6 to 5000 of both groups together")
        if not self.minutes or min(self.minutes) < 0 or max(self.minutes) > 10_000:
            raise DataError("minutes", " ".join(f"{m:g}" for m in self.minutes) or "none", "0 to 10,000 minutes")


@dataclass(frozen=True, eq=False, kw_only=True)
class Rates:
    """How people use codewords, for drawing more of them.

    people: (S,) names. codewords: (K,) numbers of those that half of the people show. rate: (S, K) intervals a minute.
    minutes: (S,) recorded of each. dispersion: (K,) variance of a count over its mean, within people (1: Poisson).
    between: (K,) standard deviation of the rate between people that is not due to the length of their recordings.
    """

    people: tuple[str, ...]
    codewords: np.ndarray
    rate: np.ndarray
    minutes: np.ndarray
    dispersion: np.ndarray
    between: np.ndarray

    def of(self, chosen: np.ndarray) -> Rates:
        """The same with some of the people; what varies within them stays as it is."""
        return Rates(
            people=tuple(np.array(self.people)[chosen]),
            codewords=self.codewords,
            rate=self.rate[chosen],
            minutes=self.minutes[chosen],
            dispersion=self.dispersion,
            between=_between(self.rate[chosen], self.minutes[chosen], self.dispersion),
        )


def codeword_rates(dataset: Dataset, index: RunIndex) -> Rates:
    """The rates of codewords of every person of a dataset. Raises `DataError` for fewer than 6 people, and where no
    codeword is shown by half of them."""
    chunks = _chunks(dataset, index)
    minutes = chunks.groupby("person", sort=True)["minutes"].sum()
    if len(minutes) < _LEAST_PEOPLE:
        raise DataError(dataset.name, f"{len(minutes)} people", f"{_LEAST_PEOPLE} or more")
    numbers = [k for k in range(index.codewords) if k != REST]
    counts = chunks.groupby("person", sort=True)[numbers].sum()
    rate = counts.to_numpy(float) / minutes.to_numpy()[:, None]
    shown = (rate > 0).mean(0) >= _SHOWN_BY
    if not shown.any():
        raise DataError(dataset.name, "no codeword that half of the people show", "longer recordings")
    rate = rate[:, shown]
    dispersion = _dispersion(chunks, rate, np.array(numbers)[shown])
    return Rates(
        people=tuple(map(str, minutes.index)),
        codewords=np.array(numbers)[shown],
        rate=rate,
        minutes=minutes.to_numpy(),
        dispersion=dispersion,
        between=_between(rate, minutes.to_numpy(), dispersion),
    )


def predict_power(rates: Rates, settings: PowerSettings, progress: Listener = silent) -> pd.DataFrame:
    """Power of the comparison of one codeword's rate at p < 0.05.

    Returns
    -------
    One row per codeword, number of people and minutes: codeword, people, minutes, effect, power (share of the draws).
    """
    cells = [(n, m) for m in settings.minutes for n in settings.people]
    tables = []
    for done, (people, minutes) in enumerate(cells):
        progress(Progress(task="power", done=done, total=len(cells), detail=f"{people} people"))
        power = np.mean([_found(rates, people, minutes, settings, draw) for draw in range(settings.draws)], axis=0)
        cell = {"codeword": rates.codewords, "people": people, "minutes": minutes or np.median(rates.minutes)}
        tables.append(pd.DataFrame({**cell, "effect": settings.effect, "power": power}))
    progress(Progress(task="power", done=len(cells), total=len(cells)))
    return pd.concat(tables, ignore_index=True)


def summary_of_power(table: pd.DataFrame) -> pd.DataFrame:
    """One row per number of people and minutes: median power over codewords, and the range of 80 % of them."""
    grouped = table.groupby(["minutes", "people"], sort=True)["power"]
    return (
        grouped.quantile(np.array([0.1, 0.5, 0.9])).unstack().set_axis(["low", "median", "high"], axis=1).reset_index()
    )


def _found(rates: Rates, people: int, minutes: float, settings: PowerSettings, draw: int) -> np.ndarray:
    """(K,) whether a difference planted into drawn people has p below `ALPHA`."""
    rng = np.random.default_rng([settings.seed, draw, people, round(60 * minutes)])
    chosen = rng.integers(len(rates.rate), size=people)
    second = np.arange(people) >= people // 2
    shift = settings.effect * rates.rate.std(0, ddof=1)
    own = _long_run(rates)[chosen] + np.outer(second, shift)
    length = np.full(people, minutes) if minutes else rates.minutes[chosen]
    drawn = _counts(own * length[:, None], rates.dispersion, rng) / length[:, None]
    p = permutation.two_groups(drawn[~second], drawn[second], permutations=settings.permutations, seed=draw)
    return np.nan_to_num(p, nan=1.0) < ALPHA


def _long_run(rates: Rates) -> np.ndarray:
    """(S, K) rates with the spread between people that longer recordings would leave."""
    centre, spread = rates.rate.mean(0), rates.rate.std(0, ddof=1)
    return np.maximum(centre + (rates.rate - centre) * (rates.between / np.maximum(spread, 1e-12)), 0.0)


def _counts(mean: np.ndarray, dispersion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts of this mean (n, K) with variance dispersion · mean: negative binomial, Poisson where that is smaller."""
    over = np.broadcast_to(np.maximum(dispersion - 1, 0), mean.shape)
    uneven = (over > 1e-6) & (mean > 0)
    shape = np.where(uneven, mean / np.where(uneven, over, 1), 1.0)
    drawn = rng.negative_binomial(shape, 1 / (1 + over))
    return np.where(uneven, drawn, rng.poisson(mean)).astype(float)


def _between(rate: np.ndarray, minutes: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """(K,) standard deviation between people, less what the length of their recordings explains."""
    counted = (dispersion * rate / minutes[:, None]).mean(0)
    return np.sqrt(np.maximum(rate.var(0, ddof=1) - counted, 0.0))


def _dispersion(chunks: pd.DataFrame, rate: np.ndarray, codewords: np.ndarray) -> np.ndarray:
    """(K,) variance of counts over their mean, within people who have several chunks (Pearson's estimate)."""
    person = pd.factorize(chunks["person"], sort=True)[0]
    expected = rate[person] * chunks["minutes"].to_numpy()[:, None]
    several = np.bincount(person)[person] >= _LEAST_CHUNKS
    free = several.sum() - len(np.unique(person[several]))
    if free < 1:
        return np.ones(len(codewords))
    counted = chunks[list(codewords)].to_numpy(float)
    excess = np.where(expected > 0, (counted - expected) ** 2 / np.maximum(expected, 1e-12), 0.0)
    return np.maximum(excess[several].sum(0) / free, 1.0)


def _chunks(dataset: Dataset, index: RunIndex) -> pd.DataFrame:
    """One row per piece of `CHUNK_S` of a recording: person, minutes, and how often each codeword begins (columns)."""
    rows = index.recordings.assign(recording=lambda t: t["recording"].astype(str)).set_index("recording")
    people = dataset.recordings.assign(recording=lambda t: t["recording"].astype(str)).set_index("recording")["subject"]
    runs = pq.read_table(index.path / "runs.parquet", columns=["recording", "codeword", "start_s"]).to_pandas()
    runs = runs.assign(recording=runs["recording"].astype(str))
    starts = runs.groupby("recording")["start_s"].min()
    tables = []
    for name, duration in rows["duration_s"].astype(float).items():
        if name not in people.index or not duration > 0:
            continue
        number = max(1, round(duration / CHUNK_S))
        length = duration / number
        mine = runs[runs["recording"] == name]
        begin = min(0.0, float(starts.get(str(name), 0.0)))
        cell = np.clip((mine["start_s"].to_numpy() - begin) // length, 0, number - 1).astype(int)
        counts = np.zeros((number, index.codewords))
        np.add.at(counts, (cell, mine["codeword"].to_numpy(int)), 1)
        tables.append(pd.DataFrame(counts).assign(person=str(people.loc[str(name)]), minutes=length / 60))
    if not tables:
        raise DataError(dataset.name, "no recording with tokens", "one that is encoded")
    return pd.concat(tables, ignore_index=True)
