"""Where a dataset keeps each channel: columns beside ψ, coefficients of lids, eyes and jaw, or action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.store import content_key
from dfe_core.text_enum import StrEnum
from dfe_core.video.links import Voice, links

LOOK_DEG = (35.0, 30.0)
"""Degrees of gaze, sideways and up or down, at a coefficient of 1: the slopes of the angles that Apple's Live Link Face
writes against its coefficients (medians over five takes: 35.0 and 29.0 to 31.9)."""
_IN_DEGREES = frozenset(("face-cap", "ifacialmocap"))
_EYES = ("LeftEyeYaw", "RightEyeYaw"), ("LeftEyePitch", "RightEyePitch")
_GAZE = ("gaze_angle_x", "gaze_angle_y")
_CONFIDENCE = ("confidence", "FaceScore")
_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
_LOOKS = (
    (("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight")),
    (("eyeLookUpLeft", "eyeLookUpRight"), ("eyeLookDownLeft", "eyeLookDownRight")),
)
"""Gaze to the left less to the right, and up less down."""
_JAW_AUS = ("AU25", "AU26")
_MOST_INTENSE = 5.0


class Channel(StrEnum):
    """What moves beside the expression."""

    POSE = "pose"
    GAZE = "gaze"
    BLINKS = "blinks"
    SPEECH = "speech"
    CONFIDENCE = "confidence"


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelSources:
    """Where the channels of a dataset are read. lids, jaw: columns of ψ, empty where there are none. looks: for gaze
    sideways and up, columns that count up and down. aus: action units for lids and jaw where ψ has neither. voices: of
    recordings whose video's sound was read (`dfe_core.video.voice`)."""

    lids: tuple[int, ...]
    jaw: tuple[int, ...]
    looks: tuple[tuple[tuple[int, ...], ...], ...]
    aus: AlignedAus | None
    voices: Mapping[str, Voice] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of the action units and voices that are read; empty for none."""
        aus = "" if self.aus is None else self.aus.key
        if not self.voices:
            return aus
        return content_key([aus, [(name, one.spans, one.heard_s) for name, one in sorted(self.voices.items())]])


def channel_sources(dataset: Dataset) -> ChannelSources:
    """Where the channels of a dataset are, without reading a frame. Action units are those of a tool (not derived from
    coefficients) that has AU45 or AU25 and AU26, the first by name."""
    where = au_coefficient_map(dataset.names).where
    lids = tuple(i for name in _LIDS for i in where.get(name, ()))
    jaw = where.get("jawOpen", ())
    looks = tuple(tuple(tuple(i for name in side for i in where.get(name, ())) for side in axis) for axis in _LOOKS)
    whole = all(side for axis in looks for side in axis)
    aus = None if lids and jaw else _detected(dataset)
    voices = {name: one.voice for name, one in links(dataset).items() if one.voice is not None}
    return ChannelSources(lids=lids, jaw=jaw, looks=looks if whole else (), aus=aus, voices=voices)


def known_channels(dataset: Dataset) -> tuple[Channel, ...]:
    """The channels that a dataset may have: what its first recordings hold beside ψ, its coefficients and AUs."""
    sources = channel_sources(dataset)
    codes = set() if sources.aus is None else {au for au, _ in sources.aus.aus}
    names = dataset.recordings.drop_duplicates("extractor")["recording"].tolist() if dataset.has_extras else []
    beside = [dataset.extras(str(name)) for name in names]
    have = {
        Channel.POSE: any(head_pose(one) is not None for one in beside),
        Channel.GAZE: bool(sources.looks) or any(_gaze_columns(one) for one in beside),
        Channel.BLINKS: bool(sources.lids) or "AU45" in codes,
        Channel.SPEECH: bool(sources.jaw) or bool(codes & set(_JAW_AUS)) or bool(sources.voices),
        Channel.CONFIDENCE: any(name in one for one in beside for name in _CONFIDENCE) or _loses_frames(dataset),
    }
    return tuple(channel for channel, there in have.items() if there)


def has_jaw(dataset: Dataset) -> bool:
    """Whether the opening of the jaw is known: of coefficients, or of action units."""
    sources = channel_sources(dataset)
    return bool(sources.jaw) or (sources.aus is not None and bool({au for au, _ in sources.aus.aus} & set(_JAW_AUS)))


def gaze_degrees(
    extras: Mapping[str, np.ndarray], extractor: str, psi: np.ndarray, sources: ChannelSources
) -> np.ndarray | None:
    """(T, 2) gaze sideways and up or down in degrees, signs as the tool has them; None where there is none.

    Of OpenFace it is where the eyes look from the camera, which turns with the head; of other tools, in the head.
    """
    if columns := _gaze_columns(extras):
        angles = np.stack([np.mean([extras[name] for name in axis], 0, np.float64) for axis in columns], 1)
        return angles if extractor.lower() in _IN_DEGREES else np.degrees(angles)
    if not sources.looks or not len(psi):
        return None
    turns = [psi[:, list(up)].mean(1) - psi[:, list(down)].mean(1) for up, down in sources.looks]
    return np.stack(turns, 1).astype(np.float64) * LOOK_DEG


def tracking_confidence(extras: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """(T,) the tool's confidence in its face, 0 … 1; None where it gives none."""
    return next((np.asarray(extras[name], np.float64) for name in _CONFIDENCE if name in extras), None)


def closure_of_aus(
    aus: AlignedAus, presence: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Eyelid closure and jaw opening, (T,) 0 … 1 each, of AUs: AU45, and the mean of AU25 and AU26; None for what is
    not among them.

    presence, level: (T, A) as in `AlignedFrames`. AU45 is its presence where that is known, as the intensities of
    blinks that tools write are small (OpenFace: 99 % below 0.75 of 5); else, as the jaw, the level over 5.
    """
    lids = [i for i, (au, _) in enumerate(aus.aus) if au == "AU45"]
    jaw = [i for i, (au, _) in enumerate(aus.aus) if au in _JAW_AUS]
    closed = np.where(np.isnan(presence[:, lids]), level[:, lids] / _MOST_INTENSE, presence[:, lids]) if lids else None
    return (
        None if closed is None else closed.mean(1, dtype=np.float64),
        level[:, jaw].mean(1, dtype=np.float64) / _MOST_INTENSE if jaw else None,
    )


def _gaze_columns(extras: Mapping[str, np.ndarray]) -> tuple[tuple[str, ...], ...]:
    if all(name in extras for name in _GAZE):
        return tuple((name,) for name in _GAZE)
    return _EYES if all(name in extras for axis in _EYES for name in axis) else ()


def _loses_frames(dataset: Dataset) -> bool:
    rows = dataset.recordings
    return bool((rows["valid_frames"] < rows["frames"]).any())


def _detected(dataset: Dataset) -> AlignedAus | None:
    for name in list_aligned(dataset.name, dataset.root):
        found = AlignedAus.open(dataset.name, name, dataset.root)
        if not found.estimate and found.matches(dataset) and {"AU45", *_JAW_AUS} & {au for au, _ in found.aus}:
            return found
    return None
