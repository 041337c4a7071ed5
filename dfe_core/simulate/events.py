"""Who does what when: events drawn at random, seeded, with displays, speech and effects. Times in seconds.

Letters of the shapes: R recordings, A actions, n events.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from dfe_core.simulate.repertoire import ACTIONS, DISPLAYS, DYNAMICS, INDEX, SIDES, ActionTiming

_FAMILIES = {name: i for i, name in enumerate(dict.fromkeys(a.family or a.code for a in ACTIONS))}
_FAMILY = np.array([_FAMILIES[a.family or a.code] for a in ACTIONS])
_PAIRED = np.array([a.sides == "paired" for a in ACTIONS])
_SINGLE = np.array([a.sides == "single" for a in ACTIONS])
_OF_FACE = np.array([a.dynamics == "face" for a in ACTIONS])
_GAZE = np.array([a.dynamics in ("gaze", "blink") for a in ACTIONS])
_IN_BOUTS = 0.8
"""Share of an action's own events that lie in the stretches of activity; blinks and gaze lie anywhere."""
_BOUT_MEANS = np.array([9.0, 7.0])
_UNILATERAL = ("AU2", "AU10", "AU12", "AU14", "AU15")
"""Paired actions that people can be asked to make on one side alone."""
_PAUSE_S = 0.4
_ITEMS = np.array(
    [
        (INDEX[a.code], SIDES.index(side))
        for a in ACTIONS
        for side in SIDES
        if (side == "both" and a.sides != "single" and a.code not in ("AU8", "AU45"))
        or (side != "both" and (a.sides == "single" or a.code in _UNILATERAL))
    ]
)
"""(n, 2) action and side of every instructed movement."""
_LEADER = np.array([next((INDEX[code] for code, side, _ in d.members if side != "both"), 0) for d in DISPLAYS])
"""First one-sided action of each display (any, where it has none)."""
_BRIEF_SHARE = 0.05
_LETTERS = np.array([0.16, 0.30, 0.28, 0.18, 0.08])
"""Share of events at FACS intensity A, B, C, D, E."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Events:
    """n events, each field (n,): recording and action index, side (index of `SIDES`), four times in s (rise from onset
    to apex, hold to release, fall to offset) and intensity 0 … 5."""

    recording: np.ndarray
    action: np.ndarray
    side: np.ndarray
    onset_s: np.ndarray
    apex_s: np.ndarray
    release_s: np.ndarray
    offset_s: np.ndarray
    intensity: np.ndarray

    def __len__(self) -> int:
        return len(self.action)

    def take(self, where: np.ndarray) -> Events:
        """The events at these indices or of this mask, in that order."""
        return Events(**{f.name: getattr(self, f.name)[where] for f in fields(self)})


def _events(
    recording: np.ndarray, action: np.ndarray, side: np.ndarray, times: np.ndarray, intensity: np.ndarray
) -> Events:
    """Events of (4, n) times: onset, apex, release, offset."""
    onset, apex, release, offset = times
    return Events(
        recording=recording,
        action=action,
        side=side,
        onset_s=onset,
        apex_s=apex,
        release_s=release,
        offset_s=offset,
        intensity=intensity,
    )


def concatenate(parts: list[Events]) -> Events:
    """All events of `parts`, one after the other."""
    return Events(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)})


@dataclass(frozen=True, eq=False, kw_only=True)
class Habits:
    """How the recordings of one subject differ, each (R, A): own events a minute outside displays, factor on
    intensity, share of one-sided events, and share of left among those."""

    rate: np.ndarray
    intensity: np.ndarray
    one_sided: np.ndarray
    left: np.ndarray


@dataclass(frozen=True, eq=False)
class Phases:
    """When people are active: each recording's active stretches start at start_s and hold passed_s (both (k,)) seconds
    of activity before them; active_s is their sum."""

    start_s: tuple[np.ndarray, ...]
    passed_s: tuple[np.ndarray, ...]
    active_s: np.ndarray

    def place(self, rng: np.random.Generator, recording: np.ndarray) -> np.ndarray:
        """(n,) times, uniform over the active stretches of each event's recording."""
        share, time = rng.random(len(recording)), np.zeros(len(recording))
        for r, (start, passed) in enumerate(zip(self.start_s, self.passed_s, strict=True)):
            mine = recording == r
            at = share[mine] * self.active_s[r]
            stretch = np.searchsorted(passed, at, "right") - 1
            time[mine] = start[stretch] + at - passed[stretch]
        return time


def draw_phases(rng: np.random.Generator, recordings: int, seconds: float) -> Phases:
    """Activity comes in bouts of about 9 s with pauses of about 7 s (gamma distributed, shape 2)."""
    count = int(seconds / _BOUT_MEANS.sum()) * 3 + 4
    start_s, passed_s, active_s = [], [], []
    for _ in range(recordings):
        length = rng.gamma(2, _BOUT_MEANS / 2, (count, 2))
        start = np.cumsum(length.sum(1)) - length.sum(1)
        inside = start < seconds
        active = np.minimum(length[inside, 0], seconds - start[inside])
        start_s.append(start[inside])
        passed_s.append(np.cumsum(active) - active)
        active_s.append(active.sum())
    return Phases(tuple(start_s), tuple(passed_s), np.array(active_s))


def draw_events(
    rng: np.random.Generator, habits: Habits, seconds: float, instructed_s: float = 0.0, *, speech: bool = True
) -> Events:
    """All events of R recordings of `seconds` each: no two of one family overlap; sorted by recording and onset.

    The first `instructed_s` seconds of each hold instructed movements, one after the other; conversation follows.
    speech: whether bouts of speech are among it.
    """
    talk_s = seconds - instructed_s
    phases = draw_phases(rng, len(habits.rate), talk_s)
    parts = [
        _single_events(rng, habits, phases, talk_s),
        _display_events(rng, habits, phases, talk_s),
        *([_speech_events(rng, habits, phases, talk_s)] if speech else []),
    ]
    talk = concatenate(parts)
    times = {f: getattr(talk, f) + instructed_s for f in ("onset_s", "apex_s", "release_s", "offset_s")}
    events = concatenate([replace(talk, **times), instructed_events(rng, habits, instructed_s)])
    events = events.take(events.offset_s < seconds)
    return without_overlap(events)


def instructed_events(rng: np.random.Generator, habits: Habits, seconds: float) -> Events:
    """The range of motion as laboratories record it: every action in random order, alone, each side apart where people
    can; what one recording has no time for the subject's next one goes on with."""
    orders = [rng.permutation(len(_ITEMS))]
    recordings, pace = len(habits.rate), DYNAMICS["instructed"]
    many = int(seconds / (pace.onset_s + pace.hold_s + pace.offset_s + _PAUSE_S)) * recordings
    while sum(map(len, orders)) < many:
        orders.append(rng.permutation(len(_ITEMS)))
    order = np.concatenate(orders)[:many]
    recording = np.repeat(np.arange(recordings), many // max(recordings, 1))
    phases = _phases(rng, pace, many) * np.where(_GAZE[_ITEMS[order, 0]], 0.5, 1)
    step = (phases.sum(0) + _PAUSE_S).reshape(recordings, -1)
    onset = (np.cumsum(step, 1) - step + _PAUSE_S / 2).ravel()
    intensity = np.clip(rng.uniform(*pace.intensity, many) * habits.intensity[recording, _ITEMS[order, 0]], 0.3, 5.0)
    times = onset + np.concatenate([np.zeros((1, many)), np.cumsum(phases, 0)])
    events = _events(recording, _ITEMS[order, 0], _ITEMS[order, 1], times, intensity)
    return events.take(events.offset_s < seconds)


def _single_events(rng: np.random.Generator, habits: Habits, phases: Phases, seconds: float) -> Events:
    counts = rng.poisson(habits.rate * seconds / 60)
    recording, action = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    spread, bout = rng.uniform(0, seconds, len(action)), phases.place(rng, recording)
    onset = np.where(_OF_FACE[action] & (rng.random(len(action)) < _IN_BOUTS), bout, spread)
    one_sided = rng.random(len(action)) < habits.one_sided[recording, action]
    left = rng.random(len(action)) < habits.left[recording, action]
    sided = _SINGLE[action] | (_PAIRED[action] & one_sided)
    side = np.where(sided, np.where(left, SIDES.index("left"), SIDES.index("right")), SIDES.index("both"))
    kind = np.array([a.dynamics for a in ACTIONS], object)[action]
    kind[(kind == "face") & (rng.random(len(kind)) < _BRIEF_SHARE)] = "brief"
    return _shaped(rng, recording, action, side, onset, kind, habits)


def _shaped(
    rng: np.random.Generator,
    recording: np.ndarray,
    action: np.ndarray,
    side: np.ndarray,
    onset: np.ndarray,
    kind: np.ndarray,
    habits: Habits,
) -> Events:
    phases = np.zeros((3, len(action)))
    intensity = np.zeros(len(action))
    for name, dynamics in DYNAMICS.items():
        of_kind = kind == name
        count = int(of_kind.sum())
        phases[:, of_kind] = _phases(rng, dynamics, count)
        intensity[of_kind] = (
            _letter_intensity(rng, count) if name == "face" else rng.uniform(*dynamics.intensity, count)
        )
    intensity = np.clip(intensity * habits.intensity[recording, action], 0.3, 5.0)
    times = onset + np.concatenate([np.zeros((1, len(action))), np.cumsum(phases, 0)])
    return _events(recording, action, side, times, intensity)


def _phases(rng: np.random.Generator, dynamics: ActionTiming, count: int) -> np.ndarray:
    medians = np.log([dynamics.onset_s, dynamics.hold_s, dynamics.offset_s])
    return np.exp(medians[:, None] + dynamics.spread * np.array([[1], [2], [1]]) * rng.standard_normal((3, count)))


def _letter_intensity(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.maximum(rng.choice(5, count, p=_LETTERS) + rng.uniform(0, 1, count), 0.5)


def _display_events(rng: np.random.Generator, habits: Habits, when: Phases, seconds: float) -> Events:
    recordings = len(habits.rate)
    counts = rng.poisson(np.array([d.rate for d in DISPLAYS]) * seconds / 60, (recordings, len(DISPLAYS)))
    recording, display = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    onset, strength = when.place(rng, recording), _letter_intensity(rng, len(display))
    sizes = np.array([len(d.members) for d in DISPLAYS])[display]
    members = [m for index in display for m in DISPLAYS[index].members]
    parent = np.repeat(np.arange(len(display)), sizes)
    action = np.array([INDEX[code] for code, _, _ in members], int)
    side = np.array([SIDES.index(side) for _, side, _ in members], int)
    side = _display_sides(rng, habits, recording, display, parent, side)
    phases = _phases(rng, DYNAMICS["display"], len(display))[:, parent] * np.exp(
        0.08 * rng.standard_normal((3, len(parent)))
    )
    start = onset[parent] + np.abs(rng.normal(0, 0.05, len(parent)))
    intensity = (
        strength[parent]
        * np.array([share for _, _, share in members])
        * np.exp(0.15 * rng.standard_normal(len(parent)))
        * habits.intensity[recording[parent], action]
    )
    times = start + np.concatenate([np.zeros((1, len(parent))), np.cumsum(phases, 0)])
    return _events(recording[parent], action, side, times, np.clip(intensity, 0.3, 5.0))


def _display_sides(
    rng: np.random.Generator,
    habits: Habits,
    recording: np.ndarray,
    display: np.ndarray,
    parent: np.ndarray,
    side: np.ndarray,
) -> np.ndarray:
    """Sides (m,) of the members: those of a one-sided display on the side that the habit of its leader draws."""
    lead = _LEADER[display]
    left = rng.random(len(display)) < habits.left[recording, lead]
    drawn = np.where(left, SIDES.index("left"), SIDES.index("right"))
    return np.where(side == SIDES.index("both"), side, drawn[parent])


_BOUTS_PER_MINUTE, _BOUT_S, _SYLLABLE_S = 0.9, 5.0, 0.24


def _speech_events(rng: np.random.Generator, habits: Habits, phases: Phases, seconds: float) -> Events:
    """Speech-like bouts: at every syllable the jaw opens, and the lips round, spread or close (AU8) on some."""
    bouts = rng.poisson(_BOUTS_PER_MINUTE * seconds / 60, len(habits.rate))
    owner = np.repeat(np.arange(len(bouts)), bouts)
    start, length = phases.place(rng, owner), rng.gamma(4, _BOUT_S / 4, len(owner))
    return spoken_events(rng, habits, owner, start, length)


def spoken_events(
    rng: np.random.Generator, habits: Habits, owner: np.ndarray, start: np.ndarray, length: np.ndarray
) -> Events:
    """Syllables of bouts of speech, each field (n,): the recording of a bout, its start and length, s."""
    syllables = (length / _SYLLABLE_S).astype(int)
    bout = np.repeat(np.arange(len(owner)), syllables)
    step = _SYLLABLE_S * np.exp(0.15 * rng.standard_normal(len(bout)))
    elapsed = np.cumsum(step)
    first = np.concatenate([[0], np.cumsum(syllables)[:-1]]).astype(int)
    onset = start[bout] + elapsed - step
    if len(step):
        base = np.where(syllables > 0, (elapsed - step)[np.minimum(first, len(step) - 1)], 0)
        onset = onset - base[bout]
    shape = rng.random(len(bout))
    jaw = rng.uniform(*DYNAMICS["syllable"].intensity, len(bout))
    lips = rng.uniform(*DYNAMICS["syllable"].intensity, len(bout))
    layers = [
        ("AU26", shape >= 0, jaw),
        ("AU22", shape < 0.14, lips),
        ("AU18", (shape >= 0.14) & (shape < 0.28), lips),
        ("AU16", (shape >= 0.28) & (shape < 0.48), lips),
        ("AU20", (shape >= 0.48) & (shape < 0.60), lips * 0.7),
        ("AU8", shape >= 0.80, jaw * 0.65),
    ]
    return concatenate(
        [_syllables(code, owner[bout][on], onset[on], step[on], size[on], habits) for code, on, size in layers]
    )


def _syllables(
    code: str, recording: np.ndarray, onset: np.ndarray, step: np.ndarray, intensity: np.ndarray, habits: Habits
) -> Events:
    times = onset + step * np.array([0, 0.42, 0.52, 0.98])[:, None]
    size = np.clip(intensity * habits.intensity[recording, INDEX[code]], 0.2, 5.0)
    return _events(recording, np.full(len(onset), INDEX[code]), np.zeros(len(onset), int), times, size)


def with_priority(first: Events, others: Events) -> Events:
    """Both, but those of the others that overlap with one of the first of the same family."""
    same = _FAMILY[others.action][:, None] == _FAMILY[first.action]
    same &= others.recording[:, None] == first.recording
    overlap = (others.onset_s[:, None] < first.offset_s) & (first.onset_s < others.offset_s[:, None])
    return without_overlap(concatenate([first, others.take(~(same & overlap).any(1))]))


def without_overlap(events: Events) -> Events:
    """Drop, earliest first, every event that begins before the one before it in its family has ended."""
    order = np.lexsort((events.onset_s, _FAMILY[events.action], events.recording))
    events = events.take(order)
    while len(events):
        group = events.recording * len(_FAMILIES) + _FAMILY[events.action]
        clash = np.concatenate([[False], (group[1:] == group[:-1]) & (events.onset_s[1:] < events.offset_s[:-1])])
        first = clash & ~np.concatenate([[False], clash[:-1]])
        if not first.any():
            break
        events = events.take(~first)
    return events.take(np.lexsort((events.action, events.onset_s, events.recording)))
