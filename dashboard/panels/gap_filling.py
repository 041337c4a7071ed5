"""Lost frames of a dataset on page Data: how they would be filled, how well, and the job that fills them."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.gaps.settings import FillScore
from dfe_core.gaps.store import open_gap_model

from ..data import artefact_cache, job_manager, people
from ..data.roles import Role
from ..theme.formatting import count, plural, text
from ..views.field_button import Unusable
from . import fields, import_job, job_progress, page_frame

_METHODS = {
    "network": "Network",
    "linear": "Linear interpolation",
    "ridge": "Ridge regression",
    "mean": "Person’s mean",
}


def of_dataset(choice: artefact_cache.Choice, dataset: Dataset) -> None:
    """Lost frames, the comparison of ways to fill them, and the job; for a filled dataset, what was filled."""
    if choice.faceless:
        return
    lost = dataset.frame_count - int(dataset.recordings["valid_frames"].sum())
    with st.expander(f"Gaps · {plural(lost, 'lost frame')}", icon=":material/healing:"):
        if filled := dataset.manifest.get("filled"):
            _of_filled(filled)
            return
        st.caption(
            "Frames in which no face was found can be filled from the frames around, in a copy of the dataset. "
            "Filled frames are marked, have 90 % intervals, and count in no figure unless that is asked for."
        )
        fitted = open_gap_model(dataset)
        if fitted is not None:
            _comparison(fitted.verdicts)
        _compare(dataset, fitted is not None)
        if lost:
            _fill(dataset)


def _of_filled(filled: dict) -> None:
    rows = [{"Gap": r["kind"], "Filled by": _METHODS[r["method"]], "Frames": r["frames"]} for r in filled["frames"]]
    counts = "count as valid" if filled["counted"] else "do not count in any figure"
    st.caption(
        f"A copy of “{text(filled['from'])}” with gaps of up to {filled['most_seconds']:g} s filled. Filled frames "
        f"{counts}; {count(filled['lost'])} frames stay lost."
    )
    page_frame.table(pd.DataFrame(rows))


def _comparison(scores: tuple[FillScore, ...]) -> None:
    """One row a kind of gap: the error of every way, and the coverage of the one chosen."""
    rows: dict[str, dict[str, object]] = {}
    for score in scores:
        row = rows.setdefault(score.kind, {"Gap": score.kind})
        row[f"{_METHODS[score.method]}, mm"] = score.error_mm
        if score.chosen:
            row |= {"Chosen": _METHODS[score.method], "In 90 % interval": 100 * score.coverage, "People": score.people}
    errors = [f"{method}, mm" for method in _METHODS.values()]
    page_frame.table(
        pd.DataFrame(list(rows.values()))[["Gap", "Chosen", "In 90 % interval", *errors, "People"]],
        column_config={
            "In 90 % interval": st.column_config.NumberColumn(
                format="%.1f %%", help="Share of hidden values inside the interval of the chosen way, mean over people."
            ),
            **{name: st.column_config.NumberColumn(format="%.3f") for name in errors},
        },
    )
    st.caption(
        "Root mean square error on the mesh (of the hidden half, where one is hidden) on gaps planted in people that "
        "nothing was fitted to; each kind of gap is filled by the way with the least error on yet other people."
    )


def _compare(dataset: Dataset, again: bool) -> None:
    if not again:
        job_progress.offer(
            "Compare ways of filling",
            f"gaps-{dataset.name}",
            f"Comparing ways to fill the gaps of {dataset.name}",
            ["fill", dataset.name, "--verdict"],
            "The ways of filling are compared.",
            kind="secondary",
        )


def _fill(dataset: Dataset) -> None:
    key = f"fill-{dataset.name}"
    refused = people.refusal(Role.EDITOR)
    fields.asks(
        "Name of the filled dataset",
        "Fill lost frames",
        f"start-{key}",
        partial(_start, dataset, key),
        field={"key": f"{key}-name", "placeholder": f"{dataset.name}-filled"},
        widths=(3, 1),
        enter=False,
        disabled=job_manager.running(key) or bool(refused),
        help=refused or None,
    )
    job_progress.watch(key, "The gaps are filled.")


def _start(dataset: Dataset, key: str, name: str) -> str:
    name = name.strip() or f"{dataset.name}-filled"
    if why := import_job.wrong(name):
        raise Unusable(why)
    job_manager.start(key, f"Filling gaps into “{name}”", "fill", dataset.name, "--name", name)
    return ""
