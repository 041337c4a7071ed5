"""The methods paragraph of a study, made from the facts of its artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dfe_core import __version__
from dfe_core.expressions.sealed_test import SealedTest, SealState
from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.expressions.split import Split
from dfe_core.facs.coverage_notes import caveat
from dfe_core.facs.coverage_result import Coverage
from dfe_core.groups.comparison import TESTED
from dfe_core.groups.families import FamilyComparison


def people_words(count: int) -> str:
    """``1 person`` or ``12 people``."""
    return "1 person" if count == 1 else f"{count} people"


def recordings_sentence(manifest: Mapping[str, Any], recordings: pd.DataFrame, face_title: str) -> str:
    """Who and what was recorded, and how it was read."""
    minutes = float(recordings["duration_s"].sum()) / 60
    readers = sorted({source["reader"] for source in manifest.get("sources") or ()})
    kind = "simulated performances" if manifest.get("simulated") else "recordings"
    dropped = len(manifest.get("dropped") or ())
    return (
        f"{len(recordings)} {kind if len(recordings) != 1 else kind[:-1]} of "
        f"{people_words(recordings['subject'].nunique())} ({minutes:.1f} minutes, "
        f"{int(recordings['frames'].sum()):,} frames, {int(recordings['valid_frames'].sum()):,} of them valid) were "
        f"imported with dfe {__version__} (format {', '.join(readers) or 'dfe'}; face: {face_title})."
        + (
            f" {dropped} files were left out; the manifest of the dataset names each with its reason."
            if dropped
            else ""
        )
    )


def codebook_sentence(config: Mapping[str, Any], *, trained_here: bool = True) -> str:
    """How the codebook was trained; trained_here: on the recordings that are spoken of, else on others."""
    tokenizer, train = config["tokenizer"], config["train"]
    start = "the training data" if config["started_from"] == "data" else f"the codebook {config['started_from']}"
    mixed = config["simulated_share"]
    data = "these recordings" if trained_here else f"other recordings ({config['dataset']['name']})"
    return (
        f"A codebook of {tokenizer['codewords']} codewords (with the null token) was trained on {data} in "
        f"{train['steps']} steps of {train['batch']} frames (seed {config['seed']}; started from {start}"
        f"{f'; {mixed:.0%} of each batch simulated' if mixed else ''}; {Split.from_json(config['split']).sentence()}). "
        f"Every frame was coded by at most {tokenizer['stages']} tokens, each written only where it is worth its bits "
        f"(rate weight {tokenizer['rate_weight']:g})."
    )


def evaluation_sentence(figures: Mapping[str, Any] | None) -> str:
    """Fidelity and rate on held-out people; empty where there is none."""
    if figures is None:
        return ""
    rivals = {name.replace("_", " "): one for name, one in (figures.get("baselines") or {}).items() if one}
    equal = {name: one.get("rmse_mm_at_equal_entropy") for name, one in rivals.items()}
    beside = ", ".join(f"{name} {value:.3f} mm" for name, value in equal.items() if value is not None)
    return (
        f"On the {figures['split']} part ({people_words(figures['subjects'])}, {figures['frames']:,} frames) the root "
        f"mean square vertex error was {figures['rmse_mm']:.3f} mm at {figures['entropy_bits_per_frame']:.1f} bits per "
        f"frame (explained variance {figures['explained_variance']:.3f})"
        + (f"; at equal coded bits: {beside}." if beside else ".")
    )


def coverage_sentence(coverage: Coverage | None) -> str:
    """What of FACS the codebook has; empty where it was not compared with action units."""
    if coverage is None:
        return ""
    covered = coverage.to_json()["covered_aus"]
    share = "" if covered is None else f" Of the action units that could be judged, {covered:.0%} are covered."
    return (
        f"Codewords were compared with action units of {coverage.tool} {coverage.tool_version}".rstrip()
        + f" ({people_words(coverage.subjects)}, {coverage.frames:,} frames) within held-out people.{share} "
        + caveat(coverage.tool, coverage.estimate)
    )


def groups_sentence(results: Sequence[FamilyComparison]) -> str:
    """What was compared between groups, and how; empty without a comparison."""
    if not results:
        return ""
    designs = [next(iter(result.parts.values())) for result in results]
    first = designs[0].settings
    each = "; ".join(
        f"{result.settings.by} ({', '.join(f'{level} {result.units[level]}' for level in result.levels)}, "
        f"{'within' if result.within else 'between'} subjects, {int((found.table['status'] == TESTED).sum())} tests, "
        f"{int((found.table['q_all'] < 0.05).sum())} with q < 0.05 over all of them)"
        for found, result in zip(results, designs, strict=True)
    )
    return (
        f"Groups were compared in several families ({', '.join(results[0].parts)}): {each}. "
        f"Effect sizes are Hedges' g and the rank-biserial "
        f"correlation with 95 % bootstrap intervals over subjects ({first.resamples:,} resamples), p are of "
        f"{first.permutations:,} permutations of labels over subjects at most, and q are Benjamini–Hochberg within "
        f"each family and over all tests of a label; the labels themselves were not corrected for each other."
    ) + "".join(f" {found}" for found in dict.fromkeys(sealed_sentence(one.sealed) for one in designs) if found)


def seal_sentence(seal: SealedTest | None) -> str:
    """What was sealed and what became of it; empty without a seal."""
    if seal is None:
        return ""
    named = "; ".join(
        f"{one.label} from {one.features}{f' ({one.text})' if one.text else ''}" for one in seal.plan.hypotheses
    )
    start = (
        f"Labels of {len(set(seal.files.values()))} people were sealed on {seal.sealed_at}, with "
        f"{len(seal.plan.hypotheses)} hypotheses: {named}. "
    )
    if seal.state == SealState.SEALED:
        return start + "They have not been opened: every analysis is exploratory and of the other people."
    return (
        start
        + f"They were opened on {seal.opened_at} and looked at by {len(seal.looks)} analyses since; only tests of "
        "these hypotheses on these people are confirmatory, all else is exploratory."
    )
