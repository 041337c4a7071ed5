"""Downloads that fail: no file is saved, and the page says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.panels.exports import deferred
from dfe_core.errors import DataError


def fails(path: Path) -> None:
    path.write_bytes(b"half a file")
    raise DataError("toy-1", "a face without a mesh", "one that can be drawn")


def test_an_error_is_not_downloaded_as_the_file():
    failures: dict[str, str] = {}
    make = deferred("glTF", ".glb", fails, failures)
    with pytest.raises(DataError):
        make()
    assert failures == {"glTF": "toy-1: a face without a mesh; expected one that can be drawn"}


def test_a_download_that_works_after_all_takes_its_error_away():
    failures = {"PNG": "no", "OBJ": "no"}
    assert deferred("PNG", ".png", lambda path: path.write_bytes(b"picture"), failures)() == b"picture"
    assert failures == {"OBJ": "no"}
