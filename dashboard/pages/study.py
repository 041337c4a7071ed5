"""A new study: from files to a trained codebook and every analysis of it, by the plan and the job of `dfe study`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import HISTORY_FILE, LEARNING_FILE, MANIFEST, TOKENS, study_report_name, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.expressions.label_scales import label_scale
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan
from dfe_core.faces import open_face
from dfe_core.store import artefact_path, read_json
from dfe_core.workflow.settings import StudySettings, study_name
from dfe_core.workflow.study_plan import StudyPlan, plan_study

from ..data import artefact_cache, job_manager, media, people
from ..data.places import place
from ..data.roles import Role
from ..data.staging import Staging
from ..panels import (
    coverage_report,
    empty_states,
    error_text,
    event_sets,
    fields,
    import_job,
    job_progress,
    page_frame,
    probe_form,
    uploads,
)
from ..theme.formatting import count, percent, plural, span, text
from ..views import browser_views, figures
from ..views.example_pictures import Picture

KEY = "study"
_NAME = "study-running"
_SEALED = "study-sealed"
CURVES = {"rmse_mm": "Error of the training frames, mm", "perplexity": "Perplexity: codewords in even use"}


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "New study", "From recordings to a codebook, its coverage, groups and probes, and a supplement.", choice
    )
    if refused := people.refusal(Role.EDITOR):
        st.info(f"A new study: {refused[0].lower()}{refused[1:]}", icon=":material/lock:")
        return
    with st.container():
        at_work(choice)
    with st.container():
        outcome(choice)
    with page_frame.guarded():  # also while it runs: what was dropped and typed would be lost otherwise
        ask(choice)


# ---- what is asked


def ask(choice: artefact_cache.Choice) -> None:
    """Files, people and labels, then the plan and its start. Every part has a container of its own (`uploads.show`)."""
    with st.container():
        paths, sources = uploads.chosen_files()
    if not paths:
        with empty_states.example(
            Picture.CODEWORDS,
            "From files to codewords in one go",
            "Recordings of Live Link Face, OpenFace, MediaPipe and other tools are read, previewed, named and learned "
            "from. Drop them above, or name their folder: the plan with its times is shown before anything is done. "
            "Files stay on this machine.",
        ):
            if not choice.model and not choice.dataset and st.session_state.get(_NAME) is None:
                st.caption("To look around first, without files of your own:")
                empty_states.offer_default()
        return
    with st.container():
        people_known = uploads.who_is_who()
    if people_known is None:
        return
    labels, pattern = people_known
    try:
        with page_frame.waiting("Looking at the files"):
            found = inspect_sources(paths, labels, pattern or None)
    except DataError as error:
        said(error)
        return
    found = [without_labels(one, set(st.session_state.get(_SEALED, ()))) for one in found]
    with st.container():
        uploads.listed(found)
    if not any(not one.fault for one in found):
        if len(found) > 1:
            st.warning("None of these files can be read as recordings.", icon=":material/edit_off:")
        return
    with st.container():
        settings = chosen_settings(choice, sources, labels, pattern, found)
    if settings is not None and not job_manager.running(KEY):
        with st.container():
            offer(settings, choice)


def chosen_settings(
    choice: artefact_cache.Choice, sources: Sequence[Path], labels: Path | None, pattern: str, found: Sequence[Believed]
) -> StudySettings | None:
    """The study as asked for; None while it has no name that can be used."""
    left, middle, right = st.columns([2, 2, 2])
    name = left.text_input("Name of the study", value=_proposed(sources), key="study-name").strip()
    labelled = pd.DataFrame([one.labels for one in found if one.labels])
    scales = {str(name): label_scale(labelled[name]) for name in labelled}
    known = list(scales)
    by = middle.multiselect(
        "Compare and predict",
        known,
        key="study-by",
        placeholder="By itself" if known else "No labels",
        format_func=lambda name: f"{name} ({probe_form.SCALES[scales[name]]})",
        disabled=not known,
    )
    aus = right.file_uploader(
        "Action units of a detector or coder, where they are in files of their own",
        accept_multiple_files=True,
        key="study-aus",
    )
    with st.expander("Events, videos, sealed test", icon=":material/tune:"):
        events, folder = in_time()
        sealed = sealed_test(found, known)
    if fields.wrong(left, "" if name else "Give the study a name.") or sealed is None or folder is None:
        return None
    try:
        return StudySettings(
            sources=tuple(sources),
            name=name,
            out=artefact_path("analyses", study_report_name(name), choice.root),
            labels=labels,
            aus=dropped("study-aus-staging", aus),
            events=dropped("study-events-staging", events),
            videos=folder or None,
            by=tuple(by),
            subject_pattern=pattern or None,
            sealed=sealed or None,
        )
    except DataError as error:
        fields.wrong(left, error_text.sentence(error))
        return None


def in_time() -> tuple[list[Any], Path | Literal[""] | None]:
    """Files of events, and the folder of videos: empty where none is named, None where it cannot be read."""
    left, right = st.columns(2)
    events = left.file_uploader(
        "Events within the recordings: a table, ELAN, BORIS, BIDS or Praat",
        type=event_sets.ENDINGS,
        accept_multiple_files=True,
        key="study-events",
    )
    videos = right.text_input(
        "Folder of the videos, with the names of the recordings",
        key="study-videos",
        placeholder="/data/study1/videos",
        help="On the machine that this dashboard runs on. Videos stay where they are.",
    )
    try:
        return events or [], place(videos.strip()) if videos.strip() else ""
    except DataError as error:
        fields.wrong(right, error_text.sentence(error))
        return events or [], None


def sealed_test(found: Sequence[Believed], labels: Sequence[str]) -> SealPlan | Literal[""] | None:
    """People whose labels are sealed, and the labels that are tested on them: empty where nobody is, None where there
    is no hypothesis."""
    subjects = list(dict.fromkeys(one.subject or one.name for one in found if not one.fault))
    left, right = st.columns(2)
    chosen = left.multiselect(
        "People whose labels are sealed",
        subjects,
        key=_SEALED,
        placeholder="Nobody",
        disabled=not labels,
        help="Nobody sees their labels, on any page or in any file, until `dfe unseal` tests the hypotheses on them, "
        "once. Choose them before you look at anything.",
    )
    tested = right.multiselect(
        "Labels that the codewords are expected to predict in them",
        list(labels),
        key="study-tested",
        placeholder="The hypotheses",
        disabled=not chosen,
    )
    try:
        return seal_plan(chosen, tested) or ""
    except DataError as error:
        fields.wrong(right, error_text.sentence(error))
        return None


def seal_plan(subjects: Sequence[str], labels: Sequence[str]) -> SealPlan | None:
    """The sealed test of a study; None where nobody is sealed. Raises `DataError` where it has no hypothesis."""
    if not subjects:
        return None
    return SealPlan(subjects=tuple(subjects), hypotheses=tuple(Hypothesis(label=label) for label in labels))


def without_labels(one: Believed, sealed: set[str]) -> Believed:
    """A file as it is listed: the labels of a sealed person are there, their values are not."""
    hidden = (one.subject or one.name) in sealed
    return replace(one, labels=dict.fromkeys(one.labels)) if hidden else one


def dropped(key: str, files: Sequence[Any] | None) -> Path | None:
    """The folder that holds these dropped files; None where there are none. Raises `DataError` over the quota."""
    staging = _staging(key)
    return staging.folder if staging.hold(files or []) else None


def offer(settings: StudySettings, choice: artefact_cache.Choice) -> None:
    """The plan, and the button that starts it or continues where it was stopped."""
    try:
        with page_frame.waiting("Planning"):
            plan = plan_study(settings, choice.root)
    except DataError as error:
        said(error)
        return
    show_plan(plan)
    if not plan.missing:
        if st.session_state.get(_NAME) != settings.name:
            finished(choice, settings.name)
        return
    stopped = len(plan.current) > 0
    if st.button(
        "Continue the study" if stopped else "Start the study",
        type="primary",
        icon=":material/play_arrow:",
        key="study-start",
    ):
        job_manager.start(KEY, f"Study “{settings.name}”", *arguments(settings))
        st.session_state[_NAME] = settings.name
        st.rerun()


def show_plan(plan: StudyPlan) -> None:
    """Each step with its time, and what is not part of the study."""
    st.markdown(
        f"**{plural(len(plan.missing), 'step')}**, about {span(plan.seconds)} on two processor cores; "
        f"about {count(plan.sources.frames)} frames"
        + (", a face is learned from them." if plan.sources.face == "learn" else f" on the face {plan.sources.face}.")
    )
    rows = [
        {
            "Step": str(name).capitalize(),
            "Makes": step.makes,
            "Time": "done" if name in plan.current else f"about {span(step.seconds)}",
        }
        for name, step in plan.steps.items()
    ]
    with st.expander("The plan", expanded=False, icon=":material/checklist:"):
        page_frame.table(pd.DataFrame(rows))
        if plan.left_out:
            st.caption("Not part of it: " + "; ".join(f"{name} ({why})" for name, why in plan.left_out.items()) + ".")


def arguments(settings: StudySettings) -> list[str]:
    """The command of the study."""
    line = ["study", *map(str, settings.sources), "--name", settings.name, "--out", str(settings.out)]
    line += [*(f"--by={label}" for label in settings.by), "--no-dashboard"]
    for option in ("aus", "events", "videos"):
        path = getattr(settings, option)
        line += [f"--{option}", str(path)] if path else []
    if settings.sealed is not None:
        line += [f"--seal={','.join(settings.sealed.subjects)}"]
        line += [f"--hypothesis={one.label}" for one in settings.sealed.hypotheses]
    return [*line, *import_job.common(settings.labels, settings.subject_pattern or "")]


def _proposed(sources: Sequence[Path]) -> str:
    try:
        return study_name(sources[0]) if len(sources) == 1 and sources[0].is_dir() else ""
    except DataError:
        return ""


def _staging(key: str) -> Staging:
    if key not in st.session_state:
        st.session_state[key] = Staging()
    return st.session_state[key]


def said(error: DataError) -> None:
    """What cannot be served, as a sentence."""
    st.warning(error_text.sentence(error), icon=":material/edit_off:")


# ---- while it runs, and after


def at_work(choice: artefact_cache.Choice) -> None:
    """The job's progress, with the curves of training as soon as there are any."""
    job_progress.watch(KEY, "The study is done.")
    if job_manager.running(KEY) and (name := st.session_state.get(_NAME)):
        so_far(choice.root, name)


@st.fragment(run_every=1.5)
def so_far(root: Path, name: str) -> None:
    """What is there to be looked at while the study runs: training, then its codebook."""
    if not people.are_admitted():
        st.rerun()
    if (artefact_path(TOKENS, tokens_name(f"{name}-codebook", name), root) / MANIFEST).is_file():
        st.caption("The codebook is trained and the recordings are encoded; the analyses follow.")
        codebook_link(name)
        return
    curves(training_history(root, name))
    faces_so_far(root, name)


def codebook_link(name: str) -> None:
    """The way to the codebook of a study."""
    address = urlencode({"model": f"{name}-codebook", "dataset": name})
    st.link_button("Open its codebook", f"codebook?{address}", type="primary", icon=":material/grid_view:")


def faces_so_far(root: Path, name: str) -> None:
    """The codewords in most use while they are learned, as faces; nothing before the first are written."""
    try:
        now = read_json(artefact_path("models", f"{name}-codebook", root) / LEARNING_FILE)
        face = open_face(now["face"], root)
        items = [
            {
                "psi": one["psi"],
                "title": f"Codeword {one['codeword']}",
                "note": f"{percent(one['share'])} of the tokens",
                "alt": f"Codeword {one['codeword']} after {now['step']} steps",
            }
            for one in now["codewords"]
        ]
    except (DataError, KeyError, TypeError):  # not begun, or done
        return
    st.caption(f"The codewords in most use after {now['step']} steps")
    browser_views.strip(key="study-faces", data={"face": media.face_address(face), "items": items})


def curves(history: pd.DataFrame) -> None:
    """Error and perplexity over the steps of training."""
    if len(history) < 2:
        return
    for column_of_page, (column, title) in zip(st.columns(len(CURVES)), CURVES.items(), strict=True):
        if column in history:
            column_of_page.caption(title)
            with column_of_page:
                figures.show(figures.learning_curve(history["step"], history[column]), f"curve-{column}", title)


def training_history(root: Path, name: str) -> pd.DataFrame:
    """The lines that training has logged so far; no rows where it has not begun."""
    path = artefact_path("models", f"{name}-codebook", root) / HISTORY_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return pd.DataFrame()
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the line that is being written
            continue
    return pd.DataFrame(rows)


def outcome(choice: artefact_cache.Choice) -> None:
    """What the last study of this session came to, and the ways on."""
    name = st.session_state.get(_NAME)
    if name is not None and not job_manager.running(KEY):
        finished(choice, name)


def finished(choice: artefact_cache.Choice, name: str) -> None:
    """A study that is done: its codebook, supplement and methods; nothing where it is not."""
    folder = artefact_path("analyses", study_report_name(name), choice.root)
    if not (folder / MANIFEST).is_file():
        return
    with st.container(border=True):
        st.markdown(f":material/check_circle: The study **{text(name)}** is done: its codebook is `{name}-codebook`.")
        with st.container(horizontal=True):
            codebook_link(name)
            st.download_button(
                "Supplement",
                lambda: coverage_report.zipped(folder),
                f"{name}-supplement.zip",
                "application/zip",
                icon=":material/folder_zip:",
                key=f"supplement-{name}",
                on_click="ignore",
            )
        st.caption(
            "To run it again from the supplement's study.toml, name the folder in which its files are: "
            "`dfe study study.toml FOLDER --labels labels.csv`. Other files are refused."
        )
        methods = folder / "methods.txt"
        if methods.is_file():
            with st.expander("Methods", icon=":material/article:"):
                st.text(methods.read_text(encoding="utf-8"))
