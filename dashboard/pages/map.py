"""Codewords and frames laid out by likeness, linked to everything else."""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":  # a link to this page was the server's first: see dashboard/pages/__init__.py
    runpy.run_path(str(Path(__file__).resolve().parents[1] / "app.py"), run_name="__main__")

import tempfile

import streamlit as st

from dashboard.components import (
    cards,
    empty_states,
    frame,
    jobs,
    map_view,
    media,
    notes,
    routes,
    shelf,
    state,
    thumbnails,
    views,
)
from dashboard.components.dictionary import dictionary
from dashboard.components.words import clock, plural
from dfe_core.embedding.maps import MapArtefact, MapSettings, open_map


def page() -> None:
    """The page."""
    choice = shelf.chosen()
    frame.header("Map", "Near each other here means alike; the line below says how far to believe it.", choice)
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: shelf.Choice) -> None:
    """Settings, map, and what is selected on it."""
    with frame.guarded():
        settings, colour = choose(choice)
        found = open_map(settings, choice.root)
        if found is None:
            offer(settings)
            return
        left, right = st.columns([2.1, 1], gap="medium")
        with left:
            draw(choice, found, settings, colour)
            st.caption(found.statement)
        with right:
            if settings.of == "codewords":
                selected_codewords(choice)
            else:
                selected_frames(choice, found)


def choose(choice: shelf.Choice) -> tuple[MapSettings, str]:
    """What is mapped, by what, how, and how it is coloured: all in the link."""
    slots = st.columns([1.1, 1.7, 0.9, 0.8, 1.2], vertical_alignment="bottom")
    of = slots[0].segmented_control("Points", list(map_view.BY), default="codewords", key="of", required=True,
                                    bind="query-params", format_func=str.capitalize)
    by = slots[1].selectbox("Near each other by", list(map_view.BY[of]), key=f"by_{of}", bind="query-params",
                            format_func=map_view.BY[of].get)
    method = slots[2].selectbox("Method", ["umap", "pca"], key="method", bind="query-params", format_func=str.upper)
    dimensions = slots[3].selectbox("Dimensions", [2, 3], key="dimensions", bind="query-params")
    colours = list(map_view.COLOURS[of])
    if of == "frames":
        dataset = shelf.dataset(choice.root, choice.dataset)
        colours += ["subject", *dataset.labels]
    colour = slots[4].selectbox("Colour", colours, key=f"colour_{of}", bind="query-params",
                                format_func=lambda name: name[:1].upper() + name[1:])
    needs_data = of == "frames" or by == "cooccurrence"
    return MapSettings(choice.model, choice.dataset if needs_data else "", of, by, method, dimensions), colour


def offer(settings: MapSettings) -> None:
    """The map has not been made: say how long it takes and make it in the background."""
    with st.container(border=True):
        st.subheader("This map has not been made yet", anchor=False)
        wait = "a minute or two" if settings.of == "frames" else "half a minute"
        st.markdown(f"Maps are made once, with a seed, and kept. This one takes about {wait}.")
        names = (settings.model, settings.dataset, settings.of, settings.by, settings.method, settings.dimensions)
        key = "-".join(["map", *map(str, names)])
        out = Path(tempfile.gettempdir()) / f"dfe-{key}.parquet"
        jobs.offer("Make the map", key, "Making a map",
                   ["map", settings.model, *([settings.dataset] if settings.dataset else []), "--of", settings.of,
                    "--by", settings.by, "--method", settings.method, "--dimensions", str(settings.dimensions),
                    "--out", str(out)],
                   "The map is ready.", ":material/scatter_plot:")


def draw(choice: shelf.Choice, found: MapArtefact, settings: MapSettings, colour: str) -> None:
    """The map itself."""
    codebook, table = shelf.codebook(choice.root, choice.model), dictionary(choice).table
    face = shelf.face(choice.root, codebook.face_id)
    if settings.of == "codewords":
        points, colouring, words = map_view.codeword_points(found, table, colour)
        extra = {"words": words, "selected": selection(), "codebook": media.codebook_address(codebook)}
    else:
        dataset = shelf.dataset(choice.root, choice.dataset)
        points, colouring, said = map_view.frame_points(found, dataset, table, colour)
        extra = {"notes": said}
    data = map_view.view_data(
        points=media.address(points, "application/octet-stream", f"map-{settings.of}"), legend=colouring.legend,
        face=media.face_address(face) if face.has_mesh else None, model=codebook.model,
        alt=f"Map of {len(found.points)} {settings.of}", **extra)
    views.scatter(key=f"map-{settings.of}", data=data, on_pick_change=lambda: picked(settings.of),
                  on_select_change=lambda: lassoed(settings.of))


def picked(of: str) -> None:
    """A point was clicked."""
    point = st.session_state[f"map-{of}"].pick
    if point is not None:
        state.write(**{"chosen": point["id"]} if of == "codewords" else {"point": point["point"]})


def lassoed(of: str) -> None:
    """Points were drawn around."""
    points = st.session_state[f"map-{of}"].select
    if points is not None and of == "codewords":
        state.write(chosen=",".join(map(str, points)) or None)
    elif points:
        state.write(point=points[0])
        st.session_state["map-points"] = points


def selection() -> list[int]:
    """Codewords that the link selects."""
    return [int(part) for part in (state.read("chosen") or "").split(",") if part.isdigit()]


def selected_codewords(choice: shelf.Choice) -> None:
    """The selected codewords as cards, with what can be done with them."""
    codebook, table = shelf.codebook(choice.root, choice.model), dictionary(choice).table
    face = shelf.face(choice.root, codebook.face_id)
    chosen = [k for k in selection() if k < codebook.size]
    if not chosen:
        st.caption("Hover a point to see its face, click it to select it, or draw around several with the lasso (or "
                   "with Shift held).")
        return
    st.subheader(f"{plural(len(chosen), 'codeword')} selected", anchor=False)
    pictures = thumbnails.addresses(choice.root, codebook, face)
    data = {"items": [cards.card(table.iloc[k], pictures.get(k)) for k in chosen], "selected": None,
            "model": codebook.model, "face": media.face_address(face) if face.has_mesh else None,
            "codebook": media.codebook_address(codebook), "narrow": True, "label": "Selected codewords"}
    clicked = views.gallery(key="map-chosen", data=data, on_pick_change=lambda: None).pick
    if clicked is not None:
        routes.go("codebook", codeword=clicked)
    with st.container(horizontal=True):
        routes.link("codebook", "Show in the gallery", q=", ".join(map(str, chosen)))
        st.button("Clear", icon=":material/close:", on_click=lambda: state.write(chosen=None))
    notes.save_set(choice, chosen)


def selected_frames(choice: shelf.Choice, found: MapArtefact) -> None:
    """The frame that was clicked, and a way to its recording."""
    text = state.read("point")
    if text is None or not text.isdigit() or int(text) >= len(found.points):
        st.caption("Hover a point to see its face; click it to go to its moment in the recording.")
        return
    row = found.points.iloc[int(text)]
    st.subheader(f"{row['recording']} at {clock(row['time_s'])}", anchor=False)
    codebook = shelf.codebook(choice.root, choice.model)
    face = shelf.face(choice.root, codebook.face_id)
    frames = shelf.dataset(choice.root, choice.dataset).frames(row["recording"])
    psi = frames.psi[int((frames.frame == row["frame"]).argmax())]
    if face.has_mesh:
        views.morph(key="map-face", data={"face": media.face_address(face), "psi": [round(float(v), 4) for v in psi],
                                          "title": f"{row['recording']}, {clock(row['time_s'])}", "height": 300,
                                          "alt": f"The face of {row['recording']} at {clock(row['time_s'])}"})
    routes.link("recordings", "Open the recording here", recording=row["recording"], t=round(float(row["time_s"]), 3))
