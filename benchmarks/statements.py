"""Count what the product is made of: statements, lines of code and all lines of its Python files, by package.

Statements are counted in the syntax tree, docstrings left out, so that layout and docstrings change nothing; lines of
code are the lines which hold a token that is neither a comment nor part of a docstring.
``python -m benchmarks.statements`` counts the working tree, ``--at REVISION`` a commit.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tokenize
from collections import Counter
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("dfe_core", "train", "dashboard")
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def sources(revision: str | None) -> dict[str, str]:
    """Text of each Python file of the product by its path, of the working tree without a revision."""
    if revision is None:
        paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
        return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    listed = _git("ls-tree", "-r", "--name-only", revision, "--", *PACKAGES)
    return {path: _git("show", f"{revision}:{path}") for path in listed.splitlines() if path.endswith(".py")}


def count(text: str) -> Counter[str]:
    """Statements, lines of code and lines of one file."""
    nodes = list(ast.walk(ast.parse(text)))
    docstrings = [
        node.body[0]
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node)
    ]
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    for docstring in docstrings:
        code.difference_update(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    statements = sum(isinstance(node, ast.stmt) for node in nodes) - len(docstrings)
    return Counter(files=1, statements=statements, code=len(code), lines=len(text.splitlines()))


def by_folder(revision: str | None, depth: int) -> dict[str, Counter[str]]:
    """Sum of the counts of the files below each folder of ``depth`` parts."""
    folders: dict[str, Counter[str]] = {}
    for path, text in sources(revision).items():
        parent = PurePosixPath(path).parent.parts[:depth]
        folders.setdefault("/".join(parent), Counter()).update(count(text))
    return dict(sorted(folders.items()))


def main() -> None:
    """Print a row per folder and their sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at", metavar="REVISION", help="count this commit instead of the working tree")
    parser.add_argument("--depth", type=int, default=1, help="parts of the folders' names (default: 1)")
    options = parser.parse_args()
    folders = by_folder(options.at, options.depth)
    folders["sum"] = sum(folders.values(), Counter())
    print(f"{'folder':<40} {'files':>6} {'statements':>11} {'code lines':>11} {'lines':>8}")
    for folder, counts in folders.items():
        print(f"{folder:<40} {counts['files']:>6} {counts['statements']:>11} {counts['code']:>11} {counts['lines']:>8}")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


if __name__ == "__main__":
    main()
