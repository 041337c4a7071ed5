"""`dfe map`: codewords or frames in two dimensions."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.store import atomic_file

from ..cli import options_of, seed
from ..tables import facts
from .segments_option import add_segments_option, segments_dataset

DESCRIPTION = (
    "Lay codewords or frames out in two (or three) dimensions. The map is seeded, cached, and comes with "
    "measures of its quality."
)
EXAMPLES = (
    "dfe map codebook1 --of codewords --out codewords.parquet",
    "dfe map codebook1 study1 --of frames --out frames.parquet",
)

_DEFAULT_BY = {"codewords": "deformation", "frames": "psi"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", nargs="?", help="that the model encoded; needed for frames")
    add_segments_option(parser)
    parser.add_argument("--of", required=True, choices=tuple(_DEFAULT_BY), help="what the points are")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.parquet",
        help="the points, as a table (default: the map is made and kept, and no table written)",
    )
    parser.add_argument(
        "--by",
        choices=("deformation", "geodesic", "cooccurrence", "psi", "tokens"),
        help="what makes points neighbours (default: deformation of codewords, psi of frames)",
    )
    parser.add_argument(
        "--method",
        choices=("umap", "pca", "umap-learn"),
        default="umap",
        help="umap-learn is the authors' package: the same graph, several times as long (default: umap)",
    )
    parser.add_argument("--dimensions", type=int, choices=(2, 3), default=2, help="(default: 2)")
    parser.add_argument("--sample", type=int, default=20_000, help="frames mapped at most (default: 20000)")
    parser.add_argument("--seed", type=seed, default=0, help="the same seed gives the same map (default: 0)")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.embedding.maps import MapSettings, build_map

    if args.out is not None and args.out.suffix != ".parquet":
        raise DataError(args.out, f"format {args.out.suffix or 'without a suffix'}", "a .parquet file")
    if args.dataset is not None:
        args.dataset = segments_dataset(args, progress)
    result = build_map(
        options_of(MapSettings, args, dataset=args.dataset or "", by=args.by or _DEFAULT_BY[args.of]),
        progress=progress,
    )
    if args.out is not None:
        with atomic_file(args.out) as temporary:
            result.points.to_parquet(temporary, index=False)
    figures = [
        (name.replace("_", " "), value)
        for name, value in result.quality.items()
        if name != "points" and not isinstance(value, (dict, list))
    ]
    file = [("file", args.out)] if args.out is not None else []
    print(
        facts([("map", result.path.name), *file, ("points", len(result.points)), *figures]) + f"\n\n{result.statement}"
    )
