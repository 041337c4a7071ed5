"""Which artefact was made from which: the one graph that listing, removal, withdrawal and the check-up walk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from dfe_core.artefact import MADE_FROM, Artefact, ArtefactId, list_artefacts
from dfe_core.artefact_names import DATASETS, MODELS, TOKENS
from dfe_core.store import cache_root, content_key


class ArtefactGraph:
    """The artefacts of a cache, each with those that it was made from.

    Parameters
    ----------
    artefacts: by kind in the order in which one is made from the other, then by name.
    """

    def __init__(self, artefacts: Iterable[Artefact]) -> None:
        self.artefacts = tuple(artefacts)
        tokens = _tokens_by_key(self.artefacts)
        self._sources = {a.id: a.made_from | _sources_by_key(a, tokens) for a in self.artefacts}
        self._users: dict[ArtefactId, list[Artefact]] = defaultdict(list)
        for artefact in self.artefacts:
            for source in self._sources[artefact.id]:
                self._users[source].append(artefact)

    @classmethod
    def of(cls, root: Path | None = None) -> ArtefactGraph:
        """The graph of a cache as it is now."""
        return cls(list_artefacts(root or cache_root()))

    def sources(self, artefact: Artefact) -> frozenset[ArtefactId]:
        """What an artefact was made from."""
        return self._sources[artefact.id]

    def dependants(self, artefact: Artefact) -> list[Artefact]:
        """Everything that was made from an artefact, directly or through others, in the order of `artefacts`.

        A model stands by itself once it is trained: what was made from it does not need the dataset that it was
        trained on.
        """
        reached, waiting = {artefact.id}, [artefact.id]
        while waiting:
            source = waiting.pop()
            for user in self._users.get(source, ()):
                if user.id not in reached:
                    reached.add(user.id)
                    waiting += [] if _stands_by_itself(user.id, source) else [user.id]
        return [a for a in self.artefacts if a.id in reached and a.id != artefact.id]

    def unknown_origin(self) -> list[Artefact]:
        """Analyses of older versions of dfe that do not say what they were made from."""
        return [a for a in self.artefacts if not a.origin_known and not self._sources[a.id]]

    def missing_sources(self, artefact: Artefact) -> list[ArtefactId]:
        """What an artefact was made from and needs, and is not there any more, sorted."""
        there = {a.id for a in self.artefacts}
        gone = self._sources[artefact.id] - there
        return sorted(source for source in gone if not _stands_by_itself(artefact.id, source))


def _stands_by_itself(user: ArtefactId, source: ArtefactId) -> bool:
    """A trained model needs its dataset no more; indexes, tokens and reports do need what they were made from."""
    return user.kind == MODELS and source.kind == DATASETS


def _tokens_by_key(artefacts: Iterable[Artefact]) -> dict[str, Artefact]:
    return {content_key(a.manifest): a for a in artefacts if a.kind == TOKENS and a.manifest}


def _sources_by_key(artefact: Artefact, tokens: dict[str, Artefact]) -> frozenset[ArtefactId]:
    """Indexes of tokens by a version of dfe that wrote no ``made_from`` name their tokens by content key."""
    key = None if MADE_FROM in artefact.manifest else artefact.manifest.get("tokens")
    found = tokens.get(key) if isinstance(key, str) else None
    return frozenset() if found is None else found.made_from | {found.id}
