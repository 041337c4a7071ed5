"""TextGrids of Praat (long text format): interval tiers that fill the whole recording, empty between the intervals.

Source: the manual of Praat, "TextGrid file formats". Times are in s with every digit; quotation marks are doubled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack, Tier, tiers_of

ENDING = ".TextGrid"


def textgrid_text(track: IntervalTrack, labels: Mapping[int, CodewordLabel], by: str = "codeword") -> str:
    """A TextGrid of one recording; the text of an interval is its codeword's."""
    tiers = tiers_of(track, labels, by)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {track.end_s!r}",
        "tiers? <exists>" if tiers else "tiers? <absent>",
    ]
    lines += [f"size = {len(tiers)}", "item []:"] if tiers else []
    for number, tier in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", *_tier(tier, labels, track.end_s)]
    return "\n".join(lines) + "\n"


def _tier(tier: Tier, labels: Mapping[int, CodewordLabel], end_s: float) -> Iterator[str]:
    spans = list(_spans(tier, labels, end_s))
    yield '        class = "IntervalTier"'
    yield f"        name = {_quoted(tier.name)}"
    yield "        xmin = 0"
    yield f"        xmax = {end_s!r}"
    yield f"        intervals: size = {len(spans)}"
    for number, (start, stop, text) in enumerate(spans, 1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {start!r}"
        yield f"            xmax = {stop!r}"
        yield f"            text = {_quoted(text)}"


def _spans(tier: Tier, labels: Mapping[int, CodewordLabel], end_s: float) -> Iterator[tuple[float, float, str]]:
    """Every interval with its text, and what is between them with none."""
    at = 0.0
    for row in tier.rows:
        if row.onset_s > at:
            yield at, row.onset_s, ""
        yield row.onset_s, row.offset_s, labels[row.codeword].text
        at = row.offset_s
    if at < end_s:
        yield at, end_s, ""


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
