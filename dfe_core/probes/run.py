"""Run a probe: from names of artefacts and settings to a result that is kept and found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.artefact_names import PROBE, aus_alone, keyed_name
from dfe_core.asymmetry.report import VERSION as ASYMMETRY_VERSION
from dfe_core.channels.sources import channel_sources
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.duplicates import Duplicate, find_duplicates
from dfe_core.expressions.sealed_test import (
    SEALED_SPLIT,
    SealedTest,
    Standing,
    facts_under_seal,
    opened_seal,
    standing_of,
)
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.facs.store import AlignedAus
from dfe_core.integrity import is_whole
from dfe_core.probes import explain, scores
from dfe_core.probes.chance import guesses, permutation_count, permutation_key, permute_labels
from dfe_core.probes.checks import confound_checks, duration_tells, equal_windows
from dfe_core.probes.codebook_use import (
    CodebookUse,
    RefitPlan,
    features_by_fold,
    reads_codewords,
    refit_codebooks,
    refit_plan,
    unseen_units,
    use_facts,
)
from dfe_core.probes.confounds import confound_table
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.intervals import difference_with_interval
from dfe_core.probes.limits import limiting_facts
from dfe_core.probes.paired_tests import compare
from dfe_core.probes.result import RESULT_VERSION, ProbeResult
from dfe_core.probes.rows import Scored, score_rows
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, make_target, merge_groups
from dfe_core.probes.validation import Fold, make_folds, nested, repeated_folds
from dfe_core.progress import Listener, silent
from dfe_core.store import atomic_directory, content_key, file_sha256
from dfe_core.table_rows import json_rows, typed_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

_TOP = 20


def run_probe(settings: ProbeSettings, root: Path | None = None, progress: Listener = silent) -> ProbeResult:
    """The result of a probe: from ``analyses/probe-<key>/``, or worked out now and kept there.

    Raises `DataError`, and gives no score, for labels and features that no score could be trusted on.
    """
    return probe_opened(settings, open_probe_inputs(settings, root), progress)


def probe_folder(settings: ProbeSettings, root: Path | None = None) -> Path:
    """Where the result of a probe of these inputs as they are now is kept, made or not.

    Raises `DataError` where one of them is missing.
    """
    inputs = open_probe_inputs(settings, root)
    return inputs.folder / keyed_name(PROBE, probe_key(settings, inputs))


def probe_opened(settings: ProbeSettings, inputs: ProbeInputs, progress: Listener = silent) -> ProbeResult:
    """`run_probe` of artefacts that are open already."""
    folder = inputs.folder / keyed_name(PROBE, probe_key(settings, inputs))
    if is_whole(folder):
        return ProbeResult.load(folder)
    result = _work_out(settings, inputs, progress)
    with atomic_directory(folder) as temporary:
        result.save(temporary)
    return result


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbeInputs:
    """The artefacts of a probe, opened, with the content keys of all that its result depends on, by what they are;
    `encoded` is None where the settings name AUs in the place of a codebook."""

    dataset: Dataset
    encoded: CodebookTokens | None
    keys: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where analyses are kept."""
        return self.dataset.path.parent.parent / "analyses"


def open_probe_inputs(settings: ProbeSettings, root: Path | None = None) -> ProbeInputs:
    """Open what the settings name. Raises `DataError` for what is missing."""
    if aus_alone(settings.model):
        return probe_inputs(settings, Dataset.open(settings.dataset, root), None)
    codebook, dataset = Codebook.open(settings.model, root), Dataset.open(settings.dataset, root)
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    return probe_inputs(settings, dataset, CodebookTokens(codebook=codebook, tokens=tokens))


def probe_inputs(settings: ProbeSettings, dataset: Dataset, encoded: CodebookTokens | None) -> ProbeInputs:
    """What is open already, with AUs and files as the settings name them.

    Raises `DataError` for what is missing, and for tokens of another version of the dataset.
    """
    rows = dataset.recordings.astype(str).to_dict("list")
    keys = {
        **_keys_of(encoded, dataset),
        "dataset": content_key([dataset.key, dataset.manifest.get("files"), rows]),
    }
    if dataset.sealed:
        keys["sealed"] = content_key(sorted(dataset.sealed))
    if beside := channel_sources(dataset).key:
        keys["channels"] = beside
    if any("asymmetry" in name for name in settings.features):
        keys["asymmetry"] = str(ASYMMETRY_VERSION)
    for name in settings.aus_names:
        keys[f"aus {name}"] = AlignedAus.open(dataset.name, name, dataset.path.parent.parent).key
    for name, path in [*settings.tables.items(), *([("labels", settings.labels)] if settings.labels else [])]:
        if not Path(path).is_file():
            raise DataError(path, "no such file", f"the file of {name}")
        keys[f"file {name}"] = file_sha256(Path(path))
    return ProbeInputs(dataset=dataset, encoded=encoded, keys=keys)


def _keys_of(encoded: CodebookTokens | None, dataset: Dataset) -> dict[str, str]:
    """The keys of a codebook and its tokens, if there is one. Raises `DataError` for tokens of another version."""
    if encoded is None:
        return {}
    tokens = encoded.tokens
    if tokens.manifest.get("dataset_key", dataset.stored_key) != dataset.stored_key:
        raise DataError(tokens.path.name, "encoded from another version of the dataset", "`dfe encode` to be run again")
    return {"model": encoded.codebook.key, "tokens": content_key(tokens.manifest)}


def probe_key(settings: ProbeSettings, inputs: ProbeInputs) -> str:
    """Content key of settings and inputs."""
    values = {k: v for k, v in settings.as_dict().items() if k not in ("tables", "labels")}
    return content_key(["probe", RESULT_VERSION, values, sorted(settings.tables), inputs.keys])


def planned_refit(settings: ProbeSettings, root: Path | None = None) -> RefitPlan:
    """What ``--codebook refit`` would train for this probe, and about how long that takes.

    Raises `DataError` as the probe itself would.
    """
    inputs = open_probe_inputs(settings, root)
    target = probe_target(inputs, make_spans(inputs.dataset, settings), settings)[0]
    return refit_plan(inputs.encoded, inputs.dataset, target, make_folds(target, settings), settings)


def probe_target(
    inputs: ProbeInputs, spans: pd.DataFrame, settings: ProbeSettings
) -> tuple[Target, tuple[Duplicate, ...]]:
    """The units with copies of one person as one group, and these copies."""
    target = make_target(inputs.dataset, spans, settings)
    if target.unit == "segment":
        return target, ()
    return merge_groups(target, spans, find_duplicates(inputs.dataset, inputs.folder), settings)


def _work_out(settings: ProbeSettings, inputs: ProbeInputs, progress: Listener) -> ProbeResult:
    spans = make_spans(inputs.dataset, settings)
    target, copies = probe_target(inputs, spans, settings)
    tested = tested_units(inputs, target, settings)
    repeats = repeated_folds(target, settings, tested)
    if settings.codebook == CodebookUse.REFIT:
        repeats = repeats[:1]
    folds = repeats[0]
    permuted = permute_labels(
        target, folds, settings, permutation_count(settings, len(settings.features) * len(settings.models))
    )
    equal = settings.lengths == "matched" and duration_tells(target, folds, permuted, settings)
    if equal:
        target = equal_windows(target, settings.seed)
    sources = Sources(
        dataset=inputs.dataset,
        encoded=inputs.encoded,
        spans=spans,
        folder=inputs.folder,
        progress=progress,
    )
    shared = {name: build_feature(name, sources, target, settings) for name in settings.features}
    features, plan = _own_features(shared, sources, target, folds, settings)
    scored = score_rows(features, sources, target, repeats, permuted, settings, progress)
    found = scored.found
    base = guesses(target, folds, settings)
    checks = confound_checks(
        features,
        sources,
        target,
        folds,
        permuted,
        chance=base["chance"][scored.rows[0]["metric"]],
        rows=scored.rows,
        settings=settings,
    )
    top, regions, occluded = _explained(scored, features, target, settings, inputs.encoded)
    asked = confound_table(features, sources, target, folds, settings, scored.rows)
    more = {
        "codebook_saw": codebook_saw(inputs, target, scored, settings.codebook),
        "codebook_use": use_facts(settings, plan, _against_shared(scored, shared, plan, target, folds, settings)),
        "permutation_key": permutation_key(target, folds, settings),
        "windows": window_facts(spans, target, equal),
        "sealed": sealed_facts(inputs.dataset, target, settings, probe_key(settings, inputs)),
        "duplicates": [asdict(copy) for copy in copies],
        "confound_checks": [asdict(check) for check in checks],
        "confounds": json_rows(asked),
    }
    summary = _summary(settings, inputs, target, folds, scored=scored, top=top, base=base, more=more)
    predictions = pd.concat(
        [explain.errors_by_group(one, target).assign(features=_label(key, settings)) for key, one in found.items()],
        ignore_index=True,
    )
    return ProbeResult(
        settings=settings,
        summary=summary,
        predictions=predictions,
        codewords=top,
        regions=regions,
        occlusion=occluded,
        confounds=asked,
        order=scored.order,
        deciding=scored.deciding,
        nulls=scored.null_table,
    )


def tested_units(inputs: ProbeInputs, target: Target, settings: ProbeSettings) -> np.ndarray | None:
    """(n,) which units are tested while all others train; None: all are, in folds.

    Raises `DataError` where people whose labels were sealed are asked for and there are none, or nobody else.
    """
    if settings.validation != SEALED_SPLIT:
        held_out = settings.codebook == CodebookUse.HELD_OUT
        return unseen_units(inputs.encoded, inputs.dataset, target) if held_out else None
    seal = opened_seal(inputs.dataset.manifest, inputs.dataset.root)
    people = set(seal.files.values()) if seal else set()
    tested = target.table["subject"].astype(str).isin(people).to_numpy()
    if seal is None or tested.all() or not tested.any():
        raise DataError(
            f"--split {SEALED_SPLIT}",
            f"{int(tested.sum())} of {target.n} units of people whose labels were sealed and are open",
            "a dataset of a study with [sealed], after `dfe unseal STUDY`",
        )
    return tested


def sealed_facts(dataset: Dataset, target: Target, settings: ProbeSettings, key: str) -> dict[str, Any] | None:
    """What a probe has to say of a seal (`facts_under_seal`): confirmatory where every row is a named hypothesis."""

    def standing(seal: SealedTest) -> Standing:
        found = [standing_of(seal, settings.label, name, settings.validation) for name in settings.features]
        return Standing.CONFIRMATORY if all(one == Standing.CONFIRMATORY for one in found) else Standing.EXPLORATORY

    return facts_under_seal(
        dataset, target.table["subject"].astype(str), "probe", settings.label, key, standing=standing
    )


def _own_features(
    shared: dict[str, Feature], sources: Sources, target: Target, folds: tuple[Fold, ...], settings: ProbeSettings
) -> tuple[dict[str, Feature | tuple[Feature, ...]], RefitPlan | None]:
    """The features of the rows: with ``refit`` those of codewords are of every fold's own codebook."""
    features: dict[str, Feature | tuple[Feature, ...]] = dict(shared)
    if settings.codebook != CodebookUse.REFIT:
        return features, None
    plan = refit_plan(sources.encoded, sources.dataset, target, folds, settings)
    encoded = refit_codebooks(plan, sources.dataset, sources.progress)
    for name in filter(reads_codewords, settings.features):
        features[name] = features_by_fold(name, sources, encoded, target, settings)
    return features, plan


def _against_shared(
    scored: Scored,
    shared: dict[str, Feature],
    plan: RefitPlan | None,
    target: Target,
    folds: tuple[Fold, ...],
    settings: ProbeSettings,
) -> list[dict[str, Any]]:
    """Of every row of codewords, its score with the folds' own codebooks, with the shared one, and the difference."""
    rows = []
    for (name, model), found in scored.found.items() if plan else ():
        if not reads_codewords(name):
            continue
        other = nested(shared[name], target, folds, model, settings)
        score = scores.primary(target.task, target.y, found.values)
        difference = difference_with_interval(found, other, target, model, settings)
        rows.append(
            {"features": name, "model": model, "refit": score, "shared": score - difference["difference"], **difference}
        )
    return rows


def codebook_saw(inputs: ProbeInputs, target: Target, scored: Scored, use: str) -> dict[str, Any] | None:
    """None without a codebook; else known: whether it could be told which people the codebook was trained on; seen: how
    many of the tested ones (None where unknown); scores: by row, the primary metric of the units of people seen and
    unseen."""
    if inputs.encoded is None:
        return None
    tested = np.any([scores.predicted(one.values) for one in scored.found.values()], 0)
    subject: pd.Series = target.table["subject"].astype(str)
    people = int(subject[tested].nunique())
    if use == CodebookUse.REFIT:
        return {"known": True, "seen": 0, "subjects": people, "scores": {}}
    exposure = codebook_exposure(inputs.encoded.codebook, inputs.dataset)
    if not exposure.known:
        return {"known": False, "seen": None, "subjects": people, "scores": {}}
    seen = subject.isin(exposure.seen).to_numpy() & tested
    found = {
        name: {
            part: scores.primary(target.task, target.y[rows], one.values[rows])
            for part, rows in {"seen": seen, "unseen": ~seen & tested}.items()
            if rows.any()
        }
        for (name, model), one in scored.found.items()
        if model == "linear"
    }
    return {
        "known": True,
        "seen": int(subject[seen].nunique()),
        "subjects": people,
        "scores": found if seen.any() else {},
    }


def window_facts(spans: pd.DataFrame, target: Target, equal: bool) -> dict[str, Any]:
    """seconds of the windows that describe the units (None: whole recordings), per_unit on average, and whether every
    unit has equally many because duration tells the label."""
    length = (spans["end_s"] - spans["start_s"]).to_numpy(float)
    return {
        "seconds": float(length[np.isfinite(length)].min()) if np.isfinite(length).any() else None,
        "per_unit": float((target.member >= 0).sum() / target.n),
        "equal": equal,
    }


def _label(key: tuple[str, str], settings: ProbeSettings) -> str:
    return key[0] if len(settings.models) == 1 and key[1] != "transformer" else f"{key[0]}, {key[1]}"


def _explained(
    scored: Scored,
    features: Mapping[str, Feature | tuple[Feature, ...]],
    target: Target,
    settings: ProbeSettings,
    encoded: CodebookTokens | None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Weights (over the folds of all repeats), regions and occlusion of the first linear row over codewords; nothing
    where every fold has codewords of its own."""
    for (name, model), one in scored.found.items():
        feature = features.get(name)
        if not isinstance(feature, Feature):
            continue
        if encoded is not None and model == "linear" and (feature.columns["codeword"] >= 0).all():
            fits = tuple(fit for repeat in scored.repeats[name, model] for fit in repeat.fits)
            weights = explain.codeword_weights(replace(one, fits=fits), feature, target).assign(features=name)
            return (
                weights,
                explain.weights_by_region(weights, encoded.codebook.table),
                explain.occlusion(one, feature, target, encoded.codebook.table),
            )
    empty = pd.DataFrame({"codeword": [], "towards": [], "weight": [], "stability": [], "features": []})
    return empty, pd.DataFrame({"region": []}), pd.DataFrame({"region": []})


@dataclass(frozen=True, kw_only=True)
class _TopCodeword:
    codeword: int
    weight: float
    stability: float
    towards: str


def _summary(
    settings: ProbeSettings,
    inputs: ProbeInputs,
    target: Target,
    folds: tuple[Fold, ...],
    scored: Scored,
    top: pd.DataFrame,
    base: dict[str, dict[str, float]],
    more: dict[str, Any],
) -> dict[str, Any]:
    rows = scored.rows
    named = {_label(key, settings): every for key, every in scored.repeats.items()}
    nulls = {_label(key, settings): null for key, null in scored.nulls.items()}
    draws = {_label(key, settings): drawn for key, drawn in scored.draws.items()}
    tested = np.concatenate([fold.test for fold in folds])
    return {
        "label": settings.label,
        "task": target.task,
        "unit": target.unit,
        "n": len(tested),
        "subjects": int(target.table["subject"].iloc[tested].nunique()),
        "groups": len(np.unique(target.groups[tested])),
        "only_trained_on": target.n - len(tested),
        "classes": list(target.classes),
        "folds": len(folds),
        "repeats": max(row["repeats"] for row in rows),
        "seed": settings.seed,
        "rows": rows,
        "chance": base["chance"][rows[0]["metric"]],
        "paired": compare(named, target, settings, nulls, draws),
        "top_codewords": [asdict(row) for row in typed_rows(top.head(_TOP), _TopCodeword)],
        **more,
        "group": settings.group,
        "baselines": base,
        "model": settings.model,
        "dataset": settings.dataset,
        "simulated": inputs.dataset.simulated,
        "version": __version__,
        "inputs": inputs.keys,
        **limiting_facts(target, inputs.dataset),
    }
