"""The sentences of the coverage report: captions that stand alone, and figures as they are printed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from dfe_core.facs.coverage_limits import is_detector
from dfe_core.facs.coverage_notes import not_measured_reasons
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.status import NOT_COVERED, NOT_ENOUGH, NOT_MEASURED, Reason, describe
from dfe_core.ontology import title
from dfe_core.reports.document import Number
from dfe_core.tokens.presence import RULE
from dfe_core.tokens.statistics import STATISTICS


def tool_name(coverage: Coverage) -> str:
    """``openface 2.2`` or, for derived AUs, ``arkit-table 1 (an estimate)``."""
    name = f"{coverage.tool} {coverage.tool_version}".strip()
    return f"{name} (an estimate)" if coverage.estimate else name


def subjects_text(coverage: Coverage) -> str:
    """The n of a caption, and where the AUs come from. When an AU is present is said once, with the data."""
    return f"n = {coverage.subjects} subjects, {coverage.frames:,} frames; AUs by {tool_name(coverage)}."


def labels(coverage: Coverage) -> tuple[str, ...]:
    """What must be read beside every figure."""
    return tuple(["simulated data"] * coverage.simulated + ["AUs are an estimate"] * coverage.estimate)


def subtitle(coverage: Coverage) -> str:
    return f"Model {coverage.model} on dataset {coverage.dataset}, AUs {coverage.aus} by {tool_name(coverage)}"


def au_labels(table: pd.DataFrame, column: str = "au") -> list[str]:
    """``AU12 left · lip corner puller`` for every row."""
    return [title(au, side) for au, side in zip(table[column], table["side"], strict=True)]


def short_labels(table: pd.DataFrame, column: str = "au") -> list[str]:
    """``AU12 left`` for every row."""
    return [au if side == "both" else f"{au} {side}" for au, side in zip(table[column], table["side"], strict=True)]


def statuses(table: pd.DataFrame, short: bool = False) -> list[str]:
    """``not covered (AUROC 0.72 of at most three codewords is below 0.8)`` for every row; `short`: without what the
    AUROC beside it says already."""
    return [
        row["status"] if short and row["reason"] == Reason.LOW_AUROC else describe(row)
        for row in table.to_dict("records")
    ]


def status_words(coverage: Coverage, table: pd.DataFrame) -> list[str]:
    """Statuses of rows of `per_au` for a page: where the AUROC is too low, which codeword the AU goes with all the
    same (``goes with codeword 28, but not covered: AUROC 0.67 below 0.8``), since names of codewords rest on that."""
    pairs = coverage.pairs[coverage.associated & (coverage.pairs["phi"] > 0)].sort_values("phi", ascending=False)
    first = pairs.drop_duplicates(["au", "side"]).set_index(["au", "side"])["codeword"].to_dict()
    return [
        f"goes with codeword {first[row['au'], row['side']]}, but not covered: AUROC {row['value']:.2f} below "
        f"{row['least']:g}"
        if row["reason"] == Reason.LOW_AUROC and (row["au"], row["side"]) in first
        else describe(row)
        for row in table.to_dict("records")
    ]


def with_interval(value: float, low: float, high: float, spec: str = ".1%") -> tuple[str, str]:
    """A figure and its interval as printed; no interval where both ends are printed alike."""
    if not np.isfinite(value):
        return "", ""
    first, last = format(max(low, 0), spec), format(max(high, 0), spec)
    return format(max(value, 0), spec), f"95 % {first} to {last}" if np.isfinite(low) and first != last else ""


def intervals(table: pd.DataFrame, low: str, high: str, spec: str = ".2f") -> list[str]:
    """``0.96–0.99`` for every row, an en dash where there is none."""
    return [
        f"{format(a, spec)}–{format(b, spec)}" if np.isfinite(a) else "–"
        for a, b in zip(table[low], table[high], strict=True)
    ]


def headlines(coverage: Coverage) -> tuple[Number, ...]:
    """The figures that a reader takes away first, the main one before the others.

    What is so by construction, where AUs are estimates from the coefficients of the codewords, is not among them, and
    no figure against such AUs is the main one: of simulated data it is what was found of the planted movements without
    a FACS code, of others there is none.
    """
    measured = [] if coverage.estimate else [_covered(coverage)]
    facs_only = [] if coverage.estimate else [_interval_number("facs_only", coverage.share("FACS only"), coverage)]
    planted = _truth_numbers(coverage)
    lead = measured or planted[-1:]
    rest = [
        _beyond(coverage),
        *facs_only,
        _new(coverage),
        _symmetric(coverage),
        _number(
            "redundant_pairs",
            str(len(coverage.redundancy)),
            f"cosine of faces from {coverage.settings.redundant_cosine:g}",
            coverage,
        ),
        *(number for number in planted if number not in lead),
    ]
    return (*(replace(number, main=True) for number in lead), *rest)


def _covered(coverage: Coverage) -> Number:
    judged = coverage.per_au[coverage.per_au["covered"].notna()]
    covered, total = int(judged["covered"].sum()), len(judged)
    detail = ". ".join(filter(None, (_lacking(coverage.per_au), _found_as_planted(coverage))))
    return _number("covered", f"{covered} of {total}" if total else "", detail, coverage)


def _found_as_planted(coverage: Coverage) -> str:
    """How many of the AUs that are not covered the codebook says all the same, as the planted truth of simulated data
    shows: what hides these are the errors of the detector. Empty where there is no truth or no detector."""
    missed = coverage.per_au.loc[coverage.per_au["status"] == NOT_COVERED, "au"].unique()
    if not len(coverage.truth) or not len(missed) or not is_detector(coverage.tool, coverage.estimate):
        return ""
    known = coverage.truth[coverage.truth["found"].notna()]
    found = known["found"].astype(bool).groupby(known["action"]).all()
    hidden = int(found.reindex(missed, fill_value=False).sum())
    if not hidden:
        return ""
    which = f"all {hidden}" if hidden == len(missed) else f"{hidden} of {len(missed)}"
    return f"Not covered, but found as planted: {which}, which the detector's errors hide"


def _beyond(coverage: Coverage) -> Number:
    estimate, lower, upper = coverage.share("beyond FACS")
    return _number(
        "beyond_facs",
        f"{estimate:.1%}" if np.isfinite(estimate) else "",
        f"from {lower:.1%} (lower bound) to {upper:.1%} (upper bound)",
        coverage,
    )


def _new(coverage: Coverage) -> Number:
    used = int(coverage.codewords["judged"].sum())
    return _number(
        "new_codewords",
        str(int(coverage.codewords["new"].sum())) if used else "",
        f"of {used} used often enough to judge: no AU or AU pair matches",
        coverage,
    )


def _interval_number(name: str, share: tuple[float, float, float], coverage: Coverage, spec: str = ".1%") -> Number:
    return _number(name, *with_interval(*share, spec), coverage)


def _lacking(per_au: pd.DataFrame) -> str:
    """How many AUs have no figure, and why."""
    count = per_au["status"].value_counts()
    parts = [f"{count[name]} {name}" for name in (NOT_MEASURED, NOT_ENOUGH) if name in count]
    return ", ".join(parts) or "on people not used to choose codewords"


def _symmetric(coverage: Coverage) -> Number:
    row = coverage.symmetry[(coverage.symmetry["of"] == "frames") & (coverage.symmetry["what"] == "symmetric")].iloc[0]
    return _interval_number("symmetric_frames", (row["share"], row["low"], row["high"]), coverage, ".0%")


def _truth_numbers(coverage: Coverage) -> list[Number]:
    """What was found of the planted actions with and without a FACS code, of those that could be judged."""
    truth = coverage.truth
    known = truth[truth["found"].notna()] if len(truth) else truth
    numbers = []
    for inside, name in ((True, "planted_found"), (False, "planted_beyond_found")):
        part = known[known["in_facs"] == inside] if len(known) else known
        if len(part):
            found = f"{int(part['found'].sum())} of {len(part)}"
            numbers.append(_number(name, found, "known, as the data are simulated", coverage))
    return numbers


def _number(name: str, value: str, detail: str, coverage: Coverage) -> Number:
    """One of `STATISTICS` as a headline; without a value, that there is not enough data."""
    label, meaning = STATISTICS[name].label, STATISTICS[name].help
    if value:
        return Number(label=label, value=value, detail=detail, help=meaning)
    missing = f"not enough data (n = {coverage.subjects})"
    return Number(label=label, value=missing, detail="subjects", missing=True, help=meaning)


def summary(coverage: Coverage) -> str:
    """The result in two or three sentences."""
    estimate, lower, upper = coverage.share("beyond FACS")
    if not np.isfinite(estimate):
        return (
            f"Not enough data (n = {coverage.subjects} subjects) to say on held-out subjects what tokens and AUs "
            "explain; what needs no held-out subject is reported below."
        )
    new = coverage.new_codewords
    text = (
        (
            f"Between {lower:.1%} and {upper:.1%} of displacement variance is movement that tokens explain and AUs do "
            f"not (estimate {estimate:.1%}, after what the resting face, a person's own range of movement, slow drift, "
            "head pose and errors of the AUs can explain is taken out). "
        )
        if lower > 0
        else (
            f"Movement beyond FACS is not distinguished from its floor: at most {upper:.1%} of displacement variance, "
            "the lower bound is 0. "
        )
    )
    if len(new):
        text += (
            f"{len(new)} of {int(coverage.codewords['judged'].sum())} codewords used often enough to judge are "
            f"matched by no AU and no pair of AUs; the most used is codeword {new['codeword'].iloc[0]}, in "
            f"{new['share'].iloc[0]:.1%} of frames (from {RULE.onset_mm:g} mm). "
        )
    missing = coverage.per_au[coverage.per_au["status"] == NOT_COVERED]
    if len(missing) and not coverage.estimate:
        names = ", ".join(short_labels(missing))
        text += f"No set of codewords reaches {coverage.settings.covered_auroc:g} for {names}."
    return text.strip()


def exposure_text(coverage: Coverage) -> str:
    """Whether the codebook had seen the people that AUROCs are of."""
    judged = coverage.per_au[coverage.per_au["covered"].notna()]
    if not len(judged):
        return ""
    unseen = judged["unseen"].to_numpy(bool)
    seen = ", ".join(short_labels(judged[~unseen]))
    if unseen.all():
        return "The codebook was trained without the people that AUROCs are averaged over."
    if not unseen.any():
        return (
            "The codebook was trained on people of this dataset, or it is not known that it was not: codewords "
            "were chosen on others than the people that AUROCs are averaged over, the codebook itself was not."
        )
    return (
        "AUROCs are averaged over people on whom the codebook was not trained where enough of them show the AU; "
        f"not so for {seen}."
    )


def unmeasured(coverage: Coverage) -> str:
    """Which AUs have no part in the figures, and why; never "missed"."""
    rows = coverage.not_measured
    if not len(rows):
        return ""
    why = not_measured_reasons(rows, coverage.tool)
    reasons = [f"{', '.join(part['au'])} ({why})" for why, part in rows.assign(why=why).groupby("why", sort=False)]
    return f"Not measured, and so neither covered nor missed: {'; '.join(reasons)}."


def method(coverage: Coverage) -> tuple[str, ...]:
    """How every figure was made."""
    s = coverage.settings
    return (
        f"AUROC, sets of codewords and variance shares are held out: subjects were parted into {s.folds} folds (fewer "
        "where there are fewer subjects), codewords were chosen and fits made on the others, every subject's mean "
        "taken out. AUROC is computed within each held-out subject who shows the AU, and lacks it, in at least "
        f"{s.min_frames} frames, and averaged over subjects. A set is built by forward selection, has up to "
        f"{s.max_codewords} codewords and positive weights alone: an AU that only the absence of a codeword says is "
        f"not covered. The readout of all codewords is a ridge regression (penalty {s.readout_ridge:g} mean variances "
        f"of a codeword). Intervals are the 2.5th and 97.5th percentile of {s.resamples} bootstrap resamples of "
        "subjects, never of frames; of entropy and of rarefaction, from the jackknife over subjects.",
        "p is the share of circular shifts of AUs against tokens within a recording that associate codeword and AU as "
        "strongly: shifts keep how long expressions last and break only their alignment. Mean and variance over all "
        "shifts are exact, the tails come from drawn shifts pooled over pairs of alike expected count. q corrects over "
        "all pairs by Benjamini and Hochberg's procedure.",
        f"An AU (on one side) is covered when a set reaches an AUROC of {s.covered_auroc:g} and one of its codewords "
        f"is associated with it positively at q < {s.fdr:g}. A codeword is matched when its deformation has a cosine "
        f"of at least {s.match_cosine:g} with an AU template or a sum of two, or its intensity a correlation of at "
        f"least {s.match_r:g} with the best one or two AUs; it is new when neither holds and it is used in at least "
        f"{s.min_share:.1%} of frames. Two codewords are redundant from a cosine of {s.redundant_cosine:g} on.",
        "Variance is of displacement on the mesh. AUs enter by their intensities through ridge regression, tokens "
        "by the deformation that they decode to and a ridge correction of what it leaves; what AUs explain but not "
        "linearly counts as not explained.",
        "Movement beyond FACS is measured above a floor. From each subject's displacement are taken, one after the "
        "other: the mean and a linear model of AUs fitted on other subjects (what is left gives the upper bound), "
        "products of AUs, head pose where it is known, the subject's own range (fitted on alternate stretches of ten "
        f"seconds), what is slower than {s.drift_s:g} s, an error of {s.amplitude_error:.0%} of each AU's intensity "
        f"(estimate), and an error of every AU at any time, of {s.coder_error:g} of 5 for coded, derived or planted "
        f"AUs and {s.detector_error:g} for a detector's (lower bound, less {s.beyond_resolution:.1%} that cannot be "
        "distinguished from zero). A step is left out where it does not lower the error. What tokens explain of the "
        "rest is "
        "by ridge regression on other subjects. A codeword is new only if errors of coding leave at least "
        f"{s.beyond_fraction:.0%} of its movement.",
        f"Below {s.min_frames} frames, {s.min_events} events or {s.min_subjects} subjects with an AU no figure is "
        f"given. A display is the two strongest codewords (or AUs) of a frame, held for {s.hold_s:g} s; a frame is "
        "one-sided when one half of the face has twice the squared displacement of the other, or when it moves "
        "opposite to its mirror image.",
    )
