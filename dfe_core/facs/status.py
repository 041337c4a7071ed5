"""What became of an AU: covered, not covered, not measured or not enough data, with the reason as a fact.

The words of it are put together by `describe`, for reports and JSON alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfe_core.facs.signals import Measurement
from dfe_core.text_enum import StrEnum

COVERED, NOT_COVERED = "covered", "not covered"
NOT_MEASURED, NOT_ENOUGH = "not measured", "not enough data"


class Reason(StrEnum):
    """Why an AU is not covered."""

    NONE = ""
    LOW_AUROC = "low AUROC"
    NO_ASSOCIATION = "no association"
    NO_CODEWORD = "no codeword"
    RESTS = "rests"
    CONSTANT = "constant"
    SATURATED = "saturated"
    CONTRADICTORY = "contradictory"
    MISSING = "missing"
    BLIND = "blind"
    NOT_EMITTED = "not emitted"
    NOT_IN_DATA = "not in data"
    FEW_EVENTS = "few events"
    FEW_FRAMES = "few frames"
    FEW_FRAMES_WITHOUT = "few frames without"
    FEW_SUBJECTS = "few subjects"


OF_MEASUREMENT = {
    Measurement.RESTS: Reason.RESTS,
    Measurement.CONSTANT: Reason.CONSTANT,
    Measurement.SATURATED: Reason.SATURATED,
    Measurement.CONTRADICTORY: Reason.CONTRADICTORY,
    Measurement.MISSING: Reason.MISSING,
}

_WORDS = {
    Reason.LOW_AUROC: "AUROC {value:.2f} of at most three codewords is below {least:g}",
    Reason.NO_ASSOCIATION: "no codeword of the set goes with it above chance",
    Reason.NO_CODEWORD: "no codeword rises with it",
    Reason.RESTS: "0 in every frame of {count} of {total} recordings",
    Reason.CONSTANT: "constant in {count} of {total} recordings",
    Reason.SATURATED: "at the top of its scale in {count} of {total} recordings",
    Reason.CONTRADICTORY: "intensity and presence contradict each other in {count} of {total} recordings",
    Reason.MISSING: "no value in {count} of {total} recordings",
    Reason.BLIND: "the extractor cannot show it: the coefficients of it never move, saturate or move with the head",
    Reason.NOT_EMITTED: "the tool cannot emit it",
    Reason.NOT_IN_DATA: "not in these data",
    Reason.FEW_EVENTS: "n = {count} events",
    Reason.FEW_FRAMES: "n = {count} frames",
    Reason.FEW_FRAMES_WITHOUT: "n = {count} frames without it",
    Reason.FEW_SUBJECTS: "n = {count} subjects with enough frames of it",
}


@dataclass(frozen=True, kw_only=True)
class Status:
    """status: `COVERED`, `NOT_COVERED`, `NOT_MEASURED` or `NOT_ENOUGH`. reason, and what it is about: count (of
    total), or a value against the least."""

    status: str
    reason: Reason = Reason.NONE
    count: int = 0
    total: int = 0
    value: float = float("nan")
    least: float = float("nan")


def without_figure(row: Mapping[Any, Any]) -> bool:
    """Whether a row has no figure: its AU was not measured, or there was not enough of it."""
    return row["status"] in (NOT_MEASURED, NOT_ENOUGH)


def describe_reason(row: Mapping[Any, Any]) -> str:
    """``constant in 187 of 225 recordings``; empty where there is no reason to state."""
    reason = Reason(row["reason"])
    if reason is Reason.NONE:
        return ""
    return _WORDS[reason].format(**{k: row.get(k) for k in ("count", "total", "value", "least")})


def describe(row: Mapping[Any, Any]) -> str:
    """``covered``, or ``not measured (constant in 187 of 225 recordings)`` from a row with status, reason and what the
    reason is about (the fields of `Status`)."""
    reason = describe_reason(row)
    return f"{row['status']} ({reason})" if reason else str(row["status"])
