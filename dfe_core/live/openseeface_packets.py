"""The packets that OpenSeeFace's tracker sends over UDP to port 11573, and their features as ARKit's coefficients.

Little-endian, 1,785 bytes a face, several faces after each other: time (float64), face (int32), width and height, how
far the right and the left eye are open (float32), success (a byte), error of the fit, quaternion (4), Euler angles in
degrees (3), translation (3), 68 confidences, 68 points of the picture, 70 points in space (float32), and 14 features
of −1 to 1 about the person's own median.

OpenSeeFace measures no coefficients of ARKit. The 14 features drive 16 of the 52 by the rules of `FEATURES`, by hand
and without a calibration: a first look, not a measurement.
"""

from __future__ import annotations

import struct

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.live.source_frame import INDEX, PacketError, PacketFault, SourceFrame, checked_values

PORT = 11573
SIZE = 1785
FEATURES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("eye_l", ("eyeWideLeft",), ("eyeBlinkLeft",)),
    ("eye_r", ("eyeWideRight",), ("eyeBlinkRight",)),
    ("eyebrow_steepness_l", (), ()),
    ("eyebrow_updown_l", ("browOuterUpLeft", "browInnerUp"), ("browDownLeft",)),
    ("eyebrow_quirk_l", (), ()),
    ("eyebrow_steepness_r", (), ()),
    ("eyebrow_updown_r", ("browOuterUpRight", "browInnerUp"), ("browDownRight",)),
    ("eyebrow_quirk_r", (), ()),
    ("mouth_corner_updown_l", ("mouthSmileLeft",), ("mouthFrownLeft",)),
    ("mouth_corner_inout_l", ("mouthStretchLeft",), ()),
    ("mouth_corner_updown_r", ("mouthSmileRight",), ("mouthFrownRight",)),
    ("mouth_corner_inout_r", ("mouthStretchRight",), ()),
    ("mouth_open", ("jawOpen",), ()),
    ("mouth_wide", (), ("mouthPucker",)),
)
"""Name of each feature, and the coefficients that it drives above and below 0."""
_SUCCESS, _ANGLES, _FEATURES = 28, 49, SIZE - 4 * len(FEATURES)


def decode_openseeface(data: bytes) -> SourceFrame:
    """The first face of a packet. Raises `PacketError` for anything else."""
    if not data or len(data) % SIZE:
        raise PacketError(PacketFault.SIZE)
    time_s, _ = struct.unpack_from("<di", data)
    features = np.frombuffer(data, "<f4", len(FEATURES), _FEATURES)
    pitch, yaw, roll = (float(value) for value in np.radians(np.frombuffer(data, "<f4", 3, _ANGLES)))
    if not np.isfinite((time_s, pitch, yaw, roll, *features)).all():
        raise PacketError(PacketFault.VALUE)
    if data[_SUCCESS] != 1:
        return SourceFrame(values=None, time_s=time_s)
    return SourceFrame(values=checked_values(_coefficients(features)), time_s=time_s, pose=(pitch, yaw, roll))


def _coefficients(features: np.ndarray) -> np.ndarray:
    """(S,) of (14,) features; a coefficient of two features is the larger one."""
    out = np.zeros(len(ARKIT_NAMES), np.float32)
    for value, (_, above, below) in zip(features, FEATURES, strict=True):
        for name in above if value > 0 else below:
            out[INDEX[name]] = max(out[INDEX[name]], abs(value))
    return out
