"""Which people of a dataset the codebook has seen: held-out figures are best told of those it has not."""

from __future__ import annotations

from dataclasses import dataclass

from dfe_core.expressions.dataset import Dataset
from dfe_core.tokenizer.codebook import Codebook

_SEEN_PARTS = ("train", "validation")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """seen: subjects of the dataset whose recordings the codebook was trained or tuned on. known: whether that could be
    told; where it could not, no subject counts as unseen."""

    seen: frozenset[str]
    known: bool

    def unseen(self, subjects: list[str]) -> list[bool]:
        """Of every subject, whether it is known that the codebook has not seen it."""
        return [self.known and subject not in self.seen for subject in subjects]


def codebook_exposure(codebook: Codebook, dataset: Dataset) -> Exposure:
    """From the dataset and the split that the model's config records.

    A model of the same dataset has seen the subjects of its training and validation recordings. A model of simulated
    data has seen no real person. Of any other pair it is not known.
    """
    own = codebook.config.get("dataset", {})
    subject = dict(zip(dataset.recordings["recording"], dataset.recordings["subject"].astype(str), strict=True))
    if own.get("key") == dataset.key:
        parts = codebook.config.get("split", {}).get("recordings", {})
        seen = {subject[name] for part in _SEEN_PARTS for name in parts.get(part, []) if name in subject}
        return Exposure(seen=frozenset(seen), known=bool(parts))
    return Exposure(seen=frozenset(), known=bool(codebook.config.get("simulated")) and not dataset.simulated)
