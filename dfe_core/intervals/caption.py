"""Tracks in plain words, and as a timeline that a face can play.

A caption says of each interval what it is, when it begins and how long it lasts, in the order of time, and nothing
else. Its words are labels of intervals; those that `motion.lexicon` knows are action units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.intervals.directions import AND, WORDS
from dfe_core.intervals.table import LABEL, TIER
from dfe_core.motion.lexicon import BRIEF_S, PHRASES, USUAL
from dfe_core.motion.timeline import Timeline, Track
from dfe_core.ontology import ACTIONS

BLINK_S = 0.5
"""Eyes that close for less than this blink."""
_CLOSED, _BLINK = "eyes closed", "blink"
_SIDES = (" left", " right")
_RISE_S, _RISE_SHARE = 0.35, 0.4
_LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True)
class CaptionPart:
    """One thing that a caption says. at_once: whether it begins before one that was said has ended."""

    tier: str
    label: str
    onset_s: float
    offset_s: float
    at_once: bool


def caption_parts(
    tracks: pd.DataFrame, recording: str, start_s: float = 0.0, stop_s: float = float("inf"), least_s: float = 0.0
) -> list[CaptionPart]:
    """What there is to say of a stretch of a recording, in the order of time; intervals are cut at its ends.

    least_s: intervals that last less within the stretch are left out.
    """
    own = tracks[tracks["recording"] == recording]
    own = own.assign(onset_s=own["onset_s"].clip(lower=start_s), offset_s=own["offset_s"].clip(upper=stop_s))
    own = own[own["offset_s"] - own["onset_s"] > max(least_s, 1e-9)].sort_values(["onset_s", TIER], kind="stable")
    found, until = [], -1.0
    for tier, label, onset, offset in zip(own[TIER], own[LABEL], own["onset_s"], own["offset_s"], strict=True):
        said = _BLINK if label == _CLOSED and offset - onset < BLINK_S else str(label)
        part = CaptionPart(tier=str(tier), label=said, onset_s=onset, offset_s=offset, at_once=onset < until - 1e-9)
        found.append(part)
        until = max(until, offset)
    return found


def words_of_parts(parts: Sequence[CaptionPart]) -> str:
    """The parts in words: ``Brows up at 1.2 s for 0.8 s; meanwhile blink at 1.5 s; then smile at 2.4 s for 1.9 s``."""
    if not parts:
        return "Nothing moves."
    said = []
    for number, part in enumerate(parts):
        lasts = "" if part.label == _BLINK else f" for {part.offset_s - part.onset_s:.1f} s"
        lead = "" if not number else "meanwhile " if part.at_once else "then "
        said.append(f"{lead}{part.label} at {part.onset_s:.1f} s{lasts}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def actions_of(label: str) -> list[tuple[str, str, float]]:
    """(AU, side, weight) that the words of a label stand for; empty for words that no rule of the lexicon knows."""
    found = []
    for words in label.split(AND):
        side = next((end for end in _SIDES if words.endswith(end) and words not in PHRASES), "")
        phrase = PHRASES.get(words.removesuffix(side) if side else words)
        if phrase is None:
            return []
        for au, own, weight in phrase.actions:
            wanted = side.strip() or own or "both"
            found.append((au, wanted if (au, wanted) in ACTIONS else "both", weight))
    return found


def timeline_of_tracks(parts: Iterable[CaptionPart], fps: float = 30.0) -> Timeline:
    """The parts of a caption as a timeline, which begins with the first of them; `unread` are words that no action unit
    stands for, such as turns of the head.

    Raises `DataError` where nothing can be played, and for more than `_LONGEST_S`.
    """
    parts = list(parts)
    shown = [(part, actions) for part in parts if (actions := actions_of(part.label))]
    if not shown:
        raise DataError("tracks", "nothing that a face can play", "labels such as smile, brows up, mouth open")
    start, stop = min(part.onset_s for part, _ in shown), max(part.offset_s for part, _ in shown)
    if stop - start > _LONGEST_S:
        raise DataError("tracks", f"{stop - start:.0f} s", f"a stretch of at most {_LONGEST_S:.0f} s")
    tracks = tuple(_track(part, start, *action) for part, actions in shown for action in actions)
    unread = tuple(dict.fromkeys(part.label for part in parts if not actions_of(part.label)))
    return Timeline(
        duration_s=round(stop - start, 3), tracks=tracks, fps=fps, text=words_of_parts(parts), unread=unread
    )


def _track(part: CaptionPart, start_s: float, au: str, side: str, weight: float) -> Track:
    onset, end = round(part.onset_s - start_s, 3), round(part.offset_s - start_s, 3)
    rise = min(_RISE_S if end - onset > BRIEF_S else BRIEF_S / 2, _RISE_SHARE * (end - onset))
    return Track(
        kind="action",
        target=au,
        side=side,
        intensity=round(USUAL * weight, 4),
        onset_s=onset,
        apex_s=round(onset + rise, 4),
        offset_s=round(end - rise, 4),
        end_s=end,
        rule=f"{part.tier}: {part.label}",
    )


def words_of_timeline(timeline: Timeline) -> str:
    """Words that become a timeline with the same actions in the same order: its own times are put in by hand."""
    said = [one.target if one.side == "both" else f"{one.target} {one.side}" for one in timeline.tracks]
    return f"{', then '.join(said)}, over {timeline.duration_s:g} s"


def tracks_of_timeline(timeline: Timeline, start_s: float = 0.0) -> pd.DataFrame:
    """A timeline as intervals: onset_s, offset_s, tier and annotation, in time.

    Actions of one region at once are one interval, labelled with the words of both. Raises `DataError` for a timeline
    without actions that a tier has words for.
    """
    found: dict[str, list[tuple[float, float, str]]] = {}
    for (region, words), actions in _word_actions().items():
        own = [one for one in timeline.tracks if (one.target, _plain_side(one)) in actions]
        if actions and {(one.target, _plain_side(one)) for one in own} >= set(actions):
            first = [one for one in own if (one.target, _plain_side(one)) == actions[0]]
            found.setdefault(region, []).extend((one.onset_s, one.end_s, words) for one in first)
    rows = [
        (start_s + onset, start_s + end, region, words)
        for region, spans in found.items()
        for onset, end, words in _without_overlap(_longest_words(spans))
    ]
    if not rows:
        raise DataError("words", "nothing that a tier has words for", "smile, brows up, mouth open …")
    table = pd.DataFrame(rows, columns=["onset_s", "offset_s", TIER, LABEL])
    return table.sort_values("onset_s", kind="stable", ignore_index=True)


def _plain_side(track: Track) -> str:
    return track.side if track.side in ("left", "right") else "both"


def _word_actions() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """(AU, side) that the words of each region stand for."""
    found = {}
    for region, words in WORDS.items():
        for said in words:
            for side in ("", " left", " right"):
                actions = actions_of(said + side)
                found[region, said + side] = tuple((au, own) for au, own, _ in actions)
    return found


def _longest_words(spans: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Of the words for one span those that stand for most actions: brows up, not inner brows up."""
    best: dict[tuple[float, float], str] = {}
    for onset, end, words in spans:
        held = best.get((onset, end))
        if held is None or len(actions_of(words)) > len(actions_of(held)):
            best[onset, end] = words
    return sorted((onset, end, words) for (onset, end), words in best.items())


def _without_overlap(spans: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Each span ends where the next one begins."""
    ends = [min(end, after[0]) for (_, end, _), after in zip(spans, [*spans[1:], (float("inf"), 0.0, "")], strict=True)]
    return [(onset, end, words) for (onset, _, words), end in zip(spans, ends, strict=True) if end > onset]
