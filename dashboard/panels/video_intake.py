"""Videos into a dataset, through MediaPipe's Face Landmarker: what is needed, what is asked for, and the job."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.faces import list_faces
from dfe_core.store import file_sha256
from dfe_core.video import extra
from dfe_core.video.frames import ENDINGS
from dfe_core.video.landmarker import MODEL_SHA256, MODEL_URL
from dfe_core.video.model_file import find_model
from dfe_core.video.pictures import is_picture, pictures_in
from dfe_core.video.reader import find_videos

from ..data import artefact_cache
from ..data.places import is_below_roots, place
from ..data.staging import Staging
from ..theme.formatting import plural, text
from . import error_text, import_job, page_frame

SCORES, LEARN = "52 blendshape scores on the default head", "478 landmarks, a face learned from them"
_SHOWN = 200


def videos_among(paths: list[Path], pictures: bool = False) -> list[Path]:
    """The videos among files, and in folders; of a folder none that is a link to a place that nobody declared.

    pictures: of folders without a video the pictures, a folder of numbered ones as one, as `dfe extract` takes them.
    """
    found: list[Path] = []
    for path in paths:
        found += filter(_declared, _inside(path, pictures)) if path.is_dir() else [path] if is_video(path) else []
    return found


def sources_of(sources: list[Path], videos: list[Path]) -> list[Path]:
    """What `dfe extract` is given of the sources: folders, or the videos themselves where links in one are left out."""
    declared = [path for path in sources if path.is_dir() and is_below_roots(path)]
    if any(not _declared(video) for folder in declared for video in _inside(folder, pictures=True)):
        return videos
    return [path for path in sources if path.is_dir() or is_video(path)]


def _declared(video: Path) -> bool:
    """A file; of a folder of pictures, everything in it."""
    return is_below_roots(video) and all(map(is_below_roots, video.rglob("*") if video.is_dir() else ()))


def _inside(folder: Path, pictures: bool = False) -> list[Path]:
    try:
        return find_videos([folder], pictures=pictures)
    except DataError:  # a folder without any
        return []


def is_video(path: Path) -> bool:
    """By its ending; a picture is a recording of one frame."""
    return path.suffix.lower() in ENDINGS or is_picture(path)


def show(
    choice: artefact_cache.Choice, videos: list[Path], sources: list[Path], labels: Path | None, pattern: str
) -> None:
    """The list, what is needed, and the job; sources are what `dfe extract` is given."""
    listed(videos)
    if not extra.available():
        without_extra()
        return
    model = model_file()
    if model is None:
        return
    options = settings(choice)
    needs_rate = any(video.is_dir() for video in videos) and "--fps" not in options
    import_job.start(
        "Extract",
        f"Extracting {plural(len(videos), 'video')}",
        ["extract", *map(str, sources), "--model", str(model), *options, *import_job.common(labels, pattern)],
        "Numbered pictures need their frames a second." if needs_rate else "",
        icon=":material/face:",
    )


def listed(videos: list[Path]) -> None:
    """Names and sizes, and what will be done with them."""
    sizes = [_bytes(path) / 1e6 for path in videos]
    st.markdown(
        f"**{plural(len(videos), 'video')}**, {sum(sizes):,.0f} MB. MediaPipe's Face Landmarker finds the "
        "faces in every frame: 52 blendshape scores, the head's pose and 478 landmarks. The pictures are not "
        "kept, and nothing leaves this machine."
    )
    table = pd.DataFrame({"Video": [path.name for path in videos[:_SHOWN]], "MB": sizes[:_SHOWN]})
    page_frame.table(
        table,
        height=min(33 * (len(table) + 1) + 3, 220),
        column_config={"MB": st.column_config.NumberColumn(format="%.1f", width="small")},
    )
    if len(videos) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(videos):,} are listed; all are extracted.")


def _bytes(video: Path) -> int:
    return sum(one.stat().st_size for one in (pictures_in(video) if video.is_dir() else [video]))


def without_extra() -> None:
    """The optional packages are not there."""
    with st.container(border=True):
        st.subheader("Extraction needs two more packages", anchor=False)
        st.markdown(
            "MediaPipe and OpenCV are an optional extra of dfe. Install them into the environment that this "
            "dashboard runs in, then start it again:"
        )
        st.code(extra.INSTALL, language="bash")
        st.caption(
            "The model file is a separate download, which is asked for next. Coefficients that another tool "
            "extracted need neither: drop its files instead."
        )


def model_file() -> Path | None:
    """The user's face_landmarker.task by path or dropped; None as long as there is none."""
    left, right = st.columns([3, 2])
    given = left.text_input(
        "Model file",
        placeholder="/models/face_landmarker.task",
        key="video-model",
        help="MediaPipe's face_landmarker.task on the machine that this dashboard runs on.",
    ).strip()
    dropped = right.file_uploader("or drop it here", type=["task"], key="video-model-file")
    if "model-staging" not in st.session_state:
        st.session_state["model-staging"] = Staging()
    held = st.session_state["model-staging"].hold([dropped] if dropped else [])
    if not held and not given and not (given := found_model()):
        without_model()
        return None
    try:
        path = held[0] if held else place(given)
    except DataError as error:
        st.warning(error_text.sentence(error), icon=":material/scan_delete:")
        return None
    if not path.is_file():
        st.warning(text(f"There is no file “{given}” on this machine."), icon=":material/scan_delete:")
        return None
    return path if recognised(path) else None


@st.cache_data(ttl=60, show_spinner=False)
def found_model() -> str:
    """A model that another tool has in its cache on this machine, empty where there is none."""
    found = find_model()
    return "" if found is None else str(found)


def without_model() -> None:
    """Where the model comes from, and why it is not here."""
    with st.container(border=True):
        st.subheader("One file is yours to download", anchor=False)
        st.markdown(
            f"[face_landmarker.task]({MODEL_URL}) of MediaPipe (3.8 MB, Apache-2.0). dfe downloads nothing by "
            "itself: save it on this machine and name it above, or drop it."
        )
        st.caption(f"SHA-256 {MODEL_SHA256}")


def recognised(path: Path) -> bool:
    """Say which release a model file is; whether it can be one at all."""
    if not zipfile.is_zipfile(path):  # as a .task file is
        st.warning(
            f"{path.name} is no Face Landmarker bundle. Expected: MediaPipe's face_landmarker.task as downloaded.",
            icon=":material/scan_delete:",
        )
        return False
    digest = _digest(str(path), path.stat().st_mtime_ns)
    st.caption(
        f":material/check: {path.name}, the release that dfe is tested with. SHA-256 {digest}"
        if digest == MODEL_SHA256
        else f":material/help: {path.name}, another release than dfe is tested with. SHA-256 {digest}"
    )
    return True


@st.cache_data(max_entries=16, show_spinner=False)
def _digest(path: str, stamp: int) -> str:
    return file_sha256(Path(path))


def settings(choice: artefact_cache.Choice) -> list[str]:
    """What makes the coefficients, and how much at once; as arguments of `dfe extract`."""
    columns = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    face = columns[0].selectbox(
        "Coefficients",
        [SCORES, LEARN, *list_faces(choice.root)],
        key="video-face",
        format_func=_named,
        help="The scores are ARKit coefficients; the landmarks make a face of their own.",
    )
    faces = columns[1].number_input(
        "Faces at once",
        1,
        32,
        4,
        key="video-faces",
        help="At most so many in one picture; each becomes a recording. With 1, whoever is seen is the same person.",
    )
    jobs = columns[2].number_input(
        "Side by side",
        1,
        max(1, os.cpu_count() or 1),
        1,
        key="video-jobs",
        help="Videos worked on beside each other, a processor core each.",
    )
    fps = columns[3].number_input(
        "Frames a second",
        min_value=1.0,
        max_value=960.0,
        value=None,
        key="video-fps",
        placeholder="as filmed",
        help="Of numbered pictures; other recordings are resampled to it.",
    )
    st.caption(
        "Each video's results are kept: interrupted or cancelled, the same button continues with the remaining videos."
    )
    return [
        "--face",
        {SCORES: "anny", LEARN: "learn"}.get(face, face),
        "--faces",
        str(faces),
        "--jobs",
        str(jobs),
        *(["--fps", f"{fps:g}"] if fps else []),
    ]


def _named(face: str) -> str:
    if face in (SCORES, LEARN):
        return face
    return f"{'478 landmarks' if face.startswith('learned-') else '52 blendshape scores'} on {face}"
