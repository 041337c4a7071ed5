"""A study as files for other programs: tables, annotations and the supplement, made when they are asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.exchange.table_files import write_table_file
from dfe_core.reports.document import Figure
from dfe_core.reports.style import pdf, svg
from dfe_core.workflow.supplement_export import export_supplement, zip_folder
from dfe_core.workspace.annotation_export import export_annotations
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import export_table, export_tables

from ..data import artefact_cache
from .exports import buttons

Maker = Callable[[Path], object]


def of_study(choice: artefact_cache.Choice) -> None:
    """Download every table of the chosen codebook on the chosen dataset, and the supplement of a paper."""
    study = partial(opened, choice)
    with st.expander("Export tables and supplement", icon=":material/download:"):
        st.caption(
            "Tables for R, Python, MATLAB and SPSS. The supplement is a zip whose page has faces that turn and needs "
            "no server; it has the evaluation, coverage and probes that were made, and compares the groups of labels."
        )
        makers: dict[str, tuple[str, Maker]] = {
            "Tables, Excel": (".xlsx", lambda path: _workbook(study(), path)),
            "Tables, CSV": (".zip", lambda path: zipped(lambda out: export_tables(study(), out, "csv"), path)),
            "Tables, Parquet": (".zip", lambda path: zipped(lambda out: export_tables(study(), out, "parquet"), path)),
            "Supplement": (".zip", lambda path: export_supplement(study(), path)),
        }
        buttons(makers, f"{choice.model}-{choice.dataset}", "export-study")


def of_recordings(choice: artefact_cache.Choice, name: str) -> None:
    """Download the codewords of one recording, and of all of them, for annotation tools."""
    study = partial(opened, choice)
    with st.expander("Export annotations", icon=":material/download:"):
        st.caption(
            "The intervals in which codewords are present, one tier for each codeword. Save a file beside its video, "
            "which it refers to by name."
        )
        buttons(
            {
                "ELAN": (".eaf", lambda path: of_one(study(), name, "eaf", path)),
                "Praat": (".TextGrid", lambda path: of_one(study(), name, "textgrid", path)),
                "BORIS": (".boris", lambda path: of_one(study(), name, "boris", path)),
            },
            name,
            f"export-annotations-{name}",
        )
        st.caption(f"All recordings of {choice.dataset}")
        formats = {"ELAN, all": "eaf", "Praat, all": "textgrid", "BORIS, all": "boris", "BIDS, all": "bids"}
        formats |= {"NWB, all": "nwb"} if find_spec("pynwb") else {}
        every: dict[str, tuple[str, Maker]] = {
            label: (".zip", partial(_annotations, study, format)) for label, format in formats.items()
        }
        every["Intervals, CSV"] = (".csv", lambda path: export_table(study(), "intervals", path))
        buttons(every, f"{choice.dataset}-annotations", "export-annotations")


def of_table(table: pd.DataFrame, figure: Figure, stem: str, key: str) -> None:
    """Download a table and the figure that is drawn of it."""
    makers: dict[str, tuple[str, Maker]] = {
        "Table, Excel": (".xlsx", lambda path: write_table_file(table, path)),
        "Table, CSV": (".csv", lambda path: write_table_file(table, path)),
        "Table, Parquet": (".parquet", lambda path: write_table_file(table, path)),
        "Figure, SVG": (".svg", lambda path: path.write_text(svg(figure), encoding="utf-8")),
        "Figure, PDF": (".pdf", lambda path: path.write_bytes(pdf(figure))),
    }
    buttons(makers, stem, key)


def opened(choice: artefact_cache.Choice) -> Study:
    """The study of the chosen codebook and dataset."""
    return Study(choice.open_codebook(), choice.open_dataset())


def zipped(write: Callable[[Path], object], path: Path) -> None:
    """What is written into a folder, as one zip."""
    with tempfile.TemporaryDirectory(prefix="dfe-export-") as held:
        folder = Path(held) / path.stem
        folder.mkdir()
        write(folder)
        zip_folder(folder, path)


def _workbook(study: Study, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dfe-export-") as held:
        shutil.move(export_tables(study, Path(held), "xlsx")[0], path)


def of_one(study: Study, recording: str, format: str, path: Path) -> None:
    """The annotations of one recording as one file, which names its video as from beside it."""
    with tempfile.TemporaryDirectory(prefix="dfe-export-") as held:
        made = export_annotations(study, format, Path(held), recordings=[recording], beside=True)
        shutil.move(made[0], path)


def _annotations(study: Callable[[], Study], format: str, path: Path) -> None:
    zipped(lambda folder: export_annotations(study(), format, folder, beside=True), path)
