"""TOML files: read with one error for whatever is wrong, and values as TOML writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path, expected: str) -> dict[str, Any]:
    """The content of a TOML file. Raises `DataError` where it is missing or broken; expected: what it should be."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(path, f"not readable as TOML ({error})", expected) from None
    except OSError:
        raise DataError(path, "no such file", expected) from None
    return parse_toml(text, path, expected)


def parse_toml(text: str, where: str | Path, expected: str) -> dict[str, Any]:
    """The content of TOML text. Raises `DataError` where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(where, f"not readable as TOML ({error})", expected) from None


def toml_value(value: Any) -> str:
    """A string, number, bool, list or dict as TOML writes it in a line; JSON's strings and numbers are TOML's too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
