"""How one codeword is used: by stage, how strong, how long, and in whom."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dfe_core.tokens.intervals import RunIndex
from dfe_core.tokens.usage import token_counts_by_stage

from ..data import artefact_cache, codeword_facts
from ..theme.formatting import count, percent, text
from ..views import bars
from . import page_frame

RARE_STAGE = 0.005
"""Stages after the last one with this share of a codeword's uses are shown as one."""


def how_it_is_used(choice: artefact_cache.Choice, number: int) -> None:
    """Stages, intensity and timing."""
    tokens = choice.open_tokens()
    by_stage = token_counts_by_stage(tokens)[number]
    index = choice.open_intervals()
    st.subheader("How it is used", anchor=False)
    if not index.summary["runs"][number]:
        st.caption(
            f"“{text(choice.dataset)}” never shows this codeword: it moves the face by {choice.from_mm:g} mm for 0.1 s "
            "nowhere."
        )
        return
    timing(index, number)
    left, right = st.columns(2)
    with left:
        st.caption("Stage of its tokens, faint ones as well")
        bars.rows(stage_bars(by_stage), f"Uses of codeword {number} per stage")
    with right:
        st.caption("Intensity while present")
        bars.histogram(codeword_facts.intensities_of(index, number), f"Intensity of codeword {number}")


def stage_bars(by_stage: np.ndarray) -> list[bars.Bar]:
    """A bar for each stage; those after the last with `RARE_STAGE` of the uses share one."""
    total = max(int(by_stage.sum()), 1)
    shown = int(np.flatnonzero(by_stage >= RARE_STAGE * total)[-1]) + 1 if by_stage.any() else 0
    rows = [(str(i + 1), f"Stage {i + 1}", int(n)) for i, n in enumerate(by_stage[:shown])]
    if len(by_stage) > shown:
        rows.append((f"{shown + 1}+", f"Stages {shown + 1} to {len(by_stage)}", int(by_stage[shown:].sum())))
    return [
        bars.Bar(label=label, value=n / total, text=percent(n / total), note=f"{name}: {count(n)} uses")
        for label, name, n in rows
    ]


def timing(index: RunIndex, number: int) -> None:
    """How often it appears and how long it lasts."""
    found = codeword_facts.timing_of(index, number)
    middle, low, high = found.duration_s
    mean = 60 * found.share_of_frames / found.runs_per_minute if found.runs_per_minute else float("nan")
    page_frame.facts(
        [
            ("Appears", f"{found.runs_per_minute:.1f} ×", "a minute"),
            ("Lasts", f"{middle:.2f} s", f"median; half of them {low:.2f}–{high:.2f} s, mean {mean:.2f} s"),
            ("Onset", f"{found.onset_s[0]:.2f} s", "start to peak"),
        ]
    )


def whose(choice: artefact_cache.Choice, number: int) -> None:
    """Share of frames over subjects or a label, with intervals over subjects."""
    dataset, index = choice.open_dataset(), choice.open_intervals()
    few = [name for name in dataset.labels if dataset.recordings[name].nunique() <= 12]
    st.subheader("By subject and label", anchor=False)
    by = st.segmented_control(
        "By",
        [*few, "subject"],
        default=(few or ["subject"])[0],
        key="share_by",
        required=True,
        format_func=lambda name: text(name.capitalize()),
        label_visibility="collapsed",
    )
    shares = codeword_facts.shares_of(index, dataset, number, by)
    bars.rows(
        [
            bars.Bar(
                label=row.value,
                value=row.share,
                text=percent(row.share),
                low=row.low,
                high=row.high,
                note=_share_note(row),
            )
            for row in shares
        ],
        f"Share of frames with codeword {number} by {by}",
    )
    known = any(np.isfinite(row.low) for row in shares)
    st.caption(
        f"Share of frames, from {choice.from_mm:g} mm, mean over subjects; "
        + ("intervals by bootstrap over subjects." if known else "no intervals: they need several subjects.")
    )


def _share_note(row: codeword_facts.ShareOfFrames) -> str:
    spread = f" ({percent(row.low)} to {percent(row.high)})" if np.isfinite(row.low) else ""
    return f"{row.value}: {percent(row.share)}{spread} of {count(row.frames)} frames, {row.subjects} subjects"
