"""A finished map for the scatter view: places, what it can be coloured by, its density, and what a hover says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core import artefact_names
from dfe_core.artefact_names import MANIFEST, aus_name
from dfe_core.embedding.clusters import density_lines
from dfe_core.embedding.maps import METHOD_NAMES, MapArtefact
from dfe_core.embedding.shares import shares_by, subjects_showing
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.ontology import title
from dfe_core.probes.result import list_results
from dfe_core.render.recording_pack import quantised

from ..data import artefact_cache, media
from ..data.packs import pack
from ..theme.formatting import clock
from . import map_colours
from .cards import sentence_of
from .map_colours import Colouring

PROBE, MOST, UNIT = "Probe: ", "Most in: ", "Strongest action unit"
"""What colours by a probe's weights, by a label and by the strongest action unit begin with."""

BY = {
    "codewords": {
        "deformation": "What they move",
        "geodesic": "What they move, spread over the skin",
        "cooccurrence": "Co-occurrence",
    },
    "frames": {"psi": "The distance of their faces", "tokens": "Their tokens"},
}
OWN = ("Region", "Symmetry", "Action unit", "Stage", "Use")
"""Colours that a codeword has of its own, and a frame by the codeword that moves it most."""
SIDE_WORDS = {"left": "left", "right": "right", "symmetric": "both sides"}
MOSTLY = 0.5
"""Share of a cluster's points from which on a region, or a side, names it."""
FACES = 2000
"""Points of a map of frames whose faces are drawn where there is room for them."""
FEW = 12
"""A label of more values than this is no colour for codewords."""


def colours(choice: artefact_cache.Choice, of: str) -> list[str]:
    """Everything that points can be coloured by."""
    dataset = choice.open_dataset() if choice.dataset else None
    labels = dataset.labels if dataset is not None else ()
    probes = list(probe_weights(choice))
    if of != "codewords":
        units = [name for kind, _, _, names in unit_names(choice) for name in (f"{UNIT} ({kind})", *names)]
        return [*OWN, "Error", "subject", *labels, *probes, *units]
    if dataset is None or not choice.encoded:
        return [*OWN, "Movement", *probes]
    few = [f"{MOST}{name}" for name in labels if dataset.recordings[name].nunique() <= FEW]
    return [*OWN, "Movement", *few, "Subjects", *probes]


def probe_weights(choice: artefact_cache.Choice) -> dict[str, pd.Series]:
    """Weights of codewords in the kept probes of this model and dataset, by what the colour is called: one for every
    class that a probe tells apart. Of probes of the same label the newest counts."""
    folders = tuple(
        sorted(
            (p.parent.name, p.stat().st_mtime_ns)
            for p in (choice.root / "analyses").glob(f"{artefact_names.PROBE}-*/{MANIFEST}")
        )
    )
    return _probe_weights(folders, choice.model, choice.dataset, str(choice.root))


@st.cache_data(max_entries=4, show_spinner=False)
def _probe_weights(folders: tuple, model: str, dataset: str, root: str) -> dict[str, pd.Series]:
    found: dict[str, pd.Series] = {}
    seen: set[str] = set()
    for result in list_results(Path(root)):
        label, weights = result.settings.label, result.codewords
        if (result.settings.model, result.settings.dataset) != (model, dataset) or label in seen or not len(weights):
            continue
        seen.add(label)
        for towards, rows in weights.groupby("towards", sort=True):
            found[f"{PROBE}{label}, towards {towards}"] = rows.groupby("codeword")["weight"].first()
    return found


def unit_names(choice: artefact_cache.Choice) -> list[tuple[str, int, bool, list[str]]]:
    """The action units that were imported or derived for the dataset: name, stamp, whether they are an estimate, and
    what the colour of each column is called."""
    found = []
    for name in list_aligned(choice.dataset, choice.root) if choice.dataset else []:
        path = choice.root / "analyses" / aus_name(choice.dataset, name) / MANIFEST
        found.append((name, *_unit_names(choice.dataset, name, str(choice.root), path.stat().st_mtime_ns)))
    return found


@st.cache_data(max_entries=16, show_spinner=False)
def _unit_names(dataset: str, name: str, root: str, stamp: int) -> tuple[int, bool, list[str]]:
    aus = AlignedAus.open(dataset, name, Path(root))
    return stamp, aus.estimate, [f"{title(au, side)} ({name})" for au, side in aus.aus]


def codeword_colours(choice: artefact_cache.Choice, table: pd.DataFrame, by: str) -> Colouring:
    """Colours of codewords, rows of the dictionary's table."""
    numbers = table["codeword"].to_numpy()
    if (weights := probe_weights(choice).get(by)) is not None:
        return map_colours.signed(
            weights.reindex(numbers).fillna(0),
            "",
            f"Weight of the codeword in the probe of {by.removeprefix(PROBE)}, mean over folds.",
        )
    if by == "Subjects" or by.startswith(MOST):
        index, recordings = (
            choice.open_intervals(),
            choice.open_dataset().recordings,
        )
        if by == "Subjects":
            return map_colours.numbers(
                subjects_showing(index, recordings)[numbers],
                "subjects",
                "In how many subjects the codeword occurs at all.",
            )
        return map_colours.most_in(
            shares_by(index, recordings, by.removeprefix(MOST)).loc[numbers], by.removeprefix(MOST)
        )
    return own_colours(table, by)


def own_colours(rows: pd.DataFrame, by: str) -> Colouring:
    """By what a codeword is; `rows` of the dictionary's table, one a point."""
    made = {
        "Region": lambda: map_colours.regions(rows["region"]),
        "Symmetry": lambda: map_colours.sides(rows["side"]),
        "Action unit": lambda: map_colours.units_like(rows["like"]),
        "Stage": lambda: map_colours.stages(rows["main_stage"]),
        "Use": lambda: map_colours.uses(rows["share_of_frames"]),
    }
    return made[by]() if by in made else map_colours.numbers(rows["peak_mm"], "mm")


def frame_colours(choice: artefact_cache.Choice, found: MapArtefact, table: pd.DataFrame, by: str) -> Colouring:
    """Colours of frames: by the codeword that moves them most, by their error, their recording, their action units or
    a probe."""
    points = found.points
    if by in OWN:
        rows = table.iloc[points["codeword"]]
        rows = rows.assign(main_stage=points["stage"].to_numpy()) if by == "Stage" else rows
        made = own_colours(rows, by)
        return Colouring(
            colours=made.colours,
            legend=made.legend,
            ramp=made.ramp,
            about=f"{by} of the codeword that moves the frame most.",
        )
    if (weights := probe_weights(choice).get(by)) is not None:
        if (tokens := found.tokens) is None:
            raise DataError(found.path, "no tokens of its frames", "a map of frames: make it again")
        return map_colours.weighted(tokens["tokens"], tokens["intensities"], weights, by.removeprefix(PROBE))
    for name, stamp, estimate, columns in unit_names(choice):
        if by == f"{UNIT} ({name})" or by in columns:
            values, aus = _units(str(found.path), choice.dataset, name, stamp, str(choice.root), points)
            if by in columns:
                return map_colours.unit_colour(values[:, columns.index(by)], by, estimate)
            return map_colours.strongest_unit(values, aus, name)
    return map_colours.numbers(points["error_mm"], "mm") if by == "Error" else map_colours.column(points[by], by)


@st.cache_resource(max_entries=4, show_spinner="Reading the action units of the map")
def _units(
    path: str, dataset: str, name: str, stamp: int, root: str, _points: pd.DataFrame
) -> tuple[np.ndarray, tuple[tuple[str, str], ...]]:
    aus = AlignedAus.open(dataset, name, Path(root))
    return map_colours.unit_values(aus, _points), aus.aus


def codeword_points(found: MapArtefact, table: pd.DataFrame) -> tuple[bytes, dict[str, str]]:
    """The pack of a map of codewords, and the words of every codeword."""
    points = found.points
    data = pack(
        {"labels": labels(found, table)},
        places=places(points),
        ids=points["codeword"].to_numpy(np.int32),
        shown=shown_first(found, len(points)),
    )
    rows = table.iloc[points["codeword"]]
    return data, {str(int(r["codeword"])): f"{int(r['codeword'])} · {sentence_of(r)}" for _, r in rows.iterrows()}


@st.cache_resource(max_entries=2, show_spinner="Reading the faces of the map")
def frame_points(path: str, key: str, _found: MapArtefact, _dataset: Dataset, _table: pd.DataFrame) -> bytes:
    """The pack of a map of frames with their ψ, a note a point, and the density of all frames where there is one."""
    points = _found.points
    steps, scale = quantised(_psi(_dataset, points).T)
    notes = [f"{r} · {clock(t)}" for r, t in zip(points["recording"], points["time_s"], strict=True)]
    header, arrays = density_parts(_found.density)
    return pack(
        {"notes": notes, "labels": labels(_found, _table), **header},
        places=places(points),
        shown=shown_first(_found, FACES),
        ids=points["frame"].to_numpy(np.int32),
        psi=np.ascontiguousarray(steps.T),
        scale=scale,
        **arrays,
    )


def density_parts(density: dict[str, np.ndarray] | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a density: on a plane a picture of its cells, its extent and the lines that enclose shares
    of all frames, each with its share and where it begins and ends among the points of the outline; in space the cells
    that are not empty, (n, 3) float32 middles and (n,) uint8 steps, and how wide they are."""
    if density is None:
        return {}, {}
    counts, most = density["counts"], int(density["counts"].max(initial=0))
    edges = [density[f"{axis}_edges"] for axis in "xyz"[: counts.ndim]]
    if counts.ndim == 2:
        lines = density_lines(density)
        ends = np.cumsum([0, *(len(line) for _, line in lines)])
        return {
            "most": most,
            "extent": [float(of[end]) for of in edges for end in (0, -1)],
            "lines": [[share, int(a), int(b)] for (share, _), a, b in zip(lines, ends[:-1], ends[1:], strict=True)],
        }, {
            "density": density_steps(counts),
            "outline": np.concatenate([np.zeros((0, 2)), *(line for _, line in lines)]).astype(np.float32),
        }
    where = np.nonzero(counts)
    middles = [(of[1:] + of[:-1])[at] / 2 for of, at in zip(edges, where[::-1], strict=True)]
    return {"most": most, "cell": float(max(of[1] - of[0] for of in edges))}, {
        "cells": np.stack(middles, 1).astype(np.float32),
        "density": density_steps(counts)[where],
    }


def density_steps(counts: np.ndarray) -> np.ndarray:
    """Counts to uint8: 0 for none, else 1 … 255 by the logarithm."""
    high = np.log1p(max(int(counts.max(initial=0)), 1))
    return np.where(counts > 0, np.maximum(1, np.rint(255 * np.log1p(counts) / high)), 0).astype(np.uint8)


def shown_first(found: MapArtefact, most: int) -> np.ndarray:
    """(m,) int32 points in the order in which their faces have a place: the middles of the clusters, then others as
    they come by chance."""
    count = len(found.points)
    others = np.random.default_rng(0).permutation(count)
    return np.array(list(dict.fromkeys([*found.middles, *others.tolist()]))[:most], np.int32)


def labels(found: MapArtefact, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Name and place of every cluster, and how many points it has; table: the dictionary's."""
    points, at = found.points, places(found.points)
    return [
        {
            "name": cluster_name(table.iloc[points.loc[points["cluster"] == cluster, "codeword"]]),
            "at": [round(float(v), 4) for v in at[middle]],
            "points": int((points["cluster"] == cluster).sum()),
        }
        for cluster, middle in enumerate(found.middles)
    ]


def cluster_name(rows: pd.DataFrame) -> str:
    """``Mouth corner, left``: where most of these codewords move the face (two regions where none has half of them),
    and on which side, where most are on one. rows: of the dictionary's table, one a point."""
    regions = rows["region"].fillna("rest").value_counts(normalize=True)
    named = list(regions.index[: 1 if regions.iloc[0] >= MOSTLY else 2])
    sides = rows.loc[rows["region"].fillna("rest").isin(named), "side"].value_counts(normalize=True)
    side = f", {SIDE_WORDS[sides.index[0]]}" if sides.index[0] in SIDE_WORDS and sides.iloc[0] > MOSTLY else ""
    words = " and ".join(str(region) for region in named)
    return words[:1].upper() + words[1:] + side


def caption(found: MapArtefact) -> str:
    """What is mapped, how, and how far to believe it, in a line."""
    manifest = found.manifest
    of, count, total = manifest["settings"]["of"], manifest["points"], manifest["total"]
    what = f"{count:,} of {total:,} {of}" if manifest["sampled"] else f"{count:,} {of}"
    trust = found.quality["trustworthiness"]
    quality = f"trustworthiness {trust:.2f}" if trust is not None else "too few points to measure its quality"
    return f"{what} · {METHOD_NAMES[manifest['settings']['method']]} · {quality}"


def inside(rows: list[int], count: int) -> str | None:
    """The address of the points that are drawn around, None for none."""
    if not rows:
        return None
    mask = np.zeros(count, np.uint8)
    mask[rows] = 1
    return media.address(pack({}, inside=mask), "application/octet-stream")


def view_data(colouring: Colouring, **parts: Any) -> dict[str, Any]:
    """The data of the scatter view, with what does not change from map to map."""
    colours = media.address(pack({}, colours=colouring.colours), "application/octet-stream")
    return {
        "height": 600,
        "selected": [],
        "colours": colours,
        "legend": colouring.legend,
        "ramp": colouring.ramp,
        **parts,
    }


def _psi(dataset: Dataset, points: pd.DataFrame) -> np.ndarray:
    psi = np.zeros((len(points), len(dataset.names)), np.float32)
    for name, rows in points.groupby("recording", sort=False).indices.items():
        psi[rows] = dataset.frames(str(name)).at(points["frame"].to_numpy()[rows]).psi
    return psi


def places(points: pd.DataFrame) -> np.ndarray:
    """(n, 2 or 3) float32 where the points of a map lie."""
    return points[[c for c in ("x", "y", "z") if c in points.columns]].to_numpy(np.float32)
