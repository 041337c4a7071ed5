"""The page of one syllable: its moving face, its codewords by phase, how long it lasts, who shows it, its moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.syllables import details
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet

from ..data import artefact_cache, film_stills, media, syllable_sets, thumbnails
from ..data.dictionary import Dictionary
from ..data.packs import pack
from ..links import query_parameters
from ..theme.formatting import count, percent, plural, text
from ..views import bars, browser_views, cards, syllable_figures
from . import exports, moment_strip, page_frame
from .moment_strip import MomentPicture

PHASE_COLOURS = {"Onset": "#E69F00", "Apex": "#4A74DB", "Offset": "#009E73"}


def show(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary, syllable: int) -> None:
    """Everything about one syllable."""
    face = choice.open_face()
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        if face.has_mesh:
            moving(found, face, syllable, syllable_sets.name_of(found, syllable, book))
            page_frame.colour_scale("how far each vertex moves from the neutral face")
        else:
            st.info("This face has no mesh here, so its movement cannot be drawn.", icon=":material/view_in_ar:")
    with right:
        key_facts(found, syllable)
        lasting(found, syllable)
        before_and_after(found, book, syllable)
    phases(choice, found, book, face, syllable)
    moments(choice, found, face, syllable)
    whose(choice, found, syllable)
    with st.expander("Export its movement", icon=":material/download:"):
        time_s, psi, _ = syllable_sets.movement_of(found, syllable)
        exports.of_movement(face, time_s, psi, f"{choice.model}-syllable-{syllable}", f"export-syllable-{syllable}")


def moving(found: SyllableSet, face: FaceModel, syllable: int, name: str) -> None:
    """The mean movement, with its phases below it."""
    time_s, psi, edges = syllable_sets.movement_of(found, syllable)
    data = pack({}, time=time_s.astype(np.float32), psi0=psi)
    browser_views.reel(
        key=f"syllable-reel-{syllable}",
        data={
            "reel": media.address(data, "application/octet-stream"),
            "height": 330,
            "alt": f"Syllable {syllable}, {name}, over onset, apex and offset: {edges[-1]:.2f} s",
            "faces": [{"face": media.face_address(face), "title": ""}],
            "tracks": _phase_tracks(edges),
        },
    )


def _phase_tracks(edges: np.ndarray) -> list[dict[str, Any]]:
    """A lane for each phase: it rises, stays, falls. edges: (4,) s."""
    onset, apex, release, end = (round(float(edge), 3) for edge in edges)
    shapes = {
        "Onset": (onset, apex, apex, apex),
        "Apex": (apex, apex, release, release),
        "Offset": (release, release, release, end),
    }
    return [
        {
            "label": f"{name} · {times[3] - times[0]:.2f} s",
            "onset": times[0],
            "apex": times[1],
            "offset": times[2],
            "end": times[3],
            "intensity": 0.9,
            "colour": PHASE_COLOURS[name],
        }
        for name, times in shapes.items()
    ]


def key_facts(found: SyllableSet, syllable: int) -> None:
    """The figures a reader wants first."""
    row = found.table.iloc[syllable]
    page_frame.facts(
        [
            (
                "Rate",
                f"{row['per_minute']:.2f}",
                f"a minute, {count(row['segments'])} in all",
                "Segments for each minute of all recordings.",
            ),
            ("Of the time", percent(row["share"]), "of all segments", "Share of the time that the syllable covers."),
            ("Lasts", f"{row['median_s']:.2f} s", "median", "From onset to the end of the offset."),
            ("People", str(int(row["people"])), "show it", "Subjects with a segment of it at least."),
        ]
    )


def before_and_after(found: SyllableSet, book: Dictionary, syllable: int) -> None:
    """What comes right before and after it."""
    st.subheader("Before and after", anchor=False)
    table = details.before_and_after(syllable_sets.successions_of(found, False), syllable)
    for column, direction in zip(st.columns(2), ("before", "after"), strict=True):
        rows = table[table["direction"] == direction].head(5)
        with column:
            st.caption(f"Right {direction}")
            bars.rows([_neighbour(found, book, row) for row in rows.to_dict("records")], f"Right {direction} it")


def _neighbour(found: SyllableSet, book: Dictionary, row: Mapping[Any, Any]) -> bars.Bar:
    name = syllable_sets.name_of(found, int(row["syllable"]), book)
    number = int(row["syllable"])
    return bars.Bar(
        label=str(number) if number else "Rest",
        value=row["share"],
        text=percent(row["share"]),
        note=f"{name}: {count(row['count'])} times, {row['lift']:.1f} × chance",
    )


def phases(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary, face: FaceModel, syllable: int) -> None:
    """Which codewords make it up, in each phase; each leads to its codeword."""
    st.subheader(
        "Codewords by phase",
        anchor=False,
        help="Share of the frames of each phase in which the codeword moves the face by 0.5 mm or more. The orange "
        "mark is its share at rest: what stands far beyond it belongs to the syllable. Ordered by how far they move "
        "the face beyond rest. Click a name for its codeword.",
    )
    rows = syllable_sets.codewords_of(found, syllable)
    if rows.empty:
        st.caption("No codeword moves the face by 0.5 mm more than at rest.")
        return
    numbers = rows["codeword"].astype(int).tolist()
    names = {k: cards.name_of(book.table.iloc[k]) for k in numbers}
    pictures = thumbnails.addresses(choice.root, choice.open_codebook(), face, numbers)
    links = {k: f"codebook?{urlencode(query_parameters.link(codeword=k))}" for k in numbers}
    st.html(syllable_figures.phase_table(rows, names, pictures, links))


def lasting(found: SyllableSet, syllable: int) -> None:
    """How long its segments last."""
    st.subheader("How long it lasts", anchor=False, help="Segments by duration; the last bar holds the longest 1 %.")
    table = syllable_sets.durations_of(found, syllable)
    if table.empty:
        st.caption("No segment.")
        return
    bars.columns(table, "segments", f"Duration of syllable {syllable}", "segment", "Seconds")


def whose(choice: artefact_cache.Choice, found: SyllableSet, syllable: int) -> None:
    """How often it is shown by each person, or in each value of a label."""
    dataset = choice.open_dataset()
    few = [name for name in dataset.labels if dataset.recordings[name].nunique() <= 12]
    st.subheader("Who shows it", anchor=False, help="Segments a minute; every person counts alike within a label.")
    by = st.segmented_control(
        "By",
        [*few, "subject"],
        default="subject",
        key="syllable_by",
        required=True,
        format_func=lambda name: text(name.capitalize()),
        label_visibility="collapsed",
    )
    table = syllable_sets.rates_of(found, dataset, syllable, by)
    table = table.sort_values("per_minute", ascending=False, kind="stable") if by == "subject" else table
    bars.rows([_rate(row) for row in table.to_dict("records")], f"Syllable {syllable} a minute by {by}")
    known = table["low"].notna().any()
    st.caption("Segments a minute" + ("; mean over subjects, intervals by bootstrap over subjects." if known else "."))


def _rate(row: Mapping[Any, Any]) -> bars.Bar:
    spread = f" ({row['low']:.2f} to {row['high']:.2f})" if np.isfinite(row["low"]) else ""
    return bars.Bar(
        label=row["value"],
        value=row["per_minute"],
        text=f"{row['per_minute']:.2f}",
        low=row["low"],
        high=row["high"],
        note=f"{row['value']}: {row['per_minute']:.2f} a minute{spread}, {plural(int(row['segments']), 'segment')} in "
        f"{row['minutes']:.1f} min, {plural(int(row['subjects']), 'subject')}",
    )


def moments(choice: artefact_cache.Choice, found: SyllableSet, face: FaceModel, syllable: int) -> None:
    """The segments nearest to its mean, as recorded; a click opens the recording there."""
    st.subheader("Moments", anchor=False, help="The segments whose face at the apex is nearest to the syllable's mean.")
    dataset = choice.open_dataset()
    rows, psi = syllable_sets.moments_of(found, dataset, syllable)
    if rows.empty:
        st.caption("No segment.")
        return
    moments = list(zip(rows["recording"].astype(str).tolist(), rows["peak_s"].astype(float).tolist(), strict=True))
    lasting_s, apart = (rows["end_s"] - rows["start_s"]).tolist(), rows["distance_mm"].tolist()
    stills = film_stills.addresses(dataset, moments)
    pictures = [
        MomentPicture(
            recording=name,
            peak_s=at,
            psi=values,
            note=f"{seconds:.2f} s",
            words=f"syllable {syllable}, {far:.2f} mm from its mean",
            still=still,
        )
        for (name, at), seconds, far, values, still in zip(moments, lasting_s, apart, psi, stills, strict=True)
    ]
    moment_strip.show(f"syllable-moments-{syllable}", face, pictures, dataset)
    st.caption("The recorded face at the middle of the apex. Click one to open the recording there.")


def table_of(found: SyllableSet, book: Dictionary) -> pd.DataFrame:
    """One row a syllable with its name, for the page's table and its download."""
    table = found.table.drop(columns=["description"])
    names = [syllable_sets.name_of(found, k, book) for k in range(found.count)]
    return table.assign(name=names).iloc[[*range(1, found.count), REST]]
