"""Micro-expressions: spotted in whole recordings, scored against coded intervals, and recognised by class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.p_values import at_floor, bounds
from dfe_core.probes.class_scores import confusion
from dfe_core.probes.micro_report import MicroReport, list_micro_reports
from dfe_core.probes.micro_windows import MIN_FRAMES
from dfe_core.probes.spotting import SLOW_FPS, SpottedMovement
from dfe_core.reports.document import Number
from dfe_core.store import content_key
from dfe_core.table_rows import typed_rows

from ..data import artefact_cache, media, moment_courses
from ..data.staging import Staging
from ..links import query_parameters, routes
from ..panels import empty_states, job_progress, mixes, page_frame
from ..theme.formatting import clock, plural, text
from ..views import browser_views, class_figures, figures, micro_figures
from ..views.example_pictures import Picture

CLIPS = 24
"""Spotted intervals that are shown as moving faces, the largest first."""
MOST_CORPORA = 10
SLOWER = 5
"""How many times slower they move."""
CLIP_RANGE_MM = 4.0
"""Displacement at the hot end of their colours."""
_AROUND_S = 0.35
_METHODS = {
    "transient": "Movement that comes and goes (ours)",
    "speed": "Peaks of the speed of movement",
    "difference": "Feature difference in one window",
}
_PROTOCOLS = {"subject": "One subject left out", "corpus": "One corpus left out"}
DOCS = "docs/micro-expressions.md says how intervals are found and scored."


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Micro-expressions", "Faint movements that come and go within half a second: where, and of which class.", choice
    )
    if empty_states.ready(choice):
        with page_frame.guarded():
            shown(choice)


def shown(choice: artefact_cache.Choice) -> None:
    """The report that the link names, or the newest; and the way to another."""
    dataset = choice.open_dataset()
    reports = {name_of(one): one for one in list_micro_reports(choice.open_tokens(), choice.root)}
    slow_data(dataset)
    if not reports:
        with empty_states.example(
            Picture.TIMELINE,
            "Not searched yet",
            "Every recording is searched for movements that come and go within half a second. With a table of coded "
            "intervals they are also scored, and the coded classes recognised.",
        ):
            form(choice, dataset)
        return
    wanted = query_parameters.read("report")
    if wanted is not None and wanted not in reports:
        query_parameters.unusable("report", [wanted])
    key = wanted if wanted in reports else next(iter(reports))
    if len(reports) > 1:
        key = st.selectbox(
            "Report",
            list(reports),
            index=list(reports).index(key),
            format_func=lambda name: title_of(reports[name]),
            key=f"micro-report-{key}",
        )
        query_parameters.write(report=key)
    found = reports[key]
    if not found.manifest["spotting"]["lids_excluded"]:
        st.caption(":material/info: Coefficients of this face have no names: blinks are spotted as well.")
    headline(found)
    scores(found)
    recordings(choice, dataset, found)
    recognition(found)
    downloads(found, key)
    with st.expander("Search again", icon=":material/search:"):
        form(choice, dataset)


def name_of(report: MicroReport) -> str:
    """What a report is called in the link: the end of its folder's name."""
    return report.path.name.partition("-")[2]


def title_of(report: MicroReport) -> str:
    """What a report is called in the list."""
    facts, settings = report.manifest["spotting"], report.manifest["settings"]
    coded = (
        f"{plural(facts['coded'], 'coded interval')}, label {settings['label']}" if facts["coded"] else "spotting alone"
    )
    by = f", corpora by {settings['corpus']}" if settings["corpus"] else ""
    return f"{coded}{by}, seed {settings['seed']}"


def slow_data(dataset: Dataset) -> None:
    """Say that fast movements fall between the frames of slow recordings."""
    slowest = float(dataset.recordings["fps"].min())
    if slowest < SLOW_FPS:
        st.warning(
            f"The slowest recording has {slowest:g} frames a second. A movement of 0.1 s has {0.1 * slowest:.0f} "
            f"frames there, and {MIN_FRAMES} are needed: what is shorter than {MIN_FRAMES / slowest:.2f} s cannot be "
            "found. Corpora of micro-expressions have 100 or 200 frames a second.",
            icon=":material/slow_motion_video:",
        )


def form(choice: artefact_cache.Choice, dataset: Dataset) -> None:
    """What is asked of `dfe micro`, and the button that runs it."""
    dropped = st.file_uploader(
        "Coded intervals: a table with recording, onset_s, offset_s and a label (apex_s where it is coded)",
        type=["csv"],
        key="micro-windows",
        help="0.04 to 0.5 s each. Without a table everything is searched and nothing is scored.",
    )
    if "micro-staging" not in st.session_state:
        st.session_state["micro-staging"] = Staging()
    held = st.session_state["micro-staging"].hold([dropped] if dropped else [])
    arguments = ["micro", choice.model, choice.dataset, *(of_table(dataset, held[0]) if held else [])]
    job_progress.offer(
        "Find micro-expressions",
        f"micro-{content_key([choice.model, choice.dataset], 12)}",
        "Finding micro-expressions",
        arguments,
        "Micro-expressions were searched for.",
        ":material/search:",
    )
    st.caption(DOCS)


def of_table(dataset: Dataset, table: Path) -> list[str]:
    """How a table of coded intervals is read, as arguments of `dfe micro`."""
    a, b, c = st.columns(3, vertical_alignment="bottom")
    label = a.selectbox("Label of the table", label_columns(table.read_bytes()) or ["emotion"], key="micro-label")
    corpora = [name for name in dataset.labels if 2 <= dataset.recordings[name].nunique() <= MOST_CORPORA]
    corpus = b.selectbox(
        "Corpora by",
        [None, *corpora],
        format_func=lambda name: name or "One corpus",
        key="micro-corpus",
        help="A label of the recordings. Every corpus is then left out once as a whole, and scored by itself.",
    )
    align = c.toggle(
        "Texts of the classes",
        key="micro-align",
        help="Also a sequence probe without and with texts of the classes trained together with its head (EDCLIP): "
        "minutes. Classes must be emotions, or positive, negative and surprise.",
    )
    return [
        *("--windows", str(table), "--label", str(label)),
        *(("--corpus", str(corpus)) if corpus else ()),
        *(("--sequence", "softmax", "--align") if align else ()),
    ]


def label_columns(table: bytes) -> list[str]:
    """Columns of a table of intervals that may be its label, the likeliest first."""
    head = table[:4096].decode("utf-8-sig", errors="replace").splitlines()[:1]
    names = [name.strip().strip('"') for name in (head[0].split(",") if head else [])]
    others = [n for n in names if n and n not in ("recording", "onset_s", "apex_s", "offset_s")]
    return sorted(others, key=lambda name: name != "emotion")


def headline(report: MicroReport) -> None:
    """How much was searched and found."""
    facts = report.manifest["spotting"]
    limit = facts["thresholds"]["transient"]
    numbers = [
        Number(label="Spotted", value=str(len(report.spotted)), detail="movements of 0.5 s or less"),
        Number(label="Searched", value=f"{facts['minutes']:.1f} min", detail=plural(facts["recordings"], "recording")),
        Number(
            label="Threshold",
            value="–" if limit is None else f"{limit:.2f} mm",
            detail="chosen on the other subjects" if facts["coded"] else "the usual one",
        ),
    ]
    if facts["scores"]:
        own = facts["scores"][0]
        numbers = [
            Number(
                label="F1",
                value=f"{own['f1']:.2f}",
                detail=f"95 % interval {own['low']:.2f} to {own['high']:.2f}",
                help="2 · hits / (spotted + coded) over all videos; a hit overlaps a coded interval by half or more of "
                "their union (MEGC). The interval is over subjects.",
                main=True,
            ),
            Number(
                label="Precision", value=f"{own['precision']:.2f}", detail=f"{own['hits']} of {own['spotted']} spotted"
            ),
            Number(label="Recall", value=f"{own['recall']:.2f}", detail=f"{own['hits']} of {own['coded']} coded"),
            *numbers[1:],
        ]
    page_frame.headlines(numbers)


def scores(report: MicroReport) -> None:
    """The plain methods beside it."""
    rows = pd.DataFrame(report.manifest["spotting"]["scores"])
    if rows.empty:
        return
    st.subheader("Against plain methods", anchor=False)
    page_frame.table(
        rows.assign(method=rows["method"].map(_METHODS)),
        names={
            "method": "Method",
            "f1": "F1",
            "low": "from",
            "high": "to",
            "precision": "Precision",
            "recall": "Recall",
            "hits": "Hits",
            "spotted": "Spotted",
            "coded": "Coded",
        },
        formats={"F1|from|to|Precision|Recall": "%.2f"},
    )
    st.caption(
        "All on the same signal, each with the threshold that was best for the other subjects. from, to: 95 % interval "
        "over subjects."
    )


def recordings(choice: artefact_cache.Choice, dataset: Dataset, report: MicroReport) -> None:
    """One recording over time, and its spotted movements as faces."""
    st.subheader("Where they are", anchor=False)
    counts = report.spotted["recording"].astype(str).value_counts()
    names = list(dict.fromkeys([*counts.index, *report.coded["recording"].astype(str)]))
    if not names:
        st.caption("Nothing was spotted.")
        return
    wanted = query_parameters.read("recording")
    if wanted is not None and wanted not in names:
        query_parameters.unusable("recording", [wanted])
    name = st.selectbox(
        "Recording",
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda one: f"{one} · {plural(int(counts.get(one, 0)), 'spotted movement')}",
        key=f"micro-recording-{wanted}",
    )
    if name != wanted and (wanted is not None or name != names[0]):
        query_parameters.write(recording=name)
    own = report.spotted[report.spotted["recording"].astype(str) == name]
    coded = coded_of(report, name)
    rows = dataset.recordings.set_index(dataset.recordings["recording"].astype(str))
    seconds = float(rows.loc[name, "duration_s"])
    alt = f"{len(own)} spotted and {len(coded)} coded intervals in {name}"
    figures.show(micro_figures.interval_strip(own, coded, seconds), f"micro-strip-{name}", alt)
    face = choice.open_face()
    if face.has_mesh and len(own):
        clips(dataset, face, own)
        st.caption(
            f"The largest first: what has moved since the onset, {SLOWER} times slower when pointed at. Colours end at "
            f"{CLIP_RANGE_MM:g} mm, for these movements are faint. A click opens the recording there."
        )


def coded_of(report: MicroReport, name: str) -> pd.DataFrame:
    """Coded intervals of a recording, and whether no spotted one matches: missed."""
    coded = report.coded[report.coded["recording"].astype(str) == name]
    lost = report.missed[report.missed["recording"].astype(str) == name]
    return coded.assign(missed=np.isin(coded["onset_s"].to_numpy(), lost["onset_s"].to_numpy()))


def clips(dataset: Dataset, face: FaceModel, spotted: pd.DataFrame) -> None:
    """Spotted movements as faces that move slowly, from their posture at the onset."""
    rows = spotted.sort_values("score", ascending=False).head(CLIPS)
    frames = dataset.frames(str(rows["recording"].iloc[0]))
    items: list[dict[str, Any]] = []
    courses = []
    step = 1 / (SLOWER * moment_courses.FPS)
    for row in typed_rows(rows, SpottedMovement):
        first, at = (int(np.abs(frames.time_s - t).argmin()) for t in (row.onset_s, row.apex_s))
        verdict = "" if pd.isna(row.hit) else " · coded" if row.hit else " · not coded"
        note = f"{row.offset_s - row.onset_s:.2f} s, {row.score:.1f} mm{verdict}"
        items.append(
            {
                "psi": mixes.rounded(frames.psi[at] - frames.psi[first]),
                "title": row.region.capitalize(),
                "note": f"{clock(row.apex_s)} · {note}",
                "alt": f"{row.region} at {clock(row.apex_s)}, {note}",
            }
        )
        grid = np.arange(row.apex_s - _AROUND_S, row.apex_s + _AROUND_S, step)
        rows_of_grid = np.searchsorted(frames.time_s, grid).clip(0, len(frames.psi) - 1)
        courses.append(frames.psi[rows_of_grid] - frames.psi[first])
    least = min(map(len, courses))
    moves = moment_courses.courses_pack(np.array([one[:least] for one in courses]))
    data = {
        "face": media.face_address(face),
        "items": items,
        "range": CLIP_RANGE_MM,
        "movements": media.address(moves, "application/octet-stream"),
    }
    with st.container():
        picked = browser_views.strip(key="micro-clips", data=data, on_pick_change=lambda: None).pick
    if picked is not None and picked < len(rows):
        one = rows.iloc[picked]
        routes.go("recordings", recording=str(one["recording"]), t=round(float(one["apex_s"]), 3))


def recognition(report: MicroReport) -> None:
    """Scores of the classes, their confusions, and every corpus by itself."""
    if not report.protocols:
        if report.manifest["refused"]:
            st.info(f"No recognition: {text(report.manifest['refused'])}", icon=":material/info:")
        return
    st.subheader("Which class they are of", anchor=False)
    protocol = page_frame.parts(
        "Protocol",
        report.protocols,
        key="micro_protocol",
        default=report.protocols[0],
        format_func=_PROTOCOLS.__getitem__,
    )
    result = report.recognition(protocol)
    rows = pd.DataFrame(
        [
            {
                "Features": row["features"],
                "UF1": row["score"],
                "from": row["ci95"][0],
                "to": row["ci95"][1],
                "UAR": row["scores"]["UAR"]["score"],
                "p": row["p_vs_chance"],
            }
            for row in result["rows"]
        ]
    )
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        p = pd.to_numeric(rows["p"])
        tried = report.manifest["settings"]["permutations"]
        page_frame.table(rows, formats={"UF1|from|to|UAR": "%.2f"}, p_values={"p": bounds(p, at_floor(p, tried))})
        st.caption(
            f"Chance {result['chance']:.2f}. {text(result['protocol'])}",
            help="UF1: mean of F1 over classes; UAR: mean of recall; from, to: 95 % interval over subjects; p: against "
            "permuted labels. +edclip: texts of the classes were trained together with the head.",
        )
        if by := result.get("by_corpus"):
            table = pd.DataFrame(by).pivot(index="corpus", columns="features", values="UF1").reset_index()
            st.markdown("**UF1 of each corpus**")
            page_frame.table(table.rename(columns={"corpus": "Corpus"}), formats={"|".join(rows["Features"]): "%.2f"})
    with right:
        feature = st.selectbox("Confusions of", list(rows["Features"]), key="micro_features", bind="query-params")
        told = report.predictions(protocol)
        counts = confusion(pd.DataFrame({"truth": told["truth"], "predicted": told[feature]}))
        alt = f"Confusions of {len(told)} intervals by {feature}"
        figures.show(class_figures.confusion_matrix(counts), f"micro-confusion-{protocol}-{feature}", alt)


def downloads(report: MicroReport, key: str) -> None:
    """The intervals as `dfe micro` reads them, and everything as JSON."""
    with st.container(horizontal=True):
        st.download_button(
            "Spotted intervals (CSV)",
            report.spotted.to_csv(index=False),
            f"micro-{key}-spotted.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Everything (JSON)",
            json.dumps(report.to_json(), indent=1),
            f"micro-{key}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
