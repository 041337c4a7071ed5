"""What a measurement of identity is asked for: ways of attenuating it, attackers, and a label that should survive."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dfe_core.errors import DataError

NOTHING, REST, SCALE, ADVERSARIAL = "none", "rest", "scale", "adversarial"
PSI_WAYS = (NOTHING, REST, SCALE, ADVERSARIAL)
"""What is done to ψ before it is encoded: nothing; the resting face of each recording taken off; its mean and spread
made those of all; a map trained against a network that names people (gradient reversal)."""
PROJECTION, PROJECTION_ALL = "projection-10", "projection"
WAYS = (*PSI_WAYS, PROJECTION, PROJECTION_ALL)
"""The ways, with two that act on bags of tokens inside a fold: the ten directions, or all of them, in which people
differ are taken out."""
PROJECTED = {PROJECTION: 10, PROJECTION_ALL: 0}
"""Directions that a projection takes out; 0: all."""
LINEAR, BOOSTING, TREES, NETWORK = "linear", "boosting", "trees", "network"
ATTACKERS = (LINEAR, BOOSTING, TREES, NETWORK)


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """How identity is measured.

    Attributes
    ----------
    model, dataset: names of artefacts. label: that a probe predicts before and after; empty: none. ways: of `WAYS`;
    nothing is always among them. attackers: of `ATTACKERS`. seconds: of every recording that are used, from its begin;
    0: all. folds: of the probe, by subject. resamples: of the bootstrap over subjects. strength: of the adversary
    against the fidelity of ψ. steps: of its training. seed: of everything.
    """

    model: str
    dataset: str
    label: str = ""
    ways: tuple[str, ...] = WAYS
    attackers: tuple[str, ...] = ATTACKERS
    seconds: float = 0.0
    folds: int = 5
    resamples: int = 1000
    strength: float = 3.0
    steps: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for where, values, allowed in (("way", self.ways, WAYS), ("attacker", self.attackers, ATTACKERS)):
            if wrong := [value for value in values if value not in allowed]:
                raise DataError(where, repr(wrong[0]), "one of " + ", ".join(allowed))
        for name, least, most in (
            ("seconds", 0, 1e6),
            ("folds", 2, 1000),
            ("resamples", 99, 1e5),
            ("strength", 0, 1000),
            ("steps", 1, 1e5),
        ):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, f"{getattr(self, name):g}", f"{least:g} to {most:g}")
        if NOTHING not in self.ways:
            object.__setattr__(self, "ways", (NOTHING, *self.ways))
        if not self.attackers:
            raise DataError("attackers", "none named", "one or more of " + ", ".join(ATTACKERS))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
