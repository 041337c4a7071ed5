"""Pose leak and its correction on REACT-Nao: leak and readout of AUs from ψ, method by method.

`tables` is called by ``python -m benchmarks.real_faces``; alone::

    python -m benchmarks.real_faces.pose --react FOLDER --work DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real_faces.react import SUBJECT_PATTERN, prepare
from dfe_core.artefact_names import MANIFEST

AUS = ("AU12", "AU06", "AU25", "AU10", "AU45", "AU02", "AU01", "AU07", "AU17", "AU14", "AU04", "AU09", "AU15")
PRESENT, FEWEST, FOLDS, RIDGE = 1.0, 20, 5, 0.5
"""An AU is present from this intensity; people with fewer frames with or without it are not scored; parts of the
people; penalty of the readout, of each standardised coefficient's variance."""
BLOCK_S = 10.0
NONE, FIELD = "nao-pose-none", "nao-pose-field"
_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Frames:
    """Valid frames with AUs of all recordings: values (T, C), subject, angles, time_s (T,), intensity (T, A)."""

    values: np.ndarray
    subject: np.ndarray
    angles: np.ndarray
    time_s: np.ndarray
    intensity: np.ndarray
    train: frozenset[str]

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Rows of each subject."""
        return {s: np.flatnonzero(self.subject == s) for s in dict.fromkeys(self.subject.tolist())}


def tables(work: Path, react: Path) -> dict[str, pd.DataFrame]:
    """Tables by title.

    Parameters
    ----------
    work: the cache root; the two datasets (uncorrected and corrected) are imported into it where it has none.
    react: folder of the prepared files, with ``csv`` inside, or a checkout (`react.prepare`).

    Returns pose_methods (leak and readouts by method), pose_subjects (leak of each subject before and after) and
    pose_readout (paired differences over people with 95 % bootstrap intervals).
    """
    csvs, labels = _prepared(work, react)
    for name, method in ((NONE, "none"), (FIELD, "field")):
        _import(work, csvs, labels, name, method)
    before, after = (_frames(work, name, csvs[0].parent) for name in (NONE, FIELD))
    rows = [_row(name, change(before), before) for name, change in METHODS.items()]
    rows.append(_row("as imported (--pose-correction field)", after.values, after))
    leaks = {name: _leaks(frames.values, frames) for name, frames in (("before", before), ("after", after))}
    subjects = pd.DataFrame(
        {
            "subject": list(leaks["before"]),
            "before": [v.leak for v in leaks["before"].values()],
            "after": [leaks["after"][s].leak for s in leaks["before"]],
            "trained": [s in before.train for s in leaks["before"]],
        }
    )
    return {"pose_methods": pd.DataFrame(rows), "pose_subjects": subjects, "pose_readout": _paired(before, after)}


def _prepared(work: Path, react: Path) -> tuple[list[Path], Path]:
    if (react / "csv").is_dir():
        return sorted((react / "csv").glob("*.csv")), react / "labels.csv"
    return prepare(react, work / "react")


def _import(work: Path, csvs: list[Path], labels: Path, name: str, method: str) -> None:
    from dfe_core.expressions.importing import ImportOptions, import_dataset

    if not (work / "datasets" / name / MANIFEST).is_file():
        import_dataset(
            csvs,
            name,
            ImportOptions(face="learn", labels=labels, subject_pattern=SUBJECT_PATTERN, pose_correction=method),
            root=work,
        )


def _frames(work: Path, name: str, folder: Path) -> Frames:
    """Displacement in the metric of the mesh, mm, with what OpenFace says of each frame."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.split import split_dataset
    from dfe_core.faces import open_face

    data = Dataset.open(name, work)
    values, vectors = np.linalg.eigh(open_face(data.face_id, work).gram)
    factor = 1e3 * vectors * np.sqrt(values.clip(0))
    parts: list[tuple[np.ndarray, ...]] = []
    for row in data.recordings.itertuples():
        frames = data.frames(row.recording)
        table = pd.read_csv(folder / f"{row.recording}.csv", skipinitialspace=True)
        angles = table[["pose_Rx", "pose_Ry", "pose_Rz"]].to_numpy(np.float64)
        use = frames.valid & np.isfinite(angles).all(1)
        intensity = table[[f"{au}_r" for au in AUS]].to_numpy(np.float32)
        parts.append(
            (frames.psi[use] @ factor, np.full(use.sum(), row.subject), angles[use], frames.time_s[use], intensity[use])
        )
    train = set(split_dataset(data, 0.25, 0.1, 0).recordings["train"])
    people = frozenset(data.recordings.loc[data.recordings["recording"].isin(train), "subject"])
    return Frames(*(np.concatenate(p) for p in zip(*parts, strict=True)), people)


def _each(frames: Frames, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Values with what `change` (values, angles of one subject) returns taken off, subject by subject."""
    out = np.array(frames.values, np.float64)
    for rows in frames.rows.values():
        out[rows] -= change(out[rows], frames.angles[rows])
    return out


def _own_regression(frames: Frames) -> np.ndarray:
    """Each person's frames regressed on pose, all of them, nothing protected."""
    from dfe_core.expressions.head_pose import quadratic

    def fitted(values: np.ndarray, angles: np.ndarray) -> np.ndarray:
        features = quadratic(angles)
        features -= features.mean(0)
        return features @ np.linalg.lstsq(features, values - values.mean(0), rcond=None)[0]

    return _each(frames, fitted)


def _mean_only(frames: Frames) -> np.ndarray:
    """The mean field of the training subjects, the same for everyone."""
    from dfe_core.expressions.pose_field import functions, mean_field, moments_of

    none = np.zeros((0, frames.values.shape[1]))
    found = {s: moments_of(frames.values[r], frames.angles[r], 1e9, none) for s, r in frames.rows.items()}
    mean = mean_field([m for s, m in found.items() if m is not None and s in frames.train], frames.values.shape[1])
    return _each(frames, lambda values, angles: functions(angles, np.median(angles, 0)) @ mean)


def _alternating(frames: Frames) -> np.ndarray:
    """Each person's field fitted on every second block of 10 s and taken off the others, both ways, not protected."""
    from dfe_core.expressions.pose_field import functions, moments_of

    none = np.zeros((0, frames.values.shape[1]))
    out = np.array(frames.values, np.float64)
    for rows in frames.rows.values():
        odd = (frames.time_s[rows] // BLOCK_S).astype(int) % 2 == 1
        for fit, test in ((odd, ~odd), (~odd, odd)):
            found = moments_of(frames.values[rows[fit]], frames.angles[rows[fit]], 1e9, none)
            if found is not None:
                near = np.clip(frames.angles[rows[test]], found.low, found.high)
                out[rows[test]] -= functions(near, found.centre) @ found.weights
    return out


METHODS: dict[str, Callable[[Frames], np.ndarray]] = {
    "none": lambda frames: np.asarray(frames.values, np.float64),
    "mean field of the training subjects": _mean_only,
    "regression on each person's own frames": _own_regression,
    "own field from alternate blocks of 10 s": _alternating,
}


def _leaks(values: np.ndarray, frames: Frames) -> dict:
    from dfe_core.expressions.pose_leak import subject_leak

    found = {
        s: subject_leak(values[r], frames.angles[r], np.arange(len(r)) / 10.0, None) for s, r in frames.rows.items()
    }
    return {s: one for s, one in found.items() if one is not None}


def _row(name: str, values: np.ndarray, frames: Frames) -> dict[str, float | str]:
    leaks = _leaks(values, frames)
    unseen = [one.leak for s, one in leaks.items() if s not in frames.train]
    scores = {au: float(np.mean(list(found.values()))) for au, found in _readout(values, frames).items()}
    return {
        "method": name,
        "leak": float(np.median([one.leak for one in leaks.values()])),
        "share": float(np.median([one.share for one in leaks.values()])),
        "chance": float(np.median([one.chance for one in leaks.values()])),
        "held_out_blocks": float(np.median([one.held_out for one in leaks.values()])),
        "leak_unseen_people": float(np.median(unseen)),
        "rms_mm": float(np.sqrt((values**2).sum(1).mean())),
        **scores,
    }


def _readout(values: np.ndarray, frames: Frames) -> dict[str, dict[str, float]]:
    """AUROC within each person of a ridge readout of AU intensity that was fitted on the people of other parts."""
    from sklearn.metrics import roc_auc_score

    people = np.array(sorted(frames.rows))
    parts = np.array_split(np.random.default_rng(1).permutation(len(people)), FOLDS)
    found: dict[str, dict[str, float]] = {au: {} for au in AUS}
    for part in parts:
        inside = set(people[part].tolist())
        train = np.concatenate([rows for s, rows in frames.rows.items() if s not in inside])
        mean, spread = values[train].mean(0), values[train].std(0) + 1e-12
        unit = (values[train] - mean) / spread
        normal = unit.T @ unit + RIDGE * len(unit) * np.eye(unit.shape[1])
        target = frames.intensity[train]
        weights = np.linalg.solve(normal, unit.T @ (target - target.mean(0)))
        for subject in sorted(inside):
            rows = frames.rows[subject]
            score = ((values[rows] - mean) / spread) @ weights
            for i, au in enumerate(AUS):
                present = frames.intensity[rows, i] >= PRESENT
                if min(present.sum(), (~present).sum()) >= FEWEST:
                    found[au][subject] = float(roc_auc_score(present, score[:, i]))
    return found


def _paired(before: Frames, after: Frames) -> pd.DataFrame:
    """For each AU the mean over people before and after, and their difference with a bootstrap interval."""
    one, two = _readout(before.values, before), _readout(after.values, after)
    rng, rows = np.random.default_rng(0), []
    for au in AUS:
        people = sorted(set(one[au]) & set(two[au]))
        if not people:
            continue
        a, b = (np.array([found[au][s] for s in people]) for found in (one, two))
        draws = (b - a)[rng.integers(0, len(a), (_RESAMPLES, len(a)))].mean(1)
        rows.append(
            {
                "au": au,
                "people": len(people),
                "before": a.mean(),
                "after": b.mean(),
                "difference": (b - a).mean(),
                "low": np.quantile(draws, 0.025),
                "high": np.quantile(draws, 0.975),
                "median_difference": np.median(b - a),
            }
        )
    return pd.DataFrame(rows)


def simulated(work: Path, shares: tuple[float, ...] = (0.4, 0.0)) -> pd.DataFrame:
    """The correction of coefficients where the truth is known: simulated people whose heads turn, with and without an
    artefact of so large a share; errors against ψ without the artefact, mm, each recording about its mean."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.importing import ImportOptions, import_dataset
    from dfe_core.expressions.pose_leak import stored_pose_leak
    from dfe_core.faces import open_face
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.simulate.head import clean_psi

    rows = []
    for share in shares:
        name = f"turning-{round(100 * share)}"
        if not (work / "datasets" / f"{name}-field" / MANIFEST).is_file():
            simulate_dataset(name, subjects=8, minutes_per_subject=2, seed=0, pose_artefact=share, root=work)
            import_dataset(
                [work / "datasets" / name], f"{name}-field", ImportOptions(pose_correction="field"), root=work
            )
        plain, corrected = Dataset.open(name, work), Dataset.open(f"{name}-field", work)
        gram = open_face(plain.face_id, work).gram
        smile = plain.names.index("mouthSmileLeft")
        each = []
        for recording in plain.recordings["recording"]:
            valid = plain.frames(recording).valid
            all_three = (clean_psi(plain, recording), plain.frames(recording).psi, corrected.frames(recording).psi)
            truth, before, after = (v[valid] - v[valid].mean(0, dtype=np.float64) for v in all_three)
            each.append(
                [
                    *(
                        1e3 * np.sqrt(np.einsum("te,ef,tf->t", v, gram, v).mean())
                        for v in (truth, before - truth, after - truth)
                    ),
                    truth[:, smile] @ after[:, smile] / (truth[:, smile] @ truth[:, smile]),
                ]
            )
        leaks = [stored_pose_leak(d.manifest).leak for d in (plain, corrected)]
        rows.append(
            {
                "artefact": share,
                "leak_before": leaks[0],
                "leak_after": leaks[1],
                **dict(zip(("true_rms_mm", "error_before_mm", "error_after_mm"), np.mean(each, 0), strict=False)),
                "smile_slope": float(np.median([e[3] for e in each])),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--react", type=Path, required=True, help="prepared files, or a checkout of yale-img/react")
    parser.add_argument("--work", type=Path, required=True, help="a cache root of its own")
    args = parser.parse_args()
    for title, table in {**tables(args.work, args.react), "pose_simulated": simulated(args.work)}.items():
        print(f"\n{title}\n{table.round(4).to_string(index=False)}")


if __name__ == "__main__":
    main()
