"""A probe of each region of the face, of all but one, and of all by early and late fusion; how much each region moves.

After expression recognition by parts of the face: what a region tells alone, what is lost without it when the model is
trained without it, too (`explain.occlusion` only covers it up in the test part), and whether models of regions that
vote are better than one model of all columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.faces import open_face
from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import Sources, psi_moments
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.features.transforms import Blocks
from dfe_core.probes.intervals import (
    difference_interval,
    drawn_scores,
    group_weights,
    refitted_values,
    score_interval,
    weighted_metrics,
)
from dfe_core.probes.refit import probabilities
from dfe_core.probes.run import open_probe_inputs, probe_key, probe_target
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Predictions, nested, repeated_folds
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.fidelity import region_grams
from dfe_core.tokenizer.geometry import NO_REGION

MODEL = "linear"
_DRAWS, _CHUNK = 200, 50


class FacePart(StrEnum):
    """What a row of `RegionResult.table` is of."""

    ALONE = "alone"
    """One region."""
    WITHOUT = "without"
    """All but one, trained without it."""
    EARLY = "early"
    """All columns in one model."""
    LATE = "late"
    """A model of each region; the mean of their log probabilities, or of their predicted numbers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionResult:
    """What the regions of the face tell of a label.

    Attributes
    ----------
    settings: of the probe. metric: primary score of the task. n, subjects: units and people. simulated: of the data.
    sealed: what is to be said of labels that are or were sealed (`facts_under_seal`), or None.
    chance: the score of a guess that sees no face.
    table: one row a `FacePart`: use, region (empty for fusion), codewords, score, low, high, gain (score less that of
        early fusion), gain_low, gain_high; 95 % over the same draws of people, every model refitted.
    magnitudes: region, level (class of the label; empty for numbers), people, displacement_mm (root mean square over
        vertices and frames, mean over people), low, high (95 % over people); no rows for a face without a mesh.
    """

    settings: ProbeSettings
    metric: str
    n: int
    subjects: int
    simulated: bool
    sealed: dict[str, Any] | None
    chance: float
    table: pd.DataFrame
    magnitudes: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "label": self.settings.label,
            "features": self.settings.features[0],
            "metric": self.metric,
            "n": self.n,
            "subjects": self.subjects,
            "simulated": self.simulated,
            "sealed": self.sealed,
            "chance": self.chance,
            "seed": self.settings.seed,
            "regions": json_rows(self.table),
            "magnitudes": json_rows(self.magnitudes),
        }


def probe_regions(settings: ProbeSettings, root: Path | None = None, progress: Listener = silent) -> RegionResult:
    """The probe of one row of codewords by region of the face.

    Raises `DataError` as `run_probe` does, and for features that are not of codewords alone.
    """
    from dfe_core.probes.chance import guesses

    if len(settings.features) != 1:
        raise DataError("--features", ", ".join(settings.features), "one row of codewords with --regions")
    inputs = open_probe_inputs(settings, root)
    if inputs.encoded is None:
        raise DataError(settings.model, "action units without a codebook", "a codebook, whose codewords have regions")
    spans = make_spans(inputs.dataset, settings)
    target, _ = probe_target(inputs, spans, settings)
    sources = Sources(
        dataset=inputs.dataset, encoded=inputs.encoded, spans=spans, folder=inputs.folder, progress=progress
    )
    feature = build_feature(settings.features[0], sources, target, settings)
    of_region = columns_of_regions(feature, inputs.encoded.codebook.table)
    repeats = repeated_folds(target, settings)
    metric = scores.PRIMARY[target.task]
    return RegionResult(
        settings=settings,
        metric=metric,
        n=target.n,
        subjects=target.subjects,
        simulated=inputs.dataset.simulated,
        sealed=facts_under_seal(
            inputs.dataset, target.table["subject"].astype(str), "probe", settings.label, probe_key(settings, inputs)
        ),
        chance=float(guesses(target, repeats[0], settings)["chance"][metric]),
        table=region_table(feature, of_region, target, repeats, settings, progress),
        magnitudes=region_magnitudes(sources, target),
    )


def columns_of_regions(feature: Feature, codewords: pd.DataFrame) -> dict[str, np.ndarray]:
    """Region to the columns of its codewords.

    Parameters
    ----------
    codewords: `Codebook.table`.

    Raises `DataError` for columns that are of no codeword.
    """
    codeword = feature.columns["codeword"].to_numpy()
    if (codeword < 0).any() or len(feature.transform.blocks) != 1:
        raise DataError(feature.name, "columns that are of no codeword", "bow, bow-counts or another row of codewords")
    region = codewords.set_index("codeword")["region"].reindex(codeword).to_numpy(object)
    names = sorted(set(map(str, region[pd.notna(region)])) - {NO_REGION})
    return {name: np.flatnonzero(region == name) for name in names}


def only_columns(feature: Feature, columns: np.ndarray) -> Feature:
    """The feature row with these columns alone."""
    transform = feature.transform.blocks[0][2]
    return replace(
        feature,
        raw=feature.raw[:, columns],
        columns=feature.columns.iloc[columns].reset_index(drop=True),
        transform=Blocks(((0, len(columns), transform),)),
    )


def region_table(
    feature: Feature,
    of_region: Mapping[str, np.ndarray],
    target: Target,
    repeats: tuple,
    settings: ProbeSettings,
    progress: Listener = silent,
) -> pd.DataFrame:
    """The rows of `RegionResult.table`, on the folds of every repeat (`repeated_folds`)."""
    everything = np.sort(np.concatenate(list(of_region.values())))
    jobs: list[tuple[FacePart, str, np.ndarray]] = [(FacePart.EARLY, "", everything)]
    jobs += [(FacePart.ALONE, name, columns) for name, columns in of_region.items()]
    if len(of_region) > 1:
        jobs += [(FacePart.WITHOUT, name, np.setdiff1d(everything, columns)) for name, columns in of_region.items()]
    metric = scores.PRIMARY[target.task]
    settings = replace(settings, resamples=min(settings.resamples, _DRAWS))
    found: dict[tuple[FacePart, str], tuple[Predictions, ...]] = {}
    drawn: dict[tuple[FacePart, str], tuple[float, np.ndarray]] = {}
    for number, (use, name, columns) in enumerate(jobs):
        progress(Progress(task="probing regions", done=number, total=len(jobs), detail=f"{use} {name}".strip()))
        own = only_columns(feature, columns)
        found[use, name] = tuple(nested(own, target, folds, MODEL, settings) for folds in repeats)
        one = drawn_scores(found[use, name], target, MODEL, settings)
        drawn[use, name] = one.points[metric], one.draws[metric]
    alone = [found[FacePart.ALONE, name] for name in of_region]
    drawn[FacePart.LATE, ""] = _late_scores(alone, target, settings)
    progress(Progress(task="probing regions", done=len(jobs), total=len(jobs)))
    words = {(use, name): len(np.unique(feature.columns["codeword"].iloc[c])) for use, name, c in jobs}
    words[FacePart.LATE, ""] = words[FacePart.EARLY, ""]
    whole, whole_draws = drawn[FacePart.EARLY, ""]
    rows = []
    for (use, name), (score, draws) in drawn.items():
        low, high = score_interval(metric, score, draws)
        gain = difference_interval(score - whole, draws, whole_draws) or [np.nan, np.nan]
        rows.append(
            {
                "use": str(use),
                "region": name,
                "codewords": words[use, name],
                "score": score,
                "low": low,
                "high": high,
                "gain": score - whole,
                "gain_low": gain[0],
                "gain_high": gain[1],
            }
        )
    order = [str(use) for use in (FacePart.EARLY, FacePart.LATE, FacePart.ALONE, FacePart.WITHOUT)]
    return pd.DataFrame(rows).sort_values(
        ["use", "score"], key=lambda c: c.map(order.index) if c.name == "use" else -c, kind="stable", ignore_index=True
    )


def region_magnitudes(sources: Sources, target: Target) -> pd.DataFrame:
    """The rows of `RegionResult.magnitudes`, exact over all frames: from the second moments of ψ.

    The displacement is from neutral: a resting face that is not neutral moves all of a person's values.
    """
    columns = ["region", "level", "people", "displacement_mm", "low", "high"]
    face = open_face(sources.dataset.face_id, sources.dataset.root)
    if not face.has_mesh:
        return pd.DataFrame(columns=columns)
    sums = psi_moments(sources)
    inside = target.member >= 0
    unit = target.member[inside]
    size = sums["square"].shape[1]
    square, frames = np.zeros((target.n, size, size)), np.zeros(target.n)
    np.add.at(square, unit, sums["square"][inside])
    np.add.at(frames, unit, sums["frames"][inside])
    levels = target.classes if target.task == "classify" else ("",)
    of_level = target.y if target.task == "classify" else np.zeros(target.n, int)
    rows = []
    for region, gram in region_grams(face).items():
        energy = np.einsum("nef,ef->n", square, gram)
        for number, level in enumerate(levels):
            own = of_level == number
            each = pd.DataFrame({"who": target.groups[own], "energy": energy[own], "frames": frames[own]})
            people = each.groupby("who").sum()
            values = np.sqrt((people["energy"] / people["frames"].clip(lower=1)).clip(lower=0).to_numpy())
            low, high = _mean_interval(values)
            rows.append((region, level, len(values), float(values.mean()), low, high))
    return pd.DataFrame(rows, columns=columns)


def _late_scores(
    alone: list[tuple[Predictions, ...]], target: Target, settings: ProbeSettings
) -> tuple[float, np.ndarray]:
    """The score of late fusion, mean over repeats, and of draws of people, every region's model refitted in each."""
    metric = scores.PRIMARY[target.task]
    one = np.ones((1, target.n))
    points, draws = [], []
    weights = group_weights(target.groups, settings.resamples, settings.seed)
    drawn_repeats = 1 if target.task == "regress" else min(2, len(alone[0]))
    for repeat in range(len(alone[0])):
        values = _voted([_log_probabilities(region[repeat].values, target, fitted=True) for region in alone])
        points.append(float(weighted_metrics(target, values[None], one)[metric][0]))
        if repeat >= drawn_repeats:
            continue
        parts = []
        for chunk in np.array_split(weights, max(1, len(weights) // _CHUNK)):
            refitted = [refitted_values(region[repeat], target, chunk, MODEL, settings) for region in alone]
            voted = _voted([_log_probabilities(values, target, fitted=False) for values in refitted])
            parts.append(weighted_metrics(target, voted, chunk)[metric])
        draws.append(np.concatenate(parts))
    return float(np.mean(points)), np.mean(draws, 0)


def _log_probabilities(values: np.ndarray, target: Target, *, fitted: bool) -> np.ndarray:
    """Decision values of one region as what is averaged: logarithms of probabilities, or predicted numbers.

    fitted: whether they are of the models themselves, which give probabilities, else of `refit`, linear predictors.
    """
    if target.task != "classify":
        return values
    found = values if fitted else probabilities(values)
    return np.log(np.clip(found, 1e-12, None))


def _voted(values: list[np.ndarray]) -> np.ndarray:
    return np.mean(values, 0)


def _mean_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean over people (Student's t); NaN for fewer than two."""
    from scipy import stats

    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(max(values.mean() - half, 0)), float(values.mean() + half)
