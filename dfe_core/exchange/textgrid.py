"""TextGrids of Praat (long text format): interval tiers that fill the whole recording, empty between the intervals.

Source: the manual of Praat, "TextGrid file formats". Times are in s with every digit; quotation marks are doubled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack, tiers_of

ENDING = ".TextGrid"


Span = tuple[float, float, str]
"""Start and end, s, and text."""


def textgrid_text(track: IntervalTrack, labels: Mapping[int, CodewordLabel], by: str = "codeword") -> str:
    """A TextGrid of one recording; the text of an interval is its codeword's."""
    tiers = tiers_of(track, labels, by)
    return textgrid_of(
        {tier.name: [(row.onset_s, row.offset_s, labels[row.codeword].text) for row in tier.rows] for tier in tiers},
        track.end_s,
    )


def textgrid_of(tiers: Mapping[str, Sequence[Span]], end_s: float) -> str:
    """A TextGrid of tiers by name, each with spans in the order of time that do not overlap."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end_s!r}",
        "tiers? <exists>" if tiers else "tiers? <absent>",
    ]
    lines += [f"size = {len(tiers)}", "item []:"] if tiers else []
    for number, (name, spans) in enumerate(tiers.items(), 1):
        lines += [f"    item [{number}]:", *_tier(name, spans, end_s)]
    return "\n".join(lines) + "\n"


def _tier(name: str, given: Sequence[Span], end_s: float) -> Iterator[str]:
    spans = list(_filled(given, end_s))
    yield '        class = "IntervalTier"'
    yield f"        name = {_quoted(name)}"
    yield "        xmin = 0"
    yield f"        xmax = {end_s!r}"
    yield f"        intervals: size = {len(spans)}"
    for number, (start, stop, text) in enumerate(spans, 1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {start!r}"
        yield f"            xmax = {stop!r}"
        yield f"            text = {_quoted(text)}"


def _filled(spans: Sequence[Span], end_s: float) -> Iterator[Span]:
    """Every span with its text, and what is between them with none."""
    at = 0.0
    for start, stop, text in spans:
        if start > at:
            yield at, start, ""
        yield start, stop, text
        at = stop
    if at < end_s:
        yield at, end_s, ""


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
