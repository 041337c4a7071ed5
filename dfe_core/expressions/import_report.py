"""What an import did, for people: what came in, what was left out and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dfe_core.errors import DataError

_SHOWN = 10
_NAMED = 4  # of the recordings that have a note


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
                *(
                    f"  {len(names)} of {len(self.imported)} recordings{_told(names, len(self.imported))}: {note}"
                    for note, names in _summed(self.imported)
                ),
            ]
        lines += [f"note: {note}" for note in self.notes]
        if self.known:
            lines.append(f"{self.known:,} files were in it already")
        if self.skipped:
            lines += [f"skipped {len(self.skipped)}:", *(f"  {error}" for _, error in self.skipped)]
        return "\n".join(lines)


def _told(names: Sequence[str], of: int) -> str:
    """Which recordings, where it is not all of them."""
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f" ({shown})" if len(names) < of else ""


def _summed(imported: Sequence[tuple[str, int, tuple[str, ...]]]) -> list[tuple[str, list[str]]]:
    """Notes that differ by nothing but their numbers, once each as the first recording has it, and the recordings."""
    having: dict[str, list[str]] = {}
    worded: dict[str, list[str]] = {}
    for name, _, notes in imported:
        keys = {note: re.sub(r"\d[\d.,]*", "#", note) for note in notes}
        for key in dict.fromkeys(keys.values()):
            having.setdefault(key, []).append(name)
        for note, key in keys.items():
            worded.setdefault(key, []).append(note)
    return [
        (worded[key][0] + (" (the first; numbers differ)" if len(set(worded[key])) > 1 else ""), names)
        for key, names in having.items()
    ]


def nothing_imported(name: str, skipped: Sequence[tuple[Path, DataError]]) -> DataError:
    """The error of an import that left nothing: of one file its own, of several what each was skipped for."""
    if len(skipped) == 1:
        return skipped[0][1]
    shown = " | ".join(str(error) for _, error in skipped[:_SHOWN])
    more = f" | and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
    return DataError(name, f"nothing imported, {len(skipped)} files skipped: {shown}{more}")
