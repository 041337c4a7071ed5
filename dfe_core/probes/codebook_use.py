"""Whether a probe's codebook has seen the people that the probe tests, and codebooks that have not.

A codebook is trained without labels, so that one trained on everybody (``shared``) tells nothing of the label; but its
codewords fit the people it was trained on better than new ones. ``held-out`` tests on people it has not seen;
``refit`` trains a codebook inside every fold, without the people that the fold tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dfe_core.artefact_names import CONFIG
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fold
from dfe_core.progress import Listener, Progress
from dfe_core.store import artefact_path, content_key
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

if TYPE_CHECKING:
    from dfe_core.tokenizer.config import Config

_TRAIN_S, _STEP_S, _ENCODE_S = 3.0, 0.028, 0.08
"""Seconds on 2 cores: of a training at least, of each step, and of encoding 1,000 frames."""
_OF_CODEWORDS = ("bow",)
"""How the names of features begin that are made from tokens."""


class CodebookUse(StrEnum):
    """Which codebook predicts whom."""

    SHARED = "shared"
    """One for all folds, whoever it was trained on."""
    HELD_OUT = "held-out"
    """One, and only people whom it has not seen are tested; the others train."""
    REFIT = "refit"
    """One for every fold, trained without the people that it tests."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RefitPlan:
    """The codebooks of the folds.

    names: of the codebooks, one a fold. held: the subjects that each must not see. config: of their training.
    missing: how many are not trained yet. seconds: about how long these take on 2 cores.
    """

    names: tuple[str, ...]
    held: tuple[tuple[str, ...], ...]
    config: Config
    missing: int
    seconds: float


def unseen_units(encoded: CodebookTokens | None, dataset: Dataset, target: Target) -> np.ndarray:
    """(n,) whether it is known that the codebook has not seen the unit's subject.

    Raises `DataError` where there is no codebook, where what it has seen is not known, and where it has seen all.
    """
    if encoded is None:
        raise DataError("--codebook held-out", "no codebook, AUs alone", "it left out")
    exposure = codebook_exposure(encoded.codebook, dataset)
    subjects = target.table["subject"].astype(str).tolist()
    unseen = np.array(exposure.unseen(subjects))
    people = len(set(np.asarray(subjects)[unseen]))
    if people < 2:
        raise DataError(
            f"--codebook held-out with {encoded.codebook.model}",
            f"{people} of {len(set(subjects))} subjects whom the codebook is known not to have seen",
            "two or more: --codebook refit, or a codebook trained on other people",
        )
    return unseen


def refit_plan(
    encoded: CodebookTokens | None, dataset: Dataset, target: Target, folds: Sequence[Fold], settings: ProbeSettings
) -> RefitPlan:
    """What ``--codebook refit`` trains for these folds.

    Raises `DataError` where there is no codebook, and where a fold would leave no other people to train on.
    """
    if encoded is None:
        raise DataError("--codebook refit", "no codebook, AUs alone", "it left out")
    subjects = target.table["subject"].astype(str).to_numpy()
    held = tuple(tuple(sorted(set(subjects[fold.test]))) for fold in folds)
    everybody = set(dataset.recordings["subject"].astype(str))
    if any(set(subjects[fold.train]) & set(one) for fold, one in zip(folds, held, strict=True)) or any(
        everybody == set(one) for one in held
    ):
        raise DataError(
            "--codebook refit",
            f"people on both sides of a fold (--group {settings.group})",
            "folds of people: --group subject",
        )
    config = _config(encoded.codebook, dataset, settings)
    key = [encoded.codebook.key, dataset.key, config.train.steps]
    names = tuple(f"{encoded.codebook.model}-refit-{content_key([*key, list(one)], 8)}" for one in held)
    missing = sum(not (artefact_path("models", name, dataset.root) / CONFIG).is_file() for name in names)
    each = _TRAIN_S + _STEP_S * config.train.steps + _ENCODE_S * dataset.frame_count / 1000
    return RefitPlan(names=names, held=held, config=config, missing=missing, seconds=missing * each)


def _config(codebook: Codebook, dataset: Dataset, settings: ProbeSettings) -> Config:
    """The codebook's own configuration, with other steps where they are asked for. One that began from a codebook which
    may have seen these people begins from the data."""
    from dfe_core.tokenizer.config import Config, build

    kept: dict[str, Any] = {
        name: codebook.config[name] for name in ("tokenizer", "train", "seed") if name in codebook.config
    }
    config = build(Config, kept, codebook.model)
    train = config.train if settings.refit_steps is None else replace(config.train, steps=settings.refit_steps)
    if train.start not in ("auto", "data"):
        seen = codebook_exposure(Codebook.open(train.start, dataset.root), dataset)
        train = replace(train, start="data") if seen.seen or not seen.known else train
    return replace(config, train=train)


def refit_codebooks(plan: RefitPlan, dataset: Dataset, progress: Listener) -> tuple[CodebookTokens, ...]:
    """The codebooks of a plan with their tokens, trained and encoded where they are not there; one that was stopped
    continues from its last checkpoint."""
    from dfe_core.tokens.encoding import encode_dataset
    from dfe_core.training.fit import train_model

    found = []
    for number, (name, held) in enumerate(zip(plan.names, plan.held, strict=True), 1):
        tell = _told_by_fold(progress, number, plan)
        train_model(
            dataset.name,
            name,
            config=plan.config,
            resume=True,
            root=dataset.root,
            progress=tell,
            held_out=held,
        )
        encode_dataset(name, dataset.name, root=dataset.root, progress=tell)
        codebook = Codebook.open(name, dataset.root)
        found.append(CodebookTokens(codebook=codebook, tokens=TokenCache.open(name, dataset.name, dataset.root)))
    return tuple(found)


def _told_by_fold(progress: Listener, number: int, plan: RefitPlan) -> Listener:
    def tell(report: Progress) -> None:
        progress(replace(report, detail=f"codebook {number} of {len(plan.names)}, {report.detail}".rstrip(", ")))

    return tell


def reads_codewords(feature: str) -> bool:
    """Whether a feature row, or a part of it, is made from tokens."""
    return any(part.strip().startswith(_OF_CODEWORDS) for part in feature.split("+"))


def features_by_fold(
    name: str, sources: Sources, encoded: Sequence[CodebookTokens], target: Target, settings: ProbeSettings
) -> tuple[Feature, ...]:
    """A feature row of every fold, each from the tokens of the fold's own codebook."""
    return tuple(build_feature(name, replace(sources, encoded=one), target, settings) for one in encoded)


def use_facts(settings: ProbeSettings, plan: RefitPlan | None, differences: list[dict[str, Any]]) -> dict[str, Any]:
    """use: `CodebookUse`; of ``refit``: steps of each training, codebooks by fold, and differences to one shared
    codebook (features, model, metric, refit, shared, difference, ci95)."""
    if plan is None:
        return {"use": settings.codebook}
    return {
        "use": settings.codebook,
        "steps": plan.config.train.steps,
        "codebooks": list(plan.names),
        "differences": differences,
    }
