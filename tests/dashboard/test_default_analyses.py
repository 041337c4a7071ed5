"""After the first page: what the pages show of the default codebook is queued, once, and only what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboard.data import artefact_cache
from dashboard.pages import compare as compare_page
from dashboard.pages import groups as groups_page
from dashboard.pages import map as map_page
from dashboard.panels import coverage_report, probe_form
from dashboard.shell import default_analyses
from dashboard.shell.default_analyses import AUS, DATASET, LABEL, MODEL, SECOND, analyses, queue_missing
from dfe_core.embedding.maps import MapSettings
from dfe_core.faces import save_face
from dfe_core.simulate.dataset import simulate_dataset
from tests.facs import planted
from train import default_build
from train.cli import build_parser
from train.commands.probe import read_settings

SIZE = len(planted.CHANNELS) + 2


class Heard:
    """Jobs that start nothing."""

    def __init__(self) -> None:
        self.commands: dict[str, list[str]] = {}

    def start(self, key: str, title: str, *arguments: str) -> None:
        self.commands[key] = list(arguments)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache with a codebook `default` on data `simulated` and its action units."""
    root = tmp_path_factory.mktemp("default") / "cache"
    save_face(toy_face, root)
    dataset = simulate_dataset(DATASET, toy_face, subjects=4, minutes_per_subject=0.1, root=root)
    planted.write_model(root, toy_face, np.eye(SIZE, toy_face.coefficients, dtype=np.float32), MODEL)
    planted.write_tokens(dataset, root, MODEL, SIZE, 1)
    planted.write_aus(dataset, root, AUS)
    return root


def test_an_empty_cache_queues_nothing(tmp_path: Path):
    assert queue_missing(Heard(), tmp_path / "none") == []


def test_what_is_missing_is_queued_as_the_jobs_of_the_pages(root: Path):
    heard = Heard()
    choice = artefact_cache.Choice(root=root, model=MODEL, dataset=DATASET)
    assert queue_missing(heard, root) == [
        default_analyses.REST_KEY,
        map_page.job_key(MapSettings(model=MODEL)),
        probe_form.key_of(choice),
        coverage_report.job_key(choice, AUS),
        groups_page.job_key(groups_page.report_folder(choice, groups_page.Asked(by=LABEL, aus=AUS))),
        f"second-{SECOND}",
        map_page.job_key(MapSettings(model=MODEL, dataset=DATASET, of="frames", by="psi")),
    ]
    for line in heard.commands.values():
        assert build_parser(line).parse_args(line).command == line[0], "a command that the parser takes"


def test_the_probe_that_is_queued_is_the_one_that_is_looked_for(root: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(default_analyses, "probe_folder", lambda settings, root: asked.append(settings) or Path("x"))
    probe = next(a for a in analyses(root) if a.arguments[0] == "probe")
    probe.present()
    assert read_settings(build_parser(probe.arguments).parse_args(probe.arguments)) == asked[0]
    assert asked[0].label == LABEL


def test_the_pages_and_the_build_mean_the_same_artefacts():
    assert (MODEL, DATASET, AUS, SECOND) == (
        default_build.MODEL,
        default_build.DATASET,
        default_build.AUS,
        default_build.SECOND,
    )


def test_what_is_there_is_not_made_again(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(default_analyses, "open_map", lambda settings, root: object())
    heard = Heard()
    queue_missing(heard, root)
    assert [line[0] for line in heard.commands.values()] == [
        "build-default",
        "probe",
        "coverage",
        "groups",
        "build-default",
    ]


def test_what_the_first_page_did_not_wait_for_is_made_first_and_once(root: Path, monkeypatch: pytest.MonkeyPatch):
    assert heard_of(root)[0] == ["build-default"]
    monkeypatch.setattr(artefact_cache, "metrics", lambda root, model: {"figures": 1})
    monkeypatch.setattr(default_analyses, "_made", lambda folder: True)
    assert ["build-default"] not in heard_of(root)


def heard_of(root: Path) -> list[list[str]]:
    heard = Heard()
    queue_missing(heard, root)
    return list(heard.commands.values())


def test_nothing_is_started_unless_the_command_serves_the_pages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(default_analyses.PREPARE, raising=False)
    monkeypatch.setattr(default_analyses, "_preparation", lambda: pytest.fail("started"))
    default_analyses.start()
    assert not default_analyses.pending()


def test_compare_offers_the_job_that_the_dashboard_queues_and_another_codebook_of_other_data(root: Path):
    def offered(model: str, dataset: str) -> tuple[str, str, list[str]]:
        return compare_page.second_codebook(artefact_cache.Choice(root=root, model=model, dataset=dataset))

    ours = next(a for a in analyses(root) if a.arguments == ["build-default", "--second"])
    assert offered(MODEL, DATASET) == (SECOND, ours.key, ours.arguments)
    assert offered("mine", "study")[2] == ["train", "study", "--name", "study-1", "--seed", "1"]
    command = offered("mine", "study")[2]
    assert build_parser(command).parse_args(command).seed == 1
