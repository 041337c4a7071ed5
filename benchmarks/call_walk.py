"""Functions and modules of the project that a click on a codeword, an import and a training enter.

    python -m benchmarks.call_walk
    python -m benchmarks.call_walk --tree ../older-checkout --list

Each way is gone once to load its modules and once more under a profiler, on 6 simulated people of 0.4 minutes. Counted
are the functions that are entered (comprehensions and lambdas belong to the function around them), the modules that
they stand in, and the calls, each by what it serves (`GROUPS`): the thing itself, or what stands around it.
`--tree` counts another checkout with the packages that are installed here.
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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGES = ("dfe_core", "train", "dashboard")
SMALL = ("--set", "tokenizer.codewords=24", "--set", "tokenizer.stages=4", "--set", "train.steps=20", "--seed", "0")
FRAMES, FPS = 120, 60
GROUPS = {
    "crash safety, locks, log": """
        dfe_core/replacement.py dfe_core/locks.py dfe_core/integrity.py dfe_core/audit.py dfe_core/trash.py
        dfe_core/artefact.py:checked_manifest dfe_core/store.py:atomic_* dfe_core/store.py:recover_all
        dfe_core/store.py:require_new_name train/cli.py:_recover train/cli.py:_logged */sources.py:file_state
        dfe_core/tokenizer/exposure.py *:lineage_notes """,
    "background jobs": """
        dashboard/data/background_jobs.py dashboard/data/job_manager.py dashboard/panels/job_progress.py
        dashboard/components/processes.py dashboard/components/jobs.py """,
    "access": "dashboard/data/people.py dashboard/data/roles.py",
    "head pose": "*/pose_*.py *:pose_* *:_warn_of_pose",
    "command line": """
        train/cli.py train/streams.py train/warning_lines.py train/progress_reporters.py train/listeners.py
        train/tables.py train/commands/* """,
    "times of frames": "*/timing.py */timecode.py",
    "validation": "*/validation.py */checks.py *:check* *:_check* *:_require *:fault_of dfe_core/errors.py",
    "words for codewords": """
        */tokens/composition.py */tokens/describe.py */tokens/parts.py */tokens/phrasing.py */expressions/columns.py
        */codeword_names.py */name_chips.py *:offer_check */name_scores.py */blind_spots.py *:blind_note
        *:name_facts */cards.py:facs_words */cards.py:chip_of */cards.py:score_of """,
}
"""What stands around a way: patterns of ``path`` or ``path:function``, the first that holds; all else is `ITSELF`."""
ITSELF = "the thing itself"
Count = dict[str, int]


class Walk:
    """Calls of functions of the project in `tree`, by path, name and first line."""

    def __init__(self, tree: Path) -> None:
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self._tree = str(tree) + os.sep
        self._roots = tuple(self._tree + package + os.sep for package in PACKAGES)

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """The profiler: counts a call of a named function."""
        code: CodeType = frame.f_code
        if event == "call" and not code.co_name.startswith("<") and code.co_filename.startswith(self._roots):
            self.calls[code.co_filename.removeprefix(self._tree), code.co_name, code.co_firstlineno] += 1

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

    def counts(self) -> dict[str, Any]:
        """Functions, modules and calls of each group and of all, and the list of functions."""
        groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for (path, name, _), calls in self.calls.items():
            groups[group_of(path, name)].append((path, calls))
            groups["all"].append((path, calls))
        listed = sorted((path, line, name, group_of(path, name)) for path, name, line in self.calls)
        return {"groups": {group: _count(entries) for group, entries in groups.items()}, "functions": listed}


def _count(entries: list[tuple[str, int]]) -> Count:
    return {
        "functions": len(entries),
        "modules": len({path for path, _ in entries}),
        "calls": sum(calls for _, calls in entries),
    }


def group_of(path: str, name: str) -> str:
    """What a function serves: the first of `GROUPS` with a pattern for it, else `ITSELF`."""
    for group, patterns in GROUPS.items():
        for pattern in patterns.split():
            module, _, function = pattern.partition(":")
            if fnmatchcase(path, module) and fnmatchcase(name, function or "*"):
                return group
    return ITSELF


def measure(tree: Path) -> dict[str, dict[str, Any]]:
    """The counts of the three ways, in the checkout that this process imports."""
    with tempfile.TemporaryDirectory() as folder:
        recording = write_recording(Path(folder) / "take.csv")
        dfe("simulate", "--name", "people", "--subjects", "6", "--minutes-per-subject", "0.4")
        ways: dict[str, Callable[[str], None]] = {
            "import": lambda name: dfe("import", str(recording), "--name", f"import{name}", "--simulated"),
            "training": lambda name: dfe("train", "people", "--name", f"model{name}", *SMALL),
        }
        found = {way: _walked(tree, go) for way, go in ways.items()}
    dfe("encode", "model1", "people")
    return {"click": _click(tree), **found}


def _walked(tree: Path, go: Callable[[str], None]) -> dict[str, Any]:
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


def _click(tree: Path) -> dict[str, Any]:
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
    import types

    import streamlit as st

    def first(name: str, older: str) -> types.ModuleType:
        try:
            return importlib.import_module(f"dashboard.{name}")
        except ModuleNotFoundError:
            return importlib.import_module(f"dashboard.components.{older}")

    frame = first("panels.page_frame", "frame")
    routes, sidebar = first("links.routes", "routes"), first("shell.sidebar", "sidebar")
    st.session_state.setdefault("model", "model1")
    st.navigation(routes.groups())
    sidebar.show()
    with frame.guarded():
        importlib.import_module("dashboard.pages.codebook").page()


def table(ways: dict[str, dict[str, Any]]) -> str:
    """The counts as a table: functions, modules and calls of each way, by group."""
    lines = [f"{'functions/modules (calls)':<26}" + "".join(f"{way:>20}" for way in ways)]
    for group in (ITSELF, *GROUPS, "all"):
        cells = [way["groups"].get(group, _count([])) for way in ways.values()]
        texts = [f"{cell['functions']}/{cell['modules']} ({cell['calls']:,})" for cell in cells]
        lines.append(f"{group:<26}" + "".join(f"{text:>20}" for text in texts))
    return "\n".join(lines)


def listing(ways: dict[str, dict[str, Any]]) -> str:
    """Every function of each way, by module, with its group."""
    lines = []
    for way, counts in ways.items():
        lines.append(f"\n{way}")
        lines += [f"  {path}:{line} {name}  [{group}]" for path, line, name, group in counts["functions"]]
    return "\n".join(lines)


def main() -> None:
    """Measure in a process of its own, so that `--tree` is what it imports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[1], help="checkout to count")
    parser.add_argument("--cache", type=Path, help="a cache whose faces are used, so that none is built")
    parser.add_argument("--list", action="store_true", help="also every function, with what it serves")
    parser.add_argument("--out", type=Path, help="also write all counts to this JSON file")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        print(json.dumps(measure(args.tree)))
        return
    ways = _measured_apart(args.tree.resolve(), args.cache)
    print(table(ways) + (listing(ways) if args.list else ""))
    if args.out:
        args.out.write_text(json.dumps(ways, indent=1) + "\n", encoding="utf-8")


def _measured_apart(tree: Path, cache: Path | None) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        if cache:
            os.symlink((cache / "faces").resolve(), Path(folder) / "faces")
        environment = {**os.environ, "PYTHONPATH": str(tree), "DFE_CACHE": folder, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), "--here", "--tree", str(tree)]
        result = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
