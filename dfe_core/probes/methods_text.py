"""A result in plain words, its warnings, and the paragraph for a methods section: sentences made of typed facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfe_core.artefact_names import aus_alone
from dfe_core.expressions.label_scales import LabelScale
from dfe_core.expressions.pose_text import high_leak_warning
from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.p_values import at_floor, p_words
from dfe_core.probes.limits import Finding, Judged
from dfe_core.probes.settings import ProbeSettings

SMALL = 40
"""Fewer groups than this and an interval is wide, a nested choice noisy: said beside every result."""
_RARE = 0.1  # share of the units below which a class weighs heavily in macro-F1


def warning_texts(summary: dict[str, Any], settings: ProbeSettings) -> list[str]:
    """What limits a reading of the scores, for people."""
    return [*_limits(summary, settings), *_duplicate_text(summary), *_window_text(summary)]


def _limits(summary: dict[str, Any], settings: ProbeSettings) -> list[str]:
    leak = summary["high_pose_leak"]
    found = [high_leak_warning(leak)] if leak is not None else []
    if summary["simulated"]:
        found.append("Simulated data: the figures say how the method works, nothing about people.")
    if settings.group == "time":
        found.append(
            "Training and test parts are stretches of the same recordings: a demonstration, not evidence "
            "about other people."
        )
    elif summary["groups"] < SMALL:
        found.append(
            f"Small sample: {summary['groups']} {settings.group}s. Intervals are wide, and a score this close "
            "to another one may change places on new data."
        )
    found += [
        f"Class {name} is {share:.0%} of the units: its errors weigh heavily in macro-F1."
        for name, share in summary["class_shares"].items()
        if share < _RARE
    ]
    found += filter(None, [scale_sentence(summary, settings), together_sentence(settings).strip()])
    if summary["unlabelled"]:
        found.append(f"{summary['unlabelled']} recordings without a label were left out.")
    return [*found, *filter(None, [codebook_use_sentence(summary), sealed_sentence(summary["sealed"])])]


def scale_sentence(summary: dict[str, Any], settings: ProbeSettings) -> str:
    """What was decided on the scale of the label from its values, and how to say otherwise; empty where nothing was to
    be decided."""
    if settings.task is not None or settings.levels or not summary["levels"]:
        return ""
    if summary["scale"] == LabelScale.ORDINAL:
        return (
            f"{settings.label} has {summary['levels']} whole numbers in steps and is predicted as an ordered scale; "
            "--task classify takes them as classes without order."
        )
    return (
        f"{settings.label} has {summary['levels']} whole numbers in no even steps, which are taken as classes; "
        "--task regress takes them as a scale."
    )


def _duplicate_text(summary: dict[str, Any]) -> list[str]:
    copies = summary["duplicates"]
    if not copies:
        return []
    pairs = "; ".join(
        f"{c['first']} of {c['first_subject']} and {c['second']} of {c['second_subject']}" for c in copies[:3]
    ) + ("; …" if len(copies) > 3 else "")
    return [
        f"{len(copies)} pairs of recordings of different subjects hold the same movement ({pairs}). Their "
        "subjects are kept on one side of every fold, as one person. Remove the copies from the dataset."
    ]


def _window_text(summary: dict[str, Any]) -> list[str]:
    windows = summary["windows"]
    if not windows["equal"]:
        return []
    return [
        "How long people were recorded predicts the label: everybody is described by equally many windows "
        f"({windows['per_unit']:g} of {windows['seconds']:.3g} s, drawn at random), the rest of longer "
        "recordings is left out."
    ]


def named_source(model: str) -> str:
    """A codebook, or the AUs in its place, by name."""
    return f"AUs {aus_alone(model)}" if aus_alone(model) else f"codebook {model}"


def exposure_sentence(saw: dict[str, Any] | None) -> str:
    """Which of the probed people the codebook was trained on; nothing where it was on none, or there is none."""
    if saw is None:
        return ""
    if not saw["known"]:
        return "Whether the codebook was trained on people probed here is not known."
    if not saw["seen"]:
        return ""
    return (
        f"The codebook was trained on {saw['seen']} of the {saw['subjects']} subjects (without their labels): they "
        "are new people for the probe, not for the codebook."
    )


def codebook_use_sentence(summary: dict[str, Any]) -> str:
    """Which codebook predicted whom; nothing where there is none, or a shared one that has seen nobody."""
    facts = summary["codebook_use"]
    if facts["use"] == "held-out":
        return (
            f"Only the {summary['subjects']} subjects whom the codebook has not seen were tested; "
            f"{summary['only_trained_on']} other {summary['unit']}s were trained on in every fold."
        )
    if facts["use"] != "refit":
        return exposure_sentence(summary["codebook_saw"])
    differences = "; ".join(
        f"{row['features']} {row['metric']} {row['refit']:.2f} in place of {row['shared']:.2f}, difference "
        f"{row['difference']:+.2f} (95 % {row['ci95'][0]:+.2f} to {row['ci95'][1]:+.2f})"
        for row in facts["differences"]
    )
    return (
        f"In every fold a codebook of its own was trained ({facts['steps']} steps) without the people that the fold "
        "tests" + (f"; against one codebook for all folds: {differences}." if differences else ".")
    )


def summary_sentence(summary: dict[str, Any]) -> str:
    """What was predicted, from what, on how many people, how sure, what else predicts it, and which rows differ."""
    return verdict_sentence(summary) + confound_sentence(summary) + difference_sentence(summary)


def verdict_sentence(summary: dict[str, Any]) -> str:
    """What was predicted, from what, on how many people, and how sure."""
    rows = summary["rows"]
    best = max(rows, key=lambda r: r["score"])
    low, high = best["ci95"]
    kinds = " or ".join(summary["classes"]) or (
        f"an ordered scale of {summary['levels']} levels" if summary["scale"] == LabelScale.ORDINAL else "a number"
    )
    group = group_word(summary["group"])
    text = (
        f"{summary['label']} ({kinds}) was predicted for {summary['n']} {summary['unit']}s of "
        f"{summary['groups']} {group}s, each by a model that had seen none of that {group}'s data. The best of "
        f"{len(rows)} rows is {best['features']} with {best['metric']} {best['score']:.2f} "
        f"(95 % interval {low:.2f} to {high:.2f}; chance {summary['chance']:.2f}), "
    )
    p = best["p_holm"]
    if p is None:
        text += "with no test against chance."
    else:
        verdict = "which chance does not explain" if p < 0.05 else "which chance may explain"
        text += f"{verdict} ({p_words('p', p, _at_floor(best))}, corrected over {len(rows)} rows)."
        if p >= 0.05 and best.get("detectable") is not None:
            power = best["detectable"]
            text += (
                f" With {summary['groups']} {group}s a {power['metric']} of {power['score']:.2f} would be found "
                "four times in five."
            )
    return text


def difference_sentence(summary: dict[str, Any]) -> str:
    """Which rows differ clearly from the first."""
    if len(summary["rows"]) < 2:
        return ""
    first = summary["paired"][0]["a"] if summary["paired"] else ""
    clear = [pair for pair in summary["paired"] if pair["p_holm"] < 0.05 and first in (pair["a"], pair["b"])]
    differ = "; ".join(map(_above, clear))
    return f" Clear differences from {first}: {differ}." if differ else f" No row differs clearly from {first}."


def _above(pair: Mapping[str, Any]) -> str:
    """``bow above au by 0.21 (95 % interval 0.05 to 0.37)``: the better of two rows first."""
    better, worse = ("a", "b") if pair["difference"] > 0 else ("b", "a")
    text = f"{pair[better]} above {pair[worse]} by {abs(pair['difference']):.2f}"
    if pair.get("low") is None:
        return text
    low, high = (pair["low"], pair["high"]) if better == "a" else (-pair["high"], -pair["low"])
    return f"{text} (95 % interval {low:.2f} to {high:.2f})"


def _at_floor(row: Mapping[str, Any]) -> bool:
    """Whether no permutation reached the score of a row."""
    return bool(at_floor(row["p_vs_chance"], row.get("permutations", 0)))


def confound_sentence(summary: dict[str, Any]) -> str:
    """What the unasked checks found: the part of the headline that says whether a score is of the face."""
    checks = summary.get("confound_checks") or []
    judged = [c for c in checks if c["p"] is not None]
    telling = [c for c in judged if c["state"] == Finding.PREDICTIVE]
    if not checks:
        return ""
    if not telling:
        names = ", ".join(confound_word(c["column"]) for c in judged) or "nothing: all units were recorded alike"
        return f" Always checked: {names}" + ("; none of it predicts the label alone." if judged else ".")
    return "".join(f" {one}" for one in caution_sentences(summary))


def caution_sentences(summary: dict[str, Any]) -> list[str]:
    """One of everything that predicts the label without the face."""
    checks = summary.get("confound_checks") or []
    return [_told_by(c, summary) for c in checks if c["p"] is not None and c["state"] == Finding.PREDICTIVE]


def _told_by(check: dict[str, Any], summary: dict[str, Any]) -> str:
    permutations = summary["rows"][0].get("permutations", 0)

    def printed(p: float) -> str:
        return p_words("p", p, bool(at_floor(p, permutations)))

    parts = [f"{name} {left['score']:.2f} ({printed(left['p'])})" for name, left in check["without"].items()]
    gone = all(left["p"] > 0.05 for left in check["without"].values())
    matches = f", about as well as or better than {_listed(check['matches'])}" if check.get("matches") else ""
    left_over = ", nothing is left above chance" if gone else ""
    return (
        f"CAUTION: {confound_word(check['column'])} alone predicts {summary['label']} ({check['metric']} "
        f"{check['score']:.2f}, {printed(check['p'])}){matches}, so that the scores need not come from expression. "
        f"With what it explains taken out of every row{left_over}: {', '.join(parts)}."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_FINDING_WORDS = {
    Finding.CONSTANT: "the same for all",
    Finding.INCOMPLETE: "values are missing",
    Finding.NOT_PREDICTIVE: "does not predict the label",
    Finding.PREDICTIVE: "predicts the label",
}


def finding_words(state: str) -> str:
    """What the check of a confound found, for a table."""
    return _FINDING_WORDS[Finding(state)]


def confound_note(row: Mapping[Any, Any]) -> str:
    """Why a row of the table of confounds has no numbers; empty where it has."""
    return {
        Judged.JUDGED: "",
        Judged.NO_VALUES: "no such column, or not a value for every recording",
        Judged.ONE_VALUE: "one value alone",
        Judged.FEW_GROUPS: f"a value occurs in {row['groups']} alone",
        Judged.NOT_EVALUABLE: "no folds can be made that train on all of its values",
    }[Judged(row["state"])]


_CONFOUND_WORDS = {
    "duration_s": "duration",
    "fps": "frame rate",
    "missing": "the share of missing frames",
    "head_movement": "head movement",
    "speech_share": "speech (from the jaw)",
    "voice_share": "voice (from the sound of the videos)",
    "confidence": "the tracker's confidence",
}


def confound_word(column: str) -> str:
    """What a checked confound is called in a sentence."""
    return _CONFOUND_WORDS.get(column, f"the {column}")


def group_word(group: str) -> str:
    """What a group is called in a sentence."""
    return "block" if group == "time" else group


def _against_chance(summary: dict[str, Any], settings: ProbeSettings) -> str:
    if settings.group == "time":
        return (
            f"Blocks lasted {settings.block_s:g} s, of which {settings.gap_s:g} s at both ends were left out; as "
            "blocks of one recording cannot be exchanged, scores were not tested against chance. "
        )
    counts = sorted({row["permutations"] for row in summary["rows"] if row["permutations"]})
    count = (
        f"{counts[-1]}"
        if len(counts) == 1 or settings.models == ("linear",)
        else f"{counts[0]} to {counts[-1]} (of models that are not linear, until 10 of them scored as high)"
    )
    return (
        f"Scores were compared with chance by {count} permutations of the label at the level at which it varies, "
        f"the model refitted for each in every fold{' of the first repeat' if summary['repeats'] > 1 else ''}. "
    )


def _checked(summary: dict[str, Any]) -> str:
    judged = [confound_word(c["column"]) for c in summary["confound_checks"] if c["p"] is not None]
    if not judged:
        return ""
    return f"Whether {', '.join(judged)} alone predicted the label was tested on the same folds and permutations. "


def together_sentence(settings: ProbeSettings) -> str:
    """How many labels were predicted together, with a blank after it; nothing for one alone."""
    others = len(settings.together)
    if others < 2:
        return ""
    return (
        f"It is one of {others} labels ({', '.join(settings.together)}) that were predicted together: the table of all "
        "labels has p-values corrected over them. "
    )


def family_paragraph(settings: ProbeSettings, labels: int, rows: int, shared: int) -> str:
    """How p-values of several labels were corrected. labels, rows: that were tested; shared: sets of rows that were
    tested with the same permutations."""
    sets = "the same permutations for all" if shared == 1 else f"{shared} sets of permutations"
    return (
        f"{labels} labels ({', '.join(settings.together)}) were predicted with the same settings. p-values against "
        f"chance were corrected over all {rows} rows of all labels by Holm's procedure and by Benjamini and Hochberg's "
        f"(q), and jointly by the largest standardised score of each permutation (max-T, Westfall & Young 1993; "
        f"{sets}{', Bonferroni over sets' if shared > 1 else ''})."
    )


def family_sentence(rows: list[dict[str, Any]], refused: Mapping[str, str]) -> str:
    """Which of several labels are predicted above chance, corrected over all. rows: of `family_table`; refused: what
    was wrong, by label."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    tested = [row for row in rows if row["p_holm"] is not None]
    least: dict[str, dict[str, Any]] = {}
    for row in sorted(tested, key=lambda row: row["p_holm"]):
        least.setdefault(row["label"], row)
    clear = [least[label] for label in labels if label in least and least[label]["p_holm"] < 0.05]
    named = ", ".join(
        f"{row['label']} (from {row['features']}, {row['metric']} {row['score']:.2f}, "
        f"{p_words('p', row['p_holm'], bool(row.get('p_at_floor')))})"
        for row in clear
    )
    text = f"Of {len(labels)} labels, {len(tested)} rows tested together, "
    text += f"chance does not explain {len(clear)}: {named}." if clear else "chance may explain all."
    if refused:
        text += f" Not predicted: {'; '.join(f'{label} ({why})' for label, why in refused.items())}."
    return text


def _lengths(settings: ProbeSettings) -> str:
    return "units were described by windows of one length, averaged; " if settings.lengths == "matched" else ""


def methods_paragraph(summary: dict[str, Any], settings: ProbeSettings) -> str:
    """The exact settings as a paragraph that can go into a paper."""
    models = {
        "linear": "L2-regularised logistic regression with balanced class weights"
        if summary["classes"]
        else "ridge regression",
        "svm": "a linear support vector machine",
        "boosting": "histogram gradient boosting",
    }
    times = f", repeated {summary['repeats']} times with other folds" if summary["repeats"] > 1 else ""
    folds = {
        "kfold": f"{summary['folds']}-fold cross-validation"
        + (" stratified by class" if summary["classes"] else "")
        + times,
        "leave-one-out": f"leave-one-{settings.group}-out cross-validation",
        "sealed": f"training on {summary['only_trained_on']} other {summary['unit']}s and one test on the people whose "
        "labels had been sealed",
    }.get(settings.validation, f"cross-validation over the values of {settings.validation}")
    group = group_word(settings.group)
    return (
        f"We predicted {summary['label']} for {summary['n']} {summary['unit']}s of {summary['groups']} "
        f"{group}s from {', '.join(settings.features)} with "
        f"{' and '.join(models[m] for m in settings.models)} ({named_source(settings.model)}, dataset "
        f"{settings.dataset}). Performance was estimated by nested {folds}, "
        f"grouped by {group}; {_lengths(settings)}"
        f"vocabulary, inverse document frequencies, standardisation, clusters and "
        f"components were fitted on the training part of each fold, and the regularisation was chosen there by "
        f"{settings.inner_folds}-fold grouped cross-validation. We report {summary['rows'][0]['metric']} of the "
        f"pooled out-of-fold predictions{', averaged over repeats,' if times else ''} with 95 % intervals "
        f"(percentiles, about the score, over draws of {group}s with replacement, the models refitted in every "
        f"fold for each). {_against_chance(summary, settings)}{_checked(summary)}"
        f"Rows were compared with each other by "
        f"{settings.swaps} random exchanges of the predictions of whole {group}s; p-values "
        f"were corrected over rows by Holm's procedure. {together_sentence(settings)}"
        f"{codebook_use_sentence(summary)} {sealed_sentence(summary['sealed'])} Seed {settings.seed}; "
        f"dfe {summary['version']}."
    )
