"""Which region each landmark of a lab's own scheme belongs to, asked for where a face is learned from landmarks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import streamlit as st

from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed
from dfe_core.expressions.point_regions import RegionTable, read_point_regions

from ..data.staging import Staging
from ..theme.formatting import plural, text
from . import error_text

_STAGING = "point-regions-staging"
_OF_A_SCHEME = ("landmarks", "mediapipe-landmarks", "mesh-sequence")
"""Formats whose points may be a lab's own; OpenFace's regions are known."""


def ask(found: list[Believed], face: str) -> tuple[list[str], str]:
    """The table, for `dfe import`, and why it cannot be used; neither where no face is learned from such points."""
    if face != "learn" or not any(one.format in _OF_A_SCHEME for one in found):
        return [], ""
    with st.expander("Landmarks of your own scheme", icon=":material/pets:"):
        table = st.file_uploader(
            "Regions of the points: a table with the columns point, region and side",
            type=["csv", "tsv", "txt"],
            key="import-point-regions",
            help="One row per landmark: its number from 0 or its name, its region (brow, eye, nose, cheek, upper lip, "
            "lower lip, mouth corner, jaw, or one of your own, such as ear) and its side (left or right of the face "
            "itself, or centre). The table of a picture's landmarks may have these columns as well.",
        )
        held = st.session_state.setdefault(_STAGING, Staging())
        try:
            path: Path | None = next(iter(held.hold([table] if table else [])), None)
            said = None if path is None else read_point_regions(path)
        except DataError as error:
            st.warning(error_text.sentence(error), icon=":material/edit_off:")
            return [], "See the regions of the points."
        if path is None or said is None:
            st.caption(
                "For landmarks that dfe does not know, such as an animal's: codewords are then named by the regions "
                "of your scheme, and can be filtered and compared by them."
            )
            return [], ""
        st.caption(summary(said))
        return ["--point-regions", str(path)], ""


def summary(table: RegionTable) -> str:
    """How many points each region has."""
    counted = Counter(row.region for row in table.rows if row.region != "other")
    regions = ", ".join(f"{text(name)} {number}" for name, number in counted.items())
    sides = Counter(row.side for row in table.rows if row.side in ("left", "right"))
    sided = "; " + ", ".join(f"{sides[side]} {side}" for side in ("left", "right")) if sides else ""
    return f"{plural(len(table.rows), 'point')}: {regions}{sided}."
