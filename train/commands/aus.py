"""`dfe aus import` and `dfe aus derive`: action units beside the frames of a dataset."""

from __future__ import annotations

import argparse
import sys
from types import SimpleNamespace

from dfe_core.progress import Listener
from train.tables import facts, table

DESCRIPTION = "Bring action units (AUs) of a detector or a coder to the frames of a dataset, or derive estimates from " \
              "ARKit coefficients."
EXAMPLES = ("dfe aus import openface/*.csv --dataset study1 --name openface",
            "dfe aus derive --dataset study1 --name derived")

_IMPORT = SimpleNamespace(
    DESCRIPTION="Import AUs of OpenFace, py-feat, LibreFace or manual coding and align them with the frames.",
    EXAMPLES=("dfe aus import openface/*.csv --dataset study1 --name openface",))
_DERIVE = SimpleNamespace(
    DESCRIPTION="Derive AUs from ARKit coefficients by the published correspondence: estimates, marked as such.",
    EXAMPLES=("dfe aus derive --dataset study1 --name derived",))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from train.cli import help_texts
    actions = parser.add_subparsers(dest="action", metavar="import|derive", required=True)
    importing = actions.add_parser("import", help="AUs of a detector or a coder", **help_texts(_IMPORT))
    importing.add_argument("sources", nargs="+", metavar="CSV", help="files, or folders of files")
    deriving = actions.add_parser("derive", help="estimates from ARKit coefficients", **help_texts(_DERIVE))
    for action in (importing, deriving):
        action.add_argument("--dataset", required=True, help="one that `dfe list` shows")
        action.add_argument("--name", required=True, help="of the AUs to write")


def run(args: argparse.Namespace, progress: Listener) -> None:
    if args.action == "import":
        from dfe_core.facs.importing import import_aus
        print(import_aus(args.sources, args.dataset, args.name, progress=progress))
    else:
        from dfe_core.facs.deriving import derive_aus
        print(derive_aus(args.dataset, args.name, progress=progress))
