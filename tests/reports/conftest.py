"""The planted case of the coverage tests and its coverage, worked out once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def planted(toy_face, tmp_path_factory):
    """A simulated dataset with a dictionary that is known, its tokens and perfect AUs."""
    path = Path(__file__).resolve().parent.parent / "facs" / "planted.py"
    spec = importlib.util.spec_from_file_location("dfe_planted", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.shared(tmp_path_factory, toy_face)


@pytest.fixture(scope="session")
def coverage(planted):
    """Its coverage."""
    return sys.modules["dfe_planted"].coverage_of(planted)
