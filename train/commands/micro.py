"""`dfe micro`: micro-expressions spotted in whole recordings, and coded ones recognised over subjects and corpora."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..cli import seed
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver
from .probe import names

if TYPE_CHECKING:
    from dfe_core.probes.micro_report import MicroReport

DESCRIPTION = (
    "Movements that come and go within half a second, spotted in whole recordings and scored by the rules of MEGC "
    "where intervals are coded; and the classes of coded intervals, every subject (and every corpus) left out once."
)
EXAMPLES = (
    "dfe micro codebook1 study1",
    "dfe micro codebook1 study1 --windows coded.csv --label emotion",
    "dfe micro codebook1 composite --windows coded.csv --corpus corpus --sequence softmax --align --json micro.json",
)
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="encoded by it")
    parser.add_argument(
        "--windows",
        default="",
        metavar="CSV",
        help="coded intervals of 0.04 to 0.5 s: recording, onset_s, offset_s, the label and, where it is coded, apex_s "
        "(default: none; spotting alone)",
    )
    parser.add_argument("--label", default="emotion", metavar="COLUMN", help="of the windows (default: emotion)")
    parser.add_argument(
        "--corpus",
        default="",
        metavar="COLUMN",
        help="a label of the recordings that names the corpus of each: every corpus is left out once as well",
    )
    parser.add_argument(
        "--features", default="change,bow,psi", metavar="A,B", help="rows of recognition (default: change,bow,psi)"
    )
    parser.add_argument(
        "--sequence", default="", metavar="A,B", help="poolings of the sequence probe beside them, e.g. softmax"
    )
    parser.add_argument(
        "--align",
        action="store_true",
        help="train each sequence probe once more together with texts of its classes (EDCLIP)",
    )
    parser.add_argument(
        "--others", default="", metavar="A,B", help="classes without a text, kept away from those of the others"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="MM",
        help="from which a movement counts as spotted (default: chosen on the other subjects' coded intervals)",
    )
    parser.add_argument("--permutations", type=int, default=200, metavar="N", help="of the labels (default: 200)")
    parser.add_argument("--seed", type=seed, default=0, help="of folds, networks and bootstrap (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.probes.micro_report import MicroReportSettings, micro_report

    settings = MicroReportSettings(
        model=args.model,
        dataset=args.dataset,
        windows=args.windows,
        label=args.label,
        corpus=args.corpus,
        features=names(args.features),
        sequence=names(args.sequence),
        align=args.align,
        others=names(args.others),
        threshold=args.threshold,
        permutations=args.permutations,
        seed=args.seed,
    )
    made = micro_report(settings, progress=progress)
    deliver(made.to_json(), report(made), args.json)


def report(made: MicroReport) -> str:
    """The result of `dfe micro` as text."""
    spotting = made.manifest["spotting"]
    parts = [_head(spotting)]
    if spotting["scores"]:
        parts.append(table_of(spotting["scores"], _SCORES))
    parts.append(table_of(made.spotted.head(_ROWS).to_dict("records"), _SPOTTED))
    for protocol in made.protocols:
        result = made.recognition(protocol)
        parts += [f"recognition, one {protocol} left out", table_of(result["rows"], _RECOGNISED)]
        if by := result.get("by_corpus"):
            parts.append(table_of(by, _CORPORA))
    if made.manifest["refused"]:
        parts.append(f"no recognition: {made.manifest['refused']}")
    return "\n\n".join((*parts, *(f"Note: {words}" for words in spotting["warnings"])))


def _head(spotting: dict[str, Any]) -> str:
    return facts(
        [
            ("dataset", spotting["dataset"]),
            ("data", "simulated" if spotting["simulated"] else "real"),
            ("recordings", f"{spotting['recordings']} of {spotting['subjects']} subjects"),
            ("searched", f"{spotting['minutes']:.1f} min"),
            ("coded", spotting["coded"]),
            (
                "threshold",
                f"{limit:.2f} mm" if (limit := spotting["thresholds"]["transient"]) is not None else "none fits",
            ),
        ]
    )


_SCORES: Columns = {
    "method": "method",
    "hits": "hits",
    "spotted": "spotted",
    "coded": "coded",
    "precision": lambda row: f"{row['precision']:.3f}",
    "recall": lambda row: f"{row['recall']:.3f}",
    "F1": lambda row: f"{row['f1']:.3f}",
    "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
}
_SPOTTED: Columns = {
    "recording": "recording",
    "onset": lambda row: f"{row['onset_s']:.2f} s",
    "apex": lambda row: f"{row['apex_s']:.2f} s",
    "offset": lambda row: f"{row['offset_s']:.2f} s",
    "size": lambda row: f"{row['score']:.2f} mm",
    "region": "region",
}
_RECOGNISED: Columns = {
    "features": "features",
    "UF1": lambda row: f"{row['score']:.3f}",
    "95 % interval": lambda row: f"{row['ci95'][0]:.3f} to {row['ci95'][1]:.3f}",
    "UAR": lambda row: f"{row['scores']['UAR']['score']:.3f}",
}
_CORPORA: Columns = {
    "corpus": "corpus",
    "features": "features",
    "windows": "n",
    "subjects": "subjects",
    "UF1": lambda row: f"{row['UF1']:.3f}",
    "UAR": lambda row: f"{row['UAR']:.3f}",
}
