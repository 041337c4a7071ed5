"""Signatures that can be read: few parameters, calls of many arguments by keyword, records built by keyword."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = ("dfe_core", "train", "dashboard")
MOST_PARAMETERS, MOST_POSITIONAL, MOST_FIELDS = 8, 7, 3


def long_functions(tree: ast.AST) -> Iterator[str]:
    """Functions of more than `MOST_PARAMETERS` parameters (without self), lambdas too.

    Not those of a GPU, which are given pointers and numbers and no records.
    """
    for node in ast.walk(tree):
        if "triton.jit" in [ast.unparse(d) for d in getattr(node, "decorator_list", ())]:
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            of = node.args
            names = [a.arg for a in (*of.posonlyargs, *of.args, *of.kwonlyargs) if a.arg not in ("self", "cls")]
            if len(names) > MOST_PARAMETERS:
                yield f"{getattr(node, 'name', 'lambda')}: {len(names)} parameters"


def positional_calls(tree: ast.AST) -> Iterator[str]:
    """Calls of more than `MOST_POSITIONAL` positional arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL:
            yield f"{ast.unparse(node.func)}: {len(node.args)} positional arguments"


def positional_records(tree: ast.AST) -> Iterator[str]:
    """Dataclasses of more than `MOST_FIELDS` fields that can be built by position."""
    for node in ast.walk(tree):
        made = [d for d in getattr(node, "decorator_list", ()) if "dataclass" in ast.unparse(d)]
        if isinstance(node, ast.ClassDef) and made and "kw_only=True" not in ast.unparse(made[0]):
            fields = [
                f for f in node.body if isinstance(f, ast.AnnAssign) and "ClassVar" not in ast.unparse(f.annotation)
            ]
            if len(fields) > MOST_FIELDS:
                yield f"{node.name}: {len(fields)} fields"


CHECKS = (long_functions, positional_calls, positional_records)


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """The faults of every source file, by the function that finds them."""
    sources = [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*.py"))]
    assert len(sources) > 300
    kept: dict[str, list[str]] = {faults.__name__: [] for faults in CHECKS}
    for path in sources:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for faults in CHECKS:
            kept[faults.__name__] += [f"{path.relative_to(PROJECT)}: {fault}" for fault in faults(tree)]
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
    tree = ast.parse(source)
    assert [fault for faults in CHECKS for fault in faults(tree)] == [
        "long: 9 parameters",
        "long: 8 positional arguments",
        "Record: 4 fields",
    ]
