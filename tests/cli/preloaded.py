"""A process that has loaded the libraries once and forks for each command: a command is still a process of its own.

``python preloaded.py`` reads one command a line from standard input, JSON with ``argv``, ``cwd``, ``env``, ``out``,
``err`` and ``timeout_s``, and answers its return code as a line; null where it took too long. Only libraries are loaded
before the fork, nothing of the project: each command imports, and reads its environment, anew. It saves two to three
seconds of imports a command, where most commands of the tests take less.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path

LIBRARIES = (
    *("numpy", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.linear_model", "sklearn.decomposition", "torch"),
    *("torch._dynamo", "safetensors.torch", "numba", "duckdb", "filelock"),  # a training, a query and a lock load these
)
OF_THE_START = ("PYTHON", "LC_", "LANG", "OMP_")
"""Variables that begin so are read before the first line of a program, so a change of one takes a fresh process."""


class Forks:
    """The asking side."""

    def __init__(self) -> None:
        self.environment = _of_the_start(os.environ)
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def serves(self, environment: dict[str, str]) -> bool:
        """Whether a fork is as good as a fresh process for this environment."""
        return sys.platform == "linux" and _of_the_start(environment) == self.environment

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """``python -m ARGUMENTS``, with nothing on standard input."""
        assert self.process.stdin
        assert self.process.stdout
        with tempfile.TemporaryDirectory() as kept:
            out, err = Path(kept, "out"), Path(kept, "err")
            asked = {"argv": arguments, "cwd": str(folder), "env": environment, "timeout_s": timeout_s}
            self.process.stdin.write(json.dumps({**asked, "out": str(out), "err": str(err)}) + "\n")
            self.process.stdin.flush()
            code = json.loads(self.process.stdout.readline())
            if code is None:
                raise subprocess.TimeoutExpired(arguments, timeout_s, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(arguments, code, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def _of_the_start(environment: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name.startswith(OF_THE_START)}
    return {name: value for name, value in kept.items() if name not in ("PYTHONPATH", "OMP_NUM_THREADS")}


def _serve() -> None:
    for name in LIBRARIES:
        import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            answers.close()
            _become(asked)
        answers.write(json.dumps(_return_code(child, asked["timeout_s"])) + "\n")
        answers.flush()
    os._exit(0)  # nobody waits for the libraries to be taken down one by one


def _return_code(child: int, timeout_s: float) -> int | None:
    end = time.monotonic() + timeout_s
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.003)


def _become(asked: dict) -> None:
    """Turn this fork into the command; does not return."""
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, asked["out"], -1), (2, asked["err"], -1)):
        opened = os.open(name, mode if mode >= 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    os.fsync = os.fstat  # no test cuts the power: nothing waits for the disk
    sys.path[0] = asked["cwd"]
    sys.path[1:1] = [place for place in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if place]
    module, *sys.argv[1:] = asked["argv"]
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
