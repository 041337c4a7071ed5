"""Datasets made to mislead a probe, from one that is sound: a label that only says how somebody was recorded.

    length    recordings cut to 20 or to 100 s at random; the label says which
    fps       every second frame left out of half of the recordings; the label says of which
    session   an offset on both browDown coefficients in half of the recordings; the label says which in 85 %
    names     every subject again under another name, half a second trimmed; the label is random by name
    missing   a third of the frames of half of the recordings are not valid; the label says of which

The faces know nothing of the label in any of them: a score above chance is read from the recording, not from the face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording

LABEL = "trap"
_OFFSET, _TOLD = 0.12, 0.85
Part = tuple[Recording, dict]


def write_world(kind: str, source: Dataset, name: str, root: Path, seed: int = 0) -> Dataset:
    """Write the dataset `name` under `root`, one of `WORLDS` made from `source`. Labels: `LABEL`."""
    with open_writer(name, source.names, root) as writer:
        for recording, labels in WORLDS[kind](list(_recordings(source)), np.random.default_rng(seed)):
            writer.add(recording, labels)
        writer.close({"name": name, "face": source.face_id, "simulated": source.simulated})
    return Dataset.open(name, root)


def _recordings(source: Dataset) -> Iterator[Recording]:
    rows = source.recordings.set_index("recording")
    for part in source.iter_frames():
        row = rows.loc[part.recording]
        yield Recording(
            name=part.recording,
            names=source.names,
            psi=part.psi,
            time_s=part.time_s,
            frame=part.frame,
            valid=part.valid,
            fps=float(row["fps"]),
            space="arkit",
            extractor=str(row["extractor"]),
            subject=str(row["subject"]),
            session=str(row["session"]),
        )


def _half(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.arange(count) % 2 == 1)


def _rows(one: Recording, rows: slice) -> Recording:
    time_s = one.time_s[rows] - one.time_s[rows][0]
    return replace(one, psi=one.psi[rows], time_s=time_s, frame=np.arange(len(time_s)), valid=one.valid[rows])


def lengths(held: list[Recording], rng: np.random.Generator) -> Iterator[Part]:
    """20 or 100 s, from anywhere in the recording."""
    for one, long in zip(held, _half(len(held), rng), strict=True):
        frames = int((100 if long else 20) * one.fps)
        first = int(rng.integers(0, max(len(one.time_s) - frames, 0) + 1))
        yield _rows(one, slice(first, first + frames)), {LABEL: "long" if long else "short"}


def frame_rates(held: list[Recording], rng: np.random.Generator) -> Iterator[Part]:
    """Every frame, or every second one."""
    for one, slow in zip(held, _half(len(held), rng), strict=True):
        yield (
            replace(_rows(one, slice(None, None, 2)), fps=one.fps / 2) if slow else one,
            {LABEL: "slow" if slow else "fast"},
        )


def session_offset(held: list[Recording], rng: np.random.Generator) -> Iterator[Part]:
    """The second session of the dataset has an offset; the label is the session in 85 % of the recordings."""
    sessions = sorted({one.session for one in held})
    brows = [held[0].names.index(name) for name in ("browDownLeft", "browDownRight")]
    for one in held:
        second = one.session == sessions[-1]
        psi = one.psi.copy()
        psi[:, brows] += _OFFSET * second
        told = second if rng.random() < _TOLD else not second
        yield replace(one, psi=psi), {LABEL: "b" if told else "a"}


def two_names(held: list[Recording], rng: np.random.Generator) -> Iterator[Part]:
    """Everybody twice, the second time half a second shorter and under another name; the label is drawn for people, and
    so the same under both names."""
    people = sorted({one.subject for one in held})
    drawn = dict(zip(people, _half(len(people), rng), strict=True))
    for one in held:
        labels = {LABEL: "b" if drawn[one.subject] else "a"}
        yield one, labels
        again = _rows(one, slice(int(0.5 * one.fps), None))
        yield replace(again, name=f"{one.name}-again", subject=f"{one.subject}-again"), labels


def missing_frames(held: list[Recording], rng: np.random.Generator) -> Iterator[Part]:
    """A third of the frames not valid, in stretches of a second."""
    for one, holes in zip(held, _half(len(held), rng), strict=True):
        second = (one.time_s - one.time_s[0]).astype(int)
        gone = holes & (rng.random(second.max() + 1) < 1 / 3)
        yield replace(one, valid=one.valid & ~gone[second]), {LABEL: "holes" if holes else "whole"}


WORLDS: dict[str, Callable[[list[Recording], np.random.Generator], Iterator[Part]]] = {
    "length": lengths,
    "fps": frame_rates,
    "session": session_offset,
    "names": two_names,
    "missing": missing_frames,
}
