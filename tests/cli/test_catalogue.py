"""What the cache holds, what depends on what, and what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfe_core import trash
from dfe_core.errors import DataError
from dfe_core.store import write_json
from dfe_core.workspace.catalogue import artefact_faults, catalogue, dependants, find_artefact, remedy, remove_artefact
from dfe_core.workspace.repair import leftovers
from train.health import BAD, checkup


def test_everything_in_the_cache_is_listed_with_what_it_needs(toy_root: Path):
    found = {a.label: a for a in catalogue(toy_root)}
    assert {"faces/toy-1", "datasets/toy", "models/tiny"} <= set(found)
    assert found["models/tiny"].made_from == {("faces", "toy-1"), ("datasets", "toy")}
    assert found["datasets/toy"].simulated is True and found["faces/toy-1"].simulated is None
    assert all(a.bytes > 0 and not artefact_faults(a) for a in found.values())


def test_a_name_of_two_kinds_must_be_told_apart(toy: Path):
    (toy / "models" / "tiny").rename(toy / "models" / "toy")
    with pytest.raises(DataError, match="datasets/toy or models/toy"):
        find_artefact("toy", toy)
    assert find_artefact("models/toy", toy).kind == "models"


@pytest.mark.parametrize(
    ("kind", "name", "file"),
    [
        ("datasets", "toy", "frames.parquet"),
        ("datasets", "toy", "recordings.parquet"),
        ("models", "tiny", "model.safetensors"),
        ("faces", "toy-1", ""),
    ],
)
def test_one_changed_byte_is_found_and_named(toy: Path, kind: str, name: str, file: str):
    path = find_artefact(f"{kind}/{name}", toy).path / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    artefact = find_artefact(f"{kind}/{name}", toy)
    assert len(artefact_faults(artefact)) == 1 and file in artefact_faults(artefact)[0]
    assert f"{name}" in remedy(artefact)


def test_a_missing_or_broken_manifest_is_a_fault_and_no_crash(toy: Path):
    (toy / "datasets" / "toy" / "manifest.json").write_text("{")
    (toy / "tokens" / "half").mkdir(parents=True)
    found = {a.label: a for a in catalogue(toy)}
    assert "not readable as JSON" in found["datasets/toy"].fault
    assert "never finished" in found["tokens/half"].fault
    assert "dfe encode" in remedy(found["tokens/half"])


def test_a_manifest_of_another_version_is_told_and_listed(run_dfe, toy: Path):
    write_json(toy / "models" / "old" / "config.json", {"name": "old", "key": "1"})
    assert "no face, coefficients, tokenizer" in find_artefact("old", toy).fault
    listed = run_dfe(toy, "list")
    assert listed.returncode == 0 and "not written by this version" in listed.stdout


def test_an_unfinished_training_is_told_as_such(toy: Path):
    (toy / "models" / "tiny" / "config.json").unlink()
    assert find_artefact("models/tiny", toy).fault == "training has not finished"


def test_what_is_made_at_need_goes_with_what_it_was_made_from(toy: Path):
    write_json(toy / "analyses" / "map-1" / "manifest.json", {"settings": {"model": "tiny"}})
    write_json(toy / "analyses" / "aus--toy--openface" / "manifest.json", {"dataset": "toy"})
    model, dataset = find_artefact("tiny", toy), find_artefact("toy", toy)
    assert "analyses/map-1" in [a.label for a in dependants(model, toy)]
    remove_artefact(model, root=toy)
    assert not (toy / "analyses" / "map-1").exists() and not model.path.exists()
    with pytest.raises(DataError, match="needed by analyses/aus--toy--openface"):
        remove_artefact(dataset, root=toy)
    entry = remove_artefact(dataset, force=True, root=toy).entry
    assert not dataset.path.exists() and next(e.id for e in trash.discarded(toy)) == entry.id
    trash.restore(entry.id, toy)
    assert not artefact_faults(find_artefact("datasets/toy", toy))


def test_doctor_names_the_corrupt_artefact_and_how_to_make_it_again(toy: Path):
    (toy / "datasets" / "toy" / "frames.parquet").write_bytes(b"PAR1")
    (toy / "datasets" / ".toy-0123abcd").mkdir()
    checks = {check.what: check for check in checkup(toy)}
    broken = checks["datasets/toy"]
    assert broken.state == BAD and "frames.parquet" in broken.found and "dfe simulate --name toy" in broken.remedy
    assert checks["torch"].state != BAD and checks["drawing"].state != BAD and checks["packages"].state != BAD
    assert [p.name for p in leftovers(toy)] == [".toy-0123abcd"] and ".toy-0123abcd" in checks["leftovers"].found
