"""`dfe bucket`: the cache in object storage."""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener

from ..tables import facts

DESCRIPTION = (
    "Let the cache belong to a bucket (s3://, gs://, az:// …; extra dfe[cloud]): datasets, tokens, codebooks and faces "
    "that are in it are known from then on, datasets and tokens are written into it and read there without being "
    "copied. Artefacts that are named are put into it, with what they were made from. DFE_CACHE=URL does the same for "
    "a machine that has nothing yet."
)
EXAMPLES = ("dfe bucket s3://lab/faces", "dfe bucket s3://lab/faces codebook1--study1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="of the bucket, or of a prefix of one")
    parser.add_argument("things", metavar="THING", nargs="*", help="artefacts to put into it, as `dfe list` shows them")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.artefact_names import DATASETS
    from dfe_core.remote import store_of
    from dfe_core.store import cache_root
    from dfe_core.workspace.sharing import share

    put = share(args.url, args.things, progress=progress)
    store = store_of(cache_root())
    held = store.names(DATASETS) if store is not None else []
    print(
        facts(
            [
                ("cache", cache_root()),
                ("bucket", args.url),
                ("put into it", ", ".join(one.label for one in put) or "nothing"),
                ("datasets in it", ", ".join(held) or "none"),
            ]
        )
    )
