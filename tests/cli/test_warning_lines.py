"""What a command warns of reaches the user, once and on one line; its errors stand alone."""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace

import pytest

from dfe_core.errors import DataError
from train import cli


@pytest.fixture
def command(cache, monkeypatch: pytest.MonkeyPatch):
    """Runs a function as the command `rm`."""

    def run(work, *options: str) -> int:
        module = SimpleNamespace(
            DESCRIPTION="", EXAMPLES=("x",), add_arguments=lambda parser: None, run=lambda args, progress: work()
        )
        monkeypatch.setattr(cli, "command_module", lambda name: module)
        return cli.main(["rm", "--progress", "none", *options])

    return run


def test_a_warning_is_one_line_on_stderr_and_given_once(command, capsys):
    def work() -> None:
        for _ in range(3):
            warnings.warn("2 files were\nnot imported", stacklevel=1)
        sys.stdout.write("done\n")

    assert command(work) == 0
    printed = capsys.readouterr()
    assert printed.out == "done\n"
    assert printed.err == "warning: 2 files were not imported\n"


def test_a_warning_of_another_kind_is_named(command, capsys):
    assert command(lambda: warnings.warn("overflow encountered in exp", RuntimeWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == "warning: RuntimeWarning: overflow encountered in exp\n"


def test_warnings_for_developers_are_left_out(command, capsys):
    assert command(lambda: warnings.warn("np.foo is deprecated", DeprecationWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == ""


def test_an_error_stands_alone(command, capsys):
    def work() -> None:
        warnings.warn("something", stacklevel=1)
        raise DataError("x", "nothing here")

    assert command(work) == cli.REFUSED
    assert capsys.readouterr().err == "error: x: nothing here\n"


def test_debugging_shows_warnings_as_python_does(command):
    with pytest.warns(UserWarning, match="something"):
        command(lambda: warnings.warn("something", stacklevel=1), "--debug")
