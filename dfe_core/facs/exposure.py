"""Which people of a dataset the codebook has seen: held-out figures are best told of those it has not."""

from __future__ import annotations

from dataclasses import dataclass

from dfe_core.expressions.dataset import Dataset
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.exposure import exposure

_SEEN_PARTS = ("train", "validation")


@dataclass(frozen=True, kw_only=True)
class CodebookExposure:
    """seen: subjects of the dataset whose recordings the codebook was trained or tuned on. known: whether that could be
    told; where it could not, no subject counts as unseen."""

    seen: frozenset[str]
    known: bool

    def unseen(self, subjects: list[str]) -> list[bool]:
        """Of every subject, whether it is known that the codebook has not seen it."""
        return [self.known and subject not in self.seen for subject in subjects]


def codebook_exposure(codebook: Codebook, dataset: Dataset) -> CodebookExposure:
    """What the model has seen of a dataset, by the contents that it was trained on (`tokenizer.exposure`).

    Subjects of its validation recordings, and those who bear the name of a training subject, count as seen. Contents
    are of training recordings alone: in another dataset that holds some of them (with people added, or left out) those
    of validation are known by the names of their recordings. Of a model that records no contents it is known for the
    dataset it was trained on, from its split, and for real people where the model is of simulated data.
    """
    proved = exposure(codebook.config, dataset)
    own = codebook.config.get("dataset", {}).get("key") == dataset.stored_key
    if proved.known or own:
        seen = proved.subjects | proved.same_names
        if own or (proved.recordings and codebook.config.get("split")):
            seen = seen | _of_split(codebook, dataset)
        return CodebookExposure(seen=frozenset(map(str, seen)), known=True)
    return CodebookExposure(seen=frozenset(), known=bool(codebook.config.get("simulated")) and not dataset.simulated)


def _of_split(codebook: Codebook, dataset: Dataset) -> set[str]:
    subject = dict(zip(dataset.recordings["recording"], dataset.recordings["subject"].astype(str), strict=True))
    parts = codebook.config.get("split", {}).get("recordings", {})
    if not parts:
        return set(subject.values())
    return {subject[name] for part in _SEEN_PARTS for name in parts.get(part, []) if name in subject}
