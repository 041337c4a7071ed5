"""What every page shares: its title, what data it stands on, and the guard against what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import streamlit as st

from dashboard.components import shelf
from dfe_core.errors import DataError

_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 2.4rem 2.6rem 4rem; max-width: 1560px; }
[data-testid="stSidebarUserContent"] { padding-bottom: 1.5rem; }
[data-testid="stHeader"] { height: 2.2rem; min-height: 2.2rem; background: transparent; }
.dfe-head { display: flex; align-items: flex-end; gap: 1rem; flex-wrap: wrap; margin-bottom: .4rem; }
.dfe-head h1 { font-size: 1.9rem; font-weight: 650; letter-spacing: -.015em; padding: 0; margin: 0; line-height: 1.15; }
.dfe-head p { margin: .35rem 0 0; opacity: .8; }
.dfe-badges { display: flex; gap: .5rem; margin-left: auto; flex-wrap: wrap; justify-content: flex-end; }
.dfe-badge { border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 99px; font-size: .82rem;
  padding: .16rem .7rem; white-space: nowrap; }
.dfe-badge.simulated { background: #B45309; border-color: #B45309; color: #fff; font-weight: 600; }
.dfe-badge.real { background: #0B6E4F; border-color: #0B6E4F; color: #fff; font-weight: 600; }
.dfe-facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(86px, 1fr)); gap: .8rem 1rem; margin: .1rem 0 .3rem; padding: 0; }
.dfe-facts dt { font-size: .82rem; opacity: .8; margin: 0; }
.dfe-facts dd { font-size: 1.32rem; font-weight: 600; margin: 0; font-variant-numeric: tabular-nums; line-height: 1.3; }
.dfe-facts dd small { font-size: .82rem; font-weight: 400; opacity: .8; display: block; }
.st-key-rail { position: sticky; top: 2.6rem; align-self: flex-start; }
</style>"""


def style() -> None:
    """The few rules that Streamlit's theme has no options for."""
    st.html(_STYLE)


def header(title: str, subtitle: str = "", choice: shelf.Choice | None = None) -> None:
    """The page's title with, at the right, model, dataset and whether the data is simulated or real."""
    note = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    st.html(f'<div class="dfe-head"><div><h1>{escape(title)}</h1>{note}</div>'
            f'<div class="dfe-badges">{_badges(choice)}</div></div>')


def facts(rows: list[tuple[str, str, str]]) -> None:
    """Label, value and a small remark for each figure, as a definition list."""
    cells = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
                    for label, value, note in rows)
    st.html(f'<dl class="dfe-facts">{cells}</dl>')


def simulated(choice: shelf.Choice) -> bool | None:
    """Whether the chosen dataset is simulated; None when there is none or it cannot be read."""
    if choice.dataset is None:
        return None
    try:
        return shelf.dataset(choice.root, choice.dataset).simulated
    except DataError:
        return None


@contextmanager
def guarded() -> Iterator[None]:
    """Show what is wrong with data as a sentence on the page instead of a trace."""
    try:
        yield
    except DataError as error:
        st.error(f"**{error.where}**: {error.found}." + (f" Expected: {error.expected}." if error.expected else ""),
                 icon=":material/error:")


def _badges(choice: shelf.Choice | None) -> str:
    if choice is None or choice.dataset is None:
        return ""
    kind = simulated(choice)
    parts = [f'<span class="dfe-badge">Codebook {escape(choice.model)}</span>'] if choice.model else []
    parts.append(f'<span class="dfe-badge">Data {escape(choice.dataset)}</span>')
    if kind is not None:
        parts.append('<span class="dfe-badge simulated" title="Made by dfe simulate: no real person was recorded">'
                     "Simulated data</span>" if kind else '<span class="dfe-badge real">Real recordings</span>')
    return "".join(parts)
