"""What an import did, for people: what came in, what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dfe_core.errors import DataError

_SHOWN = 10


@dataclass(frozen=True)
class ImportReport:
    """What an import did. `str` gives the summary for people.

    imported: (recording, frames, notes). skipped: (path, message). notes: on the dataset as a whole.
    """

    dataset: str
    face: str
    imported: tuple[tuple[str, int, tuple[str, ...]], ...]
    skipped: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        frames = sum(count for _, count, _ in self.imported)
        lines = [f"dataset {self.dataset}: {len(self.imported)} recordings, {frames:,} frames, face {self.face}"]
        width = max((len(name) for name, _, _ in self.imported), default=0)
        for name, count, notes in self.imported:
            lines += [f"  {name:{width}}  {count:>8,} frames", *(f"    {note}" for note in notes)]
        lines += [f"note: {note}" for note in self.notes]
        if self.skipped:
            lines += [f"skipped {len(self.skipped)}:", *(f"  {message}" for _, message in self.skipped)]
        return "\n".join(lines)


def nothing_imported(name: str, skipped: Sequence[tuple[Path, str]]) -> DataError:
    """The error of an import that left nothing: of one file its own, of several what each was skipped for."""
    if len(skipped) == 1:
        path, message = skipped[0]
        return DataError(path, message.removeprefix(f"{path}: ")) if message.startswith(f"{path}: ") \
            else _plain_error(message)
    shown = " | ".join(message for _, message in skipped[:_SHOWN])
    more = f" | and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
    return DataError(name, f"nothing imported, {len(skipped)} files skipped: {shown}{more}")


def _plain_error(message: str) -> DataError:
    where, _, rest = message.partition(": ")
    return DataError(where, rest)
