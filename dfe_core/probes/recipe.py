"""A probe as a TOML file that runs it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import atomic_file

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


def recipe_text(settings: ProbeSettings) -> str:
    """Every setting as TOML, defaults too: a later default must not change an old experiment."""
    values = settings.as_dict()
    lines = [
        f"{name} = {_value(value)}"
        for name, value in values.items()
        if value is not None and not isinstance(value, dict)
    ]
    tables = [f"{json.dumps(name)} = {_value(path)}" for name, path in values["tables"].items()]
    return (
        "\n".join(
            [
                "# dfe probe --recipe FILE runs this experiment again",
                *lines,
                *(["", "[tables]", *tables] if tables else []),
            ]
        )
        + "\n"
    )


def write_recipe(settings: ProbeSettings, path: Path) -> None:
    """Write `recipe_text`, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(recipe_text(settings), encoding="utf-8")


def read_recipe(path: Path) -> ProbeSettings:
    """The settings of a recipe. Raises `DataError` naming the file or the setting."""
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError:
        raise DataError(path, "no such file", "a recipe (TOML) of a probe") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(path, f"not readable as TOML ({error})", "a recipe of a probe") from None
    try:
        return ProbeSettings.from_dict(values)
    except TypeError as error:
        raise DataError(path, str(error), "values of the kinds that a recipe written by dfe has") from None


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
