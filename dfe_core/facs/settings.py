"""Every number of the coverage analysis that could have been chosen otherwise."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_PHI = 0.05
"""φ below which a codeword and an action unit are not said to go together, however small q: in many frames a trace of
an association is significant."""


@dataclass(frozen=True, kw_only=True)
class CoverageSettings:
    """Settings of `dfe_core.facs.coverage.analyse_coverage`; they are part of the key of what is cached.

    Attributes
    ----------
    folds: subject-wise folds of everything that is fitted.
    resamples: bootstrap resamples of subjects behind every interval.
    above_baseline: an AU with intensities is present from this far above the subject's baseline on (`signals`).
    max_codewords: size of the sparse set that may predict an AU; its weights are positive.
    readout_ridge: penalty of the readout of all codewords, in mean variances of a codeword.
    covered_auroc: an AU is covered when the set reaches this within held-out subjects and one of its codewords is
        associated positively with the AU at `fdr`. 0.8 is the conventional foot of "excellent" discrimination (Hosmer &
        Lemeshow).
    fdr: level of Benjamini and Hochberg's procedure over all pairs.
    match_cosine: a codeword whose face lies at least this close to an AU's, or to a sum of two, is that AU (0.9: 81 %
        of its squared displacement).
    match_r: so is one whose intensity correlates at least so with the best one or two AUs.
    beyond_frames: frames that movement beyond FACS is measured on (`beyond`).
    drift_s: what is slower than this is taken for posture or drift there.
    amplitude_error: share by which the intensity of an AU may be wrong there; FACS intensities are ordinal.
    coder_error, detector_error: and by how much, 0 … 5, that of every AU may be wrong at any time for the lower bound:
        a tenth of a step for AUs that were coded, derived or planted, a whole step for a detector's.
    unmeasured_error: the same where an AU was not measured: it may have been anything.
    beyond_resolution: share of displacement variance that cannot be told from nothing. In simulated worlds without
        movement beyond FACS the last step left at most 0.07 % (ten seeds, `benchmarks.real_faces.coverage`).
    beyond_fraction: a codeword is new only if AUs leave at least this share of its movement.
    redundant_cosine: two codewords are the same face above it.
    min_frames, min_events: an AU (or codeword) with fewer frames present or absent, or fewer onsets, has no figures.
    min_subjects: with fewer subjects who show an AU nothing is held out; with fewer subjects there are no intervals.
    min_share: codewords used in a smaller share of frames are not judged to be new.
    still_mm: a frame (or token) that moves the face less, root mean square over vertices, shows nothing.
    hold_s: a display counts when it is held at least so long.
    """

    folds: int = 5
    resamples: int = 500
    above_baseline: float = 1.0
    max_codewords: int = 3
    readout_ridge: float = 1.0
    covered_auroc: float = 0.8
    fdr: float = 0.05
    match_cosine: float = 0.9
    match_r: float = 0.6
    beyond_frames: int = 40_000
    drift_s: float = 6.0
    amplitude_error: float = 0.3
    coder_error: float = 0.1
    detector_error: float = 1.0
    unmeasured_error: float = 5.0
    beyond_resolution: float = 0.001
    beyond_fraction: float = 0.3
    redundant_cosine: float = 0.95
    min_frames: int = 20
    min_events: int = 5
    min_subjects: int = 3
    min_share: float = 0.001
    still_mm: float = 0.1
    hold_s: float = 0.1
