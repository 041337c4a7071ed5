"""Warnings of a command: kept while it works, then one line each on stderr, below its progress."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_FOR_DEVELOPERS = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
    BytesWarning,
    EncodingWarning,
)
_LONGEST = 300


@contextmanager
def warning_lines() -> Iterator[None]:
    """Print what the block warned of, each thing once, when it ends without an error; an error stands alone.

    Warnings that speak to developers (deprecations, open files) are left out.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for category in _FOR_DEVELOPERS:
            warnings.simplefilter("ignore", category)
        yield
    for line in dict.fromkeys(_line(warning) for warning in caught):
        print(f"warning: {line}", file=sys.stderr)


def _line(warning: warnings.WarningMessage) -> str:
    text = " ".join(str(warning.message).split())
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
    return text if warning.category is UserWarning else f"{warning.category.__name__}: {text}"
