"""What differs between conditions, by how much: effect files (TOML) and the habits they give to each recording.

An effect size d is in units of the spread between recordings of the statistic itself, counting noise included, so that
a d of 1 stays a d of 1 whether a recording lasts one minute or ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS
from dfe_core.simulate.events import Habits
from dfe_core.simulate.palsy import SIDED_LABELS, PalsyWorld, read_palsy
from dfe_core.simulate.repertoire import ACTIONS, INDEX, display_rates, one_sided_display_rates
from dfe_core.toml_file import read_toml

STATISTICS = ("rate", "intensity", "one_sided", "left_share")
"""Events a minute; their intensity; the share of one-sided ones; the share of left among those."""

_SPREAD = {"rate": 0.30, "intensity": 0.12, "one_sided": 0.25, "left_share": 0.1}
_OF_SUBJECT = 0.8
"""Spread between recordings, on the log scale (left_share: as it is; one_sided: in parts of the action's own share),
and the part of it that belongs to the subject."""
_EVENT_SPREAD = 0.9
"""Spread of the log intensity of events (about 0.65), and what the clip at intensity 5 takes from a shift."""
_LARGEST_SHIFT = np.log(5.0)
MOST_A_MINUTE = 60
"""Largest rate of own events that a file may give an action."""
SESSIONS = 2
"""Of every person, with one recording each, where no palsy asks for others."""
_ONE_SIDED = np.array([a.one_sided for a in ACTIONS])


@dataclass(frozen=True)
class Shift:
    """One planted difference: action code, one of `STATISTICS`, and Cohen's d."""

    action: str
    statistic: str
    d: float


@dataclass(frozen=True, kw_only=True)
class Label:
    """A label column, per ``recording`` or per ``subject``: two or more levels, or continuous where there are none."""

    name: str
    unit: str
    levels: tuple[str, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An effect file.

    source, title: where it came from and what it says. labels: what differs. omitted: actions that are left out of the
    world. rates: action to own events a minute in this world, where they are not those of `repertoire.ACTIONS`. palsy:
    weakness of one side, None for none.
    """

    source: str
    title: str
    labels: tuple[Label, ...]
    omitted: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    palsy: PalsyWorld | None = None

    @property
    def recordings_each(self) -> tuple[int, int]:
        """Sessions of every person, and recordings in each."""
        return (self.palsy.sessions, self.palsy.repeats) if self.palsy else (SESSIONS, 1)

    @property
    def own_rates(self) -> np.ndarray:
        """(A,) events a minute of every action outside displays and speech."""
        return np.array([self.rates.get(action.code, action.rate) for action in ACTIONS])


def shipped_effects() -> dict[str, Path]:
    """The effect files that come with the package, by name: default, no-beyond-facs, none, one-sided, outside,
    palsy, seen-by-detectors, stress."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "effects").glob("*.toml"))}


def read_effect(source: str | Path | None = None) -> Effect:
    """Read an effect file, or a shipped one by its name (None: ``default``). Raises `DataError` naming the entry."""
    path = shipped_effects().get(str(source or "default"), Path(source or "default"))
    expected = "a TOML file, or one of " + ", ".join(shipped_effects())
    content = read_toml(path, expected)
    rows = (
        read_toml(shipped_effects()[content["labels_of"]], expected)["label"]
        if content.get("labels_of") in shipped_effects()
        else content.get("label", [] if "palsy" in content else None)
    )
    if not isinstance(rows, list) or (not rows and "palsy" not in content):
        raise DataError(path, "no [[label]] table", "one for every label column")
    labels = tuple(_label(path, row) for row in rows)
    if len({label.name for label in labels}) < len(labels):
        raise DataError(path, "two labels of one name", "each name once")
    if "palsy" in content and (taken := {label.name for label in labels} & set(SIDED_LABELS)):
        raise DataError(path, f"a label {min(taken)!r} beside [palsy]", "another name")
    return Effect(
        source=path.name,
        title=str(content.get("title", path.stem)),
        labels=labels,
        omitted=_omitted(path, content.get("omit", [])),
        rates=_rates(path, content.get("rates", {})),
        palsy=read_palsy(path, content["palsy"]) if "palsy" in content else None,
    )


def _omitted(path: Path, codes: Any) -> tuple[str, ...]:
    if not isinstance(codes, list) or not all(code in INDEX for code in codes):
        raise DataError(path, f"omit {codes!r}", "a list of actions of " + ", ".join(INDEX))
    return tuple(codes)


def _rates(path: Path, rates: Any) -> dict[str, float]:
    usable = isinstance(rates, dict) and all(
        code in INDEX and isinstance(rate, (int, float)) and 0 <= rate <= MOST_A_MINUTE for code, rate in rates.items()
    )
    if not usable:
        raise DataError(
            path, f"rates {rates!r}", f"events a minute, 0 to {MOST_A_MINUTE}, of actions of {', '.join(INDEX)}"
        )
    return {code: float(rate) for code, rate in rates.items()}


def _label(path: Path, row: dict[str, Any]) -> Label:
    name, levels = row.get("name"), row.get("levels", [])
    where = f"{path}: label {name!r}"
    if not isinstance(name, str) or not name or name in RECORDING_COLUMNS:
        raise DataError(where, "not usable as the name of a label", "a name that is not one of dfe's own columns")
    if row.get("unit") not in ("recording", "subject"):
        raise DataError(where, f"unit {row.get('unit')!r}", "recording or subject")
    if not isinstance(levels, list) or len(levels) == 1 or not all(isinstance(v, str) for v in levels):
        raise DataError(where, f"levels {levels!r}", "two or more names, or none for a continuous label")
    return Label(
        name=name, unit=row["unit"], levels=tuple(levels), shifts=tuple(_shift(where, s) for s in row.get("shifts", []))
    )


def _shift(where: str, row: Any) -> Shift:
    if not isinstance(row, dict) or row.get("action") not in INDEX:
        raise DataError(
            where,
            f"a shift of {row.get('action') if isinstance(row, dict) else row!r}",
            "an action of " + ", ".join(INDEX),
        )
    if row.get("statistic") not in STATISTICS:
        raise DataError(where, f"a shift of the statistic {row.get('statistic')!r}", "one of " + ", ".join(STATISTICS))
    sides = ACTIONS[INDEX[row["action"]]].sides
    needs = {"one_sided": ("paired",), "left_share": ("paired", "single")}.get(row["statistic"])
    if needs and sides not in needs:
        raise DataError(where, f"{row['statistic']} of {row['action']}, which has no sides to choose", "a sided action")
    if not isinstance(row.get("d"), (int, float)) or not np.isfinite(row["d"]):
        raise DataError(where, f"d {row.get('d')!r}", "a number")
    return Shift(row["action"], row["statistic"], float(row["d"]))


def assign_labels(rng: np.random.Generator, effect: Effect, subjects: int, sessions: int) -> pd.DataFrame:
    """One row a recording (subject by subject): each label's value. Levels are balanced, within subjects where the
    unit is the recording, over subjects where it is the subject; continuous labels are standard normal."""
    columns: dict[str, np.ndarray] = {}
    for label in effect.labels:
        if not label.levels:
            shape = (subjects, sessions) if label.unit == "recording" else (subjects, 1)
            values: np.ndarray = np.round(rng.standard_normal(shape), 3)
        elif label.unit == "recording":
            start = rng.permutation(np.arange(subjects) % len(label.levels))
            values = (start[:, None] + np.arange(sessions)) % len(label.levels)
        else:
            values = rng.permutation(np.arange(subjects) % len(label.levels))[:, None]
        flat = np.broadcast_to(values, (subjects, sessions)).ravel()
        columns[label.name] = np.array(label.levels, object)[flat] if label.levels else flat
    return pd.DataFrame(columns)


def contrast(label: Label, values: pd.Series) -> np.ndarray:
    """(R,) what multiplies d: −½ … ½ from the first level to the last, or the value of a continuous label."""
    if not label.levels:
        return values.to_numpy(float)
    return np.array([label.levels.index(v) for v in values]) / (len(label.levels) - 1) - 0.5


def draw_habits(rng: np.random.Generator, effect: Effect, labels: pd.DataFrame, minutes: float) -> Habits:
    """Habits of one subject's recordings (the rows of `labels`), each `minutes` long."""
    shift = {s: _spread(rng, s, len(labels)) for s in STATISTICS}
    own = effect.own_rates
    for label in effect.labels:
        for planted in label.shifts:
            rate = own[INDEX[planted.action]]
            step = planted.d * observed_spread(planted.statistic, planted.action, minutes, planted.d, rate=rate)
            shift[planted.statistic][:, INDEX[planted.action]] += np.clip(
                step, -_LARGEST_SHIFT, _LARGEST_SHIFT
            ) * contrast(label, labels[label.name])
    # Displays keep their rate: an action's own events take the whole change of its total.
    rate = np.where(own > 0, np.maximum(own + (own + display_rates()) * np.expm1(shift["rate"]), 0), 0)
    return Habits(
        rate=rate,
        intensity=np.exp(shift["intensity"]),
        one_sided=np.clip(_ONE_SIDED + shift["one_sided"], 0, 0.98),
        left=np.clip(0.5 + shift["left_share"], 0.02, 0.98),
    )


def _spread(rng: np.random.Generator, statistic: str, recordings: int) -> np.ndarray:
    subject = rng.standard_normal((1, len(ACTIONS))) * np.sqrt(_OF_SUBJECT)
    recording = rng.standard_normal((recordings, len(ACTIONS))) * np.sqrt(1 - _OF_SUBJECT)
    return _SPREAD[statistic] * (_ONE_SIDED if statistic == "one_sided" else 1) * (subject + recording)


def observed_spread(statistic: str, action: str, minutes: float, d: float = 0.0, *, rate: float | None = None) -> float:
    """S.d. of a recording's log rate, mean log intensity or share: people's own spread and counting noise, within the
    levels of a label that shifts it by `d` (a share near 0 or 1 varies less). rate: the action's own events a minute,
    where they are not those of `repertoire.ACTIONS`."""
    unit, index = ACTIONS[INDEX[action]], INDEX[action]
    rate = unit.rate if rate is None else rate
    events = max((rate + display_rates()[index]) * minutes, 1.0)
    share = _ONE_SIDED[index]
    alone = rate * (share if unit.sides == "paired" else 1)
    sided = max((alone + one_sided_display_rates()[index]) * minutes, 1.0)
    noise = {
        "rate": 1 / events,
        "intensity": _EVENT_SPREAD**2 / events,
        "one_sided": share * (1 - share) / events,
        "left_share": 0.25 / sided,
    }
    squeezed = 1 + d**2 / (4 * sided) if statistic == "left_share" else 1.0
    own = _SPREAD[statistic] * (share if statistic == "one_sided" else 1)
    return float(np.sqrt((own**2 + noise[statistic]) / squeezed))


def realised(effect: Effect, recordings: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Each planted shift with the d that the drawn events show: label, action, statistic, d, realised_d (None where
    there are too few recordings)."""
    rows = []
    for label in effect.labels:
        z = contrast(label, recordings[label.name])
        for shift in (s for s in label.shifts if s.action not in effect.omitted):
            value = _measure(truth[truth["action"] == shift.action], shift.statistic, recordings)
            rows.append(
                {
                    "label": label.name,
                    "action": shift.action,
                    "statistic": shift.statistic,
                    "d": shift.d,
                    "realised_d": _effect_size(z, value, bool(label.levels)),
                }
            )
    return rows


def _measure(events: pd.DataFrame, statistic: str, recordings: pd.DataFrame) -> np.ndarray:
    if statistic == "left_share":
        events = events[events["side"] != "both"]
    value = {
        "rate": lambda: 1.0,
        "intensity": lambda: np.log(events["intensity"]),
        "one_sided": lambda: events["side"] != "both",
        "left_share": lambda: events["side"] == "left",
    }[statistic]()
    grouped = events.assign(value=value).groupby("recording")["value"]
    value = grouped.sum() if statistic == "rate" else grouped.mean()
    return value.reindex(recordings["recording"]).fillna(0 if statistic == "rate" else np.nan).to_numpy(float)


def _effect_size(z: np.ndarray, value: np.ndarray, levels: bool) -> float | None:
    known = ~np.isnan(value)
    z, value = z[known], value[known]
    if len(z) < 4 or len(np.unique(z)) < 2:
        return None
    slope, intercept = np.polyfit(z, value, 1)
    spread = np.std(value - slope * z - intercept, ddof=2)
    return round(float(slope / spread), 3) if spread > 0 else None
