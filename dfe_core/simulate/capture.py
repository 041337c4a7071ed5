"""How a tracker sees a performance: the noise of Live Link Face, of a camera network and of fitted landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.columns import arkit_columns
from dfe_core.simulate.curves import smooth_knots

_BLIND_GAIN = 0.02
_KNOT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A tracker.

    Attributes
    ----------
    name: as `--capture` takes it. fps: its usual frame rate, Hz.
    jitter: least and largest s.d. of a coefficient's frame-to-frame noise (each recording and coefficient has its own,
        log-uniform between them). of_size: s.d. of noise in proportion to the coefficient's value.
    drift: s.d. of slow wander, one knot in five seconds.
    blind: ARKit names of coefficients that hardly move whatever the face does.
    """

    name: str
    fps: float
    jitter: tuple[float, float]
    of_size: float
    drift: float
    blind: tuple[str, ...] = ()


CAPTURES = MappingProxyType(
    {
        capture.name: capture
        for capture in (
            Capture(name="livelink", fps=30.0, jitter=(0.00003, 0.00013), of_size=0.0005, drift=0.001),
            Capture(
                name="camera",
                fps=30.0,
                jitter=(0.002, 0.006),
                of_size=0.02,
                drift=0.008,
                blind=(
                    "cheekSquintLeft",
                    "cheekSquintRight",
                    "noseSneerLeft",
                    "noseSneerRight",
                    "mouthFrownLeft",
                    "mouthFrownRight",
                    "cheekPuff",
                    "jawForward",
                    "jawLeft",
                    "jawRight",
                    "mouthStretchLeft",
                    "tongueOut",
                ),
            ),
            Capture(name="landmarks", fps=15.0, jitter=(0.005, 0.012), of_size=0.03, drift=0.015),
        )
    }
)
"""livelink: jitter as measured on Live Link Face takes (0.00003 to 0.00013). camera: a network on a plain camera in the
manner of MediaPipe, with its dozen dead coefficients (google-ai-edge/mediapipe#4436, #5329); its noise is chosen by
hand. landmarks: coefficients fitted to landmarks; 0.0076 on every coefficient is the 0.12 mm by which ψ of REACT-Nao's
OpenFace landmarks jitters from frame to frame (median of 19 recordings at 10.7 Hz)."""


def find_capture(name: str) -> Capture:
    """The preset of this name. Raises `DataError` for another."""
    if name not in CAPTURES:
        raise DataError("capture", repr(name), "one of " + ", ".join(CAPTURES))
    return CAPTURES[name]


def observe(
    rng: np.random.Generator, clean: np.ndarray, capture: Capture, names: tuple[str, ...], fps: float
) -> np.ndarray:
    """(T, E) float32 in 0 … 1: what `capture` reads of `clean` (T, E)."""
    gain = np.ones(len(names), np.float32)
    where = arkit_columns(names)
    gain[[i for name in capture.blind for i in where.get(name, ())]] = _BLIND_GAIN
    least, most = np.log(capture.jitter)
    spread = np.exp(rng.uniform(least, most, len(names))).astype(np.float32)
    noise = rng.standard_normal(clean.shape, np.float32) * (spread + np.float32(capture.of_size) * clean)
    wander = smooth_knots(rng, len(clean), fps, _KNOT_S, len(names)) * np.float32(capture.drift)
    return np.clip((clean + wander + noise) * gain, 0, 1).astype(np.float32)
