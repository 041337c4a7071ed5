"""Action units as a detector would report them of simulated people: without sides, with errors, and blind to the rest.

The detector sees the true events and never the coefficients, so that its agreement with tokens is none by construction.
What it reports follows measurements of real detectors:

- it reports the AUs to which OpenFace 2 gives an intensity (`action_units.EMISSIONS`, openface-r) and no others, one
  value for both halves of the face: the mean of the two;
- its correlation with the truth over all frames is that of OpenFace 2.0 with the coders of DISFA (`CORRELATIONS`);
- its reading of a resting face differs between people as OpenFace's does on REACT-Nao (`BASELINES`);
- it takes head rotation for AU1, AU4, AU9, AU10 and AU15 (`HEAD_SHARE`), as OpenFace does on REACT-Nao.

Most of what remains of the errors is cross-talk (`CROSS_TALK`): a detector takes another AU of the same half of the
face for this one, and does so again the next time. On REACT-Nao OpenFace's outputs follow from the shape of the face
(AU12 and AU6 with an AUROC of 0.99, AU1 with 0.65, within people), so that they cannot be mostly noise. Which AUs are
taken for which, which way the head moves them and how the rest is spread over time are chosen by hand or drawn. AU23 is
left out, since no simulated action is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dfe_core.artefact_names import ANALYSES, aus_name
from dfe_core.audit import audited
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.action_units import EMISSIONS, SIMULATED_DETECTOR_CAVEAT
from dfe_core.facs.store import DETECTOR_TOOL, AlignedAus, AlignedFrames, open_au_writer
from dfe_core.progress import Listener, Progress, silent
from dfe_core.simulate.curves import smooth_knots
from dfe_core.simulate.head import POSE, pose_functions
from dfe_core.simulate.truth import presence

NAME = "simulated-detector"
"""The name under which the default data have these action units."""
VERSION = "1"
TYPICAL_CORRELATION = 0.59
CORRELATIONS = MappingProxyType(
    {
        "AU1": 0.64,
        "AU2": 0.50,
        "AU4": 0.70,
        "AU5": 0.67,
        "AU6": 0.59,
        "AU9": 0.54,
        "AU12": 0.85,
        "AU15": 0.39,
        "AU17": 0.49,
        "AU20": 0.22,
        "AU25": 0.85,
        "AU26": 0.67,
    }
)
"""Pearson correlation with coded intensity on DISFA, and its mean for AUs that are not coded there: Baltrušaitis et
al., OpenFace 2.0, FG 2018, table of action unit intensity (the paper was not at hand)."""
BASELINES = MappingProxyType(
    {
        "AU1": 0.27,
        "AU2": 0.27,
        "AU4": 0.16,
        "AU5": 0.16,
        "AU7": 0.12,
        "AU9": 0.33,
        "AU10": 0.05,
        "AU12": 0.03,
        "AU14": 0.31,
        "AU15": 0.24,
        "AU17": 0.29,
        "AU20": 0.14,
        "AU25": 0.05,
        "AU26": 0.25,
        "AU45": 0.03,
    }
)
"""S.d. between people of the intensity below which a tenth of their frames are: OpenFace 2 on the 68 people of
REACT-Nao (Candon et al. 2024), measured here; 0 for AU6."""
HEAD_SHARE = MappingProxyType(dict.fromkeys(("AU1", "AU4", "AU9", "AU10", "AU15"), 0.35))
"""Share of an AU's variance that follows head rotation: 0.29 to 0.40 on REACT-Nao (docs/real-faces.md)."""

CROSS_TALK = 0.8
"""Share of the variance of the errors that are left which other AUs of the same half of the face make."""

_READS = MappingProxyType(
    {
        **{code: (code,) for code in ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU14", "AU15")},
        **{code: (code,) for code in ("AU17", "AU20")},
        "AU25": ("AU16", "AU22", "AU26"),
        "AU26": ("AU26",),
        "AU45": ("AU43", "AU45", "AU46"),
    }
)
"""AU that is reported to the simulated actions that show it; lips part (AU25) where others pull them apart."""
_UPPER = np.array([au in ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU45") for au in _READS])
_SLOW_S = 3.0


@dataclass(frozen=True, eq=False, kw_only=True)
class _Errors:
    """What the detector adds: per AU (A,) s.d. of random errors and of people's offsets, and the weights of functions
    of head pose (9, A) and of what other AUs show (A, A)."""

    rest: np.ndarray
    offset: np.ndarray
    head: np.ndarray
    others: np.ndarray


@audited("detect AUs", ANALYSES, lambda given: aus_name(given["dataset"].name, given.get("name", NAME)))
def detect_aus(
    dataset: Dataset, name: str = NAME, *, seed: int = 0, root: Path | None = None, progress: Listener = silent
) -> AlignedAus:
    """Report the AUs of every valid frame of a simulated dataset as a detector would, as the AUs `name`.

    Parameters
    ----------
    dataset: with truth and head pose, as `simulate_dataset` writes it.
    seed: the same seed gives the same errors.

    Raises `DataError` where the dataset has no truth.
    """
    dataset = dataset.whole()
    rows = dataset.recordings
    subjects = dict.fromkeys(rows["subject"])
    errors = _calibrated(dataset, seed)
    offsets = np.random.default_rng([seed, 0]).exponential(1, (len(subjects), len(_READS))) * errors.offset
    person = dict(zip(subjects, offsets, strict=True))
    with open_au_writer(dataset.name, name, tuple((au, "both") for au in _READS), root or dataset.root) as writer:
        for index, (recording, subject, fps) in enumerate(
            rows[["recording", "subject", "fps"]].itertuples(index=False)
        ):
            frames = dataset.frames(recording)
            intensity = _reported(dataset, recording, errors, person[subject], fps, [seed, 1 + index])
            blank = np.full_like(intensity, np.nan)
            valid = frames.valid
            writer.add(recording, AlignedFrames(frames.frame[valid], blank[valid], intensity[valid]))
            progress(Progress(task="detect AUs", done=index + 1, total=len(rows), detail=recording))
        writer.close(_manifest(dataset, name, seed))
    return AlignedAus.open(dataset.name, name, root or dataset.root)


def _shown(dataset: Dataset, recording: str) -> np.ndarray:
    """(T, A) float32 intensity 0 … 5 of what the detector could see: both sides' mean, the strongest of its actions."""
    truth = presence(dataset, recording)
    columns = []
    for actions in _READS.values():
        each = [
            truth.intensity[:, [i for i, (code, _) in enumerate(truth.actions) if code == action]].mean(1)
            for action in actions
        ]
        columns.append(np.max(each, 0))
    return np.stack(columns, 1)


def _pose(dataset: Dataset, recording: str) -> np.ndarray:
    extras = dataset.extras(recording)
    return pose_functions(np.stack([extras[column] for column in POSE], 1))


def _calibrated(dataset: Dataset, seed: int) -> _Errors:
    """The errors by which the AUs of this dataset reach the correlations, before intensities are cut off at 0 and 5."""
    seen = [_shown(dataset, name) for name in dataset.recordings["recording"]]
    variance = np.var(np.concatenate(seen), axis=0, dtype=float)
    aim = np.array([CORRELATIONS.get(au, TYPICAL_CORRELATION) for au in _READS])
    added = variance * (1 / aim**2 - 1)
    offset = np.minimum(np.array([BASELINES.get(au, 0.0) for au in _READS]), np.sqrt(added / 2))
    share = np.array([HEAD_SHARE.get(au, 0.0) for au in _READS])
    turned = np.minimum(share * variance / aim**2, added - offset**2)
    rng = np.random.default_rng([seed, 0, 0])
    weights = rng.standard_normal((9, len(_READS)))
    same_half = (_UPPER[:, None] == _UPPER) & ~np.eye(len(_READS), dtype=bool)
    others = rng.exponential(1, same_half.shape) * same_half
    poses = [_pose(dataset, name) for name in dataset.recordings["recording"]]
    spread = np.std(np.concatenate([(p - p.mean(0)) @ weights for p in poses]), axis=0)
    left = added - offset**2 - turned
    mixed = np.std(np.concatenate(seen) @ others, axis=0)
    return _Errors(
        rest=np.sqrt((1 - CROSS_TALK) * left),
        offset=offset,
        head=weights * np.sqrt(turned) / np.maximum(spread, 1e-9),
        others=others * np.sqrt(CROSS_TALK * left) / np.maximum(mixed, 1e-9),
    )


def _reported(
    dataset: Dataset, recording: str, errors: _Errors, offset: np.ndarray, fps: float, stream: list[int]
) -> np.ndarray:
    """(T, A) float32 what the detector reports of one recording."""
    shown, pose = _shown(dataset, recording), _pose(dataset, recording)
    rng = np.random.default_rng(stream)
    slow = smooth_knots(rng, len(shown), fps, _SLOW_S, shown.shape[1])
    slow /= max(float(np.std(slow)), 1e-9)
    quick = rng.standard_normal(shown.shape, np.float32)
    wrong = errors.rest * (slow + quick) * np.sqrt(0.5) + (pose - pose.mean(0)) @ errors.head + offset
    wrong += shown @ errors.others
    return np.clip(shown + wrong, 0, 5).astype(np.float32)


def _manifest(dataset: Dataset, name: str, seed: int) -> dict:
    return {
        "name": name,
        "dataset": dataset.name,
        "dataset_key": dataset.stored_key,
        "tool": DETECTOR_TOOL,
        "version": VERSION,
        "estimate": False,
        "emits": list(EMISSIONS["openface-r"].aus),
        "settings": {"seed": seed},
        "notes": [SIMULATED_DETECTOR_CAVEAT],
    }
