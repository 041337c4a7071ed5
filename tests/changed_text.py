"""Load packages with every sentence in their source changed, to show that nothing depends on what sentences say.

A sentence is a string literal of three words or more (of an f-string: of its constant parts together) that is no
docstring, no SQL, no regular expression, no list of words (``"…".split()``) and not of `KEPT` or `CODES`. Its Latin
letters are replaced by Cyrillic ones, each literal by another shift, so that two literals that were equal are not any
more, while fields (``{name}``, ``%s``), tags and numbers stay.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import re
import sys
import zlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

from tests.sources import without_collecting

KEPT = {
    "dfe_core.probes.prompts": "sentences that a text encoder reads: data of the alignment with text",
    "dfe_core.probes.text": "the corpus and the word forms of the plain text encoder",
    "dfe_core.ontology": "the FACS ontology: its words are searched, and give the search its index",
    "dfe_core.motion.words": "the vocabulary that a described movement is read by: a small language, not prose",
    "dfe_core.motion.lexicon": "the vocabulary that a described movement is read by: a small language, not prose",
}
"""Modules (with what is below them) whose sentences are data, and why."""

CODES = {
    "intensity above the subject's own baseline": "`signal` in the JSON of dfe coverage",
    "not enough data": "`status` in the JSON of dfe coverage",
    "too few units": "`status` in the table of dfe groups",
    "AUs and tokens": "`part` in the table of variance shares",
    "tokens as decoded": "`part` in the table of variance shares",
    "AUs, own baseline": "`step` in the table of movement beyond FACS",
    "and products of AUs": "`step` in the table of movement beyond FACS",
    "and head pose": "`step` in the table of movement beyond FACS",
    "and own range": "`step` in the table of movement beyond FACS",
    "and slow drift": "`step` in the table of movement beyond FACS",
    "and amplitude of AUs": "`step` in the table of movement beyond FACS",
    "and errors of coding": "`step` in the table of movement beyond FACS",
    "and errors of detection": "`step` in the table of movement beyond FACS",
    "displays per minute": "`measure` in the table of diversity",
}
"""Literals that are no sentences but levels of a column of results, and of which one."""
WORDS = 3
_SQL = re.compile(r"\b(SELECT|FROM|WHERE|GROUP BY|ORDER BY|CREATE|COPY|PARTITION|JOIN|LIMIT|ASOF|INSERT|PRAGMA|SET)\b")
_REGEX = re.compile(r"\\[bdswWDS.]|\(\?[:P=!<]|\[\^")
_FIELD = re.compile(r"(\{[^{}]*\}|%[-+#0-9.]*[sdrfgex]|<[^<>]*>|&\w+;|`[^`]*`)")
_FIRST, _LETTERS = {"a": 0x430, "A": 0x410}, 32
CHANGED = re.compile("[\u0410-\u044f]")
"""A letter of a changed sentence."""


def is_sentence(text: str) -> bool:
    """Whether a literal is prose of at least `WORDS` words."""
    if text in CODES:
        return False
    words = re.findall(r"[A-Za-z]{2,}", _FIELD.sub(" ", text))
    return " " in text.strip() and len(words) >= WORDS and not _SQL.search(text) and not _REGEX.search(text)


def changed(text: str, shift: int) -> str:
    """The text in other letters; fields, tags and code stay."""
    parts = _FIELD.split(text)
    return "".join(part if i % 2 else "".join(_letter(c, shift) for c in part) for i, part in enumerate(parts))


def _letter(letter: str, shift: int) -> str:
    if not (letter.isascii() and letter.isalpha()):
        return letter
    case = "a" if letter.islower() else "A"
    return chr(_FIRST[case] + (ord(letter) - ord(case) + shift) % _LETTERS)


class _Changer(ast.NodeTransformer):
    def __init__(self, first: int) -> None:
        self.shifts = (1 + (first + i) % (_LETTERS - 1) for i in itertools.count())
        self.count = 0

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function: Any = node.func
        of = function.value if isinstance(function, ast.Attribute) else None
        if isinstance(of, ast.Constant) and function.attr == "split":  # a list of words
            return node
        if isinstance(function, ast.Name) and function.id == "table_columns":  # names of columns with their titles
            return node
        if isinstance(of, ast.Name) and of.id == "re":  # the first argument is a pattern
            node.args[1:] = [self.visit(argument) for argument in node.args[1:]]
            return node
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and is_sentence(node.value):
            return self._changed(node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        constant = [part for part in node.values if isinstance(part, ast.Constant)]
        prose = is_sentence(" \0 ".join(str(part.value) for part in constant))
        node.values = [
            (self._changed(part) if prose else part) if isinstance(part, ast.Constant) else self.generic_visit(part)
            for part in node.values
        ]
        return node

    def _changed(self, node: ast.Constant) -> ast.Constant:
        self.count += 1
        return ast.copy_location(ast.Constant(changed(str(node.value), next(self.shifts))), node)


def changed_source(source: str, path: str) -> tuple[Any, int]:
    """The code of a module with its sentences changed, and how many there were."""
    changer = _Changer(zlib.crc32(path.encode()))
    with without_collecting():
        tree = changer.visit(ast.parse(source, path))  # what is changed in it has the place of what it was
        return compile(tree, path, "exec", dont_inherit=True), changer.count


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        code, count = changed_source(self.get_data(self.path).decode("utf-8"), self.path)
        COUNTS[fullname] = count
        return code


COUNTS: dict[str, int] = {}
"""Sentences that were changed, by module."""


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, packages: Iterable[str]) -> None:
        self.packages = tuple(packages)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if not _within(name, self.packages) or _within(name, KEPT):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            spec.loader = _Loader(name, spec.origin)
        return spec


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def change_sentences(*packages: str) -> None:
    """From here on, modules of these packages are loaded with their sentences changed."""
    sys.meta_path.insert(0, _Finder(packages))
