"""The graph of artefacts: what goes with what, whatever command asks; and the names and keys that it rests on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dfe_core import trash
from dfe_core.artefact import MADE_FROM, Artefact, ArtefactId
from dfe_core.artefact_names import KINDS, split_tokens_name, tokens_name
from dfe_core.embedding.maps import MapSettings, build_map
from dfe_core.errors import DataError
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.duplicates import find_duplicates
from dfe_core.expressions.removal import put_back
from dfe_core.faces import save_face
from dfe_core.facs.aggregates import aggregates_of, open_coverage_inputs
from dfe_core.facs.blind_spots import find_blind_spots
from dfe_core.facs.derive import derive_aus
from dfe_core.store import content_key, read_json, require_new_name, write_json
from dfe_core.tokens.face_index import build_moments
from dfe_core.tokens.intervals import build_runs
from dfe_core.tokens.subject_identification import identity_leak
from dfe_core.workspace.catalogue import catalogue, dependants, find_artefact, remove_artefact
from dfe_core.workspace.graph import ArtefactGraph
from tests.small_world import World, make_world, write_model, write_tokens
from tests.sources import sources
from train.cli import main

MADE_AT_NEED = {"blind", "coverage", "duplicates", "leak", "map", "moments", "runs"}


@pytest.fixture
def world(cache: Path, toy_face) -> World:
    """Six recordings of three people, action units, and an analysis of each kind that takes no training."""
    save_face(toy_face, cache)
    made = make_world(cache, toy_face, frames=200)
    build_runs(made.tokens)
    build_moments(made.dataset, toy_face)
    derive_aus(made.dataset, "derived", root=cache)
    find_blind_spots(made.dataset, cache)
    find_duplicates(made.dataset, cache / "analyses")
    aggregates_of(open_coverage_inputs("m", "d", "derived", cache), root=cache)
    identity_leak("m", "d", cache)
    build_map(MapSettings(model="m", of="codewords", by="deformation", method="pca"), root=cache)
    return made


def prefixes(artefacts: list[Artefact]) -> set[str]:
    return {a.name.split("-")[0] for a in artefacts if a.kind == "analyses"}


def forget_sources(root: Path, prefix: str) -> str:
    """Take ``made_from`` out of an analysis, as an older version of dfe wrote it; its label."""
    artefact = next(a for a in catalogue(root) if a.name.startswith(prefix))
    path = artefact.path if artefact.path.is_file() else artefact.path / "manifest.json"
    write_json(path, {k: v for k, v in read_json(path).items() if k != MADE_FROM})
    return artefact.label


def test_every_analysis_says_what_it_was_made_from(world: World):
    graph = ArtefactGraph.of(world.root)
    assert prefixes(list(graph.artefacts)) == MADE_AT_NEED | {"aus"}
    assert graph.unknown_origin() == [] and all(not graph.missing_sources(a) for a in graph.artefacts)
    coverage = next(a for a in graph.artefacts if a.name.startswith("coverage-"))
    assert {s.label for s in coverage.made_from} == {
        "models/m",
        "datasets/d",
        "tokens/m--d",
        "analyses/aus--d--derived",
    }


def test_removing_a_dataset_takes_along_all_that_is_made_from_it_and_names_the_rest(world: World):
    removal = remove_artefact(find_artefact("datasets/d", world.root), force=True, root=world.root)
    assert prefixes(list(removal.deleted)) == MADE_AT_NEED - {"map"}
    assert [a.label for a in removal.kept] == ["tokens/m--d", "analyses/aus--d--derived"]
    left = [a for a in catalogue(world.root) if a.kind == "analyses"]
    assert prefixes(left) == {"aus", "map"} and removal.unknown == ()


@pytest.mark.parametrize(
    ("thing", "gone"),
    [
        ("models/m", MADE_AT_NEED - {"blind", "duplicates", "moments"}),
        ("tokens/m--d", {"coverage", "leak", "runs"}),
        ("analyses/aus--d--derived", {"coverage"}),
        ("faces/toy-1", MADE_AT_NEED | {"aus"}),
    ],
)
def test_what_was_made_from_an_artefact(world: World, thing: str, gone: set[str]):
    assert prefixes(dependants(find_artefact(thing, world.root), world.root)) == gone


def test_a_trained_model_stands_by_itself(world: World, toy_face):
    """Tokens of a model on another dataset do not need the dataset that the model was trained on."""
    other = write_model(world.root, toy_face, world.codebook.psi, "trained")
    config = other.path / "config.json"
    write_json(config, {**read_json(config), "dataset": {"name": "e", "key": "1"}})
    write_tokens(world.root, other, world.dataset, {"r0": (np.zeros((5, 3), int), np.zeros((5, 3), int))})
    graph = ArtefactGraph.of(world.root)
    trained_on = Artefact(world.root / "datasets" / "e")
    assert [a.label for a in graph.dependants(trained_on)] == ["models/trained"]
    assert graph.missing_sources(find_artefact("models/trained", world.root)) == []


def test_an_index_of_an_older_version_is_known_by_its_tokens_and_other_analyses_are_listed(world: World):
    runs, coverage = forget_sources(world.root, "runs-"), forget_sources(world.root, "coverage-")
    leak = forget_sources(world.root, "leak-")
    assert runs in [a.label for a in dependants(find_artefact("datasets/d", world.root), world.root)]
    removal = remove_artefact(find_artefact("datasets/d", world.root), force=True, root=world.root)
    assert runs in [a.label for a in removal.deleted]
    assert [a.label for a in removal.unknown] == sorted([coverage, leak])
    assert all(a.path.exists() for a in removal.unknown)


def test_rm_says_what_went_along_and_undo_what_is_missing(world: World, capsys):
    assert main(["rm", "datasets/d", "--yes"]) == 1 and "needed by tokens/m--d" in capsys.readouterr().err
    assert main(["rm", "datasets/d", "--yes", "--force"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"deleted with it.*analyses/coverage-.*analyses/runs-", shown)
    assert "still there: tokens/m--d, analyses/aus--d--derived" in shown
    remove_artefact(find_artefact("faces/toy-1", world.root), force=True, root=world.root)
    entry = next(e for e in trash.discarded(world.root) if e.what == "datasets/d")
    assert main(["rm", "--undo", entry.id]) == 0
    assert "not there: faces/toy-1" in capsys.readouterr().out


def test_doctor_names_what_was_made_from_something_that_is_gone(world: World):
    from train.health import WARNING, _without_sources

    put_back(remove_artefact(find_artefact("datasets/d", world.root), force=True, root=world.root).entry, world.root)
    assert list(_without_sources(ArtefactGraph.of(world.root))) == []
    remove_artefact(find_artefact("datasets/d", world.root), force=True, root=world.root)
    checks = {check.what: check for check in _without_sources(ArtefactGraph.of(world.root))}
    assert set(checks) == {"tokens/m--d", "analyses/aus--d--derived"}
    assert checks["tokens/m--d"].state == WARNING and "datasets/d" in checks["tokens/m--d"].found


@pytest.mark.parametrize(
    ("manifest", "names"),
    [({"model": "a--b", "dataset": "c"}, ("a--b", "c")), ({"model": "a", "dataset": "b--c"}, ("a", "b--c"))],
)
def test_tokens_of_an_old_name_with_dashes_are_of_the_model_that_their_manifest_names(tmp_path, manifest, names):
    path = tmp_path / "tokens" / tokens_name(*names)
    write_json(path / "manifest.json", manifest)
    assert split_tokens_name(path.name, manifest) == names
    assert Artefact(path).made_from == {ArtefactId("models", names[0]), ArtefactId("datasets", names[1])}


def test_two_dashes_are_refused_before_the_work_starts(cache: Path, toy_face):
    from dfe_core.expressions.importing import import_dataset
    from dfe_core.facs.importing import import_aus
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.training.fit import train_model

    world = make_world(cache, toy_face, frames=5)
    attempts = (
        lambda: import_dataset(["missing.csv"], "a--b", root=cache),
        lambda: simulate_dataset("a--b", toy_face, root=cache),
        lambda: train_model("missing", "a--b", root=cache),
        lambda: import_aus(["missing.csv"], world.dataset, "a--b", root=cache),
        lambda: open_writer("a--b", toy_face.names, cache).__enter__(),
    )
    for attempt in attempts:
        with pytest.raises(DataError, match="'--' in a new name"):
            attempt()
    assert require_new_name("models", "a-b", cache) == cache / "models" / "a-b"


def test_the_key_of_plain_values_is_as_it_was_and_of_anything_else_there_is_none():
    assert content_key({"b": [1, 2.5, None, True], "a": ("x", "é")}) == "3b4c3f153c1ce782"
    assert content_key({"a": ["x", "é"], "b": [1, 2.5, None, True]}) == "3b4c3f153c1ce782"
    for value in (object(), Path("a"), np.arange(2), {"a": np.int64(1)}, {1, 2}):
        with pytest.raises(TypeError):
            content_key(["v", value])


def test_file_names_of_artefacts_stand_in_one_module():
    """A name that is written a second time is a layout that can be changed by half."""
    files = r"(manifest|config|notes|metrics|withdrawals)\.json|(model|checkpoint)\.safetensors|history\.jsonl"
    files += r"|(tokens|counts|codewords|frames|extras|truth|aus)\.parquet"
    again = [one.place for one in sources() for text in one.texts if re.fullmatch(files, text.value)]
    assert set(again) == {"dfe_core/artefact_names.py"}
    assert KINDS[0] == "faces"
