"""The wheel: what it puts into a user's site-packages, and that it works there, away from the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.sources import sources

PROJECT = Path(__file__).resolve().parent.parent
OURS = {"dfe_core", "dfe_train", "dfe_dashboard"}
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE", "requirements.txt")
EVERY_MODULE = """
import gc, importlib, pkgutil, sys
gc.disable()  # hundreds of modules are compiled, whose trees are no garbage
scripts = {"dfe_train.__main__", "dfe_dashboard.app", "dfe_dashboard.shell.main"}
for name in ("dfe_train", "dfe_dashboard"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if module.name not in scripts:
            importlib.import_module(module.name)
print(sorted({"train", "dashboard"} & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the sources, by the build backend that pip calls."""
    pytest.importorskip("setuptools", minversion="77", reason="setuptools 77 builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(PROJECT / name, folder)
    for name in ("dfe_core", "train", "dashboard"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as site-packages is once the wheel has been installed."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """The output of Python in another folder, with the wheel's content before everything else."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "DFE_CACHE": str(folder / "cache")}
    result = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def is_of_workspace(path: Path) -> bool:
    """Whether it is what the browser's scripts are made from, or with: dashboard/web without its module and built/."""
    parts = path.relative_to(PROJECT).parts
    return parts[:2] == ("dashboard", "web") and parts[2] not in ("__init__.py", "built")


def test_the_npm_workspace_is_not_in_it(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("dfe_dashboard/web/")]
    assert {name.split("/")[2] for name in names} == {"__init__.py", "built"}
    assert "dfe_dashboard/web/built/gallery.js" in names


def test_the_top_level_names_cannot_collide(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == OURS
    assert not [name for name in names if "__pycache__" in name]


def test_every_source_and_data_file_is_in_it(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    endings = {".py", ".toml", ".css", ".js", ".html", ".svg", ".json", ".csv", ".ttf", ".woff2", ".pyi", ".typed"}
    for folder, package in (("dfe_core", "dfe_core"), ("train", "dfe_train"), ("dashboard", "dfe_dashboard")):
        for path in (PROJECT / folder).rglob("*"):
            if path.is_file() and (path.suffix in endings or path.name == "py.typed") and not is_of_workspace(path):
                assert f"{package}/{path.relative_to(PROJECT / folder).as_posix()}" in names


def test_the_command_resolves_and_runs_away_from_the_sources(installed: Path, tmp_path: Path):
    code = (
        "from importlib.metadata import entry_points; found, = entry_points(group='console_scripts', name='dfe');"
        "print(found.value, found.load().__module__)"
    )
    assert run(installed, tmp_path, "-c", code) == "dfe_train.cli:main dfe_train.cli"
    assert run(installed, tmp_path, "-m", "dfe_train", "--version").startswith("dfe ")
    assert run(installed, tmp_path, "-m", "dfe_train", "list").startswith("Nothing in")


def test_every_module_of_it_can_be_imported_and_none_needs_the_names_of_the_checkout(installed: Path, tmp_path: Path):
    assert run(installed, tmp_path, "-c", EVERY_MODULE) == "[]"


@pytest.mark.parametrize("folder", ["train", "dashboard"])
def test_imports_within_a_package_are_relative(folder: str):
    """An absolute one works in a checkout and fails where the wheel is installed."""
    wrong = [
        f"{source.place}:{one.line}"
        for source in sources(folder)
        for one in source.imports
        if not one.level and one.module.split(".")[0] in ("train", "dashboard")
    ]
    assert wrong == []
