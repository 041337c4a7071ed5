"""What the pages show of the default codebook, made after the first page has answered: its figures, pictures and
checked names, maps, a probe, coverage, a comparison of groups, and a second codebook.

Each is the job that its page would offer, under the same key, so that a page that is opened meanwhile shows its
progress. Only where `dfe dashboard` serves the pages, and only of the default data.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from dfe_core.artefact_names import MANIFEST
from dfe_core.embedding.maps import MapSettings, open_map
from dfe_core.errors import DataError
from dfe_core.facs import simulated_detector
from dfe_core.facs.coverage import coverage_folder
from dfe_core.facs.name_scores import checked_folder
from dfe_core.facs.store import AlignedAus
from dfe_core.probes.run import probe_folder
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import cache_root, content_key

from ..data import artefact_cache, job_manager
from ..data.background_jobs import Jobs
from ..pages import compare as compare_page
from ..pages import groups as groups_page
from ..pages import map as map_page
from ..panels import coverage_report, probe_form
from ..views import probe_results

PREPARE = "DFE_PREPARE"
"""Variable of the environment that `dfe dashboard` sets."""
MODEL, DATASET, AUS, LABEL = "default", "simulated", simulated_detector.NAME, "condition"
SECOND = artefact_cache.SECOND_MODEL
REST_KEY = f"rest-{MODEL}"


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One analysis of the default data: the job that makes it, and whether it is there."""

    key: str
    title: str
    arguments: list[str]
    present: Callable[[], bool]


@dataclass
class Preparation:
    """Whether this server has looked for what is missing. thread: that looks; None before the first page answered."""

    thread: threading.Thread | None = None


@st.cache_resource(show_spinner=False)
def _preparation() -> Preparation:
    return Preparation()


def pending() -> bool:
    """Whether analyses may still be queued."""
    if os.environ.get(PREPARE) != "1":
        return False
    thread = _preparation().thread
    return thread is None or thread.is_alive()


def start() -> None:
    """Queue what is missing, once in the life of the server, in a thread: no page waits for it."""
    if os.environ.get(PREPARE) != "1" or (held := _preparation()).thread is not None:
        return
    held.thread = threading.Thread(target=queue_missing, args=(job_manager.manager(), cache_root()), daemon=True)
    held.thread.start()


def queue_missing(jobs: Jobs, root: Path) -> list[str]:
    """Queue the analyses that are not there of the default data as they are now; returns their keys.

    Nothing is queued where there is no default codebook with its tokens and action units.
    """
    queued: list[str] = []
    if not artefact_cache.is_encoded(root, MODEL, DATASET):
        return queued
    for analysis in analyses(root):
        try:
            if analysis.present():
                continue
        except (DataError, OSError, KeyError):
            continue
        jobs.start(analysis.key, analysis.title, *analysis.arguments)
        queued.append(analysis.key)
    return queued


def analyses(root: Path) -> list[Analysis]:
    """The analyses, the quick ones first."""
    choice = artefact_cache.Choice(root=root, model=MODEL, dataset=DATASET)
    codewords = MapSettings(model=MODEL)
    frames = MapSettings(model=MODEL, dataset=DATASET, of="frames", by="psi")
    return [
        Analysis(
            key=REST_KEY,
            title="Figures, pictures and names of the codewords",
            arguments=["build-default"],
            present=partial(_whole, root),
        ),
        _map(codewords, "Map of the codewords", root),
        _probe(choice, root),
        Analysis(
            key=coverage_report.job_key(choice, AUS),
            title=coverage_report.TITLE,
            arguments=coverage_report.job_arguments(choice, AUS),
            present=partial(_made, partial(coverage_folder, MODEL, DATASET, AUS, root)),
        ),
        _groups(choice, root),
        Analysis(
            key=compare_page.SECOND_KEY,
            title=compare_page.SECOND_TITLE,
            arguments=compare_page.SECOND_ARGUMENTS,
            present=partial(artefact_cache.is_encoded, root, SECOND, DATASET),
        ),
        _map(frames, "Map of the frames", root),
    ]


def _whole(root: Path) -> bool:
    """Whether the first and the last is there of what `dfe build-default --first-page` leaves to be made."""
    return artefact_cache.metrics(root, MODEL) is not None and _made(partial(checked_folder, MODEL, DATASET, AUS, root))


def _made(folder: Callable[[], Path]) -> bool:
    """Whether the folder of an analysis is there, whole."""
    return (folder() / MANIFEST).is_file()


def _map(settings: MapSettings, title: str, root: Path) -> Analysis:
    return Analysis(
        key=map_page.job_key(settings),
        title=title,
        arguments=map_page.job_arguments(settings),
        present=lambda: open_map(settings, root) is not None,
    )


def _groups(choice: artefact_cache.Choice, root: Path) -> Analysis:
    """The comparison that the page *Groups* begins with."""
    asked = groups_page.Asked(by=LABEL, aus=AUS)
    folder = groups_page.report_folder(choice, asked)

    def present() -> bool:
        return bool(AlignedAus.open(DATASET, AUS, root).name) and _made(lambda: folder)

    return Analysis(
        key=groups_page.job_key(folder),
        title=f"Comparing {LABEL}",
        arguments=groups_page.arguments(choice, asked, folder),
        present=present,
    )


def _probe(choice: artefact_cache.Choice, root: Path) -> Analysis:
    """One finished experiment, with the choices that the form begins with."""
    asked = {"label": LABEL, "features": ["bow", "au", "psi"], "models": ["linear"], "seed": 0, "folds": 5}
    asked |= {"split": "kfold", "group": "subject", "aus": AUS}
    out = probe_form.report_folder(choice, content_key({k: str(v) for k, v in asked.items()}))
    settings = ProbeSettings(model=MODEL, dataset=DATASET, label=LABEL, features=("bow", "au", "psi"), aus=AUS)
    return Analysis(
        key=probe_form.key_of(choice),
        title=f"Predicting {LABEL}",
        arguments=probe_results.arguments(MODEL, DATASET, asked, str(out)),
        present=partial(_made, partial(probe_folder, settings, root)),
    )
