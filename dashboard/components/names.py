"""What codewords are called by all that is known: checked on this data, held against its coverage, or by shape."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from dfe_core.artefact_names import CODEWORD_NAMES, MANIFEST, keyed_name
from dfe_core.errors import DataError
from dfe_core.facs.action_units import ACTION_UNITS
from dfe_core.facs.codeword_names import CodewordName, NamedActionUnit, Verdict, name_codewords
from dfe_core.facs.name_scores import CheckedNames, load_checked, scores_key
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.store import artefact_path

from . import artefact_cache, coverage_view, jobs
from .words import count, percent


@dataclass(frozen=True, eq=False, kw_only=True)
class Known:
    """Names of the K codewords; checked: on this data, None where that was not done; aus: what their action units were
    held against, empty for shape alone; estimate: whether those are estimates from the same coefficients."""

    names: tuple[CodewordName, ...]
    checked: CheckedNames | None = None
    aus: str = ""
    estimate: bool = False


def known(choice: artefact_cache.Choice) -> Known:
    """The names as they are known now: checked ones first, measured action units before estimates."""
    codebook = artefact_cache.codebook(choice.root, choice.model)
    if choice.encoded:
        for aus in _measured_first(choice):
            key = _key(choice, aus)
            if (artefact_path("analyses", keyed_name(CODEWORD_NAMES, key), choice.root) / MANIFEST).is_file():
                checked = _checked(key, codebook, choice)
                return Known(names=checked.names, checked=checked, aus=checked.aus, estimate=checked.estimate)
        for aus in _measured_first(choice)[:-1]:
            if (found := coverage_view.analysis(choice, aus)) is not None:
                return Known(
                    names=_against(found.coverage.key, codebook.key, codebook, found),
                    checked=None,
                    aus=aus,
                    estimate=found.coverage.estimate,
                )
    return Known(names=_by_shape(codebook.key, codebook.face_id, codebook, choice))


def offer_check(choice: artefact_cache.Choice) -> None:
    """The button that checks the names on held-out moments, where it has not been done."""
    aus = _measured_first(choice)[0]
    jobs.offer(
        "Check the names on held-out moments",
        f"names-{choice.model}-{choice.dataset}",
        "Checking names",
        ["names", choice.model, choice.dataset, *(["--aus", aus] if aus else [])],
        "The names have been checked.",
        ":material/fact_check:",
        "tertiary",
    )


def chips(name: CodewordName, found: Known) -> str:
    """The marks below a codeword's heading, as HTML: action units with their strength, or why there are none."""
    units = "".join(_chip(unit) for unit in name.in_facs_order)
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
        estimates = " (estimates from the same coefficients)" if found.estimate else ""
        return f"by shape, and confirmed by “{found.aus}”{estimates}"
    if name.verdict is Verdict.BY_SHAPE:
        return "by shape alone"
    if name.verdict is Verdict.NOT_CONFIRMED:
        return f"looks like {' + '.join(u.label for u in name.rejected)}, which does not go with it in “{found.aus}”"
    return {
        Verdict.BEYOND_FACS: "no action unit moves the face like this",
        Verdict.CONTRAST: "a difference: no face can do it alone",
    }.get(name.verdict, "")


def score_words(number: int, found: Known) -> str:
    """How well a name held on the moments it was checked on; empty where it was not, or the codeword not shown."""
    row = found.checked.scores.of(number) if found.checked is not None else None
    if row is None:
        return ""
    where = "held-out moments" if found.checked.scores.held_out else "moments (not proven to be new to the codebook)"
    interval = f" [{row['moved_low']:.2f}, {row['moved_high']:.2f}]" if row["moved_low"] == row["moved_low"] else ""
    return (
        f"Moved as named in {percent(row['moved_share'])} of {count(row['moments'])} {where} of "
        f"{count(row['subjects'])} subjects (AUROC {row['moved_auroc']:.2f}{interval} against moments without it)."
    )


def _measured_first(choice: artefact_cache.Choice) -> list[str]:
    """Names of action units of the dataset, estimates last, then none."""
    names = list_aligned(choice.dataset, choice.root) if choice.dataset else []
    usable = []
    for name in names:
        try:
            usable.append((AlignedAus.open(choice.dataset, name, choice.root).estimate, name))
        except DataError:  # the Coverage page says what is wrong with it
            continue
    return [*(name for _, name in sorted(usable)), ""]


def _key(choice: artefact_cache.Choice, aus: str) -> str:
    aligned = AlignedAus.open(choice.dataset, aus, choice.root) if aus else None
    tokens = artefact_cache.tokens(choice.root, choice.model, choice.dataset)
    return scores_key(
        artefact_cache.codebook(choice.root, choice.model),
        tokens,
        artefact_cache.dataset(choice.root, choice.dataset),
        aligned,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _checked(key: str, _codebook, _choice: artefact_cache.Choice) -> CheckedNames:
    return load_checked(key, _codebook, _choice.root)


@st.cache_resource(max_entries=8, show_spinner=False)
def _against(key: str, codebook_key: str, _codebook, _found) -> tuple[CodewordName, ...]:
    return tuple(name_codewords(_codebook.psi, _found.inputs.face, pairs=_found.coverage.pairs))


@st.cache_resource(max_entries=8, show_spinner=False)
def _by_shape(key: str, face_id: str, _codebook, _choice: artefact_cache.Choice) -> tuple[CodewordName, ...]:
    return tuple(name_codewords(_codebook.psi, artefact_cache.face(_choice.root, face_id)))
