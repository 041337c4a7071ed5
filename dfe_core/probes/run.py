"""Run a probe: from names of artefacts and settings to a result that is kept and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core import __version__
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus
from dfe_core.probes import explain, scores
from dfe_core.probes.chance import guesses, p_against_chance, permute_labels
from dfe_core.probes.confounds import confound_table
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.paired import compare, holm
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, make_target
from dfe_core.probes.validation import Fold, Predictions, make_folds, nested
from dfe_core.probes.words import methods_paragraph, summary_sentence, warnings_for
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, file_sha256
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

VERSION = 1
_TOP = 20

Found = dict[tuple[str, str], Predictions]
"""Predictions by feature row and model."""


def run_probe(settings: ProbeSettings, root: Path | None = None, progress: Listener = silent) -> ProbeResult:
    """The result of a probe: from ``analyses/probe-<key>/``, or worked out now and kept there.

    Raises `DataError`, and gives no score, for labels and features that no score could be trusted on.
    """
    inputs = open_inputs(settings, root)
    folder = artefact_path("analyses", f"probe-{probe_key(settings, inputs)}", root)
    if (folder / "manifest.json").is_file():
        return ProbeResult.load(folder)
    result = _work_out(settings, inputs, progress)
    with atomic_directory(folder) as temporary:
        result.save(temporary)
    return result


def list_results(root: Path | None = None) -> list[ProbeResult]:
    """Every result that was kept, the newest first."""
    parent = artefact_path("analyses", "probe", root).parent
    kept = [p for p in parent.glob("probe-*/manifest.json") if (p.parent / "predictions.parquet").is_file()]
    return [ProbeResult.load(p.parent) for p in sorted(kept, key=lambda p: -p.stat().st_mtime)]


class Inputs:
    """The artefacts of a probe, opened, with their content keys."""

    def __init__(self, settings: ProbeSettings, root: Path | None) -> None:
        self.codebook, self.dataset = Codebook.open(settings.model, root), Dataset.open(settings.dataset, root)
        self.tokens = TokenCache.open(settings.model, settings.dataset, root)
        if self.tokens.manifest.get("dataset_key", self.dataset.key) != self.dataset.key:
            raise DataError(self.tokens.path.name, "encoded from another version of the dataset",
                            "`dfe encode` to be run again")
        self.keys = {"model": self.codebook.key, "tokens": content_key(self.tokens.manifest),
                     "dataset": content_key([self.dataset.key, self.dataset.manifest.get("files"),
                                             self.dataset.recordings.astype(str).to_dict("list")])}
        for name in sorted(_aus_named(settings)):
            self.keys[f"aus {name}"] = AlignedAus.open(settings.dataset, name, root).key
        for name, path in [*settings.tables.items(), *([("labels", settings.labels)] if settings.labels else [])]:
            if not Path(path).is_file():
                raise DataError(path, "no such file", f"the file of {name}")
            self.keys[f"file {name}"] = file_sha256(Path(path))

    @property
    def folder(self) -> Path:
        return self.dataset.path.parent.parent / "analyses"


def open_inputs(settings: ProbeSettings, root: Path | None = None) -> Inputs:
    """Open what the settings name. Raises `DataError` for what is missing."""
    return Inputs(settings, root)


def probe_key(settings: ProbeSettings, inputs: Inputs) -> str:
    """Content key of settings and inputs."""
    values = {k: v for k, v in settings.as_dict().items() if k not in ("tables", "labels")}
    return content_key(["probe", VERSION, values, sorted(settings.tables), inputs.keys])


def _aus_named(settings: ProbeSettings) -> set[str]:
    parts = [part.strip().partition(":") for name in settings.features for part in name.split("+")
             if part.strip() not in settings.tables]
    return {option or settings.aus for kind, _, option in parts if kind in ("au", "au-sided")}


def _work_out(settings: ProbeSettings, inputs: Inputs, progress: Listener) -> ProbeResult:
    spans = make_spans(inputs.dataset, settings)
    target = make_target(inputs.dataset, spans, settings)
    folds = make_folds(target, settings)
    sources = Sources(inputs.codebook, inputs.dataset, inputs.tokens, spans, inputs.folder, progress)
    features = {name: build_feature(name, sources, target, settings) for name in settings.features}
    _require_distinct(features, target)
    found, rows = _score_rows(features, sources, target, folds, settings, progress)
    top, regions, occluded = _explained(found, features, target, settings, inputs.codebook)
    asked = confound_table(features, sources, target, folds, settings, rows)
    summary = _summary(settings, inputs, target, folds, found, rows, top)
    predictions = pd.concat([explain.errors_by_group(one, target).assign(features=_label(key, settings))
                             for key, one in found.items()], ignore_index=True)
    return ProbeResult(settings, summary, predictions, top, regions, occluded, asked)


def _require_distinct(features: dict[str, Feature], target: Target) -> None:
    """Two groups with the very same features are one recording under two names: a fold would see its own answer."""
    for name, feature in features.items():
        raw = feature.raw.toarray() if sparse.issparse(feature.raw) else feature.raw
        rows = np.unique(np.nan_to_num(raw), axis=0, return_inverse=True)[1].ravel()
        order = np.argsort(rows, kind="stable")
        same = np.flatnonzero((np.diff(rows[order]) == 0) & (np.nan_to_num(raw)[order[1:]] != 0).any(1))
        for a, b in zip(order[same], order[same + 1], strict=True):
            if target.groups[a] != target.groups[b]:
                raise DataError(f"{target.units[a]} and {target.units[b]}", f"the same rows of {name} under two names",
                                "each recording once: remove one of them from the dataset")


def _score_rows(features: dict[str, Feature], sources: Sources, target: Target, folds: tuple[Fold, ...],
                settings: ProbeSettings, progress: Listener) -> tuple[Found, list[dict[str, Any]]]:
    permuted = permute_labels(target, folds, settings)
    found, rows = {}, []
    total = len(features) * len(settings.models)
    for name, feature in features.items():
        for model in settings.models:
            progress(Progress("probing", len(rows), total, f"{name}, {model}"))
            one = found[name, model] = nested(feature, target, folds, model, settings)
            rows.append(_row(name, model, one, target, permuted, settings))
    for name, one in _sequences(sources, target, folds, settings, progress).items():
        found[name, "transformer"] = one
        rows.append(_row(name, "transformer", one, target, permuted, settings))
    progress(Progress("probing", total, total))
    for row, p in zip(rows, holm([r["p_vs_chance"] for r in rows]), strict=True):
        row["p_holm"] = p
    return found, rows


def _sequences(sources: Sources, target: Target, folds: tuple[Fold, ...], settings: ProbeSettings,
               progress: Listener) -> dict[str, Predictions]:
    if not settings.sequence:
        return {}
    from dfe_core.probes.sequence import sequence_rows  # torch: seconds to import, and only needed here
    return sequence_rows(sources, target, folds, settings, progress)


def _row(name: str, model: str, found: Predictions, target: Target, permuted: np.ndarray,
         settings: ProbeSettings) -> dict[str, Any]:
    metric = scores.PRIMARY[target.task]
    every = scores.all_scores(target.task, target.y, found.values, target.groups, settings.resamples, settings.seed)
    p, null = p_against_chance(found, target, permuted, model, settings)
    return {"features": name, "model": model, "metric": metric, **every[metric], "p_vs_chance": p,
            "permuted_score": null, "scores": every, "chosen": [fit.setting for fit in found.fits]}


def _label(key: tuple[str, str], settings: ProbeSettings) -> str:
    return key[0] if len(settings.models) == 1 else f"{key[0]}, {key[1]}"


def _explained(found: Found, features: dict[str, Feature], target: Target,
               settings: ProbeSettings, codebook: Codebook) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Weights, regions and occlusion of the first linear row over codewords."""
    for (name, model), one in found.items():
        if model == "linear" and (features[name].columns["codeword"] >= 0).all():
            weights = explain.codeword_weights(one, features[name], target).assign(features=name)
            return (weights, explain.by_region(weights, codebook.table),
                    explain.occlusion(one, features[name], target, codebook.table))
    empty = pd.DataFrame({"codeword": [], "towards": [], "weight": [], "stability": [], "features": []})
    return empty, pd.DataFrame({"region": []}), pd.DataFrame({"region": []})


def _summary(settings: ProbeSettings, inputs: Inputs, target: Target, folds: tuple[Fold, ...],
             found: Found, rows: list[dict[str, Any]],
             top: pd.DataFrame) -> dict[str, Any]:
    base = guesses(target, folds, settings)
    named = {_label(key, settings): one for key, one in found.items()}
    values = {"label": settings.label, "task": target.task, "unit": target.unit, "n": target.n,
              "subjects": target.subjects, "classes": list(target.classes), "folds": len(folds), "seed": settings.seed,
              "rows": rows, "chance": base["chance"][rows[0]["metric"]], "paired": compare(named, target, settings),
              "top_codewords": [{"codeword": int(r.codeword), "weight": float(r.weight),
                                 "stability": float(r.stability), "towards": r.towards}
                                for r in top.head(_TOP).itertuples()],
              "group": settings.group, "baselines": base, "model": settings.model, "dataset": settings.dataset,
              "simulated": inputs.dataset.simulated, "version": __version__, "inputs": inputs.keys,
              "warnings": warnings_for(target, settings, inputs.dataset.simulated)}
    return values | {"summary": summary_sentence(values), "methods": methods_paragraph(values, settings)}
