"""Fuzz every reader: mutated files of each format, and any fault but `DataError` is a crash.

    python -m tests.hostile.fuzz --inputs 100000            mutations, on as many processes as asked for
    python -m tests.hostile.fuzz --inputs 100000 --pool aus those of AU files; --pool new of the newest readers
    python -m tests.hostile.fuzz --atheris --inputs 100000  coverage-guided, where the package atheris is installed
    python -m tests.hostile.fuzz --show 4711                write input 4711 to a file and read it with a traceback

Input number i of a seed is always the same. A process that dies (a fault below Python) is a crash too, and the run
goes on after it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.mesh_files import read_mesh
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import read_head, readers
from dfe_core.faces.array_pickle import read_array_pickle
from dfe_core.facs.readers import AuReadOptions, au_readers
from dfe_core.facs.readers.table import read_au_header
from tests.hostile.au_files import au_files, new_recordings
from tests.hostile.broken_files import cases
from tests.hostile.good_files import BUILDERS

MOST_SECONDS = 30
TOKENS = (
    b"",
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"inf",
    b"-inf",
    b"null",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b"[[",
    b"}}",
    b",",
    b",,",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\n\n",
    b'"',
    b"'",
    b"\\",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"1" * 400,
    b"9" * 40,
    b"0.1",
    b":",
    b"=",
    b"|",
    b"#",
    b"time_s",
    b"frame",
    b"face_id",
    b"jawOpen",
    b"JawOpen",
    b"jaw_open",
    b"weights",
    b"names",
    b"frames",
    b"fps",
    b"expcode",
    b"posecode",
    b"exp",
    b"pose",
    b"bs,",
    b"k,",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\xff",
    b"PK\3\4",
    b"PAR1",
    b"\x93NUMPY",
    b"MATLAB",
    b"glTF",
    b"cos\nsystem\n",
    b"\x93R.",
    b"c__builtin__\neval\n",
    b"coeff",
    b"browInnerUp_L",
)


CANARY = "fuzz-pickle-was-run"
_DIRECT = {".obj": read_mesh, ".ply": read_mesh, ".pkl": read_array_pickle}
"""What the readers of folders, and the converter of FLAME's release, do with one file."""


@dataclass(frozen=True)
class Seeds:
    """(ending, content) of intact files and of broken ones."""

    good: list[tuple[str, bytes]]
    broken: list[tuple[str, bytes]]

    def draw(self, rng: random.Random) -> tuple[str, bytes]:
        return rng.choice(self.good if rng.random() < 0.7 else self.broken)


POOLS = ("recordings", "aus", "new")
"""What is damaged: files of recordings, of AU tools, and of the readers that were added last with all AU files."""


def seeds(pool: str = "recordings") -> Seeds:
    if pool != "recordings":
        files = au_files() + (new_recordings() if pool == "new" else [])
        return Seeds(files, files)
    return Seeds(
        [*((Path(g.filename).suffix, g.content) for g in (build() for build in BUILDERS)), *meshes(), *pickles()],
        [(Path(c.filename).suffix, c.content) for c in cases() if len(c.content) < 1 << 16],
    )


def meshes() -> list[tuple[str, bytes]]:
    """Files that readers of folders read, one a frame."""
    points = "".join(f"v {i} {i * i} 0.5\n" for i in range(9)).encode()
    header = (
        b"ply\nformat %s 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        b"element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    )
    corners, faces = np.arange(12, dtype="<f4").tobytes(), b"\3\0\0\0\0\1\0\0\0\2\0\0\0" * 2
    return [
        (".obj", b"# a face\n" + points + b"f 1 2 3\nf 1/2 2/3 -1/4 4\n"),
        (".ply", header % b"binary_little_endian" + corners + faces),
        (".ply", header % b"ascii" + b"0 1 2\n3 4 5\n6 7 8\n9 10 11\n3 0 1 2\n3 1 2 3\n"),
    ]


class _Runs:
    """Pickles to a call that would leave a file behind."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


def pickles() -> list[tuple[str, bytes]]:
    """Honest ones as FLAME's release has them, and ones that would run something, in every protocol."""
    from scipy.sparse import csc_matrix

    honest = {
        "v_template": np.zeros((5, 3)),
        "f": np.arange(6).reshape(2, 3),
        "J_regressor": csc_matrix(np.eye(4)),
        "flame": {"exp": np.zeros((1, 50), np.float32)},
        "names": ["a", ("b", None)],
        "n": 3.5,
    }
    evil = [
        _Runs(os.system, f"touch {CANARY}"),
        _Runs(eval, f"open({CANARY!r}, 'w')"),
        _Runs(open, CANARY, "w"),
        _Runs(getattr, "x", "upper"),
        _Runs(np.load, CANARY),
    ]
    content = [honest, *({"v_template": np.zeros(3), "x": call} for call in evil)]
    return [(".pkl", pickle.dumps(value, protocol)) for value in content for protocol in range(6)]


def mutated(pool: Seeds, rng: random.Random) -> tuple[str, bytes]:
    """One input: a seed, damaged one to eight times, inside its archive every second time that it is one."""
    ending, content = pool.draw(rng)
    if content[:2] == b"PK" and rng.random() < 0.5:
        try:
            return ending, _inside(content, rng)
        except Exception:  # noqa: BLE001 - an archive that is broken already: damaged as a whole, below
            content = bytes(content)
    other = pool.draw(rng)[1]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        content = _damage(content, other, rng)
    return ending if rng.random() < 0.95 else pool.draw(rng)[0], content[: 1 << 20]


def _inside(content: bytes, rng: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        chosen = rng.choice(old.namelist() or [""])
        for name in old.namelist():
            data = old.read(name)
            for _ in range(rng.randint(1, 4) if name == chosen else 0):
                data = _damage(data[:200], data, rng) + data[200:] if rng.random() < 0.7 else _damage(data, data, rng)
            new.writestr(name, data)
    return out.getvalue()


def _damage(content: bytes, other: bytes, rng: random.Random) -> bytes:
    size = len(content)
    at = rng.randrange(min(size, 400) if rng.random() < 0.5 else size) if size else 0
    length = rng.choice((1, 2, 4, 8, 16, 64, 256, 1024))
    end = min(size, at + rng.randint(1, length))
    match rng.randrange(9):
        case 0:
            return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :] if size else b"\0"
        case 1:
            return content[:at] + rng.randbytes(end - at) + content[end:]
        case 2:
            return content[:at] + content[end:]
        case 3:
            return content[:at] + content[at:end] * rng.choice((2, 2, 3, 50)) + content[end:]
        case 4:
            start = rng.randrange(len(other)) if other else 0
            return content[:at] + other[start : start + length] + content[end if rng.random() < 0.5 else at :]
        case 5:
            return content[:at]
        case 6 | 7:
            return content[:at] + rng.choice(TOKENS) + content[at + rng.choice((0, 0, 1, 4)) :]
        case _:
            return _number_changed(content, at, rng)


def _number_changed(content: bytes, at: int, rng: random.Random) -> bytes:
    start = at
    while start < len(content) and content[start] not in b"0123456789":
        start += 1
    end = start
    while end < len(content) and content[end] in b"0123456789.eE+-":
        end += 1
    return content[:start] + rng.choice((*TOKENS[:10], b"1e30", b"-5", b"0.0", b"65536", b"1e-300")) + content[end:]


def attempt(path: Path) -> str:
    """``read`` or ``refused``: one file with every reader that believes in it, or else with a reader by turn."""
    if path.suffix in _DIRECT:
        with np.errstate(all="ignore"):
            _DIRECT[path.suffix](path)
        assert not os.path.exists(CANARY), "a pickle was run"
        return "read"
    modules = readers()
    head = read_head(path)
    believers = [r for r in modules if r.sniff(path, head) is not None]
    chosen = believers or [modules[len(head) % len(modules)]]
    outcome = "refused"
    for reader in chosen:
        try:
            with np.errstate(all="ignore"):
                recordings = reader.read(path, ReadOptions(fps=30.0 if len(head) % 3 else None))
            for recording in recordings:
                assert len(recording.psi) == len(recording.time_s) == len(recording.valid), "lengths differ"
                assert np.isfinite(recording.psi).all(), "a value that is not finite"
                outcome = "read"
        except DataError as error:
            assert "\n" not in str(error), "more than one line"
    return outcome


def attempt_aus(path: Path) -> str:
    """``read`` or ``refused``: one file with every AU reader that believes in it, or else with one by turn."""
    header, known = read_au_header(path), list(au_readers().values())
    believers = [r for r in known if r.sniff(path, header) is not None]
    outcome, options = "refused", AuReadOptions(fps=30.0 if len(header.columns) % 3 else None)
    for reader in believers or [known[len(header.columns) % len(known)]]:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # means of nothing
                found = reader.read(path, options)
            for one in found:
                assert one.is_intervals or len(one.time_s) == len(one.frame) == len(one.probability), "lengths differ"
                outcome = "read"
        except DataError as error:
            assert "\n" not in str(error), "more than one line"
    return outcome


def attempted(path: Path, pool: str) -> str:
    """One file with the readers of a pool."""
    if pool == "recordings":
        return attempt(path)
    found = {attempt(path)} if pool == "new" and path.suffix != ".eaf" else set()
    with contextlib.suppress(DataError):
        found.add(attempt_aus(path))
    return "read" if "read" in found else "refused"


def _stop(*_: object) -> None:
    raise TimeoutError(f"more than {MOST_SECONDS} s")


def work(seed: int, start: int, stop: int, folder: Path, kind: str) -> None:
    """Try inputs `start` to `stop`; one line of JSON for each crash, and one with the counts at the end."""
    pool, counts, slowest = seeds(kind), collections.Counter(), (0.0, 0)
    signal.signal(signal.SIGALRM, _stop)
    for number in range(start, stop):
        ending, content = mutated(pool, random.Random(seed * 1_000_000_007 + number))
        path = folder / f"input{ending}"
        path.write_bytes(content)
        (folder / "number").write_text(str(number))
        begin = time.perf_counter()
        signal.alarm(MOST_SECONDS)
        try:
            counts[attempted(path, kind) if content else "refused"] += 1
        except DataError:
            counts["refused"] += 1
        except BaseException as error:  # noqa: BLE001 - a fuzz target may raise anything
            place = traceback.extract_tb(error.__traceback__)[-1]
            _tell(
                {
                    "number": number,
                    "error": f"{type(error).__name__}: {error}"[:200],
                    "place": f"{Path(place.filename).name}:{place.lineno}",
                }
            )
            counts["crashed"] += 1
        finally:
            signal.alarm(0)
        path.unlink()
        slowest = max(slowest, (time.perf_counter() - begin, number))
    _tell({"counts": counts, "slowest_s": round(slowest[0], 2), "slowest": slowest[1]})


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run(inputs: int, seed: int, processes: int, pool: str = "recordings") -> dict[str, object]:
    """Spread the inputs over processes, and start one again behind an input that killed it."""
    total, faults, slowest = collections.Counter(), [], (0.0, 0)
    share = -(-inputs // processes)
    spans = [(i * share, min(inputs, (i + 1) * share)) for i in range(processes) if i * share < inputs]
    running = []
    while spans or running:
        running += [_spawn(seed, *spans.pop(0), pool) for _ in range(min(len(spans), processes - len(running)))]
        process, span, folder = running.pop(0)
        out, _ = process.communicate()
        found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        faults += [f for f in found if "number" in f]
        last = next((f for f in found if "counts" in f), None)
        if last is None:
            number = int((Path(folder.name) / "number").read_text())
            faults.append({"number": number, "error": f"the process died with {process.returncode}", "place": "?"})
            total["crashed"] += 1
            spans.append((number + 1, span[1]))
        else:
            total.update(last["counts"])
            slowest = max(slowest, (last["slowest_s"], last["slowest"]))
        folder.cleanup()
    return {"inputs": inputs, "seed": seed, **total, "slowest_s": slowest[0], "slowest": slowest[1], "faults": faults}


def _spawn(seed: int, start: int, stop: int, pool: str):
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    command = [
        sys.executable,
        "-m",
        "tests.hostile.fuzz",
        "--worker",
        str(seed),
        str(start),
        str(stop),
        folder.name,
        pool,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True), (start, stop), folder


def guided(inputs: int) -> None:
    """The same check driven by atheris, which looks for inputs that reach new lines."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    pool = seeds().good + seeds().broken
    endings = sorted({ending for ending, _ in pool})
    for i, (ending, content) in enumerate(pool):
        (corpus / str(i)).write_bytes(bytes([endings.index(ending)]) + content)

    def one(data: bytes) -> None:
        if len(data) > 1:
            path = folder / f"input{endings[data[0] % len(endings)]}"
            path.write_bytes(data[1:])
            try:
                attempt(path)
            except DataError:
                return

    readers()
    for function in _own_functions():
        atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], f"-runs={inputs}", "-timeout=10", "-rss_limit_mb=2048", str(corpus)], one)
    atheris.Fuzz()


def _own_functions() -> list[types.FunctionType]:
    """Every function and method of the modules that readers are made of."""
    modules = [m for name, m in sys.modules.items() if name.startswith("dfe_core.")]
    holders = [
        *modules,
        *(c for m in modules for c in vars(m).values() if isinstance(c, type) and c.__module__ == m.__name__),
    ]
    return [
        f
        for holder in holders
        for f in vars(holder).values()
        if isinstance(f, types.FunctionType) and f.__module__.startswith("dfe_core.")
    ]


def show(seed: int, number: int, pool: str) -> None:
    """Write one input to the current folder and read it, with the traceback of what happens."""
    ending, content = mutated(seeds(pool), random.Random(seed * 1_000_000_007 + number))
    path = Path(f"input-{number}{ending}")
    path.write_bytes(content)
    sys.stdout.write(f"{path}: {content[:120]!r}\n")
    try:
        sys.stdout.write(f"{attempted(path, pool)}\n")
    except DataError as error:
        sys.stdout.write(f"refused: {error}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--show", type=int)
    parser.add_argument("--pool", choices=POOLS, default=POOLS[0], help="which files are damaged")
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(*map(int, args.worker[:3]), Path(args.worker[3]), args.worker[4])
    elif args.show is not None:
        show(args.seed, args.show, args.pool)
    elif args.atheris:
        guided(args.inputs)
    else:
        report = run(args.inputs, args.seed, args.processes, args.pool)
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
        sys.exit(bool(report["faults"]))


if __name__ == "__main__":
    main()
