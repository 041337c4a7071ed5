"""Where a recording comes from: file, hash, reader and its version, what was done to it and what was left out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.pose_leak import stored_pose_leak, was_measured
from dfe_core.expressions.pose_text import pose_leak_facts

from ..theme.formatting import plural, text
from . import page_frame

_SHOWN = 200


def source_of(dataset: Dataset, recording: str) -> dict[str, Any] | None:
    """The source of a recording as the manifest has it; None for simulated ones."""
    return next((s for s in dataset.manifest.get("sources") or [] if recording in s.get("recordings", ())), None)


def of_recording(dataset: Dataset, recording: str) -> None:
    """Everything that is known of one recording's origin."""
    row = dataset.recordings.set_index("recording").loc[recording]
    source = source_of(dataset, recording)
    with st.container(border=True):
        st.markdown(f"**{text(recording)}**")
        if source is None:
            st.caption(
                "Simulated, from no file."
                if dataset.simulated
                else "The dataset does not say which file it comes from."
            )
            return
        settings = dataset.manifest.get("settings") or {}
        facts = {
            "File": f"{source['file']}, {source['bytes']:,} bytes",
            "SHA-256": source["sha256"],
            "Reader": f"{source['reader']}, version {source.get('reader_version', 1)} ({source.get('why', '')})",
            "Extractor": row["extractor"],
            "Face": dataset.face_id,
            "Frames": f"{row['frames']:,}, {row['frames'] - row['valid_frames']:,} of them not valid",
            "Frame rate": f"{row['fps']:g}" + (" (resampled)" if settings.get("fps") else ""),
            "Schema": f"version {dataset.manifest.get('schema_version')}",
        }
        page_frame.table(
            pd.DataFrame({"About": facts.keys(), "What is known": [str(v) for v in facts.values()]}),
            column_config={"About": st.column_config.TextColumn(width="small")},
        )
        notes = source.get("notes") or []
        st.markdown("\n".join(f"- {text(note)}" for note in notes) or "Nothing had to be changed.")


def of_dataset(dataset: Dataset) -> None:
    """Sources, what was dropped and why, what a learned face removed, and the truth of simulated data."""
    manifest = dataset.manifest
    _pose(dataset)
    with st.expander("Where it comes from", icon=":material/history_edu:"):
        st.markdown("\n".join(f"- {text(note)}" for note in manifest.get("notes") or []))
        sources = pd.DataFrame(manifest.get("sources") or [])
        if len(sources):
            wanted = [c for c in ("file", "reader", "reader_version", "why", "bytes", "sha256") if c in sources]
            page_frame.table(sources[wanted].head(_SHOWN))
            if len(sources) > _SHOWN:
                st.caption(f"The first {_SHOWN} of {len(sources):,} files; manifest.json has all.")
        dropped = manifest.get("dropped") or []
        st.caption(f"{plural(len(dropped), 'file')} left out:" if dropped else "Nothing was left out.")
        if dropped:
            page_frame.table(pd.DataFrame(dropped))
        st.caption(f"Content key {dataset.key}")
    if dataset.truth is not None:
        with st.expander("The planted truth", icon=":material/science:"):
            page_frame.table(
                dataset.truth.groupby(["action", "side", "in_facs"], as_index=False).agg(
                    events=("onset_s", "size"), mean_intensity=("intensity", "mean")
                )
            )


def _pose(dataset: Dataset) -> None:
    """How far head pose explains what is called expression, of the whole and of each subject."""
    leak = stored_pose_leak(dataset.manifest)
    with st.expander("Head pose in expression", icon=":material/3d_rotation:"):
        page_frame.table(pd.DataFrame(pose_leak_facts(leak, was_measured(dataset)), columns=["About", "What is known"]))
        if leak is not None:
            rows = [
                {
                    "Subject": name,
                    "Pose leak": one.leak,
                    "Share": one.share,
                    "By chance": one.chance,
                    "On held-out blocks": one.held_out,
                    "Frames": one.frames,
                }
                for name, one in leak.by_subject.items()
            ]
            page_frame.table(
                pd.DataFrame(rows).sort_values("Pose leak", ascending=False),
                height=240,
                formats={"Pose leak|Share|By chance|On held-out blocks": "%.2f"},
            )
