"""Every command that computes with torch takes ``--device``, and every other one says that it has no use for it."""

from __future__ import annotations

import pytest

from tests.symbol_graph import PROJECT, Symbol, ways_to
from train.cli import COMMANDS, add_device_option, build_parser, main

WITHOUT = {
    "extract": "MediaPipe computes on the CPU; the checkout of another tool chooses in its own Python; files of "
    "tensors are read",
    "merge": "sums of code lengths, once for each codeword",
    "benchmark": "measures the CPU beside its rivals; GPUs are measured by benchmarks/gpu",
}
"""Commands that come to torch and take no device, and what they do with it."""
_HEAD = "| command | what is computed there |"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_comes_to_torch_takes_a_device(name: str):
    way = ways_to(Symbol(f"train.commands.{COMMANDS[name].module}", "run"), "torch")
    shown = " > ".join(f"{symbol.module}.{symbol.name}" for symbol in way)
    if COMMANDS[name].on_device or name in WITHOUT:
        assert way, f"dfe {name} does not come to torch any more"
    else:
        assert not way, f"dfe {name} computes with torch: {shown}; say in `train.cli.COMMANDS` what its --device moves"


def test_the_ways_are_found_through_lazy_imports_classes_and_constants():
    assert ways_to(Symbol("train.commands.encode", "run"), "torch")[-1].name == "chosen_device"
    assert ways_to(Symbol("train.commands.live", "run"), "torch")[-1].name == "LiveEncoder"
    assert not ways_to(Symbol("train.commands.log", "run"), "torch")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_option_is_there_or_refused_in_words(name: str, capsys: pytest.CaptureFixture[str]):
    offered = "--device" in build_parser([name])._subparsers._group_actions[0].choices[name].format_help()
    if name == "events":
        offered = "--device" in _help([name, "curves"], capsys)
    assert offered == bool(COMMANDS[name].on_device)
    if not offered:
        with pytest.raises(SystemExit, match="2"):
            main([name, "--device", "cuda"])
        assert f"nothing of `dfe {name}` is computed on a device; `dfe study`" in capsys.readouterr().err


def _help(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    return capsys.readouterr().out


def test_the_page_has_the_table_of_commands():
    text = (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = text[text.index(_HEAD) :].partition("\n\n")[0].splitlines()[2:]
    assert rows == [
        f"| `dfe {name}` | {command.on_device} |" for name, command in COMMANDS.items() if command.on_device
    ]


def test_mps_is_refused_by_every_command_alike(cache, capsys: pytest.CaptureFixture[str]):
    assert main(["micro", "nothing", "nowhere", "--device", "mps"]) == 1
    assert "float64, which MPS does not have; expected cpu" in capsys.readouterr().err
    assert add_device_option.__doc__
