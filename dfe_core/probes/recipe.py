"""A probe as a TOML file that runs it again."""

from __future__ import annotations

import json
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import atomic_file
from dfe_core.toml_file import read_toml, toml_value


def recipe_text(settings: ProbeSettings) -> str:
    """Every setting as TOML, defaults too: a later default must not change an old experiment."""
    values = settings.as_dict()
    tables = values.pop("tables")
    lines = ["# dfe probe --recipe FILE runs this experiment again"]
    lines += [f"{name} = {toml_value(value)}" for name, value in values.items() if value is not None]
    lines += ["", "[tables]"] if tables else []
    lines += [f"{json.dumps(name)} = {toml_value(path)}" for name, path in tables.items()]
    return "\n".join(lines) + "\n"


def write_recipe(settings: ProbeSettings, path: Path) -> None:
    """Write `recipe_text`, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(recipe_text(settings), encoding="utf-8")


def read_recipe(path: Path) -> ProbeSettings:
    """The settings of a recipe. Raises `DataError` naming the file or the setting."""
    values = read_toml(path, "a recipe (TOML) of a probe")
    try:
        return ProbeSettings.from_dict(values)
    except TypeError as error:
        raise DataError(path, str(error), "values of the kinds that a recipe written by dfe has") from None
