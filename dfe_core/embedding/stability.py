"""Which codewords come back when a codebook is trained again with other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import STABILITY_FILE
from dfe_core.embedding.compare import ALIKE, match_codebooks
from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.store import read_json, write_json
from dfe_core.tokenizer.codebook import Codebook


@dataclass(frozen=True, eq=False, kw_only=True)
class SeedStability:
    """A codebook against those of other seeds.

    Attributes
    ----------
    model: the codebook. key: its content key. others: the codebooks of the other seeds.
    codewords: codeword, cosine (mean over the others of the cosine with the codeword that it is matched with; 0 where
        it is matched with none) and seeds (in how many of the others that cosine reaches `compare.ALIKE`).
    central: of all, itself among them, the one whose codewords come back best in the others.
    agreement: by codebook, mean matched cosine with all others.
    """

    model: str
    key: str
    others: tuple[str, ...]
    codewords: pd.DataFrame
    central: str
    agreement: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "others": list(self.others), "codewords": self.codewords.to_dict("records")}


def seed_stability(codebooks: Sequence[Codebook], face: FaceModel) -> SeedStability:
    """Compare the first of several codebooks of one dataset with the others, and say which is the most central.

    Codewords are matched one to one by deformation (`compare.match_codebooks`). Raises `DataError` for fewer than two.
    """
    if len(codebooks) < 2:
        raise DataError("--seeds", str(len(codebooks)), "2 or more")
    first, count = codebooks[0], len(codebooks)
    mean = np.full((count, count), np.nan)
    cosines = np.zeros((count - 1, first.size))
    for i in range(count):
        for j in range(i + 1, count):
            pairs = match_codebooks(codebooks[i], codebooks[j], face).pairs
            mean[i, j] = mean[j, i] = float(pairs["cosine"].mean()) if len(pairs) else 0.0
            if i == 0:
                cosines[j - 1, pairs["a"].to_numpy(int)] = pairs["cosine"]
    agreement = np.nanmean(mean, 1)
    moving = np.flatnonzero(np.abs(first.psi).max(1) > 1e-6)
    return SeedStability(
        model=first.model,
        key=first.key,
        others=tuple(one.model for one in codebooks[1:]),
        codewords=pd.DataFrame(
            {
                "codeword": moving,
                "cosine": cosines.mean(0)[moving],
                "seeds": (cosines >= ALIKE).sum(0)[moving],
            }
        ),
        central=codebooks[int(agreement.argmax())].model,
        agreement={one.model: float(value) for one, value in zip(codebooks, agreement, strict=True)},
    )


def require_same_training(codebook: Codebook, other: Codebook) -> None:
    """Raise `DataError` where another codebook was not trained as the first one was but for its seed: on the same data,
    with the same configuration. Else what comes back would say nothing of seeds."""
    for part, value in (("configuration", _recipe(codebook)), ("data", codebook.config.get("dataset", {}).get("key"))):
        theirs = _recipe(other) if part == "configuration" else other.config.get("dataset", {}).get("key")
        if value != theirs:
            raise DataError(
                other.model,
                f"trained on other data than {codebook.model}" if part == "data" else _difference(codebook, other),
                f"`dfe rm models/{other.model}`, so that it is trained again, or another --name",
            )


def _recipe(codebook: Codebook) -> dict[str, Any]:
    """The settings of a training but its seed."""
    found: dict[str, Any] = {}
    for part in ("tokenizer", "train"):
        found |= {f"{part}.{key}": value for key, value in (codebook.config.get(part) or {}).items()}
    return found


def _difference(codebook: Codebook, other: Codebook) -> str:
    own, theirs = _recipe(codebook), _recipe(other)
    key = next(key for key in sorted(own | theirs) if own.get(key) != theirs.get(key))
    return f"trained with {key} = {theirs.get(key)}, {codebook.model} with {own.get(key)}"


def write_stability(found: SeedStability, folder: Path) -> Path:
    """Keep it beside the model in ``models/<name>/``."""
    write_json(folder / STABILITY_FILE, found.to_json())
    return folder / STABILITY_FILE


def read_stability(codebook: Codebook) -> SeedStability | None:
    """What was kept of a codebook, None where nothing was or the codebook is another one by now."""
    if codebook.path is None or not (codebook.path / STABILITY_FILE).is_file():
        return None
    held = read_json(codebook.path / STABILITY_FILE)
    if held.get("key") != codebook.key:
        return None
    table = pd.DataFrame(held["codewords"], columns=["codeword", "cosine", "seeds"])
    return SeedStability(**{**held, "others": tuple(held["others"]), "codewords": table})
