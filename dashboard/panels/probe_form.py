"""A new probe: what to predict, from which features, and how it is validated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import aus_alone, probe_report_name, tokens_name
from dfe_core.channels.sources import Channel, known_channels
from dfe_core.expressions.label_scales import LabelScale, label_scale
from dfe_core.facs.store import measured_first
from dfe_core.probes.features.catalogue import known_features
from dfe_core.probes.features.moves import OTHER
from dfe_core.store import artefact_path, content_key

from ..data import artefact_cache, job_manager, people, syllable_sets
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import plural, text
from ..views import probe_results
from . import fields, job_progress

MODELS = {"linear": "Logistic or ridge regression", "svm": "Linear SVM", "boosting": "Gradient boosting"}
ALONE = ("au", "au-sided")
"""Features where there are action units alone."""
SCALES = {LabelScale.NOMINAL: "classes", LabelScale.ORDINAL: "ordered scale", LabelScale.QUANTITY: "a number"}
CODEBOOKS = {
    "shared": "The chosen one in every fold",
    "held-out": "Test only people whom it has not seen",
    "refit": "Train one in every fold, without the people tested",
}
POOLINGS = ("sparsemax", "entmax", "softmax", "mean", "class-token")


def key_of(choice: artefact_cache.Choice) -> str:
    """One probe at a time for a model and dataset."""
    return f"probe-{tokens_name(choice.model, choice.dataset)}"


def show(choice: artefact_cache.Choice, labels: tuple[str, ...], recordings: pd.DataFrame) -> bool:
    """The form: what to predict, from what, how to be sure. Whether it was sent with a field that cannot be used, which
    is said beside it."""
    alone = aus_alone(choice.model)
    beside = [*map(str, known_channels(choice.open_dataset()))]
    unknown = {*map(str, Channel), *([] if beside else [OTHER])} - {*beside}
    if not alone and not syllable_sets.sets_of(choice):
        unknown.add("syllables")
    features = {
        name: what
        for name, what in known_features().items()
        if name not in unknown and (not alone or name in (*ALONE, *beside, OTHER))
    }
    scales = {name: SCALES[label_scale(pd.Series(recordings[name]))] for name in labels}
    with st.form("probe", border=False):
        a, b, c = st.columns(3)
        columns = [name for name in ("session", *labels) if recordings[name].nunique() > 1]
        asked: dict[str, Any] = {
            "label": a.multiselect(
                "Label",
                labels,
                default=labels[:1],
                format_func=lambda name: f"{name} ({scales[name]})",
                help="Several labels are predicted one by one, and p is corrected over all of them.",
            ),
            "task": b.selectbox(
                "Task",
                [None, "classify", "regress"],
                format_func=lambda t: {
                    None: "By the kind of label",
                    "classify": "Classes",
                    "regress": "A scale or number",
                }[t],
                help="Text and two values are classes, whole numbers in steps (1 to 7) an ordered scale.",
            ),
            "unit": c.selectbox(
                "Unit",
                [None, "recording", "subject", "segment"],
                format_func=lambda u: u.capitalize() if u else "What the label belongs to",
            ),
        }
        places: dict[str, Any] = {"label": a.empty()}
        asked["features"] = st.multiselect(
            "Features",
            list(features),
            default=["au"] if alone else ["bow", "au", "psi"],
            format_func=lambda name: f"{name}: {features[name]}",
            help="Syllables are among them once the page Syllables has found them; those found last are taken.",
        )
        places["features"] = st.empty()
        a, b, c, d = st.columns(4)
        asked["models"] = a.multiselect(
            "Models", list(MODELS), default=["linear"], format_func=lambda name: MODELS[name]
        )
        places["models"] = a.empty()
        splits = {"kfold": "Folds of subjects", "leave-one-out": "Leave one out"}
        asked["split"] = b.selectbox(
            "Validation", [*splits, *columns], format_func=lambda name: splits.get(name, f"Your folds: {name}")
        )
        asked["folds"] = c.number_input("Folds", 2, 20, 5)
        asked["seed"] = d.number_input("Seed", 0, 10_000, 0)
        a, b, c = st.columns(3)
        asked["group"] = a.selectbox(
            "Grouping",
            ["subject", "time"],
            index=int(recordings["subject"].nunique() < 2),
            format_func=lambda name: {"subject": "Subjects", "time": "Blocks of time (one performer)"}[name],
        )
        asked["confounds"] = b.multiselect("Confounds", columns, placeholder="No confound")
        names = measured_first(choice.dataset, choice.root)
        asked["aus"] = c.selectbox("Action units", names, key=f"aus-{choice.dataset}") if names else None
        places |= more(choice, asked, columns)
        refused = people.refusal(Role.EDITOR)
        go = st.form_submit_button(
            "Run",
            type="primary",
            icon=":material/play_arrow:",
            disabled=job_manager.running(key_of(choice)) or bool(refused),
            help=refused or None,
            on_click=job_progress.forget,
            args=(key_of(choice),),
        )
    faults = wrong(asked, recordings) if go else {}
    if fields.any_wrong(places, faults):
        return True
    if go:
        out = report_folder(choice, content_key({k: str(v) for k, v in asked.items()}))
        st.session_state["probe-out"] = str(out)
        job_manager.start(
            key_of(choice),
            f"Predicting {', '.join(asked['label'])}",
            *probe_results.arguments(choice.model, choice.dataset, asked, str(out)),
        )
        st.rerun()
    return False


def wrong(asked: dict[str, Any], recordings: pd.DataFrame) -> dict[str, str]:
    """Fields of the form that cannot be used, each with why."""
    found = {
        "label": "" if asked["label"] else "Choose at least one label.",
        "features": "" if asked["features"] or asked["tables"] else "Choose at least one row of features.",
        "models": "" if asked["models"] else "Choose at least one model.",
    }
    for label in asked["label"]:
        values = recordings[label]
        texts = [str(v) for v in values.dropna().unique() if isinstance(v, str)]
        if lacking := [v for v in texts if asked["levels"] and v not in asked["levels"]]:
            found["levels"] = f"“{text(lacking[0])}” of {text(label)} is not in this order."
        if values.isna().any() and not asked["drop_missing"]:
            found["drop_missing"] = (
                f"{plural(int(values.isna().sum()), 'recording')} have no value of {text(label)}: tick this, or fill "
                "them in on the page Data."
            )
    return {field: why for field, why in found.items() if why}


def more(choice: artefact_cache.Choice, asked: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    """What few experiments need; the places beside its fields."""
    with st.expander("More choices"):
        a, b, c = st.columns(3)
        asked["regress_out"] = a.multiselect(
            "Also the score without",
            columns,
            placeholder="Nothing regressed out",
            help="What these columns explain is removed inside each fold.",
        )
        asked["sequence"] = b.multiselect(
            "Also order, by a transformer",
            () if aus_alone(choice.model) else POOLINGS,
            placeholder="No sequence probe",
            help="Minutes each: a small network a fold and inner split.",
        )
        asked["segment"] = c.number_input("Seconds of a segment", 0.5, 60.0, 2.0, 0.5, format="%.1f")
        asked["codebook"] = st.selectbox(
            "Codebook",
            ["shared"] if aus_alone(choice.model) else list(CODEBOOKS),
            format_func=lambda use: CODEBOOKS[use],
            help="A codebook fits the people it was trained on better than others. Refit takes a training in every "
            "fold: minutes each.",
        )
        asked["levels"] = [
            level.strip()
            for level in st.text_input(
                "Order of a label that is text", placeholder="low, medium, high", help="The lowest first, by commas."
            ).split(",")
            if level.strip()
        ]
        places = {"levels": st.empty()}
        asked["drop_missing"] = st.checkbox("Leave out recordings that have no label")
        places["drop_missing"] = st.empty()
        dropped = st.file_uploader(
            "Features of your own: tables with a column recording and one row per recording",
            type=["csv", "parquet"],
            accept_multiple_files=True,
            key="probe-tables",
            help="Each table is a row of features by the name of its file. Dropped files are deleted with the session: "
            "keep your own, which the recipe of the experiment asks for.",
        )
        if "probe-tables-staging" not in st.session_state:
            st.session_state["probe-tables-staging"] = Staging()
        held = st.session_state["probe-tables-staging"].hold(dropped or [])
        asked["tables"] = {feature_name(path): str(path) for path in held}
    return places


def feature_name(path: Path) -> str:
    """The name of a table's features, which stands in lists and sums of them: letters, digits and underscores."""
    name = re.sub(r"\W+", "_", path.stem).strip("_") or "table"
    return f"{name}_table" if name in known_features() else name


def report_folder(choice: artefact_cache.Choice, key: str) -> Path:
    """Where the report of a run goes."""
    model = choice.model.replace(":", "-")
    return artefact_path("analyses", probe_report_name(model, choice.dataset, key), choice.root)
