"""The one exception a user's data can raise."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.tokens.annotations import NoteConflict


@pytest.mark.parametrize(
    "error",
    [
        DataError(Path("a.csv"), "no column psi", "one named jawOpen"),
        DataError("--limit", "0"),
        NoteConflict("codeword/17", "name", "smile", "ada"),
    ],
)
def test_an_error_comes_back_whole_from_another_process(error: DataError):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)
