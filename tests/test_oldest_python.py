"""What the oldest Python that the package allows (3.10) cannot import, and what stands in its place."""

from __future__ import annotations

import json

import pytest

from dfe_core.text_enum import StrEnum
from tests.sources import sources

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


@pytest.mark.parametrize("package", ["dfe_core", "train", "dashboard", "benchmarks", "tools"])
def test_no_module_imports_what_python_3_10_lacks(package):
    found = {
        (source.place, one.module, one.name)
        for source in sources(package)
        for one in source.imports
        if one.name in _NEWER.get(one.module, ())
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
