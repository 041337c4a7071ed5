"""`dfe modalities`: what face, sound and body signals each add to the prediction of a label."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed, whole
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver
from .probe import derive_missing

if TYPE_CHECKING:
    import pandas as pd

    from dfe_core.signals.comparison import ModalityComparison

DESCRIPTION = (
    "Predict a label of two classes from each modality alone, from all of them by early and late fusion, and from all "
    "but one, with folds by subject, intervals over people and the gain over the best single modality."
)
EXAMPLES = (
    "dfe modalities codebook1 study1 --label condition --modality face=bow --modality voice=voice.csv",
    "dfe modalities codebook1 study1 --label stress --modality face=bow --modality aus=au:openface "
    "--modality body=physio/ --drop-missing --out modalities.csv",
)
BAG, AUS, DERIVED = "bow", "au", "derived"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows, for the feature bow")
    parser.add_argument("dataset", metavar="DATASET", help="with the label; encoded where it is not")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="a label of two classes")
    parser.add_argument(
        "--modality",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help="two or more: bow (the share of frames of each codeword), au or au:NAME (mean AUs), or a table (CSV, "
        "Parquet, or a folder of them) of one row per recording, or of frames as `dfe signals` writes them",
    )
    parser.add_argument(
        "--unit",
        choices=("recording", "subject"),
        help="what one prediction is of (default: by what the label belongs to)",
    )
    parser.add_argument(
        "--folds", type=lambda text: whole(text, 2, 1000), default=5, metavar="N", help="by subject (default: 5)"
    )
    parser.add_argument(
        "--drop-missing", action="store_true", help="leave out recordings without a label, or that a modality lacks"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of folds and bootstrap (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table, .csv, .parquet or .xlsx")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.exchange.table_files import file_format, write_table_file
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.signals.comparison import ModalitySettings, compare_modalities

    if args.out is not None:
        file_format(args.out)
    sources = modality_sources(args.modality)
    features = {name: _features(source, args, progress) for name, source in sources.items()}
    settings = ModalitySettings(
        label=args.label, unit=args.unit, folds=args.folds, drop_missing=args.drop_missing, seed=args.seed
    )
    result = compare_modalities(Dataset.open(args.dataset), features, settings)
    if args.out is not None:
        write_table_file(result.table, args.out)
    deliver({"model": args.model, "sources": sources, **result.to_json()}, report(result), args.json)


def modality_sources(asked: list[str]) -> dict[str, str]:
    """Name to source of every ``NAME=SOURCE``. Raises `DataError` for fewer than two, another form, or a name twice."""
    pairs = [(text, *(part.strip() for part in text.partition("=")[::2])) for text in asked]
    wrong = [text for text, name, source in pairs if not (name and source)]
    if wrong:
        raise DataError("--modality", repr(wrong[0]), "NAME=SOURCE")
    found = {name: source for _, name, source in pairs}
    if len(found) < len(pairs):
        raise DataError("--modality", "a name twice", "a name of its own for each modality")
    if len(found) < 2:
        raise DataError("--modality", f"{len(found)} of them", "two or more, as in face=bow and voice=voice.csv")
    return found


def report(result: ModalityComparison) -> str:
    """The result of `dfe modalities` as text."""
    from dfe_core.expressions.sealed_text import sealed_sentence
    from dfe_core.signals.comparison import CHANCE

    rows: list[tuple[str, Any]] = [
        ("label", f"{result.settings.label}: {' against '.join(result.classes)}"),
        ("unit", f"{result.unit}, {result.units} of {result.subjects} subjects"),
        ("features", ", ".join(f"{name} {count}" for name, count in result.features.items())),
        ("folds", f"{result.settings.folds}, by subject"),
        ("chance", f"AUROC {CHANCE}"),
        *((f"left out, not in {name}", ", ".join(gone)) for name, gone in result.missing.items()),
        *([("left out, no label", result.dropped)] if result.dropped else []),
        *([("sealed labels", sealed_sentence(result.sealed))] if result.sealed else []),
    ]
    columns: Columns = {
        "used": "used",
        "fusion": "fusion",
        "AUROC": lambda row: f"{row['auroc']:.3f}",
        "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
        "gain over the best alone": lambda row: f"{row['gain']:+.3f}",
        "95 % interval of the gain": lambda row: f"{row['gain_low']:+.3f} to {row['gain_high']:+.3f}",
    }
    return f"{facts(rows)}\n\n{table_of(result.table.to_dict('records'), columns)}"


def _features(source: str, args: argparse.Namespace, progress: Listener) -> pd.DataFrame:
    """Features of one modality, by recording."""
    from dfe_core.signals.feature_tables import read_feature_table

    if source == BAG:
        from dfe_core.workspace.study import Study

        return Study(args.model, args.dataset, progress=progress).bag()
    kind, _, name = source.partition(":")
    if kind == AUS:
        return _au_features(name, args.dataset, progress)
    return read_feature_table(Path(source))


def _au_features(asked: str, dataset: str, progress: Listener) -> pd.DataFrame:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.store import default_aus
    from dfe_core.signals.comparison import au_means

    name = asked or default_aus(dataset) or DERIVED
    if name == DERIVED:
        derive_missing(dataset, progress)
    return au_means(Dataset.open(dataset), name)
