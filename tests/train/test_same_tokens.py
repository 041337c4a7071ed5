"""One performance gives the same tokens by whatever way it came in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.faces.library import save_face
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.tokenizer.config import load_config
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model
from tests.captures import beat_json, live_link, performance, table, write

SMALL = {"tokenizer.codewords": 24, "tokenizer.stages": 4, "train.steps": 30, "train.batch": 256}
FPS = 60.0


@pytest.fixture(scope="module")
def root(tmp_path_factory, toy_face) -> Path:
    """A cache with the toy face and a model trained on simulated data."""
    path = tmp_path_factory.mktemp("cache")
    save_face(toy_face, path)
    simulate_dataset("toy", toy_face, subjects=4, minutes_per_subject=0.25, fps=20, effect="stress", root=path)
    train_model("toy", "small", config=load_config(None, SMALL), root=path)
    return path


def tokens(root: Path, source: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and intensities of the one recording of a file."""
    import_dataset([source], name, ImportOptions(face="toy-1"), root=root)
    encode_dataset("small", name, root=root)
    cache = TokenCache.open("small", name, root)
    part = cache.recording(Dataset.open(name, root).recordings["recording"][0])
    return part.tokens, part.intensities


def test_live_link_json_and_tables_of_one_performance_give_the_same_tokens(root: Path, tmp_path: Path):
    psi = performance(120, seed=3)
    ways = {
        "livelink": write(tmp_path / "a.csv", live_link(psi, counts=np.arange(120.0))),
        "json": write(tmp_path / "b.json", beat_json(psi, FPS)),
        "table": write(tmp_path / "c.tsv", table(psi, fps=FPS, separator="\t")),
    }
    found = {name: tokens(root, path, name) for name, path in ways.items()}
    assert len(np.unique(found["livelink"][0])) > 3
    for name in ("json", "table"):
        np.testing.assert_array_equal(found[name][0], found["livelink"][0])
        np.testing.assert_array_equal(found[name][1], found["livelink"][1])


def test_a_dataset_that_is_handed_on_gives_the_same_arrays_and_tokens(root: Path, toy_face, tmp_path: Path):
    encode_dataset("small", "toy", root=root)
    import_dataset([root / "datasets" / "toy"], "again", ImportOptions(face="toy-1"), root=root)
    encode_dataset("small", "again", root=root)
    ours, theirs = (TokenCache.open("small", name, root) for name in ("toy", "again"))
    a, b = Dataset.open("toy", root), Dataset.open("again", root)
    assert a.recordings["recording"].tolist() == b.recordings["recording"].tolist() and b.simulated
    for name in a.recordings["recording"]:
        for part in ("psi", "time_s", "frame", "valid"):
            np.testing.assert_array_equal(getattr(a.frames(name), part), getattr(b.frames(name), part))
        np.testing.assert_array_equal(ours.recording(name).tokens, theirs.recording(name).tokens)
        np.testing.assert_array_equal(ours.recording(name).intensities, theirs.recording(name).intensities)


def test_segments_have_the_tokens_of_the_whole_recording_and_exclusions_change_no_token(root: Path):
    import pandas as pd

    from dfe_core.events.segments import SegmentChoice
    from dfe_core.events.store import exclude, remove_events, write_events
    from dfe_core.workspace.segments import open_segments

    data = Dataset.open("toy", root)
    name = str(data.recordings["recording"][0])
    table = pd.DataFrame({"recording": [name, name], "onset_s": [1.0, 4.0], "offset_s": [3.0, 6.0], "kind": ["a", "b"]})
    write_events(data, "trials", table, kind="kind")
    segments = open_segments(data, SegmentChoice(events="trials"))
    encode_dataset("small", segments.name, root=root)
    whole, cut = (TokenCache.open("small", one, root) for one in ("toy", segments.name))
    part, of = cut.recording(f"{name}-002"), whole.recording(name)
    rows = np.searchsorted(of.frame, part.frame)
    np.testing.assert_array_equal(part.tokens, of.tokens[rows])
    np.testing.assert_array_equal(part.intensities, of.intensities[rows])
    np.testing.assert_allclose(part.time_s, of.time_s[rows] - 4)
    exclude(data, table[:1].rename(columns={"kind": "reason"}))
    report = encode_dataset("small", "toy", root=root)
    assert report.unchanged and report.frames == whole.frames
    assert TokenCache.open("small", "toy", root).frames == whole.frames - len(cut.recording(f"{name}-001").frame)
    remove_events(data, "excluded")
