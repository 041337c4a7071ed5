"""What every page shares: its title, what data it stands on, and the guard against what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from dfe_core.artefact_names import DATASETS, MODELS, TOKENS, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.pose_leak import PoseLeak, stored_pose_leak
from dfe_core.expressions.pose_text import pose_leak_warning
from dfe_core.p_values import p_text
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.reports.document import Number
from dfe_core.tokens.statistics import STATISTICS

from .. import web
from ..data import artefact_cache, last_choice, people
from ..links import query_parameters
from ..theme.formatting import plural, text
from ..theme.palette import HEAT
from . import error_text, job_progress


def style() -> None:
    """The few rules that Streamlit's theme has no options for."""
    st.html(web.path("app.css"))


def header(title: str, subtitle: str = "", choice: artefact_cache.Choice | None = None) -> None:
    """The page's title with, at the right, model, dataset and whether the data is simulated or real."""
    note = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    st.html(
        f'<div class="dfe-head"><div><h1>{escape(title)}</h1>{note}</div>'
        f'<div class="dfe-badges">{_badges(choice)}</div></div>'
    )
    if choice is not None and (said := last_choice.notice()):
        st.warning(text(said), icon=":material/link_off:")
    if choice is not None and (warning := pose_leak_warning(pose_leak(choice))):
        st.warning(warning, icon=":material/3d_rotation:")
    if choice is not None and (count := sealed_count(choice)):
        st.caption(
            f":material/lock: Labels of {plural(count, 'recording')} are sealed for a test: they are shown nowhere and "
            "counted nowhere until `dfe unseal`."
        )


def sealed_count(choice: artefact_cache.Choice) -> int:
    """How many recordings of the chosen dataset have labels that are sealed."""
    if not choice.dataset:
        return 0
    try:
        return len(choice.open_dataset().sealed)
    except DataError:
        return 0


def facts(rows: Sequence[tuple[str, str, str] | tuple[str, str, str, str]]) -> None:
    """Label, value, a small remark and, where there is one, what the figure means, as a definition list."""
    st.html(f'<dl class="dfe-facts">{"".join(_cell(*row) for row in rows)}</dl>')


def headlines(numbers: Sequence[Number]) -> None:
    """Figures of a report: the main one large, the others beside it."""
    rows = [((number.label, number.value, number.detail, number.help), number.main) for number in numbers]
    main = "".join(_cell(*row) for row, first in rows if first)
    others = "".join(_cell(*row) for row, first in rows if not first)
    lead = f'<dl class="dfe-facts dfe-main">{main}</dl>' if main else ""
    row = figures_a_row(len(rows) - sum(first for _, first in rows))
    st.html(f'<div class="dfe-headlines" style="--row:{row}">{lead}<dl class="dfe-facts">{others}</dl></div>')


def figures_a_row(count: int) -> int:
    """How many figures a row holds at most, so that none of them stands alone in the last one: five in a row, more in
    rows of three or four of like length."""
    return max(count, 1) if count <= 5 else min(-(-count // 2), 4)


def _cell(label: str, value: str, note: str, *meaning: str) -> str:
    return (
        f"<div><dt>{escape(label)}{_meaning(label, *meaning)}</dt>"
        f"<dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
    )


def fact(name: str, value: str, note: str = "") -> tuple[str, str, str, str]:
    """A row of `facts` for one of `STATISTICS`, with its label and its definition."""
    return STATISTICS[name].label, value, note, STATISTICS[name].help


def _meaning(label: str, text: str = "") -> str:
    """The mark that says what a figure means to who points at it or reaches it by keyboard."""
    if not text:
        return ""
    return (  # a word joiner before it: the mark stays with the last word of its label
        f'&#8288;<span class="dfe-meaning" tabindex="0" role="note" title="{escape(text)}" '
        f'aria-label="{escape(f"{label}: {text}")}">?</span>'
    )


def colour_scale(words: str = "") -> None:
    """What the colours of the faces above mean: one scale for all pictures."""
    gradient = ", ".join(f"rgb({r},{g},{b})" for r, g, b in HEAT[::8].tolist())
    st.html(
        f'<p class="dfe-scale"><span>0</span><i style="background:linear-gradient(to right, {gradient})"></i>'
        f"<span>{SHARED_SCALE_MM:g} mm or more</span><span>{escape(words)}</span></p>"
    )


def table(
    data: Any,
    names: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    p_values: Mapping[str, frozenset[float]] | None = None,
    **options: Any,
) -> Any:
    """`st.dataframe` as all pages use it: without an index, a dash where nothing is known.

    names: the columns to show with their headings (default: all as they are). formats: how to print numbers, for the
    headings of several columns, apart by ``|``. p_values: headings of p and q, with those of their values that are
    bounds (`p_values.bounds`).
    """
    printed = {
        heading: st.column_config.NumberColumn(format=spec)
        for headings, spec in (formats or {}).items()
        for heading in headings.split("|")
    }
    shown = data if names is None else data[list(names)].rename(columns=names)
    columns = printed | options.pop("column_config", {})
    if p_values and len(shown):
        shown = shown.style.format({name: partial(_p_text, low) for name, low in p_values.items()})
    return st.dataframe(shown, hide_index=True, placeholder="–", column_config=columns, **options)


def _p_text(low: frozenset[float], value: float) -> str:
    return p_text(value, value in low)


def parts(label: str, options: Sequence[str], key: str, *, default: str | None = None, **more: Any) -> str:
    """The one of `options` that is chosen, here or by a link; `default`, else the first, where a link names none."""
    query_parameters.spell(key, options, *([more["format_func"]] if "format_func" in more else []))
    first = options[0] if default is None else default
    begin = None if st.session_state.pop(_turned(key), False) else first  # a value that was set takes no default
    chosen = st.segmented_control(label, options, default=begin, key=key, bind="query-params", required=True, **more)
    return chosen or first


def turn_to(key: str, part: str) -> None:
    """Choose one of `parts` by its key, before they are drawn."""
    if st.session_state.get(key) != part:
        st.session_state[key], st.session_state[_turned(key)] = part, True


def _turned(key: str) -> str:
    return f"{key}-turned"


def simulated(choice: artefact_cache.Choice) -> bool | None:
    """Whether the chosen dataset is simulated; None when there is none or it cannot be read."""
    if not choice.dataset:
        return None
    try:
        return choice.open_dataset().simulated
    except DataError:
        return None


def pose_leak(choice: artefact_cache.Choice) -> PoseLeak | None:
    """How far head pose explains expression in the chosen dataset; None where that was not measured."""
    if not choice.dataset:
        return None
    try:
        return stored_pose_leak(choice.open_dataset().manifest)
    except DataError:
        return None


@contextmanager
def guarded() -> Iterator[None]:
    """Show what is wrong as a sentence on the page; the trace of what nobody foresaw goes to the server's log.

    Streamlit runs a fragment's errors past its caller, so every fragment guards its own body; and it runs a fragment
    without the script around it, so that whoever has lost their role meanwhile is sent to the login page from here.
    """
    if not people.are_admitted():
        st.rerun()
    try:
        yield
    except DataError as error:
        st.error(error_text.sentence(error), icon=":material/error:")
        _offer_repair()
    except Exception as error:
        logging.getLogger(__name__).exception("a page could not be shown")
        of_a_file = isinstance(error, (OSError, EOFError)) or type(error).__module__.startswith("pyarrow")
        cause = (
            "a file of the cache could not be read; `dfe doctor` checks every artefact"
            if of_a_file
            else "a fault of the dashboard, not of your data, and nothing is lost: load the page again, and report it"
        )
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        st.error(f"This part could not be shown: {cause}. {text(said)}", icon=":material/error:")
        if of_a_file:
            _offer_repair()


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """A spinner in a place of its own.

    Streamlit gives a spinner the place of what is drawn next and puts it there from another thread, some tenths of a
    second later: where that comes second, the browser looks for the children of a spinner and the page stops.
    """
    with st.container(), st.spinner(words):
        yield


def _offer_repair() -> None:
    """Where it is the default codebook or its data that are broken, they can be made again; what is whole is kept."""
    choice = artefact_cache.chosen()
    if choice.model == artefact_cache.DEFAULT_MODEL and _broken(choice):
        job_progress.offer(
            "Rebuild the default codebook",
            "build-default",
            "Repairing the default codebook",
            ["build-default"],
            "The default codebook is whole again.",
            ":material/build:",
            kind="secondary",
        )


def _broken(choice: artefact_cache.Choice) -> bool:
    """Whether something of the default build is not there as it was written."""
    from dfe_core.workspace.catalogue import artefact_faults, find_artefact

    model, dataset = artefact_cache.DEFAULT_MODEL, artefact_cache.DEFAULT_DATASET
    labels = (f"{MODELS}/{model}", f"{DATASETS}/{dataset}", f"{TOKENS}/{tokens_name(model, dataset)}")
    try:
        return any(artefact_faults(find_artefact(label, choice.root)) for label in labels)
    except DataError:  # not there at all
        return True


def _badges(choice: artefact_cache.Choice | None) -> str:
    if choice is None or not choice.dataset:
        return ""
    kind = simulated(choice)
    parts = [f'<span class="dfe-badge">Codebook {escape(choice.model)}</span>'] if choice.model else []
    parts.append(f'<span class="dfe-badge">Data {escape(choice.dataset)}</span>')
    if kind is not None:
        parts.append(
            '<span class="dfe-badge simulated" title="No real face was recorded">Simulated data</span>'
            if kind
            else '<span class="dfe-badge real">Recordings</span>'
        )
    return "".join(parts)
