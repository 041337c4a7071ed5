"""The trained dictionary without torch: what every codeword does to ψ, and how tokens add up. Opens in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfe_core.artefact import SCHEMA_VERSIONS
from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, MODELS
from dfe_core.errors import DataError
from dfe_core.faces.library import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import check
from dfe_core.store import artefact_path, read_json

if TYPE_CHECKING:
    from dfe_core.tokenizer.codeword import Codeword

SCHEMA_VERSION = SCHEMA_VERSIONS[MODELS]
REST = 0
"""Codeword 0 deforms nothing: a stage with nothing left worth adding emits it. A still neutral face is all rest."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Codebook:
    """The codewords of a trained model. ``codebook[17]`` is a `Codeword`; iterating gives all of them.

    Attributes
    ----------
    model
        Name of the model.
    psi : (K, E) float32
        ψ of each codeword at intensity 1. Row `REST` is zero.
    levels : (L,) float32
        The intensities that a token can carry, increasing.
    stages
        N, tokens per frame.
    names : (E,) str
        Coefficient names.
    face_id
        The face that it was trained on.
    table
        K rows: codeword, region, second_region, side (symmetric, left, right or rest), symmetry (−1 … 1), locality
        (0 … 1), peak_mm, mean_mm, uses, share_of_frames, main_stage, mean_intensity, description …
    config
        The model's config.json.
    path
        The folder that it was opened from; None for one made in memory.
    """

    model: str
    psi: np.ndarray
    levels: np.ndarray
    stages: int
    names: tuple[str, ...]
    face_id: str
    table: pd.DataFrame
    config: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def size(self) -> int:
        """K."""
        return len(self.psi)

    @property
    def key(self) -> str:
        """Content key of the weights."""
        return self.config["key"]

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> Codebook:
        """Open ``models/<name>``.

        Parameters
        ----------
        name
            Name of the model.
        root
            The artefact folder (default: ``$DFE_CACHE``).

        Returns
        -------
        Codebook
            Its codewords, without torch.

        Raises
        ------
        DataError
            When there is none of this name, or its training has not finished.
        """
        path = artefact_path("models", name, root)
        if not (path / CODEWORDS_FILE).is_file() or not (path / CONFIG).is_file():
            parent = path.parent
            known = (
                sorted(p.name for p in parent.iterdir() if (p / CODEWORDS_FILE).is_file()) if parent.is_dir() else []
            )
            raise DataError(
                name,
                "no trained model of this name",
                "one of " + ", ".join(known) if known else "a model made by `dfe train`",
            )
        config = read_json(check(path / CONFIG))
        if (version := config.get("schema_version", SCHEMA_VERSION)) != SCHEMA_VERSION:
            raise DataError(path / CONFIG, f"schema version {version!r}", f"{SCHEMA_VERSION}: train again")
        table = pd.read_parquet(check(path / CODEWORDS_FILE))
        psi = np.stack(list(table["psi"])).astype(np.float32)
        return cls(
            model=name,
            psi=psi,
            levels=np.asarray(config["levels"], np.float32),
            stages=int(config["tokenizer"]["stages"]),
            names=tuple(config["coefficients"]),
            face_id=config["face"],
            table=table.drop(columns="psi"),
            config=config,
            path=path,
        )

    @cached_property
    def face(self) -> FaceModel:
        """The face it was trained on, opened from the folder that the codebook is in."""
        return open_face(self.face_id, self.path and self.path.parent.parent)

    def __repr__(self) -> str:
        return f"Codebook({self.model!r}, {self.size} codewords, face {self.face_id})"

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Codeword]:
        return (self[k] for k in range(self.size))

    def __getitem__(self, codeword: int) -> Codeword:
        """Select one codeword, with its face.

        Parameters
        ----------
        codeword
            0 … K−1.

        Returns
        -------
        Codeword
            What it does to the face.

        Raises
        ------
        DataError
            For a number that is not in 0 … K−1.
        """
        from dfe_core.tokenizer.codeword import Codeword

        if not 0 <= codeword < self.size:
            raise DataError(self.model, f"codeword {codeword}", f"0 to {self.size - 1}")
        row = self.table.iloc[codeword].to_dict() if codeword < len(self.table) else {}
        facts = {str(k): v for k, v in row.items()}
        return Codeword(codebook=self.model, index=int(codeword), psi=self.psi[codeword], face=self.face, facts=facts)

    def decode(self, tokens: np.ndarray, intensities: np.ndarray | None = None) -> np.ndarray:
        """Tokens to expression coefficients: the sum over the tokens of a frame.

        Parameters
        ----------
        tokens : (…, N) int
            Codewords, 0 … K−1.
        intensities : (…, N) float
            Intensity of each token (default: 1).

        Returns
        -------
        (…, E) float32
            ψ.

        Raises
        ------
        DataError
            For a codeword that is not in 0 … K−1.
        """
        tokens = np.asarray(tokens)
        if tokens.size and (tokens.min() < 0 or tokens.max() >= self.size):
            bad = tokens[(tokens < 0) | (tokens >= self.size)].ravel()[0]
            raise DataError(self.model, f"codeword {bad}", f"0 to {self.size - 1}")
        intensities = np.ones(tokens.shape, np.float32) if intensities is None else intensities
        weights = np.zeros((*tokens.shape[:-1], self.size), np.float32)
        flat = weights.reshape(-1, self.size)
        rows = np.repeat(np.arange(len(flat)), tokens.shape[-1])
        np.add.at(flat, (rows, tokens.reshape(-1)), np.asarray(intensities, np.float32).reshape(-1))
        return weights @ self.psi
