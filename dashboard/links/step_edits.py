"""Steps of a transition that were changed by hand, as text for the link: ``4f2a.0.425~12~30_0.6~40~80``."""

from __future__ import annotations

from collections.abc import Sequence

from dfe_core.motion.steps import TransitionStep
from dfe_core.store import content_key

_MOST = 60


def written(before: Sequence[TransitionStep], after: Sequence[TransitionStep]) -> str | None:
    """A mark of the steps that were changed, then every step: seconds and the percent of each track. None where nothing
    differs."""
    if _rounded(before) == _rounded(after):
        return None
    rows = ("~".join([f"{step[0]:g}", *(f"{share:g}" for share in step[1:])]) for step in _rounded(after))
    return f"{_mark(before)}.{'_'.join(rows)}"


def read(text: str | None, made: Sequence[TransitionStep]) -> list[TransitionStep]:
    """The steps of a link; those that were made where it has none, or belongs to others."""
    mark, _, body = (text or "").partition(".")
    if not body or mark != _mark(made):
        return list(made)
    tracks = len(made[0].shares) if made else 0
    found = []
    for row in body.split("_")[:_MOST]:
        try:
            numbers = [float(cell) for cell in row.split("~")]
        except ValueError:
            return list(made)
        if len(numbers) != tracks + 1 or not all(abs(number) <= 600 for number in numbers):
            return list(made)
        found.append(TransitionStep(time_s=numbers[0], shares=tuple(share / 100 for share in numbers[1:])))
    return found


def _rounded(steps: Sequence[TransitionStep]) -> list[tuple[float, ...]]:
    return [(round(s.time_s, 3), *(round(100 * share, 1) for share in s.shares)) for s in steps]


def _mark(steps: Sequence[TransitionStep]) -> str:
    return content_key([list(step) for step in _rounded(steps)])[:4]
