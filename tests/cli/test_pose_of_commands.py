"""What commands say of a dataset in which head pose explains expression."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter1d

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.label_scales import LabelScale
from dfe_core.expressions.recording import Recording
from dfe_core.facs.coverage_limits import coverage_limits
from dfe_core.facs.coverage_notes import coverage_notes
from dfe_core.probes.limits import limiting_facts
from dfe_core.probes.methods_text import warning_texts
from dfe_core.probes.settings import ProbeSettings
from train import cli

SPOTLESS = pd.DataFrame(columns=["extractor", "coefficient", "sight"])


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """Two datasets of one person: a face that follows the head, and one that does not."""
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    rng = np.random.default_rng(0)
    angles, free = (gaussian_filter1d(rng.normal(size=(3000, 3)), 10, axis=0) for _ in range(2))
    index = np.arange(3000)
    for name, psi in (("follows", angles @ rng.normal(size=(3, 2))), ("free", free[:, :2])):
        with open_writer(name, ("a", "b")) as writer:
            writer.add(
                Recording(
                    name="r",
                    names=("a", "b"),
                    psi=psi.astype(np.float32),
                    time_s=index / 25,
                    frame=index,
                    valid=np.ones(3000, bool),
                    fps=25.0,
                    space="toy",
                    extractor="tool",
                    subject="s",
                    extras=dict(zip(("HeadPitch", "HeadYaw", "HeadRoll"), angles.T, strict=True)),
                )
            )
            writer.close({"name": name, "face": "toy-face", "simulated": False})


def test_show_has_the_leak_and_warns_where_it_is_high(datasets, capsys):
    assert cli.main(["show", "follows"]) == 0
    shown = capsys.readouterr().out
    assert "pose leak" in shown and "Head pose explains expression" in shown and "1 of 1 subjects" in shown
    assert cli.main(["show", "free"]) == 0
    shown = capsys.readouterr().out
    assert "pose leak" in shown and "Head pose explains expression" not in shown


def test_commands_whose_results_rest_on_the_dataset_warn_on_stderr(datasets, capsys):
    for command in ("train", "evaluate", "coverage", "probe"):
        cli._warn_of_pose(argparse.Namespace(command=command, dataset="follows"))
        told = capsys.readouterr()
        assert told.err.startswith("warning: follows: Head pose explains expression") and not told.out
        cli._warn_of_pose(argparse.Namespace(command=command, dataset="free"))
    cli._warn_of_pose(argparse.Namespace(command="rm", dataset="follows"))
    assert not capsys.readouterr().err


def test_reports_of_coverage_and_probes_hold_the_warning(datasets):
    said = {}
    for name in ("follows", "free"):
        data = Dataset.open(name)
        target = SimpleNamespace(
            subjects=40,
            task="classify",
            classes=("a", "b"),
            y=np.array([0, 1]),
            dropped=0,
            scale=LabelScale.NOMINAL,
            values=np.array(["a", "b"]),
        )
        aus = SimpleNamespace(tool="OpenFace", estimate=True, name="a", manifest={"alignment": [], "notes": []})
        limits = coverage_limits(
            SimpleNamespace(dataset=data, aus=aus), SimpleNamespace(left_out={}), templates=None, lag_s=0.0
        )
        probed = {"simulated": False, "groups": 40, "codebook_saw": {"known": True, "seen": 0}, "duplicates": []}
        probed |= {"codebook_use": {"use": "shared"}, "sealed": None}
        probed |= {"windows": {"equal": False}, **limiting_facts(target, data)}
        said[name] = [
            " ".join(lines)
            for lines in (
                coverage_notes(limits, SPOTLESS, "a", "OpenFace", estimate=True),
                warning_texts(probed, ProbeSettings(model="m", dataset=name, label="x")),
            )
        ]
    assert all("Head pose explains expression: pose leak" in text for text in said["follows"])
    assert not any("Head pose" in text for text in said["free"])
