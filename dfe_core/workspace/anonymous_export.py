"""Bags of codewords of groups of people as a file, with what they hide and lose beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.exchange.table_files import file_format, write_table_file
from dfe_core.privacy.anonymous import AnonymousBags, anonymous_bags
from dfe_core.store import write_json
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import unit_labels


def export_anonymous(
    study: Study, path: Path, k: int, by: Sequence[str] = (), format: str | None = None
) -> AnonymousBags:
    """Write bags of groups of at least `k` people, and ``<path>.privacy.json`` with what they hide and lose.

    by: labels of subjects that are given out; nobody is in a group with people of other labels. Raises `DataError` for
    a label that is not the same in all recordings of a subject, and as `anonymous_bags` does.
    """
    file_format(path, format)
    found = study_anonymous_bags(study, k, by)
    write_table_file(found.table.rename(columns=str), path, format, name="bags")
    write_json(path.with_name(path.name + ".privacy.json"), found.to_json())
    return found


def study_anonymous_bags(study: Study, k: int, by: Sequence[str] = ()) -> AnonymousBags:
    """Bags of groups of people of a study. How many people are linked is measured on groups made without each person's
    last recording, which is what the attacker has."""
    labels = unit_labels(study, "subject").set_index("subject")
    labels.index = labels.index.astype(str)
    if missing := [name for name in by if name not in labels]:
        raise DataError(
            f"--by {missing[0]}", "not a label with one value a subject", ", ".join(map(str, labels)) or "no such label"
        )
    cells = labels[list(by)] if by else None
    bags = study.bag("recording").drop(columns=0)
    subject = study.dataset.recordings.set_index(study.dataset.recordings["recording"].astype(str))["subject"].astype(
        str
    )
    subject = subject.reindex(bags.index)
    found = anonymous_bags(bags.groupby(subject.to_numpy()).mean(), k, cells)
    tried = _tried(bags, subject, k, cells)
    if tried is None:
        return found
    return replace(found, linked_before=tried.linked_before, linked_after=tried.linked_after)


def _tried(bags: pd.DataFrame, subject: pd.Series, k: int, cells: pd.DataFrame | None) -> AnonymousBags | None:
    """Groups without everybody's last recording, against an attacker who has it; None where too few have two."""
    last = ~subject.duplicated(keep="last")
    earlier = bags[~last.to_numpy()].groupby(subject[~last].to_numpy()).mean()
    known = bags[last.to_numpy()].set_axis(subject[last].to_numpy())
    try:
        return anonymous_bags(earlier, k, cells, known) if len(earlier) else None
    except DataError:
        return None
