"""What went wrong, as a sentence of a page: it speaks of fields, where the command line speaks of options."""

from __future__ import annotations

import re

from dfe_core.errors import DataError

from ..theme.formatting import text

FIELDS = {
    "name": "Name of the dataset",
    "face": "Face",
    "fps": "Frames a second",
    "time": "Column of times",
    "labels": "Table of labels",
    "subject-pattern": "Subject in the file name",
    "mix-extractors": "Bring them to one range",
    "events": "Events within the recordings",
    "aus": "Action units",
    "videos": "Folder of the videos",
    "label": "Label",
    "by": "Compare",
    "covariates": "Covariates",
    "features": "Features",
    "models": "Models",
    "folds": "Folds",
    "seed": "Seed",
}
"""Options of commands by the field of a page that says the same."""
_OPTION = re.compile(r"`[^`]*`|--(?P<name>[a-z][a-z-]*)(?:[ =][A-Z][A-Z/:\[\]]*\b)?")


def sentence(error: DataError) -> str:
    """Where, what was found and what was expected, as Markdown; options are named as the fields of the page."""
    where, found, expected = (text(in_fields(part)) for part in (error.where, error.found, error.expected or ""))
    return f"{where}: {found}." + (f" Expected: {expected}." if expected else "")


def in_fields(words: str) -> str:
    """Words in which options (``--fps N``) are fields (“Frames a second”). A whole command in backticks stays."""
    return _OPTION.sub(_field, words)


def _field(match: re.Match[str]) -> str:
    known = FIELDS.get(match["name"] or "")
    return match[0] if known is None else f"“{known}”"
