"""What simulated people do: actions, the ARKit coefficients that a tracker reports for each, and whole displays.

The secondary weights in `Action.recipe` are the cross-talk of face trackers (a smile reads a little as a cheek raise).
Rates, times and weights are chosen by hand so that statistics come near those of real takes (benchmarks/simulation.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from dfe_core import ontology
from dfe_core.expressions.columns import arkit_columns
from dfe_core.ontology import ACTION_UNITS, WITHOUT_CODE

SIDES = ("both", "left", "right")
"""Sides of an event; the index is its code in `Events.side`."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing a face does.

    Attributes
    ----------
    code: its FACS code, or a name of its own where FACS has none.
    recipe: coefficient to weight at full intensity; ``*`` in a name stands for Left or Right.
    rate: events a minute outside displays and speech.
    sides: ``whole`` (one control), ``paired`` (both sides, or one of them), ``single`` (always one side).
    dynamics: key of `DYNAMICS`.
    family: actions of one family share muscles and never overlap; its own code by default.
    in_facs: whether FACS has a code for it.
    one_sided: share of a paired action's own events that are one-sided, half of them left.
    lower: whether it moves the lower face, whose sides differ in strength more than those of brows and lids.
    restful: whether a resting face may show a little of it.
    """

    code: str
    recipe: dict[str, float]
    rate: float = 1.2
    sides: str = "whole"
    dynamics: str = "face"
    family: str = ""
    in_facs: bool = True
    one_sided: float = 0.0
    lower: bool = True
    restful: bool = True

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The sides it is driven by."""
        return ("both",) if self.sides == "whole" else ("left", "right")


@dataclass(frozen=True, kw_only=True)
class ActionTiming:
    """Median seconds of onset, hold and offset, and the spread of their logarithms."""

    onset_s: float
    hold_s: float
    offset_s: float
    spread: float = 0.35
    intensity: tuple[float, float] = (0.5, 5.0)


DYNAMICS = MappingProxyType(
    {
        "face": ActionTiming(onset_s=0.30, hold_s=0.60, offset_s=0.50),
        "display": ActionTiming(onset_s=0.45, hold_s=1.60, offset_s=0.80),
        "instructed": ActionTiming(onset_s=0.35, hold_s=0.70, offset_s=0.40, spread=0.15, intensity=(2.5, 5.0)),
        "blink": ActionTiming(onset_s=0.08, hold_s=0.04, offset_s=0.14, spread=0.15, intensity=(4.2, 5.0)),
        "closed": ActionTiming(onset_s=0.18, hold_s=1.20, offset_s=0.25, spread=0.3, intensity=(4.2, 5.0)),
        "wink": ActionTiming(onset_s=0.12, hold_s=0.30, offset_s=0.18, spread=0.25, intensity=(3.5, 5.0)),
        "gaze": ActionTiming(onset_s=0.07, hold_s=0.90, offset_s=0.08, spread=0.45, intensity=(0.6, 3.2)),
        "brief": ActionTiming(onset_s=0.07, hold_s=0.07, offset_s=0.12, spread=0.2, intensity=(1.0, 3.0)),
        "syllable": ActionTiming(onset_s=0.09, hold_s=0.03, offset_s=0.10, spread=0.2, intensity=(0.3, 2.6)),
    }
)
"""Onset about 0.3 s, faster than offset; a blink about 0.3 s in all; saccades within two frames; ``brief`` lasts under
half a second, as micro-expressions do; ``instructed`` movements are those that a person is asked to make."""

ONE_SIDED = 0.02
"""Share of a paired action's own events that are one-sided, where people seldom move one side alone."""


def _action(code: str, *, reports: Mapping[str, float] | None = None, **settings: Any) -> Action:
    """An action by the ontology's recipe; `reports`: what trackers report of it otherwise, and beside it."""
    unit = ACTION_UNITS.get(code) or WITHOUT_CODE[code]
    return Action(
        code=code,
        recipe={**unit.recipe, **(reports or {})},
        sides=unit.sides,
        in_facs=code in ACTION_UNITS,
        **({"one_sided": ONE_SIDED if unit.sides == "paired" else 0.0} | settings),
    )


ACTIONS: tuple[Action, ...] = (
    _action("AU1", rate=1.5, lower=False),
    _action("AU2", rate=1.2, one_sided=0.06, lower=False),
    _action("AU4", rate=2.0, lower=False),
    _action("AU5", rate=1.2, lower=False),
    _action("AU6", rate=1.0, reports={"eyeSquint*": 0.10}),
    _action("AU7", rate=1.2, lower=False),
    _action("AU8", rate=0.0),
    _action("AU9", rate=0.9, one_sided=0.03, reports={"mouthUpperUp*": 0.12}),
    _action("AU10", rate=0.9, one_sided=0.06),
    _action("AU12", rate=2.4, one_sided=0.06, reports={"cheekSquint*": 0.08, "mouthDimple*": 0.06}),
    _action("AU14", rate=1.4, one_sided=0.15),
    _action("AU15", rate=1.2, one_sided=0.04),
    _action("AU16", rate=0.8, one_sided=0.03),
    _action("AU17", rate=1.0, reports={"mouthShrugUpper": 0.4}),
    _action("AU18", rate=0.8),
    _action("AD19", rate=0.3, reports={"jawOpen": 0.15}, restful=False),
    _action("AU20", rate=0.9, one_sided=0.03),
    _action("AU22", rate=0.6),
    _action("AU24", rate=1.5),
    _action("AU26", rate=1.2, reports={"jawOpen": 0.65}, restful=False),
    _action("AU28", rate=0.7, reports={"mouthRollUpper": 0.9}),
    _action("AD29", rate=0.5),
    _action("AD30", rate=0.6, restful=False),
    _action("AD34", rate=0.5),
    _action("AU43", rate=0.8, dynamics="closed", family="lids", restful=False),
    _action(
        "AU45",
        rate=15.0,
        reports={"eyeSquintLeft": 0.05, "eyeSquintRight": 0.05},
        dynamics="blink",
        family="lids",
        restful=False,
    ),
    _action("AU46", rate=0.05, reports={"cheekSquint*": 0.10}, dynamics="wink", family="lids", restful=False),
    _action("AU61", rate=6.0, dynamics="gaze", family="horizontal gaze", restful=False),
    _action("AU62", rate=6.0, dynamics="gaze", family="horizontal gaze", restful=False),
    _action(
        "AU63",
        rate=3.0,
        reports={"eyeWideLeft": 0.05, "eyeWideRight": 0.05},
        dynamics="gaze",
        family="vertical gaze",
        restful=False,
    ),
    _action(
        "AU64",
        rate=6.0,
        reports={"eyeBlinkLeft": 0.10, "eyeBlinkRight": 0.10},
        dynamics="gaze",
        family="vertical gaze",
        restful=False,
    ),
    _action("mouthSideways", rate=1.5, restful=False),
    _action("upperLipShrug", rate=1.2, restful=False),
)
"""The last two have no FACS code: the whole mouth moving sideways, and the upper lip pushed up without the chin."""

INDEX = MappingProxyType({action.code: i for i, action in enumerate(ACTIONS)})
CHANNELS: tuple[tuple[str, str], ...] = tuple((a.code, side) for a in ACTIONS for side in a.channels)
"""(C) of (action, side): what can be active apart. A paired action's symmetric event drives its left and its right."""


@dataclass(frozen=True)
class SimulatedDisplay:
    """Several actions at once: (code, side, share of the display's intensity) each, and how often a minute.

    One that is not on both sides may happen in its mirror image, by the habit of its first one-sided member.
    """

    name: str
    rate: float
    members: tuple[tuple[str, str, float], ...] = field(default_factory=tuple)


_RATES = MappingProxyType(
    {
        "happiness": 1.4,
        "laughter": 0.5,
        "polite smile": 0.6,
        "sadness": 0.5,
        "surprise": 0.5,
        "fear": 0.3,
        "anger": 0.5,
        "disgust": 0.5,
        "pain": 0.3,
        "contempt": 0.2,
        "thinking": 0.4,
        "wondering": 0.4,
        "chewing": 0.4,
        "doubt": 0.4,
        "one brow": 0.05,
    }
)

DISPLAYS: tuple[SimulatedDisplay, ...] = tuple(
    SimulatedDisplay(d.name, _RATES[d.name], tuple((a.code, a.side, a.share) for a in d.actions))
    for d in ontology.DISPLAYS
    if d.kind == "simulated"
)
"""The ontology's simulated displays: sets that publications give, each with weaker companions, and everyday ones."""


def display_rates() -> np.ndarray:
    """(A,) events a minute that each action owes to displays."""
    rates = np.zeros(len(ACTIONS))
    for display in DISPLAYS:
        for code, _, _ in display.members:
            rates[INDEX[code]] += display.rate
    return rates


def one_sided_display_rates() -> np.ndarray:
    """(A,) one-sided events a minute that each action owes to displays."""
    rates = np.zeros(len(ACTIONS))
    for display in DISPLAYS:
        for code, side, _ in display.members:
            rates[INDEX[code]] += display.rate * (side != "both")
    return rates


def recipe_matrix(names: tuple[str, ...], omitted: tuple[str, ...] = ()) -> np.ndarray:
    """(C, E) float32: ψ of every channel at full intensity on a face with these coefficient names.

    Channels of the actions `omitted` move nothing. A coefficient that the face splits in two moves both; one that it
    lacks (ICT-FaceKit has no tongueOut) is left out.
    """
    where, matrix = arkit_columns(names), np.zeros((len(CHANNELS), len(names)), np.float32)
    for row, (code, side) in zip(matrix, CHANNELS, strict=True):
        for name, weight in ACTIONS[INDEX[code]].recipe.items() if code not in omitted else ():
            row[list(where.get(name.replace("*", side.capitalize()), ()))] = weight
    return matrix
