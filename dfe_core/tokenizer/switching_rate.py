"""How often tokens change, while the face holds still and while it moves."""

from __future__ import annotations

import numpy as np

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.temporal_smoothing import linked_frames

_SMOOTH_S = 0.2


def changed_tokens(tokens: np.ndarray, size: int) -> np.ndarray:
    """(T − 1,) int: how many of a frame's tokens are not those of the frame before, whatever their stages.

    tokens: (T, N) of a codebook of `size`. The larger of how many came and how many went; resting is no token.
    """
    counts = np.zeros((len(tokens), size), np.int16)
    np.add.at(counts, (np.arange(len(tokens))[:, None], tokens), 1)
    counts[:, REST] = 0
    steps = np.diff(counts, axis=0)
    return np.maximum(np.maximum(steps, 0).sum(1), np.maximum(-steps, 0).sum(1))


def changes_and_speed(
    tokens: np.ndarray, psi: np.ndarray, frame: np.ndarray, fps: float, size: int, factor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Changes per second and the face's speed (mm/s) from each frame of a recording to the next one beside it.

    tokens (T, N), psi (T, E), frame (T,); factor: (E, E) with ‖ψ @ factor‖ the root mean squared displacement in mm.
    The speed is that of the movement averaged over 0.2 s, so that a camera's noise does not pass for movement.
    """
    linked = linked_frames(frame)[1:]
    width = min(max(1, round(_SMOOTH_S * fps)), len(psi))
    total = np.cumsum(np.concatenate([np.zeros((1, len(factor))), psi @ factor]), axis=0)
    mean = (total[width:] - total[:-width]) / width
    speed = np.linalg.norm(np.diff(mean, axis=0), axis=1) * fps
    before = (width - 1) // 2
    speed = np.pad(speed, (before, len(linked) - len(speed) - before), "edge") if len(speed) else np.zeros(len(linked))
    return changed_tokens(tokens, size)[linked] * fps, speed[linked]


def flicker(changes: np.ndarray, speed: np.ndarray) -> dict[str, float]:
    """Mean token changes per second: in all, over the stillest and over the most moving third; NaN without frames."""
    if not len(changes):
        return dict.fromkeys(("all", "still", "moving"), float("nan"))
    low, high = np.quantile(speed, [1 / 3, 2 / 3])
    return {
        "all": float(changes.mean()),
        "still": float(changes[speed <= low].mean()),
        "moving": float(changes[speed >= high].mean()),
    }
