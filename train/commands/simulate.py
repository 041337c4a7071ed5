"""`dfe simulate`: performances with known truth."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.simulate.capture import CAPTURES, find_capture
from dfe_core.store import artefact_path
from dfe_core.workspace.catalogue import artefact_faults, find_artefact

from ..cli import seed
from ..tables import duration, facts

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset

DESCRIPTION = (
    "Make performances on the default face with known truth: which action, when, how strong. Seeded, and "
    "labelled as simulated wherever they are used."
)
EXAMPLES = (
    "dfe simulate --name simulated",
    "dfe simulate --name small --subjects 6 --minutes-per-subject 1 --seed 3",
    "dfe simulate --name null --effect none",
    "dfe simulate --name floor --effect no-beyond-facs",
    "dfe simulate --name talks --conversations 8",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="of the dataset to write")
    parser.add_argument("--subjects", type=int, default=40, help="people to simulate (default: 40)")
    parser.add_argument(
        "--minutes-per-subject",
        type=float,
        metavar="MINUTES",
        help="over all recordings of a subject (default: 4; in conversations 2)",
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
    parser.add_argument(
        "--conversations",
        type=int,
        metavar="N",
        help="pairs of people who talk instead, with the labels dyad and part: b answers smiles and brow raises of a",
    )
    parser.add_argument(
        "--lag", type=float, default=0.8, metavar="SECONDS", help="of an answer in conversations (default: 0.8)"
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=0.6,
        metavar="SHARE",
        help="of the displays that are answered in conversations (default: 0.6)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    if (artefact_path("datasets", args.name) / MANIFEST).is_file():
        _refuse_another(args.name, _asked(args))
        print(f"unchanged: the dataset {args.name} holds these performances already")
        return
    dataset = _conversations(args, progress) if args.conversations else _people(args, progress)
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
                *([("displays answered", _answers(dataset))] if args.conversations else []),
                ("labels", ", ".join(dataset.labels)),
            ]
        )
    )


def _people(args: argparse.Namespace, progress: Listener) -> Dataset:
    from dfe_core.simulate.dataset import simulate_dataset

    return simulate_dataset(
        args.name,
        subjects=args.subjects,
        minutes_per_subject=_minutes(args),
        seed=args.seed,
        effect=args.effect,
        fps=args.fps,
        capture=args.capture,
        pose_artefact=args.pose_artefact,
        progress=progress,
    )


def _conversations(args: argparse.Namespace, progress: Listener) -> Dataset:
    from dfe_core.simulate.conversations import simulate_conversations

    return simulate_conversations(
        args.name,
        conversations=args.conversations,
        minutes=_minutes(args),
        lag_s=args.lag,
        strength=args.strength,
        seed=args.seed,
        fps=args.fps,
        capture=args.capture,
        progress=progress,
    )


def _minutes(args: argparse.Namespace) -> float:
    given: float | None = args.minutes_per_subject
    return given if given is not None else 2.0 if args.conversations else 4.0


def _answers(dataset: Dataset) -> int:
    return int(dataset.manifest["simulation"]["answers"])


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    """The settings of the manifest of a dataset that was simulated so."""
    from dfe_core.simulate import conversations, dataset
    from dfe_core.simulate.effects import read_effect

    common = {
        "minutes_per_subject": _minutes(args),
        "seed": args.seed,
        "capture": args.capture,
        "fps": find_capture(args.capture).fps if args.fps is None else args.fps,
    }
    if args.conversations:
        own = {"conversations": args.conversations, "lag_s": args.lag, "strength": args.strength}
        return {**common, **own, "version": conversations.VERSION, "effect": "conversations"}
    own = {"subjects": args.subjects, "pose_artefact": args.pose_artefact}
    return {**common, **own, "version": dataset.VERSION, "effect": read_effect(args.effect).source}


def _refuse_another(name: str, asked: Mapping[str, Any]) -> None:
    """Raise `DataError` unless the dataset of this name is whole and was simulated with the same settings."""
    artefact = find_artefact(f"datasets/{name}")
    held = dict(artefact.manifest.get("simulation") or {})
    held["effect"] = (held.get("effect") or {}).get("source")
    same = all(held.get(key) == value for key, value in asked.items())
    if not same or artefact_faults(artefact):
        raise DataError(
            name,
            "a dataset of this name exists" + (", damaged" if same else ""),
            f"another --name, or `dfe rm datasets/{name}` first",
        )
