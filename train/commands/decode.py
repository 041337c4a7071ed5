"""`dfe decode`: a face on disk from tokens."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts, table

DESCRIPTION = (
    "Decode tokens into a face: the deformations of the codewords add up. One token alone shows what its codeword does."
)
EXAMPLES = (
    "dfe decode codebook1 --tokens 3,17,200 --out face.ply",
    "dfe decode codebook1 --tokens 3,17,200 --intensity 1,1,0.5 --out face.glb",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("--tokens", required=True, metavar="K,K,...", help="codewords; 0 moves nothing")
    parser.add_argument("--intensity", metavar="G,G,...", help="one for every token (default: 1 for all)")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FACE.ply|.obj|.glb|.npy",
        help="a mesh in metres, or its vertices (V, 3) as .npy",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.faces import open_face
    from dfe_core.render.mesh_files import SUFFIXES, export_mesh
    from dfe_core.tokenizer.codebook import Codebook

    tokens, intensities = parse_tokens(args.tokens, args.intensity)
    if args.out.suffix not in SUFFIXES:
        raise DataError(args.out, f"format {args.out.suffix or 'without a suffix'}", " or ".join(SUFFIXES))
    codebook = Codebook.open(args.model)
    psi = codebook.decode(tokens, intensities)
    face = open_face(codebook.face_id, progress=progress)
    if not face.has_mesh:
        raise DataError(
            face.id,
            "this face has no mesh here, only coefficients",
            "a model on a face with a mesh (FLAME: the licensed file, as --face flame:PATH on import)",
        )
    export_mesh(face, psi, args.out)
    moved = 1e3 * np.linalg.norm(face.displacement(psi), axis=1)
    print(
        facts(
            [
                ("file", args.out),
                ("face", face.id),
                ("largest displacement, mm", float(moved.max())),
                ("rms displacement, mm", float(np.sqrt(np.square(moved).mean()))),
            ]
        )
    )
    strongest = sorted(zip(codebook.names, psi.tolist(), strict=True), key=lambda item: -abs(item[1]))[:8]
    print("\n" + table(("strongest coefficients", "value"), [(n, round(v, 3)) for n, v in strongest if abs(v) > 5e-4]))


def parse_tokens(tokens: str, intensity: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(N,) int64 codewords and (N,) float32 intensities from the command line. Raises `DataError` for other text."""
    codewords = _numbers("--tokens", tokens, int, "codewords as in 3,17,200")
    if any(abs(codeword) > np.iinfo(np.int64).max for codeword in codewords):
        raise DataError("--tokens", "a number that no codebook reaches", "codewords as in 3,17,200")
    if intensity is None:
        return np.array(codewords, np.int64), np.ones(len(codewords), np.float32)
    values = _numbers("--intensity", intensity, float, "numbers as in 1,1,0.5")
    if len(values) != len(codewords):
        raise DataError("--intensity", f"{len(values)} values", f"{len(codewords)}, one for every token")
    if not np.isfinite(values).all():
        raise DataError("--intensity", "a value that is not finite", "numbers as in 1,1,0.5")
    return np.array(codewords, np.int64), np.array(values, np.float32)


def _numbers(option: str, text: str, kind: type, expected: str) -> list:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise DataError(option, repr(text), expected) from None
