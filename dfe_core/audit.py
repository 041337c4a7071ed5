"""Who did what to a cache: one JSON line for each act that makes, changes, removes or brings back an artefact, in
``audit.jsonl`` of the cache.

A line says when, who, by which way, what was done to which artefacts, and how it ended. It holds the name of a
recording where one was removed, and of a set of frames where one was noted: a withdrawal takes those out (`redact`).
The log is for people who trust each other: whoever may write the cache may also write the log.
"""

from __future__ import annotations

import functools
import getpass
import inspect
import json
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, cast

from dfe_core.artefact_names import SEPARATOR
from dfe_core.errors import DataError
from dfe_core.locks import claim
from dfe_core.store import artefact_path, atomic_file, cache_root, require_new_name
from dfe_core.text_enum import StrEnum

AUDIT_FILE, EARLIER_FILE = "audit.jsonl", "audit.1.jsonl"
PERSON = "DFE_PERSON"
"""Variable of the environment: the person for whom a command runs, where another one than the account is."""
MOST_BYTES = 8_000_000
"""A log of this size becomes the earlier one, in the place of that which was the earlier one before."""
_LOCK_S = 5.0
_NAMED_BY_PEOPLE = ("set", "frames", "face")
_F = TypeVar("_F", bound=Callable[..., Any])


class Outcome(StrEnum):
    """How an act ended. refused: it could not be served, or its person may not do it; failed: by an error of dfe."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Way(StrEnum):
    """From where an act was asked for."""

    COMMAND = "command"
    DASHBOARD = "dashboard"
    PYTHON = "python"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log.

    time: UTC, ISO 8601. person: an e-mail address where there is a login, else the account. account: of the machine.
    act: a verb, as ``train``. artefacts: ``kind/name`` of each. part: of the artefact, as a recording or a codeword.
    """

    time: str
    person: str
    account: str = ""
    way: str = ""
    act: str
    artefacts: tuple[str, ...] = ()
    part: str = ""
    outcome: str = Outcome.DONE

    @property
    def what(self) -> str:
        """Its artefacts, and the part of them."""
        return ", ".join(self.artefacts) + (f": {self.part}" if self.part else "")


@dataclass(frozen=True, kw_only=True)
class Log:
    """The latest entries, the newest first. unreadable: lines that are none, as a full disk or a power cut leaves."""

    entries: tuple[Entry, ...]
    unreadable: int = 0


@dataclass(kw_only=True)
class Act:
    """An act under way; what it is done to may become known only while it runs."""

    artefacts: Sequence[str] = ()
    part: str = ""


@dataclass(frozen=True)
class _Actor:
    person: str
    way: Way


_actor: ContextVar[_Actor | None] = ContextVar("actor", default=None)
_under_way: ContextVar[bool] = ContextVar("under_way", default=False)


@contextmanager
def acting(person: str, way: Way) -> Iterator[None]:
    """What this thread does in the block is done by this person."""
    token = _actor.set(_Actor(person, way))
    try:
        yield
    finally:
        _actor.reset(token)


def acting_person() -> str:
    """Who acts now: the person of `acting`, else of `PERSON`, else the account."""
    actor = _actor.get()
    return (actor.person if actor else os.environ.get(PERSON, "")) or account()


def account() -> str:
    """The name of this process' account on the machine; empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


@contextmanager
def recorded(
    act: str, artefacts: Sequence[str] = (), part: str = "", root: Path | None = None, *, whole: bool = True
) -> Iterator[Act]:
    """Write a line when the block has ended, however it ends.

    whole: acts within the block are a part of this one and have no lines of their own. A log that cannot be written
    stops nothing: it is reported to the log of the process.
    """
    held = Act(artefacts=artefacts, part=part)
    if _under_way.get():
        yield held
        return
    token, outcome = _under_way.set(whole), Outcome.FAILED
    try:
        yield held
        outcome = Outcome.DONE
    except DataError:
        outcome = Outcome.REFUSED
        raise
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
        raise
    finally:
        with _interruptions_wait():  # one that comes while the act fails by itself, as torchrun's does, loses no line
            _under_way.reset(token)
            _write(_entry(act, held, outcome), root or cache_root())


@contextmanager
def _interruptions_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect when the block has ended. Only the main thread is ever interrupted by them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in usual.items() if callable(handler)]  # others end the process, or do nothing
    for number in ours:
        signal.signal(number, lambda which, _: came.append(which))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, usual[number])
        for which in came[:1]:
            signal.raise_signal(which)


def audited(
    act: str, kind: str, name: Callable[[Mapping[str, Any]], str] | None = None, *, wait_s: float | None = None
) -> Callable[[_F], _F]:
    """A decorator: each call of the function is an act on the artefact ``kind/name``.

    name: makes the artefact's name of the function's arguments; None: its argument ``name``, which must be one that
    `require_new_name` takes where the function is the only writer.
    wait_s: the function is the only writer of the artefact from its start to its end, and raises `DataError` where
    another command writes it for over so many seconds; None: it claims what it writes by itself.

    The root is the function's argument ``root``, else that of its argument ``dataset``, where this is an opened one.
    """

    def decorate(function: _F) -> _F:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.arguments
            opened = getattr(given.get("dataset"), "path", None)
            root = given.get("root") or (opened.parents[1] if opened else None)
            label = name(given) if name else given["name"]
            with recorded(act, [f"{kind}/{label}"], root=root):
                if wait_s is None:
                    return function(*args, **kwargs)
                path = artefact_path(kind, label, root) if name else require_new_name(kind, label, root)
                with claim(path, wait_s):
                    return function(*args, **kwargs)

        return cast(_F, call)

    return decorate


def read_log(root: Path | None = None, limit: int | None = None) -> Log:
    """The latest `limit` entries (None: all) of the log and the earlier one."""
    root = root or cache_root()
    lines = [line for name in (EARLIER_FILE, AUDIT_FILE) for line in _lines(root / name)]
    found = [_parsed(line) for line in lines]
    entries = [entry for entry in reversed(found) if entry is not None]
    return Log(entries=tuple(entries[:limit]), unreadable=found.count(None))


def redact(names: Mapping[str, set[str]], everywhere: set[str], mark: str, root: Path | None = None) -> None:
    """Take names out of the log, for a person who withdraws; `mark` stands in their place.

    names: of recordings, by dataset: parts of acts on that dataset. everywhere: names that nobody else has, wherever
    they stand in artefacts and parts. A line that cannot be read and holds one of them goes.
    """
    root = root or cache_root()
    by_artefact = {f"datasets/{name}": theirs for name, theirs in names.items()}
    held = [path for path in (root / EARLIER_FILE, root / AUDIT_FILE) if path.is_file()]
    with claim(root / AUDIT_FILE, _LOCK_S) if held else nullcontext():  # which also keeps one from becoming the other
        for path in held:
            before = _lines(path)
            after = [kept for line in before if (kept := _without(line, by_artefact, everywhere, mark))]
            if after != before:
                with atomic_file(path) as temporary:
                    temporary.write_text("".join(f"{line}\n" for line in after), encoding="utf-8")


def _without(line: str, by_artefact: Mapping[str, set[str]], everywhere: set[str], mark: str) -> str:
    entry = _parsed(line)
    if entry is None:
        written = [json.dumps(name, ensure_ascii=ascii)[1:-1] for name in everywhere for ascii in (True, False)]
        return "" if any(name in line for name in written) else line
    theirs = everywhere.union(*(by_artefact.get(label, ()) for label in entry.artefacts))
    labels = tuple(_label_without(label, everywhere, mark) for label in entry.artefacts)
    clean = replace(entry, artefacts=labels, part=_part_without(entry.part, theirs, mark))
    return line if clean == entry else _line(clean)


def _label_without(label: str, names: set[str], mark: str) -> str:
    """An artefact that is named after the person alone, or is joined of such names."""
    kind, _, name = label.partition("/")
    return f"{kind}/{SEPARATOR.join(mark if part in names else part for part in name.split(SEPARATOR))}"


def _part_without(part: str, names: set[str], mark: str) -> str:
    """A recording; or the name that somebody gave to a set (``frames/s1 smiles``), of which it may be a word."""
    kind, _, title = part.partition("/")
    if part in names:
        return mark
    if kind not in _NAMED_BY_PEOPLE:
        return part
    for name in sorted(names, key=len, reverse=True):  # s1_talk before s1
        title = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", lambda _: mark, title)
    return f"{kind}/{title}"


def _entry(act: str, held: Act, outcome: Outcome) -> Entry:
    actor, named = _actor.get(), acting_person()
    own = account()
    return Entry(
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        person=named,
        account=own if own != named else "",
        way=actor.way if actor else Way.PYTHON,
        act=act,
        artefacts=tuple(held.artefacts),
        part=held.part,
        outcome=outcome,
    )


def _line(entry: Entry) -> str:
    return json.dumps({key: value for key, value in asdict(entry).items() if value}, ensure_ascii=False)


def _write(entry: Entry, root: Path) -> None:
    if not root.is_dir():  # nothing was made, and a refusal makes no cache
        return
    path = root / AUDIT_FILE
    try:
        with suppress(DataError), claim(path, _LOCK_S):
            if path.is_file() and path.stat().st_size > MOST_BYTES:
                os.replace(path, root / EARLIER_FILE)
            _append(path, _line(entry))
            return
        _append(path, _line(entry))  # the lock is held by somebody for long: one write does not mix with another
    except OSError as error:
        logging.getLogger(__name__).warning("%s: the act %r was not logged (%s)", path, entry.act, error)


def _append(path: Path, line: str) -> None:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        torn = size > 0 and os.lseek(handle, -1, os.SEEK_END) >= 0 and os.read(handle, 1) != b"\n"  # of a power cut:
        # what it left is a line of its own
        os.write(handle, (b"\n" if torn else b"") + line.encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip()]
    except OSError:
        return []


_TEXTS = tuple(f.name for f in fields(Entry) if f.name != "artefacts")


def _parsed(line: str) -> Entry | None:
    """The entry of a line; None for anything else. Fields of later versions are left out."""
    try:
        held = json.loads(line)
        labels = held.get("artefacts", [])
        texts = {name: held[name] for name in _TEXTS if name in held}
        if not all(isinstance(text, str) for text in [*labels, *texts.values()]):
            return None
        return Entry(artefacts=tuple(labels), **texts)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
