"""Regions of the face apart and fused: the region that differs tells, the others do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.archive import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.features.transforms import BagOfWords, Blocks, Measured
from dfe_core.probes.region_fusion import columns_of_regions, only_columns, probe_regions, region_table
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import repeated_folds
from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world

SETTINGS = ProbeSettings(model="m", dataset="d", label="kind", features=("bow",), folds=3, repeats=1, resamples=100)


def planted(seed: int = 0) -> tuple[Feature, pd.DataFrame, Target]:
    """Nine codewords in three regions; half of what tells two classes apart is in brow, half in jaw, nothing in eye."""
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1], 30)
    rates = np.exp(rng.normal(size=(60, 9)))
    rates[:, :3] *= np.exp(1.3 * y)[:, None]
    rates[:, 6:] *= np.exp(1.3 * y)[:, None]
    codewords = pd.DataFrame({"codeword": np.arange(10), "region": ["none", *np.repeat(["brow", "eye", "jaw"], 3)]})
    columns = pd.DataFrame({"name": [f"codeword {k}" for k in range(1, 10)], "codeword": np.arange(1, 10)})
    feature = Feature(
        name="bow",
        raw=rates,
        columns=columns,
        transform=Blocks(((0, 9, BagOfWords(tfidf=False)),)),
        member=np.arange(60),
    )
    groups = np.repeat([f"p{i:02d}" for i in range(30)], 2)
    units = np.array([f"r{i:02d}" for i in range(60)])
    target = Target(
        task="classify",
        unit="recording",
        units=units,
        groups=groups,
        y=y,
        classes=("a", "b"),
        member=np.arange(60),
        table=pd.DataFrame({"subject": groups}),
    )
    return feature, codewords, target


def test_the_region_that_differs_tells_and_is_missed():
    feature, codewords, target = planted()
    of_region = columns_of_regions(feature, codewords)
    assert {name: list(columns) for name, columns in of_region.items()} == {
        "brow": [0, 1, 2],
        "eye": [3, 4, 5],
        "jaw": [6, 7, 8],
    }
    table = region_table(feature, of_region, target, repeated_folds(target, SETTINGS), SETTINGS)
    score = table.set_index(["use", "region"])["score"]
    assert score["alone", "brow"] > 0.7
    assert score["alone", "jaw"] > 0.7
    assert score["alone", "eye"] < min(score["alone", "brow"], score["alone", "jaw"]) - 0.08
    assert score["without", "eye"] > score["without", "brow"]
    assert score["early", ""] > score["alone", "brow"]
    assert score["late", ""] > score["alone", "brow"]
    early = table[table["use"] == "early"].iloc[0]
    assert early["gain"] == early["gain_low"] == early["gain_high"] == 0
    assert (table["low"] <= table["score"]).all()
    assert (table["score"] <= table["high"]).all()
    assert (table["gain_low"] <= table["gain"]).all()


def test_a_region_is_trained_on_its_own_columns_alone():
    feature, codewords, _ = planted()
    own = only_columns(feature, columns_of_regions(feature, codewords)["jaw"])
    assert np.array_equal(own.raw, feature.raw[:, 6:])
    assert list(own.columns["codeword"]) == [7, 8, 9]
    assert own.transform.blocks[0][:2] == (0, 3)


def test_columns_of_no_codeword_are_refused():
    feature, codewords, _ = planted()
    plain = Feature(
        name="psi",
        raw=feature.raw,
        columns=feature.columns.assign(codeword=-1),
        transform=Blocks(((0, 9, Measured()),)),
        member=feature.member,
    )
    with pytest.raises(DataError, match="of no codeword"):
        columns_of_regions(plain, codewords)


def test_probe_of_a_dataset_by_region(tmp_path):
    face = make_toy_face(ARKIT_NAMES)
    save_face(face, tmp_path)
    world = make_probe_world(tmp_path, face, subjects=8, minutes=0.4, aus=False)
    settings = ProbeSettings(
        model="m", dataset="d", label="condition", features=("bow",), folds=2, repeats=1, resamples=100
    )
    found = probe_regions(settings, world.root)
    assert found.simulated
    assert {"early", "late", "alone"} <= set(found.table["use"])
    # the whole face as its second moments have it, worked out frame by frame
    gram = face.gram * 1e6
    people: dict[str, list[float]] = {}
    for part in world.dataset.iter_frames():
        subject, condition = world.dataset.recordings.set_index("recording").loc[
            part.recording, ["subject", "condition"]
        ]
        if condition == "calm":
            psi = part.psi[part.valid].astype(float)
            people.setdefault(subject, []).append(float(np.einsum("te,ef,tf->t", psi, gram, psi).mean()))
    expected = np.mean([np.sqrt(np.mean(values)) for values in people.values()])
    row = found.magnitudes.set_index(["region", "level"]).loc[("face", "calm")]
    assert row["displacement_mm"] == pytest.approx(expected, rel=0.05)  # windows leave out the last seconds
    assert row["people"] == len(people)
    with pytest.raises(DataError, match="one row of codewords"):
        probe_regions(ProbeSettings(model="m", dataset="d", label="condition"), world.root)
