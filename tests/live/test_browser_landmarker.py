"""The landmarker for browsers is taken as npm published it, or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.live import browser_landmarker
from dfe_core.live.browser_landmarker import FILES, has_landmarker, install_landmarker, landmarker_folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of small files, pinned as the real one is."""
    contents = {name: name.encode() for name in FILES} | {"README.md": b"read"}
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as made:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"package/wasm/../{name}")
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    sum_ = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(browser_landmarker, "SHA512", sum_)
    monkeypatch.setattr(browser_landmarker, "FILES", {n: hashlib.sha256(n.encode()).hexdigest() for n in FILES})
    return path


def test_the_files_that_a_browser_needs_are_taken_and_no_others(package: Path, tmp_path: Path):
    root = tmp_path / "cache"
    assert not has_landmarker(root)
    folder = install_landmarker(package, root)
    assert folder == landmarker_folder(root) and has_landmarker(root)
    assert {path.name for path in folder.iterdir()} - {"checksums.json"} == set(FILES)
    package.unlink()
    assert install_landmarker(package, root) == folder  # what is there is not asked for again
    (folder / browser_landmarker.SCRIPT).write_text("changed")
    with pytest.raises(DataError, match="not readable"):
        install_landmarker(package, root)


def test_a_file_of_another_checksum_is_refused(package: Path, tmp_path: Path):
    package.write_bytes(package.read_bytes() + b"\0")
    with pytest.raises(DataError, match="another checksum"):
        install_landmarker(package, tmp_path / "cache")
    assert not landmarker_folder(tmp_path / "cache").exists()


def test_without_the_registry_the_way_by_a_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(browser_landmarker, "URL", "http://127.0.0.1:9/tasks-vision.tgz")
    with pytest.raises(DataError, match="your own download of this file"):
        install_landmarker(root=tmp_path / "cache")
