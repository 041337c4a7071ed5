"""What a function uses, by reading the sources: names that its body says, followed through imports, lazy ones too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]


class Symbol(NamedTuple):
    """A function, class or constant of a module; of a module that is not ours, name is empty."""

    module: str
    name: str


@cache
def _parsed(module: str) -> ast.Module | None:
    path = PROJECT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def _imports(module: str, body: ast.AST) -> dict[str, Symbol]:
    """What each name stands for that this part imports, types that are only checked left out."""
    found = {}
    for node in _code(body):
        if isinstance(node, ast.Import):
            found |= {(one.asname or one.name.split(".")[0]): Symbol(one.name, "") for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = (PROJECT.joinpath(*module.split(".")) / "__init__.py").is_file()
            parts = module.split(".")[: None if package and node.level == 1 else -(node.level - package) or None]
            source = ".".join([*(parts if node.level else []), *([node.module] if node.module else [])])
            found |= {(one.asname or one.name): Symbol(source, one.name) for one in node.names}
    return found


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are run: no annotations, nothing under ``if TYPE_CHECKING``."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        if isinstance(node, ast.If) and name == "body" and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _code(child)


@cache
def _module(module: str) -> tuple[dict[str, ast.AST], dict[str, Symbol]]:
    """The definitions of a module, and what its own imports stand for."""
    tree = _parsed(module)
    assert tree is not None
    own: dict[str, ast.AST] = {}
    outer = ast.Module(body=[], type_ignores=[])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            own[node.name] = node
        else:
            outer.body.append(node)
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            own |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return own, _imports(module, outer)


@cache
def uses(symbol: Symbol) -> frozenset[Symbol]:
    """What a symbol's own text says by name."""
    if not symbol.name or _parsed(symbol.module) is None:
        return frozenset()
    own, imported = _module(symbol.module)
    node = own.get(symbol.name)
    if node is None:  # one that its module imports, or a module of a package
        inner = f"{symbol.module}.{symbol.name}"
        return frozenset() if symbol.name not in imported or _parsed(inner) else frozenset({imported[symbol.name]})
    known = {**{name: Symbol(symbol.module, name) for name in own}, **imported, **_imports(symbol.module, node)}
    found = set()
    for part in _code(node):
        if isinstance(part, ast.Name) and part.id in known:
            found.add(known[part.id])
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in known:
            whole = known[part.value.id]
            module = f"{whole.module}.{whole.name}" if whole.name else whole.module
            if _parsed(module) is not None:
                found.add(Symbol(module, part.attr))
    return frozenset(found - {symbol})


def ways_to(start: Symbol, module: str) -> list[Symbol]:
    """A shortest way from a symbol to one that uses a module that is not ours, empty where there is none."""
    before: dict[Symbol, Symbol | None] = {start: None}
    queue = [start]
    for symbol in queue:
        for next_ in sorted(uses(symbol)):
            if next_.module.split(".")[0] == module:
                way: list[Symbol] = []
                at: Symbol | None = symbol
                while at is not None:
                    way.insert(0, at)
                    at = before[at]
                return way
            if next_ not in before:
                before[next_] = symbol
                queue.append(next_)
    return []
