"""A codebook and a dataset opened together, with the tokens of both."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import note_look, opened_seal
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.store import content_key
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dfe_core.tokens.intervals import RunIndex

DERIVED = "derived"
"""Name of the AUs that are estimated from ARKit coefficients, made where they are asked for and missing."""


class OpenedStudy:
    """A codebook over a dataset, encoded: what analyses and widgets of a study have in common."""

    def __init__(
        self,
        codebook: Codebook | str,
        dataset: Dataset | str,
        *,
        root: str | Path | None = None,
        workspace: Workspace | None = None,
        progress: Listener = silent,
    ) -> None:
        self.workspace = workspace or Workspace(root or _root_of(codebook) or _root_of(dataset))
        self.codebook = self.workspace.open_codebook(codebook) if isinstance(codebook, str) else codebook
        self.dataset = self.workspace.open_dataset(dataset) if isinstance(dataset, str) else dataset
        self.progress = progress
        self.token_cache = self._encoded()

    @property
    def root(self) -> Path:
        """The artefact folder."""
        return self.workspace.root

    @property
    def face(self) -> FaceModel:
        """The face of both."""
        return self.workspace.open_face(self.codebook.face_id)

    @cached_property
    def intervals_index(self) -> RunIndex:
        """The index of the intervals in which codewords are present, built once and kept on disk."""
        from dfe_core.tokens.intervals import build_runs

        return build_runs(self.token_cache, self.progress)

    def _note_look(self, act: str, label: str, settings: Any) -> None:
        """Count an analysis of labels that were sealed. settings: a record of plain values."""
        if (seal := opened_seal(self.dataset.manifest, self.root)) is not None:
            note_look(seal, act, label, content_key([self.codebook.model, str(settings)]), self.root)

    def _encoded(self) -> TokenCache:
        """The tokens of both as they are, encoded now where there are none."""
        name, dataset = self.codebook.model, self.dataset.name
        try:
            tokens = self.workspace.open_tokens(name, dataset)
            made_from = (
                tokens.manifest.get("model_key", self.codebook.key),
                tokens.manifest.get("dataset_key", self.dataset.stored_key),
            )
            if made_from == (self.codebook.key, self.dataset.stored_key):
                return tokens
        except DataError:
            pass
        from dfe_core.tokens.encoding import encode_dataset

        encode_dataset(name, dataset, root=self.root, progress=self.progress)
        return self.workspace.open_tokens(name, dataset)

    def _derive_missing(self, aus: str) -> None:
        from dfe_core.facs.store import list_aligned

        if aus == DERIVED and DERIVED not in list_aligned(self.dataset.name, self.root):
            from dfe_core.facs.derive import derive_aus

            derive_aus(self.dataset, DERIVED, root=self.root, progress=self.progress)

    def _any_aus(self, asked: str | None) -> str | None:
        """The AUs of an analysis that names none: those asked for, else `default_aus`, else derived where that is
        possible."""
        from dfe_core.facs.derive import make_deriver
        from dfe_core.facs.store import default_aus, list_aligned

        if usual := asked or default_aus(self.dataset.name, self.root):
            return usual
        here = list_aligned(self.dataset.name, self.root)
        try:
            make_deriver(self.dataset.names)
        except DataError:
            return here[0] if here else None
        return DERIVED


def _root_of(artefact: Codebook | Dataset | str) -> Path | None:
    """The artefact folder that an opened artefact is in."""
    path = None if isinstance(artefact, str) else artefact.path
    return path.parent.parent if path else None
