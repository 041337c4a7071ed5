"""A voice in the sound of a video is a measure of its own, on the times of the recording, beside speech of the jaw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.channels.measures import CHANNEL_MEASURES, known_measures, measured_table
from dfe_core.channels.series import channel_series
from dfe_core.channels.sources import Channel, channel_sources, known_channels
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.video.film import Film
from dfe_core.video.links import Link, Voice, link, link_by_name, links
from dfe_core.video.sound import Sound
from dfe_core.video.stills import forget
from dfe_core.video.voice import read_voices, voice_of
from tests.numbered_film import write_numbered
from tests.synthetic_sound import in_noise, spoken

SECONDS, FPS = 12, 20


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A video with speech in noise of 20 dB less, one without sound, and where the speech is in each frame."""
    folder, truth = tmp_path_factory.mktemp("voices"), spoken(SECONDS, seed=4)
    write_numbered(folder / "talks.webm", SECONDS * FPS, in_noise(truth, 20, 1, pink=True))
    write_numbered(folder / "mute.webm", SECONDS * FPS)
    return folder, truth.speech[:: 16_000 // FPS]


@pytest.fixture
def dataset(cache: Path) -> Dataset:
    names = ("browInnerUp", "mouthPucker")
    with open_writer("d", names, cache) as writer:
        for name in ("talks", "mute", "bare"):
            count = SECONDS * FPS + 1  # one more than the video: by times
            writer.add(
                Recording(
                    name=name,
                    names=names,
                    psi=np.zeros((count, 2), np.float32),
                    time_s=np.arange(count) / FPS,
                    frame=np.arange(count),
                    valid=np.ones(count, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="fake",
                )
            )
        writer.close({"name": "d", "face": "none", "simulated": False})
    return Dataset.open("d", cache)


def test_speech_is_where_it_is_spoken_and_unknown_without_sound(dataset: Dataset, videos):
    folder, speech = videos
    before = (dataset.key, channel_sources(dataset).key)
    assert "voice_share" not in known_measures(dataset) and Channel.SPEECH not in known_channels(dataset)
    link_by_name(dataset, [folder])
    assert (dataset.key, channel_sources(dataset).key) == before, "linked, and not yet read"
    done = read_voices(dataset)
    assert (done.read, done.silent, done.unreadable) == (("talks",), ("mute",), ())
    assert dataset.key == before[0] and channel_sources(dataset).key != before[1]
    voice = channel_series(dataset, "talks", channel_sources(dataset)).voice[: len(speech)]
    assert np.mean(voice == speech) > 0.95
    table = measured_table(dataset).set_index("recording")["voice_share"]
    assert table["talks"] == pytest.approx(speech.mean(), abs=0.04) and table[["mute", "bare"]].isna().all()
    assert [m for m in known_measures(dataset) if CHANNEL_MEASURES[m].channel is Channel.SPEECH] == ["voice_share"]
    forget(dataset)
    assert channel_sources(dataset).key == before[1]


def test_a_voice_is_on_the_times_of_the_recording_not_of_the_video(dataset: Dataset):
    frames = dataset.frames("talks")
    marked = np.zeros(3000, bool)
    marked[600:800] = True
    sound = Sound(low=np.zeros(3000, np.int8), high=np.zeros(3000, np.int8), voice=marked)
    late = Film(video=Path("a.mp4"), shown_s=2 + np.arange(500) / 25, sound=sound)
    assert voice_of(late, frames) == Voice(spans=((4.0, 6.0),), heard_s=(0.0, pytest.approx(12.0, abs=0.06)))
    short = Film(
        video=Path("a.mp4"),
        shown_s=late.shown_s,
        sound=Sound(low=sound.low[:700], high=sound.high[:700], voice=marked[:700]),
    )
    assert voice_of(short, frames).heard_s[1] == pytest.approx(5.0) and voice_of(short, frames).spans == ((4.0, 5.0),)


def test_a_voice_is_kept_with_its_video_and_goes_with_another(dataset: Dataset, videos, tmp_path: Path):
    voice = Voice(spans=((1.0, 2.0),), heard_s=(0.0, 9.0))
    link(dataset, {"talks": Link(video=videos[0] / "talks.webm", voice=voice)})
    link_by_name(dataset, [videos[0]])
    assert links(dataset)["talks"].voice == voice
    (tmp_path / "talks.webm").write_bytes(b"")
    link_by_name(dataset, [tmp_path])
    assert links(dataset)["talks"].voice is None
