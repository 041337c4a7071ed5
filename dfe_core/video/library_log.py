"""Log lines of MediaPipe's C++ parts, which go to the process's standard error and to no logger of Python: dropped, so
that a console holds progress and errors alone."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator

SETTINGS = {"GLOG_minloglevel": "2", "TF_CPP_MIN_LOG_LEVEL": "3", "ABSL_MIN_LOG_LEVEL": "2"}
"""Read by the libraries when they load."""
_LINE = re.compile(
    rb"([IWE]\d{4} |[IWE]0000 |INFO: |WARNING: All log messages before absl|WARNING: Logging before|"
    rb"\d{4}-\d\d-\d\d .*(tensorflow|mediapipe|cpu_feature_guard))"
)
_BLOCK = 1 << 16
_lock = threading.Lock()
_users: list[object] = []
_held = contextlib.ExitStack()


@contextlib.contextmanager
def without_library_log() -> Iterator[None]:
    """Pass on what is written to standard error, without the lines of the library.

    Threads share one filter, which goes with the last of them, in whatever order they end. Where standard error is
    closed, or cannot be replaced, nothing is done.
    """
    own = object()
    with _lock:
        if not _users:
            _held.enter_context(_filtered())
        _users.append(own)
    try:
        yield
    finally:
        with _lock:
            _users.remove(own)
            if not _users:
                _held.close()


@contextlib.contextmanager
def _filtered() -> Iterator[None]:
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        real = os.dup(2)
    except OSError:
        yield
        return
    read, write = os.pipe()
    _flush()
    os.dup2(write, 2)
    os.close(write)
    worker = threading.Thread(target=_filter, args=(read, real), daemon=True)
    worker.start()
    try:
        yield
    finally:
        _flush()
        os.dup2(real, 2)  # closes the last end that is written to, so that the worker ends
        worker.join(5)
        os.close(real)


def _flush() -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()


def _filter(read: int, real: int) -> None:
    held = b""
    with contextlib.suppress(OSError):
        while block := os.read(read, _BLOCK):
            *lines, held = (held + block).split(b"\n")
            for line in lines:
                os.write(real, _kept(line, b"\n"))
            if held and not _LINE.search(held):  # a bar that is drawn over, without an end of line
                os.write(real, held)
                held = b""
        os.write(real, _kept(held, b""))
    os.close(read)


def _kept(line: bytes, end: bytes) -> bytes:
    """A line without what the library wrote: all of it, or what it wrote behind a bar that has no end of line."""
    bar, drawn, text = line.rpartition(b"\r")
    found = _LINE.search(text) if drawn else _LINE.match(text)
    return line + end if found is None else bar + drawn + text[: found.start()]
