"""What limits a reading of coverage, as facts: `coverage_notes` has the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dfe_core.expressions.pose_leak import stored_pose_leak
from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.aggregates import Aggregates, CoverageInputs
from dfe_core.facs.lag import LagCounts, count_lags
from dfe_core.facs.store import DETECTOR_TOOL
from dfe_core.facs.templates import Templates

TABLE_TEMPLATES, LEARNED_TEMPLATES, NO_TEMPLATES = "table", "learned", "none"


@dataclass(frozen=True, kw_only=True)
class CoverageLimits:
    """What a reader has to know beside the figures.

    Attributes
    ----------
    high_pose_leak
        The pose leak of the dataset, None unless it is high.
    lag_s
        Seconds by which AUs come after the expressions that they go with; 0 where they do not.
    templates
        Where the AU templates come from: `Templates.source`, or `NO_TEMPLATES`.
    left_out
        Recordings without a part in the figures, with the reason (`dfe_core.facs.token_au_stream.LeftOut`).
    lags
        What became of the lag of recordings; None where none was looked for.
    aus_notes
        Notes of the AUs' import, for people.
    """

    high_pose_leak: float | None = None
    lag_s: float = 0.0
    templates: str = TABLE_TEMPLATES
    left_out: dict[str, str] = field(default_factory=dict)
    lags: LagCounts | None = None
    aus_notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CoverageLimits:
        """The inverse of `dataclasses.asdict`, after JSON."""
        lags = LagCounts.from_json(value["lags"]) if value["lags"] else None
        return cls(**{**value, "lags": lags, "aus_notes": tuple(value["aus_notes"])})


def coverage_limits(
    inputs: CoverageInputs, aggregates: Aggregates, templates: Templates | None, lag_s: float
) -> CoverageLimits:
    """The limits of an analysis."""
    leak = stored_pose_leak(inputs.dataset.manifest)
    rows = [row for row in inputs.aus.manifest["alignment"] if row["frames"]]
    aligned = is_detector(inputs.aus.tool, inputs.aus.estimate) or any("lag" in row for row in rows)
    return CoverageLimits(
        high_pose_leak=leak.leak if leak is not None and leak.is_high else None,
        lag_s=lag_s,
        templates=NO_TEMPLATES if templates is None else templates.source,
        left_out=dict(aggregates.left_out),
        lags=count_lags(rows) if aligned else None,
        aus_notes=tuple(map(str, inputs.aus.manifest.get("notes", []))),
    )


def is_detector(tool: str, estimate: bool) -> bool:
    """Whether a program judged faces: not coded by people, derived from coefficients, or the truth of a simulation."""
    programs = (DETECTOR_TOOL, *(emission.tool for emission in EMISSIONS.values()))
    return not estimate and any(program.startswith(tool) for program in programs)
