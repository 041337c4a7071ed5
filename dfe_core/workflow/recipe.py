"""``study.toml``: every choice of a study and the hashes of its files; it runs the same study again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan
from dfe_core.store import atomic_file
from dfe_core.tokenizer.config import Config, build
from dfe_core.toml_file import read_toml, toml_value
from dfe_core.workflow.settings import StudySettings

STUDY_FILE = "study.toml"
_PATHS, _TEXTS = ("labels", "aus", "videos", "events"), ("face", "subject_pattern", "fps", "time")


def recipe_of_study(settings: StudySettings, files: Mapping[str, str], folder: Path) -> str:
    """The study as TOML, defaults too: a later default must not change an old study. Paths are relative to `folder`,
    in which the file is written. files: SHA-256 by name."""
    values: dict[str, Any] = {"name": settings.name, "sources": [_relative(p, folder) for p in settings.sources]}
    values |= {name: _relative(path, folder) for name in _PATHS if (path := getattr(settings, name)) is not None}
    values |= {name: value for name in _TEXTS if (value := getattr(settings, name)) not in (None, "")}
    values |= {"simulated": True} if settings.simulated else {}
    values |= {"by": list(settings.by), "seed": settings.seed}
    config = asdict(settings.config)
    loss = config["train"].pop("loss")
    lines = ["# dfe study study.toml runs this study again"]
    for title, table in (
        ("study", values),
        ("tokenizer", config["tokenizer"]),
        ("train", config["train"]),
        ("train.loss", loss),
        ("files", dict(sorted(files.items()))),
    ):
        lines += ["", f"[{title}]", *_assignments(table)]
        if title == "study" and settings.sealed is not None:
            lines += _sealed_lines(settings.sealed)
    return "\n".join(lines).lstrip() + "\n"


def write_study_recipe(settings: StudySettings, files: Mapping[str, str], folder: Path) -> Path:
    """Write ``study.toml`` into a folder, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / STUDY_FILE) as temporary:
        temporary.write_text(recipe_of_study(settings, files, folder), encoding="utf-8")
    return folder / STUDY_FILE


def read_study_recipe(path: Path) -> StudySettings:
    """The study of a ``study.toml``; its supplement goes to the folder of the file.

    Raises `DataError` for a file that is none, and for unknown or wrong values.
    """
    values = read_toml(path, "a study (TOML) as `dfe study` writes it")
    study, files = values.pop("study", None), values.pop("files", {})
    if not isinstance(study, dict) or not isinstance(files, dict) or not study.get("sources"):
        raise DataError(path, "no [study] with sources", "a file that `dfe study` has written")
    seed, sealed = study.pop("seed", 0), _sealed(values.pop("sealed", None), path)
    config: Config = build(Config, {**values, "seed": seed}, str(path))
    known = {"name", "sources", "by", "simulated", *_PATHS, *_TEXTS}
    if unknown := sorted(set(study) - known):
        raise DataError(path, f"unknown field {unknown[0]!r}", ", ".join(sorted(known)))
    folder = path.parent
    others: dict[str, Any] = {name: _from(folder, study[name]) for name in _PATHS if name in study}
    others |= {name: study[name] for name in _TEXTS if name in study}
    return StudySettings(
        sources=tuple(_from(folder, source) for source in study["sources"]),
        name=str(study["name"]),
        out=folder,
        by=tuple(study.get("by", ())),
        simulated=bool(study.get("simulated", False)),
        config=config,
        sealed=sealed,
        files={str(name): str(digest) for name, digest in files.items()},
        **others,
    )


def _sealed_lines(plan: SealPlan) -> list[str]:
    lines = ["", "[sealed]", f"subjects = {toml_value(list(plan.subjects))}"]
    for one in plan.hypotheses:
        lines += ["", "[[sealed.hypotheses]]", *_assignments(asdict(one))]
    return lines


def _sealed(values: Any, path: Path) -> SealPlan | None:
    if values is None:
        return None
    try:
        hypotheses = tuple(Hypothesis(**{name: str(v) for name, v in one.items()}) for one in values["hypotheses"])
        return SealPlan(subjects=tuple(str(subject) for subject in values["subjects"]), hypotheses=hypotheses)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            path, f"[sealed] not readable ({error})", "subjects, and [[sealed.hypotheses]] with label, features, text"
        ) from None


def with_start(settings: StudySettings, start: str) -> StudySettings:
    """The settings with the codebook (or ``data``) that training began from, in place of ``auto``."""
    train = replace(settings.config.train, start=start)
    return replace(settings, config=replace(settings.config, train=train))


def _assignments(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        key = name if name.isidentifier() else json.dumps(name, ensure_ascii=False)
        yield f"{key} = {toml_value(value)}"


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _from(folder: Path, text: Any) -> Path:
    return Path(os.path.normpath(folder / str(text)))
