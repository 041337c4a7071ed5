"""Every row of a recording finds its frame of the video, at variable frame rates too, and the sound is where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.video.film import Film, Matched, frame_times, recording_film
from dfe_core.video.links import Link, link
from dfe_core.video.sound import BIN_S, Sound
from dfe_core.video.stills import forget, stills_folder
from tests.numbered_film import shown_ms, write_numbered

FRAMES = 60
SILENT = Sound(low=np.empty(0, np.int8), high=np.empty(0, np.int8), voice=np.empty(0, bool))


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    time = np.arange(32_000) / 16_000
    write_numbered(folder / "a.mp4", FRAMES, 0.5 * np.sin(2 * np.pi * 300 * time) * (time >= 1))
    write_numbered(folder / "b.webm", FRAMES)
    return folder


@pytest.fixture
def dataset(cache: Path, toy_face) -> Dataset:
    with open_writer("d", toy_face.names, cache) as writer:
        for name in ("a", "b"):
            writer.add(
                Recording(
                    name=name,
                    names=toy_face.names,
                    psi=np.zeros((FRAMES, 52), np.float32),
                    time_s=np.arange(FRAMES) / 20,
                    frame=np.arange(FRAMES),
                    valid=np.ones(FRAMES, bool),
                    fps=20,
                    space="arkit",
                    extractor="mediapipe",
                )
            )
        writer.close({"name": "d", "face": toy_face.id, "simulated": False})
    return Dataset.open("d", cache)


def rows(time_s: np.ndarray) -> Frames:
    count = len(time_s)
    return Frames(
        recording="a",
        frame=np.arange(count) + 1,
        time_s=np.asarray(time_s, float),
        valid=np.ones(count, bool),
        psi=np.zeros((count, 1)),
    )


@pytest.mark.parametrize("name", ["a.mp4", "b.webm"])
def test_frames_have_the_times_of_the_file_and_not_of_its_rate(films: Path, name: str):
    found = 1000 * frame_times(films / name)
    assert len(found) == FRAMES and np.abs(found - shown_ms(FRAMES)).max() <= 1.01  # a tick


def test_rows_find_the_frame_that_is_shown_at_their_time():
    film = Film(video=Path("a.mp4"), shown_s=0.5 + shown_ms(FRAMES) / 1000, sound=SILENT)
    own = rows(shown_ms(FRAMES)[[3, 3, 7, 8, 30, 59]] / 1000 + np.array([0, 0.004, -0.004, 0.001, 0.0004, 0.01]))
    assert film.matched(own) is Matched.TIMES
    assert film.frame_of(own).tolist() == [3, 3, 7, 8, 30, 59]
    assert film.frame_of(rows([-1.0, 0.0, shown_ms(FRAMES)[-1] / 1000 + 1])).tolist() == [-1, 0, -1]


def test_a_recording_of_as_many_frames_goes_frame_by_frame_whatever_times_its_tool_wrote():
    film = Film(video=Path("a.mp4"), shown_s=shown_ms(FRAMES) / 1000, sound=SILENT)
    nominal = rows(np.arange(FRAMES) / 20)
    assert film.matched(nominal) is Matched.FRAMES
    assert (film.frame_of(nominal) == np.arange(FRAMES)).all()
    fewer = replace(nominal, frame=nominal.frame[::2], time_s=nominal.time_s[::2])
    assert film.matched(fewer) is Matched.TIMES


def test_a_video_of_one_frame_is_that_frame():
    film = Film(video=Path("a.mp4"), shown_s=np.array([0.0]), sound=SILENT)
    assert film.frame_of(rows([0.0])).tolist() == [0] and film.frame_of(rows([0.0, 9.0])).tolist() == [0, -1]


def test_the_sound_is_read_where_it_is(films: Path, dataset: Dataset):
    link(dataset, {"a": Link(video=films / "a.mp4"), "b": Link(video=films / "b.webm")})
    film = recording_film(dataset, "a")
    loud = film.sound.high > 20
    assert abs(int(loud.argmax()) * BIN_S - 1) <= 0.05 and loud[105:190].all() and not loud[:95].any()
    assert np.abs(film.sound.high[110:190].astype(int) - 63).max() <= 6
    assert len(recording_film(dataset, "b").sound) == 0


def test_what_was_read_is_kept_until_the_video_changes_and_goes_with_it(films: Path, dataset: Dataset, monkeypatch):
    link(dataset, {"a": Link(video=films / "a.mp4")})
    first = recording_film(dataset, "a")
    with monkeypatch.context() as without:
        without.setattr("dfe_core.video.ffmpeg.ffmpeg_program", lambda: None)
        again = recording_film(dataset, "a")
        assert (again.shown_s == first.shown_s).all() and (again.sound.low == first.sound.low).all()
        (kept,) = stills_folder(dataset).glob("*.npz")
        kept.write_bytes(b"no film")
        assert recording_film(dataset, "a") is None  # read again, and there is nothing to read it with
    assert len(recording_film(dataset, "a").shown_s) == FRAMES
    forget(dataset)
    assert not stills_folder(dataset).exists() and recording_film(dataset, "a") is None


def test_what_is_no_video_is_no_film(dataset: Dataset, tmp_path: Path):
    (tmp_path / "a.mp4").write_text("#EXTM3U\nfile:/etc/hostname\n")
    link(dataset, {"a": Link(video=tmp_path / "a.mp4"), "b": Link(video=tmp_path / "gone.mp4")})
    assert recording_film(dataset, "a") is None and recording_film(dataset, "b") is None
