"""Which syllables are on show, and a search for others: how many, and how long."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.syllables.fitting import DURATIONS_S
from dfe_core.syllables.store import SyllableSet, SyllableSettings, open_syllables

from ..data import artefact_cache, job_manager, people, syllable_sets
from ..data.roles import Role
from ..links import query_parameters
from ..theme.formatting import plural
from ..views import bars
from . import job_progress

CHOSEN = "Chosen by held-out people"
DONE = "The syllables are found."


def key_of(choice: artefact_cache.Choice) -> str:
    """One search at a time for a model and dataset."""
    return f"syllables-{tokens_name(choice.model, choice.dataset)}"


def arguments(choice: artefact_cache.Choice, count: int, duration_s: float | None) -> list[str]:
    """The command that finds them."""
    line = ["syllables", choice.model, choice.dataset, "--count", str(count)]
    return line if duration_s is None else [*line, "--duration", f"{duration_s:g}"]


def form(choice: artefact_cache.Choice, shown: SyllableSet | None) -> None:
    """The search: it runs as a job, and what it finds is on show afterwards; what is known already at once."""
    settings = SyllableSettings() if shown is None else SyllableSettings(**shown.manifest["settings"])
    with st.form("syllables", border=False):
        a, b, c = st.columns([1.3, 1, 1], vertical_alignment="bottom")
        lengths = [CHOSEN, *(f"{s:g} s" for s in (0.25, *DURATIONS_S, 8.0))]
        given = None if settings.duration_s is None else f"{settings.duration_s:g} s"
        duration = a.selectbox(
            "Duration",
            lengths,
            index=lengths.index(given) if given in lengths else 0,
            key="syllables-duration",
            help="The mean duration of a syllable: short ones follow single movements, long ones whole displays. Left "
            "to held-out people, 0.5, 1, 2 and 4 s are tried and the one is taken that codes their frames in the "
            "fewest bits.",
        )
        count = b.number_input(
            "Syllables",
            1,
            200,
            settings.count,
            key="syllables-count",
            help="Beside rest. More than there are kinds of display split them by strength and by person.",
        )
        refused = people.refusal(Role.EDITOR)
        go = c.form_submit_button(
            "Find syllables",
            type="primary" if shown is None else "secondary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=job_manager.running(key_of(choice)) or bool(refused),
            help=refused or None,
            on_click=job_progress.forget,
            args=(key_of(choice),),
        )
    if go:
        _start(choice, int(count), None if duration == CHOSEN else float(duration.removesuffix(" s")))


def _start(choice: artefact_cache.Choice, count: int, duration_s: float | None) -> None:
    """Show these syllables where they are known, else find them."""
    asked = SyllableSettings(count=count, duration_s=duration_s)
    query_parameters.write(syllable=None, syllable_set=None)
    if (known := open_syllables(choice.open_tokens(), asked)) is not None:
        query_parameters.write(syllable_set=syllable_sets.key_of(known))
    else:
        job_manager.start(key_of(choice), f"Finding {plural(count, 'syllable')}", *arguments(choice, count, duration_s))
    st.rerun()


def pick(sets: list[SyllableSet]) -> SyllableSet:
    """The set that the link names, else the newest; a select box where there are several."""
    known = {syllable_sets.key_of(one): one for one in sets}
    wanted = query_parameters.read("syllable_set")
    if wanted is not None and wanted not in known:
        query_parameters.unusable("set of syllables", [wanted])
    shown = wanted if wanted in known else next(iter(known))
    if len(known) == 1:
        return known[shown]
    key = st.selectbox(
        "On show",
        list(known),
        index=list(known).index(shown),
        format_func=lambda one: syllable_sets.title_of(known[one]),
        key=f"syllable-set-{wanted}-{len(known)}",
    )
    if key != shown:
        query_parameters.write(syllable_set=key, syllable=None)
        st.rerun()
    return known[key]


def durations(found: SyllableSet) -> None:
    """Bits that a frame of held-out people takes by each duration that was tried."""
    if not found.durations:
        st.caption(
            f"The duration of {found.manifest['duration_s']:g} s was given, so that no others were compared. A search "
            f"with “{CHOSEN}” compares 0.5, 1, 2 and 4 s."
        )
        return
    table = pd.DataFrame([vars(one) for one in found.durations])
    chosen = found.manifest["duration_s"]
    bars.rows(
        [
            bars.Bar(
                label=f"{row['duration_s']:g} s{' · chosen' if row['duration_s'] == chosen else ''}",
                value=row["bits_per_frame"],
                text=f"{row['bits_per_frame']:.3f}",
                note=f"{row['duration_s']:g} s: {row['bits_per_frame']:.3f} bits a frame",
            )
            for row in table.to_dict("records")
        ],
        "Bits per frame of held-out people by duration",
    )
    st.caption(
        "Bits that a frame of people who were not fitted (a quarter) takes, given the frames before it: the fewer, the "
        "better these syllables predict what a face does next. Differences are small, and they are no evidence that a "
        "syllable means anything."
    )
