"""Write the page of the command line from its parser: every command, its arguments and examples.

python tools/cli_reference.py            write docs/cli-reference.md
python tools/cli_reference.py --check    exit with 1 where the page is not what the parser gives now
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "cli-reference.md"
sys.path.insert(0, str(PROJECT))

_HEAD = """# Command reference

Every command with its options, written from the parser by `tools/cli_reference.py`; [The command line](cli.md) is the
guide. Every command also takes `--progress bar|json|none` (how to report progress on stderr; default: bar), `--debug`
(show the traceback of an error) and `--help`.
"""
_COMMON = {"--help", "--debug", "--progress"}


def page() -> str:
    """The whole page, in the order of ``dfe --help``."""
    from train.cli import COMMANDS, build_parser

    parts = [_HEAD]
    for name, command in COMMANDS.items():
        parser = _subparsers(build_parser([name]))[name]
        parts.append(f"## dfe {name}\n\n{_sentence(command.summary)}\n")
        parts += _command(parser)
    return "\n".join(parts)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Description, usage, arguments and examples of a command, then of each of its sub-commands."""
    yield " ".join((parser.description or "").split()) + "\n"
    inner = _subparsers(parser)
    if not inner:
        yield f"```text\n{usage(parser)}\n```\n"
        yield from _arguments(parser)
    examples = [line.strip() for line in (parser.epilog or "").splitlines() if line.startswith("  ")]
    if examples:
        yield "```\n" + "\n".join(examples) + "\n```\n"
    for name, action in inner.items():
        yield f"### {parser.prog} {name}\n"
        yield from _command(action)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of the arguments that are not common to all commands."""
    rows = [action for action in parser._actions if not _COMMON & set(action.option_strings)]
    if rows:
        yield (
            "| argument | meaning |\n|---|---|\n"
            + "\n".join(f"| `{_cell(_name(action))}` | {_cell(_help(action))} |" for action in rows)
            + "\n"
        )


def usage(parser: argparse.ArgumentParser) -> str:
    """One line: positional arguments, required options, then optional ones in brackets."""
    words = [parser.prog]
    actions = [action for action in parser._actions if not _COMMON & set(action.option_strings)]
    for action in sorted(actions, key=lambda a: (bool(a.option_strings), not a.required)):
        name = _name(action, short=True)
        needed = action.required if action.option_strings else action.nargs not in ("?", "*")
        words.append(name if needed else f"[{name}]")
    return " ".join(words)


def _name(action: argparse.Action, short: bool = False) -> str:
    """An argument as it is typed."""
    value = _value(action)
    if not action.option_strings:
        return value
    names = action.option_strings[-1:] if short else action.option_strings
    return f"{', '.join(names)} {value}".strip()


def _value(action: argparse.Action) -> str:
    """The value that an argument takes, as in a usage line."""
    if action.nargs == 0:
        return ""
    metavar = action.metavar
    if metavar is None and action.choices is not None:
        metavar = "|".join(map(str, action.choices))
    if metavar is None:
        metavar = action.dest.upper()
    text = " ".join(metavar) if isinstance(metavar, tuple) else str(metavar)
    return text + (" ..." if action.nargs in ("+", "*") else "")


def _help(action: argparse.Action) -> str:
    """The help text, with the fields that argparse fills in."""
    text = (action.help or "") % {**vars(action), "prog": ""} if "%" in (action.help or "") else action.help or ""
    return text + (" (required)" if action.required and action.option_strings else "")


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    if parser.parse_args().check:
        same = PAGE.read_text(encoding="utf-8") == page()
        print("the page is what the parser gives" if same else f"{PAGE.name} is outdated: run tools/cli_reference.py")
        return not same
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
