"""What a cache holds, opened once: faces, datasets, codebooks and the tokens of one on the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, MANIFEST, tokens_name
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.exclusions import exclusions_manifest
from dfe_core.faces.library import list_faces, open_face
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, cache_root
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

if TYPE_CHECKING:
    from dfe_core.workspace.study import Study

_T = TypeVar("_T")


class Workspace:
    """The artefacts under one root. Each is opened when it is first asked for, and again after it was rewritten.

    Parameters
    ----------
    root
        The artefact folder; None: ``$DFE_CACHE``, or where `dfe_core.store.cache_root` puts it.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = cache_root() if root is None else Path(root).expanduser()
        self._held: dict[Path, tuple[tuple[tuple[int, int] | None, ...], Any]] = {}

    def faces(self) -> list[str]:
        """List the faces.

        Returns
        -------
        list of str
            Ids, sorted.
        """
        return list_faces(self.root)

    def datasets(self) -> list[str]:
        """List the datasets that are complete.

        Returns
        -------
        list of str
            Names, sorted.
        """
        return self._names("datasets", MANIFEST)

    def codebooks(self) -> list[str]:
        """List the trained codebooks.

        Returns
        -------
        list of str
            Names, sorted.
        """
        return self._names("models", CODEWORDS_FILE)

    def open_dataset(self, name: str) -> Dataset:
        """Open a dataset.

        Parameters
        ----------
        name
            Name of the dataset.

        Returns
        -------
        Dataset
            Opened once; later calls return the same object until the files change.

        Raises
        ------
        DataError
            When there is none of this name.
        """
        path = artefact_path("datasets", name, self.root) / MANIFEST
        excluded = exclusions_manifest(self.root, name)
        return self._opened(path, lambda: Dataset.open(name, self.root), excluded)

    def open_codebook(self, name: str) -> Codebook:
        """Open a trained codebook.

        Parameters
        ----------
        name
            Name of the codebook.

        Returns
        -------
        Codebook
            Opened once; later calls return the same object until the files change.

        Raises
        ------
        DataError
            When there is none of this name.
        """
        path = artefact_path("models", name, self.root) / CONFIG
        return self._opened(path, lambda: Codebook.open(name, self.root))

    def open_face(self, which: str = "anny") -> FaceModel:
        """Open a face.

        Parameters
        ----------
        which
            A name that `dfe_core.open_face` takes.

        Returns
        -------
        FaceModel
            Built or converted where it is not cached yet.

        Raises
        ------
        DataError
            For an unknown name and for a source that cannot be read.
        """
        path = self.root / "faces" / f"{which}.npz"
        return self._opened(path, lambda: open_face(which, self.root))

    def open_tokens(self, codebook: str, dataset: str) -> TokenCache:
        """Open the tokens of a codebook on a dataset.

        Parameters
        ----------
        codebook, dataset
            Their names.

        Returns
        -------
        TokenCache
            The tokens on disk, queried with SQL.

        Raises
        ------
        DataError
            When the dataset has not been encoded with this codebook.
        """
        path = self.root / "tokens" / tokens_name(codebook, dataset) / MANIFEST
        excluded = exclusions_manifest(self.root, dataset)
        return self._opened(path, lambda: TokenCache.open(codebook, dataset, self.root), excluded)

    def study(self, codebook: str, dataset: str, *, progress: Listener = silent) -> Study:
        """Make a `Study`, which encodes what is not encoded yet.

        Parameters
        ----------
        codebook, dataset
            Their names.
        progress
            Called with `dfe_core.progress.Progress` while something is computed.

        Returns
        -------
        Study
            The codebook over the dataset.
        """
        from dfe_core.workspace.study import Study

        return Study(codebook, dataset, workspace=self, progress=progress)

    def _opened(self, path: Path, opener: Callable[[], _T], *beside: Path) -> _T:
        """What `opener` gives, kept for as long as the file that names the artefact stays as it is, and those `beside`,
        which need not be there."""
        stamps = tuple(map(_stamp, (path, *beside)))
        held = self._held.get(path)
        if held is None or stamps[0] is None or held[0] != stamps:
            value = opener()
            stamps = tuple(map(_stamp, (path, *beside)))
            if stamps[0] is None:
                return value
            held = self._held[path] = stamps, value
        return held[1]

    def _names(self, kind: str, file: str) -> list[str]:
        folder = self.root / kind
        return sorted(p.parent.name for p in folder.glob(f"*/{file}") if not p.parent.name.startswith("."))

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"


def _stamp(path: Path) -> tuple[int, int] | None:
    """Time of the last change and inode of a file, None without it: a file renamed into its place has another."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino
