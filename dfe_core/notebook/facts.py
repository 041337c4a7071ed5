"""What a view in the browser is given: plain facts, and packs of arrays that the facts name (web/src/notebook)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.embedding.maps import MapArtefact
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import region_colour
from dfe_core.render.recording_pack import quantised, recording_arrays
from dfe_core.render.scene import pack_arrays, pack_scene
from dfe_core.render.viewer import look_of
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.stage_usage import error_by_stage

PART = 9000
"""Frames of a recording in one widget: five minutes at 30 a second, 1.5 MB."""
FACES = 2000
"""Points of a map of frames whose faces are drawn where there is room for them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ViewFacts:
    """facts: JSON-serialisable, of the view's own names. packs: bytes by the names that the facts have."""

    facts: dict[str, Any]
    packs: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordingPart:
    """Frames of a recording that have tokens: name; frame (T,), time_s (T,), psi (T, E), tokens and intensities (T, N),
    error_mm (T, N) after each stage."""

    name: str
    frame: np.ndarray
    time_s: np.ndarray
    psi: np.ndarray
    tokens: np.ndarray
    intensities: np.ndarray
    error_mm: np.ndarray


def codeword_facts(codebook: Codebook, face: FaceModel, height: int) -> ViewFacts:
    """Of a face that moves from neutral to a codeword and back. Raises `DataError` for a face without a mesh."""
    return _with_face(codebook, face, alt=f"Codewords of {codebook.model} as a moving face", height=height)


def gallery_facts(codebook: Codebook, face: FaceModel, codewords: Sequence[int], height: int) -> ViewFacts:
    """Of codewords as cards, in this order. Raises `DataError` for a number that is no codeword."""
    table = codebook.table
    items = [_card(table.iloc[k]) for k in checked_codewords(codebook, codewords)]
    return _with_face(codebook, face, items=items, height=height, label=f"Codewords of {codebook.model}")


def recording_part(
    codebook: Codebook, face: FaceModel, dataset: Dataset, tokens: TokenCache, recording: str, part: int = 0
) -> RecordingPart:
    """Frames of a recording, `PART` at most. Raises `DataError` for one that is not there, or has no such part."""
    encoded, frames = tokens.recording(recording), dataset.frames(recording)
    psi = frames.at(encoded.frame).psi
    parts = max(1, -(-len(psi) // PART))
    if not 0 <= part < parts:
        raise DataError(recording, f"part {part}", f"0 to {parts - 1}")
    keep = slice(part * PART, (part + 1) * PART)
    return RecordingPart(
        name=recording,
        frame=encoded.frame[keep],
        time_s=encoded.time_s[keep],
        psi=psi[keep],
        tokens=encoded.tokens[keep],
        intensities=encoded.intensities[keep],
        error_mm=error_by_stage(codebook, encoded, psi, face)[keep],
    )


def player_facts(
    codebook: Codebook, face: FaceModel, part: RecordingPart, levels: np.ndarray, height: int, marks: Iterable[int] = ()
) -> ViewFacts:
    """Of a recording beside what its tokens rebuild. levels: (L,) intensities of tokens. marks: rows of `part` that are
    marked on the timeline."""
    data = pack_arrays(
        {},
        channels=np.empty((0, len(part.time_s)), np.uint8),
        **recording_arrays(
            part.time_s,
            part.psi,
            tokens=part.tokens,
            intensities=part.intensities,
            levels=levels,
            error=part.error_mm,
        ),
    )
    name, rows = _name(data), codebook.table.iloc[np.unique(part.tokens)]
    made = _with_face(
        codebook,
        face,
        recording=name,
        name=part.name,
        stages=codebook.stages,
        items={str(row["codeword"]): _chip(row) for _, row in rows.iterrows()},
        marks=[int(row) for row in marks],
        height=height,
    )
    return ViewFacts(facts=made.facts, packs={**made.packs, name: data})


def map_facts(codebook: Codebook, face: FaceModel, of: MapArtefact, dataset: Dataset | None, height: int) -> ViewFacts:
    """Of points coloured by region: codewords, or frames by the codeword that moves them most."""
    points, table = of.points, codebook.table
    regions = table["region"].astype(str).to_numpy()[points["codeword"]]
    places = points[[axis for axis in ("x", "y", "z") if axis in points]].to_numpy(np.float32)
    if dataset is None:
        data = pack_arrays(
            {}, places=places, ids=points["codeword"].to_numpy(np.int32), shown=_shown_first(of, len(points))
        )
        words = {str(k): f"{k} · {table['description'].iloc[k]}" for k in points["codeword"].tolist()}
    else:
        steps, scale = quantised(_psi_of(dataset, points).T)
        notes = [f"{r} · {t:.2f} s" for r, t in zip(points["recording"], points["time_s"], strict=True)]
        data = pack_arrays(
            {"notes": notes},
            places=places,
            ids=points["frame"].to_numpy(np.int32),
            shown=_shown_first(of, FACES),
            psi=np.ascontiguousarray(steps.T),
            scale=scale,
        )
        words = {}
    colours = pack_arrays({}, colours=np.array([_rgb(region_colour(r)) for r in regions], np.uint8).reshape(-1, 3))
    counted = pd.Series(regions).value_counts()
    kind = "frames" if dataset is not None else "codewords"
    made = _with_face(
        codebook,
        face,
        of=kind,
        points=_name(data),
        colours=_name(colours),
        legend=[{"name": str(name).capitalize(), "colour": region_colour(str(name))} for name in counted.index],
        words=words,
        alt=f"Map of {len(points)} {kind}, coloured by region",
        height=height,
    )
    return ViewFacts(facts=made.facts, packs={**made.packs, _name(data): data, _name(colours): colours})


def checked_codewords(codebook: Codebook, codewords: Iterable[int]) -> list[int]:
    """These codewords. Raises `DataError` for a number that is none of the codebook's."""
    numbers = [int(k) for k in codewords]
    if bad := [k for k in numbers if not REST <= k < codebook.size]:
        raise DataError(codebook.model, f"codeword {bad[0]}", f"0 to {codebook.size - 1}")
    return numbers


def _with_face(codebook: Codebook, face: FaceModel, **facts: Any) -> ViewFacts:
    mesh, look = _face_pack(face)
    psi = pack_arrays({}, psi=codebook.psi.astype(np.float32))
    return ViewFacts(
        facts={"face": {"url": _name(mesh), "look": look}, "codebook": _name(psi), **facts},
        packs={_name(mesh): mesh, _name(psi): psi},
    )


@lru_cache(maxsize=2)
def _face_pack(face: FaceModel) -> tuple[bytes, dict[str, Any]]:
    return pack_scene(face), look_of(face)


def _name(data: bytes) -> str:
    """What a pack is called: it names its content."""
    return f"pack:{hashlib.sha256(data).hexdigest()[:24]}"


def _card(row: pd.Series) -> dict[str, Any]:
    number, words = int(row["codeword"]), str(row["description"] or "")
    return {
        "id": number,
        "title": str(number),
        "note": words,
        "colour": region_colour(str(row["region"])),
        "alt": f"Codeword {number}: {words}. Moves up to {row['peak_mm']:.1f} mm.",
    }


def _chip(row: pd.Series) -> dict[str, Any]:
    region = str(row["region"])
    return {
        "note": str(row["description"] or ""),
        "mm": round(float(row["peak_mm"]), 3) if np.isfinite(row["peak_mm"]) else None,
        "region": "" if region == "none" else region,
        "colour": region_colour(region),
    }


def _shown_first(of: MapArtefact, most: int) -> np.ndarray:
    """(m,) int32 points in the order in which their faces have a place: the middles of clusters, then others."""
    others = np.random.default_rng(0).permutation(len(of.points))
    return np.array(list(dict.fromkeys([*of.middles, *others.tolist()]))[:most], np.int32)


def _psi_of(dataset: Dataset, points: pd.DataFrame) -> np.ndarray:
    psi = np.zeros((len(points), len(dataset.names)), np.float32)
    for name, rows in points.groupby("recording", sort=False, observed=True).indices.items():
        psi[rows] = dataset.frames(str(name)).at(points["frame"].to_numpy()[rows]).psi
    return psi


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
