"""Intervals of every region in every recording of a dataset, by one of two annotators, as a set of tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.store import EventSet, write_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.intervals.directions import Movements, movements, nearest_words
from dfe_core.intervals.displacement import DisplacementSettings, FoundInterval, displacement_intervals
from dfe_core.intervals.path import state_runs, stretches_of
from dfe_core.intervals.regions import (
    TRACK_REGIONS,
    RegionMovement,
    region_movement,
    region_spaces,
)
from dfe_core.intervals.spill import without_spill
from dfe_core.intervals.table import LABEL, SOURCE, TRACK_COLUMNS, track_table
from dfe_core.intervals.ticc import TiccModel, TiccSettings, fit_ticc
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.presence import frame_step

ANNOTATORS = ("displacement", "ticc")
VERSION = 1
_MOST_FITTED = 60_000


@dataclass(frozen=True, kw_only=True)
class IntervalSettings:
    """Every choice that changes a result.

    Attributes
    ----------
    annotator
        ``displacement`` or ``ticc``.
    regions
        Tiers that are found, of `regions.TRACK_REGIONS` and the regions of a lab's own; all of them by default.
    spill
        Whether what goes along with other regions is kept (`spill.without_spill` takes it out).
    displacement, ticc
        Of each annotator.
    """

    annotator: str = "displacement"
    regions: tuple[str, ...] = TRACK_REGIONS
    spill: bool = False
    displacement: DisplacementSettings = field(default_factory=DisplacementSettings)
    ticc: TiccSettings = field(default_factory=TiccSettings)

    def __post_init__(self) -> None:
        if self.annotator not in ANNOTATORS:
            raise DataError("annotator", repr(self.annotator), " or ".join(ANNOTATORS))
        if not self.regions:
            raise DataError("regions", "none", ", ".join(TRACK_REGIONS))


@dataclass(frozen=True, eq=False, kw_only=True)
class IntervalInputs:
    """A codebook (whose words label faces without action units), its face, and a dataset of the same coefficients."""

    codebook: Codebook
    face: FaceModel
    dataset: Dataset

    def __post_init__(self) -> None:
        if self.codebook.names != self.dataset.names:
            raise DataError(
                self.dataset.name, "other coefficients than the codebook's", f"face {self.codebook.face_id}"
            )


def find_intervals(
    inputs: IntervalInputs,
    settings: IntervalSettings | None = None,
    *,
    recordings: Sequence[str] | None = None,
    progress: Listener = silent,
) -> pd.DataFrame:
    """Find the intervals of a dataset.

    Parameters
    ----------
    recordings: those alone (default: all). What goes along with other regions, and the states of TICC, are fitted to
    these.

    Returns
    -------
    `table.TRACK_COLUMNS`, by recording, tier and time. Raises `DataError` for a face without a mesh.
    """
    settings = settings or IntervalSettings()
    names = list(inputs.dataset.recordings["recording"].astype(str)) if recordings is None else list(recordings)
    spaces = region_spaces(inputs.face)
    wanted = _wanted(settings, tuple(spaces))
    moved = []
    for done, name in enumerate(names, 1):
        moved.append(region_movement(inputs.dataset, name, spaces))
        progress(Progress(task="movement", done=done, total=len(names), detail=name))
    known = movements(inputs.codebook, spaces)
    if not settings.spill:
        moved = without_spill(moved, known)
    moved = [[one for one in group if one.region in wanted] for group in moved]
    if settings.annotator == "ticc":
        rows = _by_ticc(moved, known, settings.ticc, progress)
    else:
        rows = _by_displacement(moved, known, settings.displacement, progress)
    table = pd.DataFrame(rows, columns=["recording", "tier", LABEL, "onset_s", "offset_s"])
    return track_table(table.assign(**{SOURCE: settings.annotator})[list(TRACK_COLUMNS)])


def _wanted(settings: IntervalSettings, own: tuple[str, ...]) -> tuple[str, ...]:
    """The tiers that are asked for; by default all of the face, a lab's own as well. Raises `DataError` for others."""
    known = dict.fromkeys((*TRACK_REGIONS, *own))
    if unknown := [name for name in settings.regions if name not in known]:
        raise DataError("regions", repr(unknown), ", ".join(known))
    return tuple(known) if settings.regions == TRACK_REGIONS else settings.regions


Row = tuple[str, str, str, float, float]
"""Recording, tier, label, onset and offset."""


def _row(movement: RegionMovement, one: FoundInterval) -> Row:
    return movement.recording, movement.region, one.label, one.onset_s, one.offset_s


def _by_displacement(
    moved: Sequence[Sequence[RegionMovement]],
    known: Mapping[str, Movements],
    settings: DisplacementSettings,
    progress: Listener,
) -> list[Row]:
    rows = []
    for done, group in enumerate(moved, 1):
        for movement in group:
            found = displacement_intervals(movement, known[movement.region], settings)
            rows += [_row(movement, one) for one in found]
        progress(Progress(task="intervals", done=done, total=len(moved), detail=group[0].recording if group else ""))
    return rows


def _by_ticc(
    moved: Sequence[Sequence[RegionMovement]],
    known: Mapping[str, Movements],
    settings: TiccSettings,
    progress: Listener,
) -> list[Row]:
    rows = []
    for region in dict.fromkeys((*TRACK_REGIONS, *known)):
        own = [movement for group in moved for movement in group if movement.region == region]
        if not own:
            continue
        parts = [movement.values[part] for movement in own for part in stretches_of(movement.time_s)]
        model = fit_ticc(_drawn(parts, settings.seed), settings, progress)
        names = state_names(model, known[region])
        for movement in own:
            rows += [_row(movement, one) for one in _ticc_intervals(model, movement, names)]
    return rows


def _drawn(parts: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Stretches drawn at random until so many frames are there."""
    order, total, drawn = np.random.default_rng(seed).permutation(len(parts)), 0, []
    for i in order.tolist():
        if total and total + len(parts[i]) > _MOST_FITTED:
            continue
        drawn.append(parts[i])
        total += len(parts[i])
    return drawn


def state_names(model: TiccModel, known: Movements) -> list[str]:
    """A label for each state of TICC: rest (empty) is the one nearest to no movement; the others have the words that
    are nearest to their mean, numbered where several have the same."""
    centres = model.centres()
    rest = int(np.linalg.norm(centres, axis=1).argmin())
    names: list[str] = []
    for state, centre in enumerate(centres):
        words = "" if state == rest else nearest_words(centre, known) or "movement"
        number = 1 + sum(name == words or name.startswith(f"{words} #") for name in names if words)
        names.append(words if number == 1 else f"{words} #{number}")
    return names


def _ticc_intervals(model: TiccModel, movement: RegionMovement, names: Sequence[str]) -> list[FoundInterval]:
    found = []
    for part in stretches_of(movement.time_s):
        time_s = movement.time_s[part]
        edge = np.r_[time_s, time_s[-1] + frame_step(time_s)]
        for state, first, end in state_runs(model.path(movement.values[part])):
            if names[state]:
                one = FoundInterval(label=names[state], onset_s=float(edge[first]), offset_s=float(edge[end]))
                found.append(one)
    return found


def annotate(
    inputs: IntervalInputs, name: str, settings: IntervalSettings | None = None, *, progress: Listener = silent
) -> EventSet:
    """`find_intervals`, written as the events `name` of the dataset, in place of a set of this name.

    Raises `DataError` for the name of the exclusions.
    """
    settings = settings or IntervalSettings()
    table = find_intervals(inputs, settings, progress=progress)
    about = {"annotator": settings.annotator, "version": VERSION, "model": inputs.codebook.model}
    return write_events(inputs.dataset, name, table, kind=LABEL, sources=[about | {"settings": asdict(settings)}])
