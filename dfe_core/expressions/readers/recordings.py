"""Recordings out of the coefficients of one file: what every reader of coefficients shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing
from dfe_core.expressions.validation import check_values


def checked_recording(
    path: Path,
    values: np.ndarray,
    names: tuple[str, ...],
    timing: Timing,
    *,
    space: str,
    extractor: str,
    extras: Mapping[str, np.ndarray] | None = None,
    notes: Sequence[str] = (),
) -> Recording:
    """A recording named after its file, its notes followed by those on times and values.

    values, extras: (N, E) and (N,), of which `timing` chooses and orders the rows. Raises `DataError` as `check_values`
    does.
    """
    psi, valid, told = check_values(timing.of(values), names, space, str(path))
    return Recording(
        name=path.stem,
        names=names,
        psi=psi,
        time_s=timing.time_s,
        frame=timing.frame,
        valid=valid,
        fps=timing.fps,
        space=space,
        extractor=extractor,
        extras={name: timing.of(column) for name, column in (extras or {}).items()},
        notes=(*notes, *timing.notes, *told),
    )
