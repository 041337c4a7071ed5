"""`dfe probe --windows`: micro-expressions, labelled windows of a fraction of a second."""

from __future__ import annotations

import argparse
from typing import Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from .probe import add_arguments, names

_ITS_OWN = ("model", "dataset", "label", "features", "sequence", "seed", "windows", "json")
"""Options that windows know; the protocol of the field settles the others."""


def run_windows(args: argparse.Namespace, progress: Listener) -> dict[str, Any]:
    """The JSON of a micro-expression probe. Raises `DataError` for an option that has no meaning for windows."""
    from dfe_core.probes.micro import MicroSettings, probe_micro

    refuse_others(args)
    if len(args.label) != 1:
        raise DataError("--label", ", ".join(args.label) or "no column named", "the one label column of the windows")
    return probe_micro(
        MicroSettings(
            model=args.model,
            dataset=args.dataset,
            windows=args.windows,
            label=args.label[0],
            sequence=names(args.sequence),
            seed=args.seed,
            features=MicroSettings.features if args.features is None else names(args.features),
        ),
        progress=progress,
    ).to_json()


def refuse_others(args: argparse.Namespace) -> None:
    """Raise `DataError` for the first option that was given and would have no effect."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name, default in vars(parser.parse_args(["", ""])).items():
        if name not in _ITS_OWN and getattr(args, name) != default:
            raise DataError(
                "--" + name.replace("_", "-"),
                "has no meaning for --windows",
                "it left out: windows are "
                "judged leave-one-subject-out by a linear model, with the label in their own file",
            )
