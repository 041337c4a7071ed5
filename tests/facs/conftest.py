"""The planted case, built once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from dfe_core.facs.coverage_result import Coverage
from tests.real_faces import anny

__all__ = ["anny"]


@pytest.fixture(scope="session")
def planted_module() -> ModuleType:
    """The module that builds the case, for tests that build parts of their own."""
    spec = importlib.util.spec_from_file_location("dfe_planted", Path(__file__).with_name("planted.py"))
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def planted(planted_module, toy_face, tmp_path_factory):
    """A simulated dataset with a dictionary that is known, its tokens and perfect AUs."""
    return planted_module.shared(tmp_path_factory, toy_face)


@pytest.fixture(scope="session")
def found(planted, planted_module) -> Coverage:
    """The coverage of the planted case."""
    return planted_module.coverage_of(planted)
