"""Exit codes, one-line errors, help: what every command of `dfe` promises."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from train.cli import COMMANDS, build_parser, command_module, one_line

PROJECT = Path(__file__).resolve().parents[2]


def examples() -> list[str]:
    return [line for name in COMMANDS for line in command_module(name).EXAMPLES]


def test_help_imports_no_command_and_nothing_but_the_standard_library():
    """What keeps it fast; benchmarks/starting.py has its milliseconds."""
    code = (
        "import sys; before = set(sys.modules); from train.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(loaded - set(sys.stdlib_module_names)), "
        "[m for m in sys.modules if m.startswith('train.commands.')], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "['dfe_core', 'train'] []"
    for name, command in COMMANDS.items():
        assert name in result.stdout and command.summary.split()[0] in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop:
        build_parser([name]).parse_args([name, "--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    assert "example" in shown and f"dfe {name}" in shown.split("example", 1)[1]


@pytest.mark.parametrize("line", examples())
def test_every_example_is_accepted(line: str):
    arguments = shlex.split(line)[1:]
    assert build_parser(arguments).parse_args(arguments).command == arguments[0]


@pytest.mark.parametrize("line", examples())
def test_common_options_may_stand_first_or_last(line: str):
    arguments = shlex.split(line)[1:]
    for placed in (["--progress", "none", *arguments], [*arguments, "--progress", "none"]):
        assert build_parser(placed).parse_args(placed).progress == "none"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["train", "d"],
        ["encode", "m"],
        ["decode", "m", "--out", "x.ply"],
        ["list", "--colour"],
        ["evaluate", "m", "d", "--split", "best"],
        ["simulate", "--name", "s", "--subjects", "many"],
        ["aus"],
    ],
)
def test_wrong_usage_exits_2_and_writes_nothing_to_stdout(dfe, arguments: list[str]):
    result = dfe(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "usage: dfe" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "missing", "--name", "m"],
        ["encode", "missing", "missing"],
        ["evaluate", "missing", "missing"],
        ["decode", "missing", "--tokens", "1", "--out", "x.ply"],
        ["show", "missing"],
        ["rm", "missing", "--yes"],
        ["train", "missing", "--name", "../m"],
        ["train", "missing", "--name", "m", "--config", "missing.toml"],
        ["train", "missing", "--name", "m", "--set", "train.steps"],
        ["train", "missing", "--name", "m", "--set", "a=b"],
        ["simulate", "--name", "a/b", "--subjects", "1"],
        ["simulate", "--name", "s", "--effect", "missing.toml"],
        ["map", "missing", "--of", "codewords", "--out", "x.parquet"],
    ],
)
def test_what_cannot_be_served_exits_1_with_one_line(dfe, arguments: list[str]):
    result = dfe(*arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"error: [^\n]+: [^\n]+\n", result.stderr), result.stderr


def test_debug_shows_the_traceback_before_the_line(dfe):
    result = dfe("--debug", "show", "missing")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: missing: no such artefact; expected")


def test_an_unforeseen_error_still_reads_as_one_line():
    line = one_line(KeyError("psi\nand more"), "encode")
    assert line.startswith("dfe encode: KeyError:") and "; expected " in line and "\n" not in line


def test_a_file_system_error_names_the_file():
    error = PermissionError(13, "Permission denied", "/data/x.csv")
    assert one_line(error, "import").startswith("/data/x.csv: permission denied; expected ")


def test_a_data_error_is_shown_as_it_is():
    assert one_line(DataError("a.csv", "empty", "a table"), "import") == "a.csv: empty; expected a table"


def test_a_reader_that_goes_away_is_no_error(toy_root: Path):
    command = f"{sys.executable} -m train show datasets/toy | head -1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={"DFE_CACHE": str(toy_root), "PATH": "/usr/bin:/bin"},
    )
    assert result.returncode == 0 and result.stderr == ""


def test_progress_as_json_is_one_object_a_line_on_stderr(run_dfe, toy: Path):
    result = run_dfe(toy, "encode", "tiny", "toy", "--progress", "json")
    reports = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.returncode == 0 and reports
    assert {"task", "done", "total", "detail", "figures", "eta_s"} <= set(reports[-1])
    assert reports[-1]["done"] == reports[-1]["total"] > 0
    assert "{" not in result.stdout


def test_an_interrupt_ends_with_one_line_and_leaves_no_temporary_folder(toy: Path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "train",
            "train",
            "toy",
            "--name",
            "long",
            "--set",
            "train.steps=100000",
            "--progress",
            "json",
        ],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "DFE_CACHE": str(toy), "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 180
    while "training" not in process.stderr.readline():
        assert time.monotonic() < deadline and process.poll() is None
    process.send_signal(signal.SIGTERM)
    rest = process.stderr.read()
    assert process.wait(120) == 130
    assert rest.splitlines()[-1].startswith("interrupted; ") and "--resume" in rest.splitlines()[-1]
    assert "Traceback" not in rest
    assert not (toy / "models" / "long" / "config.json").exists()
