"""Search by words, by action, by region and by example."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.tokens import search
from dfe_core.tokens.annotations import Note, Notes
from dfe_core.tokens.face_index import build_moments, open_face_index
from dfe_core.tokens.search import (
    codeword_texts,
    index_words,
    nearest_codewords,
    neighbours,
    words_of,
)
from tests.small_world import make_world, write_dataset

CLAUSES = [
    ["Rest", "nothing moves"],
    ["left lip corner up", "left lip corner up and out 4.1 mm"],
    ["right lip corner up", "left brow down", "right lip corner up 4.0 mm", "left brow down 3.0 mm"],
    ["both inner brows up", "both inner brows up 5.0 mm"],
    ["left upper lid down", "left upper lid down 8.0 mm"],
    ["jaw drop", "chin down and back 20.0 mm"],
]
UNITS = [[], ["AU12 left"], ["AU12 right", "AU4 left"], ["AU1"], ["AU46 left"], ["AU26"]]


@pytest.fixture(scope="module")
def words():
    regions = ["none", "mouth corner", "mouth corner", "brow", "eye", "jaw"]
    table = pd.DataFrame(
        {"codeword": range(6), "region": regions, "side": ["rest", "left", "right", "symmetric", "left", "symmetric"]}
    )
    notes = Notes(codewords={5: Note(name="hungry lion", tags=("roar",), note="asked by Ben")})
    return index_words(codeword_texts(table, CLAUSES, notes, units=UNITS))


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("search") / "cache", toy_face)


def first(words, query):
    found = words.search(query)
    return int(found["codeword"][0]) if len(found) else None


@pytest.mark.parametrize(
    ("query", "codeword"),
    [
        ("left lip corner up", 1),
        ("right lip corner up", 2),
        ("left brow down", 2),
        ("smile left", 1),
        ("au12 right", 2),
        ("AU 1", 3),
        ("eyebrows raised", 3),
        ("wink", 4),
        ("lid down", 4),
        ("jaw drop", 5),
        ("Hungry", 5),
        ("roa", 5),
        ("neutral", 0),
        ("l smile", 1),
        ("both brows", 3),
    ],
)
def test_words_find_the_codeword_that_is_meant(words, query, codeword):
    assert first(words, query) == codeword


def test_words_of_different_clauses_do_not_make_a_match_as_good(words):
    found = words.search("left lip corner up").set_index("codeword")["score"]
    assert found[1] > 1.5 * found[2]


def test_the_labs_own_name_outweighs_a_description(toy_face):
    table = pd.DataFrame({"codeword": [0, 1], "region": "brow", "side": "left"})
    index = index_words(
        codeword_texts(table, [["left brow up 1.0 mm"], ["chin down 1.0 mm"]], Notes(codewords={1: Note(name="brow")}))
    )
    assert first(index, "brow") == 1


def test_nothing_is_found_for_no_words_and_for_words_nowhere(words):
    assert len(words.search("")) == 0 and len(words.search("the of")) == 0 and len(words.search("xylophone")) == 0


def test_texts_become_words():
    assert words_of("mouthSmileLeft, both Brows; AU 012") == ["mouth", "smile", "left", "both", "brow", "au12"]


def test_a_scaled_codeword_is_nearest_to_itself_at_its_intensity(world):
    found = nearest_codewords(world.codebook, world.face, 0.7 * world.codebook.psi[5])
    assert found["codeword"][0] == 5
    assert (found["cosine"][0], found["intensity"][0]) == pytest.approx((1, 0.7), abs=1e-4)
    assert found["distance_mm"][0] == pytest.approx(0, abs=1e-3)
    assert 5 not in neighbours(world.codebook, world.face, 5)["codeword"].tolist()
    assert len(nearest_codewords(world.codebook, world.face, np.zeros(52))) == 0


def test_nearest_moments_are_those_of_a_search_over_every_frame(world):
    index = build_moments(world.dataset, world.face)
    target = np.random.default_rng(3).normal(size=52) * 0.3
    found = index.search(target, limit=5, apart_s=0)
    rows = [
        (np.sqrt(((world.face.displacement(psi - target)) ** 2).sum(1).mean()) * 1e3, f.recording, k)
        for f in world.dataset.iter_frames()
        for psi, k in zip(f.psi, f.frame, strict=True)
    ]
    expected = sorted(rows)[:5]
    assert list(zip(found["recording"], found["frame"], strict=True)) == [(r, k) for _, r, k in expected]
    np.testing.assert_allclose(found["distance_mm"], [d for d, _, _ in expected], rtol=1e-4)


def test_nearest_moments_are_apart_and_spread(world):
    index = build_moments(world.dataset, world.face)
    found = index.search(world.dataset.frames("r2").psi[17], limit=6, apart_s=2.0, per_subject=2)
    assert found["recording"][0] == "r2" and found["distance_mm"][0] < 1e-3
    assert found["subject"].value_counts().max() <= 2
    for _, group in found.groupby("recording"):
        assert (np.diff(np.sort(group["time_s"])) >= 2).all()


def test_the_index_of_moments_is_built_once_and_refuses_other_coefficients(world):
    index = build_moments(world.dataset, world.face)
    stamp = (index.path / "manifest.json").stat().st_mtime_ns
    assert (build_moments(world.dataset, world.face).path / "manifest.json").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="coefficients"):
        index.search(np.zeros(3))


def test_a_dataset_without_valid_frames_has_no_moments(tmp_path, toy_face):
    dataset = write_dataset(tmp_path, toy_face, {"r": np.zeros((0, 52))})
    assert open_face_index(dataset, toy_face) is None
    assert len(build_moments(dataset, toy_face).search(np.zeros(52))) == 0


def test_of_a_text_of_any_length_the_first_words_are_looked_for(words, monkeypatch):
    long = "jaw drop " + "smile " * 40_000
    first, looked_for, expand = words.search(long[:200])["codeword"].iloc[0], [], search._alternatives
    monkeypatch.setattr(search, "_alternatives", lambda word: looked_for.append(word) or expand(word))
    assert words.search(long)["codeword"].iloc[0] == first
    assert len(looked_for) == search.MOST_WORDS
