"""Copies of a recording under another name are found, trimmed, shifted and noisy; other people are no copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dfe_core.expressions import duplicates
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.duplicates import find_duplicates
from dfe_core.expressions.recording import Recording

NAMES = tuple(f"c{i}" for i in range(10))


def movement(seed: int, seconds: float = 30, fps: float = 30) -> np.ndarray:
    """A face of its own: smooth movement and the tracker's noise."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter1d(rng.normal(size=(int(seconds * fps), len(NAMES))), 5, axis=0)
    return 0.3 * np.maximum(smooth, 0) + 0.003 * rng.normal(size=smooth.shape)


def dataset(root, parts: dict[str, tuple[np.ndarray, float]]) -> Dataset:
    """Recordings {name: (psi, fps)}, each of a subject of its own."""
    with open_writer("d", NAMES, root) as writer:
        for name, (psi, fps) in parts.items():
            rows = np.arange(len(psi))
            writer.add(
                Recording(
                    name=name,
                    names=NAMES,
                    psi=psi.astype(np.float32),
                    time_s=rows / fps,
                    frame=rows,
                    valid=np.ones(len(psi), bool),
                    fps=fps,
                    space="arkit",
                    extractor="test",
                    subject=f"of {name}",
                ),
                {},
            )
        writer.close({"name": "d", "face": "f", "simulated": False})
    return Dataset.open("d", root)


@pytest.fixture(params=[0, 1500], ids=["by their moments", "every pair"])
def way(request, monkeypatch):
    """Both ways of comparing recordings: of many, and of few."""
    monkeypatch.setattr(duplicates, "ALL_PAIRS", request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "change",
    [
        lambda x: (x, 30.0),
        lambda x: (x[16:], 30.0),
        lambda x: (x[100:-200], 30.0),
        lambda x: (x + 0.2, 30.0),
        lambda x: (x[::2], 15.0),
        lambda x: (x + np.random.default_rng(9).normal(size=x.shape) * 0.003, 30.0),
    ],
    ids=["as it is", "half a second trimmed", "both ends trimmed", "a resting offset", "half the frame rate", "noise"],
)
def test_a_copy_is_found_whatever_was_done_to_it(tmp_path, change):
    parts = {f"r{i}": (movement(i), 30.0) for i in range(6)}
    found = find_duplicates(dataset(tmp_path, parts | {"copy": change(movement(3))}))
    assert [(d.first, d.second) for d in found] == [("r3", "copy")]
    assert found[0].correlation > 0.8 and found[0].second_subject == "of copy"


@pytest.mark.usefixtures("way")
def test_people_who_share_one_blink_are_no_copies(tmp_path):
    """Quiet faces whose largest movement is the same."""
    blink = np.zeros((900, len(NAMES)))
    blink[400:408, :2] = np.sin(np.linspace(0, np.pi, 8))[:, None]
    noise = [np.random.default_rng(i).normal(size=blink.shape) * 0.003 for i in range(6)]
    assert find_duplicates(dataset(tmp_path, {f"r{i}": (blink + n, 30.0) for i, n in enumerate(noise)})) == ()


@pytest.mark.usefixtures("way")
def test_the_result_is_kept_and_recordings_of_one_subject_may_be_alike(tmp_path):
    data = dataset(tmp_path, {"a": (movement(0), 30.0), "b": (movement(0), 30.0)})
    first = find_duplicates(data, tmp_path / "analyses")
    assert len(first) == 1 and find_duplicates(data, tmp_path / "analyses") == first
    still = dataset(tmp_path / "still", {"a": (np.zeros((300, 10)), 30.0), "b": (np.zeros((300, 10)), 30.0)})
    assert find_duplicates(still) == ()
