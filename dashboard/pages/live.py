"""The webcam in this codebook, as it happens: everything is computed in the browser's tab, and nothing leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dfe_core.live import browser_landmarker
from dfe_core.tokens.presence import RULE
from dfe_core.video.landmarker import MODEL_SHA256, MODEL_URL

from ..data import artefact_cache, live_parts, media, people
from ..data.dictionary import dictionary
from ..data.roles import Role
from ..data.thumbnails import addresses
from ..panels import empty_states, fields, job_progress, page_frame
from ..theme.formatting import text
from ..views import browser_views, cards
from ..views.example_pictures import Picture

INSTALLING = "get-landmarker"


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Live", "Your face in this codebook, as it moves. Camera, landmarks and tokens stay in this tab.", choice
    )
    if not empty_states.ready(choice, needs_tokens=False):
        return
    if not choice.open_face().has_mesh:
        st.info("The face of this codebook has no mesh here, so there is nothing to move.", icon=":material/videocam:")
        return
    if not browser_landmarker.has_landmarker(choice.root):
        not_installed()
        return
    shown(choice)
    reading()


def shown(choice: artefact_cache.Choice) -> None:
    """Camera, face and tokens, drawn by the browser alone."""
    browser_views.live(key="live", data=live_data(choice))


def live_data(choice: artefact_cache.Choice) -> dict[str, Any]:
    """What the view needs of the codebook: addresses of its tokenizer and face, and its codewords."""
    codebook, face = choice.open_codebook(), choice.open_face()
    pictures = addresses(choice.root, codebook, face)
    return {
        "tokenizer": live_parts.tokenizer_address(choice),
        "face": media.face_address(face),
        "landmarker": live_parts.FOLDER,
        "script": browser_landmarker.SCRIPT,
        "items": cards.chips(dictionary(choice).table, pictures),
        "model": choice.model,
        "from": RULE.onset_mm,
        "task_url": MODEL_URL,
        "task_sha256": MODEL_SHA256,
        "alt": "The face that the tokens of this moment stand for",
    }


def not_installed() -> None:
    """What is missing, and how to get it: with one button, or by a file where there is no internet."""
    version = browser_landmarker.VERSION
    with empty_states.example(
        Picture.TIMELINE,
        "The landmarker for browsers is not here yet",
        "MediaPipe's Face Landmarker finds the face in the camera's picture. Its program for browsers, tasks-vision "
        f"{version} (Apache-2.0, {browser_landmarker.SIZE / 1e6:.0f} MB), is fetched once from the npm registry by "
        "this server, and its checksum is compared with npm's. From then on nothing is fetched from anywhere.",
    ):
        job_progress.offer(
            f"Get the landmarker ({browser_landmarker.SIZE / 1e6:.0f} MB)",
            INSTALLING,
            "Getting the landmarker",
            ["live", "--get-landmarker"],
            "The landmarker is here.",
            ":material/download:",
        )
        with st.expander("Without internet", icon=":material/folder_open:"):
            from_file()


def from_file() -> None:
    """The same package from a file on the server."""
    st.markdown(f"Download `{browser_landmarker.URL}` elsewhere, and name the file on the machine of this dashboard.")
    name = st.text_input("File", key="landmarker-file", placeholder="/data/tasks-vision-0.10.21.tgz").strip()
    missing = bool(name) and not Path(name).is_file()
    fields.wrong(st, f"There is no file {text(name)}." if missing else "")
    if name and not missing and people.may(Role.EDITOR):
        job_progress.offer(
            "Take it",
            f"{INSTALLING}-file",
            "Taking the landmarker",
            ["live", "--get-landmarker", name],
            "The landmarker is here.",
            kind="secondary",
        )


def reading() -> None:
    """What is shown, what it is not, and how a take becomes data."""
    with st.expander("What this shows, and what leaves the tab", icon=":material/lock:"):
        st.markdown(
            "The model file, the camera's pictures, the landmarks, the tokens and the take stay in this browser tab: "
            "after the page is loaded, nothing is sent, and the page's security policy lets its scripts reach no "
            "other server. A take is downloaded to your computer; it becomes data when you import it on the page "
            "*Data*, with *Take off the resting face*, as any other file.\n\n"
            "Tokens are chosen with the frames before, for those after are not there yet; tokens of the same take that "
            "is imported and encoded differ in a few frames in a hundred. MediaPipe hardly sees cheeks, nose, frown "
            "and jaw sideways. Browsers give a camera only to pages at localhost or over https. Docs: `docs/live.md`."
        )
