"""A recording leaves a dataset without a trace, and comes back to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core import trash
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.removal import put_back, remove_recording, write_without
from dfe_core.faces import save_face
from dfe_core.integrity import seal
from dfe_core.store import file_sha256, read_json, write_json
from dfe_core.video.links import Link, link, links
from tests.captures import live_link, performance, write


@pytest.fixture
def dataset(cache: Path, tmp_path: Path, toy_face) -> Dataset:
    """Four takes with labels and head angles, imported."""
    save_face(toy_face, cache)
    for i in range(4):
        write(tmp_path / "in" / f"s{i}_take.csv", live_link(performance(40 + i, seed=i)))
    labels = write(tmp_path / "labels.csv", "recording,mood,rating\ns0_take,calm,1\ns1_take,glad,2\ns3_take,calm,\n")
    import_dataset(
        [tmp_path / "in"], "study", ImportOptions(face="toy-1", labels=labels, subject_pattern=r"(s\d)_"), root=cache
    )
    return Dataset.open("study", cache)


def hashes(dataset: Dataset) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in dataset.path.iterdir() if path.suffix == ".parquet"}


def test_what_is_left_is_as_it_was_and_nothing_of_the_removed_is_there(dataset: Dataset, cache: Path):
    before = {name: dataset.frames(name) for name in ("s0_take", "s2_take", "s3_take")}
    rows = dataset.recordings.set_index("recording")
    entry = remove_recording(dataset, "s1_take")
    left = Dataset.open("study", cache)
    assert left.recordings["recording"].tolist() == list(before) and left.frame_count == 40 + 42 + 43
    for name, frames in before.items():
        for part in ("psi", "time_s", "frame", "valid"):
            np.testing.assert_array_equal(getattr(left.frames(name), part), getattr(frames, part))
        np.testing.assert_array_equal(left.extras(name)["HeadYaw"], dataset.extras(name)["HeadYaw"])
    pd.testing.assert_frame_equal(
        left.recordings.set_index("recording").drop(columns="first_row"),
        rows.drop(index="s1_take").drop(columns="first_row"),
    )
    assert left.key != dataset.key and "s1_take" not in [r for s in left.manifest["sources"] for r in s["recordings"]]
    assert [d["why"] for d in left.manifest["dropped"]] == ["s1_take.csv: s1_take removed by hand"]
    assert not any(b"s1_take" in (left.path / n).read_bytes() for n in ("recordings.parquet", "frames.parquet"))
    assert (entry.what, entry.recording) == ("datasets/study", "s1_take")


def test_what_is_put_back_is_the_same_to_the_bit(dataset: Dataset, cache: Path):
    before, manifest = hashes(dataset), dataset.manifest
    put_back(remove_recording(dataset, "s1_take"), cache)
    again = Dataset.open("study", cache)
    assert hashes(again) == before and again.key == dataset.key and again.manifest == manifest
    assert trash.discarded(cache) == [] and list(cache.joinpath(".trash").iterdir()) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_removals_are_taken_back_one_by_one_in_any_order(dataset: Dataset, cache: Path, order: tuple[int, int]):
    before = hashes(dataset)
    entries = [remove_recording(dataset, "s3_take"), remove_recording(Dataset.open("study", cache), "s0_take")]
    put_back(entries[order[0]], cache)
    names = Dataset.open("study", cache).recordings["recording"].tolist()
    assert names == [["s1_take", "s2_take", "s3_take"], ["s0_take", "s1_take", "s2_take"]][order[0]]
    put_back(entries[order[1]], cache)
    assert hashes(Dataset.open("study", cache)) == before


def test_the_truth_of_simulated_data_goes_and_comes_along(cache: Path, toy_face):
    from dfe_core.simulate.dataset import simulate_dataset

    save_face(toy_face, cache)
    simulate_dataset("toy", toy_face, subjects=3, minutes_per_subject=0.2, fps=20, root=cache)
    dataset = Dataset.open("toy", cache)
    name, before = dataset.recordings["recording"][1], hashes(dataset)
    entry = remove_recording(dataset, name)
    assert name not in set(Dataset.open("toy", cache).truth["recording"]) and Dataset.open("toy", cache).simulated
    put_back(entry, cache)
    assert hashes(Dataset.open("toy", cache)) == before


def test_what_lies_beside_the_dataset_stays(dataset: Dataset, cache: Path, tmp_path: Path):
    link(dataset, {"s0_take": Link(video=tmp_path / "film.mp4")})
    remove_recording(dataset, "s1_take")
    assert list(links(Dataset.open("study", cache))) == ["s0_take"]


def test_what_cannot_be_removed_or_put_back_is_told(dataset: Dataset, cache: Path, tmp_path: Path):
    with pytest.raises(DataError, match="no recording 'nobody'"):
        remove_recording(dataset, "nobody")
    entry = remove_recording(dataset, "s1_take")
    with pytest.raises(DataError, match="a recording of datasets/study"):
        trash.restore(entry.id, cache)
    trash.discard([dataset.path], cache)
    with pytest.raises(DataError, match="no such dataset"):
        put_back(entry, cache)
    import_dataset([tmp_path / "in" / "s0_take.csv"], "one", ImportOptions(face="toy-1"), root=cache)
    with pytest.raises(DataError, match="only recording"):
        remove_recording(Dataset.open("one", cache), "s0_take")


def test_a_removal_that_fails_leaves_everything_as_it_was(dataset: Dataset, cache: Path, monkeypatch):
    before = hashes(dataset)
    monkeypatch.setattr("dfe_core.expressions.removal.copy_others", None)
    with pytest.raises(TypeError):
        remove_recording(dataset, "s1_take")
    assert hashes(Dataset.open("study", cache)) == before and trash.discarded(cache) == []


def test_the_line_of_another_recording_stays_where_its_name_ends_alike(cache: Path, tmp_path: Path, toy_face):
    """Before, what the removal had said was looked for at the ends of sentences."""
    save_face(toy_face, cache)
    for i, name in enumerate(("take", "first: take", "last")):
        write(tmp_path / "in" / f"{name}.csv", live_link(performance(40 + i, seed=i)))
    import_dataset([tmp_path / "in"], "study", ImportOptions(face="toy-1"), root=cache)
    entries = [remove_recording(Dataset.open("study", cache), name) for name in ("take", "first: take")]
    put_back(entries[0], cache)
    left_out = Dataset.open("study", cache).manifest["dropped"]
    assert [one["removed"] for one in left_out] == ["first: take"]


def test_for_good_a_manifest_forgets_names_and_keeps_notes_that_only_look_like_them(dataset: Dataset, cache: Path):
    manifest = read_json(dataset.path / "manifest.json")
    kept = ["s1_takes differ from s1_take2.", "Times are uneven.", "s10 is left-handed."]
    write_json(
        dataset.path / "manifest.json",
        {**manifest, "notes": [*kept, "s1_take.csv has gaps.", "s1 joined with a row of nearly the same name (S1)."]},
    )
    seal(dataset.path)
    write_without(dataset.path, ["s1_take"], "s1")
    left = Dataset.open("study", cache)
    assert left.manifest["notes"] == kept
    assert [s["recordings"] for s in left.manifest["sources"]] == [["s0_take"], ["s2_take"], ["s3_take"]]
