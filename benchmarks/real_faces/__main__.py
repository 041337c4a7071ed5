"""Every table of docs/real-faces.md: ``python -m benchmarks.real_faces --react FOLDER --livelink FOLDER --out DIR``.

--react: a checkout of the public repository yale-img/react. --livelink: a folder of Live Link Face CSVs; their
performer is the part of the file's name before the first underscore where ``labels.csv`` beside them does not say it.
Parts without their folder are left out. ``--only fidelity,transfer`` runs some. Tables go to standard output and, as
CSV, to the output folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from dfe_core.artefact_names import CONFIG

PARTS = ("fidelity", "pose", "coverage", "probes")
DATASET = MODEL = "nao"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--react", type=Path)
    parser.add_argument("--livelink", type=Path)
    parser.add_argument("--ict", type=Path, help="an ICT-FaceKit face (npz), for the Live Link takes on it")
    parser.add_argument("--work", type=Path, default=Path("real-faces"), help="cache of this benchmark")
    parser.add_argument("--out", type=Path, default=Path("real-faces-tables"))
    parser.add_argument("--only", default=",".join(PARTS))
    args = parser.parse_args()
    work = args.work.resolve()
    os.environ["DFE_CACHE"] = str(work)
    args.out.mkdir(parents=True, exist_ok=True)
    dfe("build-default")
    for part in args.only.split(","):
        for title, table in run(part, args, work).items():
            table.to_csv(args.out / f"{part}-{title}.csv", index=False)
            print(f"\n## {part}: {title}\n\n{table.round(3).to_string(index=False)}", flush=True)


def dfe(*arguments: str) -> None:
    """Run a command of dfe; its own messages go to standard error."""
    subprocess.run([sys.executable, "-m", "train", *arguments], check=True, stdout=sys.stderr)


def run(part: str, args: argparse.Namespace, work: Path) -> dict[str, pd.DataFrame]:
    """The tables of one part by title; empty without the folders that it needs."""
    tables: dict[str, pd.DataFrame] = {}
    if part == "fidelity" and args.livelink:
        from benchmarks.real_faces import fidelity

        tables |= fidelity.live_link(work, args.livelink, args.ict, dfe)
    if args.react:
        prepared(work, args.react)
        if part == "fidelity":
            from benchmarks.real_faces import fidelity

            tables |= fidelity.react(work, DATASET)
        if part == "pose":
            from benchmarks.real_faces import pose

            tables |= pose.tables(work, args.react)
        if part == "coverage":
            from benchmarks.real_faces import coverage

            tables |= coverage.tables(work, args.react, MODEL, DATASET)
        if part == "probes":
            from benchmarks.real_faces import probes

            tables |= probes.tables(work, args.react, MODEL, DATASET)
    return tables


def prepared(work: Path, react: Path) -> None:
    """Import REACT-Nao, train and encode, each once."""
    from benchmarks.real_faces.react import SUBJECT_PATTERN, prepare

    files, labels = prepare(react, work / "react")
    if not (work / "datasets" / DATASET).is_dir():
        dfe(
            "import",
            str(files[0].parent),
            "--name",
            DATASET,
            "--face",
            "learn",
            "--labels",
            str(labels),
            f"--subject-pattern={SUBJECT_PATTERN}",
        )
        dfe("aus", "import", str(files[0].parent), "--dataset", DATASET, "--name", "openface")
    if not (work / "models" / MODEL / CONFIG).is_file():
        dfe("train", DATASET, "--name", MODEL)
    dfe("encode", MODEL, DATASET)


if __name__ == "__main__":
    main()
