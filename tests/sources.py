"""The project's own Python files as tests read them: each is parsed once in a process, and what was found is kept.

A whole tree of every file would hold a quarter of a gigabyte; what is kept here are a few tuples a file.
"""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("dfe_core", "train", "dashboard")


class Imported(NamedTuple):
    """One name of an import, wherever in the file; `name` is empty for ``import module``."""

    module: str
    name: str
    level: int
    line: int
    caught: bool
    """Whether a failure is caught where the import stands."""


class Text(NamedTuple):
    """A string literal; one that stands by itself is a docstring or a comment in the place of one."""

    value: str
    line: int
    by_itself: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """What tests ask of a file."""

    path: Path
    imports: tuple[Imported, ...]
    texts: tuple[Text, ...]
    attributes: frozenset[str]
    """Attributes of plain names, such as ``os.fork``."""
    defined: tuple[str, ...]
    """Functions and classes at the top level."""

    @property
    def place(self) -> str:
        """Its path in the project, with slashes."""
        return self.path.relative_to(PROJECT).as_posix()


@contextmanager
def without_collecting() -> Iterator[None]:
    """Trees are many small objects of which none is garbage: looking for some takes longer than to parse."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@functools.cache
def files(*folders: str) -> tuple[Path, ...]:
    """The Python files of folders of the project, of its packages where none is named."""
    return tuple(path for folder in folders or PACKAGES for path in sorted((PROJECT / folder).rglob("*.py")))


def sources(*folders: str) -> list[Source]:
    """What the files of folders hold, of the packages where none is named."""
    with without_collecting():
        return [source(path) for path in files(*folders)]


@functools.cache
def source(path: Path) -> Source:
    """What one file holds."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports: list[ast.Import | ast.ImportFrom] = []
    texts, attributes, caught, by_themselves = [], set(), set(), set()
    for node in ast.walk(tree):  # what stands around a node comes before it
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                texts.append(Text(node.value, node.lineno, id(node) in by_themselves))
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name):
                attributes.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Expr):
            by_themselves.add(id(node.value))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif isinstance(node, ast.Try) and any("ImportError" in ast.dump(h.type) for h in node.handlers if h.type):
            caught |= {id(part) for part in node.body}
    return Source(
        path=path,
        imports=tuple(one for node in imports for one in _names(node, id(node) in caught)),
        texts=tuple(texts),
        attributes=frozenset(attributes),
        defined=tuple(n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)),
    )


def _names(node: ast.Import | ast.ImportFrom, caught: bool) -> Iterator[Imported]:
    for one in node.names:
        if isinstance(node, ast.Import):
            yield Imported(one.name, "", 0, node.lineno, caught)
        else:
            yield Imported(node.module or "", one.name, node.level, node.lineno, caught)
