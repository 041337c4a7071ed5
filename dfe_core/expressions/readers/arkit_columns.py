"""From columns of ARKit values to a recording: what every reader of such data shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.extractor_scales import tool
from dfe_core.expressions.readers.apparent_tool import BLIND, GazeTogether, gaze_together
from dfe_core.expressions.readers.recordings import checked_recording
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing
from dfe_core.expressions.validation import FAINT, faint, motion_notes
from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name

MEDIAPIPE_FAINT = tuple(
    """
    cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight mouthFrownLeft mouthFrownRight cheekPuff
    jawForward jawLeft jawRight mouthStretchLeft mouthStretchRight mouthDimpleLeft mouthDimpleRight
    """.split()
)
"""Coefficients that MediaPipe's model hardly moves."""
LEAST = 26
"""Files with fewer of the 52 coefficients are not taken for ARKit data."""


def arkit_indices(header: Sequence[str], where: str | Path) -> dict[str, int]:
    """ARKit name to column, in ARKit's order. Raises `DataError` for fewer than `LEAST` names, or one given twice."""
    found: dict[str, int] = {}
    for i, spelling in enumerate(header):
        name = arkit_name(spelling) if isinstance(spelling, str) else None
        if name in found:
            raise DataError(f"{where}, column {i + 1}", f"{name} a second time ({spelling!r})", "each name once")
        if name:
            found[name] = i
    if len(found) < LEAST:
        seen = ", ".join(repr(str(h)[:20]) for h in list(header)[:4])
        raise DataError(
            where,
            f"{len(found)} of the 52 ARKit names in {len(header)} columns ({seen} …)",
            "a column for each ARKit coefficient",
        )
    return {name: found[name] for name in ARKIT_NAMES if name in found}


def arkit_name(spelling: str) -> str | None:
    """ARKit's name for a column's, also behind a prefix (Audio2Face's ``blendShapes.JawOpen``)."""
    return canonical_name(spelling) or (canonical_name(spelling.rsplit(".", 1)[-1]) if "." in spelling else None)


def arkit_count(header: Sequence[str]) -> int:
    """How many different ARKit names a header holds."""
    return len({name for spelling in header if (name := arkit_name(spelling))})


def arkit_recording(
    path: Path,
    values: np.ndarray,
    names: Sequence[str],
    timing: Timing,
    extractor: str,
    extras: dict[str, np.ndarray] | None = None,
    notes: Sequence[str] = (),
    *,
    presumed: bool = False,
) -> Recording:
    """A recording on the ARKit names that the file has; what is missing, out of range or set aside is noted.

    values, extras: (N, S) in the order of `names`, and (N,), of which `timing` chooses and orders the rows. presumed:
    the extractor is what the header looks like, and the values may show another (`apparent_tool`). Raises `DataError`
    as `check_values` does.
    """
    found = checked_recording(path, values, tuple(names), timing, space="arkit", extractor=extractor, extras=extras)
    missing = [name for name in ARKIT_NAMES if name not in set(names)]
    absent = (f"Not in the file, so always 0: {', '.join(missing)}.",) if missing else ()
    apparent = gaze_together(found.psi, found.valid, found.names) if presumed else None
    if apparent is not None and apparent.mediapipe:
        found = replace(found, extractor="mediapipe")
    other = _other_tool(apparent, extractor) if apparent is not None else ()
    unseen = _unseen(faint(found.psi, found.valid, found.names), found.extractor)
    return replace(found, notes=(*notes, *absent, *found.notes, *motion_notes(found.psi, found.valid), *other, *unseen))


def _other_tool(apparent: GazeTogether, extractor: str) -> tuple[str, ...]:
    """What the values say of the tool that made them, where that is not what the header looks like."""
    gaze = (
        f"the eyes look in opposite directions at once in {apparent.share:.0%} of the frames, which ARKit never writes"
    )
    if apparent.mediapipe:
        return (
            f"These are MediaPipe's scores, not what Apple's ARKit tracked: {gaze}, and {len(apparent.blind)} of the "
            f"{len(BLIND)} actions that MediaPipe does not see are absent. Imported as MediaPipe's (--extractor "
            f"{extractor} takes the file at its word).",
        )
    if extractor != "live-link-face":
        return ()
    return (f"Not as the app writes it: {gaze}. Another tool made these values.",)


def _unseen(names: tuple[str, ...], extractor: str) -> tuple[str, ...]:
    """Tell of coefficients that never leave zero by more than noise."""
    if not names:
        return ()
    known = [name for name in names if name in MEDIAPIPE_FAINT]
    blind = (
        " MediaPipe hardly sees these actions in anyone (its issues 4436, 4450)."
        if extractor == "mediapipe"
        else " These are what MediaPipe does not see: was the file made by it (--extractor mediapipe)?"
        if len(known) >= 8 and not tool("arkit", extractor)
        else ""
    )
    count = "1 coefficient never exceeds" if len(names) == 1 else f"{len(names)} coefficients never exceed"
    return (f"{count} {FAINT:g}: {', '.join(names)}. AUs that need them are not measured.{blind}",)
