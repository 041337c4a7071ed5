"""One recording over time: its tokens, and the face they rebuild beside the face that was recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.channels.measures import CHANNEL_MEASURES
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.store import AlignedAus, list_aligned, measured_first
from dfe_core.ontology import action_label
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.statistics import STATISTICS
from dfe_core.tokens.usage import recording_usage

from ..data import artefact_cache, films, media, people, syllable_sets, thumbnails, tracks
from ..data.dictionary import dictionary
from ..data.roles import Role
from ..links import query_parameters, routes
from ..links.numbers import whole
from ..panels import empty_states, event_sets, page_frame, study_exports
from ..selection import codeword_filter, codeword_selection, frame_selection
from ..theme.formatting import clock, count, mm, plural, span, text
from ..views import bars, browser_views, cards, figures

LABELS = 4
"""Labels of a recording that its line shows; the others show when asked."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Recordings", "What was recorded, what its tokens rebuild, and which tokens do it.", choice)
    if choice.faceless and list_aligned(choice.dataset, choice.root):
        alone(choice)
    elif empty_states.ready(choice):
        watch(choice)


@st.fragment
def alone(choice: artefact_cache.Choice) -> None:
    """Action units of one recording over time, where there is no face."""
    with page_frame.guarded():
        dataset = choice.open_dataset()
        names = measured_first(choice.dataset, choice.root)
        box, tool, labels = st.columns([2, 1, 2], vertical_alignment="bottom")
        with box:
            name = pick(choice, dataset.recordings)
        aus = AlignedAus.open(choice.dataset, tool.selectbox("Action units from", names), choice.root)
        with labels:
            row = dataset.recordings[dataset.recordings["recording"] == name].iloc[0]
            st.caption(facts_lines(row, dataset.labels)[0])
        part = aus.recording(name)
        if not len(part.frame):
            st.caption("No action units of this recording.")
            return
        time_s = dataset.frames(name).at(part.frame).time_s
        titles = [action_label(au, side) for au, side in aus.aus]
        figures.show(
            figures.over_time(time_s, part.level, titles), "aus-over-time", f"Action units of {name} over time"
        )
        st.caption(
            "Intensity 0 to 5, or five times the probability where the tool gives no intensity. There is no face."
        )


def pick(choice: artefact_cache.Choice, recordings: pd.DataFrame) -> str:
    """The recording on show: from the link, else the first; a select box that the link follows."""
    names = recordings["recording"].tolist()
    wanted = query_parameters.read("recording")
    if wanted is not None and wanted not in names:
        empty_states.page_missing(f"“{choice.dataset}” has no recording “{text(wanted)}”.")
    rows = {str(row["recording"]): row for _, row in recordings.iterrows()}

    def describe(name: str) -> str:
        row = rows[name]
        who = f" · {row['subject']}" if row["subject"] and row["subject"] not in name else ""
        return f"{name}{who} · {span(row['duration_s'])}"

    name = st.selectbox(
        "Recording",
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=describe,
        key=f"pick-{choice.dataset}-{wanted}",
    )
    if name != (wanted if wanted in names else names[0]):
        query_parameters.write(recording=name, t=None, part=None)
        query_parameters.rerun_fragment()
    return name


@st.fragment
def watch(choice: artefact_cache.Choice) -> None:
    """The chosen recording: scrubbing and playing happen in the browser, choosing reruns this alone."""
    with page_frame.guarded():
        dataset = choice.open_dataset()
        box, labels = st.columns([2, 3], vertical_alignment="bottom")
        with box:
            name = pick(choice, dataset.recordings)
        row = dataset.recordings[dataset.recordings["recording"] == name].iloc[0]
        with labels:
            shown, rest = facts_lines(row, dataset.labels)
            st.caption(shown, help=rest or None)
        try:
            recording(choice, dataset, name)
        except DataError:  # of what is excluded, perhaps: it can be counted again
            event_sets.of_recording(dataset, name)
            raise


def recording(choice: artefact_cache.Choice, dataset: Dataset, name: str) -> None:
    """Player and summary of a recording."""
    tokens = choice.open_tokens()
    codebook = choice.open_codebook()
    face = choice.open_face()
    part = whole(query_parameters.read("part")) or 0
    track = tracks.track(dataset, tokens, codebook, face, name, part, tracks.aus_beside(dataset))
    if track.parts > 1:
        choose_part(track)
    codeword_selection.bar(choice, "recordings")
    if face.has_mesh:
        play(choice, dataset, track, name, codebook, face)
    else:
        st.info(
            f"“{face.title or face.id}” has no mesh here: the faces cannot be drawn, tokens and errors can.",
            icon=":material/view_in_ar:",
        )
    event_sets.of_recording(dataset, name)
    summary(choice, name, track, face.has_mesh)
    study_exports.of_recordings(choice, name)


def facts_lines(row: pd.Series, labels: tuple[str, ...]) -> tuple[str, str]:
    """Frames, rate and the first labels in one line; the other labels, which questionnaires have by the dozen,
    to be shown when asked."""
    parts = [f"{count(row['frames'])} frames at {row['fps']:g} a second"]
    if row["valid_frames"] < row["frames"]:
        parts.append(f"{count(row['frames'] - row['valid_frames'])} not valid")
    known = [f"{text(label)}: {text(row[label])}" for label in labels if pd.notna(row[label])]
    shown, rest = (known, []) if len(known) <= LABELS + 1 else (known[:LABELS], known[LABELS:])
    more = [f"{len(rest)} more labels"] if rest else []
    return " · ".join([*parts, *shown, *more]), "  \n".join(rest)


def choose_part(track: tracks.Track) -> None:
    """Long recordings come in parts."""
    part = st.segmented_control(
        "Part",
        range(track.parts),
        default=track.part,
        required=True,
        format_func=lambda p: f"Part {p + 1}",
        key=f"part-{track.part}",
    )
    if part != track.part:
        query_parameters.write(part=part, t=None)
        query_parameters.rerun_fragment()


_PLAYER = ("on_at_change", "on_open_change", "on_exclude_change")


def play(
    choice: artefact_cache.Choice, dataset: Dataset, track: tracks.Track, name: str, codebook: Codebook, face: FaceModel
) -> None:
    """The player; it tells where it rests, and that goes into the link."""
    used = np.unique(track.tokens)
    pictures = thumbnails.addresses(choice.root, codebook, face, used.tolist())
    stages = query_parameters.read("stages")
    on_map = frame_selection.shown_on(choice)
    marked = np.array([]) if on_map is None else frame_selection.times_in(choice, on_map, name)
    marked = marked[(marked >= track.time_s[0]) & (marked <= track.time_s[-1])] if len(track.time_s) else marked
    data = {
        "face": media.face_address(face),
        "codebook": media.codebook_address(codebook),
        "name": name,
        "recording": media.address(track.data, "application/octet-stream"),
        "at": codeword_filter.nearest_frame(track.time_s, query_parameters.read("t")),
        "stages": whole(stages) or codebook.stages,
        "items": cards.chips(dictionary(choice).table.iloc[used], pictures),
        "from": choice.from_mm,
        "height": 380,
        "chosen": codeword_selection.read(choice),
        "look": "player",
        "marks": codeword_filter.nearest_frames(track.time_s, marked).tolist(),
        "bands": [*event_sets.bands(dataset, name), *syllable_sets.bands(choice, name)],
        "excludes": people.may(Role.EDITOR),
        "film": film_data(dataset, name, track),
    }
    told = browser_views.player(key=f"player-{name}-{track.part}", data=data, **dict.fromkeys(_PLAYER, lambda: None))
    if told.exclude:
        event_sets.exclude_drawn(dataset, name, told.exclude)
        query_parameters.rerun_fragment()
    if told.at:
        depth = int(told.at["stages"])
        query_parameters.write(recording=name, t=told.at["t"], stages=depth if depth < codebook.stages else None)
    if (second := query_parameters.read("t")) and not codeword_filter.is_within(track.time_s, second):
        query_parameters.unusable("second", [second])
    if told.at is not None or query_parameters.read("t"):
        row = codeword_filter.nearest_frame(track.time_s, query_parameters.read("t"))
        here = sorted({int(k) for k in track.tokens[row] if k})
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Select this frame’s codewords",
                icon=":material/checklist:",
                on_click=codeword_selection.write,
                args=(choice, here),
                disabled=not here,
            )
            routes.link("find", "Find faces like this", example=f"{name}@{track.time_s[row]:.3f}")
            if (
                on_map is not None
                and (point := frame_selection.nearest_point(on_map, name, track.time_s[row])) is not None
            ):
                frame_selection.link(on_map, "Show on the map", point=point)
    if on_map is not None and len(marked):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{plural(len(marked), 'frame')} of the map’s selection marked on the timeline", width="content")
            frame_selection.link(on_map, "Back to the selection", frames=query_parameters.read("frames"))
    if told.open is not None:
        routes.go("codebook", codeword=int(told.open))


def film_data(dataset: Dataset, name: str, track: tracks.Track) -> dict[str, Any] | None:
    """The recording's video for the player; None where it has none."""
    with st.spinner("Reading the video for the first time…", show_time=True):
        film = films.film_of(dataset, name)
    return None if film is None else films.film_data(dataset, name, film, track.frame)


def summary(choice: artefact_cache.Choice, name: str, track: tracks.Track, has_mesh: bool) -> None:
    """What else moves, error after each stage, and the codewords of this recording."""
    st.subheader("This recording as a whole", anchor=False)
    beside(track)
    left, right = st.columns([1, 1.6], gap="medium")
    mean = np.sqrt((track.error_mm.astype(np.float64) ** 2).mean(0))
    with left:
        st.caption("Error after each stage" + ("" if has_mesh else ", in coefficients"))
        unit = mm if has_mesh else "{:.2f}".format
        shown = bars.until_it_stays([unit(float(e)) for e in mean])
        bars.rows(
            [bars.Bar(label=str(i + 1), value=float(mean[i]), text=unit(float(mean[i]))) for i in range(shown)],
            "Root mean square error of this recording after each stage",
        )
        if shown < len(mean):
            st.caption(f"… to {len(mean)}: {unit(float(mean[-1]))}")
    with right:
        st.caption(f"Codewords it uses most, from {choice.from_mm:g} mm", help=STATISTICS["share_of_frames"].help)
        page_frame.table(
            most_used(choice, name, dictionary(choice).table),
            height=300,
            column_config={
                "Share of frames": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
                "Codeword": st.column_config.LinkColumn(display_text=r"codeword=(\d+)", width="small"),
            },
        )


def beside(track: tracks.Track) -> None:
    """Measures of head, gaze, eyelids, jaw and tracking, and what the lanes of the timeline are."""
    known = [(m, v) for m, v in zip(CHANNEL_MEASURES.values(), track.measures, strict=True) if np.isfinite(v)]
    if not known:
        return
    with st.expander("Head, gaze, blinks, speech and tracking of this recording"):
        page_frame.table(
            pd.DataFrame([(m.text.capitalize(), v, m.unit) for m, v in known], columns=["Measure", "Value", "Unit"]),
            column_config={"Value": st.column_config.NumberColumn(format="%.3g")},
        )
        st.caption(
            "On the timeline: turns about the median of the recording; blinks and stretches in which the jaw moves as "
            "in speech are marked. That is estimated from the jaw: laughter looks alike. A voice, where there is a "
            "measure of it, is heard in the sound of the video, whoever’s it is."
        )


def most_used(choice: artefact_cache.Choice, recording: str, table: pd.DataFrame) -> pd.DataFrame:
    """The codewords in most frames of a recording, counted as everywhere, with the time they are first seen."""
    found = recording_usage(choice.open_intervals(), recording).head(20)
    base = "codebook?" + "".join(f"{k}={v}&" for k, v in query_parameters.link().items())
    return pd.DataFrame(
        {
            "Codeword": [f"{base}codeword={k}" for k in found["codeword"]],
            "Movement": [cards.name_of(table.iloc[int(k)]) for k in found["codeword"]],
            "Share of frames": found["share_of_frames"].to_numpy(),
            "First seen": [clock(s) for s in found["first_s"]],
        }
    )
