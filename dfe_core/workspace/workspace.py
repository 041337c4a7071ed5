"""What a cache holds, opened once: faces, datasets, codebooks and the tokens of one on the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dfe_core.expressions.dataset import Dataset
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
    """The artefacts under one root. Each is opened when it is asked for first, and again when it was written anew.

    Parameters
    ----------
    root: the artefact folder; None: ``$DFE_CACHE``, or where `dfe_core.store.cache_root` puts it.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = cache_root() if root is None else Path(root).expanduser()
        self._held: dict[Path, tuple[tuple[int, int], Any]] = {}

    def faces(self) -> list[str]:
        """Ids of the faces that are here, sorted."""
        return list_faces(self.root)

    def datasets(self) -> list[str]:
        """Names of the whole datasets, sorted."""
        return self._names("datasets", "manifest.json")

    def codebooks(self) -> list[str]:
        """Names of the trained codebooks, sorted."""
        return self._names("models", "codewords.parquet")

    def open_dataset(self, name: str) -> Dataset:
        """A dataset by name. Raises `DataError` when there is none."""
        path = artefact_path("datasets", name, self.root) / "manifest.json"
        return self._opened(path, lambda: Dataset.open(name, self.root))

    def open_codebook(self, name: str) -> Codebook:
        """A trained codebook by name. Raises `DataError` when there is none."""
        path = artefact_path("models", name, self.root) / "config.json"
        return self._opened(path, lambda: Codebook.open(name, self.root))

    def open_face(self, which: str = "anny") -> FaceModel:
        """A face, as `dfe_core.open_face` names it."""
        path = self.root / "faces" / f"{which}.npz"
        return self._opened(path, lambda: open_face(which, self.root))

    def open_tokens(self, codebook: str, dataset: str) -> TokenCache:
        """The tokens of a codebook on a dataset. Raises `DataError` when it has not been encoded."""
        path = self.root / "tokens" / f"{codebook}--{dataset}" / "manifest.json"
        return self._opened(path, lambda: TokenCache.open(codebook, dataset, self.root))

    def study(self, codebook: str, dataset: str, *, progress: Listener = silent) -> Study:
        """The `Study` of a codebook over a dataset, which encodes what is not encoded yet."""
        from dfe_core.workspace.study import Study

        return Study(codebook, dataset, workspace=self, progress=progress)

    def _opened(self, path: Path, opener: Callable[[], _T]) -> _T:
        """What `opener` gives, kept for as long as the file that names the artefact stays as it is."""
        stamp = _stamp(path)
        held = self._held.get(path)
        if held is None or stamp is None or held[0] != stamp:
            value = opener()
            stamp = _stamp(path)
            if stamp is None:
                return value
            held = self._held[path] = stamp, value
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
