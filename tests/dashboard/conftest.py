"""A small filled cache, made once."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard.data import thumbnails
from tests.built_once import built_once
from tests.dashboard.fake_cache import add_analyses, build
from tests.real_faces import anny  # noqa: F401


class _ReadOnce(importlib.metadata.PathDistribution):
    """An installed package whose metadata are parsed once."""

    metadata = cached_property(importlib.metadata.PathDistribution.metadata.fget)
    files = cached_property(importlib.metadata.PathDistribution.files.fget)


_INSTALLED: list[importlib.metadata.Distribution] = []


@pytest.fixture(scope="module", autouse=True)
def _packages_read_once() -> Iterator[None]:
    """AppTest parses the metadata of every installed package at each run, for components among them: two thirds of the
    time that a page takes. What is installed does not change while the tests run."""
    find = importlib.metadata.distributions

    def distributions(**context: object) -> list:
        if context:
            return list(find(**context))
        if not _INSTALLED:
            _INSTALLED.extend(find())
            for package in _INSTALLED:
                if type(package) is importlib.metadata.PathDistribution:
                    package.__class__ = _ReadOnce
        return list(_INSTALLED)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "distributions", distributions)
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_pictures_rendered() -> Iterator[None]:
    """The first page that shows codewords starts a process that renders them all: seconds of a core for each codebook,
    which no test here looks at. To the pages, it has been started already."""
    started = SimpleNamespace(get=lambda _: SimpleNamespace())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thumbnails, "job_manager", SimpleNamespace(manager=lambda: started))
        yield


@pytest.fixture(scope="session")
def filled_template(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    root = tmp_path_factory.mktemp("filled") / "cache"
    build(root, toy_face)
    return root


@pytest.fixture
def filled(filled_template: Path, cache: Path) -> Path:
    """$DFE_CACHE with a model, a dataset and tokens on the toy face."""
    shutil.copytree(filled_template, cache)
    return cache


@pytest.fixture(scope="session")
def analysed_template(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """`filled_template` with action units, coverage, maps and a probe."""

    def make(root: Path) -> None:
        build(root, toy_face)
        add_analyses(root)

    return built_once(tmp_path_factory, "analysed", make)
