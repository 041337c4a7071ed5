"""The sentences that limit a reading of coverage, made of `CoverageLimits` and of tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from dfe_core.expressions.pose_text import high_leak_warning
from dfe_core.facs.action_units import DETECTOR_CAVEAT, ESTIMATE_CAVEAT, SIMULATED_DETECTOR_CAVEAT
from dfe_core.facs.blind_spots import lines
from dfe_core.facs.coverage_limits import LEARNED_TEMPLATES, NO_TEMPLATES, CoverageLimits
from dfe_core.facs.lag import lag_line
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.signals import INTENSITY, PRESENCE
from dfe_core.facs.status import Reason, describe_reason
from dfe_core.facs.store import DETECTOR_TOOL, MANUAL_TOOL, PRESENT_PROBABILITY, TRUTH_TOOL
from dfe_core.facs.token_au_stream import LeftOut

_MOST_NOTES, _MOST_LEFT_OUT = 30, 5
_LEFT_OUT_WORDS = {
    LeftOut.NO_ALIGNED_AUS: "no AUs could be aligned",
    LeftOut.NO_COMMON_FRAME: "no frame has both tokens and AUs",
}


def coverage_notes(
    limits: CoverageLimits, blind_spots: pd.DataFrame, aus: str, tool: str, estimate: bool
) -> tuple[str, ...]:
    """Every note. aus: name of the AUs; blind_spots: `BlindSpots.coefficients`."""
    notes = [*caveats(tool, estimate)]
    if limits.high_pose_leak is not None:
        notes.append(high_leak_warning(limits.high_pose_leak))
    notes += [*_measurement(limits), *lines(blind_spots), *_recordings(limits), *notes_of_import(limits, aus)]
    return tuple(dict.fromkeys(notes))


def _measurement(limits: CoverageLimits) -> Iterator[str]:
    if limits.lag_s:
        side = "after" if limits.lag_s > 0 else "before"
        yield (
            f"In these frames AUs come {abs(limits.lag_s):.1f} s {side} the expressions that they go with, and were "
            "not moved here: import them again with --offset auto."
        )
    if limits.templates == NO_TEMPLATES:
        yield "This face has no AU templates: codewords were matched by their use alone."
    elif limits.templates == LEARNED_TEMPLATES:
        yield "AU templates were learned from these AUs by regression, not taken from a table."


def _recordings(limits: CoverageLimits) -> Iterator[str]:
    if limits.left_out:
        shown = list(limits.left_out.items())[:_MOST_LEFT_OUT]
        yield (
            f"{len(limits.left_out)} recordings have no part in this: "
            + "; ".join(f"{name} ({_LEFT_OUT_WORDS[LeftOut(why)]})" for name, why in shown)
            + "."
        )
    if limits.lags is not None:
        yield lag_line(limits.lags)


def notes_of_import(limits: CoverageLimits, aus: str) -> tuple[str, ...]:
    """What was noticed in the AUs when they were imported."""
    if len(limits.aus_notes) <= _MOST_NOTES:
        return limits.aus_notes
    return (
        f"{len(limits.aus_notes)} notes on single files are in the manifest of the AUs {aus}; AUs that are imported "
        "again have them summed up.",
    )


def presence_rule(signals: pd.DataFrame, settings: CoverageSettings) -> str:
    """When an AU counts as present, for captions. signals: `AuSignals.table`."""
    rules = set(signals["signal"])
    said = []
    if INTENSITY in rules:
        said.append(f"present from {settings.above_baseline:g} of 5 above the subject's own baseline on")
    if PRESENCE in rules:
        said.append(
            f"present from probability {PRESENT_PROBABILITY:g}"
            + (" where there are no intensities" if INTENSITY in rules else "")
        )
    return ", ".join(said) or "present where it was coded"


def not_measured_reasons(table: pd.DataFrame, tool: str) -> list[str]:
    """Why each AU of `Coverage.not_measured` has no figure."""
    return [
        f"{tool} cannot emit it" if row["reason"] == Reason.NOT_EMITTED else describe_reason(row)
        for row in table.to_dict("records")
    ]


def caveat(tool: str, estimate: bool) -> str:
    """What the source of the AUs does to every figure, for people."""
    return " ".join(caveats(tool, estimate))


def caveats(tool: str, estimate: bool) -> tuple[str, ...]:
    """`caveat` in sentences: what is known of the source, and what that does to the figures."""
    if estimate:
        return ESTIMATE_CAVEAT, (
            "AUs and tokens were read from the same coefficients here, so agreement is high and "
            "FACS-only variance low by construction; what is beyond FACS is what the table has "
            "no AU for."
        )
    if tool == TRUTH_TOOL:
        return (
            "These AUs are the truth of a simulation, which no detector or coder reaches: figures against a real "
            "tool will be lower.",
        )
    if tool == MANUAL_TOOL:
        return ("These AUs were coded by people; how far coders agree with each other bounds every figure here.",)
    return SIMULATED_DETECTOR_CAVEAT if tool == DETECTOR_TOOL else DETECTOR_CAVEAT, (
        "An AU that the tool misses looks like a display beyond FACS, and a false alarm like an "
        "AU without a codeword: read coverage of FACS as a lower bound, and what is beyond as "
        "an upper bound."
    )
