"""`dfe rm`: remove an artefact, unless others were made from it; or one recording of a dataset."""

from __future__ import annotations

import argparse
import sys

from dfe_core.errors import DataError
from dfe_core.progress import Listener
from train.catalogue import find, remove
from train.tables import size

DESCRIPTION = "Remove one artefact of the cache. Asks first, and refuses what other artefacts were made from. With " \
              "--recording, take one recording out of a dataset: it can be taken back on the Data page for 30 days."
EXAMPLES = ("dfe rm study1 --yes", "dfe rm models/codebook1 --yes", "dfe rm study1 --recording s1_talk --yes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("thing", metavar="THING", help="its name, or KIND/NAME where two kinds share the name")
    parser.add_argument("--recording", metavar="NAME", help="of a dataset, this recording alone")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--force", action="store_true", help="also when other artefacts were made from it")


def run(args: argparse.Namespace, progress: Listener) -> None:
    if args.recording is not None:
        _recording(args)
        return
    artefact = find(args.thing)
    if not args.yes and not _agreed(f"Remove {artefact.label} ({size(artefact.bytes)})? [y/N] ", artefact.label):
        print(f"kept {artefact.label}")
        return
    remove(artefact, args.force)
    print(f"removed {artefact.label} ({size(artefact.bytes)})")


def _recording(args: argparse.Namespace) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.removal import remove_recording
    from dfe_core.video.stills import clear
    dataset = Dataset.open(args.thing.removeprefix("datasets/"))
    label = f"{args.recording} of {dataset.name}"
    if not args.yes and not _agreed(f"Take {label} out? [y/N] ", label):
        print(f"kept {label}")
        return
    remove_recording(dataset, args.recording)
    clear(dataset)
    print(f"removed {label}; tokens, AUs and analyses of {dataset.name} are to be made again (dfe encode MODEL "
          f"{dataset.name})")


def _agreed(question: str, label: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise DataError(label, "nobody to ask whether to remove it", "--yes")
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
