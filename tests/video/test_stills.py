"""The frame of a moment comes from the right video at the right time."""

from __future__ import annotations

import io
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.video.links import FILE, Link, link, link_by_name, links, unlink
from dfe_core.video.stills import forget, still, stills_folder
from dfe_core.workspace.catalogue import dependants, find_artefact

FPS, FRAMES = 25.0, 40
COLOURS = np.stack(
    [(37 * np.arange(FRAMES)) % 256, (91 * np.arange(FRAMES) + 40) % 256, 255 - (37 * np.arange(FRAMES)) % 256], 1
)


def film(path: Path, first: int = 0, size: tuple[int, int] = (96, 64), frames: int = FRAMES) -> Path:
    """Frames of one colour each, the left half in the next frame's colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=FPS, quality=9, macro_block_size=1, output_params=["-g", "12"]
    )
    writer.send(None)
    for i in range(frames):
        picture = np.empty((size[1], size[0], 3), np.uint8)
        picture[:] = COLOURS[(i + first) % FRAMES]
        picture[:, : size[0] // 2] = COLOURS[(i + first + 1) % FRAMES]
        writer.send(picture.tobytes())
    writer.close()
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    film(folder / "a.mp4")
    film(folder / "deep" / "b.MKV", 7)
    film(folder / "stranger.mp4")
    (folder / "notes.txt").write_text("no video")
    return folder


@pytest.fixture
def dataset(cache: Path, toy_face) -> Dataset:
    with open_writer("d", toy_face.names, cache) as writer:
        for name in ("a", "b-face0", "b-face1", "c"):
            writer.add(
                Recording(
                    name=name,
                    names=toy_face.names,
                    psi=np.zeros((FRAMES, 52), np.float32),
                    time_s=np.arange(FRAMES) / FPS,
                    frame=np.arange(FRAMES),
                    valid=np.ones(FRAMES, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="mediapipe",
                )
            )
        writer.close({"name": "d", "face": toy_face.id, "simulated": False})
    return Dataset.open("d", cache)


def colour(data: bytes, left: bool = False) -> np.ndarray:
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    middle = pixels.shape[1] // 2
    part = pixels[:, 4 : middle - 4] if left else pixels[:, middle + 4 : -4]
    return np.median(part.reshape(-1, 3), axis=0)


def test_every_moment_gives_its_own_frame(films: Path, dataset: Dataset):
    link_by_name(dataset, [films])
    for frame in (0, 1, 11, 12, 13, 25, 38, 39):
        seen = colour(still(dataset, "a", frame / FPS))
        assert np.abs(COLOURS - seen).sum(1).argmin() == frame
        assert np.abs(COLOURS[frame] - seen).max() < 25
    assert np.abs(COLOURS - colour(still(dataset, "b-face1", 5 / FPS))).sum(1).argmin() == 12
    assert np.abs(COLOURS - colour(still(dataset, "a", 20.3 / FPS))).sum(1).argmin() == 20


def test_a_face_whose_place_is_known_fills_the_picture(films: Path, dataset: Dataset):
    link(dataset, {"a": Link(video=films / "a.mp4", box=(0.05, 0.2, 0.3, 0.8))})
    data = still(dataset, "a", 10 / FPS)
    assert np.abs(COLOURS - colour(data, left=True)).sum(1).argmin() == 11
    assert np.abs(COLOURS - colour(data)).sum(1).argmin() == 11  # nothing of the right half


def test_a_still_is_kept_and_made_again_when_the_video_changes(films: Path, dataset: Dataset, tmp_path, monkeypatch):
    own = film(tmp_path / "own" / "a.mp4")
    link_by_name(dataset, [own])
    first = still(dataset, "a", 0.4)
    with monkeypatch.context() as without:
        without.setattr("dfe_core.video.ffmpeg.ffmpeg_program", lambda: None)
        assert still(dataset, "a", 0.4) == first and still(dataset, "a", 0.8) is None
    film(own, 9)
    assert np.abs(COLOURS - colour(still(dataset, "a", 0.4))).sum(1).argmin() == 19
    assert [p.suffix for p in sorted(stills_folder(dataset).iterdir())] == [".jpg", ".jpg", ".json"]


def test_stills_are_small_however_large_the_video_is(dataset: Dataset, tmp_path: Path):
    link_by_name(dataset, [film(tmp_path / "a.mp4", size=(640, 480))])
    from PIL import Image

    assert Image.open(io.BytesIO(still(dataset, "a", 0, height=120))).size == (160, 120)


def test_where_there_is_no_picture_there_is_none(films: Path, dataset: Dataset, tmp_path: Path):
    assert still(dataset, "a", 0.1) is None  # nothing linked
    link_by_name(dataset, [films])
    assert still(dataset, "c", 0.1) is None and still(dataset, "a", 1e4) is None
    broken = tmp_path / "a.mp4"
    broken.write_bytes(b"no film" * 100)
    playlist = tmp_path / "b.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:{films / 'a.mp4'}\n#EXT-X-ENDLIST\n")
    link(
        dataset,
        {
            "a": Link(video=broken),
            "b-face0": Link(video=playlist),
            "b-face1": Link(video=tmp_path),
            "c": Link(video=tmp_path / "no"),
        },
    )
    assert [still(dataset, name, 0.1) for name in ("a", "b-face0", "b-face1", "c")] == [None] * 4


def test_videos_are_linked_by_name_and_forgotten_again(films: Path, dataset: Dataset):
    report = link_by_name(dataset, [films])
    assert set(report.found) == {"a", "b-face0", "b-face1"} and report.without == ("c",)
    assert [(path.name, why) for path, why in report.passed_over] == [("stranger.mp4", "no recording of this name")]
    assert Dataset.open("d").key == dataset.key
    assert unlink(dataset) == 3 and links(dataset) == {} and unlink(dataset) == 0
    with pytest.raises(DataError, match="no recording bears the name"):
        link_by_name(dataset, [films / "stranger.mp4"])
    with pytest.raises(DataError, match="no such file or folder"):
        link_by_name(dataset, [films / "nowhere"])


def test_two_videos_of_one_name_are_told_apart_by_their_folder_or_left_out(dataset: Dataset, tmp_path: Path):
    for place in ("one/a.mp4", "one/a.avi", "two/c.mp4"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(b"film")
    report = link_by_name(dataset, [tmp_path])
    assert report.found == ("c",) and {path.name for path, _ in report.passed_over} == {"a.mp4", "a.avi"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"videos": 3}',
        '{"videos": {"a": {"video": 5}}}',
        '{"videos": {"a": {"video": "x\\u0000y"}, "b": null}}',
    ],
)
def test_a_broken_list_of_videos_is_no_list(dataset: Dataset, content: str):
    (dataset.path / FILE).write_text(content)
    assert links(dataset) == {} and still(dataset, "a", 0.1) is None


def test_pictures_of_people_go_with_their_dataset(films: Path, dataset: Dataset, cache: Path):
    link_by_name(dataset, [films])
    assert still(dataset, "a", 0.4)
    along = dependants(find_artefact("datasets/d", cache), cache)
    assert [a.path for a in along] == [stills_folder(dataset)] and along[0].made_at_need
    assert forget(dataset) == 3 and not stills_folder(dataset).exists() and (films / "a.mp4").is_file()
