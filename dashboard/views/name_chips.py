"""The names of a codeword as chips and sentences."""

from __future__ import annotations

from html import escape

from dfe_core.facs.codeword_names import CodewordName, NamedActionUnit, Verdict, with_strength
from dfe_core.ontology import ACTION_UNITS

from ..data.codeword_names import Known
from ..theme.formatting import count, percent, plural
from .cards import picked_words


def chips(name: CodewordName, found: Known) -> str:
    """The marks below a codeword's heading, as HTML: action units with their strength where geometry and measurement
    agree, what it is shaped like where they were not both asked, or why there are none."""
    units = "".join(_chip(unit) for unit in name.in_facs_order if unit.confirmed)
    like = with_strength(unit for unit in name.in_facs_order if not unit.confirmed)
    units += f'<span class="chip quiet">Shaped like {escape(like)}</span>' if like else ""
    reason = f'<span class="basis">{escape(basis(name, found))}</span>'
    return f'<div class="dfe-chips">{units or _quiet(name)}{reason}</div>'


def _chip(unit: NamedActionUnit) -> str:
    more = f", more on the {unit.stronger}" if unit.stronger else ""
    title = f"{ACTION_UNITS[unit.au].title if unit.au in ACTION_UNITS else unit.au}{more}"
    return f'<span class="chip" title="{escape(title)}"><b>{escape(unit.label)}</b> {unit.strength:.2f}</span>'


QUIET = {
    Verdict.BEYOND_FACS: ("Beyond FACS", "No action unit, nor a sum of up to three, moves the face like this"),
    Verdict.CONTRAST: ("Contrast", "A difference between movements: no face can do it alone"),
    Verdict.NOT_CONFIRMED: ("No action unit", "The one it looks like does not go with it in the data"),
    Verdict.NO_MATCH: ("No action unit matches", "None of those measured here; others were not measured"),
    Verdict.FAINT: ("Faint", "Less than a tenth of any action unit"),
}
"""What to print where no action unit may be named, and why."""


def _quiet(name: CodewordName) -> str:
    if name.verdict not in QUIET:
        return ""
    text, title = QUIET[name.verdict]
    return f'<span class="chip quiet" title="{escape(title)}">{escape(text)}</span>'


def basis(name: CodewordName, found: Known) -> str:
    """What the action units of a name rest on."""
    if name.verdict is Verdict.CONFIRMED:
        return f"by shape, and confirmed by “{found.aus}”"
    if name.verdict is Verdict.BY_SHAPE:
        if found.estimate:
            return f"not confirmed: “{found.aus}” is an estimate from the same coefficients"
        return "not confirmed: no action units were measured in these data" if not found.aus else "not measured here"
    if name.verdict is Verdict.NOT_CONFIRMED:
        return f"looks like {' + '.join(u.label for u in name.rejected)}, which does not go with it in “{found.aus}”"
    return {
        Verdict.BEYOND_FACS: "no action unit moves the face like this",
        Verdict.CONTRAST: "a difference: no face can do it alone",
    }.get(name.verdict, "")


def sentence_words(number: int, found: Known) -> str:
    """How well the name and the sentence below it, by themselves, pick the codeword's moments; empty where the names
    were not checked on these data."""
    scores = found.checked.scores if found.checked is not None else None
    if scores is None or found.names[number].description.rest:
        return ""
    row = scores.sentence_of(number)
    if row is None:
        return "Name not scored: too few moments to pair, or it states no direction."
    words = picked_words(row["accuracy"], row["low"], row["high"])
    return (
        f"Name picks its moments in {words} ({count(row['pairs'])} pairs, {plural(int(row['subjects']), 'subject')}; "
        f"other names {percent(row['other_sentences'])}, its whole movement {percent(row['own_movement'])})."
    )


def score_words(number: int, found: Known) -> str:
    """How well a name held on the moments it was checked on; empty where it was not, or the codeword not shown."""
    scores = found.checked.scores if found.checked is not None else None
    row = scores.of(number) if scores is not None else None
    if scores is None or row is None:
        return ""
    where = "held-out moments" if scores.held_out else "moments (not proven to be new to the codebook)"
    interval = f" [{row['moved_low']:.2f}, {row['moved_high']:.2f}]" if row["moved_low"] == row["moved_low"] else ""
    return (
        f"Moved as named in {percent(row['moved_share'])} of {count(row['moments'])} {where} of "
        f"{count(row['subjects'])} subjects (AUROC {row['moved_auroc']:.2f}{interval} against moments without it)."
    )
