"""A sealed test, opened: labels become readable, and every hypothesis is tested once on the people who were sealed."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import SEALED_SPLIT, Hypothesis, SealedTest, find_seal, open_seal
from dfe_core.probes.paired_tests import holm
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.progress import Listener, silent
from dfe_core.store import cache_root
from dfe_core.tokens.cache import TokenCache

_ALPHA = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class TestedHypothesis:
    """One hypothesis with its result, or the error that it could not be tested for. p_holm: over all hypotheses."""

    hypothesis: Hypothesis
    result: ProbeResult | None
    error: str = ""
    p_holm: float | None = None

    @property
    def row(self) -> dict[str, Any]:
        """The row of the result: features, metric, score, ci95, p_vs_chance."""
        return self.result.summary["rows"][0] if self.result else {}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        row = self.row
        return {
            **asdict(self.hypothesis),
            "metric": row.get("metric"),
            "score": row.get("score"),
            "ci95": row.get("ci95"),
            "chance": self.result.summary["chance"] if self.result else None,
            "p": row.get("p_vs_chance"),
            "p_holm": self.p_holm,
            "supported": None if self.p_holm is None else self.p_holm < _ALPHA,
            "error": self.error,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Unsealing:
    """What opening a seal gave: the seal, and its hypotheses in the order they were named."""

    seal: SealedTest
    tested: tuple[TestedHypothesis, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "study": self.seal.study,
            "subjects": sorted(set(self.seal.files.values())),
            "sealed_at": self.seal.sealed_at,
            "opened_at": self.seal.opened_at,
            "looks": len(self.seal.looks),
            "hypotheses": [one.to_json() for one in self.tested],
        }


def unseal(study: str, root: Path | None = None, progress: Listener = silent) -> Unsealing:
    """Open the labels that a study sealed, once, and test its hypotheses on their people by models of all others.

    Raises `DataError` where the study has no seal, where it was opened before, and where its dataset or tokens are not
    there: a test that cannot be made must not cost the opening.
    """
    root = root or cache_root()
    held = find_seal(study, root)
    if held is not None:
        TokenCache.open(f"{study}-codebook", held.dataset, root)
    with recorded("unseal", (f"datasets/{held.dataset}",) if held else (), root=root):
        seal = open_seal(study, root)
        os.utime(Dataset.open(seal.dataset, root).path / MANIFEST)  # whoever holds the dataset opens it again
    found = [_tested(one, seal, root, progress) for one in seal.plan.hypotheses]
    adjusted = holm([one.row.get("p_vs_chance") for one in found])
    tested = tuple(
        TestedHypothesis(hypothesis=one.hypothesis, result=one.result, error=one.error, p_holm=p)
        for one, p in zip(found, adjusted, strict=True)
    )
    return Unsealing(seal=find_seal(study, root) or seal, tested=tested)


def _tested(one: Hypothesis, seal: SealedTest, root: Path, progress: Listener) -> TestedHypothesis:
    settings = ProbeSettings(
        model=f"{seal.study}-codebook",
        dataset=seal.dataset,
        label=one.label,
        features=(one.features,),
        validation=SEALED_SPLIT,
        drop_missing=True,
    )
    try:
        return TestedHypothesis(hypothesis=one, result=run_probe(settings, root, progress))
    except DataError as error:
        return TestedHypothesis(hypothesis=one, result=None, error=str(error))
