"""iMotions exports: AFFDEX (expressions 0–100) and FACET (AU evidence, the logarithm to 10 of odds).

The lines of metadata above the header are passed over, and so are the rows of other sensors (without a value of the
face). AFFDEX's expressions are named in words; those that are no single AU (smirk, attention) are left out. A
percentage is a likelihood, and so is the odds' p = 1 / (1 + 10 ** -evidence): both become probabilities. The columns
are those of public scripts that read such exports (py-feat's reader and others).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    AuReadOptions,
    Header,
    Kind,
    detections,
    no_column,
    read_au_header,
    read_table,
)

FORMAT = "imotions"
TITLE = "iMotions (AFFDEX, FACET)"
_FACET = re.compile(r"AU\s?(\d+) Evidence$", re.IGNORECASE)
AFFDEX = {
    "inner brow raise": "AU1",
    "brow raise": "AU2",
    "brow furrow": "AU4",
    "eye widen": "AU5",
    "cheek raise": "AU6",
    "lid tighten": "AU7",
    "nose wrinkle": "AU9",
    "upper lip raise": "AU10",
    "smile": "AU12",
    "dimpler": "AU14",
    "lip corner depressor": "AU15",
    "chin raise": "AU17",
    "lip pucker": "AU18",
    "lip stretch": "AU20",
    "lip press": "AU24",
    "mouth open": "AU25",
    "jaw drop": "AU26",
    "lip suck": "AU28",
    "eye closure": "AU43",
}
"""AFFDEX's expression to the AU that its documentation names for it; its smile is AU12 with or without AU6."""
_EVIDENCE = 12.0  # larger evidence is no logarithm of odds
_LEAST = 8


def sniff(path: Path, header: Header) -> str | None:
    known = sum(bool(_FACET.match(c)) for c in header.columns) >= 3 or len(header.lower & set(AFFDEX)) >= _LEAST
    return "columns of AU evidence, or most of AFFDEX's expressions" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections`. Raises `DataError` where no row has a value of the face."""
    header = read_au_header(path)
    facet = {c: f"AU{m[1]}" for c in header.columns if (m := _FACET.match(c))}
    spelling = facet or {c: AFFDEX[c.lower()] for c in header.columns if c.lower() in AFFDEX}
    if not spelling:
        raise no_column(path, ())
    table = read_table(path, list(spelling), (), options)
    rows = table.faces[0].rows
    seen = np.any([np.isfinite(table.column(c, rows)) for c in spelling], 0)
    if not seen.any():
        raise DataError(path, "no row with a value of the face", "an export with the channels of AFFDEX or FACET")
    said = "evidence (log odds) turned into probabilities" if facet else "percentages taken as probabilities"
    other = int((~seen).sum())
    kind = Kind(
        spelling=spelling, highest=1, scale="probability", convert=_odds if facet else lambda values: values / 100
    )
    return [
        detections(
            table,
            replace(table.faces[0], rows=rows[seen], source=""),
            options,
            {"probability": kind},
            tool="facet" if facet else "affdex",
            emits=tuple(dict.fromkeys(spelling.values())),
            notes=(said, *([f"{other} rows of other sensors passed over"] if other else [])),
        )
    ]


def _odds(evidence: np.ndarray) -> np.ndarray:
    """(T,) logarithms to 10 of odds as probabilities; NaN for what is no such logarithm."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.abs(evidence) <= _EVIDENCE, 1 / (1 + 10.0**-evidence), np.nan)
