"""Every public object is documented: a summary, and every parameter, return value and error in numpydoc sections."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Iterator

import pytest

import dfe_core as dfe
from dfe_core.facs.coverage_result import Coverage
from dfe_core.groups.comparison import GroupComparison, GroupSettings
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.settings import ProbeSettings
from dfe_core.simulate.once import simulate_once

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(?=\S)([^:\n]+?)(?: : .*)?$", re.MULTILINE)


def public_objects() -> Iterator[tuple[str, object]]:
    """Names and objects of `dfe.__all__`; the function behind ``dfe.simulate`` stands for it."""
    for name in dfe.__all__:
        if name != "__version__":
            yield name, simulate_once if name == "simulate" else getattr(dfe, name)


def members(owner: type) -> Iterator[tuple[str, object]]:
    """Public methods and properties that the class defines itself; ``codebook[17]`` is one of them."""
    for name, value in vars(owner).items():
        if not name.startswith("_") or name == "__getitem__":
            yield name, value


def functions() -> list[tuple[str, Callable]]:
    found = []
    for name, value in public_objects():
        if inspect.isclass(value):
            parts = ((f"{name}.{part}", inspect.unwrap(getattr(m, "__func__", m))) for part, m in members(value))
            found += [(part, m) for part, m in parts if inspect.isfunction(m)]
        else:
            found.append((name, value))
    return found


def sections(text: str) -> dict[str, str]:
    """Body of each numpydoc section by its title; the text above the first has the title ``""``."""
    parts = _HEADING.split(inspect.cleandoc(text))
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def entries(body: str) -> dict[str, str]:
    """Description by name of a section with entries (``name``, ``a, b``, ``name : type``, then an indented text)."""
    parts = _ENTRY.split(body)
    named = zip(parts[1::2], parts[2::2], strict=True)
    return {name.strip().lstrip("*"): text.strip() for head, text in named for name in head.split(",")}


def raises(function: Callable) -> bool:
    return bool(re.search(r"^\s+raise \w", inspect.getsource(function), re.MULTILINE))


@pytest.mark.parametrize(("name", "function"), functions())
def test_parameters_returns_and_errors_of_a_public_function_are_documented(name: str, function: Callable):
    parts = sections(function.__doc__ or "")
    signature = inspect.signature(function)
    assert parts[""].strip().splitlines()[0].endswith("."), "a summary line"
    takes = [p for p in signature.parameters if p not in ("self", "cls")]
    documented = entries(parts.get("Parameters", ""))
    assert list(documented) == takes
    assert all(documented.values())
    if signature.return_annotation not in (None, "None", inspect.Signature.empty):
        returned = entries(parts.get("Returns", parts.get("Yields", "")))
        assert returned
        assert all(returned.values())
    if raises(function):
        assert "DataError" in entries(parts.get("Raises", ""))


@pytest.mark.parametrize(("name", "owner"), [(n, v) for n, v in public_objects() if inspect.isclass(v)])
def test_fields_properties_and_constructor_of_a_public_class_are_documented(name: str, owner: type):
    parts = sections(owner.__doc__ or "")
    assert parts[""].strip().splitlines()[0].endswith(".")
    if dataclasses.is_dataclass(owner):
        assert set(entries(parts["Attributes"])) == {field.name for field in dataclasses.fields(owner)}
        assert all(entries(parts["Attributes"]).values())
    else:
        takes = [p for p in inspect.signature(owner.__init__).parameters if p != "self"]
        assert list(entries(parts["Parameters"])) == takes
        if raises(owner.__init__):
            assert "DataError" in entries(parts["Raises"])
    for part, value in members(owner):
        if isinstance(value, (property, functools.cached_property)):
            assert value.__doc__, f"{name}.{part}"


@pytest.mark.parametrize("record", [Coverage, ProbeResult, ProbeSettings, GroupComparison, GroupSettings])
def test_every_field_of_a_result_and_of_its_settings_is_documented(record: type):
    documented = entries(sections(record.__doc__ or "")["Attributes"])
    assert set(documented) == {field.name for field in dataclasses.fields(record)}
    assert all(documented.values())


def test_sections_and_their_entries_are_parsed():
    text = """Do it.

    Parameters
    ----------
    a, b
        Both.
    c : (T,) float32
        One.
    **more
        Rest.

    Returns
    -------
    int
        Count.
    """
    assert entries(sections(text)["Parameters"]) == {"a": "Both.", "b": "Both.", "c": "One.", "more": "Rest."}
    assert entries(sections(text)["Returns"]) == {"int": "Count."}
    assert "Raises" not in sections(text)
