"""What a detector or a coder said of one face in one recording, before it is joined to an expression recording.

Letters of the shapes: T frames, A columns, each one AU on one side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dfe_core.errors import DataError

INTENSITY_LETTERS = {"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0, "E": 5.0}
"""FACS intensities A (trace) to E (maximum) on the 0–5 scale of the detectors."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One coded event. `apex_s` may be NaN (not coded); `intensity` 0–5, NaN where the coder gave none."""

    au: str
    side: str
    onset_s: float
    apex_s: float
    offset_s: float
    intensity: float = float("nan")


@dataclass(frozen=True, eq=False, kw_only=True)
class PerFrame:
    """time_s (T,) float64 s; probability, intensity (T, A) float32, as in `Detections`."""

    time_s: np.ndarray
    probability: np.ndarray
    intensity: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections:
    """AUs of one face over time, per frame or as intervals.

    Attributes
    ----------
    source: the file it was read from, as a name for messages.
    recording: the recording the file names itself, empty where it names none.
    face: which face of a file with several, empty where it is the only one.
    subject: the person, where the file names one. suffix: what distinguishes this face from the others of its file, as
        the name of a recording of the same file has it.
    same_file: read from the very file that the recording was, so that the two are in time.
    tool, version: who said it (``openface``, ``py-feat``, ``libreface``, ``manual``, ``arkit-table``).
    estimate: True where AUs were derived and not detected or coded.
    aus: (A) of (AU, side); a detector without sides has side ``both``.
    emits: the AUs that the tool can emit at all; any other AU is not measured.
    frame: (T,) int64 frame numbers of the source, or None for intervals.
    time_s: (T,) float64 s, None where the file has no time that can be used.
    probability: (T, A) float32 in 0 … 1 (0/1 for a decision), NaN where not measured.
    intensity: (T, A) float32 in 0 … 5, NaN where not measured.
    fps: frame rate of the source, 0 where unknown.
    intervals: the coded events; empty for frame-level tools.
    notes: what the reader did or saw, each one sentence for the user.
    """

    source: str
    tool: str
    version: str
    estimate: bool
    aus: tuple[tuple[str, str], ...]
    emits: tuple[str, ...]
    frame: np.ndarray | None = None
    time_s: np.ndarray | None = None
    probability: np.ndarray | None = None
    intensity: np.ndarray | None = None
    fps: float = 0.0
    intervals: tuple[Interval, ...] = ()
    recording: str = ""
    face: str = ""
    subject: str = ""
    suffix: str = ""
    same_file: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)

    def per_frame(self) -> PerFrame:
        """The values of its frames. Raises `DataError` for a coding by intervals, and without times."""
        if self.time_s is None or self.probability is None or self.intensity is None:
            raise DataError(self.source, "no AUs frame by frame", "frames with times, probabilities and intensities")
        return PerFrame(time_s=self.time_s, probability=self.probability, intensity=self.intensity)

    @property
    def is_intervals(self) -> bool:
        """Whether this is a coding by intervals, which covers every frame of its recording."""
        return self.frame is None
