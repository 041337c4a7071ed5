"""Left against right: how far each side of a person's face moves, at rest and at the apex, and what has changed."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.asymmetry.change import RepeatsOf
from dfe_core.asymmetry.movements import MOVEMENTS
from dfe_core.asymmetry.person import REST, ApexFace, PersonFacts, SessionFacts, apex_faces, people_of, person_facts
from dfe_core.asymmetry.report import AsymmetryReport, newest_asymmetry_report
from dfe_core.faces.library import open_face
from dfe_core.reports.asymmetry_text import (
    ESTIMATES,
    MEASURES,
    MODEL_MM,
    NO_COURSE,
    NO_DEVICE,
    band_words,
    change_words,
    error_words,
    mean_words,
    movement_column,
    rest_words,
    session_words,
    sides_words,
)
from dfe_core.reports.document import Number
from dfe_core.spreadsheet import plain_table
from dfe_core.store import content_key

from ..data import artefact_cache, media
from ..links import query_parameters, routes
from ..panels import empty_states, job_progress, mixes, page_frame
from ..theme.formatting import clock, percent, text
from ..views import asymmetry_figures, browser_views, figures
from ..views.example_pictures import Picture

DOCS = "docs/asymmetry.md says how it is measured, from which sources, and what was tested."
RANGE_MM = 10.0
"""Displacement at the hot end of the faces' colours."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Asymmetry", "How far each side of a face moves, in mm, and what changes over sessions.", choice)
    if empty_states.ready(choice, needs_tokens=False):
        with page_frame.guarded():
            shown(choice)


def shown(choice: artefact_cache.Choice) -> None:
    """The person that the link names, or the first; or the button that measures."""
    dataset = choice.open_dataset()
    report = newest_asymmetry_report(dataset, choice.root)
    if report is None:
        with empty_states.example(
            Picture.PAIR,
            "Not measured yet",
            "Brow, lids, commissure, upper lip and pucker of every recording, on both sides, at rest and at the apexes "
            "of the movements. It takes seconds and needs no codebook.",
        ):
            offer(choice)
        st.caption(NO_DEVICE)
        return
    st.warning(NO_DEVICE, icon=":material/health_and_safety:")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        person = chosen_person(report)
    with right:
        session = chosen_session(person)
    headline(person, session)
    findings(person, session)
    faces(choice, report, session)
    a, b = st.columns(2, gap="large")
    with a:
        bars(person, session)
    with b:
        sessions(report, person)
    everybody(report)
    downloads(choice, report, person)
    st.caption(f"{MODEL_MM} {ESTIMATES} {DOCS}")


def offer(choice: artefact_cache.Choice) -> None:
    """The button that runs `dfe asymmetry`."""
    job_progress.offer(
        "Measure both sides",
        f"asymmetry-{content_key([choice.dataset], 12)}",
        "Measuring left against right",
        ["asymmetry", str(choice.dataset)],
        "Both sides are measured.",
        ":material/straighten:",
    )


def chosen_person(report: AsymmetryReport) -> PersonFacts:
    """Who is shown, by the link."""
    people = people_of(report)
    wanted = query_parameters.read("person")
    if wanted is not None and wanted not in people:
        query_parameters.unusable("person", [wanted])
    first = wanted if wanted in people else people[0]
    name = first
    if len(people) > 1:
        name = st.selectbox("Person", people, index=people.index(first), key=f"asymmetry-person-{first}")
        if name != first or wanted is not None:
            query_parameters.write(person=name)
    return person_facts(report, str(name))


def chosen_session(person: PersonFacts) -> SessionFacts:
    """Which session, by the link; the last one where it names none."""
    names = [one.session for one in person.sessions]
    if len(names) < 2:
        return person.latest
    name = page_frame.parts("Session", names, key="asymmetry_session", default=names[-1])
    return person.session(name) if name in names else person.latest


def headline(person: PersonFacts, session: SessionFacts) -> None:
    """The figures of a session."""
    v = session.values
    numbers = [
        Number(
            label="The weaker side moves",
            value=percent(v["mean_share"], 0),
            detail=sides_words(person, session),
            help="The weaker side's way as a share of the other side's: mean over brow, lid, smile and upper lip, as "
            "far as they are in the recordings. Healthy people are not at 100 % either.",
            main=True,
        ),
        Number(
            label="Commissure excursion",
            value=pair(v["commissure_excursion_left_mm"], v["commissure_excursion_right_mm"]),
            detail="mm, left / right",
            help="How far the corners of the mouth are from rest at the apex of a smile, in space.",
        ),
        Number(
            label="Eye left open",
            value=pair(v["lid_gap_left_open_left_mm"], v["lid_gap_left_open_right_mm"]),
            detail="mm, left / right",
            help="What is left between the lids at their closest, on the eye of the face model.",
        ),
        Number(
            label="Sunnybrook-like",
            value="–" if np.isnan(v["sunnybrook_like"]) else f"{v['sunnybrook_like']:.0f}",
            detail="estimate",
            help="Voluntary movement less resting asymmetry less synkinesis, after Ross et al. 1996; 100 is balanced. "
            + ESTIMATES,
        ),
        Number(
            label="eFACE-like",
            value="–" if np.isnan(v["eface_like"]) else f"{v['eface_like']:.0f}",
            detail="estimate",
            help="Mean of static, dynamic and synkinesis scores, after Banks et al. 2015; 100 is balanced. "
            + ESTIMATES,
        ),
    ]
    page_frame.headlines(numbers)


def pair(left: float, right: float) -> str:
    """``3.1 / 18.3``."""
    return " / ".join("–" if np.isnan(value) else f"{value:.1f}" for value in (left, right))


def findings(person: PersonFacts, session: SessionFacts) -> None:
    """What stands out, in sentences."""
    said = session_words(person, session)
    st.markdown("\n".join(f"- {text(one)}" for one in said))


def faces(choice: artefact_cache.Choice, report: AsymmetryReport, session: SessionFacts) -> None:
    """The resting face and the strongest apex of every movement."""
    face = open_face(report.manifest["face"], choice.root)
    st.subheader("At rest and at the apexes", anchor=False)
    found = apex_faces(report, choice.open_dataset(), session.recordings)
    data = {"face": media.face_address(face), "items": [item_of(one) for one in found], "range": RANGE_MM}
    key = f"asymmetry-faces-{content_key([*session.recordings], 10)}"
    picked = browser_views.strip(key=key, data=data, on_pick_change=lambda: None).pick
    st.caption(
        f"On the face model, not the person's own face; the left side is at the right of the picture. Colours end at "
        f"{RANGE_MM:g} mm. A click opens the recording there."
    )
    if picked is not None and picked < len(found) and found[picked].movement != REST:
        routes.go("recordings", recording=found[picked].recording, t=round(found[picked].time_s, 3))


def item_of(one: ApexFace) -> dict[str, Any]:
    """A face of the strip."""
    note = (
        rest_words(one)
        if one.movement == REST
        else f"left {one.left_mm:.1f}, right {one.right_mm:.1f} mm · {clock(one.time_s)}"
    )
    return {"psi": mixes.rounded(one.psi), "title": one.title, "note": note, "alt": f"{one.title}: {note}"}


def bars(person: PersonFacts, session: SessionFacts) -> None:
    """Both sides of every movement in mm."""
    st.subheader("Both sides of every movement", anchor=False)
    v = session.values
    rows = pd.DataFrame(
        [
            {
                "movement": m.title,
                "left_mm": v[f"{movement_column(m.name)}_left_mm"],
                "right_mm": v[f"{movement_column(m.name)}_right_mm"],
            }
            for m in MOVEMENTS
        ]
    ).dropna()
    if rows.empty:
        st.caption("No movement in these recordings reaches 1.5 mm on either side.")
        return
    alt = "; ".join(f"{r.movement} left {r.left_mm:.1f}, right {r.right_mm:.1f} mm" for r in rows.itertuples())
    figures.show(asymmetry_figures.side_bars(rows), f"asymmetry-bars-{person.subject}-{session.session}", alt)
    st.caption(mean_words(session))


def sessions(report: AsymmetryReport, person: PersonFacts) -> None:
    """A measure over the sessions of the person, with the smallest change that counts."""
    st.subheader("Over sessions", anchor=False)
    if len(person.sessions) < 2:
        st.caption(
            "There is one session of this person. With more of them a change is held against what repeats differ."
        )
        return
    names = [name for name in MEASURES if len(person.courses[name])]
    if not names:
        st.caption(NO_COURSE)
        return
    measure = st.selectbox(
        "Measure", names, format_func=lambda name: MEASURES[name][0], key="asymmetry_measure", bind="query-params"
    )
    title, unit, factor = MEASURES[measure]
    own = report.recordings[report.recordings["subject"].astype(str) == person.subject]
    each = pd.DataFrame({"session": own["session"].astype(str), "value": own[measure]}).dropna()
    band = band_words(report.errors[measure]).split(" (")[0].split(";")[0].capitalize()
    figure = asymmetry_figures.session_figure(person.courses[measure], each, unit, factor, band)
    figures.show(figure, f"asymmetry-course-{person.subject}-{measure}", f"{title} over sessions")
    st.markdown(text(change_words(person, measure)))
    st.caption(error_words(report.errors[measure]))


def everybody(report: AsymmetryReport) -> None:
    """One row per person, from the first to the last session."""
    people = people_of(report)
    if len(people) < 2:
        return
    st.subheader("Everybody", anchor=False)
    course = report.course("mean_share")
    if course.empty:
        st.caption("Of nobody enough movements are measured to compare the sides.")
        return
    by = course.groupby("subject", sort=False)
    last, first = by.tail(1).set_index("subject"), by.head(1).set_index("subject")
    sides = report.recordings.drop_duplicates("subject").set_index("subject")["weaker_side"]
    table = pd.DataFrame(
        {
            "Person": last.index,
            "Weaker side": sides.reindex(last.index).to_numpy(),
            "Sessions": by.size().reindex(last.index).to_numpy(),
            "First, %": 100 * first["value"].reindex(last.index).to_numpy(),
            "Last, %": 100 * last["value"].to_numpy(),
        }
    ).sort_values("Last, %")
    how = (
        "How far the side moves that is the weaker one over all recordings, in % of the other; 100 also where the "
        "other moves less in a session."
    )
    if table["Sessions"].max() < 2:
        page_frame.table(table.drop(columns="First, %"), formats={"Last, %": "%.0f"})
        st.caption(how)
        return
    last = last.reindex(table["Person"])
    table["Change, %"] = 100 * last["change"].to_numpy().round(2) + 0.0
    error = report.errors["mean_share"]
    if error.source == RepeatsOf.SESSION:
        table["Counts"] = last["counts"].to_numpy()
    elif error.source == RepeatsOf.APEXES:
        table["Apexes differ by, %"] = 100 * last["least"].to_numpy()
    page_frame.table(table, formats={"First, %|Last, %|Change, %|Apexes differ by, %": "%.0f"})
    counts = "A change counts where it is more than repeats differ."
    st.caption(f"{how} {counts if error.source == RepeatsOf.SESSION else error_words(error)}")


def downloads(choice: artefact_cache.Choice, report: AsymmetryReport, person: PersonFacts) -> None:
    """The tables, and the page of this person for print."""
    from dfe_core.reports.asymmetry import unprintable_names

    with st.container(horizontal=True):
        for label, table, name in (
            ("Recordings (CSV)", report.recordings, "recordings"),
            ("Movements (CSV)", report.movements, "movements"),
        ):
            st.download_button(
                label,
                plain_table(table).to_csv(index=False),
                f"asymmetry-{choice.dataset}-{name}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
        lost = unprintable_names(report, person)
        for suffix, mime in (("pdf", "application/pdf"), ("html", "text/html"))[bool(lost) :]:
            st.download_button(
                f"Page of {text(person.subject)} ({suffix.upper()})",
                partial(printed, report, person.subject, suffix, choice.root),
                f"asymmetry-{person.subject}.{suffix}",
                mime,
                icon=":material/print:",
                on_click="ignore",
            )
    if lost:
        st.caption(text(f"There is no PDF: no font of the server has {lost}. Print the page as HTML."))


def printed(report: AsymmetryReport, subject: str, suffix: str, root: Path | None) -> bytes:
    """The page of a person as a file."""
    from dfe_core.reports.asymmetry import write_person_page

    with tempfile.TemporaryDirectory(prefix="dfe-asymmetry-") as folder:
        pages = write_person_page(report, subject, Path(folder), root)
        return next(path for path in pages if path.suffix == f".{suffix}").read_bytes()
