"""`compare_groups` and `dfe groups` on worlds in which it is known who uses which codeword."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.groups.comparison import GroupSettings, compare_groups
from dfe_core.groups.design import covariate_matrix, make_design
from dfe_core.groups.measures import count_use
from dfe_core.tokens.intervals import build_runs
from tests.small_world import FPS, codeword_psi, write_model, write_tokens

FRAMES, SUBJECTS, PLANTED, CODEWORDS = 300, 12, 5, 8


def make_study(root: Path, face, labels: pd.DataFrame, rate: np.ndarray, seed: int = 0):
    """Codebook, dataset and intervals: codeword k starts at each free frame with probability rate[r, k]."""
    rng = np.random.default_rng(seed)
    codebook = write_model(root, face, codeword_psi(face, codewords=CODEWORDS), stages=CODEWORDS)
    held = {}
    for r, name in enumerate(labels["recording"]):
        tokens = np.zeros((FRAMES, CODEWORDS), np.uint16)
        for k in range(1, CODEWORDS):
            start = np.flatnonzero(rng.random(FRAMES) < rate[r, k])
            for s in start:
                tokens[s : s + 3, k] = k
        held[name] = tokens, np.ones_like(tokens, np.uint8)
    with open_writer("d", face.names, root) as writer:
        for row in labels.to_dict("records"):
            psi = np.zeros((FRAMES, face.coefficients), np.float32)
            writer.add(
                Recording(
                    name=row.pop("recording"),
                    names=face.names,
                    psi=psi,
                    time_s=np.arange(FRAMES) / FPS,
                    frame=np.arange(FRAMES),
                    valid=np.ones(FRAMES, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="test",
                    subject=row.pop("subject"),
                ),
                row,
            )
        writer.close({"name": "d", "face": face.id, "simulated": True})
    save_face(face, root)
    dataset = Dataset.open("d", root)
    return codebook, dataset, build_runs(write_tokens(root, codebook, dataset, held))


def between(seed: int = 0, effect: float = 3.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Two recordings a subject; patients start the planted codeword `effect` times as often as controls."""
    rng = np.random.default_rng([seed, 1])
    group = np.repeat(["control", "patient"], SUBJECTS // 2)
    labels = pd.DataFrame(
        [(f"s{s}-{i}", f"s{s}", group[s]) for s in range(SUBJECTS) for i in (1, 2)],
        columns=["recording", "subject", "group"],
    )
    rate = np.repeat(rng.uniform(0.02, 0.03, (SUBJECTS, CODEWORDS)), 2, 0)
    rate[labels["group"] == "patient", PLANTED] *= effect
    return labels, rate


def settings(**changes) -> GroupSettings:
    return GroupSettings(**{"by": "group", "permutations": 2000, "resamples": 200, **changes})


def test_a_planted_difference_between_groups_is_the_one_that_is_found(tmp_path: Path, toy_face):
    result = compare_groups(*make_study(tmp_path, toy_face, *between()), settings())
    assert not result.within and result.units == {"control": 6, "patient": 6} and result.subjects == SUBJECTS
    significant = result.table[result.table["q"] < 0.05]
    assert {(r.codeword, r.measure) for r in significant.itertuples()} >= {(PLANTED, "rate"), (PLANTED, "share")}
    assert set(significant["codeword"]) == {PLANTED}
    row = significant.set_index("measure").loc["rate"]
    assert (row.a, row.b) == ("control", "patient")
    assert row.mean_b > 2 * row.mean_a and row.g_low > 1 and row.rank_biserial == 1
    assert row.difference == pytest.approx(row.mean_b - row.mean_a)


def test_without_a_difference_nothing_is_found(tmp_path: Path, toy_face):
    result = compare_groups(*make_study(tmp_path, toy_face, *between(effect=1.0)), settings())
    assert (result.table["q"].dropna() >= 0.05).all() and result.table["q"].notna().any()
    assert (result.table["p"] < 0.05).mean() < 0.2
    assert len(result.table) == 4 * (CODEWORDS - 1) and not len(result.omnibus)


def test_subjects_are_compared_with_themselves_where_conditions_lie_within_them(tmp_path: Path, toy_face):
    rng = np.random.default_rng(5)
    rows = [(f"s{s}-{c}", f"s{s}", c) for s in range(9) for c in ("rest", "talk", "watch")]
    labels = pd.DataFrame(
        [*rows, ("s9-rest", "s9", "rest"), ("s10-x", "s10", None)], columns=["recording", "subject", "group"]
    )
    own = rng.uniform(0.01, 0.06, (11, CODEWORDS))  # people differ more than conditions do
    rate = own[labels["subject"].str[1:].astype(int)]
    rate[labels["group"] == "talk", PLANTED] += 0.04
    result = compare_groups(*make_study(tmp_path, toy_face, labels, rate), settings())
    assert result.within and result.unlabelled == 1
    assert result.incomplete == {("rest", "talk"): 1, ("rest", "watch"): 1, ("talk", "watch"): 0}
    best = result.table.iloc[0]
    assert best.codeword == PLANTED and "talk" in (best.a, best.b) and best.n_a == best.n_b == 9
    first = result.omnibus.iloc[0]
    assert first.codeword == PLANTED and first.q < 0.05
    quiet = result.table.query("a == 'rest' and b == 'watch' and codeword == @PLANTED")
    assert (quiet["q"].dropna() > 0.2).all()


def test_measures_are_counted_from_the_tokens(tmp_path: Path, toy_face):
    labels, rate = between()
    _codebook, _dataset, index = make_study(tmp_path, toy_face, labels, rate)
    sums = count_use(index, labels["recording"].tolist())
    runs = index.runs(PLANTED)
    own = runs[runs["recording"] == "s3-2"]
    measures = {name: values[7, PLANTED] for name, values in sums.measures().items()}
    assert measures["rate"] == pytest.approx(len(own) / (FRAMES / FPS / 60))
    assert measures["duration"] == pytest.approx((own["end_s"] - own["start_s"]).mean())
    assert measures["share"] == pytest.approx(own["frames"].sum() / FRAMES)
    assert measures["intensity"] == pytest.approx(1.0)  # level 1 of `small_world.LEVELS`


def test_a_rare_codeword_is_not_tested_and_costs_nothing(tmp_path: Path, toy_face):
    labels, rate = between()
    rate[:, 2] = 0
    table = compare_groups(*make_study(tmp_path, toy_face, labels, rate), settings()).table
    rare = table[table["codeword"] == 2]
    assert (rare["status"] == "too rare").all() and rare["p"].isna().all()
    p, q = table.dropna(subset=["p"]).sort_values("p")[["p", "q"]].to_numpy().T
    assert q[0] == pytest.approx((p * len(p) / np.arange(1, len(p) + 1)).min())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("age", "24 different values"),
        ("mood", "no such label"),
        ("site", "1 different values"),
        ("fps", "no such label"),
    ],
)
def test_a_column_that_is_no_grouping_is_refused(column: str, message: str):
    recordings = pd.DataFrame(
        {
            "recording": [f"r{i}" for i in range(24)],
            "subject": [f"s{i}" for i in range(24)],
            "fps": 30.0,
            "age": np.arange(24.0),
            "site": "here",
        }
    )
    with pytest.raises(DataError, match=message):
        make_design(recordings, column)


def test_whole_numbers_are_named_without_a_point_and_recordings_can_be_units():
    recordings = pd.DataFrame({"recording": list("abcd"), "subject": ["x", "x", "y", "y"], "g": [1.0, 2.0, 1.0, 2.0]})
    design = make_design(recordings, "g", "recording")
    assert design.levels == ("1", "2") and not design.within and design.member.tolist() == [0, 1, 2, 3]
    assert make_design(recordings, "g").within
    with pytest.raises(DataError, match="subject or recording"):
        make_design(recordings, "g", "segment")


def test_members_of_a_dyad_are_one_observation():
    recordings = pd.DataFrame(
        {
            "recording": list("abcdef"),
            "subject": list("uvwxyz"),
            "dyad": [1.0, 1.0, 2.0, 2.0, 3.0, 3.0],
            "g": ["p", "p", "q", "q", "p", None],
            "role": ["m", "n"] * 3,
        }
    )
    design = make_design(recordings, "g", "dyad")
    assert design.member.tolist() == [0, 0, 1, 1, 2, -1] and design.subjects == 3 and not design.within
    within = make_design(recordings, "role", "dyad")
    assert within.within and within.subject.tolist() == [0, 0, 1, 1, 2, 2] and within.level.tolist() == [0, 1] * 3
    with pytest.raises(DataError, match="no value for d"):
        make_design(recordings.assign(dyad=[1, 1, 2, None, 3, 3]), "g", "dyad")


def test_the_command_prints_what_it_writes(tmp_path: Path, toy_face, monkeypatch, capsys):
    from train.cli import main

    make_study(tmp_path, toy_face, *between())
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    out = tmp_path / "out"
    assert main(["groups", "m", "d", "--by", "group", "--permutations", "199", "--out", str(out), "--json", "-"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "groups.json").read_text())
    assert printed["design"] == "between subjects" and printed["rows"][0]["codeword"] == PLANTED
    table = pd.read_csv(out / "groups.csv")
    assert table["p"].dropna().to_list() == pytest.approx([r["p"] for r in printed["rows"] if r["p"] is not None])
    assert main(["groups", "m", "d", "--by", "group", "--permutations", "199"]) == 0
    assert "between subjects" in capsys.readouterr().out
    assert main(["groups", "m", "d", "--by", "nothing"]) == 1
    assert capsys.readouterr().err == (
        "error: nothing: no such label column; expected one of group, session, extractor\n"
    )


def test_covariates_are_numbers_or_groups_of_the_units_and_not_within_subjects():
    rows = pd.DataFrame(
        {
            "recording": list("abcd"),
            "subject": ["p", "p", "q", "r"],
            "by": ["x", "x", "y", "y"],
            "age": [20.0, 24.0, 30.0, None],
            "sex": ["f", "f", "m", "f"],
        }
    )
    found = covariate_matrix(rows, ("age", "sex"), make_design(rows, "by"))
    np.testing.assert_array_equal(found, [[22, 0], [30, 1], [np.nan, 0]])
    within = rows.assign(by=["x", "y", "x", "y"])
    with pytest.raises(DataError, match="within subjects"):
        covariate_matrix(within, ("age",), make_design(within, "by"))
