"""A codebook adapted to one person from a few seconds, so little that its codewords keep what they mean.

Either every codeword changes by itself, by ridge regression on the frames that have it, or all by one map of low rank:
c becomes c (I + Δ), after the low-rank experts of AdaMesh (Chen et al. 2023), which adapt a talking face. Letters:
T frames, D latent dimensions, K codewords.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.tokenizer.exposure import record_of
from dfe_core.tokenizer.mesh_inner_product import unit
from dfe_core.tokenizer.model import Tokenizer

LEAST_COSINE = 0.95
"""Of a codeword and what it becomes, as the mesh sees them."""
_ROUNDS, _HALVINGS, _BATCH = 3, 20, 4096


@dataclass(frozen=True, kw_only=True)
class AdaptionSettings:
    """rank: of the map; 0: every codeword changes by itself. ridge: how strongly the change is kept small, as a share
    of the energy of the decoded frames. least_cosine: changes are shortened until every codeword keeps it."""

    rank: int = 0
    ridge: float = 0.3
    least_cosine: float = LEAST_COSINE

    def __post_init__(self) -> None:
        if self.rank < 0 or not self.ridge > 0 or not 0 <= self.least_cosine < 1:
            found = f"rank {self.rank}, ridge {self.ridge:g}, cosine {self.least_cosine:g}"
            raise DataError("adaption", found, "a rank from 0, a ridge above 0 and a cosine from 0 to below 1")


@dataclass(frozen=True, eq=False, kw_only=True)
class Adapted:
    """tokenizer: with adapted codewords, code lengths as they were. cosine: (K,) of each codeword with what it was, 1
    where it does not move. share: of the change that could be kept."""

    tokenizer: Tokenizer
    cosine: np.ndarray
    share: float


def adapt_tokenizer(
    tokenizer: Tokenizer,
    psi: np.ndarray,
    linked: np.ndarray | None = None,
    settings: AdaptionSettings | None = None,
    gram: np.ndarray | None = None,
) -> Adapted:
    """Adapt the codewords to the frames of a person: encode, fit, and encode again with what was fitted.

    Parameters
    ----------
    tokenizer: stays as it is.
    psi: (T, E) valid frames. linked: (T,) bool, whether a frame follows the one before it.
    gram: (E, E) of the face, by which cosines are taken; None: of the latent space.

    Raises `DataError` for no frames.
    """
    settings = settings or AdaptionSettings()
    if not len(psi):
        raise DataError("adaption", "no frames", "a few seconds of valid frames")
    before = tokenizer.quantizer.codewords.detach().cpu().numpy().astype(float)
    into_psi = tokenizer.inverse.detach().cpu().numpy().astype(float)
    metric = np.eye(into_psi.shape[1]) if gram is None else np.asarray(gram, float)
    metric = into_psi @ metric @ into_psi.T
    wanted = np.asarray(psi, float) @ tokenizer.frame.detach().cpu().numpy().astype(float)
    adapted, share = copy.deepcopy(tokenizer), 1.0
    after = before
    for _ in range(_ROUNDS):
        activity = _activity(adapted, psi, linked, len(before))
        change = _codeword_change(activity, before, wanted, settings)
        share = _kept_share(before, change, metric, settings.least_cosine)
        after = before + share * change
        with torch.no_grad():
            adapted.quantizer.codewords.copy_(torch.as_tensor(after, dtype=torch.float32))
    return Adapted(tokenizer=adapted, cosine=_cosines(before, after, metric), share=share)


def low_rank_change(decoded: np.ndarray, left: np.ndarray, ridge: float, rank: int) -> np.ndarray:
    """(D, D) Δ of rank `rank` by which decoded frames (T, D) best give what is left of them (T, D).

    Ridge regression, then the directions of its fitted values that hold most (reduced-rank regression; Izenman 1975, J.
    Multivar. Anal. 5).
    """
    product = decoded.T @ decoded
    penalty = ridge * np.trace(product) / len(product)
    change = np.linalg.solve(product + max(penalty, 1e-12) * np.eye(len(product)), decoded.T @ left)
    directions = np.linalg.svd(decoded @ change, full_matrices=False)[2][:rank]
    return change @ directions.T @ directions


def adaption_record(config: dict[str, Any]) -> dict[str, Any] | None:
    """from, key, dataset, subject, seconds and rank of a codebook that was adapted to a person, None of any other."""
    return config.get("adapted")


def write_adapted(
    adapted: Adapted, model: str, name: str, dataset: Dataset, record: dict[str, Any], root: Path | None = None
) -> Path:
    """Write ``models/<name>``: the codebook `model` with the codewords of `adapted`; `model` stays as it is.

    record: subject, seconds and rank; written to config.json beside the dataset and the name and key of `model`. The
    recordings of the subject count as seen from then on, all of them: probes and evaluations say so.
    """
    from dfe_core.tokenizer.storage import write_changed_codewords

    rows = dataset.recordings
    names = rows.loc[rows["subject"].astype(str) == str(record["subject"]), "recording"].astype(str)
    return write_changed_codewords(
        adapted.tokenizer,
        model,
        name,
        {"adapted": {"dataset": dataset.name, **record}},
        root,
        seen=lambda before: record_of(dataset, list(names), before),
    )


def _activity(tokenizer: Tokenizer, psi: np.ndarray, linked: np.ndarray | None, size: int) -> np.ndarray:
    """(T, K) summed intensity of every codeword in every frame."""
    found = np.zeros((len(psi), size))
    start = 0
    for part in tokenizer.encode_batches(psi, linked, _BATCH):
        tokens = part.tokens.cpu().numpy().astype(int)
        rows = np.arange(start, start + len(tokens))[:, None]
        np.add.at(found, (rows, tokens), np.where(tokens == 0, 0, part.intensities.cpu().numpy()))
        start += len(tokens)
    return found


def _codeword_change(
    activity: np.ndarray, codewords: np.ndarray, wanted: np.ndarray, settings: AdaptionSettings
) -> np.ndarray:
    """(K, D) what is added to the codewords."""
    decoded = activity @ codewords
    if settings.rank:
        return codewords @ low_rank_change(decoded, wanted - decoded, settings.ridge, settings.rank)
    product = activity.T @ activity
    penalty = settings.ridge * np.trace(product) / max(len(product), 1)
    return np.linalg.solve(product + max(penalty, 1e-12) * np.eye(len(product)), activity.T @ (wanted - decoded))


def _kept_share(before: np.ndarray, change: np.ndarray, metric: np.ndarray, least: float) -> float:
    """The largest share of a change with which every codeword keeps its cosine.

    One for all: of codewords that change by themselves, one for each was no better (docs/tokenizer.md).
    """
    if _cosines(before, before + change, metric).min() >= least:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _cosines(before, before + middle * change, metric).min() >= least:
            low = middle
        else:
            high = middle
    return low


def _cosines(before: np.ndarray, after: np.ndarray, metric: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(metric)
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    found = (unit(before @ factor) * unit(after @ factor)).sum(1)
    return np.where(np.linalg.norm(before @ factor, axis=1) > 1e-9, found, 1.0)
