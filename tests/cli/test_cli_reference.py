"""The page of the command line is what the parser gives now."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import pytest

from train.cli import COMMANDS

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("cli_reference", PROJECT / "tools" / "cli_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_what_the_parser_gives(reference):
    written = reference.PAGE.read_text(encoding="utf-8")
    assert written == reference.page(), "run python tools/cli_reference.py"


def test_every_command_is_on_the_page(reference):
    page = reference.PAGE.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"\n## dfe {name}\n" not in page] == []
    assert "\n### dfe aus derive\n" in page  # commands of commands as well


def test_usage_shows_what_is_required_and_what_is_not(reference):
    parser = argparse.ArgumentParser(prog="dfe probe")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("dataset", metavar="DATASET", nargs="*")
    parser.add_argument("--task", choices=("classify", "regress"))
    parser.add_argument("--label", required=True)
    parser.add_argument("--quick", action="store_true")
    assert reference.usage(parser) == "dfe probe MODEL [DATASET ...] --label LABEL [--task classify|regress] [--quick]"
