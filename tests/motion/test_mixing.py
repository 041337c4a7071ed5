"""Mixing, playing on other faces, and files of coefficients."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.motion.actions import action_psi
from dfe_core.motion.codeword_tracks import in_codewords, spell
from dfe_core.motion.export import (
    LIVE_LINK_COLUMNS,
    arkit_coefficients,
    coefficients_csv,
    live_link_csv,
    timecodes,
    write_coefficients,
)
from dfe_core.motion.identity import identity_template, transfer
from dfe_core.motion.mixer import encoder_of, mix, random_mix, round_trip
from dfe_core.motion.timeline import play
from dfe_core.motion.words import timeline_from_words
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.intervals import build_runs
from tests.small_world import codeword_psi, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("mixing") / "cache", toy_face)


def pursuit(book, factor):
    """An encoder by matching pursuit at free intensities: exact for one codeword."""
    rows = book.psi @ factor

    def encode(psi):
        tokens, weights = np.zeros((len(psi), book.stages), int), np.zeros((len(psi), book.stages))
        for t, target in enumerate(psi @ factor):
            for n in range(book.stages):
                gain = np.r_[0, rows[1:] @ target / (rows[1:] ** 2).sum(1)]
                left = ((target - gain[:, None] * rows) ** 2).sum(1)
                tokens[t, n] = left.argmin()
                weights[t, n] = gain[tokens[t, n]]
                target = target - weights[t, n] * rows[tokens[t, n]]
        return tokens, weights

    return encode


def test_a_mix_is_the_weighted_sum(world):
    psi = mix(world.codebook, [3, 4, 3], [1.0, 0.5, -0.25])
    np.testing.assert_allclose(psi, 0.75 * world.codebook.psi[3] + 0.5 * world.codebook.psi[4], atol=1e-6)
    assert not mix(world.codebook, []).any()
    for bad in (([99], None), ([1], [1, 2]), ([1], [np.nan])):
        with pytest.raises(DataError):
            mix(world.codebook, *bad)


def test_a_codeword_that_survives_the_round_trip_says_so(world):
    trip = round_trip(world.codebook, world.face, [5], [0.6], pursuit(world.codebook, mesh_factor(world.face.gram)))
    assert trip.returned[5] == pytest.approx(0.6, abs=1e-4) and trip.survived == trip.alike == 1
    assert trip.error_mm < 1e-2 and trip.cosine > 0.999
    assert trip.table["codeword"][0] == 5 and trip.table["asked"][0] == 0.6


def test_a_codeword_that_is_lost_says_so(world):
    silent = round_trip(world.codebook, world.face, [5, 6], None, lambda psi: (np.zeros((1, 3), int), np.zeros((1, 3))))
    size = np.sqrt((world.face.displacement(world.codebook.psi[5] + world.codebook.psi[6]) ** 2).sum(1).mean()) * 1e3
    assert silent.survived == silent.alike == silent.cosine == 0 and silent.error_mm == pytest.approx(size, rel=1e-4)
    other = round_trip(world.codebook, world.face, [5], None, lambda psi: (np.array([[7, 0, 0]]), np.ones((1, 3))))
    assert other.table["codeword"].tolist() == [5, 7] and other.table["returned"].tolist() == [0, 1]


def test_a_twin_of_the_codeword_counts_as_alike_but_not_as_survived(world):
    psi = world.codebook.psi.copy()
    psi[6] = 0.5 * psi[5]
    book = replace(world.codebook, psi=psi)
    trip = round_trip(book, world.face, [5], None, lambda _: (np.array([[6, 0, 0]]), np.full((1, 3), 2.0)))
    assert trip.survived == 0 and trip.alike == 1 and trip.error_mm == pytest.approx(0, abs=1e-4)


def test_random_faces_use_what_occurs_and_repeat_with_the_seed(world):
    runs = build_runs(world.tokens)
    chosen = random_mix(runs, 3, seed=1)
    assert chosen == random_mix(runs, 3, seed=1) != random_mix(runs, 3, seed=2)
    codewords = [k for k, _ in chosen]
    assert len(set(codewords)) == 3 and 0 not in codewords and all(g > 0 for _, g in chosen)
    assert all(runs.cooccurrence[a, b] > 0 for a in codewords for b in codewords)


def split_face(face):
    """The toy face with ICT's spelling: _L/_R, browInnerUp and cheekPuff split, no tongue."""
    names, rows = [], []
    for name, field in zip(face.names, face.basis, strict=True):
        stem = name.removesuffix("Left").removesuffix("Right")
        if name in ("browInnerUp", "cheekPuff"):
            for side, sign in (("_L", 1), ("_R", -1)):
                names.append(name + side)
                rows.append(field * (sign * face.template[:, :1] >= 0))
        elif name != "tongueOut":
            names.append(name if stem == name else stem + ("_L" if name.endswith("Left") else "_R"))
            rows.append(field)
    return replace(face, id="split-1", names=tuple(names), basis=np.stack(rows).astype(np.float32))


def test_an_expression_moves_another_face_alike(toy_face):
    other = split_face(toy_face)
    psi = np.random.default_rng(0).uniform(0, 1, (4, 52)).astype(np.float32)
    psi[:, -1] = 0
    there = transfer(psi, toy_face, other)
    middle = np.abs(toy_face.template[:, 0]) < 1e-6
    np.testing.assert_allclose(
        other.displacement(there.psi)[:, ~middle], toy_face.displacement(psi)[:, ~middle], atol=1e-6
    )
    assert there.lost == () and there.lost_share == 0
    back = transfer(there.psi, other, toy_face)
    np.testing.assert_allclose(back.psi, psi, atol=1e-6)


def test_what_the_other_face_cannot_show_is_told(toy_face):
    psi = np.zeros(52, np.float32)
    psi[[ARKIT_NAMES.index("tongueOut"), 0]] = 1, 0.2
    there = transfer(psi, toy_face, split_face(toy_face))
    assert there.psi.shape == (53,) and there.lost == ("tongueOut",) and 0.5 < there.lost_share <= 1.05
    with pytest.raises(DataError, match="no coefficient"):
        transfer(psi, toy_face, replace(toy_face, names=tuple(f"exp{i}" for i in range(52))))


def test_a_person_is_the_template_moved_by_named_parameters(toy_face):
    shape = np.random.default_rng(0).normal(size=(2, 225, 3)).astype(np.float32) * 1e-3
    face = replace(toy_face, identity_names=("old", "lean"), identity_basis=shape)
    np.testing.assert_allclose(
        identity_template(face, {"lean": 0.2, "old": 0.5}), face.neutral(np.array([0.5, 0.2])), atol=1e-7
    )
    np.testing.assert_allclose(identity_template(face, {"old": 0.5}), face.template + 0.5 * shape[0], atol=1e-7)
    with pytest.raises(DataError, match="no such identity"):
        identity_template(face, {"tall": 1})
    with pytest.raises(DataError, match="-3 to 3"):
        identity_template(face, {"old": 40})


def test_coefficients_come_back_from_csv_and_npz(tmp_path):
    time_s, psi = np.arange(4) / 30, np.random.default_rng(0).normal(size=(4, 52)).astype(np.float32)
    write_coefficients(tmp_path / "a.npz", time_s, psi, ARKIT_NAMES)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert tuple(stored["names"]) == ARKIT_NAMES
        np.testing.assert_array_equal(stored["psi"], psi)
    write_coefficients(tmp_path / "a.csv", time_s, psi, ARKIT_NAMES)
    rows = list(csv.reader((tmp_path / "a.csv").open(newline="")))
    assert rows[0] == ["time_s", *ARKIT_NAMES]
    np.testing.assert_allclose(np.array(rows[1:], float), np.c_[time_s, psi], rtol=1e-4, atol=1e-5)
    assert (tmp_path / "a.csv").read_text() == coefficients_csv(time_s, psi, ARKIT_NAMES).replace("\r\n", "\n")
    with pytest.raises(DataError, match=".csv or .npz"):
        write_coefficients(tmp_path / "a.pkl", time_s, psi, ARKIT_NAMES)


def test_live_link_csv_has_the_columns_of_a_real_recording(shared):
    real = next((shared / "data" / "arkit_livelinkface").glob("alex*.csv"))
    assert tuple(real.open().readline().strip().split(",")) == LIVE_LINK_COLUMNS


def test_live_link_csv_holds_the_coefficients_by_name_within_zero_and_one():
    psi = np.random.default_rng(0).uniform(-0.2, 1.2, (3, 52))
    rows = list(csv.DictReader(io.StringIO(live_link_csv(psi, ARKIT_NAMES, fps=30))))
    assert [row["Timecode"] for row in rows] == ["00:00:00:00.000", "00:00:00:01.000", "00:00:00:02.000"]
    assert rows[0]["BlendShapeCount"] == "61" and float(rows[0]["HeadYaw"]) == 0
    for row, frame in zip(rows, psi, strict=True):
        for name, value in zip(ARKIT_NAMES, frame, strict=True):
            assert float(row[name[0].upper() + name[1:]]) == pytest.approx(np.clip(value, 0, 1), abs=1e-8)


def test_live_link_csv_from_a_face_that_splits_takes_the_mean(toy_face):
    face = split_face(toy_face)
    psi = np.zeros((1, 53))
    psi[0, [face.names.index("browInnerUp_L"), face.names.index("mouthSmile_R")]] = 0.6, 0.4
    found = dict(zip(LIVE_LINK_COLUMNS[2:54], arkit_coefficients(psi, face.names)[0], strict=True))
    assert found["BrowInnerUp"] == pytest.approx(0.3) and found["MouthSmileRight"] == pytest.approx(0.4)
    assert found["TongueOut"] == 0 and found["MouthSmileLeft"] == 0
    with pytest.raises(DataError, match="not ARKit"):
        live_link_csv(np.zeros((1, 2)), ("exp0", "exp1"))


def test_timecodes_rise_over_seconds_minutes_and_hours():
    assert timecodes(3, 1, start_s=3599) == ["00:59:59:00.000", "01:00:00:00.000", "01:00:01:00.000"]
    codes = timecodes(200, 59.94)
    assert codes == sorted(codes) and len(set(codes)) == 200 and codes[1] == "00:00:00:01.001"


def test_a_sum_of_codewords_is_spelled_by_them(world):
    psi = 0.8 * world.codebook.psi[4] + 0.5 * world.codebook.psi[9]
    found = spell(world.codebook, world.face, psi, most=4)
    assert {4, 9} <= set(found.codewords) and found.cosine > 0.95 and min(found.intensities) > 0
    one = spell(world.codebook, world.face, 0.3 * world.codebook.psi[4])
    assert one.codewords == (4,) and one.intensities == pytest.approx((0.3,), abs=1e-4)
    assert spell(world.codebook, world.face, np.zeros(52)).codewords == ()


def test_more_codewords_never_spell_worse(world):
    target = np.random.default_rng(5).normal(size=52)
    likeness = [spell(world.codebook, world.face, target, most=n).cosine for n in range(1, 7)]
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(likeness)) and likeness[-1] > likeness[0]


def test_a_timeline_in_codewords_keeps_its_times_and_plays_nearly_the_same(world):
    psi = world.codebook.psi.copy()
    psi[3] = 0.5 * action_psi(world.face.names, "AU12", "left")
    book = replace(world.codebook, psi=psi)
    words = timeline_from_words("smile on the left, then codeword 5")
    spelled = in_codewords(words, book, world.face)
    assert [t.label for t in spelled.tracks] == ["codeword 3", "codeword 5"]
    first = spelled.tracks[0]
    assert first.intensity == pytest.approx(1.6, abs=1e-3) and "stands for AU12 left (cosine 1.00" in first.rule
    assert (first.onset_s, first.end_s) == (words.tracks[0].onset_s, words.tracks[0].end_s)
    np.testing.assert_allclose(play(spelled, book.names, book)[1], play(words, book.names, book)[1], atol=1e-3)


def test_the_encoder_of_a_tokenizer_gives_its_tokens_and_intensities(toy_face):
    import torch

    from dfe_core.tokenizer.config import TokenizerConfig
    from dfe_core.tokenizer.model import Tokenizer

    torch.manual_seed(0)
    eye = np.eye(52, dtype=np.float32)
    model = Tokenizer(TokenizerConfig(codewords=24, stages=3), eye, eye).eval()
    model.quantizer.set_codewords_(torch.as_tensor(codeword_psi(toy_face)))
    psi = model.codeword_psi()[[3, 7, 0, 12]]
    tokens, intensities = encoder_of(model)(psi)
    whole = model.encode(torch.as_tensor(psi))
    assert tokens.shape == intensities.shape == (4, 3)
    assert tokens[0].tolist().count(3) and tokens[1].tolist().count(7) and not tokens[2].any()
    np.testing.assert_array_equal(tokens, whole.tokens.numpy())
    np.testing.assert_allclose(intensities, whole.intensities.numpy())
