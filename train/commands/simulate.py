"""`dfe simulate`: performances with known truth."""

from __future__ import annotations

import argparse

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.simulate.capture import CAPTURES, find_capture
from dfe_core.store import artefact_path
from dfe_core.workspace.catalogue import artefact_faults, find_artefact

from ..cli import seed
from ..tables import duration, facts

DESCRIPTION = (
    "Make performances on the default face with known truth: which action, when, how strong. Seeded, and "
    "labelled as simulated wherever they are used."
)
EXAMPLES = (
    "dfe simulate --name simulated",
    "dfe simulate --name small --subjects 6 --minutes-per-subject 1 --seed 3",
    "dfe simulate --name null --effect none",
    "dfe simulate --name floor --effect no-beyond-facs",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="of the dataset to write")
    parser.add_argument("--subjects", type=int, default=40, help="people to simulate (default: 40)")
    parser.add_argument(
        "--minutes-per-subject",
        type=float,
        default=4.0,
        metavar="MINUTES",
        help="over all recordings of a subject (default: 4)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="the same seed gives the same frames (default: 0)")
    parser.add_argument(
        "--capture",
        choices=tuple(CAPTURES),
        default="livelink",
        help="tracker whose noise the data have (default: livelink)",
    )
    parser.add_argument("--fps", type=float, help="frames a second (default: that of the capture)")
    parser.add_argument(
        "--pose-artefact",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the movement that turning heads add by mistake, 0 to 0.9 (default: 0)",
    )
    parser.add_argument(
        "--effect",
        metavar="FILE.toml",
        help="how the conditions differ: a TOML file, or the name of a shipped one (default: default)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.simulate.effects import read_effect

    effect = read_effect(args.effect)
    if (artefact_path("datasets", args.name) / MANIFEST).is_file():
        _refuse_another(args, effect.source)
        print(f"unchanged: the dataset {args.name} holds these performances already")
        return
    dataset = simulate_dataset(
        args.name,
        subjects=args.subjects,
        minutes_per_subject=args.minutes_per_subject,
        seed=args.seed,
        effect=args.effect,
        fps=args.fps,
        capture=args.capture,
        pose_artefact=args.pose_artefact,
        progress=progress,
    )
    rows = dataset.recordings
    print(
        facts(
            [
                ("dataset", dataset.name),
                ("data", "simulated"),
                ("face", dataset.face_id),
                ("subjects", int(rows["subject"].nunique())),
                ("recordings", len(rows)),
                ("frames", dataset.frame_count),
                ("duration", duration(float(rows["duration_s"].sum()))),
                ("true events", 0 if dataset.truth is None else len(dataset.truth)),
                ("labels", ", ".join(dataset.labels)),
            ]
        )
    )


def _refuse_another(args: argparse.Namespace, effect: str) -> None:
    """Raise `DataError` unless the dataset of this name is whole and was simulated with the same settings."""
    artefact = find_artefact(f"datasets/{args.name}")
    from dfe_core.simulate.dataset import VERSION

    held = artefact.manifest.get("simulation") or {}
    asked = {
        "version": VERSION,
        "subjects": args.subjects,
        "minutes_per_subject": args.minutes_per_subject,
        "seed": args.seed,
        "capture": args.capture,
        "pose_artefact": args.pose_artefact,
        "fps": find_capture(args.capture).fps if args.fps is None else args.fps,
    }
    same = all(held.get(name) == value for name, value in asked.items()) and held["effect"]["source"] == effect
    if not same or artefact_faults(artefact):
        raise DataError(
            args.name,
            "a dataset of this name exists" + (", damaged" if same else ""),
            f"another --name, or `dfe rm datasets/{args.name}` first",
        )
