"""No page shows a sealed label and no command prints or writes one, until it is opened."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfe_core.artefact_names import MANIFEST
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan, open_seal, put_seal
from tests.dashboard.test_pages import PAGES, opened
from train.cli import COMMANDS, main

SECRET = "secretvalue"
_NO_LABELS = {
    **dict.fromkeys(
        "train merge encode evaluate decode live aus names raters coverage map syllables fill signals".split(),
        "of frames alone",
    ),
    **dict.fromkeys(
        ("extract", "videos", "simulate", "faces", "picture", "benchmark", "build-default"), "of no labels"
    ),
    **dict.fromkeys(("rm", "bucket", "withdraw", "doctor", "log", "dashboard"), "of artefacts by name"),
    "align-text": "reads labels by `labelled_spans`, as probe",
    "study": "tests/workflow/test_sealed.py",
    "unseal": "opens them",
    "adapt": "of frames alone",
    "transition": "of frames alone",
    "asymmetry": "of frames alone",
    "authenticity": "of frames alone",
    "power": "reads no label",
    "intervals": "of frames alone; annotations of sealed recordings are withheld by `EventSet.table`",
}
"""Commands that are not run here, and why."""
_RUN: dict[str, list[str]] = {
    "list": ["list"],
    "show": ["show", "simulated"],
    "probe": ["probe", "default", "simulated", "--label", "condition", "--features", "psi", "--folds", "2"],
    "groups": ["groups", "default", "simulated", "--by", "condition", "--permutations", "99", "--out", "{out}/groups"],
    "conversations": (
        "conversations default simulated --by condition --max-lag 0.2 --window 1 --surrogates 99 --out {out}/talk"
    ).split(),
    "modalities": (
        "modalities default simulated --label condition --modality a=bow --modality b=bow --folds 2 --out {out}/m.csv"
    ).split(),
    "micro": ["micro", "default", "simulated"],
    "robustness": (
        "robustness default simulated --label condition --folds 2 --only quantised --purifier none --seconds 2 "
        "--out {out}/r"
    ).split(),
    "privacy": (
        "privacy default simulated --label condition --folds 2 --way rest --attacker linear --out {out}/p.csv"
    ).split(),
    "export": ["export", "default", "simulated", "--what", "all", "--format", "csv", "--out", "{out}/all"],
    "events": ["events", "list", "simulated"],
    "import": ["import", "{root}/datasets/simulated", "--name", "copy", "--face", "toy-1"],
}


@pytest.fixture(scope="module")
def template(filled_template: Path, tmp_path_factory) -> Path:
    """The cache of the pages; the labels of one person of three are a secret, and sealed."""
    root = tmp_path_factory.mktemp("secret") / "cache"
    shutil.copytree(filled_template, root)
    data = Dataset.open("simulated", root)
    recordings = [data.recording(name) for name in data.recordings["recording"]]
    moods = dict(zip(data.recordings["recording"], data.recordings["condition"], strict=True))
    shutil.rmtree(data.path)
    theirs = [one.name for one in recordings if one.subject == "subject01"]
    with open_writer("simulated", data.names, root) as writer:
        for one in recordings:
            writer.add(one, {"condition": SECRET if one.name in theirs else moods[one.name]})
        source = {"file": "one.csv", "sha256": "ab" * 32, "reader": "fake", "recordings": theirs, "notes": []}
        writer.close({**{k: data.manifest[k] for k in ("name", "face", "simulated", "notes")}, "sources": [source]})
    plan = SealPlan(subjects=("subject01",), hypotheses=(Hypothesis(label="condition"),))
    put_seal("simulated", "simulated", plan, {"ab" * 32: "subject01"}, root)
    return root


@pytest.fixture
def sealed(template: Path, cache: Path) -> Path:
    shutil.copytree(template, cache)
    return cache


def everything(test: Any) -> str:
    """All that a page sends to the browser."""

    def parts() -> Iterator[str]:
        for place in (test.main, test.sidebar):
            yield from (str(getattr(element, "proto", "")) for element in place)

    return "\n".join(parts())


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_a_sealed_label(sealed: Path, name: str):
    test = opened(name)
    assert not test.exception and not test.error and SECRET not in everything(test)


def test_pages_say_what_is_sealed_and_show_it_once_it_is_open(sealed: Path):
    assert "Labels of 2 recordings are sealed" in everything(opened("recordings"))
    open_seal("simulated", sealed)
    (sealed / "datasets" / "simulated" / MANIFEST).touch()
    shown = {name: everything(opened(name)) for name in ("recordings", "data")}
    assert any(SECRET in text for text in shown.values()) and "are sealed" not in shown["recordings"]


def test_every_command_is_run_or_reads_no_label():
    assert set(_RUN) | set(_NO_LABELS) == set(COMMANDS)


@pytest.mark.parametrize("name", _RUN)
def test_no_command_prints_or_writes_a_sealed_label(sealed: Path, tmp_path: Path, capsys, name: str):
    code, out = main([part.format(root=sealed, out=tmp_path / "out") for part in _RUN[name]]), tmp_path / "out"
    told = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert code == 0 or name in ("probe", "modalities", "robustness", "privacy"), (
        told.err
    )  # two people of one class each are too few to predict
    assert SECRET not in told.out + told.err and SECRET.encode() not in written
    if name == "import":
        assert SECRET not in set(map(str, Dataset.open("copy", sealed).stored_recordings.get("condition", [])))
