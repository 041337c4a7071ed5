"""Discrete Facial Encoding: a codebook of facial movements, learned from recordings, and what is measured with it.

``import dfe_core as dfe`` is all that a notebook needs: ``dfe.import_recordings``, ``dfe.train``, ``dfe.Study``. The
names in ``__all__`` are the public interface. They are loaded when they are first used, so that importing this package
imports nothing heavy (PEP 562); torch, vtk and umap are imported by the functions that need them.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Codebook": "dfe_core.tokenizer.codebook",
    "Codeword": "dfe_core.tokenizer.codeword",
    "DataError": "dfe_core.errors",
    "Dataset": "dfe_core.expressions.dataset",
    "FaceModel": "dfe_core.faces.model",
    "Study": "dfe_core.workspace.study",
    "Workspace": "dfe_core.workspace.workspace",
    "encode": "dfe_core.workspace.functions",
    "evaluate": "dfe_core.workspace.functions",
    "import_recordings": "dfe_core.workspace.functions",
    "open_codebook": "dfe_core.workspace.functions",
    "open_dataset": "dfe_core.workspace.functions",
    "open_face": "dfe_core.faces.library",
    "train": "dfe_core.workspace.functions",
}
"""Public name → the module that defines it."""

__all__ = [
    "Codebook",
    "Codeword",
    "DataError",
    "Dataset",
    "FaceModel",
    "Study",
    "Workspace",
    "__version__",
    "encode",
    "evaluate",
    "import_recordings",
    "open_codebook",
    "open_dataset",
    "open_face",
    "simulate",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "simulate":  # a sub-package that can be called, so that its name means one thing in any import order
        return importlib.import_module("dfe_core.simulate")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
