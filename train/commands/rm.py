"""`dfe rm`: remove an artefact, unless others were made from it, or one recording of a dataset; and take that back."""

from __future__ import annotations

import argparse
import sys
import time

from dfe_core import trash
from dfe_core.artefact import Artefact
from dfe_core.artefact_names import ANALYSES, NOTES_FILE, is_aus
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.workspace.catalogue import Removal, dependants, find_artefact, remove_artefact
from dfe_core.workspace.graph import ArtefactGraph
from dfe_core.workspace.redaction import mentions_in

from ..tables import Columns, size, table_of

DESCRIPTION = (
    "Remove one artefact of the cache. Asks first, and refuses what tokens, action units or models were made from. "
    "Indexes, analyses and pictures made from it go along, and are made again when they are needed. With "
    "--recording, take one recording out of a dataset. What is removed stays in the trash of the cache "
    "until it is purged: --trash lists it, --undo brings it back. To remove a person for good: dfe withdraw."
)
EXAMPLES = (
    "dfe rm study1 --yes",
    "dfe rm models/codebook1 --yes",
    "dfe rm study1 --recording s1_talk --yes",
    "dfe rm --trash",
    "dfe rm --undo 3f0c2b9a6d1e",
    "dfe rm --purge 3f0c2b9a6d1e --yes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "thing", metavar="THING", nargs="?", help="its name, or KIND/NAME where two kinds share the name"
    )
    parser.add_argument("--recording", metavar="NAME", help="of a dataset, this recording alone")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--force",
        action="store_true",
        help="also when tokens, action units or models were made from it: they stay, and are named",
    )
    parser.add_argument("--trash", action="store_true", help="list what was removed and can be brought back")
    parser.add_argument("--undo", metavar="ID", help="bring back what was removed")
    parser.add_argument("--purge", metavar="ID", help="delete an entry of the trash for good; all: every entry")


def run(args: argparse.Namespace, progress: Listener) -> None:
    asked = [option for option in ("trash", "undo", "purge", "thing") if getattr(args, option)]
    if len(asked) != 1:
        raise DataError(
            "dfe rm",
            "nothing to remove" if not asked else f"--{asked[0]} and {asked[1]} at once",
            "one THING, or --trash, --undo or --purge",
        )
    {"trash": _list, "undo": _undo, "purge": _purge, "thing": _thing}[asked[0]](args)


def _thing(args: argparse.Namespace) -> None:
    if args.recording is not None:
        _recording(args)
        return
    artefact = find_artefact(args.thing)
    if not args.yes and not _agreed(f"Remove {_with_notes(artefact)} ({size(artefact.bytes)})? [y/N] ", artefact.label):
        print(f"kept {artefact.label}")
        return
    title = f"{_with_notes(artefact)} ({size(artefact.bytes)})"
    removal = remove_artefact(artefact, args.force)
    print("\n".join((f"removed {title}", *_went_along(removal), _way_back(removal.entry))))


def _went_along(removal: Removal) -> list[str]:
    """What was made from the artefact: deleted with it, still there, or not known to be."""
    lists = (
        ("deleted with it, made again when it is needed", removal.deleted),
        ("made from it and still there", removal.kept),
        ("still there, of an older version of dfe that did not note what they were made from", removal.unknown),
    )
    return [f"{title}: {', '.join(a.label for a in artefacts)}" for title, artefacts in lists if artefacts]


def _with_notes(artefact: Artefact) -> str:
    """What goes along that cannot be made again: the names and notes that people wrote."""
    if artefact.kind != "models" or not (artefact.path / NOTES_FILE).is_file():
        return artefact.label
    return f"{artefact.label} with its notes.json (names, tags and notes of codewords)"


def _recording(args: argparse.Namespace) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.removal import remove_recording
    from dfe_core.video.stills import clear

    dataset = Dataset.open(args.thing.removeprefix("datasets/"))
    label = f"{args.recording} of {dataset.name}"
    if not args.yes and not _agreed(f"Take {label} out? [y/N] ", label):
        print(f"kept {label}")
        return
    entry = remove_recording(dataset, args.recording)
    clear(dataset)
    print(
        f"removed {label}; tokens, AUs and analyses of {dataset.name} are to be made again (dfe encode MODEL "
        f"{dataset.name})\n{_way_back(entry)}"
    )
    made = dependants(find_artefact(f"datasets/{dataset.name}"))
    if aus := [a.label for a in made if _holds_aus(a, args.recording)]:
        print(f"still in {', '.join(aus)} until imported again; `dfe withdraw` takes a person out of everything")
    models = [a.name for a in made if a.kind == "models"]
    if models:
        print(f"models trained with it: {', '.join(models)}")


def _holds_aus(artefact: Artefact, recording: str) -> bool:
    return artefact.kind == ANALYSES and is_aus(artefact.name) and any(mentions_in(artefact.path, {recording}))


def _way_back(entry: trash.Discarded) -> str:
    return f"dfe rm --undo {entry.id} brings it back; dfe rm --purge {entry.id} deletes it for good"


def _list(args: argparse.Namespace) -> None:
    entries = trash.discarded()
    columns: Columns = {
        "id": "id",
        "removed": _title,
        "when": lambda e: time.strftime("%Y-%m-%d %H:%M", time.localtime(e.when)),
        "by": "by",
        "size": lambda e: size(e.bytes),
        "": lambda e: "damaged entry" if e.damaged else "",
    }
    print(table_of(entries, columns) if entries else "the trash is empty")


def _title(entry: trash.Discarded) -> str:
    if entry.labels:
        return f"labels of {entry.what} as they were ({', '.join(entry.labels)})"
    return f"{entry.recording} of {entry.what}" if entry.recording else ", ".join(entry.paths)


def _undo(args: argparse.Namespace) -> None:
    from dfe_core.expressions.removal import put_back

    entry = trash.find(args.undo)
    put_back(entry)
    print("\n".join((f"brought back {_title(entry)}", *_lacking(entry))))


def _lacking(entry: trash.Discarded) -> list[str]:
    """What the artefacts that are back were made from and is not there."""
    graph = ArtefactGraph.of()
    back = [a for a in graph.artefacts if a.label in entry.paths]
    missing = {source.label for a in back for source in graph.missing_sources(a)}
    return [f"what it was made from is not there: {', '.join(sorted(missing))}"] if missing else []


def _purge(args: argparse.Namespace) -> None:
    entries = trash.discarded() if args.purge == "all" else [trash.find(args.purge)]
    titles = "; ".join(f"{_title(e)} (by {e.by or 'unknown'})" for e in entries)
    if not entries:
        print("the trash is empty")
    elif not args.yes and not _agreed(f"Delete for good: {titles}? [y/N] ", "the trash"):
        print("kept")
    else:
        print(f"deleted for good: {titles} ({size(trash.empty(entries=entries))})")


def _agreed(question: str, label: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise DataError(label, "nobody to ask whether to remove it", "--yes")
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
