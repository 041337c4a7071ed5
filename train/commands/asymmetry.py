"""`dfe asymmetry`: how far each side of a face moves, in mm, and what has changed between sessions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.asymmetry.report import AsymmetryReport

DESCRIPTION = (
    "Left against right in every recording of a dataset: rest and excursion of brow, lid, commissure, upper lip and "
    "pucker in mm at the apexes of the movements, what clinics sum up of them as estimates, and which change between "
    "sessions counts. Needs no codebook. Not a medical device."
)
EXAMPLES = (
    "dfe asymmetry study1",
    "dfe asymmetry study1 --out asymmetry.csv",
    "dfe asymmetry study1 --form long --out asymmetry.xlsx --json asymmetry.json",
    "dfe asymmetry study1 --person p07 --page pages/",
)
_ROWS = 20
FORMS = ("wide", "long")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows, on a face with landmarks")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table, .csv, .parquet or .xlsx")
    parser.add_argument(
        "--form",
        choices=FORMS,
        default="wide",
        help="of the table: one row per recording, or one per recording and movement (default: wide)",
    )
    parser.add_argument("--person", metavar="SUBJECT", help="of the page to write (default: every subject)")
    parser.add_argument("--page", type=Path, metavar="DIR", help="write a page per person there, HTML and PDF")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.asymmetry.report import asymmetry_report
    from dfe_core.exchange.table_files import file_format, write_table_file

    if args.person and args.page is None:
        raise DataError("--person", "without --page", "--page DIR, the folder that the page is written to")
    if args.out is not None:
        file_format(args.out)
    made = asymmetry_report(args.dataset, progress=progress)
    if args.out is not None:
        write_table_file(made.recordings if args.form == "wide" else made.movements, args.out, name="asymmetry")
    if args.page is not None:
        _pages(made, args.person, args.page, progress)
    deliver(made.to_json(), report(made), args.json)


def _pages(made: AsymmetryReport, person: str | None, folder: Path, progress: Listener) -> None:
    from dfe_core.asymmetry.person import people_of
    from dfe_core.progress import Progress
    from dfe_core.reports.asymmetry import write_person_page

    people, unprinted = [person] if person else people_of(made), []
    for done, subject in enumerate(people):
        progress(Progress(task="printing", done=done, total=len(people), detail=subject))
        pages = write_person_page(made, subject, folder)
        if not any(path.suffix == ".pdf" for path in pages):
            unprinted.append(f"note: no installed font has all characters of {subject}: no PDF, print {pages[0]}")
    progress(Progress(task="printing", done=len(people), total=len(people)))
    for line in unprinted:
        print(line, file=sys.stderr)


def report(made: AsymmetryReport) -> str:
    """The result of `dfe asymmetry` as text."""
    from dfe_core.asymmetry.change import RepeatsOf
    from dfe_core.reports.asymmetry_text import broken_words, error_words

    rows = made.recordings
    head = facts(
        [
            ("dataset", made.manifest["dataset"]),
            ("data", "simulated" if made.manifest["simulated"] else "real"),
            ("recordings", f"{len(rows)} of {rows['subject'].nunique()} subjects"),
            ("unit", "mm at the apexes, left / right; an en dash where neither side moves 1.5 mm"),
        ]
    )
    table = table_of(rows.head(_ROWS).to_dict("records"), _COLUMNS)
    more = [f"{len(rows) - _ROWS} more recordings: --out writes all of them"] if len(rows) > _ROWS else []
    errors = [{"measure": name, **held} for name, held in made.manifest["errors"].items()]
    columns: dict[str, Any] = {
        "followed over sessions": "measure",
        "SEM": _number("sem", RepeatsOf.SESSION),
        "MDC95": _number("mdc95"),
    }
    if any(held["source"] == RepeatsOf.APEXES for held in errors):
        columns["apexes differ by"] = _number("apexes_differ_by")
    table_of_errors = table_of(errors, {**columns, "from": "source"})
    why = [error_words(made.errors["mean_share"])] if made.errors["mean_share"].source != RepeatsOf.SESSION else []
    broken = [words] if (words := broken_words(int(rows["broken_frames"].sum()))) else []
    note = "Note: *_like are estimates from lengths, not a clinician's scores; this is no medical device."
    return "\n\n".join([head, table, *more, *broken, table_of_errors, *why, note])


def _number(name: str, source: str = "") -> Any:
    def text(row: Any) -> str:
        unknown = row[name] is None or row[name] != row[name] or (source and row["source"] != source)
        return "–" if unknown else f"{row[name]:.2f}"

    return text


def _pair(word: str) -> Any:
    def text(row: Any) -> str:
        left, right = row[f"{word}_left_mm"], row[f"{word}_right_mm"]
        return "–" if left != left else f"{left:.1f} / {right:.1f}"

    return text


_COLUMNS: Columns = {
    "recording": "recording",
    "brow": _pair("brow"),
    "lid": _pair("lid"),
    "smile": _pair("smile"),
    "upper lip": _pair("upper_lip"),
    "pucker": _pair("pucker"),
    "weaker": lambda row: row["weaker_side"] or "–",
    "moves": lambda row: "–" if row["mean_share"] != row["mean_share"] else f"{100 * row['mean_share']:.0f} %",
    "Sunnybrook-like": _number("sunnybrook_like"),
    "eFACE-like": _number("eface_like"),
}
