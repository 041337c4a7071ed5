"""The `dfe` command, as tests of the command line run it."""

from tests.cli.conftest import run_dfe  # noqa: F401
