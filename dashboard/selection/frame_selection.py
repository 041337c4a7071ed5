"""The frames that are selected on a map: in the link, with undo, named sets beside the model, and a table to take."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.embedding.maps import MapArtefact, MapSettings, list_maps, open_map
from dfe_core.spreadsheet import plain_table

from ..data import artefact_cache, notes
from ..links import frame_sets, query_parameters, routes
from ..theme.formatting import plural, text
from ..views import map_view
from .codeword_selection import kept_as

_BEFORE = "framed-before"
DEPTH = 30
"""Steps that can be undone."""


def read(choice: artefact_cache.Choice, found: MapArtefact) -> list[int]:
    """The points of a map of frames that the link names."""
    if query_parameters.read("frames") is None:
        return []
    return frame_sets.read(
        query_parameters.read("frames"), map_view.places(found.points), found.path.name, choice.model, choice.root
    )


def write(choice: artefact_cache.Choice, point: int | None = None, frames: str | None = None) -> None:
    """Select one point, or the frames of a text for the link, or nothing. `undo` brings back what was selected."""
    before = _now()
    query_parameters.write(point=point, frames=frames)
    if _now() != before:
        st.session_state[_BEFORE] = [*_steps(choice), (choice.model, choice.dataset, before)][-DEPTH:]


def select(choice: artefact_cache.Choice, found: MapArtefact, rows: list[int]) -> None:
    """Select points of a map of frames by their rows."""
    write(
        choice,
        frames=frame_sets.written(rows, map_view.places(found.points), found.path.name, choice.model, choice.root),
    )


def shown_on(choice: artefact_cache.Choice) -> MapArtefact | None:
    """The map of frames that the link's frames were drawn on, else the newest, of those that the map's page would open:
    not one of data or a model that changed since, whose points are other frames. None without."""
    made = [
        m
        for m in list_maps(choice.model, choice.root)
        if m.manifest["settings"]["of"] == "frames" and m.manifest["settings"]["dataset"] == choice.dataset
    ]
    here = [m for m in made if frame_sets.belongs(query_parameters.read("frames"), m.path.name)]
    for one in (*here, *made):
        s = one.manifest["settings"]
        now = open_map(
            MapSettings(
                model=choice.model,
                dataset=choice.dataset,
                of="frames",
                by=s["by"],
                method=s["method"],
                dimensions=s["dimensions"],
            ),
            choice.root,
        )
        if now is not None and now.path == one.path:
            return one
    return None


def times_in(choice: artefact_cache.Choice, found: MapArtefact, recording: str) -> np.ndarray:
    """Seconds of the frames of a recording that the link's selection has, in order; none where it is of another map."""
    if not (rows := read(choice, found)):
        return np.array([])
    points = found.points.iloc[rows]
    return np.sort(points.loc[points["recording"].astype(str) == recording, "time_s"].to_numpy(np.float64))


def nearest_point(found: MapArtefact, recording: str, time_s: float) -> int | None:
    """The row of the map's point of a recording that is nearest in time; None where it has none."""
    rows = np.flatnonzero(found.points["recording"].astype(str).to_numpy() == recording)
    if not len(rows):
        return None
    return int(rows[np.abs(found.points["time_s"].to_numpy()[rows] - time_s).argmin()])


def link(found: MapArtefact, label: str, **parameters: object) -> None:
    """A link to a map of frames as it was made."""
    settings = found.manifest["settings"]
    routes.link(
        "map",
        label,
        of="Frames",
        by_frames=map_view.BY["frames"][settings["by"]],
        method=settings["method"].upper(),
        dimensions=settings["dimensions"],
        **parameters,
    )


def undo(choice: artefact_cache.Choice) -> None:
    """What was selected before the last change."""
    if steps := _steps(choice):
        query_parameters.write(**steps[-1][2])
        st.session_state[_BEFORE] = steps[:-1]


def bar(choice: artefact_cache.Choice, found: MapArtefact, rows: list[int]) -> None:
    """Undo, clear, sets and the table. Nothing while nothing was ever selected."""
    sets = {name: one["frames"] for name, one in notes.read(choice).frames.items() if one["dataset"] == choice.dataset}
    undoable, something = bool(_steps(choice)), any(v is not None for v in _now().values())
    if not (something or undoable or sets):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="framed"):
        st.button(
            "Undo", icon=":material/undo:", key="undo-framed", disabled=not undoable, on_click=undo, args=(choice,)
        )
        st.button(
            "Clear", icon=":material/close:", key="clear-framed", disabled=not something, on_click=write, args=(choice,)
        )
        if rows:
            with st.popover("Keep as a set", icon=":material/bookmark_add:"):
                _keep(choice, found.points.iloc[rows])
        if sets:
            with st.popover("Sets", icon=":material/bookmarks:"):
                for name, frames in sets.items():
                    st.button(
                        f"{text(name)} ({sum(map(len, frames.values())):,})",
                        key=f"frames-{name}",
                        width="stretch",
                        on_click=_open,
                        args=(choice, found, name, frames),
                    )
        if rows:
            st.download_button(
                "CSV",
                lambda: _table(found.points.iloc[rows]),
                f"{choice.dataset}-frames.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )


def rows_of(points: pd.DataFrame, frames: dict[str, list[int]]) -> list[int]:
    """The rows of a map's points that are among frames by recording."""
    inside = np.zeros(len(points), bool)
    numbers = points["frame"].to_numpy()
    for name, rows in points.groupby("recording", sort=False, observed=True).indices.items():
        if str(name) in frames:
            inside[rows] = np.isin(numbers[rows], frames[str(name)])
    return np.flatnonzero(inside).tolist()


def _open(choice: artefact_cache.Choice, found: MapArtefact, name: str, frames: dict[str, list[int]]) -> None:
    rows, total = rows_of(found.points, frames), sum(map(len, frames.values()))
    if not rows:
        st.toast(
            f"None of the {plural(total, 'frame')} of “{text(name)}” is a point of this map.", icon=":material/info:"
        )
        return
    if len(rows) < total:
        st.toast(
            f"{len(rows):,} of the {total:,} frames of “{text(name)}” are points of this map.", icon=":material/info:"
        )
    select(choice, found, rows)


def _keep(choice: artefact_cache.Choice, points: pd.DataFrame) -> None:
    kept_as("Keep as a named set", "save-frames", partial(_save_frames, choice, points), "half smiles")


def _save_frames(choice: artefact_cache.Choice, points: pd.DataFrame, name: str) -> str:
    frames = {str(r): one["frame"].tolist() for r, one in points.groupby("recording", observed=True)}
    with notes.writing(choice) as (book, author):
        book.save_frames(name, choice.dataset or "", frames, author)
    return f"“{text(name)}” is kept with {plural(len(points), 'frame')}."


def _table(points: pd.DataFrame) -> bytes:
    kept = [c for c in ("recording", "subject", "frame", "time_s", "codeword", "error_mm") if c in points]
    return plain_table(points[kept]).to_csv(index=False).encode()


def _steps(choice: artefact_cache.Choice) -> list[tuple[str | None, str | None, dict[str, Any]]]:
    """What can be undone of this model and dataset: another's points are other frames."""
    return [step for step in st.session_state.get(_BEFORE, []) if step[:2] == (choice.model, choice.dataset)]


def _now() -> dict[str, Any]:
    return {name: query_parameters.read(name) for name in ("point", "frames")}
