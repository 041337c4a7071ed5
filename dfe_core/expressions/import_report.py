"""What an import did, for people: what came in, what was left out and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dfe_core.errors import DataError

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did. `str` gives the summary for people.

    imported: (recording, frames, notes). skipped: (path, error). notes: on the dataset as a whole. known: files that
    were in the dataset already, to which the others were added.
    """

    dataset: str
    face: str
    imported: tuple[tuple[str, int, tuple[str, ...]], ...]
    skipped: tuple[tuple[Path, DataError], ...]
    notes: tuple[str, ...]
    known: int = 0

    def __str__(self) -> str:
        frames = sum(count for _, count, _ in self.imported)
        lines = [f"dataset {self.dataset}: {len(self.imported)} recordings, {frames:,} frames, face {self.face}"]
        width = max((len(name) for name, _, _ in self.imported), default=0)
        several = len(self.imported) > _SHOWN
        for name, count, notes in self.imported[:_SHOWN]:
            lines += [f"  {name:{width}}  {count:>8,} frames", *(f"    {note}" for note in notes if not several)]
        if several:
            lines += [
                f"  and {len(self.imported) - _SHOWN} more",
                *(f"  {count} of {len(self.imported)} recordings: {note}" for note, count in _summed(self.imported)),
            ]
        lines += [f"note: {note}" for note in self.notes]
        if self.known:
            lines.append(f"{self.known:,} files were in it already")
        if self.skipped:
            lines += [f"skipped {len(self.skipped)}:", *(f"  {error}" for _, error in self.skipped)]
        return "\n".join(lines)


def _summed(imported: Sequence[tuple[str, int, tuple[str, ...]]]) -> list[tuple[str, int]]:
    """Notes that differ by nothing but their numbers, once each as the first recording has it, and in how many."""
    first: dict[str, str] = {}
    count: dict[str, int] = {}
    for _, _, notes in imported:
        for key in dict.fromkeys(re.sub(r"[\d.,]+", "#", note) for note in notes):
            count[key] = count.get(key, 0) + 1
        for note in notes:
            first.setdefault(re.sub(r"[\d.,]+", "#", note), note)
    return [
        (f"{note}{' (the first; numbers differ)' if count[key] > 1 and '#' in key else ''}", count[key])
        for key, note in first.items()
    ]


def nothing_imported(name: str, skipped: Sequence[tuple[Path, DataError]]) -> DataError:
    """The error of an import that left nothing: of one file its own, of several what each was skipped for."""
    if len(skipped) == 1:
        return skipped[0][1]
    shown = " | ".join(str(error) for _, error in skipped[:_SHOWN])
    more = f" | and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
    return DataError(name, f"nothing imported, {len(skipped)} files skipped: {shown}{more}")
