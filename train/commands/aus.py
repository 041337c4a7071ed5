"""`dfe aus import`, `dfe aus derive`, `dfe aus compare`: action units beside the frames of a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.store import artefact_path

from ..tables import facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.store import AlignedAus

DESCRIPTION = (
    "Bring action units (AUs) of a detector or a coder to the frames of a dataset, or derive estimates "
    "from ARKit coefficients; hold two tools against each other."
)
EXAMPLES = (
    "dfe aus import openface/*.csv --dataset study1 --name openface",
    "dfe aus derive --dataset study1 --name derived",
    "dfe aus compare openface derived --dataset study1",
)

_IMPORT = (
    "Import AUs of OpenFace, py-feat, LibreFace or manual coding and align them with the frames.",
    ("dfe aus import openface/*.csv --dataset study1 --name openface",),
)
_DERIVE = (
    "Derive AUs from ARKit coefficients by the published correspondence: estimates, marked as such.",
    ("dfe aus derive --dataset study1 --name derived",),
)
_COMPARE = (
    "Hold two tools' AUs of the same recordings against each other: gain, delay, offset, and the side that "
    "each favours.",
    ("dfe aus compare openface derived --dataset study1",),
)
"""Description and examples of each action."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..cli import common_options, help_texts

    actions = parser.add_subparsers(dest="action", metavar="import|derive|compare", required=True)
    importing = actions.add_parser(
        "import", help="AUs of a detector or a coder", parents=[common_options()], **help_texts(*_IMPORT)
    )
    importing.add_argument("sources", nargs="+", metavar="CSV", type=Path, help="files, or folders of files")
    importing.add_argument("--format", default="auto", help="of the files: auto looks at each (default: auto)")
    importing.add_argument("--fps", type=float, help="of the source video, for files without a usable time")
    importing.add_argument(
        "--time",
        metavar="COLUMN[/RATE]",
        help="the column of times and how many of its counts make a second (frame/60)",
    )
    importing.add_argument("--stills", action="store_true", help="the rows of a table are pictures, a recording each")
    importing.add_argument(
        "--offset",
        metavar="SECONDS|auto",
        help="from the recording's clock to that of the AUs. The lag between both is measured from "
        "their motion in any case (default: applied where it is clear; auto: applied, an error "
        "where none can be measured; seconds: used as given, the lag reported)",
    )
    deriving = actions.add_parser(
        "derive", help="estimates from ARKit coefficients", parents=[common_options()], **help_texts(*_DERIVE)
    )
    comparing = actions.add_parser(
        "compare", help="two tools on the same recordings", parents=[common_options()], **help_texts(*_COMPARE)
    )
    comparing.add_argument("first", metavar="FIRST", help="AUs that `dfe list` shows")
    comparing.add_argument("second", metavar="SECOND", help="AUs of the same dataset")
    add_json_option(comparing)
    for action in (importing, deriving, comparing):
        action.add_argument("--dataset", required=True, help="one that `dfe list` shows")
    for action in (importing, deriving):
        action.add_argument("--name", required=True, help="of the AUs to write")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset

    if args.action == "compare":
        _compare(args)
        return
    artefact_path("analyses", args.name)  # refuse a name that cannot be used before the work
    dataset = Dataset.open(args.dataset)
    (_import if args.action == "import" else _derive)(args, dataset, progress)


def _import(args: argparse.Namespace, dataset: Dataset, progress: Listener) -> None:
    from dfe_core.expressions.readers.options import parse_time
    from dfe_core.facs.importing import AuImportOptions, import_aus
    from dfe_core.facs.readers.table import AuReadOptions

    report = import_aus(
        args.sources,
        dataset,
        args.name,
        AuImportOptions(
            format=args.format,
            read=AuReadOptions(fps=args.fps, time=parse_time(args.time), stills=args.stills),
            offset=offset(args.offset),
        ),
        progress=progress,
    )
    if report.aus is not None:
        print(_summary(report.aus) + "\n")
    print("\n".join(report.lines()))


def _derive(args: argparse.Namespace, dataset: Dataset, progress: Listener) -> None:
    from dfe_core.facs.derive import derive_aus

    print(_summary(derive_aus(dataset, args.name, progress=progress)))


def _compare(args: argparse.Namespace) -> None:
    from dfe_core.facs.tool_comparison import compare_named_tools
    from dfe_core.table_rows import json_rows

    found = compare_named_tools(args.dataset, args.first, args.second)
    others = f", {found.other_rate} of another frame rate left out" if found.other_rate else ""
    head = facts(
        [
            ("first", f"{found.first} ({found.tools[0]})"),
            ("second", f"{found.second} ({found.tools[1]})"),
            ("recordings", f"{found.recordings} at {found.fps:g} frames a second{others}"),
            ("gain", "of the second over the first, in standard deviations"),
            ("delay", "by which the second comes later"),
            ("side bias", "(left − right) / (left + right) of the mean intensities"),
        ]
    )
    columns: dict[str, Any] = {
        "AU": lambda r: r["au"] if r["side"] == "both" else f"{r['au']} {r['side']}",
        "frames": "frames",
    }
    shown = {"correlation": "correlation", "gain": "gain", "offset": "offset", "delay s": "delay_s"}
    shown |= {f"side bias {found.first}": "bias_first", f"side bias {found.second}": "bias_second"}
    for heading, name in shown.items():
        columns[heading] = lambda r, name=name: float(round(r[name], 3))
    text = table_of(found.table.to_dict("records"), columns)
    deliver(
        {
            "dataset": args.dataset,
            "first": found.first,
            "second": found.second,
            "tools": list(found.tools),
            "fps": found.fps,
            "recordings": found.recordings,
            "other_rate": found.other_rate,
            "action_units": json_rows(found.table),
        },
        f"{head}\n\n{text}",
        args.json,
    )


def _summary(aus: AlignedAus) -> str:
    return facts(
        [
            ("AUs", aus.name),
            ("dataset", aus.dataset),
            ("from", f"{aus.tool} {aus.version}".strip()),
            ("kind", "estimates derived from coefficients" if aus.estimate else "detected or coded"),
            ("frames", aus.frames),
            ("recordings", len(aus.recordings)),
            ("AUs and sides", ", ".join(au if side == "both" else f"{au} {side}" for au, side in aus.aus)),
        ]
    )


def offset(text: str | None) -> float | str | None:
    """Seconds, ``auto``, or None where nothing was said. Raises `DataError` for anything else."""
    try:
        return text if text in ("auto", None) else float(text)
    except ValueError:
        raise DataError("--offset", repr(text), "seconds, or auto") from None
