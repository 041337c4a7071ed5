"""What the folder import may read, and what it says of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard.data.places import ROOTS, place
from dashboard.theme.formatting import text
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import inspect_sources


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies/one", "studies/.ssh", "private"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "private" / "passwd").write_text("root:x:0:0")
    (tmp_path / "studies" / "link").symlink_to(tmp_path / "private")
    monkeypatch.setenv(ROOTS, str(tmp_path / "studies"))
    return tmp_path / "studies"


def test_only_what_is_below_a_declared_folder_is_read(studies: Path):
    assert place(f" {studies}/one ") == studies / "one" and place(str(studies)) == studies
    for outside in (
        "/",
        "/etc/passwd",
        "/proc/self/maps",
        f"{studies}/../private",
        f"{studies}/link/passwd",
        f"{studies}/.ssh",
        f"{studies}2",
        "~",
    ):
        with pytest.raises(DataError, match="outside of the folders|neither file nor folder"):
            place(outside)


@pytest.mark.parametrize("nonsense", ["~nosuchuser", "a\0b", "x" * 5000, "/" * 5000])
def test_what_is_no_path_is_told_in_words(studies: Path, nonsense: str):
    with pytest.raises(DataError):
        place(nonsense)


def test_a_pipe_is_told_and_never_waited_for(studies: Path):
    os.mkfifo(studies / "one" / "p.csv")
    with pytest.raises(DataError, match="neither file nor folder"):
        place(str(studies / "one" / "p.csv"))
    (found,) = inspect_sources([studies / "one"])
    assert found.fault == "no plain file"


def test_the_beginning_of_a_file_is_not_shown(studies: Path):
    (studies / "one" / "secret.csv").write_text("password is hunter2\n1\n")
    (found,) = inspect_sources([studies / "one"])
    assert found.fault and "hunter2" not in repr(found)


def test_a_pattern_that_never_ends_is_refused_in_time(studies: Path, monkeypatch):
    monkeypatch.setattr("dfe_core.expressions.naming.LONGEST_S", 0.5)
    (studies / "one" / ("a" * 60 + "!.csv")).write_text("x")
    for pattern in (r"(a+)+$", r"(a|aa)+$", r"(.*a){30}$", r"(a?){60}b"):
        with pytest.raises(DataError, match="takes over"):
            inspect_sources([studies / "one"], subject_pattern=pattern)
    assert inspect_sources([studies / "one"], subject_pattern=r"(a+)!.*")[0].subject == "a" * 60


def test_names_of_others_show_as_they_are():
    assert text("![x](http://host/a.png)") == r"!\[x\](http\://host/a.png)"
    assert text(":red[a]\n`b`") == r"\:red\[a\] \`b\`"
