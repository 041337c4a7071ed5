"""Codewords and frames laid out by likeness, linked to everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.embedding.maps import METHOD_NAMES, METHODS, MapArtefact, MapSettings, build_map, open_map

from ..data import artefact_cache, media, thumbnails
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..links.numbers import whole
from ..panels import empty_states, job_progress, page_frame
from ..selection import codeword_filter, codeword_selection, frame_selection
from ..theme.formatting import clock, plural, text
from ..views import browser_views, cards, map_view
from ..views.example_pictures import Picture

MOST_AT_ONCE = 400_000
"""Frames up to which a page makes the map by PCA itself."""
RECORDINGS = 4
"""Recordings of the frames drawn around that are named, those with most first."""
MOST_USED = 6
"""Codewords that are selected where nothing is and the button is clicked."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Map", "Points near each other are similar.", choice)
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """Settings, map, and what is selected on it."""
    with page_frame.guarded():
        settings, colour = choose(choice)
        found = open_map(settings, choice.root)
        if found is None:
            if not at_once(choice, settings):
                offer(settings)
                return
            if settings.method != "pca":
                offer_beside_pca(settings)
            settings = replace(settings, method="pca")
            with st.spinner("Drawing a first picture by PCA"):
                found = build_map(settings, root=choice.root, face=choice.open_face())
        left, right = st.columns([2.1, 1], gap="medium")
        with left:
            draw(choice, found, settings, colour)
        with right:
            if settings.of == "codewords":
                selected_codewords(choice)
            else:
                selected_frames(choice, found)


def choose(choice: artefact_cache.Choice) -> tuple[MapSettings, str]:
    """What is mapped, by what, how, and how it is coloured: all in the link."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        of = page_frame.parts(
            "Points", list(map_view.BY), key="of", default="codewords", format_func=str.capitalize, width="content"
        )
        query_parameters.spell(f"by_{of}", list(map_view.BY[of]), lambda name: map_view.BY[of][name])
        by = st.selectbox(
            "Near each other by",
            list(map_view.BY[of]),
            key=f"by_{of}",
            bind="query-params",
            format_func=lambda name: map_view.BY[of][name],
            width=235,
        )
        query_parameters.spell("method", METHODS, METHOD_NAMES.__getitem__)
        method = st.selectbox(
            "Method",
            METHODS,
            key="method",
            bind="query-params",
            format_func=METHOD_NAMES.__getitem__,
            width=150,
            help="UMAP keeps neighbours together; PCA keeps large distances and is the plain baseline. umap-learn is "
            "the authors' package: the same graph, several times as long.",
        )
        dimensions = st.selectbox("Dimensions", [2, 3], key="dimensions", bind="query-params", width=110)
        colours, capital = map_view.colours(choice, of), lambda name: name[:1].upper() + name[1:]
        query_parameters.spell(f"colour_{of}", colours, capital)
        colour = st.selectbox(
            "Colour",
            colours,
            key=f"colour_{of}",
            bind="query-params",
            format_func=capital,
            width=230,
        )
    needs_data = of == "frames" or by == "cooccurrence"
    return MapSettings(
        model=choice.model,
        dataset=choice.dataset if needs_data else "",
        of=of,
        by=by,
        method=method,
        dimensions=dimensions,
    ), colour


def offer(settings: MapSettings) -> None:
    """The map has not been made: say how long it takes and make it in the background."""
    with empty_states.example(
        Picture.MAP, "This map has not been made yet", "Maps are made once, with a seed, and kept."
    ):
        make(settings)


def offer_beside_pca(settings: MapSettings) -> None:
    """The same above a first picture, the map by PCA."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"The map by {METHOD_NAMES[settings.method]} has not been made yet. Below is the one by PCA.")
        make(settings)


def make(settings: MapSettings) -> None:
    """The button that makes the map in the background, and its progress."""
    job_progress.offer(
        "Make the map",
        job_key(settings),
        "Making a map",
        job_arguments(settings),
        "The map is ready.",
        ":material/scatter_plot:",
    )


def at_once(choice: artefact_cache.Choice, settings: MapSettings) -> bool:
    """Whether the page itself makes the map by PCA, which takes a second or two, to look at until another is made."""
    return not settings.needs_tokens or choice.open_tokens().frames <= MOST_AT_ONCE


def job_key(settings: MapSettings) -> str:
    """The key of the job that makes a map."""
    names = (settings.model, settings.dataset, settings.of, settings.by, settings.method, settings.dimensions)
    return "-".join(["map", *map(str, names)])


def job_arguments(settings: MapSettings) -> list[str]:
    """The command that makes a map."""
    data = [settings.dataset] if settings.dataset else []
    return [
        *("map", settings.model, *data),
        *("--of", settings.of, "--by", settings.by),
        *("--method", settings.method, "--dimensions", str(settings.dimensions)),
    ]


def draw(choice: artefact_cache.Choice, found: MapArtefact, settings: MapSettings, colour: str) -> None:
    """The map itself, and what it says of itself."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    face = choice.open_face()
    if settings.of == "codewords":
        colouring = map_view.codeword_colours(choice, table.iloc[found.points["codeword"]], colour)
        points, words = map_view.codeword_points(found, table)
        extra: dict[str, Any] = {
            "words": words,
            "selected": codeword_selection.read(choice),
            "codebook": media.codebook_address(codebook),
        }
    else:
        dataset = choice.open_dataset()
        colouring = map_view.frame_colours(choice, found, table, colour)
        points = map_view.frame_points(str(found.path), dataset.key, found, dataset, table)
        extra = {
            "inside": map_view.inside(frame_selection.read(choice, found), len(found.points)),
            "point": whole(query_parameters.read("point")),
        }
    data = map_view.view_data(
        colouring,
        points=media.address(points, "application/octet-stream"),
        face=media.face_address(face) if face.has_mesh else None,
        model=codebook.model,
        alt=f"Map of {len(found.points)} {settings.of}, coloured by {colour}",
        **extra,
    )
    browser_views.scatter(
        key=f"map-{settings.of}",
        data=data,
        on_pick_change=lambda: picked(choice, settings.of),
        on_select_change=lambda: drawn_around(choice, settings.of, found if settings.of == "frames" else None),
    )
    st.caption(
        text(map_view.caption(found)),
        help="  \n".join(text(part) for part in (colouring.about, found.statement) if part),
    )


def picked(choice: artefact_cache.Choice, of: str) -> None:
    """A point was clicked: select it alone, or with Ctrl beside the others."""
    point = st.session_state[f"map-{of}"].pick
    if point is None:
        return
    if of == "frames":
        frame_selection.write(choice, point=point["point"])
    elif point["add"]:
        codeword_selection.toggle(choice, int(point["id"]))
    else:
        codeword_selection.write(choice, [int(point["id"])])


def drawn_around(choice: artefact_cache.Choice, of: str, found: MapArtefact | None = None) -> None:
    """Points were drawn around; of a map of frames, `found`, they stand in the link."""
    points = st.session_state[f"map-{of}"].select
    if points is None:
        return
    if found is None:
        codeword_selection.write(choice, [int(k) for k in points])
    else:
        frame_selection.select(choice, found, [int(row) for row in points if 0 <= int(row) < len(found.points)])


def selected_codewords(choice: artefact_cache.Choice) -> None:
    """The selected codewords: the last one in 3D, all as cards; a click on a card shows it."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    face = choice.open_face()
    found = codeword_selection.bar(choice, "map")
    if not found:
        with empty_states.example(
            Picture.CODEWORDS,
            "Nothing is selected",
            "Hover a point to see its face, click it to select it (with Ctrl beside others), or draw around "
            "several with the lasso or the box. Gallery, coverage and timeline show the same selection.",
            narrow=True,
        ):
            if most := most_used(choice):
                st.button(
                    "Select the codewords used most",
                    icon=":material/checklist:",
                    on_click=codeword_selection.write,
                    args=(choice, most),
                )
        return
    if face.has_mesh:
        browser_views.morph(
            key="map-look",
            data={
                "face": media.face_address(face),
                "codebook": media.codebook_address(codebook),
                "codeword": found[-1],
                "model": codebook.model,
                "height": 270,
                "alt": f"Codeword {found[-1]}: {cards.sentence_of(table.iloc[found[-1]])}",
            },
        )
    pictures = thumbnails.addresses(choice.root, codebook, face, found)
    data = {
        "items": [cards.card(table.iloc[k], pictures.get(k)) for k in found],
        "selected": found[-1],
        "model": codebook.model,
        "face": media.face_address(face) if face.has_mesh else None,
        "codebook": media.codebook_address(codebook),
        "narrow": True,
        "label": "Selected codewords",
    }
    with st.container(height=330 if len(found) > 4 else "content", border=False):
        browser_views.gallery(
            key="map-chosen", data=data, on_pick_change=lambda: None, on_toggle_change=lambda: taken_out(choice)
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        routes.link("codebook", "Gallery", only=True)
        routes.link("coverage", "Coverage")
        routes.link("recordings", "Timeline")


def most_used(choice: artefact_cache.Choice) -> list[int]:
    """The codewords in most frames of the chosen data."""
    found = codeword_filter.matching(dictionary(choice).table, codeword_filter.Filter(used_only=True))
    return [int(k) for k in found[:MOST_USED]]


def taken_out(choice: artefact_cache.Choice) -> None:
    """A card was clicked with Ctrl."""
    if (number := st.session_state["map-chosen"].toggle) is not None:
        codeword_selection.toggle(choice, int(number))


def selected_frames(choice: artefact_cache.Choice, found: MapArtefact) -> None:
    """The frames that are selected on the map."""
    rows, point = frame_selection.read(choice, found), whole(query_parameters.read("point"))
    frame_selection.bar(choice, found, rows)
    if query_parameters.read("point") and (point is None or point >= len(found.points)):
        query_parameters.unusable("point", [str(query_parameters.read("point"))])
    if rows:
        several_frames(choice, found.points.iloc[rows])
    elif point is not None and point < len(found.points):
        one_frame(choice, found.points.iloc[point])
    else:
        if query_parameters.read("frames"):
            st.caption(
                ":material/link_off: The frames of this link were drawn around on another map: it was made again "
                "since, or has other settings."
            )
        with empty_states.example(
            Picture.PAIR,
            "Nothing is selected",
            "Hover a point to see its face, click it to see it large, or draw around several with lasso or box.",
            narrow=True,
        ):
            frame_selection.link(found, "Show one of them", point=0)


def one_frame(choice: artefact_cache.Choice, row: pd.Series) -> None:
    """A frame in 3D, and a way to its recording."""
    st.subheader(f"{text(row['recording'])} at {clock(row['time_s'])}", anchor=False)
    face = choice.open_face()
    frames = choice.open_dataset().frames(row["recording"])
    psi = frames.at([int(row["frame"])]).psi[0]
    if face.has_mesh:
        browser_views.morph(
            key="map-face",
            data={
                "face": media.face_address(face),
                "psi": [round(float(v), 4) for v in psi],
                "title": f"{row['recording']}, {clock(row['time_s'])}",
                "height": 300,
                "alt": f"The face of {row['recording']} at {clock(row['time_s'])}",
            },
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        routes.link(
            "recordings", "Open the recording here", recording=row["recording"], t=round(float(row["time_s"]), 3)
        )
        routes.link("find", "Find faces like this", example=f"{row['recording']}@{row['time_s']:.3f}")


def several_frames(choice: artefact_cache.Choice, points: pd.DataFrame) -> None:
    """Frames drawn around: how many, of whom, their strongest codewords, and a few of their faces."""
    st.subheader(plural(len(points), "frame"), anchor=False)
    st.caption(f"From {plural(points['recording'].nunique(), 'recording')}. Their strongest codewords:")
    table = dictionary(choice).table
    share = points.loc[points["codeword"] > 0, "codeword"].value_counts(normalize=True).head(8)
    page_frame.table(
        pd.DataFrame(
            {
                "Codeword": share.index.astype(int),
                "Share": share.to_numpy(),
                "Movement": [cards.name_of(table.iloc[int(k)]) for k in share.index],
            }
        ),
        height=240,
        column_config={"Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Select these codewords",
            icon=":material/checklist:",
            on_click=codeword_selection.write,
            args=(choice, [int(k) for k in share.index]),
        )
    counts = points["recording"].value_counts()
    for name, number in counts.head(RECORDINGS).items():
        first = points[points["recording"] == name].iloc[0]
        routes.link(
            "recordings",
            f"{name}: {number:,} of them, from {clock(first['time_s'])}",
            recording=name,
            t=round(float(first["time_s"]), 3),
            frames=query_parameters.read("frames"),
        )
    if len(counts) > RECORDINGS:
        st.caption(f"And {plural(len(counts) - RECORDINGS, 'recording')} more. Their timelines mark these frames.")
