"""Run the Python blocks of a page of the documentation, and compare or rewrite the output that stands below them.

    python tools/docs_blocks.py docs/notebook.md            compare
    python tools/docs_blocks.py docs/notebook.md --write    put the true output into the page

Blocks of a page run one after the other in one namespace. A block of kind ``text`` directly below one is its output; in
comparing, every number matches every other (figures move with the data and the machine), words do not. The output of
kind ``text title="for example"`` is not compared.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r'^```python\n(?P<code>.*?)^```$(?:\n+^```text(?P<varies> title="for example")?\n(?P<output>.*?)^```$)?',
    re.MULTILINE | re.DOTALL,
)
_NUMBER = re.compile(r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One Python block: its code, the line of the page it begins at, and the output below it (None without one)."""

    code: str
    line: int
    output: str | None
    varies: bool


def blocks(text: str) -> list[Block]:
    """The Python blocks of a page, in order."""
    return [
        Block(m["code"], text.count("\n", 0, m.start()) + 2, m["output"], bool(m["varies"]))
        for m in _BLOCK.finditer(text)
    ]


def run(page: Path, names: dict[str, Any] | None = None) -> list[str]:
    """What each block of the page prints. An error in one is raised, with the page and its line in the traceback."""
    names = {"__name__": page.stem} if names is None else names
    printed = []
    for block in blocks(page.read_text(encoding="utf-8")):
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as sink:
            exec(code, names)
        printed.append(sink.getvalue())
    return printed


def differences(page: Path, printed: list[str]) -> list[str]:
    """One line for each block whose output is not what the page shows."""
    found = []
    for block, output in zip(blocks(page.read_text(encoding="utf-8")), printed, strict=True):
        if block.output is not None and not block.varies and shape(block.output) != shape(output):
            found.append(f"{page.name}, line {block.line}: prints\n{output}but the page shows\n{block.output}")
    return found


def shape(text: str) -> list[str]:
    """The words of an output, with # in the place of numbers."""
    return _NUMBER.sub("#", text).split()


def rewritten(text: str, printed: list[str]) -> str:
    """The page with the true output below its blocks."""
    parts, end = [], 0
    for match, output in zip(_BLOCK.finditer(text), printed, strict=True):
        if match["output"] is not None:
            parts += [text[end : match.start("output")], output]
            end = match.end("output")
    return "".join([*parts, text[end:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--write", action="store_true", help="put the true output into the page")
    args = parser.parse_args()
    printed = run(args.page)
    if args.write:
        args.page.write_text(rewritten(args.page.read_text(encoding="utf-8"), printed), encoding="utf-8")
        return 0
    wrong = differences(args.page, printed)
    print("\n".join(wrong) or "the output is what the page shows")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
