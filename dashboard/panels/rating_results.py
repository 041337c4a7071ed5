"""What raters said, on a page: accuracy and agreement by task and by codeword, beside guessing."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import streamlit as st

from dfe_core.ratings.agreement import Estimate
from dfe_core.ratings.report import (
    CodewordRating,
    RatingReport,
    TaskResult,
    codeword_ratings,
    rating_report,
    write_rating_report,
)
from dfe_core.ratings.store import RatingStudy

from ..data import artefact_cache, rating_studies
from ..links import routes
from ..theme.formatting import count, percent, plural, text
from ..views.example_pictures import Picture
from . import empty_states, page_frame
from .rating_forms import FOILS, TASKS


def overview(study: RatingStudy) -> None:
    """What a study asks."""
    asked = study.settings
    kinds = ", ".join(TASKS[task].lower() for task in asked.tasks)
    shown = f"recorded moments of “{text(asked.dataset)}”" if asked.dataset else "the codewords’ own faces"
    st.caption(
        f"{plural(len(study.items), 'question')}: {kinds}; {shown}, {'in motion' if asked.clips else 'still'}; wrong "
        f"options: {FOILS[asked.foils].lower()}; seed {asked.seed}."
    )


def results(study: RatingStudy) -> None:
    """Tables of what was answered so far."""
    st.subheader("Answers", anchor=False)
    leave_out = st.toggle("Leave out raters who failed an attention check", key="ratings-attentive")
    report = _report(str(study.path), _stamp(study), leave_out, study)
    page_frame.facts(
        [
            ("Raters", count(report.raters), f"{count(report.answered)} counted"),
            ("Answers", count(len(report.answers)), ""),
        ]
    )
    if not report.tasks:
        empty_states.plain_example(
            Picture.SCORES,
            "No answers yet",
            "Accuracy and agreement of raters show here with their intervals. Make a link above and send it to raters.",
        )
        return
    page_frame.table(pd.DataFrame([_task_row(task) for task in report.tasks]), formats={"Accuracy|Alpha": "%.2f"})
    st.caption(
        "Accuracy with its 95 % interval over raters; Krippendorff’s alpha (nominal) with its interval over raters and "
        "questions. Guessing: what 95 % of studies with these very answers drawn at random reach."
    )
    names = {name: heading for name, heading in _COLUMNS.items() if name in report.codewords}
    table = report.codewords.assign(task=[TASKS[task] for task in report.codewords["task"]])
    page_frame.table(table, names, {"Accuracy|From|To|Chance|Alpha|Alpha from|Alpha to": "%.2f"})
    if len(report.words):
        share = report.words["first"].mean()
        st.caption(f"Own words find their codeword among the first five in {share:.0%} of {len(report.words)} answers.")
        page_frame.table(
            report.words, {"codeword": "Codeword", "name": "Its name", "text": "A rater’s words", "rank": "Found at"}
        )
    st.download_button(
        "Tables as CSV",
        lambda: _zip(report),
        f"{study.title}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
    routes.link("codebook", "Look at the codewords")


def of_codeword(choice: artefact_cache.Choice, number: int) -> None:
    """What raters said of one codeword, in a line for each task; nothing where nobody was asked."""
    for study in rating_studies.studies_of(choice).values():
        for one in _ratings(str(study.path), _stamp(study), study):
            if one.codeword == number:
                interval = f"[{100 * one.accuracy.low:.0f}, {100 * one.accuracy.high:.0f}]"
                st.caption(
                    f"Raters of “{text(one.study)}”, {TASKS[one.task].lower()}: {one.right} of "
                    f"{plural(one.answers, 'answer')} right ({percent(one.accuracy.value)} {interval}, chance "
                    f"{percent(one.chance)})."
                )


@st.cache_data(max_entries=64, show_spinner=False)
def _ratings(path: str, stamp: tuple[tuple[str, int], ...], _study: RatingStudy) -> list[CodewordRating]:
    return codeword_ratings(_study)


_COLUMNS = {
    "codeword": "Codeword",
    "name": "Name",
    "task": "Task",
    "raters": "Raters",
    "accuracy": "Accuracy",
    "low": "From",
    "high": "To",
    "chance": "Chance",
    "alpha": "Alpha",
    "alpha_low": "Alpha from",
    "alpha_high": "Alpha to",
}


def _task_row(task: TaskResult) -> dict[str, object]:
    return {
        "Task": TASKS[task.task],
        "Questions": task.items,
        "Answers": task.answers,
        "Accuracy": task.accuracy.value,
        "95 %": _between(task.accuracy),
        "Guessing": _between(task.guess.accuracy),
        "Alpha": task.alpha.value,
        "Alpha, 95 %": _between(task.alpha),
        "Alpha, guessing": _between(task.guess.alpha),
    }


def _between(estimate: Estimate) -> str | None:
    return None if estimate.low != estimate.low else f"{estimate.low:.2f} to {estimate.high:.2f}"


def _stamp(study: RatingStudy) -> tuple[tuple[str, int], ...]:
    """Changes with every answer."""
    folder = study.path / "answers"
    return tuple(sorted((p.name, p.stat().st_mtime_ns) for p in folder.glob("*.jsonl"))) if folder.is_dir() else ()


@st.cache_data(max_entries=16, show_spinner="Working the answers out …")
def _report(path: str, stamp: tuple[tuple[str, int], ...], leave_out: bool, _study: RatingStudy) -> RatingReport:
    return rating_report(_study, leave_out_failed=leave_out)


def _zip(report: RatingReport) -> bytes:
    made = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_rating_report(report, Path(folder)):
            archive.write(path, path.name)
    return made.getvalue()
