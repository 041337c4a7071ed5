"""Records that wait on disk until they are written for good, so that ten thousand files cost no memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import Any


class Spool:
    """Plain records (text, numbers, None, and lists of them), one after the other; read back as they were."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # ends with this object
        self._count = 0

    def append(self, record: dict[str, Any]) -> None:
        """Add a record. Raises `TypeError` for what JSON does not have."""
        self._file.write(json.dumps(record, default=_plain) + "\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        yield from (json.loads(line) for line in self._file)
        self._file.seek(0, 2)


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain value")
