"""Names of recordings, subjects and sessions from the names of files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dfe_core.errors import DataError

LONGEST_S = 3.0
_MATCH = (
    "import json, re, sys; pattern, names = json.load(sys.stdin)\nfor name in names: re.compile(pattern).search(name)"
)


def recording_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, with the folder before it where stems clash, and a number where those clash."""
    names = [path.stem for path in paths]
    clashing = {name for name, count in Counter(names).items() if count > 1}
    names = [
        f"{path.parent.name}-{name}" if name in clashing and path.parent.name else name
        for path, name in zip(paths, names, strict=True)
    ]
    taken: set[str] = set()
    unique = []
    for name in names:
        number, candidate = 2, name
        while candidate in taken:
            candidate, number = f"{name}-{number}", number + 1
        taken.add(candidate)
        unique.append(candidate)
    return unique


def compile_pattern(pattern: str | None) -> re.Pattern[str] | None:
    """The regular expression for `who`. Raises `DataError` for one that is broken or has no group."""
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise DataError(
            f"--subject-pattern {pattern}", f"no regular expression ({error})", r"one like '(s\d+)_'"
        ) from None
    if not compiled.groups:
        raise DataError(f"--subject-pattern {pattern}", "no group", r"the subject in brackets, like '(s\d+)_'")
    return compiled


def check_pattern(pattern: re.Pattern[str] | None, paths: Sequence[Path]) -> None:
    """Raise `DataError` for a pattern that takes too long on these files' names, and for one whose group of the subject
    is empty wherever it fits, as in ``()`` or ``(x*)``: every file would count as a person of its own."""
    if pattern is None:
        return
    _check_time(pattern, paths)
    fits = [_subject_group(match) for path in paths if (match := _found(path, pattern)) is not None]
    if fits and not any(fits):
        raise DataError(
            f"--subject-pattern {pattern.pattern}",
            f"a group that is empty in all {len(fits):,} names that it fits" if len(fits) > 1 else "an empty group",
            r"the subject in brackets, like '(s\d+)_'",
        )


def _found(path: Path, pattern: re.Pattern[str]) -> re.Match[str] | None:
    return pattern.search(path.name) or pattern.search(f"{path.parent.name}/{path.name}")


def _subject_group(match: re.Match[str]) -> str:
    """What the pattern says of a name: its subject, or its session where it names that alone."""
    groups = match.groupdict()
    if "subject" in groups or "session" in groups:
        return (groups.get("subject") if "subject" in groups else groups["session"]) or ""
    return match[1] or ""


def _check_time(pattern: re.Pattern[str], paths: Sequence[Path]) -> None:
    """Raise `DataError` for a pattern that takes too long on these files' names.

    Python's matcher may need time that doubles with every character. Where that is possible (two repeats, choices or
    counts of them), the names are matched in another process first, which is ended after `LONGEST_S`.
    """
    if len(re.findall(r"[*+?|{]", pattern.pattern.replace("(?", "("))) < 2:
        return
    names = [name for path in paths for name in (path.name, f"{path.parent.name}/{path.name}")]
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MATCH],
            input=json.dumps([pattern.pattern, names]).encode(),
            timeout=LONGEST_S,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"--subject-pattern {pattern.pattern}",
            f"takes over {LONGEST_S:.0f} s on these names",
            r"one without a repeat in a repeat, like '(s\d+)_'",
        ) from None


def subject_and_session(path: Path, pattern: re.Pattern[str] | None) -> tuple[str, str]:
    """Subject and session from a file's name, "" where the pattern does not tell.

    The groups named ``subject`` and ``session`` count, or the first group is the subject. The pattern is looked for in
    the name, then in the folder and name (``s01/take2.csv``), with ``/`` between.
    """
    if pattern is None:
        return "", ""
    match = _found(path, pattern)
    if match is None:
        return "", ""
    groups = match.groupdict()
    if "subject" in groups or "session" in groups:
        return groups.get("subject") or "", groups.get("session") or ""
    return match[1] or "", ""
