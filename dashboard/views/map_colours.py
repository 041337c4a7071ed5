"""What the points of a map are coloured by: one function a colour, and the legend that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.expressions.recording_table import find_frames
from dfe_core.facs.store import PRESENT_PROBABILITY, AlignedAus
from dfe_core.ontology import title
from dfe_core.render.palette import REST_COLOUR, region_colour

from ..theme.palette import CATEGORIES, SIDE_COLOURS

RAMP = ((52, 84, 148), (86, 100, 138), (125, 124, 120), (166, 157, 117), (210, 193, 99), (240, 215, 60))
"""Cividis (Nuñez, Anderton & Renslow 2018) without its ends, which vanish on a dark and on a light page."""
SIGNED = ((0, 90, 181), (97, 152, 209), (176, 176, 176), (235, 150, 70), (199, 76, 0))
"""Blue below zero, grey at it, orange above: told apart with every colour vision deficiency."""
OTHER = "#9AA0AB"
FAINTEST = 1.0
"""Intensity from which an action unit can be a frame's strongest: A of FACS's A to E."""


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """colours (n, 3) uint8; legend [{name, colour}] of categories, or ramp {low, middle, high, colours}; about: what
    the colour is, where a name alone does not say it."""

    colours: np.ndarray
    legend: list[dict[str, str]] = field(default_factory=list)
    ramp: dict[str, Any] | None = None
    about: str = ""


def regions(values: pd.Series) -> Colouring:
    """By region of the face."""
    return categories(
        values.fillna("none"), {str(name): region_colour(name) for name in values.fillna("none").unique()}
    )


def sides(values: pd.Series) -> Colouring:
    """By symmetry: left, right, two-sided, at rest."""
    return categories(
        values.fillna("rest").replace({"symmetric": "two-sided"}),
        {**{k: v for k, v in SIDE_COLOURS.items() if k != "symmetric"}, "two-sided": SIDE_COLOURS["symmetric"]},
    )


def units_like(values: pd.Series) -> Colouring:
    """By the action unit that a codeword's movement is most like."""
    return categories(values.fillna("").str.partition(" ")[0].replace({"": "None"}), None)


def stages(values: pd.Series) -> Colouring:
    """By quantizer stage, counted from 0; −1 is at rest or never used."""
    found = pd.Series(np.where(values < 0, "at rest", "stage " + (values.astype(int) + 1).astype(str)))
    return categories(
        found,
        {f"stage {i + 1}": colour for i, colour in enumerate(CATEGORIES)} | {"at rest": REST_COLOUR},
        ordered=True,
    )


def uses(values: pd.Series) -> Colouring:
    """By share of frames, on a logarithmic scale."""
    percent = 100 * np.maximum(values.fillna(0).to_numpy(float), 1e-4)
    colours, low, high = _on_ramp(np.log10(percent))
    return Colouring(
        colours=colours,
        ramp={
            "low": f"{10**low:.2g} %",
            "middle": "log",
            "high": f"{10**high:.2g} % of frames",
            "colours": _hexes(RAMP),
        },
    )


def categories(values: pd.Series, colours: dict[str, str] | None, ordered: bool = False) -> Colouring:
    """A colour a category; the most frequent ones where no colours are given, the rest in grey. The legend goes by
    frequency, or in the order of `colours`."""
    counted = values.value_counts()
    if colours is None:
        colours = dict(zip(counted.index[: len(CATEGORIES)], CATEGORIES, strict=False))
        colours |= {"None": REST_COLOUR} if "None" in counted.index else {}
    hexes = values.map(lambda v: colours.get(v, OTHER))
    named = [v for v in (colours if ordered else counted.index) if v in colours and v in counted.index]
    legend = [{"name": str(v)[:1].upper() + str(v)[1:], "colour": colours[v]} for v in named]
    if len(legend) < len(counted):
        legend.append({"name": f"{len(counted) - len(legend)} others", "colour": OTHER})
    return Colouring(colours=np.array([rgb(h) for h in hexes], np.uint8).reshape(-1, 3), legend=legend)


def numbers(values: pd.Series, unit: str, about: str = "") -> Colouring:
    """A perceptually uniform ramp from the 2nd to the 98th percentile; grey where there is no number."""
    array = values.to_numpy(float)
    colours, low, high = _on_ramp(array)
    ends = {"low": f"{low:.3g}", "middle": "", "high": f"{high:.3g} {unit}".strip()}
    return Colouring(colours=colours, ramp=ends | {"colours": _hexes(RAMP)}, legend=_unmeasured(array), about=about)


def _on_ramp(array: np.ndarray) -> tuple[np.ndarray, float, float]:
    """(n, 3) colours of numbers (n,) along `RAMP`, and the numbers at its ends: the 2nd and the 98th percentile."""
    low, high = np.nanquantile(array, [0.02, 0.98]) if np.isfinite(array).any() else (0.0, 1.0)
    return _along((array - low) / max(high - low, 1e-9), RAMP), float(low), float(high)


def signed(values: pd.Series, unit: str, about: str = "") -> Colouring:
    """Blue below zero, orange above; the ends are the 98th percentile of the size."""
    array = values.to_numpy(float)
    high = float(np.nanquantile(np.abs(array), 0.98)) if np.isfinite(array).any() else 1.0
    high = high or float(np.nanmax(np.abs(array), initial=0)) or 1.0
    ends = {"low": f"−{high:.2g}", "middle": "0", "high": f"{high:.2g} {unit}".strip()}
    return Colouring(
        colours=_along((array / high + 1) / 2, SIGNED),
        ramp=ends | {"colours": _hexes(SIGNED)},
        legend=_unmeasured(array),
        about=about,
    )


def column(values: pd.Series, name: str) -> Colouring:
    """A column of the recordings: numbers on a ramp, anything else as categories."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > len(CATEGORIES):
        return numbers(values, name)
    return categories(values.astype(str), None)


def weighted(tokens: np.ndarray, intensities: np.ndarray, weights: pd.Series, probe: str) -> Colouring:
    """Frames by a probe: the sum over a frame's tokens of the codeword's weight × intensity."""
    size = max(int(tokens.max(initial=0)), int(weights.index.max()) if len(weights) else 0) + 1
    weight = weights.reindex(range(size)).fillna(0).to_numpy(float)
    return signed(
        pd.Series((weight[tokens] * intensities).sum(1)),
        "",
        "A frame’s colour is the sum, over its tokens, "
        f"of the codeword’s weight in the probe × the token’s intensity ({probe}).",
    )


def most_in(shares: pd.DataFrame, name: str) -> Colouring:
    """Codewords by the value of a label in which they are in most frames. shares: `shares_by`."""
    values = shares.columns.astype(str).to_numpy()[shares.to_numpy().argmax(1)]
    found = pd.Series(np.where(shares.max(axis=1) > 0, values, "None"))
    return Colouring(
        **{
            **vars(categories(found, None)),
            "about": f"The {name} in which the codeword is in most frames "
            "(mean over subjects). The difference may be chance: the codeword’s page has intervals.",
        }
    )


def unit_values(aus: AlignedAus, points: pd.DataFrame) -> np.ndarray:
    """(n, A) float32 intensity of every action unit in the frames of a map; presence where no intensity was measured,
    NaN where nothing was."""
    found = np.full((len(points), len(aus.aus)), np.nan, np.float32)
    known, frames = set(aus.recordings), points["frame"].to_numpy()
    for name, rows in points.groupby("recording", sort=False, observed=True).indices.items():
        if str(name) not in known:
            continue
        held = aus.recording(str(name))
        at, present = find_frames(held.frame, frames[rows])
        found[rows[present]] = np.where(np.isnan(held.intensity), held.presence, held.intensity)[at[present]]
    return found


def unit_colour(values: np.ndarray, name: str, estimate: bool) -> Colouring:
    """Frames by one action unit."""
    presence = np.nanmax(values, initial=0) <= 1
    kind = "derived from coefficients" if estimate else "measured"
    return numbers(
        pd.Series(values),
        "presence" if presence else "of 5",
        f"{name}: {'presence' if presence else 'intensity'}, {kind}.",
    )


def strongest_unit(values: np.ndarray, aus: tuple[tuple[str, str], ...], name: str) -> Colouring:
    """Frames by the action unit of the highest intensity (of both sides), none below `FAINTEST`."""
    codes = sorted({au for au, _ in aus}, key=lambda au: (len(au), au))
    columns = [[i for i, (au, _) in enumerate(aus) if au == code] for code in codes]
    filled = np.nan_to_num(values, nan=-1.0)
    best = np.stack([filled[:, c].max(1) for c in columns], 1)
    least = FAINTEST if filled.max(initial=0) > 1 else PRESENT_PROBABILITY
    found = np.where(best.max(1) >= least, np.array([title(code) for code in codes], object)[best.argmax(1)], "None")
    return Colouring(
        **{
            **vars(categories(pd.Series(found), None)),
            "about": f"The action unit of the highest intensity in the frame ({name}), from {least:g}.",
        }
    )


def rgb(colour: str) -> tuple[int, ...]:
    """``#0072B2`` as 0, 114, 178."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _along(share: np.ndarray, stops: tuple) -> np.ndarray:
    table, at = np.asarray(stops, float), np.clip(np.nan_to_num(share), 0, 1) * (len(stops) - 1)
    made = np.stack([np.interp(at, range(len(table)), table[:, c]) for c in range(3)], 1).round().astype(np.uint8)
    made[~np.isfinite(share)] = rgb(REST_COLOUR)
    return made


def _hexes(stops: tuple) -> list[str]:
    return ["#" + bytes(stop).hex() for stop in stops]


def _unmeasured(array: np.ndarray) -> list[dict[str, str]]:
    return [{"name": "Not measured", "colour": REST_COLOUR}] if not np.isfinite(array).all() else []
