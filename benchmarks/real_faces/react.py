"""REACT-Nao (Candon et al., HRI 2024, doi 10.1145/3610977.3637480): OpenFace files of people who play with a robot.

The data are studied where they lie and never copied into the project. As published, `frame` counts the ticks of a
60 Hz game clock with a picture every 4 to 7 of them, and the first or last number may repeat; the summary calls the
column of people ``ID`` and one of them P107 where the files say PP107.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

CLOCK_HZ = 60
FILE_PATTERN = "facialfeatures_*.csv"
SUBJECT_PATTERN = r"(?P<subject>PP?\d+)_g\d"
LABELS = ("Framing", "Timing", "GENDER", "AGE")


def data_folder(folder: Path) -> Path:
    """The folder that holds react-nao_summary.csv, from a checkout or from that folder itself.

    Raises `SystemExit` where there is none.
    """
    for place in (folder, folder / "react-nao" / "data", folder / "data"):
        if (place / "react-nao_summary.csv").is_file():
            return place
    raise SystemExit(f"error: {folder}: no react-nao_summary.csv; expected a checkout of yale-img/react")


def prepare(folder: Path, out: Path) -> tuple[list[Path], Path]:
    """OpenFace files with timestamps, and a table of labels, written under `out` once.

    Parameters
    ----------
    folder: a checkout of yale-img/react, or its ``react-nao/data``.
    out: a scratch folder.

    Returns
    -------
    The CSV files in order of name, and the labels (one row a subject, named as in the files).
    """
    source = data_folder(folder)
    csvs, labels = out / "csv", out / "labels.csv"
    csvs.mkdir(parents=True, exist_ok=True)
    files = sorted(source.glob(f"facial_features/*/{FILE_PATTERN}"))
    for file in files:
        made = csvs / file.name
        if not made.is_file():
            made.write_text(_with_times(file.read_text(encoding="utf-8")), encoding="utf-8")
    if not labels.is_file():
        _labels(source, {file.parent.name for file in files}).to_csv(labels, index=False)
    return [csvs / file.name for file in files], labels


def _with_times(text: str) -> str:
    """The table with ``timestamp`` (s) in the place of ``frame``, the first row of every number kept."""
    header, *rows = text.splitlines()
    at = header.split(",").index("frame")
    out, seen = [header.split(",")], set()
    out[0][at] = "timestamp"
    for row in rows:
        cells = row.split(",")
        if cells[at] not in seen:
            seen.add(cells[at])
            cells[at] = f"{float(cells[at]) / CLOCK_HZ:.6f}"
            out.append(cells)
    body = sorted(out[1:], key=lambda cells: float(cells[at]))
    return "\n".join(",".join(cells) for cells in (out[0], *body)) + "\n"


def _labels(source: Path, people: set[str]) -> pd.DataFrame:
    table = pd.read_csv(source / "react-nao_summary.csv", dtype=str)
    subject = table["ID"].map(lambda name: name if name in people else f"P{name}")
    kept = [c for c in table.columns if c in LABELS or c.startswith(("TIPI", "BEQ"))]
    return table[kept].assign(subject=subject)[["subject", *kept]]
