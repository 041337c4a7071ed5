"""Time series of a recording in few bytes, for a player in the browser."""

from __future__ import annotations

import numpy as np

_STEPS = 32767


def quantised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, …) float to int16 of the same shape and (R,) float32 scales: ``values ≈ int * scale``.

    The error is at most half a step, 1/65534 of each row's largest value.
    """
    rows = values.reshape(len(values), -1)
    scale = np.abs(rows).max(1, initial=0).astype(np.float32) / _STEPS
    steps = np.rint(rows / np.where(scale > 0, scale, 1)[:, None]).astype(np.int16)
    return steps.reshape(values.shape), scale


def recording_arrays(
    time_s: np.ndarray,
    psi: np.ndarray,
    *,
    tokens: np.ndarray,
    intensities: np.ndarray,
    levels: np.ndarray,
    error: np.ndarray,
) -> dict[str, np.ndarray]:
    """What web/src/shared/recording.js reads of a recording.

    Parameters
    ----------
    time_s, psi
        (T,) and (T, E) of its frames.
    tokens, intensities, error
        (T, N) of each stage: codeword, intensity, and error with the stages so far (mm).
    levels
        (L,) the intensities that tokens can have.
    """
    steps, scale = quantised(psi.T)
    return {
        "time": time_s.astype(np.float32),
        "psi": np.ascontiguousarray(steps.T),
        "scale": scale,
        "tokens": tokens.astype(np.uint16),
        "levels": np.abs(intensities[..., None] - levels).argmin(-1).astype(np.uint8),
        "intensities": levels.astype(np.float32),
        "error": error,
    }
