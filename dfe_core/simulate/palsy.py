"""Weakness of one side of the face in six grades, over all that a face does: ``[palsy]`` of an effect file.

Facts (House & Brackmann 1985, Otolaryngol Head Neck Surg 93:146): I normal; II slight weakness, eye closes, forehead
moderate to good, synkinesis very slight at most; III obvious but not disfiguring, eye closes with effort, forehead
slight to moderate, synkinesis noticeable but not severe; IV disfiguring, forehead none, eye does not close, mouth
asymmetric; all of these with normal symmetry at rest; V motion barely perceptible, asymmetric at rest; VI none. Of what
brow and corner of the mouth move, II has 7/8, III 5/8 to 6/8, IV 3/8 to 4/8, V 1/8 to 2/8. V and VI usually have no
synkinesis. What the nerve does not serve stays: gaze, jaw, tongue. In a central palsy forehead and lids are spared.

Assumed, as no source gives numbers: how shares are divided between brow and mouth, sizes of synkinesis and droop, how a
tracker without sided coefficients for pucker and funnel reports them (their mean, and the mouth pulled to the strong
side). Such faces are made for lack of data, as CFCPalsy makes them; they show what is recovered, not what patients look
like.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.columns import arkit_columns
from dfe_core.simulate.events import Events, Habits, concatenate
from dfe_core.simulate.repertoire import ACTIONS, DYNAMICS, INDEX, SIDES

GRADES = 6
PROTOCOL_SHARE = 0.75
"""Of a recording: the five movements of Sunnybrook's scale one after the other, as clinics ask for them."""
PROTOCOL: tuple[tuple[str, ...], ...] = (("AU1", "AU2"), ("AU43",), ("AU12",), ("AU9", "AU10"), ("AU18",))
_PAUSE_S = 0.8
_FAINTEST = 0.3
SIDED_LABELS = ("grade", "affected_side", "palsy")
_TRIAL_SPREAD = 0.06
"""S.d. of the logarithm of what is left of a movement, from one recording to the next."""

_FUNCTION = ((1.0, 1.0), (0.78, 0.93), (0.52, 0.74), (0.27, 0.45), (0.06, 0.24), (0.0, 0.0))
_CLOSURE = ((1.0, 1.0), (1.0, 1.0), (0.95, 1.0), (0.55, 0.85), (0.25, 0.50), (0.0, 0.10))
_SYNKINESIS = ((0.0, 0.0), (0.0, 0.10), (0.15, 0.35), (0.25, 0.50), (0.0, 0.0), (0.0, 0.0))
_DROOP = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.3, 0.7), (0.6, 1.0))
_BROW_OF_ALL = (1.0, 1.0, 0.75, 0.0, 0.0, 0.0)
"""By grade: least and largest share of function (of brow and mouth together), of lid closure, size of synkinesis and of
droop; and the brow's part of the function, that of the mouth making up the mean."""

_ZONES = {
    "brow": ("browDown*", "browOuterUp*", "browInnerUp"),
    "closure": ("eyeBlink*",),
    "eye": ("eyeSquint*", "eyeWide*", "cheekSquint*"),
    "mouth": (
        "cheekPuff",
        "noseSneer*",
        "mouthClose",
        "mouthDimple*",
        "mouthFrown*",
        "mouthFunnel",
        "mouth*",
        "mouthLowerDown*",
        "mouthPress*",
        "mouthPucker",
        "mouthRollLower",
        "mouthRollUpper",
        "mouthShrugLower",
        "mouthShrugUpper",
        "mouthSmile*",
        "mouthStretch*",
        "mouthUpperUp*",
    ),
}
_PULLED = 0.25
_LID_WITH_MOUTH, _MOUTH_WITH_LID, _MOUTH_WITH_BROW = 1.0, 0.6, 0.3
_DROOPS = {"browDown": 0.35, "eyeWide": 0.45, "mouthFrown": 0.5}


@dataclass(frozen=True, kw_only=True)
class PalsyWorld:
    """What ``[palsy]`` of an effect file says.

    Attributes
    ----------
    grades: relative numbers of people by grade in their first session, I to VI.
    sessions: of every person. repeats: recordings in each.
    recovery: grades that are regained from one session to the next, on average.
    central: share of the people with a weakness whose forehead and lids are spared.
    synkinesis: factor on its size.
    """

    grades: tuple[float, ...] = (1.0,) * GRADES
    sessions: int = 3
    repeats: int = 2
    recovery: float = 0.8
    central: float = 0.1
    synkinesis: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """What is left on one side in one recording, each 0 … 1: of brow, lid closure, eye and mouth; synkinesis and droop.
    side: ``left``, ``right``, or ``none``."""

    side: str
    brow: float
    closure: float
    eye: float
    mouth: float
    synkinesis: float
    droop: float


HEALTHY = Weakness(side="none", brow=1.0, closure=1.0, eye=1.0, mouth=1.0, synkinesis=0.0, droop=0.0)


def read_palsy(path: Path, table: Any) -> PalsyWorld:
    """The ``[palsy]`` table of an effect file. Raises `DataError` naming the entry."""
    ranges = {"sessions": (1, 50), "repeats": (1, 20), "recovery": (0, 5), "central": (0, 1), "synkinesis": (0, 2)}
    if not isinstance(table, dict) or (unknown := set(table) - {"grades", *ranges}):
        found = f"[palsy] with {min(unknown)!r}" if isinstance(table, dict) else f"palsy = {table!r}"
        raise DataError(path, found, "a table of grades, " + ", ".join(ranges))
    grades = table.get("grades", [1.0] * GRADES)
    usable = isinstance(grades, list) and len(grades) == GRADES and all(_number(g) and g >= 0 for g in grades)
    if not usable or not sum(grades) > 0:
        raise DataError(path, f"grades {grades!r}", f"{GRADES} numbers, how many people of grade I to VI there are")
    for name, (least, most) in ranges.items():
        value = table.get(name, least)
        whole = name not in ("sessions", "repeats") or isinstance(value, int)
        if not _number(value) or not whole or not least <= value <= most:
            kind = "a whole number" if name in ("sessions", "repeats") else "a number"
            raise DataError(path, f"{name} {value!r}", f"{kind} from {least} to {most}")
    return PalsyWorld(grades=tuple(float(g) for g in grades), **{k: table[k] for k in ranges if k in table})


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def draw_courses(rng: np.random.Generator, world: PalsyWorld, subjects: int) -> pd.DataFrame:
    """One row per recording, subject by subject: grade (1 … 6), affected_side, palsy (none, peripheral, central)."""
    cuts = np.cumsum(world.grades) / sum(world.grades)
    first = np.minimum(np.searchsorted(cuts, (np.arange(subjects) + 0.5) / subjects), GRADES - 1) + 1
    first = rng.permutation(first)
    side = rng.choice(["left", "right"], subjects)
    kind = np.where(rng.random(subjects) < world.central, "central", "peripheral")
    gained = rng.poisson(world.recovery, (subjects, world.sessions))
    gained[:, 0] = 0
    grade = np.maximum(first[:, None] - np.cumsum(gained, 1), 1)
    each = world.sessions * world.repeats
    healthy = np.repeat(first == 1, each)
    return pd.DataFrame(
        {
            "grade": np.repeat(grade, world.repeats, axis=1).ravel(),
            "affected_side": np.where(healthy, "none", np.repeat(side, each)),
            "palsy": np.where(healthy, "none", np.repeat(kind, each)),
        }
    )


def draw_weakness(rng: np.random.Generator, world: PalsyWorld, courses: pd.DataFrame) -> list[Weakness]:
    """What is left in every recording of one subject (the rows of `courses`): alike within a session but for how the
    person does it this time."""
    place = rng.random(4)  # where in the range of a grade this person is, in every session
    found = []
    for row in courses.to_dict("records"):
        trial = np.exp(_TRIAL_SPREAD * rng.standard_normal(3))
        if row["affected_side"] == "none":
            found.append(HEALTHY)
            continue
        at = int(row["grade"]) - 1

        def between(table: tuple[tuple[float, float], ...], which: int, at: int = at) -> float:
            return float(table[at][0] + place[which] * (table[at][1] - table[at][0]))

        function, central = between(_FUNCTION, 0), row["palsy"] == "central"
        brow = function * _BROW_OF_ALL[at]
        mouth = function if central else 2 * function - brow
        found.append(
            Weakness(
                side=row["affected_side"],
                brow=1.0 if central else float(min(1.0, brow * trial[0])),
                closure=1.0 if central else float(min(1.0, between(_CLOSURE, 1) * trial[1])),
                eye=1.0 if central else float(min(1.0, function * trial[1])),
                mouth=float(min(1.0, mouth * trial[2])),
                synkinesis=0.0 if central else float(between(_SYNKINESIS, 2) * world.synkinesis),
                droop=between(_DROOP, 3),
            )
        )
    return found


def weaken(psi: np.ndarray, names: tuple[str, ...], weak: Weakness) -> np.ndarray:
    """(T, E) ψ that a person means to (0 … 1) to what a face with this weakness shows, in all of its coefficients."""
    if weak.side == "none":
        return psi
    where, out = arkit_columns(names), psi.astype(np.float32, copy=True)
    sided = {"left": "Left", "right": "Right"}
    own, other = sided[weak.side], sided["right" if weak.side == "left" else "left"]

    def meant(name: str) -> np.ndarray:
        columns = list(where.get(name, ()))
        return psi[:, columns].max(1, initial=0.0)

    for zone, stems in _ZONES.items():
        left = np.float32(getattr(weak, zone))
        for stem in stems:
            if stem.endswith("*"):
                out[:, list(where.get(stem.replace("*", own), ()))] *= left
            else:
                out[:, _halves(names, where.get(stem, ()), weak.side)] *= left
                out[:, [c for c in where.get(stem, ()) if len(where[stem]) == 1]] *= (1 + left) / 2

    def add(name: str, amount: np.ndarray | float) -> None:
        columns = list(where.get(name, ()))
        out[:, columns] = 1 - (1 - out[:, columns]) * (1 - np.clip(np.reshape(amount, (-1, 1)), 0, 1))

    together = np.maximum(meant(f"mouthSmile{own}"), meant("mouthPucker"))
    add(f"eyeBlink{own}", _LID_WITH_MOUTH * weak.synkinesis * together)
    add(f"mouthSmile{own}", _MOUTH_WITH_LID * weak.synkinesis * meant(f"eyeBlink{own}"))
    add(f"mouthSmile{own}", _MOUTH_WITH_BROW * weak.synkinesis * meant(f"browOuterUp{own}"))
    pull = np.maximum.reduce([meant("mouthPucker"), meant("mouthFunnel"), meant(f"mouthSmile{other}")])
    add(f"mouth{other}", _PULLED * (1 - weak.mouth) * pull)
    for stem, size in _DROOPS.items():
        spared = stem != "mouthFrown" and weak.closure == 1.0 and weak.brow == 1.0
        add(f"{stem}{own}", 0.0 if spared else size * weak.droop)
    return np.clip(out, 0, 1)


def _halves(names: tuple[str, ...], columns: tuple[int, ...], side: str) -> list[int]:
    """Of the columns of a coefficient that a face splits in two, that of the side."""
    if len(columns) < 2:
        return []
    ends = ("_l", "left") if side == "left" else ("_r", "right")
    return [column for column in columns if names[column].lower().endswith(ends)]


def protocol_events(rng: np.random.Generator, habits: Habits, seconds: float) -> Events:
    """The movements of `PROTOCOL` in every recording, in whole rounds, as many as `seconds` hold (at least one)."""
    pace = DYNAMICS["instructed"]
    medians = np.array([_PAUSE_S, pace.onset_s, pace.hold_s, pace.offset_s])
    rounds = max(1, int(seconds / (medians.sum() * len(PROTOCOL))))
    parts = []
    for recording in range(len(habits.rate)):
        turns = medians * np.exp(pace.spread * rng.standard_normal((rounds * len(PROTOCOL), 4)))
        turns *= min(1.0, seconds / turns.sum())  # as slowly as the person does it, and in time
        times = np.cumsum(turns).reshape(turns.shape)
        for turn, when in enumerate(times):
            codes = [INDEX[code] for code in PROTOCOL[turn % len(PROTOCOL)]]
            size = rng.uniform(3.5, 5.0) * habits.intensity[recording, codes]
            parts.append(_together(recording, codes, when, size))
    events = concatenate(parts)
    return events.take(events.offset_s < seconds)


def _together(recording: int, actions: list[int], times: np.ndarray, intensity: np.ndarray) -> Events:
    n = len(actions)
    onset, apex, release, offset = (np.full(n, time) for time in times)
    return Events(
        recording=np.full(n, recording),
        action=np.array(actions),
        side=np.full(n, SIDES.index("both")),
        onset_s=onset,
        apex_s=apex,
        release_s=release,
        offset_s=offset,
        intensity=np.clip(intensity, _FAINTEST, 5.0),
    )


def weakened_events(events: Events, weak: list[Weakness]) -> Events:
    """What of the events shows: of actions with sides one event a side, weaker on the affected one; of the others the
    mean of both. weak: by recording. What is below an intensity of 0.3 does not show."""
    parts = []
    for recording, one in enumerate(weak):
        own = events.take(events.recording == recording)
        parts += [own] if one.side == "none" else _sides_apart(own, one)
    shown = concatenate(parts)
    shown = shown.take(shown.intensity >= _FAINTEST)
    return shown.take(np.lexsort((shown.side, shown.action, shown.onset_s, shown.recording)))


def _sides_apart(events: Events, weak: Weakness) -> list[Events]:
    zone = np.array(
        [getattr(weak, _zone_of(ACTIONS[a].recipe)) if _zone_of(ACTIONS[a].recipe) else 1.0 for a in events.action]
    )
    paired = np.array([len(ACTIONS[a].channels) == 2 for a in events.action], bool)
    affected, both = SIDES.index(weak.side), SIDES.index("both")
    strong = SIDES.index("right" if weak.side == "left" else "left")
    split = paired & (events.side == both) & (zone < 1)
    hit = paired & (events.side == affected)
    whole = ~paired
    factor = np.where(hit, zone, np.where(whole, (1 + zone) / 2, 1.0))
    rest = replace(events, intensity=events.intensity * factor).take(~split)
    there = events.take(split)
    left = replace(there, side=np.full(len(there), strong))
    weakened = replace(there, side=np.full(len(there), affected), intensity=there.intensity * zone[split])
    return [rest, left, weakened]


def _zone_of(recipe: dict[str, float]) -> str:
    """The zone of an action's main coefficient; empty for what the nerve does not serve."""
    main = max(recipe, key=lambda name: recipe[name])
    stem = main.replace("Left", "*").replace("Right", "*")
    return next((zone for zone, stems in _ZONES.items() if stem in stems), "")


def palsy_facts(world: PalsyWorld, recordings: list[str], weak: list[Weakness]) -> dict[str, Any]:
    """What the manifest says: the world, and what was left in each recording."""
    held = [
        {"recording": name, **asdict(one)} for name, one in zip(recordings, weak, strict=True) if one.side != "none"
    ]
    return {**asdict(world), "weakness": held}
