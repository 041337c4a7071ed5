"""Arrays out of a pickle without running any of it: the official FLAME release is one.

A pickle is a program. Here its opcodes are read by the standard library's disassembler and carried out on plain lists,
dicts and records that name what was asked for; nothing is imported, called or built. Names are admitted only of the
array classes of numpy, scipy.sparse and chumpy (and of what pickles of them mention); any other ends the reading.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dfe_core.errors import DataError

MAX_BYTES = 1 << 30
_MAX_STEPS = 2_000_000
_MAX_DEPTH = 12
_MAX_DENSE = 100_000_000
_ORDERS: dict[str, Literal["<", ">", "=", "|"]] = {"<": "<", ">": ">", "=": "=", "|": "|"}
_ADMITTED = re.compile(
    r"(numpy(\._?core)?\.(_?multiarray|numeric)|numpy) (_reconstruct|scalar|ndarray|dtype|_frombuffer)"
    r"|scipy\.sparse(\.\w+)? (csc|csr)_(matrix|array)"
    r"|chumpy(\.\w+)? \w+"
    r"|(copy_reg|copyreg) _reconstructor|(__builtin__|builtins) (object|set|list|dict|tuple)"
    r"|_codecs encode|collections OrderedDict"
)
_SPARSE = re.compile(r"scipy\.sparse(\.\w+)? ")
_LATIN = ("latin1", "latin-1")  # how Python 3 writes bytes in protocols 0 to 2
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle mentions: ``module name``."""

    text: str


@dataclass(eq=False)
class _Thing:
    """What a pickle would have made: of what, from which arguments, with which state."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


def read_array_pickle(path: Path) -> dict[str, np.ndarray]:
    """The numeric arrays of a pickled mapping by name; sparse ones made dense, everything else left out.

    Raises `DataError` for a file that is no such pickle, that names anything but array classes, that is cut off, or
    whose arrays do not fit their bytes.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(path, f"{size >> 20} MB", f"at most {MAX_BYTES >> 20} MB")
    return unpickled_arrays(path.read_bytes(), path)


def unpickled_arrays(data: bytes, path: Path) -> dict[str, np.ndarray]:
    """As `read_array_pickle`, of a pickle that lies inside the file `path`. Arrays of mappings in the mapping come
    under their own names, those of the outer one first."""
    try:
        content = _Machine(path).run(data)
        if isinstance(content, _Thing) and isinstance(content.state, Mapping):
            content = content.state
        if not isinstance(content, Mapping):
            raise DataError(path, "a pickle that is no mapping", "arrays by name")
        found: dict[str, np.ndarray] = {}
        for level in (content, *(inner for inner in content.values() if isinstance(inner, Mapping))):
            for key, value in level.items():
                if isinstance(key, (str, bytes)) and (array := _array(value, path, 0)) is not None:
                    found.setdefault(_text(key), array)
        return found
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"a broken pickle ({type(error).__name__}: {error})"[:200], "a whole file") from None


class _Machine:
    """The stack machine of the pickle protocols 0 to 5, without its powers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        for step, (opcode, value, _) in enumerate(self._opcodes(data)):
            if step > _MAX_STEPS:
                raise DataError(self.path, f"a pickle of more than {_MAX_STEPS:,} steps", "a few arrays")
            if opcode == "STOP":
                return self.stack.pop()
            act = getattr(self, "_do_" + opcode.lower(), None)
            if act is not None:
                act(value)
            elif opcode in _CONSTANTS:
                self.stack.append(_CONSTANTS[opcode])
            elif opcode in _VALUES:
                self.stack.append(value)
            elif opcode not in ("PROTO", "FRAME"):
                raise DataError(self.path, f"the pickle operation {opcode}", "those that plain arrays need")
        raise DataError(self.path, "a pickle without its end (cut off?)", "a whole file")

    def _opcodes(self, data: bytes) -> Iterator[tuple[str, Any, int | None]]:
        for opcode, value, place in pickletools.genops(data):
            yield opcode.name, value, place

    def _name(self, module: Any, name: Any) -> _Name:
        text = f"{module} {name}"
        if not _ADMITTED.fullmatch(text):
            raise DataError(
                self.path,
                f"a pickle that asks for {text.replace(' ', '.')}"[:120],
                "arrays of numpy, scipy and chumpy alone: this file could run code elsewhere",
            )
        return _Name(text)

    def _since_mark(self) -> list[Any]:
        at = next((i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is _MARK), None)
        if at is None:
            raise DataError(self.path, "a broken pickle (items without their beginning)", "a whole file")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    # names and things

    def _do_global(self, value: str) -> None:
        self.stack.append(self._name(*value.split(" ", 1)))

    def _do_stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(self._name(module, name))

    def _do_reduce(self, _: Any) -> None:
        args, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, _Name) or not isinstance(args, tuple):
            raise DataError(self.path, "a pickle that calls something other than an array class", "plain arrays")
        self.stack.append(self._made(called.text, args))

    def _made(self, name: str, args: tuple[Any, ...]) -> Any:
        if name == "_codecs encode" and len(args) == 2 and isinstance(args[0], str) and args[1] in _LATIN:
            return args[0].encode("latin-1")
        if name.endswith(" _reconstructor") and args and isinstance(args[0], _Name):
            return _Thing(args[0].text, args[1:])
        return _Thing(name, args)

    def _do_newobj(self, _: Any) -> None:
        args, made = self.stack.pop(), self.stack.pop()
        if not isinstance(made, _Name) or not isinstance(args, tuple):
            raise DataError(self.path, "a pickle that builds something other than an array", "plain arrays")
        self.stack.append(_Thing(made.text, args))

    def _do_build(self, _: Any) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Thing):
            raise DataError(self.path, "a pickle that fills something other than an array", "plain arrays")
        self.stack[-1].state = state

    # containers

    def _do_mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _do_pop(self, _: Any) -> None:
        self.stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _do_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _do_tuple1(self, _: Any) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def _do_tuple2(self, _: Any) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _do_tuple3(self, _: Any) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def _do_empty_tuple(self, _: Any) -> None:
        self.stack.append(())

    def _do_empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _do_list(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def _do_empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _do_dict(self, _: Any) -> None:
        items = self._since_mark()
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def _do_frozenset(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def _do_append(self, _: Any) -> None:
        item = self.stack.pop()
        self._list().append(item)

    def _do_appends(self, _: Any) -> None:
        items = self._since_mark()
        self._list().extend(items)

    def _list(self) -> list[Any]:
        if not isinstance(self.stack[-1], list):
            raise DataError(self.path, "a pickle that appends to what is no list", "plain arrays")
        return self.stack[-1]

    def _do_setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _do_setitems(self, _: Any) -> None:
        self._set(self._since_mark())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, _Thing):  # an OrderedDict
            target.state = target.state if isinstance(target.state, dict) else {}
            target = target.state
        if not isinstance(target, dict):
            raise DataError(self.path, "a pickle that fills what is no mapping", "plain arrays")
        target.update(zip(items[::2], items[1::2], strict=True))

    _do_empty_set, _do_additems = _do_empty_list, _do_appends  # what is in a set is nothing that we want

    # memory

    def _do_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _do_put(self, index: int) -> None:
        self.memo[int(index)] = self.stack[-1]

    def _do_get(self, index: int) -> None:
        self.stack.append(self.memo[int(index)])

    def _do_dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    _do_binput = _do_long_binput = _do_put
    _do_binget = _do_long_binget = _do_get


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = tuple(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES
    SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    """.split()
)


# ---- from records to arrays


def _text(key: str | bytes) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else key


def _array(value: Any, path: Path, depth: int) -> np.ndarray | None:
    """A numeric array, None for what is none. Raises `DataError` where bytes and shape do not fit."""
    if depth > _MAX_DEPTH or not isinstance(value, _Thing):
        return None
    state = (
        {_text(k): v for k, v in value.state.items() if isinstance(k, (str, bytes))}
        if isinstance(value.state, Mapping)
        else value.state
    )
    if _SPARSE.match(value.name):
        return _dense(state, "csr_" in value.name, path, depth) if isinstance(state, dict) else None
    if value.name.startswith("chumpy"):
        return _array(state.get("x"), path, depth + 1) if isinstance(state, dict) else None
    if value.name.endswith(" _frombuffer") and len(value.args) == 4:
        data, kind, shape, order = value.args
        return _filled(data, kind, shape, order == "F", path)
    if value.name.startswith("numpy") and isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, fortran, data = state
        return _filled(data, kind, shape, bool(fortran), path)
    return None


def _filled(data: Any, kind: Any, shape: Any, fortran: bool, path: Path) -> np.ndarray | None:
    dtype = _dtype(kind)
    if dtype is None:
        return None
    data = data.encode("latin-1") if isinstance(data, str) else data
    whole = isinstance(shape, tuple) and all(isinstance(n, int) and 0 <= n < 1 << 40 for n in shape) and len(shape) < 9
    if (
        not whole
        or not isinstance(data, (bytes, bytearray))
        or len(data) != int(np.prod(shape, dtype=object)) * dtype.itemsize
    ):
        raise DataError(path, f"an array of shape {str(shape)[:60]} whose bytes are not as many", "a whole file")
    return np.frombuffer(bytes(data), dtype).reshape(shape, order="F" if fortran else "C")


def _dtype(kind: Any) -> np.dtype | None:
    """A plain numeric dtype from its record, None for any other."""
    if not isinstance(kind, _Thing) or not kind.name.endswith(" dtype") or not kind.args:
        return None
    code = _text(kind.args[0]) if isinstance(kind.args[0], (str, bytes)) else ""
    if not re.fullmatch(r"[<>=|]?[fiub][1248]", code):
        return None
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "="
    order = _text(order) if isinstance(order, (str, bytes)) else "="
    return np.dtype(code).newbyteorder(_ORDERS.get(order, "="))


def _dense(state: dict[str, Any], by_rows: bool, path: Path, depth: int) -> np.ndarray | None:
    """A sparse matrix, compressed by columns or by rows, as a full one."""
    shape = state.get("_shape", state.get("shape"))
    data, indices, starts = (_array(state.get(name), path, depth + 1) for name in ("data", "indices", "indptr"))
    if data is None or indices is None or starts is None:
        return None
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, int) and n > 0 for n in shape)):
        return None
    major, minor = shape if by_rows else shape[::-1]
    if (
        shape[0] * shape[1] > _MAX_DENSE
        or len(starts) != major + 1
        or len(data) != len(indices)
        or (np.diff(starts) < 0).any()
        or starts[0] != 0
        or starts[-1] != len(data)
        or (len(indices) and not 0 <= indices.min() <= indices.max() < minor)
    ):
        raise DataError(path, f"a sparse matrix of shape {shape} whose parts do not fit", "a whole file")
    out = np.zeros((major, minor), np.float64)
    np.add.at(out, (np.repeat(np.arange(major), np.diff(starts)), indices), data)
    return out if by_rows else out.T
