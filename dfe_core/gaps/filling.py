"""A dataset with its gaps filled: marked frame by frame, with 90 % intervals, and counted only where that is asked for.

Letters of the shapes: T frames, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.artefact_names import ANALYSES, DATASETS
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.landmark_fit import HIDDEN
from dfe_core.expressions.recording import Recording
from dfe_core.gaps.model import GapModel
from dfe_core.gaps.observation import UPPER
from dfe_core.gaps.own_spread import straying
from dfe_core.gaps.people import activity, thinning
from dfe_core.gaps.planting import COEFFICIENTS, HALF_S, SECONDS, GapKind
from dfe_core.gaps.rivals import gaps_of
from dfe_core.gaps.series import FARTHEST_S, LOST, SEEN, Stretch
from dfe_core.gaps.settings import FILLED, HIGH, LOW, NOTHING, PART, WHOLE
from dfe_core.gaps.store import GapModelFile
from dfe_core.progress import Listener, Progress, silent

_HIDDEN_SHARE = 0.5
_BREAK = 1.7  # periods between two frames that are not one stretch
_KNOWN = 0.02


@dataclass(frozen=True, kw_only=True)
class FillOptions:
    """What is filled, and how it counts.

    most_seconds: longer gaps stay. count_filled: filled frames are valid, so that statistics count them; else they stay
    invalid. method: one of `METHODS` for every gap, None for the one that did best on its kind.
    """

    most_seconds: float = 3.0
    count_filled: bool = False
    method: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.most_seconds <= FARTHEST_S:
            raise DataError("most_seconds", f"{self.most_seconds:g} s", f"above 0, at most {FARTHEST_S:g} s")


@dataclass(frozen=True, eq=False, kw_only=True)
class FilledRecording:
    """psi (T, E); filled (T,) of `NOTHING`, `WHOLE` and `PART`; low, high (T, E), not a number where ψ was seen; kinds:
    how many frames of each kind of gap were filled, and by which method."""

    psi: np.ndarray
    filled: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kinds: dict[tuple[str, str], int]


@dataclass(frozen=True, kw_only=True)
class FillReport:
    """frames: filled, by kind of gap and method; lost: frames that stay lost; recordings: with a filled frame."""

    dataset: str
    frames: dict[tuple[str, str], int]
    lost: int
    recordings: int
    counted: bool


@audited("fill gaps", DATASETS)
def fill_dataset(
    dataset: Dataset,
    model: GapModel,
    name: str,
    options: FillOptions,
    *,
    fitted: GapModelFile | None = None,
    root: Path | None = None,
    progress: Listener = silent,
) -> FillReport:
    """Write ``datasets/<name>`` as `dataset`, its gaps filled and marked.

    Raises `DataError` where there is nothing to fill, and for blind coefficients where filled frames do not count: all
    frames are filled then.
    """
    if COEFFICIENTS in model.observations and not options.count_filled:
        raise DataError("--blind", "without --count-filled", "both: every frame gets what the model says")
    whole = dataset.whole()
    names = whole.recordings["recording"].tolist()
    frames: dict[tuple[str, str], int] = {}
    lost, touched, valid = 0, 0, list[int]()
    with open_writer(name, whole.names, root) as writer:
        for done, recording in enumerate(map(whole.recording, names)):
            progress(Progress(task="fill gaps", done=done, total=len(names), detail=recording.name))
            found = fill_recording(recording, model, options)
            written = _written(recording, found, options)
            writer.add(written)
            valid.append(int(written.valid.sum()))
            for kind, count in found.kinds.items():
                frames[kind] = frames.get(kind, 0) + count
            touched += bool(found.filled.any())
            lost += int((~recording.valid & (found.filled == NOTHING)).sum())
        if not frames:
            raise DataError(
                dataset.name, "no gap that can be filled", f"lost frames of at most {options.most_seconds:g} s"
            )
        report = FillReport(dataset=name, frames=frames, lost=lost, recordings=touched, counted=options.count_filled)
        writer.close(
            _manifest(whole, name, options, fitted, report),
            whole.truth,
            whole.stored_recordings.assign(valid_frames=valid),
        )
    return report


def _written(recording: Recording, found: FilledRecording, options: FillOptions) -> Recording:
    extras = {**recording.extras, FILLED: found.filled.astype(np.float32)}
    if found.filled.any():
        for i, name in enumerate(recording.names):
            if np.isfinite(found.low[:, i]).any():
                extras |= {LOW + name: found.low[:, i], HIGH + name: found.high[:, i]}
    valid = (
        (found.filled > NOTHING) | recording.valid if options.count_filled else recording.valid & (found.filled == 0)
    )
    return replace(recording, psi=found.psi, valid=valid, extras=extras)


def _manifest(
    dataset: Dataset, name: str, options: FillOptions, fitted: GapModelFile | None, report: FillReport
) -> dict[str, Any]:
    old = {key: value for key, value in dataset.manifest.items() if key != "pose_leak"}
    ways = [{"kind": kind, "method": method, "frames": n} for (kind, method), n in report.frames.items()]
    return {
        **old,
        "name": name,
        "filled": {
            "from": dataset.name,
            "from_key": dataset.stored_key,
            "model": f"{ANALYSES}/{fitted.path.name}" if fitted is not None else None,
            "fitted_to": fitted.dataset if fitted is not None else None,
            "counted": options.count_filled,
            "most_seconds": options.most_seconds,
            "frames": ways,
            "lost": report.lost,
            "coverage": 0.9,
        },
    }


# ---- one recording


def fill_recording(recording: Recording, model: GapModel, options: FillOptions) -> FilledRecording:
    """Fill the lost frames, hidden halves and blind coefficients of a recording, as far as its frames tell of them."""
    psi = np.where(recording.valid[:, None], recording.psi, 0).astype(np.float32)
    state = _states(recording, model)
    out = FilledRecording(
        psi=psi.copy(),
        filled=np.zeros(len(psi), np.uint8),
        low=np.full(psi.shape, np.nan, np.float32),
        high=np.full(psi.shape, np.nan, np.float32),
        kinds={},
    )
    if not (state == SEEN).any():
        return out
    person = _person(recording, psi, state, model)
    for rows in _stretches(recording):
        stretch = person.stretch(psi[rows] - person.mean, state[rows], recording.fps)
        _fill_stretch(out, rows, stretch, model, options, person)
    if COEFFICIENTS in model.methods and COEFFICIENTS in model.observations:
        _fill_blind(out, recording, model, options, person)
    return out


@dataclass(frozen=True, eq=False, kw_only=True)
class _Person:
    """Of a recording's seen frames: mean (E,), activity and spread (`Stretch`), and the bounds of its values."""

    mean: np.ndarray
    activity: float
    spread: np.ndarray
    bounds: tuple[float, float]

    def stretch(self, psi: np.ndarray, state: np.ndarray, rate: float) -> Stretch:
        return Stretch(psi=psi, state=state, rate=rate, activity=self.activity, spread=self.spread)


def _person(recording: Recording, psi: np.ndarray, state: np.ndarray, model: GapModel) -> _Person:
    own = psi[state == SEEN]
    mean = own.mean(0)
    runs = [
        psi[rows[first:last]] - mean for rows in _stretches(recording) for first, last in gaps_of(state[rows] == SEEN)
    ]
    return _Person(
        mean=mean,
        activity=activity(own, model.scale),
        spread=straying(runs, recording.fps, model.straying),
        bounds=_bounds(own),
    )


def _states(recording: Recording, model: GapModel) -> np.ndarray:
    """(T,) the state of each frame: lost, seen, or a half hidden as the columns of a weighted fit say."""
    state = np.where(recording.valid, SEEN, LOST)
    shares = {k.removeprefix(HIDDEN): np.nan_to_num(v) for k, v in recording.extras.items() if k.startswith(HIDDEN)}
    zero = np.zeros(len(state), bool)
    upper = np.any([v > _HIDDEN_SHARE for k, v in shares.items() if k in UPPER] or [zero], 0)
    lower = np.any([v > _HIDDEN_SHARE for k, v in shares.items() if k not in UPPER] or [zero], 0)
    for half, hidden in (("upper", upper & ~lower), ("lower", lower & ~upper)):
        if half in model.observations:
            state[hidden & recording.valid] = model.state_of(half)
    state[upper & lower & recording.valid] = LOST
    return state


def _stretches(recording: Recording) -> list[np.ndarray]:
    """Rows between jumps of time: nothing is interpolated across what the file does not have."""
    jumps = np.flatnonzero(np.diff(recording.time_s) > _BREAK / recording.fps) + 1
    return np.split(np.arange(len(recording.psi)), jumps)


def _bounds(psi: np.ndarray) -> tuple[float, float]:
    """Where all of a recording's values lie, for activations that never leave 0 to 1."""
    low, high = float(psi.min()), float(psi.max())
    return (0.0 if low >= 0 else -np.inf), (1.0 if low >= 0 and high <= 1 else np.inf)


def _gaps(state: np.ndarray, rate: float, model: GapModel, most_seconds: float) -> Iterator[tuple[slice, GapKind]]:
    """The gaps of a stretch that frames on both sides bound, with their kinds."""
    names = list(model.observations)
    for value in np.unique(state[state != SEEN]):
        for first, last in gaps_of(state == value):
            seconds = (last - first) / rate
            if first == 0 or last == len(state) or (value == LOST and seconds > most_seconds):
                continue
            if value == LOST:
                nearest = SECONDS[int(np.abs(np.log(SECONDS) - np.log(seconds)).argmin())]
                yield slice(first, last), GapKind(hides="frames", seconds=nearest)
            else:
                yield slice(first, last), GapKind(hides=names[value - 1], seconds=HALF_S)


def _fill_stretch(
    out: FilledRecording,
    rows: np.ndarray,
    stretch: Stretch,
    model: GapModel,
    options: FillOptions,
    person: _Person,
) -> None:
    gaps = [g for g in _gaps(stretch.state, stretch.rate, model, options.most_seconds) if g[1].name in model.methods]
    if not gaps:
        return
    guesses, spread, unknown = predictions(stretch, model)
    for inside, kind in gaps:
        method = options.method or model.methods[kind.name]
        _put(
            out,
            rows[inside],
            guesses(method)[inside] + person.mean,
            np.where(unknown[inside] > _KNOWN, model.quantiles[kind.name][method] * spread[inside], np.nan),
            person.bounds,
            PART if kind.hides != "frames" else WHOLE,
        )
        key = (kind.name, method)
        out.kinds[key] = out.kinds.get(key, 0) + (inside.stop - inside.start)


def _put(
    out: FilledRecording, rows: np.ndarray, psi: np.ndarray, half: np.ndarray, bounds: tuple[float, float], what: int
) -> None:
    hidden = np.isfinite(half)
    out.psi[rows] = np.where(hidden | (what == WHOLE), psi.clip(*bounds), out.psi[rows])
    out.low[rows] = np.where(hidden, (psi - half).clip(*bounds), out.low[rows])
    out.high[rows] = np.where(hidden, (psi + half).clip(*bounds), out.high[rows])
    out.filled[rows] = np.where(out.filled[rows] == NOTHING, what, out.filled[rows])


def _fill_blind(
    out: FilledRecording,
    recording: Recording,
    model: GapModel,
    options: FillOptions,
    person: _Person,
) -> None:
    """The coefficients that the extractor never moves, in every frame that is seen or filled, about rest."""
    rows = np.flatnonzero(recording.valid | (out.filled > NOTHING))
    state = np.full(len(rows), model.state_of(COEFFICIENTS))
    hidden = model.observations[COEFFICIENTS].unknown > _KNOWN
    stretch = person.stretch(np.where(hidden, 0, out.psi[rows] - person.mean), state, recording.fps)
    guesses, spread, _ = predictions(stretch, model)
    method = options.method or model.methods[COEFFICIENTS]
    half = np.where(hidden, model.quantiles[COEFFICIENTS][method] * spread, np.nan)
    _put(out, rows, guesses(method) + np.where(hidden, 0, person.mean), half, person.bounds, PART)
    out.kinds[COEFFICIENTS, method] = len(rows)


def predictions(stretch: Stretch, model: GapModel) -> tuple[Any, np.ndarray, np.ndarray]:
    """The guesses (T, E) by method, as a function, the network's spread (T, E) and what is unknown (T, E), at the
    stretch's own rate: the network sees it thinned (`people.thinning`), and its correction is interpolated."""
    found, step = model.bases(stretch), thinning(stretch.rate)
    thin = replace(stretch, psi=stretch.psi[::step], state=stretch.state[::step], rate=stretch.rate / step)
    bases = found if step == 1 else model.bases(thin)
    psi, spread = model.correct(thin, bases)
    if step == 1:
        correction, share = psi - bases.estimate, spread / (bases.unknown + _KNOWN)
    else:
        at, places = np.arange(len(stretch.psi)) / step, np.arange(len(psi))
        correction = _between(at, places, psi - bases.estimate)
        share = _between(at, places, spread / (bases.unknown + _KNOWN))
    network = found.estimate + correction * (found.unknown > _KNOWN)
    return (
        lambda method: network if method == "network" else model.predict(stretch, method, found),
        share * (found.unknown + _KNOWN),
        found.unknown,
    )


def _between(at: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(T, E) of (N, E) values at whole places, linearly interpolated."""
    low = np.minimum(at.astype(int), len(places) - 1)
    high = np.minimum(low + 1, len(places) - 1)
    share = (at - low)[:, None].astype(np.float32)
    return (1 - share) * values[low] + share * values[high]
