"""`dfe raters`: rating studies of codewords' names: make one, invite raters, work their answers out."""

from __future__ import annotations

import argparse
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed
from ..tables import facts, table, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.ratings.agreement import Estimate
    from dfe_core.ratings.report import RatingReport, TaskResult
    from dfe_core.ratings.store import Invitation

DESCRIPTION = (
    "Ask people whether the names of codewords are true: which name fits a face, which face fits a name, which face is "
    "the odd one out. Raters answer in the browser by a link, without an account; they see faces of the model alone."
)
EXAMPLES = (
    "dfe raters make codebook1 --name names1",
    "dfe raters invite names1 --days 14 --raters 20",
    "dfe raters report names1 --out names1-report/",
)
_MAKE = (
    "Draw the items of a rating study and render their faces. Without --dataset the codewords' own faces are shown, "
    "with it recorded moments on the face model (never video).",
    (
        "dfe raters make codebook1 --name names1 --items 30",
        "dfe raters make codebook1 --name moments1 --dataset study1 --tasks words,choice,odd --clips",
    ),
)
_INVITE = (
    "Make a link for raters. Its token is printed once and kept nowhere. Serve the page with `dfe dashboard`.",
    ("dfe raters invite names1 --days 7 --raters 12 --address https://dfe.lab.org",),
)
_REVOKE = ("Take a link back at once.", ("dfe raters revoke names1 1f2e3d4c",))
_REPORT = (
    "Accuracy and Krippendorff's alpha by task and by codeword, with intervals, beside what guessing reaches.",
    ("dfe raters report names1", "dfe raters report names1 --leave-out-failed --out names1-report/ --json -"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..cli import common_options, help_texts

    actions = parser.add_subparsers(dest="action", metavar="make|invite|revoke|report", required=True)

    def action(name: str, about: tuple[str, tuple[str, ...]], text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, parents=[common_options()], **help_texts(*about))

    _add_make(action("make", _MAKE, "a rating study of a codebook"))
    inviting = action("invite", _INVITE, "a link for raters")
    inviting.add_argument("name", metavar="NAME", help="a rating study")
    inviting.add_argument("--days", type=float, default=14, help="until the link ends (default: 14)")
    inviting.add_argument("--raters", type=int, default=50, help="who may begin with it (default: 50)")
    inviting.add_argument("--note", default="", help="for yourself: to whom the link was given")
    inviting.add_argument(
        "--address",
        default="http://localhost:8501",
        metavar="URL",
        help="where raters reach the dashboard (default: http://localhost:8501)",
    )
    revoking = action("revoke", _REVOKE, "take a link back")
    revoking.add_argument("name", metavar="NAME", help="a rating study")
    revoking.add_argument("invitation", metavar="ID", help="of the invitation, as `dfe raters report` lists it")
    reporting = action("report", _REPORT, "accuracy and agreement")
    reporting.add_argument("name", metavar="NAME", help="a rating study")
    reporting.add_argument("--leave-out-failed", action="store_true", help="leave out who failed an attention check")
    reporting.add_argument("--out", type=Path, metavar="DIR", help="write codewords, raters, words and answers as CSV")
    reporting.add_argument("--seed", type=seed, default=0, help="of bootstrap and guessing (default: 0)")
    add_json_option(reporting)


def _add_make(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("--name", required=True, help="of the rating study to write")
    parser.add_argument("--dataset", default="", help="show recorded moments of it (default: the codewords' own faces)")
    parser.add_argument(
        "--tasks",
        default="choice,odd,pair",
        metavar="T,T",
        help="words (own words), choice (of names), odd (one out), pair (of faces) (default: choice,odd,pair)",
    )
    parser.add_argument("--items", type=int, default=24, help="of each task (default: 24)")
    parser.add_argument("--codewords", default="", metavar="K,K", help="to ask for (default: those used most)")
    parser.add_argument("--faces", type=int, default=3, help="of odd-one-out: 3 or 4 (default: 3)")
    parser.add_argument("--names", type=int, default=5, help="of a choice list (default: 5)")
    parser.add_argument("--checks", type=int, default=2, help="attention checks (default: 2)")
    parser.add_argument(
        "--foils",
        choices=("random", "near"),
        default="random",
        help="wrong options: any codewords, or those most alike (default: random)",
    )
    parser.add_argument("--clips", action="store_true", help="faces in motion in place of still ones")
    parser.add_argument("--seed", type=seed, default=0, help="of the items (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    {"make": _make, "invite": _invite, "revoke": _revoke, "report": _report}[args.action](args, progress)


def _make(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.ratings.design import Foils, RatingSettings
    from dfe_core.ratings.making import make_ratings

    settings = RatingSettings(
        model=args.model,
        dataset=args.dataset,
        tasks=_tasks(args.tasks),
        items=args.items,
        codewords=_numbers(args.codewords),
        faces=args.faces,
        names=args.names,
        checks=args.checks,
        foils=Foils(args.foils),
        clips=args.clips,
        seed=args.seed,
    )
    study = make_ratings(settings, args.name, progress=progress)
    counts = {str(task): sum(i.task is task and not i.check for i in study.items) for task in settings.tasks}
    result = {"name": args.name, "items": len(study.items), "by_task": counts, "pictures": len(study.shown)}
    head = facts([("rating study", args.name), ("items", len(study.items)), *counts.items()])
    deliver(result, f"{head}\n\nnext: dfe raters invite {args.name}", args.json)


def _invite(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.ratings.store import RatingStudy, invite

    made, token = invite(RatingStudy.open(args.name), days=args.days, most_raters=args.raters, note=args.note)
    print(f"{args.address.rstrip('/')}/rate/{token}")
    print(f"\ninvitation {made.id}, open until {_day(made.ends)}, for {made.most_raters} raters")


def _revoke(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.ratings.store import RatingStudy, revoke

    revoke(RatingStudy.open(args.name), args.invitation)
    print(f"invitation {args.invitation} is revoked")


def _report(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.ratings.report import rating_report, write_rating_report
    from dfe_core.ratings.store import RatingStudy

    study = RatingStudy.open(args.name)
    report = rating_report(study, leave_out_failed=args.leave_out_failed, seed=args.seed)
    written = write_rating_report(report, args.out) if args.out else []
    invitations = [_invitation_row(one) for one in study.invitations]
    deliver({**report.to_json(), "invitations": invitations}, _text(report, invitations, written), args.json)


def _text(report: RatingReport, invitations: list[dict[str, Any]], written: list[Path]) -> str:
    head = facts([("rating study", report.study), ("raters", report.raters), ("counted", report.answered)])
    parts = [head, table_of(invitations, {n: n for n in ("invitation", "state", "until", "raters", "note")})]
    if report.tasks:
        rows = [_task_row(task) for task in report.tasks]
        heads = ("task", "items", "answers", "accuracy", "95 %", "guessing", "alpha", "95 %", "guessing")
        parts.append(table(heads, rows))
        parts.append(table_of(report.codewords.to_dict("records"), {n: n for n in _SHOWN}))
    else:
        parts.append("no answers yet")
    if len(report.words):
        share = report.words["first"].mean()
        parts.append(f"own words: {share:.2f} of {len(report.words)} find the codeword among the first five")
    if written:
        parts.append("written: " + ", ".join(str(path) for path in written))
    return "\n\n".join(parts)


_SHOWN = ("codeword", "name", "task", "answers", "accuracy", "low", "high", "chance", "alpha")


def _task_row(task: TaskResult) -> tuple[Any, ...]:
    return (
        str(task.task),
        task.items,
        task.answers,
        task.accuracy.value,
        _between(task.accuracy),
        _between(task.guess.accuracy),
        task.alpha.value,
        _between(task.alpha),
        _between(task.guess.alpha),
    )


def _between(estimate: Estimate) -> str | None:
    return None if estimate.low != estimate.low else f"{estimate.low:.2f} to {estimate.high:.2f}"


def _invitation_row(one: Invitation) -> dict[str, Any]:
    state = "revoked" if one.revoked else "open" if one.is_open(time.time()) else "ended"
    return {
        "invitation": one.id,
        "state": state,
        "until": _day(one.ends),
        "raters": one.most_raters,
        "note": one.note,
    }


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _tasks(text: str) -> tuple[Any, ...]:
    from dfe_core.ratings.design import Task

    try:
        return tuple(dict.fromkeys(Task(part.strip()) for part in text.split(",") if part.strip()))
    except ValueError:
        raise DataError(f"--tasks {text}", "no such task", ", ".join(Task)) from None


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise DataError(f"--codewords {text}", "not numbers of codewords", "K,K,… as in 3,17") from None
