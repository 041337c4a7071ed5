"""What files seem to be, and why, before any of them is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.expressions.extractor_scales import tool
from dfe_core.expressions.labels import Labels, read_labels
from dfe_core.expressions.naming import check_pattern, compile_pattern, recording_names, subject_and_session
from dfe_core.expressions.readers.protocol import stated
from dfe_core.expressions.readers.registry import RecordingReader, UnknownFile, find_reader, holds_points, read_head
from dfe_core.expressions.sealed_test import files_under_seal
from dfe_core.expressions.sources import file_content, find_files, mesh_folders
from dfe_core.store import cache_root


@dataclass(frozen=True, kw_only=True)
class Believed:
    """One source of recordings.

    name: of its (first) recording. format, title, why: of the reader that would take it; empty where none would, and
    then fault says why. learned: its points need ``--face learn``. tool: as `mixing.tool` has it, empty where that
    shows only when the whole file is read. labels: what the table of labels gives it. left_out: whether an import would
    not open it, as it does no link out of its folder.
    """

    path: Path
    name: str
    bytes: int
    format: str = ""
    title: str = ""
    why: str = ""
    fault: str = ""
    learned: bool = False
    tool: str = ""
    subject: str = ""
    session: str = ""
    labels: dict[str, Any] = field(default_factory=dict)
    left_out: bool = False


def inspect_sources(
    sources: Sequence[str | Path], labels: str | Path | None = None, subject_pattern: str | None = None
) -> list[Believed]:
    """Look at files and folders as an import would find them; their heads are read, and no more.

    Raises `DataError` for a table of labels or a pattern that cannot be used; what is wrong with a file is in its
    `fault`.
    """
    table, pattern = read_labels(labels), compile_pattern(subject_pattern)
    meshes, rest = mesh_folders(sources)
    files, unread = find_files(rest, table.path) if rest else ([], [])
    paths = [*meshes, *files]
    names = recording_names(paths)
    check_pattern(pattern, paths)
    found = [
        _believed(path, name, path in meshes, table, subject_and_session(path, pattern))
        for path, name in zip(paths, names, strict=True)
    ]
    return _without_sealed(found, set(meshes)) + [
        Believed(path=path, name=path.stem, bytes=0, fault=error.reason, left_out=True) for path, error in unread
    ]


def _without_sealed(found: list[Believed], meshes: set[Path]) -> list[Believed]:
    """The sources, those whose labels are sealed without them."""
    sealed = files_under_seal(cache_root())
    if not sealed:
        return found
    return [
        replace(one, labels=dict.fromkeys(one.labels))
        if one.labels and not one.fault and file_content(one.path, meshes=one.path in meshes)[1] in sealed
        else one
        for one in found
    ]


def _believed(path: Path, name: str, meshes: bool, table: Labels, by_name: tuple[str, str]) -> Believed:
    by_table = table.person(name)
    subject, session = (t or n for t, n in zip(by_table, by_name, strict=True))
    try:
        size = path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        reader, why = find_reader(path, points_first=meshes)
    except UnknownFile:
        return Believed(
            path=path, name=name, bytes=0, fault="no reader knows this file", subject=subject, session=session
        )
    except (DataError, OSError) as error:
        fault = error.found if isinstance(error, DataError) else str(error.strerror)
        return Believed(path=path, name=name, bytes=0, fault=fault, subject=subject, session=session)
    return Believed(
        path=path,
        name=name,
        bytes=size,
        format=reader.FORMAT,
        title=reader.TITLE,
        why=why,
        fault="",
        learned=holds_points(reader),
        tool=_tool(path, reader),
        subject=subject,
        session=session,
        labels={k: v for k, v in table.of(name, subject).items() if v is not None},
    )


def _tool(path: Path, reader: RecordingReader) -> str:
    if made_by := stated(reader, "EXTRACTOR", ""):
        return tool("arkit", made_by)
    extractor_of = stated(reader, "extractor_of", None)
    return "" if extractor_of is None else extractor_of(path, b"" if path.is_dir() else read_head(path))
