"""Coefficients as files: CSV, NPZ, and CSV that Live Link Face tools read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.spreadsheet import plain_cell
from dfe_core.store import atomic_file

_LIVE_LINK = (
    "EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft EyeBlinkRight "
    "EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight JawForward JawRight "
    "JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmileLeft MouthSmileRight "
    "MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower "
    "MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft "
    "MouthLowerDownRight MouthUpperUpLeft MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft "
    "BrowOuterUpRight CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut"
).split()
_POSE = "HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll RightEyeYaw RightEyePitch RightEyeRoll".split()
LIVE_LINK_COLUMNS = ("Timecode", "BlendShapeCount", *_LIVE_LINK, *_POSE)
"""The columns of Live Link Face, in its order. The pose columns are written as 0: ψ has no head."""


def coefficients_csv(time_s: np.ndarray, psi: np.ndarray, names: tuple[str, ...]) -> str:
    """time_s (T,) and ψ (T, E) as CSV: time_s, then one column a coefficient."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["time_s", *map(plain_cell, names)])
    writer.writerows([[f"{t:.6f}", *(f"{v:.6g}" for v in row)] for t, row in zip(time_s, psi.tolist(), strict=True)])
    return out.getvalue()


def write_coefficients(path: Path, time_s: np.ndarray, psi: np.ndarray, names: tuple[str, ...]) -> None:
    """The same as ``.csv`` or ``.npz`` (time_s, psi, names; no pickled objects), by the path's ending."""
    if path.suffix not in (".csv", ".npz"):
        raise DataError(path, f"ending {path.suffix or 'none'}", ".csv or .npz")
    with atomic_file(path) as temporary:
        if path.suffix == ".csv":
            temporary.write_text(coefficients_csv(time_s, psi, names), encoding="utf-8", newline="")
        else:
            np.savez_compressed(temporary, time_s=time_s, psi=psi.astype(np.float32), names=np.array(names))


def live_link_csv(psi: np.ndarray, names: tuple[str, ...], fps: float = 60.0, start_s: float = 0.0) -> str:
    """ψ (T, E) as the CSV of Live Link Face: timecode, 61, the 52 ARKit coefficients, nine pose columns at 0.

    Coefficients are clipped to 0 … 1, as the app's are; a coefficient that the face splits into sides is their mean,
    one that it has not is 0. Timecodes are HH:MM:SS:FF.mmm, FF counted at `fps` rounded, from `start_s`.

    Raises `DataError` when the names are not ARKit's.
    """
    values = arkit_coefficients(psi, names)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(LIVE_LINK_COLUMNS)
    pose = ["0.0000000000"] * len(_POSE)
    for code, row in zip(timecodes(len(values), fps, start_s), values.tolist(), strict=True):
        writer.writerow([code, len(_LIVE_LINK) + len(_POSE), *(f"{v:.10f}" for v in row), *pose])
    return out.getvalue()


def arkit_coefficients(psi: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(T, E) to (T, 52) float64 in the order of Live Link Face, within 0 … 1."""
    where = au_coefficient_map(names).where
    if not where:
        raise DataError("Live Link CSV", "coefficients that are not ARKit's", "a face with ARKit coefficients")
    out = np.zeros((len(psi), len(_LIVE_LINK)))
    for column, name in enumerate(_LIVE_LINK):
        if indices := where.get(name[0].lower() + name[1:]):
            out[:, column] = np.asarray(psi, np.float64)[:, list(indices)].mean(1)
    return np.clip(out, 0, 1)


def timecodes(frames: int, fps: float, start_s: float = 0.0) -> list[str]:
    """HH:MM:SS:FF.mmm of every frame: FF whole frames at the rounded rate, .mmm thousandths of a frame."""
    rate = max(round(fps), 1)
    time_s = start_s + np.arange(frames) / fps
    whole = np.floor(time_s + 1e-9).astype(np.int64)
    parts = np.minimum(np.round((time_s - whole).clip(0) * rate * 1000).astype(np.int64), rate * 1000 - 1)
    return [
        f"{s // 3600 % 24:02d}:{s // 60 % 60:02d}:{s % 60:02d}:{p // 1000:02d}.{p % 1000:03d}"
        for s, p in zip(whole.tolist(), parts.tolist(), strict=True)
    ]
