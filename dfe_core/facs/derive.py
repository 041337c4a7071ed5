"""AUs estimated from ARKit coefficients by the table: what serves where no detector output exists.

An estimate, and called that everywhere: the table is hand-made, and a coefficient is not a FACS score. Intensity is
5 · ψ above the subject's resting face, clipped to 0 … 5; a frame counts as present from intensity `PRESENT_INTENSITY`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.artefact_names import ANALYSES, aus_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.columns import split_side
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.validation import FAINT
from dfe_core.facs.action_units import ESTIMATE_CAVEAT, CoefficientMap, au_coefficient_map
from dfe_core.facs.store import TRUTH_TOOL, AlignedAus, AlignedFrames, open_au_writer
from dfe_core.ontology import ACTION_UNITS, ACTIONS, SIDED
from dfe_core.progress import Listener, Progress, silent

TOOL, VERSION = "arkit-table", "2"
PRESENT_INTENSITY = 1.0
BLINK_S = 0.5
"""Both eyes closed for at most this long is a blink (AU45), longer is eyes closed (AU43); Ekman & Friesen 1978."""
CLOSED = 0.5
"""An eye is closed from this value of eyeBlink on, and wide awake on the other side of a wink below half of it."""

_FLANK_S = 0.2
_ENOUGH_FRAMES = 600
_RESTING_PERCENTILE, _RESTING_CAP, _RESTING_SAMPLE = 5, 0.25, 4000
_LIDS = ("AU43", "AU45", "AU46")
_JAW = ACTIONS["AU26", "both"]["jawOpen"]
"""jawOpen at which the jaw has dropped (AU26, intensity E) and begins to be stretched (AU27)."""
_JAW_CODES = ("AU26", "AU27")
_MEAN = {
    au: tuple(name for name, weight in parts.items() if weight == 1)
    for (au, _), parts in ACTIONS.items()
    if au not in (*SIDED, *_LIDS, *_JAW_CODES, "AU66")
}
"""AUs that are the mean of these coefficients. The chin raiser is read from the lower lip alone: the upper lip's share
is an effect of it that also comes without it."""


@dataclass(frozen=True, eq=False)
class Deriver:
    """The rules for one set of coefficient names: `aus` (A) of (AU, side) and `intensity`."""

    table: CoefficientMap
    aus: tuple[tuple[str, str], ...]

    def intensity(self, psi: np.ndarray, time_s: np.ndarray, step_s: float) -> np.ndarray:
        """(T, E) ψ above rest at `time_s` (T,), frames `step_s` apart, to (T, A) float32 intensity 0 … 5."""
        lids = _lids(self._value(psi, "eyeBlinkLeft"), self._value(psi, "eyeBlinkRight"), time_s, step_s)
        columns = [lids[au, side] if au in _LIDS else self._column(psi, au, side) for au, side in self.aus]
        return np.clip(5 * np.stack(columns, 1), 0, 5).astype(np.float32)

    def needs(self, au: str, side: str) -> tuple[int, ...]:
        """The columns of ψ that an AU is read from; none where it has rules of its own (AU25)."""
        names = (
            _MEAN.get(au)
            or (("jawOpen",) if au in _JAW_CODES else ())
            or (("eyeBlinkLeft", "eyeBlinkRight") if au in _LIDS else ())
        )
        if names:
            return tuple(i for name in names for i in self.table.where[name])
        weights = self.table.weights(au, side)
        return () if weights is None else tuple(np.flatnonzero(weights).tolist())

    def _value(self, psi: np.ndarray, name: str, side: str = "both") -> np.ndarray:
        where = [i for i in self.table.where[name] if side in ("both", split_side(self.table.names[i])[1])]
        return psi[:, where].mean(1)

    def _column(self, psi: np.ndarray, au: str, side: str) -> np.ndarray:
        if au in _MEAN:
            return np.mean([self._value(psi, name, side) for name in _MEAN[au]], 0)
        if au in SIDED and au != "AU65":
            return psi @ self.table.weights(au, side)
        if au in _JAW_CODES:
            jaw = self._value(psi, "jawOpen")
            return jaw / _JAW if au == "AU26" else (jaw - _JAW) / (1 - _JAW)
        if au == "AU25":
            return self._lips_apart(psi)
        turn = {k: self._value(psi, f"eyeLook{k}") for k in ("InLeft", "InRight", "OutLeft", "OutRight")}
        if au == "AU66":
            return np.minimum(turn["InLeft"], turn["InRight"])
        return turn["OutLeft"] - turn["InRight"] if side == "left" else turn["OutRight"] - turn["InLeft"]

    def _lips_apart(self, psi: np.ndarray) -> np.ndarray:
        """AU25 has no coefficient: the jaw open further than the lips are held together, or a lip pulled away."""
        jaw = self._value(psi, "jawOpen") - self._value(psi, "mouthClose")
        lips = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")
        return np.max([jaw, *(self._value(psi, name) for name in lips)], 0)


def make_deriver(names: tuple[str, ...]) -> Deriver:
    """The rules for these coefficient names. Raises `DataError` where they hold too few of ARKit's."""
    table = au_coefficient_map(names)
    if len(table.where) < 40:
        raise DataError(
            "coefficients",
            f"{len(table.where)} of ARKit's 52 among {', '.join(names[:3])}, …",
            "ARKit coefficients; AUs of other spaces come from a detector (`dfe aus import`)",
        )
    return Deriver(table, tuple((au, side) for au in ACTION_UNITS for side in _sides(table, au)))


def _sides(table: CoefficientMap, au: str) -> tuple[str, ...]:
    needs = {
        "AU25": ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthUpperUpLeft"),
        "AU26": ("jawOpen",),
        "AU27": ("jawOpen",),
        "AU66": ("eyeLookInLeft",),
        **dict.fromkeys(_LIDS, ("eyeBlinkLeft",)),
        **_MEAN,
    }
    if au in SIDED:
        return ("left", "right") if table.weights(au, "left") is not None else ()
    if not all(name in table.where for name in needs.get(au, ("",))):
        return ()
    return ("left", "right") if table.weights(au, "left") is not None else ("both",)


def _lids(left: np.ndarray, right: np.ndarray, time_s: np.ndarray, step_s: float) -> dict[tuple[str, str], np.ndarray]:
    """Closure of the eyes told apart by time and side: AU45, AU43 (both eyes) and AU46 (one), each (T,) 0 … 1."""
    both = np.minimum(left, right)
    held = _closure_seconds(both, time_s, step_s)
    wink = {
        side: np.where((one >= CLOSED) & (other < CLOSED / 2), one, 0)
        for side, one, other in (("left", left, right), ("right", right, left))
    }
    return {
        ("AU45", "both"): np.where((held > 0) & (held <= BLINK_S), both, 0),
        ("AU43", "both"): np.where(held > BLINK_S, both, 0),
        ("AU46", "left"): wink["left"],
        ("AU46", "right"): wink["right"],
    }


def _closure_seconds(both: np.ndarray, time_s: np.ndarray, step_s: float) -> np.ndarray:
    """(T,) seconds that the closure lasts which each frame belongs to; 0 outside closures.

    A closure is a run of `both` ≥ `CLOSED` with its flanks: frames of at least half of that, up to `_FLANK_S` away.
    A step of more than twice `step_s` ends a run.
    """
    closed = np.flatnonzero(both >= CLOSED)
    if not len(closed):
        return np.zeros(len(both))
    cut = np.concatenate([[True], (np.diff(closed) > 1) | (np.diff(time_s[closed]) > 2 * step_s)])
    run = np.cumsum(cut) - 1
    seconds = np.bincount(run) * step_s
    after = np.minimum(np.searchsorted(closed, np.arange(len(both))), len(closed) - 1)
    before = np.maximum(after - 1, 0)
    away = np.abs(time_s[closed][[before, after]] - time_s)
    nearest = np.where(away[0] < away[1], before, after)
    near = (away.min(0) <= _FLANK_S) & (both >= CLOSED / 2)
    return np.where(near, seconds[run[nearest]], 0)


def resting_levels(dataset: Dataset) -> dict[str, np.ndarray]:
    """Subject to (E,) float32 coefficients of the resting face: the 5th percentile over the subject's valid frames
    (at most 4,000 a recording), never above 0.25 so that a held expression does not become rest."""
    samples: dict[str, list[np.ndarray]] = {}
    for subject, frames in _by_subject(dataset):
        psi = frames.psi[frames.valid]
        samples.setdefault(subject, []).append(psi[:: max(1, len(psi) // _RESTING_SAMPLE)])
    blank = np.zeros(len(dataset.names), np.float32)
    return {
        subject: np.clip(np.percentile(rows, _RESTING_PERCENTILE, axis=0), 0, _RESTING_CAP).astype(np.float32)
        if len(rows := np.concatenate(parts))
        else blank
        for subject, parts in samples.items()
    }


def _by_subject(dataset: Dataset) -> Iterator[tuple[str, Frames]]:
    subjects = dict(zip(dataset.recordings["recording"], dataset.recordings["subject"], strict=True))
    for frames in dataset.iter_frames():
        yield subjects[frames.recording], frames


@audited("derive AUs", ANALYSES, lambda given: aus_name(given["dataset"].name, given["name"]))
def derive_aus(
    dataset: Dataset,
    name: str = "derived",
    *,
    threshold: float = PRESENT_INTENSITY,
    rest: bool = True,
    root: Path | None = None,
    progress: Listener = silent,
) -> AlignedAus:
    """Derive AUs for every valid frame of a dataset on ARKit coefficients and write them as the AUs `name`.

    Parameters
    ----------
    threshold: intensity 0 … 5 from which an AU counts as present.
    rest: measure from each subject's resting face (`resting_face`), as FACS does; else from zero.

    Raises `DataError` where the dataset's coefficients are not ARKit's.
    """
    dataset = dataset.whole()
    deriver = make_deriver(dataset.names)
    resting = resting_levels(dataset) if rest else {}
    rates = dict(zip(dataset.recordings["recording"], dataset.recordings["fps"], strict=True))
    unseen = _unseen(dataset, deriver)
    with open_au_writer(dataset.name, name, deriver.aus, root or dataset.path.parent.parent) as writer:
        for done, (subject, frames) in enumerate(_by_subject(dataset), 1):
            psi = frames.psi[frames.valid] - resting.get(subject, 0)
            intensity = deriver.intensity(psi, frames.time_s[frames.valid], 1 / rates[frames.recording])
            present = (intensity >= threshold).astype(np.float32)
            intensity[:, unseen] = present[:, unseen] = np.nan
            writer.add(frames.recording, AlignedFrames(frames.frame[frames.valid], present, intensity))
            progress(Progress(task="derive AUs", done=done, total=len(rates), detail=frames.recording))
        writer.close(_manifest(dataset, name, deriver, threshold, rest, unseen))
    return AlignedAus.open(dataset.name, name, root or dataset.path.parent.parent)


def _unseen(dataset: Dataset, deriver: Deriver) -> np.ndarray:
    """(A,) AUs whose every coefficient stays below `FAINT` in all of a dataset that a camera's tool made: it does not
    see them, so that they are not measured, which is another thing than absent."""
    if dataset.manifest.get("simulated") or int(dataset.recordings["valid_frames"].sum()) < _ENOUGH_FRAMES:
        return np.zeros(len(deriver.aus), bool)
    top = np.zeros(len(dataset.names), np.float32)
    for frames in dataset.iter_frames():
        if frames.valid.any():
            top = np.maximum(top, frames.psi[frames.valid].max(0))
    return np.array(
        [bool(needed := deriver.needs(au, side)) and all(top[i] < FAINT for i in needed) for au, side in deriver.aus]
    )


def _manifest(dataset: Dataset, name: str, deriver: Deriver, threshold: float, rest: bool, unseen: np.ndarray) -> dict:
    neutral = "the subject's resting face (5th percentile)" if rest else "zero"
    return {
        "name": name,
        "dataset": dataset.name,
        "dataset_key": dataset.stored_key,
        "tool": TOOL,
        "version": VERSION,
        "estimate": True,
        "emits": list(dict.fromkeys(au for au, _ in deriver.aus)),
        "settings": {"threshold": threshold, "rest": rest},
        "notes": [
            ESTIMATE_CAVEAT,
            f"Intensity is 5 times the coefficient above {neutral}; present from intensity {threshold:g} on.",
            *_unseen_note(deriver, unseen),
        ],
    }


def _unseen_note(deriver: Deriver, unseen: np.ndarray) -> list[str]:
    lost = dict.fromkeys(au for (au, _), hidden in zip(deriver.aus, unseen, strict=True) if hidden)
    return [f"Not measured, for their coefficients never exceed {FAINT:g}: {', '.join(lost)}."] if lost else []


def truth_aus(dataset: Dataset, name: str = "truth", *, root: Path | None = None) -> AlignedAus:
    """The truth of a simulated dataset as AUs: what a coder without error would write down. Actions without a FACS code
    are left out, as FACS leaves them out. Raises `DataError` where there is no truth."""
    from dfe_core.simulate.truth import presence

    dataset = dataset.whole()
    names = dataset.recordings["recording"].tolist()
    first = presence(dataset, names[0])
    aus = tuple(a for a, inside in zip(first.actions, first.in_facs, strict=True) if inside)
    with open_au_writer(dataset.name, name, aus, root or dataset.path.parent.parent) as writer:
        for recording in names:
            frames, truth = dataset.frames(recording), presence(dataset, recording)
            writer.add(
                recording,
                AlignedFrames(
                    frames.frame[frames.valid],
                    *(m[frames.valid][:, truth.in_facs].astype(np.float32) for m in (truth.presence, truth.intensity)),
                ),
            )
        writer.close(
            {
                "name": name,
                "dataset": dataset.name,
                "dataset_key": dataset.stored_key,
                "tool": TRUTH_TOOL,
                "version": "1",
                "estimate": False,
                "emits": list(dict.fromkeys(au for au, _ in aus)),
                "notes": ["The truth of simulated data: no detector or coder is this good."],
            }
        )
    return AlignedAus.open(dataset.name, name, root or dataset.path.parent.parent)
