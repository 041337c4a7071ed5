"""Does the codebook predict what the lab cares about, and which faces carry it?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import AUS_ALONE
from dfe_core.facs.store import list_aligned
from dfe_core.p_values import at_floor, bounds
from dfe_core.probes import class_scores
from dfe_core.probes.explain import errors_by_subject
from dfe_core.probes.labels_together import family_table, kept_together
from dfe_core.probes.methods_text import (
    caution_sentences,
    confound_sentence,
    difference_sentence,
    verdict_sentence,
    warning_texts,
)
from dfe_core.probes.recipe import read_recipe
from dfe_core.probes.result import ProbeResult
from dfe_core.reports.probe import asked_confounds, check_table
from dfe_core.spreadsheet import plain_table
from dfe_core.store import content_key

from ..data import artefact_cache, job_manager
from ..links import query_parameters
from ..panels import empty_states, job_progress, moments_in_words, page_frame, probe_export, probe_faces, probe_form
from ..theme.formatting import text
from ..views import class_figures, figures, probe_results
from ..views.example_pictures import Picture

KINDS = ("Predict a label", "Find by description")
TABS = ("Scores", "Which faces", "Classes", "Order", "Errors", "Confounds", "All labels", "Compare", "Keep")


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Probes", "Does the codebook predict what you care about, and by which faces?", choice)
    if names := list_aligned(choice.dataset, choice.root) if choice.faceless else []:
        alone(replace(choice, model=f"{AUS_ALONE}{names[0]}"))
    elif empty_states.ready(choice):
        shown(choice)


@st.fragment
def alone(choice: artefact_cache.Choice) -> None:
    """A label from action units, where there is no face and no codebook."""
    with page_frame.guarded():
        st.caption("Action units alone: labels are predicted from them; there are no codewords and no face to show.")
        experiments(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """A label from faces, or faces from words."""
    with page_frame.guarded():
        kind = page_frame.parts(
            "Probe",
            KINDS,
            key="probe_kind",
            default=KINDS[1] if query_parameters.read("ask") else KINDS[0],
            label_visibility="collapsed",
        )
        if kind == KINDS[0]:
            experiments(choice)
        else:
            moments_in_words.show(choice)


def experiments(choice: artefact_cache.Choice) -> None:
    """A new experiment, and the ones that were kept."""
    dataset = choice.open_dataset()
    point_at_what_was_run(choice)
    if not dataset.labels:
        empty_states.no_labels(
            Picture.SCORES,
            f"“{choice.dataset}” has no labels",
            "A probe predicts a label of recordings or subjects, such as a condition, a diagnosis or a score. Write "
            "labels on the page Data, or bring in a table with one row per recording or subject.",
        )
        return
    kept = [
        r
        for r in artefact_cache.probe_results(choice.root)
        if r.settings.model == choice.model and r.settings.dataset == choice.dataset
    ]
    with st.expander("New experiment", expanded=not kept, icon=":material/add_circle:"):
        faulty = probe_form.show(choice, dataset.labels, dataset.recordings)
    if faulty:  # a result below would be taken for one of what was asked for
        return
    job_progress.watch(probe_form.key_of(choice), "The probe is done.")
    if kept:
        chosen(choice, kept)
    elif not job_manager.running(probe_form.key_of(choice)):
        empty_states.plain_example(
            Picture.SCORES,
            "No experiment yet",
            "An experiment shows how well each set of features predicts the label, with intervals and chance, which "
            "faces carry it, and what may confound it. Press “Run” above.",
        )


def point_at_what_was_run(choice: artefact_cache.Choice) -> None:
    """When this session's run has ended well, the link names its result, also where it was kept before."""
    job, out = job_manager.manager().get(probe_form.key_of(choice)), st.session_state.get("probe-out")
    if out and job is not None and job.done:
        recipes = sorted(Path(out).glob("recipe.toml")) or sorted(Path(out).glob("*/recipe.toml"))
        query_parameters.write(probe=content_key(read_recipe(recipes[0]).as_dict()))
        st.session_state["probe-turn"] = st.session_state.get("probe-turn", 0) + 1
        del st.session_state["probe-out"]


def chosen(choice: artefact_cache.Choice, kept: list[ProbeResult]) -> None:
    """The experiment on show."""
    keys = [content_key(r.settings.as_dict()) for r in kept]
    wanted = query_parameters.read("probe")
    if wanted is not None and wanted not in keys:
        query_parameters.unusable("experiment", [wanted])
    turn = st.session_state.get("probe-turn", 0)
    at = st.selectbox(
        "Experiment",
        range(len(kept)),
        index=keys.index(wanted) if wanted in keys else 0,
        format_func=lambda i: probe_results.title_of(kept[i]),
        key=f"probe-{len(kept)}-{turn}",
    )
    if keys[at] != wanted:
        query_parameters.write(probe=keys[at])
    result = kept[at]
    cautions = caution_sentences(result.summary)
    checked = "" if cautions else confound_sentence(result.summary)
    st.markdown(text(verdict_sentence(result.summary) + difference_sentence(result.summary) + checked))
    for caution in cautions:
        st.warning(text(caution), icon=":material/warning:")
    beside = {**result.summary, "high_pose_leak": None}  # the page's head says it
    for warning in warning_texts(beside, result.settings):
        st.caption(f":material/info: {text(warning)}")
    tab = page_frame.parts("Part", TABS, key="probe_part", label_visibility="collapsed")
    if tab == "All labels":
        all_labels(kept, result)
    elif tab == "Compare":
        compare(kept, result)
    else:
        PARTS[tab](choice, result)


def scores(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """Rows with intervals, and rows against each other."""
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        figures.show(probe_results.scores(result), "probe-scores", "Score of every feature row with its interval")
        st.caption(probe_results.how_judged(result.settings.group))
    with right:
        rows = result.rows
        columns = {
            "features": "Features",
            "model": "Model",
            "score": rows["metric"].iloc[0],
            "p_vs_chance": "p, chance",
            "p_holm": "p, corrected",
        }
        low = at_floor(rows["p_vs_chance"], rows["permutations"])
        page_frame.table(
            rows,
            columns,
            {rows["metric"].iloc[0]: "%.3f"},
            {columns[name]: bounds(rows[name], low) for name in ("p_vs_chance", "p_holm")},
        )
        st.caption(probe_results.guesses(result))
        if len(result.paired):
            st.caption("Rows against each other, by exchanging whole subjects")
            swapped = at_floor(result.paired["p"], result.settings.swaps)
            page_frame.table(
                result.paired,
                {
                    "a": "One",
                    "b": "Other",
                    "difference": "Difference",
                    "low": "From",
                    "high": "To",
                    "p": "p",
                    "p_holm": "p, corrected",
                },
                {"Difference|From|To": "%+.3f"},
                {"p": bounds(result.paired["p"], swapped), "p, corrected": bounds(result.paired["p_holm"], swapped)},
            )


def classes(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """Which classes are told apart, and what the probabilities are worth."""
    if "right" not in result.predictions:
        st.caption("This label is a number or an ordered scale: there are no classes. Its errors are under “Errors”.")
        return
    names = result.predictions["features"].drop_duplicates().tolist()
    row = page_frame.parts("Features", names, key="classes_of") if len(names) > 1 else names[0]
    part = result.predictions[result.predictions["features"] == row]
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.caption("Units of each true class by the class that was predicted for them, in folds that did not train it")
        alt = "Confusion matrix"
        figures.show(class_figures.confusion_matrix(class_scores.confusion(part)), f"confusion-{row}", alt)
    with right:
        st.caption("Every class by itself")
        heads = {"class": "Class", "units": "Units", "precision": "Precision", "recall": "Recall", "f1": "F1"}
        page_frame.table(class_scores.class_scores(part), heads, {"Precision|Recall|F1": "%.3f"})
    two_classes(part, row)


def two_classes(part: pd.DataFrame, row: str) -> None:
    """Thresholds and probabilities, which two classes have."""
    named, curve, held = class_scores.binary_scores(part), class_scores.roc(part), class_scores.calibration(part)
    left, right = st.columns([1, 1], gap="medium")
    if named is not None and curve is not None:
        with left:
            st.caption(
                f"Receiver operating characteristic of “{text(named[0])}”: area {curve[1]:.3f}, chance 0.5. Folds are "
                "pooled, so that a shift between their models counts as error."
            )
            figures.show(class_figures.roc_curve(curve[0]), f"roc-{row}", "Receiver operating characteristic")
    if named is not None and held is not None:
        with right:
            st.caption(
                f"Calibration: how often “{text(named[0])}” is the truth by its predicted probability. Brier score "
                f"{held[1]:.3f}, 0.25 for a coin."
            )
            figures.show(class_figures.calibration_curve(held[0]), f"calibration-{row}", "Calibration")


def errors(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """Where it was wrong."""
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        st.caption("By subject, worst first")
        page_frame.table(errors_by_subject(result.predictions), height=420)
    with right:
        st.caption("Every prediction")
        page_frame.table(result.predictions, height=420)


def confounds(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """What else the features know."""
    checks = check_table(result)
    if len(checks):
        st.caption(
            "How well each alone predicts the label, on the same folds, and the scores without what it explains. "
            "Checked in every experiment."
        )
        page_frame.table(checks)
    if not len(result.confounds):
        st.caption("No other confound was asked for: choose columns under “Confounds” in a new experiment.")
        return
    st.caption("Asked for")
    page_frame.table(asked_confounds(result))


def order(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """What the order of tokens is worth, and the moments that the sequence probe weighs most."""
    if not len(result.order):
        st.caption("No sequence probe was asked for: choose one under “More choices” in a new experiment.")
        return
    st.caption(
        "The score of each pooling, and with the test people’s tokens shuffled in time and over stages: what "
        "falls rests on order. The bag of words is under Scores, on the same folds."
    )
    page_frame.table(result.order)
    st.caption("Tokens with the largest weight in their unit")
    page_frame.table(result.deciding, height=360)


def all_labels(kept: list[ProbeResult], result: ProbeResult) -> None:
    """The labels that were predicted together, corrected over all."""
    if not result.settings.together:
        st.caption("This label was predicted alone: choose several under “Label” in a new experiment.")
        return
    table = family_table(kept_together(kept, result))
    st.caption(
        "p: against chance, of the row alone; Holm and q: corrected over all rows of all labels; joint: by the largest "
        "standardised score of each permutation."
    )
    columns = {
        "label": "Label",
        "scale": "Scale",
        "features": "Features",
        "metric": "Metric",
        "score": "Score",
        "low": "95 % from",
        "high": "95 % to",
        "chance": "Chance",
        "p": "p",
        "p_holm": "p, Holm",
        "q": "q",
        "p_joint": "p, joint",
    }
    low = {columns[name]: bounds(table[name], table["p_at_floor"]) for name in ("p", "p_holm", "q", "p_joint")}
    page_frame.table(table, columns, {"|".join(list(columns.values())[4:8]): "%.3f"}, low)


def compare(kept: list[ProbeResult], result: ProbeResult) -> None:
    """Every kept experiment on the same label, row by row."""
    table = probe_results.side_by_side([one for one in kept if one.settings.label == result.settings.label])
    st.caption(
        f"Every row of every experiment on {result.settings.label} that was kept, newest first. Rows of one "
        "experiment share people and folds; across experiments with other folds, look at the intervals."
    )
    page_frame.table(table, formats={"Score|From|To|p, corrected": "%.3f"})
    st.download_button(
        "Comparison, CSV",
        plain_table(table).to_csv(index=False),
        f"probes-{result.settings.label}.csv",
        "text/csv",
        on_click="ignore",
    )


PARTS = {
    "Scores": scores,
    "Which faces": probe_faces.show,
    "Classes": classes,
    "Order": order,
    "Errors": errors,
    "Confounds": confounds,
    "Keep": probe_export.show,
}
