"""Files and folders replaced: in one step where the system can, recovered where it cannot, for one writer at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dfe_core import replacement
from dfe_core.artefact_names import aus_name, tokens_name
from dfe_core.errors import DataError
from dfe_core.locks import claim
from dfe_core.store import artefact_path, atomic_directory, atomic_file, recover_all, require_new_name, write_json
from dfe_core.workspace.repair import leftovers, repair
from tests.conftest import PROJECT

HOLD = (
    "import sys, time; from pathlib import Path; from dfe_core.locks import claim\n"
    "with claim(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def held_elsewhere(path: Path) -> subprocess.Popen:
    """Another process that holds the claim until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout.readline() == "held\n"
    return process


def fill(path: Path, text: str) -> None:
    with atomic_directory(path) as folder:
        (folder / "manifest.json").write_text(text)


def test_two_folders_change_places_in_one_step(tmp_path: Path):
    for name in "ab":
        fill(tmp_path / name, name)
    if not replacement.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system has no exchange of folders")
    assert [(tmp_path / n / "manifest.json").read_text() for n in "ab"] == ["b", "a"]
    with pytest.raises(FileNotFoundError):
        replacement.exchange(tmp_path / "a", tmp_path / "none")


@pytest.mark.parametrize("one_step", [True, False])
def test_a_folder_is_replaced_and_nothing_stays_behind(tmp_path: Path, monkeypatch, one_step: bool):
    if not one_step:
        monkeypatch.setattr(replacement, "exchange", lambda first, second: False)
    for text in ("old", "new"):
        fill(tmp_path / "datasets" / "d", text)
    assert (tmp_path / "datasets/d/manifest.json").read_text() == "new"
    assert [n for n in os.listdir(tmp_path / "datasets") if not n.endswith(".lock")] == ["d"]


@pytest.mark.parametrize("new_is_there", [False, True])
def test_a_swap_of_an_older_version_that_was_killed_is_rolled_back_and_never_offered_for_deletion(
    tmp_path: Path, new_is_there: bool
):
    """The layout of S1-1: the old folder set away, the new one not in its place yet."""
    fill(tmp_path / "datasets/.d-old-_ttnwgsn/d", "old")
    fill(tmp_path / "datasets/.d-jh34anbi", "new")
    if new_is_there:
        os.rename(tmp_path / "datasets/.d-jh34anbi", tmp_path / "datasets/d")
    assert not any("-old-" in str(p) for p in leftovers(tmp_path)) or new_is_there
    assert artefact_path("datasets", "d", tmp_path).is_dir()
    assert recover_all(tmp_path) == []
    repair(tmp_path)
    assert (tmp_path / "datasets/d/manifest.json").read_text() == ("new" if new_is_there else "old")
    assert leftovers(tmp_path) == []


def test_what_a_living_writer_holds_is_left_to_it(tmp_path: Path, monkeypatch):
    with atomic_directory(tmp_path / "datasets/d") as folder:
        (folder / "manifest.json").write_text("{}")
        assert leftovers(tmp_path) == [] and repair(tmp_path) == []
    fill(tmp_path / "datasets/.e-old-01234567/e", "old")
    process = held_elsewhere(tmp_path / "datasets/e")
    assert recover_all(tmp_path) == []
    with pytest.raises(DataError, match="is writing it now"), claim(tmp_path / "datasets/e"):
        pass
    process.communicate()
    assert recover_all(tmp_path) == ["datasets/e"]
    with claim(tmp_path / "datasets/e"):
        pass


def test_a_name_that_is_being_written_is_refused_to_others_and_free_after_a_kill(tmp_path: Path):
    path = tmp_path / "datasets" / "d"
    process = held_elsewhere(path)
    with pytest.raises(DataError, match="another dfe command is writing it"), claim(path):
        pass
    process.kill()
    process.wait()
    with claim(path), claim(path):  # one thread may nest its claims
        pass


def test_modes_follow_the_umask_and_a_group_shares_a_cache(tmp_path: Path):
    shared = tmp_path / "datasets"
    shared.mkdir()
    shared.chmod(0o2775)
    for mask, file_mode, folder_mode in ((0o077, 0o600, 0o700), (0o002, 0o664, 0o775), (0o022, 0o644, 0o755)):
        before = os.umask(mask)
        try:
            write_json(shared / "x.json", {})
            with atomic_file(shared / "x.safetensors") as temporary:
                save_file({"x": np.zeros(3)}, temporary)
            fill(shared / "d", "{}")
            fill(shared / "d", "{}")
        finally:
            os.umask(before)
        assert stat.S_IMODE((shared / "x.json").stat().st_mode) == file_mode
        assert stat.S_IMODE((shared / "x.safetensors").stat().st_mode) == file_mode
        assert stat.S_IMODE((shared / "d").stat().st_mode) == folder_mode | stat.S_ISGID
        assert (shared / "d").stat().st_gid == shared.stat().st_gid


def test_content_is_on_the_disk_before_its_name(tmp_path: Path, monkeypatch):
    """What docs/cli.md promises of a power cut: fsync of every file and folder, then the rename, then its folder."""
    calls: list[str] = []
    paths: dict[int, str] = {}
    real_open = os.open

    def opened(path, *args, **kwargs):
        handle = real_open(path, *args, **kwargs)
        paths[handle] = os.path.basename(path)
        return handle

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("sync " + paths[handle].split("-")[0]))
    rename, replace = os.rename, os.replace
    monkeypatch.setattr(os, "rename", lambda a, b: (calls.append("rename"), rename(a, b)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b)))
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "a").write_text("1")
    with atomic_file(tmp_path / "f.txt") as file:
        file.write_text("2")
    where = f"sync {tmp_path.name.split('-')[0]}"
    sealed = ["sync .checksums.json", "rename", "sync a", "sync checksums.json", "sync .d"]
    assert calls == [*sealed, "rename", where, "sync .f", "rename", where]


@pytest.mark.parametrize("kind", ["datasets", "models"])
def test_two_dashes_in_a_new_name_are_refused_and_old_ones_open(kind: str, tmp_path: Path):
    with pytest.raises(DataError, match="'--' in a new name"):
        require_new_name(kind, "a--b", tmp_path)
    (tmp_path / kind / "a--b").mkdir(parents=True)
    assert require_new_name(kind, "a--b", tmp_path) == artefact_path(kind, "a--b", tmp_path)


def test_names_of_a_hundred_letters_can_be_joined(tmp_path: Path):
    a, b = "a" * 100, "b" * 100
    for kind, name in (("tokens", tokens_name(a, b)), ("analyses", aus_name(a, b))):
        with claim(artefact_path(kind, name, tmp_path)), atomic_directory(tmp_path / kind / name) as folder:
            (folder / "file").touch()
        assert (tmp_path / kind / name / "file").is_file()
    with pytest.raises(DataError, match="1 to 100 letters"):
        require_new_name("models", "a" * 101, tmp_path)
