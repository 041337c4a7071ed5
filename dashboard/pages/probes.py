"""Does the codebook predict what the lab cares about, and which faces carry it?"""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":  # a link to this page was the server's first: see dashboard/pages/__init__.py
    runpy.run_path(str(Path(__file__).resolve().parents[1] / "app.py"), run_name="__main__")

import json

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import (
    cards,
    empty_states,
    figures,
    frame,
    jobs,
    media,
    probe_view,
    routes,
    shelf,
    state,
    thumbnails,
    views,
)
from dashboard.components.dictionary import dictionary
from dashboard.components.words import clock
from dfe_core.facs.store import list_aligned
from dfe_core.probes.explain import errors_by_subject, pushing_moments
from dfe_core.probes.features.catalogue import known_features
from dfe_core.probes.recipe import recipe_text
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.run import list_results
from dfe_core.store import artefact_path, content_key

MODELS = {"linear": "Logistic or ridge regression", "svm": "Linear SVM", "boosting": "Gradient boosting"}
TABS = ("Scores", "Which faces", "Errors", "Confounds", "Keep")


def page() -> None:
    """The page."""
    choice = shelf.chosen()
    frame.header("Probes", "Does the codebook predict what you care about, and by which faces?", choice)
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: shelf.Choice) -> None:
    """A new experiment, and the ones that were kept."""
    with frame.guarded():
        dataset = shelf.dataset(choice.root, choice.dataset)
        if not dataset.labels:
            no_labels(choice)
            return
        kept = [r for r in list_results(choice.root) if r.settings.model == choice.model
                and r.settings.dataset == choice.dataset]
        with st.expander("New experiment", expanded=not kept, icon=":material/add_circle:"):
            new(choice, dataset.labels, dataset.recordings)
        jobs.watch(key_of(choice), "The probe is done.")
        if kept:
            chosen(choice, kept)


def no_labels(choice: shelf.Choice) -> None:
    """There is nothing to predict."""
    with st.container(border=True):
        st.subheader(f"“{choice.dataset}” has no labels", anchor=False)
        st.markdown("Import it with a table of labels, one row a recording or subject: "
                    "`dfe import FILES --name NAME --labels labels.csv`.")


def key_of(choice: shelf.Choice) -> str:
    """One probe at a time for a model and dataset."""
    return f"probe-{choice.model}--{choice.dataset}"


def new(choice: shelf.Choice, labels: tuple[str, ...], recordings: pd.DataFrame) -> None:
    """The form: what to predict, from what, how to be sure."""
    features = known_features()
    with st.form("probe", border=False):
        a, b, c = st.columns(3)
        columns = [name for name in ("session", *labels) if recordings[name].nunique() > 1]
        asked = {"label": a.selectbox("Predict", labels),
                 "task": b.selectbox("As", [None, "classify", "regress"], format_func=lambda t: {
                     None: "By the kind of label", "classify": "Classes", "regress": "A number"}[t]),
                 "unit": c.selectbox("One prediction for each", [None, "recording", "subject", "segment"],
                                     format_func=lambda u: u.capitalize() if u else "What the label belongs to")}
        asked["features"] = st.multiselect("From", list(features), default=["bow", "au", "psi"],
                                           format_func=lambda name: f"{name}: {features[name]}")
        a, b, c, d = st.columns(4)
        asked["models"] = a.multiselect("Models", list(MODELS), default=["linear"], format_func=MODELS.get)
        asked["split"] = b.selectbox("Validation", ["kfold", "leave-one-out"],
                                     format_func={"kfold": "Folds of subjects", "leave-one-out": "Leave one out"}.get)
        asked["folds"] = c.number_input("Folds", 2, 20, 5)
        asked["seed"] = d.number_input("Seed", 0, 10_000, 0)
        a, b, c = st.columns(3)
        asked["group"] = a.selectbox("Keep apart", ["subject", "time"], format_func={
            "subject": "Subjects", "time": "Blocks of time (one performer)"}.get)
        asked["confounds"] = b.multiselect("Also ask whether they tell", columns, placeholder="No confound")
        names = list_aligned(choice.dataset, choice.root)
        asked["aus"] = c.selectbox("Action units from", names) if names else None
        go = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:",
                                   disabled=jobs.running(key_of(choice)))
    if go and not (asked["features"] and asked["models"]):
        st.warning("Choose at least one row of features and one model.", icon=":material/edit_off:")
    elif go:
        out = report_folder(choice, content_key({k: str(v) for k, v in asked.items()}))
        jobs.desk().start(key_of(choice), f"Predicting {asked['label']}",
                          *probe_view.arguments(choice.model, choice.dataset, asked, str(out)))
        st.rerun()


def report_folder(choice: shelf.Choice, key: str) -> Path:
    """Where the report of a run goes."""
    return artefact_path("analyses", f"probe-report-{choice.model}--{choice.dataset}"[:80] + f"-{key}", choice.root)


def chosen(choice: shelf.Choice, kept: list[ProbeResult]) -> None:
    """The experiment on show."""
    keys = [content_key(r.settings.as_dict()) for r in kept]
    wanted = state.read("probe")
    at = st.selectbox("Experiment", range(len(kept)), index=keys.index(wanted) if wanted in keys else 0,
                      format_func=lambda i: probe_view.title_of(kept[i]), key=f"probe-{len(kept)}")
    if keys[at] != wanted:
        state.write(probe=keys[at])
    result = kept[at]
    st.markdown(result.summary["summary"])
    for warning in result.summary.get("warnings", ()):
        st.caption(f":material/info: {warning}")
    tab = st.segmented_control("Part", TABS, default=TABS[0], key="probe_part", bind="query-params", required=True,
                               label_visibility="collapsed")
    PARTS[tab](choice, result)


def scores(choice: shelf.Choice, result: ProbeResult) -> None:
    """Rows with intervals, and rows against each other."""
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        figures.show(probe_view.scores(result), "probe-scores", "Score of every feature row with its interval")
        st.caption(f"Each prediction by a model that had seen none of that {result.settings.group}’s data; intervals "
                   "by bootstrap over subjects.")
    with right:
        rows = result.rows
        columns = {"features": "From", "model": "Model", "score": rows["metric"].iloc[0], "p_vs_chance": "p, chance",
                   "p_holm": "p, corrected"}
        st.dataframe(rows[list(columns)].rename(columns=columns), hide_index=True, column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in list(columns.values())[2:]})
        if len(result.paired):
            st.caption("Rows against each other, by exchanging whole subjects")
            st.dataframe(result.paired[["a", "b", "difference", "p", "p_holm"]].rename(columns={
                "a": "One", "b": "Other", "difference": "Difference", "p_holm": "p, corrected"}), hide_index=True,
                column_config={name: st.column_config.NumberColumn(format="%.3f")
                               for name in ("Difference", "p", "p, corrected")})


def which_faces(choice: shelf.Choice, result: ProbeResult) -> None:
    """The codewords that weigh most, by region, and the moments that push most."""
    weights = result.codewords
    if not len(weights):
        st.caption("No linear row over codewords in this experiment: add bow.")
        return
    codebook, table = shelf.codebook(choice.root, choice.model), dictionary(choice).table
    face = shelf.face(choice.root, codebook.face_id)
    top = weights.reindex(weights["weight"].abs().sort_values(ascending=False).index).head(12)
    pictures = thumbnails.addresses(choice.root, codebook, face)
    items = []
    for row in top.itertuples():
        words = cards.card(table.iloc[row.codeword], pictures.get(int(row.codeword)))
        sign = "more" if row.weight > 0 else "less"
        items.append({**words, "title": f"{row.codeword} · {row.weight:+.2f}",
                      "note": f"{sign} {row.towards}; same sign in {row.stability:.0%} of folds",
                      "alt": f"{words['alt']} Weight {row.weight:+.2f} towards {row.towards}."})
    st.caption(f"Codewords that weigh most in {weights['features'].iloc[0]}; a plus speaks for "
               f"“{top['towards'].iloc[0]}”.")
    data = {"items": items, "selected": None, "model": codebook.model, "label": "Codewords that weigh most",
            "face": media.face_address(face) if face.has_mesh else None, "codebook": media.codebook_address(codebook)}
    picked = views.gallery(key="probe-codewords", data=data, on_pick_change=lambda: None).pick
    if picked is not None:
        routes.go("codebook", codeword=picked)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Sum of the sizes of the weights, by region")
        figures.show(probe_view.regions(result.regions, "weight", "weight"), "probe-regions", "Weight by face region")
    with right:
        st.caption("How much the score falls without a region’s codewords")
        figures.show(probe_view.regions(result.occlusion, "fall", "fall of the score"), "probe-occlusion",
                     "Fall of the score without each region")
    moments(choice, result)


def moments(choice: shelf.Choice, result: ProbeResult) -> None:
    """The moments that push the prediction most; a click opens the recording."""
    index, dataset = shelf.runs(choice.root, choice.model, choice.dataset), shelf.dataset(choice.root, choice.dataset)
    st.subheader("Moments that push the prediction most", anchor=False)
    for towards in dict.fromkeys(result.codewords["towards"]):
        found = pushing_moments(result.codewords, index, dataset.recordings, towards, limit=6)
        st.caption(f"Towards “{towards}”" if towards else "Towards larger values")
        with st.container(horizontal=True, gap="small"):
            for i, row in enumerate(found.itertuples()):
                if st.button(f"{row.recording} {clock(row.peak_s)} · codeword {row.codeword}",
                             key=f"push-{towards}-{i}", type="tertiary", icon=":material/play_circle:"):
                    routes.go("recordings", recording=row.recording, t=round(float(row.peak_s), 3))


def errors(choice: shelf.Choice, result: ProbeResult) -> None:
    """Where it was wrong."""
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        st.caption("By subject, worst first")
        st.dataframe(errors_by_subject(result.predictions), hide_index=True, height=420)
    with right:
        st.caption("Every prediction")
        st.dataframe(result.predictions, hide_index=True, height=420)


def confounds(choice: shelf.Choice, result: ProbeResult) -> None:
    """What else the features know."""
    if not len(result.confounds):
        st.caption("No confound was asked for: choose columns under “Also ask whether they tell” in a new experiment.")
        return
    st.dataframe(result.confounds, hide_index=True)


def keep(choice: shelf.Choice, result: ProbeResult) -> None:
    """The result as files, the methods paragraph, and the recipe that runs it again."""
    stem = f"probe-{choice.model}-{result.settings.label}"
    with st.container(horizontal=True):
        st.download_button("Scores, CSV", result.rows.to_csv(index=False), f"{stem}.csv", "text/csv", on_click="ignore")
        st.download_button("Everything, JSON", json.dumps(result.to_json(), default=plain, indent=1), f"{stem}.json",
                           "application/json", on_click="ignore")
        st.download_button("Recipe, TOML", recipe_text(result.settings), f"{stem}.toml", "text/plain",
                           on_click="ignore")
        st.download_button("Report, HTML", lambda: report_html(result), f"{stem}.html", "text/html",
                           on_click="ignore")
    st.subheader("For the methods section", anchor=False)
    st.markdown(result.summary["methods"])


def report_html(result: ProbeResult) -> bytes:
    """The report of a probe as one page."""
    import tempfile

    from dfe_core.reports.probe import write_report
    with tempfile.TemporaryDirectory(prefix="dfe-probe-") as folder:
        pages = [p for p in write_report(result, Path(folder)) if p.suffix == ".html"]
        return pages[0].read_bytes()


def plain(value: object) -> object:
    """NumPy values as JSON has them."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


PARTS = dict(zip(TABS, (scores, which_faces, errors, confounds, keep), strict=True))
