"""`dfe merge`: near-duplicate codewords become one, in a codebook of its own."""

from __future__ import annotations

import argparse

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts, table_of
from .output import add_json_option, deliver

DESCRIPTION = (
    "Merge codewords that move the face almost alike: the most used of each group stands for all of it, in a new "
    "codebook whose config.json has the new number of every old codeword. The codebook that is merged stays as it is; "
    "`dfe rm NAME` undoes the merge. Encode and evaluate the new one: what the others said is then said by those left."
)
EXAMPLES = (
    "dfe merge codebook1 --name codebook1-merged",
    "dfe merge codebook1 --name codebook1-merged --cosine 0.9",
    "dfe merge codebook1 --name codebook1-merged --group 3,17 --group 21,40,41",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("--name", required=True, help="of the codebook to write")
    parser.add_argument(
        "--cosine",
        type=float,
        default=0.95,
        metavar="C",
        help="merge codewords whose displacement fields have this cosine or more (default: 0.95)",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="K,K,...",
        help="merge these codewords into the first of them, in place of --cosine; may be repeated",
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.tokenizer.codebook import Codebook
    from dfe_core.tokenizer.merging import merge_codewords
    from dfe_core.tokenizer.near_duplicates import duplicate_groups, largest_cosine

    codebook = Codebook.open(args.model)
    if not 0 < args.cosine <= 1:
        raise DataError("--cosine", f"{args.cosine:g}", "above 0, at most 1")
    groups = [_group(text) for text in args.group] or duplicate_groups(codebook, codebook.face, args.cosine)
    if not groups:
        largest = largest_cosine(codebook, codebook.face)
        raise DataError(
            args.model,
            f"no two codewords with a cosine of {args.cosine:g}: the largest is {largest:.2f}",
            "a smaller --cosine, or --group; nothing needs to be merged",
        )
    merge_codewords(args.model, groups, args.name)
    merged = Codebook.open(args.name)
    mapping = merged.config["merged"]["mapping"]
    rows = [{"merged": ", ".join(map(str, group)), "new": mapping[group[0]]} for group in groups]
    result = {"model": args.name, "from": args.model, "codewords": merged.size, "groups": groups, "mapping": mapping}
    head = facts(
        [("model", args.name), ("merged from", args.model), ("codewords", f"{merged.size} of {codebook.size}")]
    )
    text = table_of(rows, {"old codewords": "merged", "new codeword": "new"})
    deliver(result, f"{head}\n\n{text}\n\nnext: dfe encode {args.name} DATASET; undo: dfe rm {args.name}", args.json)


def _group(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise DataError(f"--group {text}", "not numbers of codewords", "K,K,… as in 3,17") from None
