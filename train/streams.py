"""The standard streams of a command: closed ones, readers that went away, terminals of few characters; and warnings."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from dfe_core.progress import ENDS_WITH_STDIN


class Forgiving:
    """A text stream for progress and messages: what can no longer be written is dropped, and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lost = stream, False

    def write(self, text: str) -> int:
        return self._try(self._stream.write, text) or len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, act: Any, *arguments: Any) -> Any:
        try:
            return None if self._lost else act(*arguments)
        except (BrokenPipeError, ValueError):  # the reader went away; or the stream was closed
            self._lost = True
            return None


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text of files from anywhere without what a terminal obeys: control characters as escapes, but tab and newline."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class Printable:
    """A text stream for what a command says, through `printable`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare() -> None:
    """Make stdout and stderr usable: never None, never at odds with their encoding; stderr forgives a lost reader."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us (>&-)
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Forgiving):
        sys.stderr = Forgiving(sys.stderr)


_PATIENCE_S = 5.0
INTERRUPTED = 130


def discard_stdout() -> None:
    """Send what is still to be printed nowhere: its reader went away."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


def end_with_stdin() -> None:
    """Where `ENDS_WITH_STDIN` is set: interrupt this process as soon as its stdin is closed."""
    if not os.environ.pop(ENDS_WITH_STDIN, ""):
        return

    def wait() -> None:
        try:
            while os.read(0, 1024):
                pass
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(_PATIENCE_S)  # the main thread may be deep in compiled code that sees no signal
        os._exit(INTERRUPTED)

    threading.Thread(target=wait, daemon=True).start()


_FOR_DEVELOPERS = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
    BytesWarning,
    EncodingWarning,
)
_LONGEST = 300  # characters of a warning


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
    for line in dict.fromkeys(_warning_line(warning) for warning in caught):
        print(f"warning: {printable(line)}", file=sys.stderr)


def _warning_line(warning: warnings.WarningMessage) -> str:
    text = " ".join(str(warning.message).split())
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
    return text if warning.category is UserWarning else f"{warning.category.__name__}: {text}"
