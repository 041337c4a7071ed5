"""The browser's scripts are those that their sources give, and the sources pass their own checks where node is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard import web
from dfe_core.render import studio

WORKSPACE = Path(web.__file__).parent
BUILT = WORKSPACE / "built"
PAGE = (Path(studio.__file__).parents[1] / "reports" / "templates" / "supplement.js").read_text(encoding="utf-8")
SHADING = Path(studio.__file__).parent / "shading.glsl"
MANIFEST = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))


def hashes(paths: list[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its path in the workspace."""
    names = {Path(os.path.relpath(p, WORKSPACE)).as_posix(): p for p in paths}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names.items()}


def test_the_built_scripts_were_made_from_these_sources():
    sources = [p for p in (WORKSPACE / "src").rglob("*") if p.is_file()]
    expected = hashes([*sources, SHADING, BUILT / "views.css", WORKSPACE / "build.js", WORKSPACE / "package-lock.json"])
    assert MANIFEST["sources"] == expected, "run: make web, or: npm run build (in dashboard/web)"


def test_no_built_script_was_changed_by_hand():
    written = {f"../../dfe_core/reports/templates/{p.name}" for p in (WORKSPACE / "src" / "pages").glob("*.js")}
    written.add("../../dfe_core/notebook/static/widget.js")
    of_library = {name: hashlib.sha256((WORKSPACE / name).read_bytes()).hexdigest() for name in sorted(written)}
    assert MANIFEST["built"] == hashes(list(BUILT.glob("*.js"))) | of_library


def test_the_browser_lights_faces_as_the_library_does():
    """One look: the text that VTK compiles for thumbnails and exports stands in every script that draws a face."""
    lines = [line.strip() for line in studio.shading().splitlines() if line.strip() and not line.startswith("//")]
    for script in [
        *(web.text(f"{name}.js") for name in ("morph", "player", "reel", "gallery", "strip", "scatter")),
        PAGE,
    ]:
        assert all(line in script for line in lines)


def test_every_view_has_one_script_that_exports_what_streamlit_calls():
    views = {path.name for path in (WORKSPACE / "src" / "views").glob("*.js")}
    assert {path.name for path in BUILT.glob("*.js")} == views
    for name in views - {"scene.js"}:
        assert web.text(name).count("as default") == 1
        assert "\n" in web.text(name).strip()  # Streamlit takes a single line for the path of a file
    assert "export" not in web.text("scene.js")  # it stands in a page of its own, as a plain script


def test_lint_types_and_tests_of_the_scripts():
    npm = shutil.which("npm")
    if npm is None or not (WORKSPACE / "node_modules").is_dir():
        pytest.skip("no npm, or dashboard/web is not installed: `make web` installs and checks it")
    result = subprocess.run([npm, "run", "check"], cwd=WORKSPACE, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
