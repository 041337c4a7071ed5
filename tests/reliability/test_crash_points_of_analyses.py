"""An analysis that is killed at any of its steps leaves its inputs as they were, and is made the next time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from dfe_core.embedding.maps import MapSettings, build_map
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.importing import import_aus
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import recover_all
from dfe_core.workspace.catalogue import artefact_faults, catalogue
from dfe_core.workspace.repair import leftovers, repair
from tests.facs import planted
from tests.probe_world import make_probe_world
from tests.reliability.crash_points import content, walked

INPUTS = ("faces", "datasets", "models", "tokens")


def walk(
    root: Path, act: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: int = 2
) -> int:
    """Stop `act` once at every step: the inputs are whole, no artefact is faulty, doctor loses nothing; of `again`
    copies, begin, middle and end, the analysis is made to the same bytes. Returns the number of steps."""
    old = content(root, INPUTS)
    with walked(root, tmp_path / "walk", monkeypatch) as disk:
        act(root)
    made = {path: value for path, value in content(root).items() if path.startswith("analyses/")}
    assert made and content(root, INPUTS) == old
    for copy in disk.copies:
        recover_all(copy)
        assert content(copy, INPUTS) == old, copy.name
        assert not [a.label for a in catalogue(copy) if a.kind == "analyses" and artefact_faults(a)], copy.name
        before = content(copy)
        repair(copy)
        assert content(copy) == before and not leftovers(copy), copy.name
    for copy in disk.copies[:: max(1, len(disk.copies) // again)]:
        act(copy)
        assert set(content(copy)) == set(content(root)), copy.name
        assert without_times(copy) == without_times(root), copy.name
    return len(disk.copies)


def without_times(root: Path) -> dict[str, str]:
    """Hashes of what an analysis holds beside its manifest, which says when it was made."""
    return {path: value for path, value in content(root, ("analyses",)).items() if path.endswith((".npz", ".parquet"))}


def test_coverage(tmp_path: Path, toy_face: FaceModel, monkeypatch):
    case = planted.build(tmp_path / "cache", toy_face, subjects=2, minutes=0.1)
    steps = walk(
        case.root,
        lambda root: analyse_coverage(case.model, case.dataset, case.aus, root=root),
        tmp_path,
        monkeypatch,
    )
    assert steps > 5


def test_a_probe(tmp_path: Path, toy_face: FaceModel, monkeypatch):
    world = make_probe_world(tmp_path / "cache", toy_face, subjects=8, minutes=0.3)
    settings = ProbeSettings(
        model="m",
        dataset="d",
        label="condition",
        features=("bow",),
        models=("linear",),
        permutations=19,
        resamples=100,
        swaps=99,
    )
    assert walk(world.root, lambda root: run_probe(settings, root), tmp_path, monkeypatch) > 3


def test_a_map_of_codewords(tmp_path: Path, toy_face: FaceModel, monkeypatch):
    world = make_probe_world(tmp_path / "cache", toy_face, subjects=2, minutes=0.1, aus=False)
    settings = MapSettings(of="codewords", model="m", dataset="d", by="deformation", method="pca", dimensions=2)
    assert walk(world.root, lambda root: build_map(settings, root=root, face=toy_face), tmp_path, monkeypatch) > 3


def test_imported_action_units(tmp_path: Path, toy_face: FaceModel, monkeypatch):
    world = make_probe_world(tmp_path / "cache", toy_face, subjects=2, minutes=0.1, aus=False)
    files = tmp_path / "aus"
    files.mkdir()
    for name in world.dataset.recordings["recording"]:
        time_s = world.dataset.frames(name).time_s
        table = pd.DataFrame(
            {"frame": range(1, len(time_s) + 1), "face_id": 0, "timestamp": time_s, "confidence": 0.98}
        )
        table.assign(success=1, AU01_r=1.5, AU12_r=0.2, AU01_c=1, AU12_c=0).to_csv(files / f"{name}.csv", index=False)
    assert (
        walk(
            world.root,
            lambda root: import_aus([files], Dataset.open("d", root), "openface", root=root),
            tmp_path,
            monkeypatch,
        )
        > 3
    )
