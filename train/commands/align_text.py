"""`dfe align-text`: a dataset's moments among words, so that a description finds them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..cli import options_of, seed
from ..tables import facts, table
from .output import add_json_option, deliver
from .probe import derive_missing, names

if TYPE_CHECKING:
    from dfe_core.probes.text_retrieval import MomentIndex, QuerySettings

DESCRIPTION = (
    "Align the tokens of a dataset with words, say how well that finds moments of held-out people, and "
    "find moments by a description. What was aligned before is opened, not made again."
)
EXAMPLES = (
    "dfe align-text codebook1 study1",
    'dfe align-text codebook1 study1 --ask "brows lowered, lips pressed together"',
    'dfe align-text codebook1 study1 --label condition --prompt "stress=brows lowered, lips pressed together"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--ask", metavar="TEXT", help="a description: print the moments most like it")
    parser.add_argument("--limit", type=int, default=12, metavar="N", help="moments to print (default: 12)")
    parser.add_argument(
        "--aus",
        default="derived",
        metavar="NAME",
        help="learn from captions made of these AUs (default: derived, made where they are missing)",
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="learn from one prompt for each class of this label in place of captions"
    )
    parser.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="CLASS=TEXT",
        help="with --label: your own prompt; emotions have one made of their facial actions",
    )
    parser.add_argument(
        "--others",
        default="",
        metavar="CLASS,...",
        help="with --label: classes without a prompt, only pushed away from every one",
    )
    parser.add_argument(
        "--text",
        default="words",
        metavar="ENCODER",
        help="words, auto, or the folder of a sentence-transformers model; nothing is downloaded "
        "(default: words, which know words of faces and no others)",
    )
    parser.add_argument("--window", type=float, default=2.0, metavar="S", help="seconds of a moment (default: 2)")
    parser.add_argument("--seed", type=seed, default=0, help="of the split and the training (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.errors import DataError
    from dfe_core.probes.text import open_encoder
    from dfe_core.probes.text_retrieval import align_moments, open_moments, place_of

    if not 1 <= args.limit <= 1000:
        raise DataError("--limit", str(args.limit), "1 to 1000")
    settings = read_settings(args)
    if args.ask is not None:  # before minutes of work for nothing
        place_of(args.ask, open_encoder(settings.text))
    if settings.label is None and settings.aus == "derived":
        derive_missing(args.dataset, progress)
    before = open_moments(settings)
    index = before or align_moments(settings, progress=progress)
    found = None if args.ask is None else index.query(args.ask, args.limit)
    result = as_json(index, args.ask, found)
    head = "nothing to do: these moments were aligned before\n\n" if before else ""
    deliver(result, head + report(result), args.json)


def read_settings(args: argparse.Namespace) -> QuerySettings:
    """`QuerySettings` of the arguments."""
    from dfe_core.errors import DataError
    from dfe_core.probes.text_retrieval import QuerySettings

    wrong = [pair for pair in args.prompt if not all(part.strip() for part in pair.partition("="))]
    if wrong:
        raise DataError("--prompt", repr(wrong[0]), "CLASS=TEXT")
    if args.label is None and (args.prompt or args.others):
        raise DataError(
            "--prompt" if args.prompt else "--others", "no label whose classes it is for", "--label COLUMN beside it"
        )
    return options_of(
        QuerySettings,
        args,
        others=names(args.others),
        prompts={name.strip(): text.strip() for name, _, text in (pair.partition("=") for pair in args.prompt)},
        window_s=args.window,
    )


def as_json(index: MomentIndex, text: str | None, found: Any) -> dict[str, Any]:
    """The manifest without what only the machine needs; with a description, its moments."""
    told = {key: value for key, value in index.manifest.items() if key not in ("text_key", "tokens", "anchors")}
    if found is None:
        return told
    columns = ["recording", "subject", "part", "start_s", "end_s", "peak_s", "codeword", "similarity", "above_chance"]
    return told | {"query": text, "moments": found[columns].to_dict("records")}


def report(result: dict[str, Any]) -> str:
    """The result of `dfe align-text` as text."""
    parts = [head(result)]
    if result["retrieval"] and "moments" not in result:
        held = result["held_out_windows"]
        rows = [
            (r["au"], r["side"], r["text"], r["windows"], r["auroc"], r["precision_at_10"], r["windows"] / held)
            for r in result["retrieval"]
        ]
        parts.append(
            table(("AU", "side", "asked for by", "windows", "AUROC", "right of the first 10", "by chance"), rows)
        )
    if "moments" in result:
        moments = [
            (
                m["recording"],
                m["peak_s"],
                f"{m['start_s']:g} to {m['end_s']:g}",
                m["similarity"],
                m["above_chance"],
                m["part"],
            )
            for m in result["moments"]
        ]
        parts.append(table(("recording", "second", "window", "cosine", "s.d. above the mean", "part"), moments))
    return "\n\n".join([*parts, *(f"note: {text}" for text in result["notes"])])


def head(result: dict[str, Any]) -> str:
    """What was aligned, and how well held-out moments are found."""
    classified = result["classified"] or {}
    by = {"subject": f"{result['held_out_subjects']} people", "recording": "recordings"}.get(
        result["split_by"], "stretches of the same recordings"
    )
    return facts(
        [
            ("model", result["model"]),
            ("dataset", result["dataset"]),
            ("data", "simulated" if result["simulated"] else "real"),
            ("text encoder", result["text_name"]),
            ("moments", f"{result['windows']:,} of {result['settings']['window_s']:g} s"),
            ("held out", f"{result['held_out_windows']:,} of {by}"),
            *(
                [("AUROC, mean over AUs", f"{result['retrieval_auroc']:.3f} (chance 0.5)")]
                if result["retrieval_auroc"] is not None
                else []
            ),
            *(
                [("UAR of the nearest prompt", f"{classified['uar']:.3f} (chance {classified['chance']:.3f})")]
                if classified.get("uar") is not None
                else []
            ),
        ]
    )
