"""What the oldest Python that the package allows (3.10) cannot import, and what stands in its place."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from dfe_core.text_enum import StrEnum

_ROOT = Path(__file__).resolve().parent.parent
_NEWER = {
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "verify", "member", "nonmember"},
    "itertools": {"batched"},
    "typing": {"Self", "Never", "LiteralString", "assert_never", "override", "Required", "NotRequired", "Unpack"},
}


class _Colour(StrEnum):
    RED = "dark red"
    NONE = ""


def _imported(path: Path) -> set[tuple[str, str]]:
    nodes = (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ImportFrom))
    return {(node.module or "", alias.name) for node in nodes for alias in node.names}


@pytest.mark.parametrize("package", ["dfe_core", "train", "dashboard", "benchmarks", "tools"])
def test_no_module_imports_what_python_3_10_lacks(package):
    found = {
        (str(path.relative_to(_ROOT)), module, name)
        for path in (_ROOT / package).rglob("*.py")
        for module, name in _imported(path)
        if name in _NEWER.get(module, ())
    }
    assert found == set()


def test_a_text_enum_is_its_text():
    assert _Colour("dark red") is _Colour.RED
    assert _Colour.RED == "dark red"
    assert f"{_Colour.RED:>9}" == " dark red"
    assert str(_Colour.RED) + "," + _Colour.RED == "dark red,dark red"
    assert json.dumps({"colour": _Colour.RED}) == '{"colour": "dark red"}'
    assert sorted([_Colour.RED, "cyan", _Colour.NONE]) == ["", "cyan", "dark red"]
    assert not _Colour.NONE
