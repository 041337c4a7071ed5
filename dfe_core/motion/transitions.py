"""From one expression to another as a timeline: chosen by tokens or by frames of recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.motion.timeline import Timeline, Track, target_psi
from dfe_core.motion.transition_timing import TransitionTiming, part_matrices, timed_parts
from dfe_core.motion.words import timeline_from_words
from dfe_core.tokenizer.codebook import Codebook

HOLD_S = 0.3
"""Stillness before and after a transition, so that both faces can be seen."""


def between_tokens(
    start: Sequence[tuple[int, float]],
    stop: Sequence[tuple[int, float]],
    duration_s: float = 1.0,
    hold_s: float = HOLD_S,
    fps: float = 30.0,
) -> Timeline:
    """From one set of (codeword, intensity) to another, one track a codeword.

    A codeword of both sets has two tracks that cross over: their sum goes straight from one intensity to the other.
    """
    if not start and not stop:
        raise DataError("transition", "no codewords on either side", "at least one")
    total = duration_s + 2 * hold_s
    leaving = [
        Track(
            kind="codeword",
            target=str(int(k)),
            onset_s=0,
            apex_s=0,
            offset_s=hold_s,
            end_s=hold_s + duration_s,
            intensity=float(g),
            rule="of the first face",
        )
        for k, g in start
    ]
    coming = [
        Track(
            kind="codeword",
            target=str(int(k)),
            onset_s=hold_s,
            apex_s=hold_s + duration_s,
            offset_s=total,
            end_s=total,
            intensity=float(g),
            rule="of the second face",
        )
        for k, g in stop
    ]
    return Timeline(duration_s=total, tracks=(*leaving, *coming), fps=fps, text="from tokens to tokens")


def between_frames(
    psi: np.ndarray,
    names: tuple[str, ...],
    labels: Sequence[str] | None = None,
    duration_s: float = 1.0,
    hold_s: float = HOLD_S,
    fps: float = 30.0,
) -> Timeline:
    """Through (F, E) whole faces in turn, `duration_s` from one to the next, each held for `hold_s`.

    Raises `DataError` for fewer than two faces or other than E coefficients.
    """
    psi = np.asarray(psi, np.float64)
    if psi.ndim != 2 or len(psi) < 2 or psi.shape[1] != len(names):
        raise DataError("transition", f"faces of shape {psi.shape}", f"at least two of {len(names)} coefficients")
    labels = labels or [f"face {i}" for i in range(1, len(psi) + 1)]
    step, last = hold_s + duration_s, len(psi) - 1
    total = last * step + hold_s
    tracks = []
    for i, (row, label) in enumerate(zip(psi, labels, strict=True)):
        onset, apex = (0.0, 0.0) if i == 0 else (i * step - duration_s, i * step)
        offset, end = (total, total) if i == last else (i * step + hold_s, (i + 1) * step)
        values = {name: float(v) for name, v in zip(names, row, strict=True) if abs(v) > 1e-6}
        tracks.append(
            Track(
                kind="face",
                target=label,
                onset_s=onset,
                apex_s=apex,
                offset_s=offset,
                end_s=end,
                rule="a frame of a recording",
                psi=values,
            )
        )
    return Timeline(duration_s=total, tracks=tuple(tracks), fps=fps, text="through frames")


def described(words: str, names: tuple[str, ...], codebook: Codebook | None = None) -> np.ndarray:
    """(E,) float32 ψ of one expression in words: the face at which the timeline of the words (`words`) arrives.

    What comes and goes by itself, a blink or a wink, counts at its apex. Raises `DataError` for words that no rule
    knows and for what these coefficients cannot show.
    """
    made = timeline_from_words(words)
    if made.unread:
        raise DataError(f"words {words!r}", f"no rule knows {' '.join(made.unread)!r}", "a smile, brows up, AU12 left")
    last = max((t.onset_s for t in made.tracks), default=0.0)
    shown = [t for t in made.tracks if t.end_s >= made.duration_s - 1e-6 or t.onset_s >= last - 1e-6]
    psi = sum((t.intensity * target_psi(t, names, codebook) for t in shown), np.zeros(len(names)))
    return np.asarray(psi, np.float32)


STEPS = 8
"""Parts of equal length into which the steps of a transition cut it."""
_STILL = 1e-6  # of the square of the largest displacement: a part that moves less has no track


def by_parts(
    psi: np.ndarray,
    face: FaceModel,
    timing: TransitionTiming | None = None,
    *,
    seconds: Sequence[float] = (1.0,),
    labels: Sequence[str] | None = None,
    hold_s: float = HOLD_S,
    fps: float = 30.0,
) -> Timeline:
    """Through whole faces in turn, each part of the face on a track of its own.

    Parameters
    ----------
    psi: (F, E), at least two faces. timing: learned from recordings; None for minimum jerk, all parts at once.
    seconds: (F − 1,) from each face to the next; one number holds for all. labels: (F,) what the faces are called.

    Returns
    -------
    The first face as a track of the whole length, and what changes to each next one, a track for each of the parts of
    the face (`timed_parts`), with its own onset, apex and course. Raises `DataError` for other shapes, and for a face
    without a mesh.
    """
    psi = np.asarray(psi, np.float64)
    if psi.ndim != 2 or len(psi) < 2 or psi.shape[1] != face.coefficients:
        raise DataError(
            "transition", f"faces of shape {psi.shape}", f"at least two of {face.coefficients} coefficients"
        )
    seconds = list(seconds) * (len(psi) - 1) if len(seconds) == 1 else list(seconds)
    if len(seconds) != len(psi) - 1:
        raise DataError("transition", f"{len(seconds)} times for {len(psi)} faces", "one from each face to the next")
    labels = labels or [f"face {i}" for i in range(1, len(psi) + 1)]
    total, parts = round(sum(seconds) + hold_s * len(psi), 4), part_matrices(face)
    tracks = [_staying(face.names, psi[0], labels[0], total)]
    at = hold_s
    for before, after, length, label in zip(psi[:-1], psi[1:], seconds, labels[1:], strict=True):
        rule = "minimum jerk" if timing is None else "as in recordings of transitions like it"
        shares = None if timing is None else timing.shares(face, before, after, length)
        moved = parts @ (after - before)
        size = np.einsum("re,ef,rf->r", moved, face.gram, moved)
        for part, name in enumerate(timed_parts(face)):
            if size[part] <= _STILL * max(size.max(), 1e-18):
                continue
            tracks.append(
                Track(
                    kind="face",
                    target=f"{name} to {label}",
                    onset_s=round(at, 4),
                    apex_s=min(round(at + length, 4), total),
                    offset_s=total,
                    end_s=total,
                    rule=rule,
                    psi=_named(face.names, moved[part]),
                    course=() if shares is None else _points(shares[:, part]),
                )
            )
        at += length + hold_s
    return Timeline(duration_s=total, tracks=tuple(tracks), fps=fps, text=" → ".join(labels))


def _staying(names: tuple[str, ...], psi: np.ndarray, label: str, total: float) -> Track:
    return Track(
        kind="face",
        target=label,
        onset_s=0,
        apex_s=0,
        offset_s=total,
        end_s=total,
        rule="where the transition begins",
        psi=_named(names, psi),
    )


def _named(names: tuple[str, ...], psi: np.ndarray) -> dict[str, float]:
    return {name: float(v) for name, v in zip(names, psi, strict=True) if abs(v) > 1e-6}


def _points(shares: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The points of a course between its ends, from shares (P,) at evenly spread times."""
    time = np.arange(1, STEPS) / STEPS
    way = np.interp(time, np.linspace(0, 1, len(shares)), shares)
    return tuple((round(float(t), 4), round(float(w), 4)) for t, w in zip(time, way, strict=True))
