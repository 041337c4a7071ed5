"""`StrEnum` of Python 3.11, for 3.10 too."""

from __future__ import annotations

from enum import Enum


class StrEnum(str, Enum):
    """A constant that is its text: compared, formatted, sorted and written to JSON as the plain string."""

    def __str__(self) -> str:
        return str(self.value)
