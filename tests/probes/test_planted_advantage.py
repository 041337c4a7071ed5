"""Tokens are ahead of a detector where the effect lies beyond it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfe_core.facs.simulated_detector import NAME, detect_aus
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from tests.probe_world import make_probe_world, planted_codewords


def probe(root: Path, face, effect: str) -> ProbeResult:
    world = make_probe_world(root, face, effect, subjects=20, minutes=2.0, aus=False)
    detect_aus(world.dataset)
    settings = ProbeSettings(
        model="m",
        dataset="d",
        label="condition",
        features=("bow", "au"),
        aus=NAME,
        repeats=2,
        permutations=19,
        resamples=100,
        swaps=99,
    )
    return run_probe(settings, root)


def ahead(result: ProbeResult) -> float:
    """Macro-F1 of tokens less that of the detector's action units."""
    return float(result.paired["difference"].iloc[0])


def test_tokens_win_by_the_movements_that_a_detector_does_not_report(tmp_path, toy_face):
    result = probe(tmp_path, toy_face, "default")
    assert ahead(result) > 0.15
    pair = result.paired.iloc[0]
    assert (pair["a"], pair["b"]) == ("bow", "au") and 0 < pair["low"] < pair["difference"] < pair["high"] < 1
    heaviest = result.codewords["weight"].abs().groupby(result.codewords["codeword"]).mean().nlargest(3).index
    assert set(heaviest) <= planted_codewords({"mouthSideways", "AD30", "AU7", "AU10"})
    assert set(heaviest) & planted_codewords({"mouthSideways", "AD30"})


def test_tokens_win_nothing_where_the_detector_sees_all_of_the_effect(tmp_path, toy_face):
    assert ahead(probe(tmp_path, toy_face, "seen-by-detectors")) == pytest.approx(0, abs=0.12)
