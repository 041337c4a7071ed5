"""A small filled cache, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.dashboard.fake_cache import build
from tests.real_faces import anny  # noqa: F401


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
