"""`dfe adapt`: a codebook adapted to one person, or what that gains."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.evaluation.person_adaption import AdaptionJudged

DESCRIPTION = (
    "Adapt the codewords to a person from a few seconds, so little that each keeps a cosine of 0.95 with what it was. "
    "Without --subject: the held-out error of people that the codebook was not trained on, for codewords that change "
    "by themselves and for maps of low rank."
)
EXAMPLES = (
    "dfe adapt codebook1 study1",
    "dfe adapt codebook1 study1 --subject p07 --name codebook1-p07",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="with the people")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="at the beginning of the first recording of a person, which are adapted to (default: 10)",
    )
    parser.add_argument("--subject", metavar="NAME", help="adapt to this person and write the codebook")
    parser.add_argument("--name", metavar="NAME", help="of the codebook to write, with --subject")
    parser.add_argument(
        "--rank",
        type=int,
        default=0,
        metavar="R",
        help="of a map of all codewords, with --subject (default: 0, each by itself)",
    )
    parser.add_argument(
        "--ridge",
        type=float,
        default=0.3,
        metavar="W",
        help="how strongly the change is kept small, with --subject (default: 0.3)",
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    if not 1 <= args.seconds <= 3600:
        raise DataError("--seconds", f"{args.seconds:g}", "1 to 3600")
    if bool(args.subject) != bool(args.name):
        raise DataError("--subject and --name", "one without the other", "both to write a codebook, none to judge")
    if args.subject:
        _write(args)
        return
    from dfe_core.evaluation.person_adaption import judge_adaption

    result = judge_adaption(args.model, args.dataset, seconds=args.seconds, progress=progress)
    deliver(result.to_json(), report(result), args.json)


def report(result: AdaptionJudged) -> str:
    """What adaption gains, as text."""
    rows: list[tuple[str, Any]] = [
        ("data", "simulated" if result.simulated else "real"),
        ("people", f"{result.people} that the codebook was not trained on"),
        *([("left out: trained or tuned on", _named(result.seen))] if result.seen else []),
        *([("left out: too few frames", _named(result.short))] if result.short else []),
        ("adapted to", f"{result.seconds:g} s of each"),
        ("without adaption", f"{result.without_mm:.4f} mm, {result.tokens:.2f} tokens a frame"),
    ]
    columns: Columns = {
        "rank": lambda row: row["rank"] or "free",
        "ridge": lambda row: f"{row['ridge']:g}",
        "cosine at least": lambda row: row["least_cosine"] or "any",
        "error, mm": lambda row: f"{row['error_mm']:.4f}",
        "gain, mm": lambda row: f"{row['gain_mm']:+.4f}",
        "95 % interval": lambda row: f"{row['low']:+.4f} to {row['high']:+.4f}",
        "improved": lambda row: f"{row['improved']:.0%}",
        "smallest cosine": lambda row: f"{row['cosine']:.3f}",
        "tokens kept": lambda row: f"{row['tokens_kept']:.1%}",
        "tokens a frame": lambda row: f"{row['tokens']:.2f}",
    }
    return f"{facts(rows)}\n\n{table_of(result.table.to_dict('records'), columns)}"


def _named(people: tuple[str, ...]) -> str:
    """The first twelve, and how many more; --json has all."""
    more = f" and {len(people) - 12} more" if len(people) > 12 else ""
    return ", ".join(people[:12]) + more


def _write(args: argparse.Namespace) -> None:
    from dfe_core.evaluation.person_adaption import person_parts
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces import open_face
    from dfe_core.tokenizer.adaption import AdaptionSettings, adapt_tokenizer, write_adapted
    from dfe_core.tokenizer.storage import load_model, require_same_coefficients

    tokenizer, config = load_model(args.model)
    data = Dataset.open(args.dataset)
    require_same_coefficients(config, data)
    if args.subject not in set(data.recordings["subject"].astype(str)):
        raise DataError(args.subject, f"no such subject in {args.dataset}", "one that `dfe show DATASET` lists")
    if (parts := person_parts(data, args.subject, args.seconds)) is None:
        raise DataError(args.subject, f"too few valid frames in {args.seconds:g} s and after", "another person or more")
    face = open_face(config["face"])
    gram = face.gram if face.has_mesh else None
    settings = AdaptionSettings(rank=args.rank, ridge=args.ridge)
    adapted = adapt_tokenizer(tokenizer, parts[0].psi, parts[0].linked, settings, gram)
    record = {"subject": args.subject, "seconds": args.seconds, "rank": args.rank}
    write_adapted(adapted, args.model, args.name, data, record)
    result = {
        "model": args.name,
        "from": args.model,
        "dataset": args.dataset,
        **record,
        "smallest_cosine": float(adapted.cosine.min()),
    }
    head = facts(
        [
            ("model", args.name),
            ("adapted from", args.model),
            ("to", f"{args.seconds:g} s of {args.subject}"),
            ("smallest cosine", f"{adapted.cosine.min():.3f}"),
        ]
    )
    deliver(result, f"{head}\n\nnext: dfe encode {args.name} DATASET; undo: dfe rm {args.name}", args.json)
