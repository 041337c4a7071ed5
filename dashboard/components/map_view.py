"""A finished map for the scatter view: places, colours with their legend, and what a hover says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import shelf
from dashboard.components.cards import sentence_of, title_of
from dashboard.components.packs import pack, quantised
from dashboard.components.palette import REGION_COLOURS, REST_COLOUR, SIDE_COLOURS
from dashboard.components.words import clock
from dfe_core.embedding.maps import MapArtefact
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.run import list_results

CATEGORIES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#AA4499", "#999933", "#4B4B8F",
              "#B08B4F", "#2F7F86", "#9A3324")
_CIVIDIS = ((0, 34, 78), (42, 63, 108), (87, 93, 109), (125, 124, 120), (166, 157, 117), (210, 193, 99), (253, 234, 69))
OTHER = "#9AA0AB"
PROBE = "Probe: "
"""What colours by a probe's weights begin with."""

BY = {"codewords": {"deformation": "What they move", "geodesic": "What they move, spread over the skin",
                    "cooccurrence": "The company they keep"},
      "frames": {"psi": "The distance of their faces", "tokens": "Their tokens"}}
COLOURS = {"codewords": ("Region", "Symmetry", "Action unit", "Stage", "Use", "Movement"),
           "frames": ("Codeword’s region", "Error")}


def probe_weights(choice: shelf.Choice) -> dict[str, pd.Series]:
    """Weights of codewords in the kept probes of this model and dataset, by what the colour is called."""
    folders = tuple(sorted((p.parent.name, p.stat().st_mtime_ns) for p in
                           (choice.root / "analyses").glob("probe-*/manifest.json")))
    return _probe_weights(folders, choice.model, choice.dataset, str(choice.root))


@st.cache_data(max_entries=4, show_spinner=False)
def _probe_weights(folders: tuple, model: str, dataset: str, root: str) -> dict[str, pd.Series]:
    found: dict[str, pd.Series] = {}
    for result in list_results(Path(root)):
        weights = result.codewords
        if (result.settings.model, result.settings.dataset) == (model, dataset) and len(weights):
            name = f"{PROBE}{result.settings.label}, towards {weights['towards'].iloc[0]}"
            found.setdefault(name, weights.groupby("codeword")["weight"].first())
    return found


@dataclass(frozen=True)
class Colouring:
    """colours (n, 3) uint8 and the legend [(name, hex)]."""

    colours: np.ndarray
    legend: list[dict[str, str]]


def codeword_colours(table: pd.DataFrame, by: str) -> Colouring:
    """Colours of codewords, rows of the dictionary's table."""
    if by == "Region":
        return categories(table["region"], {**REGION_COLOURS, "none": REST_COLOUR})
    if by == "Symmetry":
        return categories(table["side"].replace({"symmetric": "two-sided"}),
                          {**{k: v for k, v in SIDE_COLOURS.items() if k != "symmetric"},
                           "two-sided": SIDE_COLOURS["symmetric"]})
    if by == "Action unit":
        return categories(table["like"].str.partition(" ")[0].replace({"": "None"}), None)
    if by in table.columns and by.startswith(PROBE):
        return numbers(table[by], "weight")
    if by == "Stage":
        return numbers(table["main_stage"] + 1, "stage")
    if by == "Use":
        return numbers(np.log10(np.maximum(table["share_of_frames"].fillna(0), 1e-4)) + 2, "log₁₀ % of frames")
    return numbers(table["peak_mm"], "mm")


def frame_colours(points: pd.DataFrame, table: pd.DataFrame, by: str) -> Colouring:
    """Colours of frames: by the region of their strongest codeword, their error, or a column of the recordings."""
    if by == "Codeword’s region":
        return categories(points["codeword"].map(table.set_index("codeword")["region"]).fillna("none"),
                          {**REGION_COLOURS, "none": REST_COLOUR})
    column = "error_mm" if by == "Error" else by
    if pd.api.types.is_numeric_dtype(points[column]) and points[column].nunique() > len(CATEGORIES):
        return numbers(points[column], "mm" if by == "Error" else column)
    return categories(points[column].astype(str), None)


def categories(values: pd.Series, colours: dict[str, str] | None) -> Colouring:
    """A colour a category; the most frequent ones where no colours are given, the rest in grey."""
    counted = values.value_counts()
    if colours is None:
        colours = dict(zip(counted.index[:len(CATEGORIES)], CATEGORIES, strict=False))
    hexes = values.map(lambda v: colours.get(v, OTHER))
    legend = [{"name": str(v).capitalize(), "colour": colours[v]} for v in counted.index if v in colours]
    if len(legend) < len(counted):
        legend.append({"name": f"{len(counted) - len(legend)} others", "colour": OTHER})
    return Colouring(np.array([_rgb(h) for h in hexes], np.uint8).reshape(-1, 3), legend)


def numbers(values: pd.Series, unit: str) -> Colouring:
    """A perceptually uniform ramp from the 2nd to the 98th percentile."""
    array = values.to_numpy(float)
    low, high = np.nanquantile(array, [0.02, 0.98]) if np.isfinite(array).any() else (0.0, 1.0)
    share = np.clip(np.nan_to_num((array - low) / max(high - low, 1e-9)), 0, 1) * (len(_CIVIDIS) - 1)
    table = np.asarray(_CIVIDIS, float)
    colours = np.stack([np.interp(share, range(len(table)), table[:, c]) for c in range(3)], 1).round().astype(np.uint8)
    ends = [(f"{low:.3g}", _CIVIDIS[0]), (f"{high:.3g} {unit}", _CIVIDIS[-1])]
    return Colouring(colours, [{"name": name, "colour": "#" + bytes(c).hex()} for name, c in ends])


def codeword_points(found: MapArtefact, table: pd.DataFrame, by: str) -> tuple[bytes, Colouring, dict[str, str]]:
    """The pack of a map of codewords, its legend, and the words of every codeword."""
    points = found.points
    rows = table.iloc[points["codeword"]]
    colouring = codeword_colours(rows, by)
    data = pack({}, places=_places(points), colours=colouring.colours, ids=points["codeword"].to_numpy(np.int32))
    return data, colouring, {str(int(r["codeword"])): f"{title_of(r)}: {sentence_of(r)}" for _, r in rows.iterrows()}


def frame_points(found: MapArtefact, dataset: Dataset, table: pd.DataFrame,
                 by: str) -> tuple[bytes, Colouring, list[str]]:
    """The pack of a map of frames with their ψ, its legend, and a note a point."""
    points = found.points
    colouring = frame_colours(points, table, by)
    steps, scale = quantised(_psi(str(found.path), dataset.key, dataset, points).T)
    data = pack({}, places=_places(points), colours=colouring.colours, ids=points["frame"].to_numpy(np.int32),
                psi=np.ascontiguousarray(steps.T), scale=scale)
    return data, colouring, [f"{r} · {clock(t)}" for r, t in zip(points["recording"], points["time_s"], strict=True)]


def view_data(**parts: Any) -> dict[str, Any]:
    """The data of the scatter view, with what does not change from map to map."""
    return {"height": 520, "legend": [], "selected": [], **parts}


@st.cache_resource(max_entries=2, show_spinner="Reading the faces of the map")
def _psi(path: str, key: str, _dataset: Dataset, _points: pd.DataFrame) -> np.ndarray:
    psi = np.zeros((len(_points), len(_dataset.names)), np.float32)
    for name, rows in _points.groupby("recording", sort=False).indices.items():
        frames = _dataset.frames(str(name))
        psi[rows] = frames.psi[np.searchsorted(frames.frame, _points["frame"].to_numpy()[rows])]
    return psi


def _places(points: pd.DataFrame) -> np.ndarray:
    return points[[c for c in ("x", "y", "z") if c in points.columns]].to_numpy(np.float32)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
