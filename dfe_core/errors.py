"""The one exception a user's data can raise."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class DataError(ValueError):
    """Data or a request that cannot be served.

    Reads as ``<where>: <found>; expected <expected>``, one line, so that the command line can print it as it is
    and a page can show it beside the object it names.

    Parameters
    ----------
    where
        The file, artefact or option concerned (a path is shown as given), with a column or row where known.
    found
        What is there.
    expected
        What would have been accepted, or what to do next.
    """

    def __init__(self, where: str | Path, found: str, expected: str | None = None) -> None:
        self.where, self.found, self.expected = str(where), found, expected
        message = f"{where}: {found}" + (f"; expected {expected}" if expected else "")
        super().__init__(" ".join(message.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Its text and its parts, so that it comes back whole from another process or a cache."""
        return _restored, (type(self), self.args, self.__dict__)

    @property
    def reason(self) -> str:
        """``<found>; expected <expected>``: the error beside the object that it is of."""
        return " ".join((self.found + (f"; expected {self.expected}" if self.expected else "")).split())


def _restored(kind: type[DataError], args: tuple[Any, ...], parts: dict[str, Any]) -> DataError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(parts)
    return error
