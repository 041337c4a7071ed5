"""What a coverage report says of the data that it is of: who was recorded, how, and where the AUs come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports import coverage_text as say
from dfe_core.reports.document import Section, Table, table_columns

_MOST_LEVELS, _MOST_LABELS = 6, 4


def data_section(coverage: Coverage, root: Path | None = None) -> Section:
    """The section *Data*: of the dataset, where it is in the cache, and of the AUs."""
    rows = [*_recorded(coverage, root), *_units(coverage)]
    return Section(
        "Data",
        (
            Table(
                name="data",
                caption="What was analysed. An AU counts as present by the rule below in every figure and table.",
                frame=pd.DataFrame(rows, columns=["about", "value"]),
                columns=table_columns("about=item; value*4"),
            ),
        ),
    )


def _recorded(coverage: Coverage, root: Path | None) -> Iterator[tuple[str, str]]:
    kind = "simulated performances" if coverage.simulated else "recordings"
    yield "Dataset", f"{coverage.dataset}: {kind}, {coverage.subjects} subjects, {coverage.frames:,} frames with tokens"
    try:
        dataset = Dataset.open(coverage.dataset, root)
    except DataError:
        return
    recordings = dataset.recordings
    rates = sorted({round(float(rate), 2) for rate in recordings["fps"]})
    yield (
        "Recordings",
        f"{len(recordings)} of {float(recordings['duration_s'].sum()) / 60:,.1f} minutes in all, at "
        f"{f'{rates[0]:g}' if len(rates) == 1 else f'{rates[0]:g} to {rates[-1]:g}'} frames a second; "
        f"{float(recordings['valid_frames'].sum()) / max(int(recordings['frames'].sum()), 1):.1%} of the frames valid",
    )
    readers = sorted({str(source["reader"]) for source in dataset.manifest.get("sources") or ()})
    yield "Expressions", f"read by {', '.join(readers) or 'dfe'}, on the face {coverage.face_id}"
    for label in dataset.labels[:_MOST_LABELS]:
        counts = recordings[label].value_counts()
        shown = ", ".join(f"{level} ({count})" for level, count in counts.head(_MOST_LEVELS).items())
        yield f"Label {label}", f"recordings by level: {shown}" + (" …" if len(counts) > _MOST_LEVELS else "")
    if more := dataset.labels[_MOST_LABELS:]:
        yield "Other labels", f"{len(more)}, from {more[0]} to {more[-1]}" if len(more) > 1 else more[0]


def _units(coverage: Coverage) -> Iterator[tuple[str, str]]:
    kind = "an estimate from the coefficients of the codewords" if coverage.estimate else "detected or coded"
    yield "Action units", f"{coverage.aus}, by {say.tool_name(coverage)}: {kind}"
    rule = coverage.presence_rule
    yield "Presence of an AU", rule[:1].upper() + rule[1:]
