"""Signatures that can be read: few parameters, calls of many arguments by keyword, records built by keyword."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.sources import PROJECT, files, without_collecting

MOST_PARAMETERS, MOST_POSITIONAL, MOST_FIELDS = 8, 7, 3


def long_functions(nodes: list[ast.AST]) -> Iterator[str]:
    """Functions of more than `MOST_PARAMETERS` parameters (without self), lambdas too.

    Not those of a GPU, which are given pointers and numbers and no records.
    """
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if "triton.jit" in [ast.unparse(d) for d in getattr(node, "decorator_list", ())]:
                continue
            of = node.args
            names = [a.arg for a in (*of.posonlyargs, *of.args, *of.kwonlyargs) if a.arg not in ("self", "cls")]
            if len(names) > MOST_PARAMETERS:
                yield f"{getattr(node, 'name', 'lambda')}: {len(names)} parameters"


def positional_calls(nodes: list[ast.AST]) -> Iterator[str]:
    """Calls of more than `MOST_POSITIONAL` positional arguments."""
    for node in nodes:
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL:
            yield f"{ast.unparse(node.func)}: {len(node.args)} positional arguments"


def positional_records(nodes: list[ast.AST]) -> Iterator[str]:
    """Dataclasses of more than `MOST_FIELDS` fields that can be built by position."""
    for node in nodes:
        if not isinstance(node, ast.ClassDef):
            continue
        made = [d for d in node.decorator_list if "dataclass" in ast.unparse(d)]
        if made and "kw_only=True" not in ast.unparse(made[0]):
            fields = [
                f for f in node.body if isinstance(f, ast.AnnAssign) and "ClassVar" not in ast.unparse(f.annotation)
            ]
            if len(fields) > MOST_FIELDS:
                yield f"{node.name}: {len(fields)} fields"


CHECKS = (long_functions, positional_calls, positional_records)


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """The faults of every source file, by the function that finds them."""
    assert len(files()) > 300
    kept: dict[str, list[str]] = {faults.__name__: [] for faults in CHECKS}
    with without_collecting():
        for path in files():
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            for faults in CHECKS:
                kept[faults.__name__] += [f"{path.relative_to(PROJECT)}: {fault}" for fault in faults(nodes)]
    return kept


@pytest.mark.parametrize("faults", CHECKS, ids=lambda faults: faults.__name__)
def test_signatures_stay_short(faults, found):
    assert not found[faults.__name__], "a settings record, keywords, or kw_only=True"


def test_each_fault_is_found():
    names = [f"a{i}" for i in range(9)]
    source = (
        f"def long({', '.join(names[:4])}, *, {', '.join(names[4:])}): pass\n"
        f"def short(self, {', '.join(names[:8])}): pass\n"
        f"long({', '.join(names[:8])})\n"
        f"long({', '.join(names[:7])}, a7=1)\n"
        "@dataclass(frozen=True)\nclass Record:\n    a: int\n    b: int\n    c: int\n    d: int = 0\n"
        "@dataclass(kw_only=True)\nclass Keyword:\n    a: int\n    b: int\n    c: int\n    d: int = 0\n"
    )
    nodes = list(ast.walk(ast.parse(source)))
    assert [fault for faults in CHECKS for fault in faults(nodes)] == [
        "long: 9 parameters",
        "long: 8 positional arguments",
        "Record: 4 fields",
    ]
