"""Pages and tutorials on less data than they name: their code is what is tested, and most of its time is frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

import dfe_core as dfe
from dfe_core.facs import coverage
from dfe_core.facs.settings import CoverageSettings
from dfe_core.probes.result import ProbeResult

MINUTES, STEPS, DRAWS = 0.4, 20, 19
COVERAGE = CoverageSettings(resamples=50, beyond_frames=2000)


def use_less_data(patch: pytest.MonkeyPatch) -> None:
    """Fewer minutes of as many people are simulated, and training takes fewer steps; what is drawn at random in a
    coverage or a probe is drawn less often."""
    simulate, train, probe = dfe.simulate, dfe.train, dfe.Study.probe

    def simulate_less(name: str, *, minutes_per_subject: float = MINUTES, **options: Any) -> dfe.Dataset:
        return simulate(name, minutes_per_subject=min(minutes_per_subject, MINUTES), **options)

    def train_less(data: dfe.Dataset, *, settings: Mapping[str, Any] | None = None, **options: Any) -> dfe.Codebook:
        less = {"train.steps": min((settings or {}).get("train.steps", STEPS), STEPS), "train.batch": 64}
        return train(data, settings={**(settings or {}), **less}, **options)

    def probe_less(study: dfe.Study, label: str, **options: Any) -> ProbeResult:
        draws = {"permutations": min(options["permutations"], DRAWS)} if "permutations" in options else {}
        return probe(study, label, **{**options, **draws})

    patch.setattr(coverage, "analyse_inputs", partial(coverage.analyse_inputs, settings=COVERAGE))
    patch.setattr(dfe.Study, "probe", probe_less)
    patch.setattr(dfe, "simulate", simulate_less)
    patch.setattr(dfe, "train", train_less)
