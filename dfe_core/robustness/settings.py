"""What a measurement of robustness is asked for: perturbations of stated size, purifiers, and a label."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dfe_core.errors import DataError
from dfe_core.text_enum import StrEnum


class PerturbationKind(StrEnum):
    """What is done to the frames of a recording before they are encoded."""

    NOTHING = "nothing"
    LANDMARK_NOISE = "landmark noise"
    CAMERA_NOISE = "camera noise"
    FRAME_RATE = "frame rate"
    DROPPED = "dropped frames"
    QUANTISED = "quantised"
    SMOOTHED = "smoothed"
    ONE_SIDED = "one-sided gain"
    OCCLUDED = "occluded"
    SCALED = "extractor's scale"
    EXTRACTOR = "extractor's profile"
    RANDOM = "random offset"
    ADVERSARIAL = "adversarial offset"
    GRADIENT = "offset by gradient"
    PAIR = "another extractor"


UNITS = {
    PerturbationKind.NOTHING: "",
    PerturbationKind.LANDMARK_NOISE: "mm a point",
    PerturbationKind.CAMERA_NOISE: "s.d.",
    PerturbationKind.FRAME_RATE: "Hz",
    PerturbationKind.DROPPED: "of frames",
    PerturbationKind.QUANTISED: "bits",
    PerturbationKind.SMOOTHED: "s",
    PerturbationKind.ONE_SIDED: "times",
    PerturbationKind.OCCLUDED: "of time",
    PerturbationKind.SCALED: "times",
    PerturbationKind.EXTRACTOR: "strength",
    PerturbationKind.RANDOM: "mm",
    PerturbationKind.ADVERSARIAL: "mm",
    PerturbationKind.GRADIENT: "mm",
    PerturbationKind.PAIR: "",
}
"""Of the size of a perturbation; mm are of the root mean square over the face, coefficients where it has no mesh."""


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """kind; size in the unit of `UNITS`; part: the half of the face that is hidden or weakened, else empty."""

    kind: PerturbationKind
    size: float = 0.0
    part: str = ""

    @property
    def name(self) -> str:
        """Kind, part and size, as ``landmark noise 0.5 mm a point``."""
        size = f"{self.size:g} {UNITS[self.kind]}" if UNITS[self.kind] else ""
        return " ".join(word for word in (self.kind.value, self.part, size) if word)


def _each(kind: PerturbationKind, *sizes: float, part: str = "") -> tuple[Perturbation, ...]:
    return tuple(Perturbation(kind=kind, size=size, part=part) for size in sizes)


PERTURBATIONS = (
    *_each(PerturbationKind.NOTHING, 0.0),
    *_each(PerturbationKind.LANDMARK_NOISE, 0.25, 0.5, 1.0),
    *_each(PerturbationKind.CAMERA_NOISE, 0.05, 0.15, 0.5),
    *_each(PerturbationKind.FRAME_RATE, 30.0, 15.0, 5.0),
    *_each(PerturbationKind.DROPPED, 0.1, 0.3),
    *_each(PerturbationKind.QUANTISED, 6.0, 4.0),
    *_each(PerturbationKind.SMOOTHED, 0.2, 0.5),
    *_each(PerturbationKind.ONE_SIDED, 0.8, 0.5, part="left"),
    *(one for part in ("upper", "lower", "left") for one in _each(PerturbationKind.OCCLUDED, 0.3, part=part)),
    *_each(PerturbationKind.SCALED, 0.8, 0.5),
    *_each(PerturbationKind.EXTRACTOR, 0.15, 0.4),
    *_each(PerturbationKind.RANDOM, 0.05, 0.1, 0.2),
    *_each(PerturbationKind.ADVERSARIAL, 0.05, 0.1, 0.2),
    *_each(PerturbationKind.GRADIENT, 0.05, 0.1, 0.2),
)
"""What is measured, in order; sizes that change nothing of a recording (a frame rate above its own) are left out."""

NO_PURIFIER, PROJECTION, MASKED = "none", "projection", "masked"
PURIFIERS = (NO_PURIFIER, PROJECTION, MASKED)
"""What frames go through before they are encoded: nothing, a projection on the codebook, or the model of gaps."""

FEATURES = ("bow", "bow-counts")
"""Of the probe: onsets a minute of codewords, or the share of frames in which they are present, as `dfe probe` has
them."""


@dataclass(frozen=True, kw_only=True)
class RobustnessSettings:
    """How robustness is measured.

    Attributes
    ----------
    model, dataset: names of artefacts. label: that is predicted; empty: none. feature: of `FEATURES`.
    kinds: perturbations by kind, empty for all. purifiers: of `PURIFIERS`. pair: a dataset of the same recordings from
    another extractor; empty: none. trained_on: the dataset that the model of gaps is fitted to; empty: itself.
    seconds: of every recording that are used, from its begin; 0: all. queries: tries, or steps, of an attack a
    frame. folds: of the probe, by subject. resamples: of the bootstrap over subjects. seed: of everything.
    """

    model: str
    dataset: str
    label: str = ""
    feature: str = "bow"
    kinds: tuple[str, ...] = ()
    purifiers: tuple[str, ...] = PURIFIERS
    pair: str = ""
    trained_on: str = ""
    seconds: float = 0.0
    queries: int = 8
    folds: int = 5
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        known = [kind.value for kind in PerturbationKind]
        for where, values, allowed in (
            ("perturbation", self.kinds, known),
            ("purifier", self.purifiers, PURIFIERS),
            ("feature", (self.feature,), FEATURES),
        ):
            if wrong := [value for value in values if value not in allowed]:
                raise DataError(where, repr(wrong[0]), "one of " + ", ".join(allowed))
        for name, least, most in (("seconds", 0, 1e6), ("queries", 2, 100), ("folds", 2, 1000), ("resamples", 99, 1e5)):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, f"{getattr(self, name):g}", f"{least:g} to {most:g}")
        if NO_PURIFIER not in self.purifiers:
            object.__setattr__(self, "purifiers", (NO_PURIFIER, *self.purifiers))

    @property
    def perturbations(self) -> tuple[Perturbation, ...]:
        """Those that were asked for; nothing is always among them."""
        every = (*PERTURBATIONS, *((Perturbation(kind=PerturbationKind.PAIR),) if self.pair else ()))
        wanted = {*self.kinds, PerturbationKind.NOTHING.value, PerturbationKind.PAIR.value}
        return tuple(one for one in every if not self.kinds or one.kind.value in wanted)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
