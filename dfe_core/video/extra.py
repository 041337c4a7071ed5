"""The packages of the optional extra ``dfe[video]``, imported when first needed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from dfe_core.errors import DataError

INSTALL = "pip install 'dfe[video]'"


def available() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("mediapipe", "cv2"))


def load(name: str) -> ModuleType:
    """A module of the extra. Raises `DataError` that says how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        missing = (
            isinstance(error, ModuleNotFoundError)
            and (error.name or "").split(".")[0] == name.split(".", maxsplit=1)[0]
        )
        found = "not installed" if missing else f"does not load ({error})"
        raise DataError(
            f"package {name.split('.', maxsplit=1)[0]}", found, f"{INSTALL}: extraction from video needs it"
        ) from None
