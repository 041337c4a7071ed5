"""The coverage report: written by the same command as on the terminal, and its files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import streamlit as st

from dfe_core.artefact_names import MANIFEST

from ..data import artefact_cache, coverage_analyses
from . import job_progress

TITLE = "Analysing coverage"


def start(choice: artefact_cache.Choice, aus: str, label: str, kind: job_progress.ButtonKind) -> None:
    """The button that runs `dfe coverage`."""
    job_progress.offer(
        label,
        job_key(choice, aus),
        TITLE,
        job_arguments(choice, aus),
        "The coverage analysis is ready.",
        ":material/analytics:",
        kind,
    )


def job_key(choice: artefact_cache.Choice, aus: str) -> str:
    """The key of the job that analyses coverage."""
    return f"coverage-{coverage_analyses.report_folder(choice, aus).name}"


def job_arguments(choice: artefact_cache.Choice, aus: str) -> list[str]:
    """The command that analyses coverage and writes the report."""
    folder = coverage_analyses.report_folder(choice, aus)
    return ["coverage", choice.model, choice.dataset, "--aus", aus, "--out", str(folder)]


def show(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """The report to keep: written by the same command as `dfe coverage`."""
    folder = coverage_analyses.report_folder(choice, aus)
    st.markdown(
        "A self-contained HTML page, a PDF of the same, and every table, with the hashes, versions and the "
        "command that make the same figures again."
    )
    if (folder / MANIFEST).is_file():
        with st.container(horizontal=True):
            for name, label, kind in (("report.html", "HTML", "text/html"), ("report.pdf", "PDF", "application/pdf")):
                if (folder / name).is_file():
                    st.download_button(
                        label,
                        (folder / name).read_bytes(),
                        f"coverage-{choice.model}-{name}",
                        kind,
                        icon=":material/download:",
                        on_click="ignore",
                    )
            st.download_button(
                "Tables",
                lambda: zipped(folder / "tables"),
                f"coverage-{choice.model}-tables.zip",
                "application/zip",
                icon=":material/table:",
                on_click="ignore",
            )
    start(choice, aus, "Write the report again" if folder.is_dir() else "Write the report", "secondary")


def zipped(folder: Path) -> bytes:
    """A folder's files as one zip, those of the folders in it too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return stream.getvalue()
