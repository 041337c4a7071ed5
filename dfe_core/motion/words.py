"""From words to a timeline: ``neutral, then a one-sided smile, then brows up, over 2 s``.

Steps are parted by then, by commas and by semicolons; what is joined by and happens together. Steps share the time
equally unless one says ``for 0.5 s``. A step takes the place of the one before, crossing over, unless it says keep,
also, add or while. Words that no rule knows are told, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dfe_core.errors import DataError
from dfe_core.motion.lexicon import (
    BRIEF_S,
    IGNORED,
    KEEP,
    NEUTRAL,
    NORMAL,
    PHRASES,
    SIDES,
    SIZES,
    SPEEDS,
    USUAL,
    LexiconPhrase,
)
from dfe_core.motion.timeline import Timeline, Track
from dfe_core.ontology import ACTION_UNITS, ACTIONS, SOURCES, normalise_au

LONGEST = 2000
"""Characters of words: the patterns below try every place of a long run of digits or blanks anew."""
STEP_S = 1.0
RISE_S = 0.4
RISE_SHARE = 0.5
ONE_SIDE = "left"
"""Where one-sided names no side."""

_DURATION = re.compile(
    r"\b(?:over|in|within|during|for|lasting|of)?\s*(\d+(?:\.\d+)?)\s*"
    r"(ms|milliseconds?|s|secs?|seconds?)\b"
)
_CODEWORD = re.compile(r"(?:codeword|cw|#)\s*#?(\d+)")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the words: tracks without their times; seconds: None when it shares what is left."""

    tracks: tuple[Track, ...]
    brief: tuple[bool, ...]
    seconds: float | None
    speed: float
    keeps: bool
    unread: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Target:
    """What words stand for: kind (``action`` or ``codeword``), its code or number, the side it has of its own, its
    share of the intensity, the rule as shown, and whether it comes and goes by itself."""

    kind: str
    name: str
    side: str = ""
    weight: float = 1.0
    rule: str
    brief: bool = False


def timeline_from_words(text: str, fps: float = 30.0, codewords: Mapping[str, int] | None = None) -> Timeline:
    """A timeline by the rules above, each track with the rule that made it.

    Parameters
    ----------
    codewords: codewords by the names the lab gave them; such names may stand in the text, as may ``codeword 17``.

    Raises `DataError` when no rule knows any of the words, the times do not fit, or the text is over `LONGEST`.
    """
    if not text.strip():
        raise DataError("words", "empty", "for example: neutral, then a smile on the left, over 2 s")
    if len(text) > LONGEST:
        raise DataError("words", f"{len(text):,} characters", f"at most {LONGEST:,}")
    body, total = _total(text.lower())
    named = {" ".join(_plain(name)): k for name, k in (codewords or {}).items() if name.strip()}
    steps = [_step(part, named) for part in re.split(r"\bthen\b|[,;.]+(?!\d)", body) if part.strip(" ,;.")]
    unread = tuple(word for step in steps for word in step.unread)
    steps = [s for s in steps if s.tracks or s.seconds or not s.unread] or steps  # unread words take no time
    if not any(step.tracks for step in steps) and unread:
        raise DataError(
            f"words {text.strip()!r}",
            f"no rule knows {' '.join(unread)!r}",
            "words such as smile, brows up, blink, wink, jaw open, AU12 left, codeword 17",
        )
    lengths = _lengths(steps, total)
    return Timeline(
        duration_s=round(sum(lengths), 4), tracks=_laid_out(steps, lengths), fps=fps, text=text.strip(), unread=unread
    )


def rules() -> list[tuple[str, str]]:
    """(words, what they become) of every rule, for showing."""
    table = [(words, phrase_rule(words, phrase)) for words, phrase in PHRASES.items()]
    table += [(word, f"{size:.0%} of the full movement") for word, size in SIZES.items()]
    table += [(word, f"takes {factor:g} times as long to the apex") for word, factor in SPEEDS.items()]
    table += [
        ("one-sided", f"on the {ONE_SIDE} unless a side is named"),
        (", ".join(NEUTRAL), "everything before fades"),
        (", ".join(KEEP), "what was there before stays"),
        ("no size word", f"{USUAL:.0%} of the full movement"),
        ("over 2 s", "length of the whole"),
        ("for 0.5 s", "length of one step; the others share what is left"),
        ("AU12 left 50 %", "the action unit, on that side, at that intensity"),
        ("codeword 17", "the codeword"),
    ]
    return table


def phrase_rule(words: str, phrase: LexiconPhrase) -> str:
    """A rule of the lexicon as shown: ``smile is AU12, lip corner puller``, ``anger is AU4 + AU5 + AU7 + AU24 (FACS
    table 11-1)``, ``squint is AU7 + 40 % of AU6``."""
    parts = [au if weight == 1 else f"{weight:.0%} of {au}" for au, _, weight in phrase.actions]
    of_side = {side for _, side, _ in phrase.actions if side in ("left", "right")}
    text = f"{words} is {' + '.join(parts)}"
    if len(parts) == 1 and not of_side:
        text += f", {ACTION_UNITS[phrase.actions[0][0]].title}"
    text += ", on one side" if of_side and not words.endswith(tuple(of_side)) else ""
    text += ", and brief" if phrase.brief else ""
    return f"{text} ({SOURCES[phrase.source].short})" if phrase.source else text


def _total(text: str) -> tuple[str, float | None]:
    """The words without ``over 2 s``, and the seconds it names."""
    match = re.search(
        r"[,;\s]*\b(?:all\s+)?(?:over|in total|within)\s+(\d+(?:\.\d+)?)\s*"
        r"(ms|milliseconds?|s|secs?|seconds?)\b",
        text,
    )
    if not match:
        return text, None
    return text[: match.start()] + " " + text[match.end() :], _seconds(match[1], match[2])


def _step(part: str, named: Mapping[str, int]) -> Step:
    match = _DURATION.search(part)
    seconds = _seconds(match[1], match[2]) if match else None
    part = _DURATION.sub(" ", part)
    tracks: list[Track] = []
    brief: list[bool] = []
    unread: list[str] = []
    speed, keeps = 1.0, False
    for group in re.split(r"\band\b|\bwith\b|\bwhile\b|[+&]", part):
        made = _group(group, named)
        tracks += made.tracks
        brief += made.brief
        unread += made.unread
        speed *= made.speed
        keeps |= made.keeps
    return Step(
        tracks=tuple(tracks),
        brief=tuple(brief),
        seconds=seconds,
        speed=speed,
        keeps=keeps or bool(re.search(r"\bwhile\b", part)),
        unread=tuple(unread),
    )


def _group(text: str, named: Mapping[str, int]) -> Step:
    """Tracks of words that happen together and share side, size and speed."""
    text, size = _percent(text)
    text, targets = _codes(text)
    words = _plain(text)
    side, words = _side(words)
    factor = next((SIZES[w] for w in words if w in SIZES), None)
    speed = next((SPEEDS[w] for w in words if w in SPEEDS), 1.0)
    keeps = any(w in KEEP for w in words)
    found, rest = _phrases(words, named, side)
    tracks, brief = [], []
    said = size if size is not None else factor
    for target in [*targets, *found]:
        scale = said if said is not None else 1.0 if target.kind == "codeword" or target.brief else USUAL
        chosen, rule = _possible(target, side) if target.kind == "action" else ("both", target.rule)
        tracks.append(
            Track(
                kind=target.kind,
                target=target.name,
                onset_s=0,
                apex_s=0,
                offset_s=0,
                end_s=0,
                intensity=round(target.weight * scale, 4),
                side=chosen,
                rule=rule,
            )
        )
        brief.append(target.brief)
    known = {*SIZES, *SPEEDS, *KEEP, *NEUTRAL, *IGNORED}
    return Step(
        tracks=tuple(tracks),
        brief=tuple(brief),
        seconds=None,
        speed=speed,
        keeps=keeps,
        unread=tuple(w for w in rest if w not in known),
    )


def _phrases(words: list[str], named: Mapping[str, int], side: str) -> tuple[list[_Target], list[str]]:
    """What the words stand for, the longest phrase first, and the words that are left."""
    found: list[_Target] = []
    rest: list[str] = []
    i = 0
    while i < len(words):
        length, text = _longest(words, i, named)
        if not text:
            rest.append(words[i])
        elif text in named:
            rule = f"the lab calls codeword {named[text]} so"
            found.append(_Target(kind="codeword", name=str(named[text]), rule=rule))
        else:
            phrase = PHRASES[text]
            rule = phrase_rule(text, phrase)
            found += [
                _Target(kind="action", name=au, side=own, weight=weight, rule=rule, brief=phrase.brief)
                for au, own, weight in _sided(phrase, side)
            ]
        i += length
    return found, rest


def _sided(phrase: LexiconPhrase, side: str) -> list[tuple[str, str, float]]:
    """A side that is named goes before the phrase's own (a smirk to the right); fixed ones (jaw left) stay. Actions
    that have no such side are left out where others of the phrase have it: the left brow up is AU2 alone."""
    if side not in ("left", "right"):
        return list(phrase.actions)
    able = [
        (au, side if au not in _FIXED else own, weight)
        for au, own, weight in phrase.actions
        if (au, side) in ACTIONS or au in _FIXED
    ]
    return able or [(au, side, weight) for au, _, weight in phrase.actions]


_FIXED = frozenset(unit.code for unit in ACTION_UNITS.values() if unit.directional)


def _longest(words: list[str], start: int, named: Mapping[str, int]) -> tuple[int, str]:
    """How many words the longest phrase takes, and the phrase as it stands in `named` or `PHRASES`; empty for none."""
    for length in range(min(6, len(words) - start), 0, -1):
        phrase = " ".join(words[start : start + length])
        if phrase in named or phrase in PHRASES:
            return length, phrase
        spelled = " ".join(w for w in words[start : start + length] if w not in IGNORED and w not in SIZES)
        if length > 1 and spelled in PHRASES and " " in spelled:
            return length, spelled
    return 1, ""


def _side(words: list[str]) -> tuple[str, list[str]]:
    """The side the words name, and the words without it; ``jaw left`` and ``look left`` keep theirs."""
    sides, kept = [], []
    for i, word in enumerate(words):
        if word in SIDES and not (i and words[i - 1] in ("jaw", "look") and word in ("left", "right")):
            sides.append(SIDES[word])
        else:
            kept.append(word)
    named = [s for s in sides if s in ("left", "right")]
    if len(set(named)) == 1:
        return named[0], kept
    return (ONE_SIDE if "one" in sides and not named else "both" if sides else ""), kept


def _possible(target: _Target, named: str) -> tuple[str, str]:
    """The side on which ARKit coefficients can show an action, and the rule with a word on it when it is another."""
    au, side, rule = target.name, target.side or named, target.rule
    if side in ("left", "right"):
        if (au, side) in ACTIONS:
            return side, f"{rule}, {side}"
        return "both", f"{rule}; it has no {side} side of its own here, so it shows on both"
    if (au, "both") in ACTIONS:
        return "both", rule
    return ONE_SIDE, f"{rule}; on the {ONE_SIDE} unless a side is named"


def _codes(text: str) -> tuple[str, list[_Target]]:
    """Action units and codewords written as codes, and the text without them."""
    targets: list[_Target] = []
    for match in _CODEWORD.finditer(text):
        targets.append(_Target(kind="codeword", name=match[1], rule="named as a codeword"))
    text = _CODEWORD.sub(" ", text)
    for match in re.finditer(r"\ba[ud][ _-]*0*(\d{1,2})\b", text):
        code = normalise_au(match[0].replace(" ", ""))
        if code is None or not any(au == code for au, _ in ACTIONS):
            raise DataError(
                f"words, {match[0]!r}",
                "no coefficient shows this action unit",
                ", ".join(dict.fromkeys(au for au, _ in ACTIONS)),
            )
        targets.append(_Target(kind="action", name=code, rule="named as an action unit"))
    return re.sub(r"\ba[ud][ _-]*0*(\d{1,2})\b", " ", text), targets


def _percent(text: str) -> tuple[str, float | None]:
    match = re.search(r"(?:\bat\s+)?(\d+(?:\.\d+)?)\s*(?:%|percent\b)", text)
    if not match:
        return text, None
    return text[: match.start()] + " " + text[match.end() :], min(float(match[1]) / 100, 1.5)


def _plain(text: str) -> list[str]:
    return [NORMAL.get(word, word) for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text.lower())]


def _seconds(number: str, unit: str) -> float:
    value = float(number) / (1000 if unit.startswith("m") else 1)
    if not 0 < value <= 600:
        raise DataError("words", f"a time of {value:g} s", "above 0, at most 600 s")
    return value


def _lengths(steps: list[Step], total: float | None) -> list[float]:
    """Seconds of every step."""
    fixed = sum(s.seconds for s in steps if s.seconds)
    open_ = [s for s in steps if not s.seconds]
    if total is None:
        return [s.seconds or STEP_S for s in steps]
    if open_ and total - fixed < 0.04 * len(open_):
        raise DataError("words", f"steps of {fixed:g} s in {total:g} s", "time for every step")
    if not open_:
        return [(s.seconds or 0.0) * total / fixed for s in steps]
    return [s.seconds or (total - fixed) / len(open_) for s in steps]


def _laid_out(steps: list[Step], lengths: list[float]) -> tuple[Track, ...]:
    """Times for every track: it begins with its step and leaves while the step that replaces it comes."""
    starts = [sum(lengths[:i]) for i in range(len(steps) + 1)]
    rises = [
        min(RISE_S * s.speed, length * (RISE_SHARE if s.speed <= 1 else 0.9))
        for s, length in zip(steps, lengths, strict=True)
    ]
    total = round(starts[-1], 4)
    tracks: list[Track] = []
    for i, step in enumerate(steps):
        leaves = next((j for j in range(i + 1, len(steps)) if not steps[j].keeps), len(steps))
        offset, end = (starts[leaves], starts[leaves] + rises[leaves]) if leaves < len(steps) else (total, total)
        there = {t.label for t in tracks if step.keeps and t.offset_s > starts[i]}
        for track, brief in zip(step.tracks, step.brief, strict=True):
            if track.label in there:
                continue  # kept by name: it is there already
            times = _brief(starts[i], lengths[i]) if brief else (starts[i], starts[i] + rises[i], offset, end)
            onset, apex, leave, gone = (round(min(t, total), 4) for t in times)
            tracks.append(replace(track, onset_s=onset, apex_s=apex, offset_s=leave, end_s=gone))
    return tuple(tracks)


def _brief(start: float, length: float) -> tuple[float, float, float, float]:
    whole = min(BRIEF_S, length)
    return start, start + 0.35 * whole, start + 0.5 * whole, start + whole
