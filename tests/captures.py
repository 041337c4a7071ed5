"""Recordings as the tools write them, made from one known performance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.expressions.recording import Recording
from dfe_core.faces.arkit import ARKIT_NAMES

LIVE_LINK_ORDER = (
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawRight",
    "jawLeft",
    "jawOpen",
)
LIVE_LINK_NAMES = (*LIVE_LINK_ORDER, *(n for n in ARKIT_NAMES if n not in LIVE_LINK_ORDER))
ANGLES = (
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
)


def performance(frames: int = 40, seed: int = 0, coefficients: int = 52) -> np.ndarray:
    """(T, C) float in 0 … 0.9, three decimals, so that text holds it exactly enough."""
    return np.round(np.random.default_rng(seed).uniform(0, 0.9, (frames, coefficients)), 3)


def upper(name: str) -> str:
    return name[0].upper() + name[1:]


def underscored(name: str) -> str:
    """``eyeBlink_L`` for eyeBlinkLeft; jawLeft, mouthLeft stay, for they are no sides."""
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name


def timecode(count: float, base: int = 60, hour: int = 10) -> str:
    """``HH:MM:SS:FF.mmm`` of a count since `hour` o'clock."""
    thousandths = round(count * 1000)
    seconds, rest = divmod(thousandths, base * 1000)
    return (
        f"{(hour + seconds // 3600) % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:"
        f"{rest // 1000:02d}.{rest % 1000:03d}"
    )


def live_link(
    psi: np.ndarray,
    *,
    counts: np.ndarray | None = None,
    base: int = 60,
    hour: int = 10,
    angles: bool = True,
    count_name: str = "BlendShapeCount",
) -> str:
    """A Live Link Face CSV of ψ in ARKit's order; `counts` are frame counts of the timecode."""
    counts = np.arange(len(psi)) * 1.001 if counts is None else counts
    order = [ARKIT_NAMES.index(name) for name in LIVE_LINK_NAMES]
    header = ["Timecode", count_name, *map(upper, LIVE_LINK_NAMES), *(ANGLES if angles else ())]
    tail = [f"{0.01 * i:.10f}" for i in range(9)] if angles else []
    rows = [
        ",".join([timecode(c, base, hour), str(len(header) - 2), *(f"{v:.10f}" for v in row[order]), *tail])
        for c, row in zip(counts, psi, strict=True)
    ]
    return "\n".join([",".join(header), *rows]) + "\n"


def table(
    psi: np.ndarray,
    *,
    fps: float = 30.0,
    time: str | None = "time_s",
    scale: float = 1.0,
    separator: str = ",",
    decimal: str = ".",
    spelling=str,
    names: tuple[str, ...] = ARKIT_NAMES,
    times=None,
) -> str:
    """A table of ψ with one time column, or none; `times` are its entries, where they are not even."""
    header = [*([time] if time else []), *map(spelling, names)]
    rows = []
    for i, row in enumerate(psi):
        when = f"{i / fps * scale:.9g}" if times is None else str(times[i])
        cells = [*([when] if time else []), *(f"{v:.4f}" for v in row)]
        rows.append(separator.join(cells).replace(".", decimal))
    return "\n".join([separator.join(header), *rows]) + "\n"


def beat_json(psi: np.ndarray, fps: float = 60.0) -> str:
    """As the BEAT dataset has it."""
    frames = [{"weights": row.tolist(), "time": i / fps, "rotation": []} for i, row in enumerate(psi)]
    return json.dumps({"names": list(ARKIT_NAMES), "frames": frames})


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_one(path: Path, fps: float | None = None, format: str = "auto") -> Recording:
    """The one recording of a file, by the reader that knows it."""
    (recording,) = find_reader(path, format)[0].read(path, ReadOptions(fps=fps))
    return recording


def in_arkit_order(recording: Recording) -> np.ndarray:
    """(T, 52) float32, zeros where the recording has no such coefficient."""
    out = np.zeros((len(recording.psi), len(ARKIT_NAMES)), np.float32)
    for i, name in enumerate(recording.names):
        out[:, ARKIT_NAMES.index(name)] = recording.psi[:, i]
    return out
