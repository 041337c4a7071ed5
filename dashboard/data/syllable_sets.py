"""The syllables of the chosen tokens, and what the pages show of them: worked out once and kept for everybody."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.expressions.dataset import Dataset
from dfe_core.syllables import details
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet, list_syllables

from ..theme.palette import CATEGORIES
from . import artefact_cache, moment_courses
from .dictionary import Dictionary, dictionary

MOST_BANDS = 2000
"""Segments on one timeline at most."""
NAMED = 2
"""Codewords in the name of a syllable."""
_PAUSE_S = 0.4


def sets_of(choice: artefact_cache.Choice) -> list[SyllableSet]:
    """What was found in the tokens of the choice, the newest first; the same objects while nothing changes on disk."""
    return [_opened(str(one.path), artefact_cache.stamp(one.path / MANIFEST)) for one in _listed(choice)]


def _listed(choice: artefact_cache.Choice) -> list[SyllableSet]:
    return list_syllables(choice.open_tokens())


@lru_cache(maxsize=16)
def _opened(path: str, stamp: tuple[int, ...]) -> SyllableSet:
    return SyllableSet(Path(path))


def title_of(found: SyllableSet) -> str:
    """What distinguishes a set from the others: ``12 syllables of about 0.5 s, chosen by held-out people``."""
    settings = found.manifest["settings"]
    chosen = ", chosen by held-out people" if settings["duration_s"] is None else ""
    seed = f", seed {settings['seed']}" if settings["seed"] else ""
    return f"{found.count - 1} syllables of about {found.manifest['duration_s']:g} s{chosen}{seed}"


def key_of(found: SyllableSet) -> str:
    """What names a set in a link: the end of its folder's name."""
    return found.path.name.rpartition("-")[2]


@lru_cache(maxsize=512)
def codewords_of(found: SyllableSet, syllable: int) -> pd.DataFrame:
    """`details.codewords_by_phase`."""
    return details.codewords_by_phase(found, syllable)


def name_of(found: SyllableSet, syllable: int, book: Dictionary) -> str:
    """What a syllable is called: by the codewords that move furthest in it."""
    if syllable == REST:
        return "Rest"
    strongest = codewords_of(found, syllable)["codeword"].head(NAMED).tolist()
    names = [str(book.table["name"].iloc[k] or book.table["title"].iloc[k]) for k in strongest]
    return " + ".join(names) or "No codeword stands out"


@lru_cache(maxsize=512)
def movement_of(found: SyllableSet, syllable: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`details.moving_face`: seconds (T,), ψ (T, E) and the four edges of the phases."""
    return details.moving_face(found, syllable)


@lru_cache(maxsize=16)
def movements_pack(found: SyllableSet, order: tuple[int, ...]) -> bytes:
    """The moving faces of syllables for the strip view, each in its own time and then held for the longest."""
    fps = moment_courses.FPS
    moved = [details.moving_face(found, k, fps)[1] for k in order]
    frames = max(len(psi) for psi in moved) + round(_PAUSE_S * fps)
    held = [np.concatenate([psi, np.repeat(psi[-1:], frames - len(psi), axis=0)]) for psi in moved]
    return moment_courses.courses_pack(np.stack(held))


@lru_cache(maxsize=512)
def durations_of(found: SyllableSet, syllable: int) -> pd.DataFrame:
    """`details.duration_histogram`."""
    return details.duration_histogram(found, syllable)


@lru_cache(maxsize=512)
def rates_of(found: SyllableSet, dataset: Dataset, syllable: int, by: str) -> pd.DataFrame:
    """`details.rates`."""
    return details.rates(found, dataset.recordings, syllable, by)


@lru_cache(maxsize=32)
def successions_of(found: SyllableSet, over_rest: bool) -> np.ndarray:
    """`details.successions`."""
    return details.successions(found, over_rest)


@lru_cache(maxsize=512)
def moments_of(found: SyllableSet, dataset: Dataset, syllable: int, limit: int = 8) -> tuple[pd.DataFrame, np.ndarray]:
    """The segments nearest to the mean of a syllable, with the middle of their apex (peak_s), and ψ (n, E) there."""
    rows = found.moments(syllable, limit)
    rows = rows.assign(peak_s=(rows["apex_s"] + rows["release_s"]) / 2)
    psi, seconds = [], []
    for name, at in zip(rows["recording"], rows["peak_s"], strict=True):
        frames = dataset.frames(str(name))
        nearest = int(np.abs(frames.time_s - at).argmin())
        psi.append(frames.psi[nearest])
        seconds.append(float(frames.time_s[nearest]))
    return rows.assign(peak_s=seconds), np.array(psi)


def bands(choice: artefact_cache.Choice, recording: str) -> list[dict[str, Any]]:
    """The syllables of a recording but rest, those found last, as a row of bands of its timeline; empty where there
    are none."""
    sets = sets_of(choice)
    if not sets:
        return []
    own = sets[0].segments
    own = own[(own["recording"].astype(str) == recording) & (own["syllable"] != REST)].head(MOST_BANDS)
    book = dictionary(choice)
    names = {int(k): f"{k} · {name_of(sets[0], int(k), book)}" for k in own["syllable"].unique()}
    return [
        {
            "from": round(float(start), 3),
            "until": round(float(end), 3),
            "text": names[int(k)],
            "set": "Syllables",
            "colour": CATEGORIES[(int(k) - 1) % len(CATEGORIES)],
            "out": False,
        }
        for start, end, k in zip(own["start_s"], own["end_s"], own["syllable"], strict=True)
    ]
