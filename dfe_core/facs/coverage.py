"""Coverage of a codebook against FACS: both ways, with what is new, and the truth where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from dfe_core.artefact_names import COVERAGE, keyed_name
from dfe_core.engines import LOCAL, Engine
from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates, CoverageInputs, aggregates_of, load_or_none, open_coverage_inputs
from dfe_core.facs.agreement import agreement_examples
from dfe_core.facs.association import Association, associate, pair_intervals, pair_table
from dfe_core.facs.au_figures import (
    au_figures,
    blind_columns,
    figures_by_subject,
    held_out_figures,
    not_measured_table,
    truth_figures,
)
from dfe_core.facs.beyond import measure_beyond
from dfe_core.facs.blind_spots import find_blind_spots, pose_shares
from dfe_core.facs.codeword_au_matching import codeword_table, find_templates
from dfe_core.facs.condition_effects import deformation_table, levels, vertex_map
from dfe_core.facs.coverage_limits import coverage_limits, is_detector
from dfe_core.facs.coverage_result import Coverage, coverage_key, most_used_first
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.facs.held_out import score_frames, select_codewords
from dfe_core.facs.rarefaction import diversity_table, rarefaction_table
from dfe_core.facs.redundancy import redundant_pairs, split_table
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.symmetry import symmetry_by_subject, symmetry_summary
from dfe_core.facs.templates import Templates
from dfe_core.facs.token_au_stream import Joined
from dfe_core.facs.variance import held_out_errors, variance_table
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.intervals import build_runs
from dfe_core.tokens.usage import shares_of_frames

_SHOWN = 24  # new codewords whose moments are looked up: two pages of faces


def analyse_coverage(
    model: str,
    dataset: str,
    aus: str,
    *,
    root: Path | None = None,
    seed: int = 0,
    settings: CoverageSettings | None = None,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> Coverage:
    """The coverage of `model` on `dataset` against the AUs `aus`: from the cache, or worked out now and cached.

    engine: where the passes over frames are done.
    Raises `DataError` when one of them is missing, they do not belong together, or no frame has both tokens and AUs.
    """
    inputs = open_coverage_inputs(model, dataset, aus, root)
    return analyse_inputs(inputs, root=root, seed=seed, settings=settings, progress=progress, engine=engine)


def coverage_folder(model: str, dataset: str, aus: str, root: Path | None = None, seed: int = 0) -> Path:
    """Where the coverage of these inputs as they are now is kept, with default settings, made or not.

    Raises `DataError` where one of them is missing.
    """
    return _folder(open_coverage_inputs(model, dataset, aus, root), CoverageSettings(), root, seed)


def _folder(inputs: CoverageInputs, settings: CoverageSettings, root: Path | None, seed: int) -> Path:
    return artefact_path("analyses", keyed_name(COVERAGE, coverage_key(inputs.keys, settings, seed)), root)


def analyse_inputs(
    inputs: CoverageInputs,
    *,
    root: Path | None = None,
    seed: int = 0,
    settings: CoverageSettings | None = None,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> Coverage:
    """`analyse_coverage` of artefacts that are open already."""
    settings = settings or CoverageSettings()
    folder = _folder(inputs, settings, root, seed)
    if (found := load_or_none(Coverage.load, folder)) is not None:
        return found
    result = _analyse(inputs, settings, root, seed, progress, engine)
    with atomic_directory(folder) as temporary:
        result.save(temporary)
    return result


def _analyse(
    inputs: CoverageInputs,
    settings: CoverageSettings,
    root: Path | None,
    seed: int,
    progress: Listener,
    engine: Engine,
) -> Coverage:
    aggregates = aggregates_of(inputs, settings=settings, root=root, seed=seed, progress=progress, engine=engine)
    codebook, face = inputs.codebook, inputs.face
    found = associate(aggregates, None, settings)
    templates = find_templates(face, inputs.dataset, inputs.aus)
    progress(Progress(task="choosing codewords", done=0, total=0))
    choice = select_codewords(aggregates, settings)
    joined = Joined(inputs.tokens, inputs.dataset, inputs.aus, aggregates.signals)
    scores = score_frames(joined, aggregates, choice, settings, progress, engine)
    progress(Progress(task="movement beyond FACS", done=0, total=0))
    beyond = measure_beyond(
        joined.fresh(),
        aggregates,
        codebook,
        face,
        settings,
        seed,
        detector=is_detector(inputs.aus.tool, inputs.aus.estimate),
        engine=engine,
    )
    progress(Progress(task="intervals", done=0, total=0))
    codewords = codeword_table(codebook, face, aggregates, found, templates, beyond.codewords, settings)
    codewords = codewords.assign(
        share=shares_of_frames(build_runs(inputs.tokens, progress, engine=engine), inputs.aus.recordings)
    )
    exposure, spots = codebook_exposure(codebook, inputs.dataset), find_blind_spots(inputs.dataset, root)
    held_out = held_out_figures(aggregates, scores, exposure, np.any(found.enough, axis=0), settings, seed)
    blind = blind_columns(aggregates, spots)
    columns = au_figures(
        aggregates, found, choice, held_out, settings=settings, blind=blind, estimate=inputs.aus.estimate
    )
    per_au = _with_templates(columns.iloc[: aggregates.aus], codebook, face, templates)
    symmetric = symmetry_by_subject(aggregates, codebook)
    shown = list(levels(aggregates))
    return Coverage(
        model=codebook.model,
        dataset=inputs.dataset.name,
        aus=inputs.aus.name,
        tool=inputs.aus.tool,
        tool_version=inputs.aus.version,
        estimate=inputs.aus.estimate,
        simulated=inputs.dataset.simulated,
        seed=seed,
        face_id=face.id,
        keys=inputs.keys,
        settings=settings,
        subjects=len(aggregates.subjects),
        frames=aggregates.frames,
        per_au=per_au,
        pairs=_with_cosine(
            pair_table(aggregates, found, pair_intervals(aggregates, found, settings, seed)), codebook, face, templates
        ),
        codewords=_with_truth(codewords, aggregates, found),
        new_moments=agreement_examples(inputs.tokens, _most_used_new(codewords), recordings=inputs.aus.recordings),
        variance=variance_table(held_out_errors(aggregates, face.gram), settings, seed),
        beyond=beyond.steps,
        symmetry=symmetry_summary(symmetric, codewords, settings, seed),
        symmetry_by_subject=symmetric,
        redundancy=redundant_pairs(codebook, face, codewords, settings),
        splits=split_table(aggregates, found, settings),
        deformation=deformation_table(aggregates, settings, seed),
        diversity=diversity_table(aggregates, settings, seed),
        rarefaction=rarefaction_table(aggregates, settings),
        not_measured=not_measured_table(inputs.aus, per_au),
        signals=aggregates.signals.table.assign(pose_share=pose_shares(inputs.aus, inputs.dataset)),
        blind_spots=spots.coefficients,
        by_subject=figures_by_subject(aggregates, scores, exposure),
        truth=truth_figures(aggregates, columns.iloc[aggregates.aus :], codewords),
        vertex_levels=tuple((condition, level) for condition, level, _ in shown),
        vertex_mm=np.stack([vertex_map(aggregates, face, where) for _, _, where in shown]),
        beyond_estimate=beyond.estimate,
        beyond_lower=beyond.lower,
        beyond_upper=beyond.upper,
        limits=coverage_limits(inputs, aggregates, templates, beyond.lag_s),
    )


def _with_templates(
    per_au: pd.DataFrame, codebook: Codebook, face: FaceModel, templates: Templates | None
) -> pd.DataFrame:
    best = per_au.assign(codeword=per_au["best_codeword"].fillna(-1).astype(int))
    cosine = _with_cosine(best, codebook, face, templates)["template_cosine"]
    return per_au.assign(template_cosine=cosine.where(best["codeword"] >= 0))


def _with_cosine(table: pd.DataFrame, codebook: Codebook, face: FaceModel, templates: Templates | None) -> pd.DataFrame:
    """template_cosine beside every codeword, au and side: of its deformation with the AU's template; NaN where none."""
    if templates is None:
        return table.assign(template_cosine=np.nan)
    every = np.pad(templates.cosine(face, codebook.psi), ((0, 0), (0, 1)), constant_values=np.nan)
    column = {pair: i for i, pair in enumerate(templates.aus)}
    at = [column.get(pair, len(column)) for pair in zip(table["au"], table["side"], strict=True)]
    return table.assign(template_cosine=every[table["codeword"].to_numpy(int), np.array(at, int)])


def _with_truth(codewords: pd.DataFrame, aggregates: Aggregates, found: Association) -> pd.DataFrame:
    """The planted action that each codeword says best, and its AUROC; no columns for real data."""
    planted = found.auroc[:, aggregates.aus :]
    if not planted.shape[1]:
        return codewords
    score = np.where(np.isfinite(planted), planted, -1)
    names = [action if side == "both" else f"{action} {side}" for action, side in aggregates.columns[aggregates.aus :]]
    best = [names[i] if s > 0 else None for i, s in zip(score.argmax(1), score.max(1), strict=True)]
    return codewords.assign(
        planted_action=cast(Any, best), planted_auroc=np.where(score.max(1) > 0, score.max(1), np.nan)
    )


def _most_used_new(codewords: pd.DataFrame) -> list[int]:
    return most_used_first(codewords[codewords["new"]])["codeword"].head(_SHOWN).tolist()
