"""Names of a person's recordings taken out of JSON, and looked for in the files of a cache."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dfe_core.artefact_names import KINDS


def without(value: Any, names: set[str]) -> Any:
    """A JSON value without these strings: entries of lists, keys of objects and what stands under them."""
    if isinstance(value, dict):
        return {k: without(v, names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [without(v, names) for v in value if not (isinstance(v, str) and v in names)]
    return "" if isinstance(value, str) and value in names else value


def without_frames(value: Any, names: dict[str, set[str]]) -> Any:
    """Notes without frames of these recordings, by dataset, wherever a set of frames is written."""
    if isinstance(value, list):
        return [without_frames(v, names) for v in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("frames"), dict) and value.get("dataset") in names:
        theirs = names[value["dataset"]]
        return {**value, "frames": {r: numbers for r, numbers in value["frames"].items() if r not in theirs}}
    return {k: without_frames(v, names) for k, v in value.items()}


def mentions(root: Path, names: Iterable[str]) -> Iterator[str]:
    """Files of a cache that hold one of these names: as a JSON string, or in a column of recordings or subjects."""
    wanted = set(names)
    quoted = [json.dumps(name, ensure_ascii=ascii).encode() for name in wanted for ascii in (False, True)]
    held = (p for kind in (*KINDS, ".trash") for p in (root / kind).rglob("*") if p.is_file())
    for path in sorted([*held, *root.glob("audit*.jsonl")]):
        if path.suffix in (".json", ".jsonl"):
            found = any(text in path.read_bytes() for text in quoted)
        else:
            found = path.suffix == ".parquet" and _column_has(path, wanted)
        if found:
            yield str(path.relative_to(root))


def mentions_in(folder: Path, names: set[str]) -> Iterator[Path]:
    """Files in a folder that hold one of the names."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if (path.suffix in (".json", ".jsonl") and mentions_any(path, names)) or (
            path.suffix == ".parquet" and _column_has(path, names)
        ):
            yield path


def mentions_any(path: Path, names: set[str]) -> bool:
    """Whether a JSON file holds one of the names as a string."""
    content = path.read_bytes()
    return any(json.dumps(name, ensure_ascii=ascii).encode() in content for name in names for ascii in (False, True))


def _column_has(path: Path, names: set[str]) -> bool:
    try:
        columns = [c for c in ("recording", "subject") if c in pq.read_schema(path).names]
        table = pq.read_table(path, columns=columns) if columns else None
    except (OSError, ValueError):
        return False
    return table is not None and any(names & set(map(str, table[c].unique().to_pylist())) for c in columns)
