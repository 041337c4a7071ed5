"""`dfe conversations`: who answers whom, how late, who leads and who speaks, of faces that were recorded together."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..cli import seed
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.conversations.result import ConversationResult

DESCRIPTION = (
    "Faces of a conversation on one clock: lagged correlation and answered onsets of every codeword and region, who "
    "leads, who speaks when, tested against circular shifts and shuffled pairs with conversations as the unit."
)
EXAMPLES = (
    "dfe conversations codebook1 study1 --by dyad",
    "dfe conversations codebook1 study1 --by dyad --role part --max-lag 4 --out conversations/",
    "dfe conversations codebook1 talks --json -",
)
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="with the recordings; encoded where it is not")
    parser.add_argument(
        "--by",
        default="",
        metavar="COLUMN",
        help="a label, or session, that names the conversation of each recording (default: the faces of one video, "
        "NAME-face0, NAME-face1 …)",
    )
    parser.add_argument(
        "--role", default="", metavar="COLUMN", help="a label that says who is the first of a pair (default: by name)"
    )
    parser.add_argument(
        "--offset",
        default="",
        metavar="COLUMN",
        help="a label of seconds: when the clock of a recording starts on that of its conversation (default: 0)",
    )
    parser.add_argument("--syllables", action="store_true", help="follow the syllables that `dfe syllables` found, too")
    parser.add_argument(
        "--max-lag", type=float, default=3.0, metavar="SECONDS", help="largest lag, to either side (default: 3)"
    )
    parser.add_argument(
        "--window",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="of the moving mean that intensities are centred on before they are correlated (default: 20)",
    )
    parser.add_argument(
        "--step", type=float, default=0.0, metavar="SECONDS", help="of the common clock (default: by the frame rate)"
    )
    parser.add_argument("--surrogates", type=int, default=1000, metavar="N", help="of either family (default: 1000)")
    parser.add_argument("--seed", type=seed, default=0, help="of surrogates and bootstrap (default: 0)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write the tables as CSV and Parquet, JSON and a manifest there"
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.conversations.settings import ConversationSettings
    from dfe_core.workspace.study import Study

    settings = ConversationSettings(
        by=args.by,
        role=args.role,
        offset=args.offset,
        syllables=args.syllables,
        max_lag_s=args.max_lag,
        window_s=args.window,
        step_s=args.step,
        surrogates=args.surrogates,
        seed=args.seed,
    )
    result = Study(args.model, args.dataset, progress=progress).conversations(settings)
    if args.out is not None:
        from dfe_core.reports.conversations import write_conversations_report

        write_conversations_report(result, args.out)
    deliver(result.to_json(), report(result), args.json)


def report(result: ConversationResult) -> str:
    """The result of `dfe conversations` as text."""
    from dfe_core.conversations.result import TESTED
    from dfe_core.reports.conversations import conversation_sentence

    tested = result.table[result.table["status"] == TESTED].head(_ROWS).to_dict("records")
    parts = [_head(result), table_of(tested, _columns(result))]
    if len(result.turns):
        parts.append(table_of(result.turns.to_dict("records"), _TURNS))
    return "\n\n".join((*parts, conversation_sentence(result)))


def _head(result: ConversationResult) -> str:
    first, second = result.roles
    return facts(
        [
            ("model", result.model),
            ("dataset", result.dataset),
            ("data", "simulated" if result.simulated else "real"),
            ("by", result.settings.by or "faces of one video"),
            ("conversations", len(result.conversations)),
            *([("too short, left out", ", ".join(result.left_out))] if result.left_out else []),
            ("time together", f"{result.conversations['seconds'].sum() / 60:.1f} min"),
            ("a positive lag", f"{second} after {first}"),
        ]
    )


_TURNS: Columns = {
    "conversation": "conversation",
    "first": "first_face",
    "second": "second_face",
    "speech by": "source",
    "first speaks": lambda row: f"{row['first']:.0%}",
    "second speaks": lambda row: f"{row['second']:.0%}",
    "both": lambda row: f"{row['both']:.0%}",
    "changes of turn": "changes",
    "median gap": lambda row: "–" if row["gap_s"] != row["gap_s"] else f"{row['gap_s']:.2f} s",
}


def _columns(result: ConversationResult) -> Columns:
    def printed(name: str) -> Callable[[Mapping[str, Any]], str]:
        from dfe_core.p_values import at_floor, p_text

        p = name.replace("q", "p", 1)
        return lambda row: p_text(row[name], bool(at_floor(row[p], result.settings.surrogates)))

    return {
        "": lambda row: f"{row['kind']} {row['thing']}",
        "measure": "measure",
        "direction": lambda row: _direction(row["direction"], result.roles),
        "value": lambda row: f"{row['value']:.2f}",
        "95 % interval": lambda row: f"{row['low']:.2f} to {row['high']:.2f}",
        "chance": lambda row: f"{row['base']:.2f}",
        "lag": lambda row: "–" if row["lag_s"] != row["lag_s"] else f"{row['lag_s']:.2f} s",
        "lead": lambda row: "–" if row["lead"] != row["lead"] else f"{row['lead']:+.2f}",
        "p, shifts": printed("p_shift"),
        "q": printed("q_shift"),
        "p, shuffled": printed("p_shuffled"),
        "q, shuffled": printed("q_shuffled"),
        "q, lead": printed("q_lead"),
    }


def _direction(direction: str, roles: tuple[str, str]) -> str:
    """The direction of a row with the names of the roles."""
    from dfe_core.conversations.result import BACKWARD, FORWARD

    first, second = roles
    return {FORWARD: f"{second} after {first}", BACKWARD: f"{first} after {second}"}.get(direction, direction)
