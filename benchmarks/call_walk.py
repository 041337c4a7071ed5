"""Functions and modules of the project that a click on a codeword, an import and a training enter.

    python -m benchmarks.call_walk --out walk.json
    python -m benchmarks.call_walk --tree ../older-checkout --out before.json

Each way is gone once to load its modules and once more under a profiler, on 6 simulated people of 0.4 minutes. Counted
are the functions that are entered (comprehensions and lambdas belong to the function around them), the modules that
they stand in, and the calls. `--tree` counts another checkout with the packages that are installed here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGES = ("dfe_core", "train", "dashboard")
SMALL = ("--set", "tokenizer.codewords=24", "--set", "tokenizer.stages=4", "--set", "train.steps=20", "--seed", "0")
FRAMES, FPS = 120, 60


class Walk:
    """Calls of functions of the project in `tree`, by file and first line."""

    def __init__(self, tree: Path) -> None:
        self.calls: Counter[tuple[str, int]] = Counter()
        self._roots = tuple(str(tree / package) + os.sep for package in PACKAGES)

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """The profiler: counts a call of a named function."""
        code: CodeType = frame.f_code
        if event == "call" and not code.co_name.startswith("<") and code.co_filename.startswith(self._roots):
            self.calls[code.co_filename, code.co_firstlineno] += 1

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Count within the block, in this thread and in those that begin in it."""
        threading.setprofile(self)
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    def counts(self) -> dict[str, int]:
        """Functions, modules and calls."""
        modules = {file for file, _ in self.calls}
        return {"functions": len(self.calls), "modules": len(modules), "calls": sum(self.calls.values())}


def measure(tree: Path) -> dict[str, dict[str, int]]:
    """The counts of the three ways, in the checkout that this process imports."""
    with tempfile.TemporaryDirectory() as folder:
        recording = write_recording(Path(folder) / "take.csv")
        dfe("simulate", "--name", "people", "--subjects", "6", "--minutes-per-subject", "0.4")
        ways: dict[str, Callable[[str], None]] = {
            "import": lambda name: dfe("import", str(recording), "--name", f"import{name}"),
            "training": lambda name: dfe("train", "people", "--name", f"model{name}", *SMALL),
        }
        found = {way: _walked(tree, go) for way, go in ways.items()}
    dfe("encode", "model1", "people")
    return {"click": _click(tree), **found}


def _walked(tree: Path, go: Callable[[str], None]) -> dict[str, int]:
    go("1")
    walk = Walk(tree)
    with walk.recording():
        go("2")
    return walk.counts()


def dfe(*arguments: str) -> None:
    """Run a command in this process."""
    from train.cli import main

    with contextlib.redirect_stdout(sys.stderr):
        if code := main([*arguments, "--progress", "none"]):
            raise SystemExit(code)


def write_recording(path: Path) -> Path:
    """A table of ARKit coefficients in Live Link Face's form: a smile that comes and goes."""
    from dfe_core.faces.arkit import ARKIT_NAMES

    rows = [",".join(["Timecode", "BlendshapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES)])]
    for frame in range(FRAMES):
        value = abs(frame % 60 - 30) / 30
        smile = [f"{value if 'mouthSmile' in name else 0:.4f}" for name in ARKIT_NAMES]
        rows.append(",".join([f"00:00:{frame // FPS:02d}:{frame % FPS:02d}.000", str(len(ARKIT_NAMES)), *smile]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _click(tree: Path) -> dict[str, int]:
    """Another codeword on the page of the codebook that is open already."""
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_function(_show, default_timeout=120)
    for codeword in ("3", "4", "5"):
        walk = Walk(tree)
        test.query_params["codeword"] = codeword
        with walk.recording():
            test.run()
        if test.exception:
            raise RuntimeError(test.exception[0].message)
    return walk.counts()


def _show() -> None:
    import importlib

    import streamlit as st

    frame, routes, sidebar = (
        importlib.import_module(f"dashboard.{name}") for name in ("panels.page_frame", "links.routes", "shell.sidebar")
    )
    st.session_state.setdefault("model", "model1")
    st.navigation(routes.groups())
    sidebar.show()
    with frame.guarded():
        importlib.import_module("dashboard.pages.codebook").page()


def main() -> None:
    """Measure in a process of its own, so that `--tree` is what it imports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[1], help="checkout to count")
    parser.add_argument("--cache", type=Path, help="a cache whose faces are used, so that none is built")
    parser.add_argument("--out", type=Path, help="JSON file (default: standard output)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    tree = args.tree.resolve()
    if args.here:
        print(json.dumps(measure(tree)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if args.cache:
            os.symlink((args.cache / "faces").resolve(), Path(folder) / "faces")
        environment = {**os.environ, "PYTHONPATH": str(tree), "DFE_CACHE": folder, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), "--here", "--tree", str(tree)]
        result = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    text = json.dumps(json.loads(result.stdout.splitlines()[-1]), indent=1)
    args.out.write_text(text + "\n", encoding="utf-8") if args.out else print(text)


if __name__ == "__main__":
    main()
