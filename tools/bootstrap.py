"""Make `.venv` and install what dfe needs: ``python3 tools/bootstrap.py run|test``. `make` calls it.

Standard library only, and safe to run again: a stamp in `.venv`, keyed by the requirement files, lets the second run
end at once. Without an NVIDIA GPU it installs the CPU build of torch, so that no CUDA package is downloaded:
a constraint on the local version label (``torch==…+cpu``) can be satisfied by nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import system_packages

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "bootstrap.log"
CONSTRAINTS = VENV / "constraints.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
REQUIREMENTS = {"run": "requirements.txt", "test": "requirements-test.txt"}
OLDEST_PYTHON = (3, 10)
HEARTBEAT_S = 20.0


class Failure(Exception):
    """What stops the installation, as one sentence for the user."""


def main(arguments: list[str]) -> int:
    """Prepare `.venv` for one purpose, ``run`` (default) or ``test``."""
    purpose = arguments[0] if arguments else "run"
    if purpose not in REQUIREMENTS:
        print("usage: python3 tools/bootstrap.py run|test", file=sys.stderr)
        return 2
    try:
        prepare(purpose)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


def prepare(purpose: str) -> None:
    """Virtual environment, torch, requirements, the `dfe` command, system packages: what of it is missing."""
    check_python()
    warn(system_packages.ensure_gl())
    if purpose == "test":
        warn(system_packages.ensure_browser())
    ensure_venv()
    flavour = torch_flavour()
    key = stamp_key(purpose, flavour)
    if stamp(purpose).is_file() and stamp(purpose).read_text() == key:
        return
    say(f"installing into {VENV} (log: {LOG}); the first time this takes a few minutes")
    install_torch(flavour)
    pip("the requirements", "-r", str(PROJECT / REQUIREMENTS[purpose]), "-c", str(CONSTRAINTS))
    pip("the dfe command", "--no-deps", "-e", str(PROJECT))
    for done in ("run", purpose):  # the test requirements hold the others
        stamp(done).write_text(stamp_key(done, flavour))
    say("installed")


def check_python() -> None:
    """Raises `Failure` on a Python that dfe does not run on."""
    if sys.version_info < OLDEST_PYTHON:
        raise Failure(
            f"{sys.executable}: Python {platform.python_version()}; expected 3.10 or newer: "
            "install one and name it, as in `make run PYTHON=python3.12`"
        )


def ensure_venv() -> None:
    """Make `.venv`, or make it anew when its Python no longer runs or is too old."""
    if PYTHON.exists() and _venv_is_usable():
        return
    say(f"making {VENV} with Python {platform.python_version()}")
    shutil.rmtree(VENV, ignore_errors=True)
    result = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode or not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        reason = " ".join(result.stdout.split())[:300]
        raise Failure(
            f"{sys.executable}: cannot make a virtual environment ({reason}); expected the venv module: "
            "on Debian and Ubuntu `sudo apt-get install python3-venv`"
        )


def _venv_is_usable() -> bool:
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON!r})"
    return (
        subprocess.run(
            [str(PYTHON), "-c", check], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def torch_flavour() -> str:
    """``cuda`` with an NVIDIA GPU that answers, ``cpu`` without, ``plain`` on macOS; ``$DFE_TORCH`` decides first."""
    if os.environ.get("DFE_TORCH") in ("cpu", "cuda"):
        return os.environ["DFE_TORCH"]
    if sys.platform == "darwin":
        return "plain"
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return "cpu"
    try:
        result = subprocess.run(
            [smi, "-L"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if result.returncode == 0 and "GPU" in result.stdout else "cpu"


def install_torch(flavour: str) -> None:
    """Install the build of torch that this machine can use, and hold everything after to exactly that build."""
    installed = torch_version()
    if flavour == "cuda" and installed and "+cpu" in installed:
        pip_command("uninstall", "-y", "torch")
        installed = None
    if flavour == "cpu" and installed and "+cpu" not in installed and platform.machine() in ("x86_64", "AMD64"):
        pip_command("uninstall", "-y", "torch")
        installed = None
    if installed is None:
        _install_first_that_works(torch_attempts(flavour))
    version = torch_version()
    CONSTRAINTS.write_text(f"torch=={version}\n" if version else "")


def torch_attempts(flavour: str) -> list[list[str]]:
    """Ways to get torch, best first, as arguments of ``pip install``. None of a CPU machine's can bring CUDA."""
    wanted = next(line for line in (PROJECT / "requirements.txt").read_text().splitlines() if line.startswith("torch"))
    if flavour != "cpu":
        return [[wanted]]
    pinned = ["torch", "-c", str(PROJECT / "constraints-cpu.txt")]
    return [pinned, [*pinned, "--extra-index-url", CPU_INDEX], [wanted, "--index-url", CPU_INDEX]]


def _install_first_that_works(attempts: list[list[str]]) -> None:
    for attempt in attempts[:-1]:
        try:
            return pip("torch", *attempt, quiet_failure=True)
        except Failure:
            continue
    return pip("torch", *attempts[-1])


def torch_version() -> str | None:
    """The version of torch in `.venv`, its local label included; None when it is not there."""
    code = "import importlib.metadata as m; print(m.version('torch'))"
    result = subprocess.run(
        [str(PYTHON), "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return result.stdout.strip() or None


def pip(what: str, *arguments: str, quiet_failure: bool = False) -> None:
    """``pip install`` with these arguments. Raises `Failure` that ends with pip's own last words.

    Bytecode is left to the first import: pip would compile 17,000 modules, most of them never imported, which takes
    half of the installation.
    """
    say(f"installing {what}")
    code, tail = pip_command("install", "--prefer-binary", "--no-compile", *arguments)
    if code:
        if not quiet_failure:
            print(tail, file=sys.stderr)
        raise Failure(
            f"pip could not install {what}; expected the package index to be reachable: see {LOG}, then "
            "run the same command again, it goes on where it stopped"
        )


def pip_command(*arguments: str) -> tuple[int, str]:
    """Run pip with its output in the log, with a sign of life; returns its exit code and its last lines."""
    command = [str(PYTHON), "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]
    with open(LOG, "a", encoding="utf-8") as log:
        log.write("$ " + " ".join(command) + "\n")
        log.flush()
        start = log.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        _wait_with_heartbeat(process)
    return process.returncode, "\n".join(LOG.read_text(encoding="utf-8", errors="replace")[start:].splitlines()[-12:])


def _wait_with_heartbeat(process: subprocess.Popen) -> None:
    start = time.monotonic()
    try:
        while True:
            try:
                process.wait(HEARTBEAT_S)
                return
            except subprocess.TimeoutExpired:
                say(f"  {time.monotonic() - start:.0f} s: {_last_log_line()}")
    except BaseException:
        process.terminate()
        raise


def _last_log_line() -> str:
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1].strip()[:100] if lines else ""


def stamp(purpose: str) -> Path:
    """The file that says what was installed for a purpose."""
    return VENV / f"installed-for-{purpose}"


def stamp_key(purpose: str, flavour: str) -> str:
    """Changes when a requirement file, this script, the Python of `.venv` or the flavour of torch does."""
    names = [
        "requirements.txt",
        "constraints-cpu.txt",
        "pyproject.toml",
        "setup.py",
        "tools/bootstrap.py",
        REQUIREMENTS[purpose],
    ]
    digest = hashlib.sha256()
    for name in names:
        digest.update((PROJECT / name).read_bytes())
    configuration = VENV / "pyvenv.cfg"
    digest.update(configuration.read_bytes())
    return json.dumps({"purpose": purpose, "torch": flavour, "key": digest.hexdigest()})


def say(message: str) -> None:
    """A line for the user, on stderr."""
    print(f"dfe: {message}", file=sys.stderr, flush=True)


def warn(message: str | None) -> None:
    """A warning, where there is one."""
    if message:
        say(f"warning: {message}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
