"""`dfe train`: a codebook from a dataset."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import CONFIG, HISTORY_FILE, MODELS
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.store import artefact_path, read_json
from dfe_core.workspace.catalogue import lineage_notes

from ..cli import seed
from ..tables import facts

if TYPE_CHECKING:
    from dfe_core.tokenizer.config import Config

DESCRIPTION = (
    "Train a codebook on the training subjects of a dataset. It may be stopped at any moment: the same "
    "command with --resume continues from the last checkpoint. Processes that torchrun starts "
    "(`torchrun --nproc-per-node 2 -m train train …`) train one codebook together."
)
EXAMPLES = (
    "dfe train study1 --name codebook1",
    "dfe train study1 --name small --set tokenizer.codewords=64 --set train.steps=500",
    "dfe train study1 --name codebook1 --resume",
    "dfe train study1 --name codebook1 --device cuda:1",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    parser.add_argument("--name", required=True, help="of the model to write")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="differences from the default configuration")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="one field of the configuration, as in train.steps=500; may be repeated",
    )
    parser.add_argument(
        "--encoder",
        choices=("linear", "mlp", "transformer", "temporal"),
        help="short for --set tokenizer.encoder=NAME; temporal sees the frames around (default: linear)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="K",
        help="also train K - 1 codebooks with the seeds that follow (NAME-seed-…), and say of each codeword in how "
        "many of them it comes back, and which codebook is the most central (default: 1)",
    )
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint, where there is one")
    parser.add_argument("--seed", type=seed, help="the same seed gives the same codebook (default: 0)")


def run(args: argparse.Namespace, progress: Listener) -> None:
    overrides = parse_overrides(args.overrides)
    if args.seed is not None:
        overrides["seed"] = args.seed
    if args.encoder is not None:
        overrides["tokenizer.encoder"] = args.encoder
    from dfe_core.tokenizer.config import load_config

    config = load_config(args.config, overrides)
    if args.resume:
        require_settings(args.name, args.dataset, config, overrides)
    from dfe_core.devices import chosen_device
    from dfe_core.training.fit import train_model
    from dfe_core.training.processes import joined_processes, own_device

    with joined_processes(own_device(chosen_device())) as processes:
        folder = train_model(args.dataset, args.name, config=config, resume=args.resume, progress=progress)
        if processes.first:
            print(_summary(folder))
        if args.seeds > 1:
            names = train_other_seeds(args, config, progress)
            if processes.first:
                print("\n" + seeds_report(names, folder))
    for note in lineage_notes(folder):
        print(f"note: the model was {note}", file=sys.stderr)


def require_settings(name: str, dataset: str, config: Config, given: Iterable[str]) -> None:
    """Refuse to resume a model that is finished with other data or settings than those that are `given` now.

    Of the number of codewords only fewer are another setting: little data may have had fewer than were asked for; the
    weight of the rate is chosen by the face. Raises `DataError`.
    """
    path = artefact_path(MODELS, name) / CONFIG
    if not path.is_file():
        return
    held, asked = read_json(path), asdict(config)
    if held["dataset"]["name"] != dataset:
        raise DataError(name, f"trained on {held['dataset']['name']}", f"{dataset}, or another --name")
    for key in given:
        if key in ("tokenizer.rate_weight", "tokenizer.rate_weight_pairs"):
            continue
        old, new = _field(held, key), _field(asked, key)
        if old is not None and (old > new if key == "tokenizer.codewords" else old != new):
            raise DataError(name, f"trained with {key} {old}", f"{new}, or another --name")


def _field(tree: Any, key: str) -> Any:
    """The value at a dotted name; None where an older version did not write it."""
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def train_other_seeds(args: argparse.Namespace, config: Config, progress: Listener) -> list[str]:
    """Train the other seeds, those that are there passed over. Returns the names of all."""
    from dfe_core.embedding.stability import require_same_training
    from dfe_core.tokenizer.codebook import Codebook
    from dfe_core.training.fit import train_model

    names = [args.name]
    for number in range(1, args.seeds):
        seed_ = config.seed + number
        names.append(f"{args.name}-seed-{seed_}")
        train_model(args.dataset, names[-1], config=replace(config, seed=seed_), resume=True, progress=progress)
        require_same_training(Codebook.open(args.name), Codebook.open(names[-1]))
    return names


def seeds_report(names: list[str], folder: Path) -> str:
    """Tell what comes back of the first codebook in the others, and keep it in its folder."""
    from dfe_core.embedding.stability import seed_stability, write_stability
    from dfe_core.tokenizer.codebook import Codebook

    books = [Codebook.open(name) for name in names]
    found = seed_stability(books, books[0].face)
    write_stability(found, folder)
    back = found.codewords["seeds"]
    lines = [
        ("codebooks", ", ".join(names)),
        ("codewords in all other seeds", f"{int((back == len(found.others)).sum())} of {len(back)}"),
        ("in none", f"{int((back == 0).sum())} of {len(back)}"),
        ("mean matched cosine", f"{found.agreement[names[0]]:.3f}"),
        ("most central", f"{found.central} ({found.agreement[found.central]:.3f})"),
    ]
    return facts(lines)


def parse_overrides(settings: list[str]) -> dict[str, Any]:
    """``["train.steps=500"]`` to ``{"train.steps": "500"}``. Raises `DataError` for what has no ``=``."""
    pairs = [setting.partition("=") for setting in settings]
    for (key, equals, _), setting in zip(pairs, settings, strict=True):
        if not equals or not key.strip():
            raise DataError(f"--set {setting}", "no value", "KEY=VALUE, as in train.steps=500")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _summary(folder: Path) -> str:
    from dfe_core.expressions.split import Split

    config, last = read_json(folder / CONFIG), _last_figures(folder / HISTORY_FILE)
    pairs = [
        ("model", config["name"]),
        ("trained on", config["dataset"]["name"]),
        ("data", "simulated" if config["simulated"] else "real"),
        ("face", config["face"]),
        ("tokens per frame", f"at most {config['tokenizer']['stages']}"),
        ("codewords", config["tokenizer"]["codewords"]),
        ("started from", "the training data" if config["started_from"] == "data" else config["started_from"]),
        ("simulated frames", f"{config['simulated_share']:.0%} of each batch"),
        ("seed", config["seed"]),
        ("split", Split.from_json(config["split"]).sentence()),
    ]
    pairs += [(f"last {key}", last[key]) for key in ("step", "rmse_mm", "perplexity", "utilisation") if key in last]
    return facts(pairs) + _few_people(config) + f"\n\nnext: dfe encode {config['name']} {config['dataset']['name']}"


ENOUGH_PEOPLE = 20
"""Training people from which a codebook of one's own is likely to serve new people; fewer lean on simulated ones."""


def _few_people(config: dict[str, Any]) -> str:
    people = len(config["trained_on"]["subjects"])
    if config["simulated"] or people >= ENOUGH_PEOPLE:
        return ""
    leans = config["started_from"] != "data" or config["simulated_share"] > 0
    return (
        f"\n\nnote: {people} training subject{'s' * (people != 1)}: below about {ENOUGH_PEOPLE}, a codebook "
        "of these people alone serves new people badly; "
        + (
            f"this one starts from {config['started_from']} and simulated frames."
            if leans
            else "figures on other people will be worse than on these."
        )
    )


def _last_figures(path: Path) -> dict[str, Any]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return json.loads(lines[-1]) if lines else {}
