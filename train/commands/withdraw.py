"""`dfe withdraw`: a person leaves every dataset, and everything made of their recordings, for good."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener

DESCRIPTION = (
    "Remove every recording of a person for good, in the datasets and in the trash: frames, tokens, action "
    "units, indexes, maps, results, pictures and dropped files. Models that were trained with them are "
    "named and marked: to take the person out of a model, train it again. A certificate is printed and "
    "kept under withdrawals/ of the cache. It cannot be undone, so it asks first. A withdrawal that was "
    "interrupted is finished by the same command."
)
EXAMPLES = (
    "dfe withdraw s07",
    "dfe withdraw s07 --dataset study1 --dataset study2",
    "dfe withdraw s07 --yes --out certificate.txt",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="SUBJECT", help="as the column subject of `dfe show` names the person")
    parser.add_argument(
        "--dataset",
        action="append",
        metavar="NAME",
        help="a dataset in which this name is this "
        "person's; may be repeated, and is needed where several datasets have a subject of the name",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the certificate there, too (.json or text)")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.store import atomic_file, write_json
    from dfe_core.workspace.withdrawal import withdraw

    if not args.yes and not _agreed(args.subject):
        print("nothing was removed")
        return
    certificate = withdraw(args.subject, progress=progress, datasets=args.dataset)
    if args.out is not None and args.out.suffix == ".json":
        write_json(args.out, vars(certificate))
    elif args.out is not None:
        with atomic_file(args.out) as temporary:
            temporary.write_text(certificate.text(), encoding="utf-8")
    print(certificate.text(), end="")
    if certificate.trained:
        print(
            f"\nTo take the person out of what was trained with them, remove and train again: "
            f"{', '.join(certificate.trained)}"
        )


def _agreed(subject: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise DataError(subject, "nobody to ask whether to remove this person for good", "--yes")
    print(f"Remove everything of {subject} for good? Type the name again: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == subject
