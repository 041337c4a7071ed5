"""Installing on a fresh machine: which torch, which Python, when nothing is to be done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(PROJECT / "tools"))
    import bootstrap

    return bootstrap


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("smi", "flavour"),
    [(None, "cpu"), ("echo 'GPU 0: NVIDIA H200'", "cuda"), ("echo 'No devices found'; exit 6", "cpu"), ("true", "cpu")],
)
def test_the_cpu_build_is_taken_unless_a_gpu_answers(bootstrap, tmp_path, monkeypatch, smi, flavour):
    if sys.platform == "darwin":
        pytest.skip("macOS has one build of torch")
    monkeypatch.delenv("DFE_TORCH", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin" if smi else str(tmp_path))
    if smi:
        program(tmp_path, "nvidia-smi", smi)
    assert bootstrap.torch_flavour() == flavour


def test_the_user_may_decide_which_torch(bootstrap, monkeypatch):
    monkeypatch.setenv("DFE_TORCH", "cuda")
    assert bootstrap.torch_flavour() == "cuda"


def test_no_way_to_torch_on_a_cpu_machine_can_bring_cuda(bootstrap):
    constraint = (PROJECT / "constraints-cpu.txt").read_text().splitlines()[-1]
    assert constraint.startswith("torch==") and constraint.endswith("+cpu")
    for attempt in bootstrap.torch_attempts("cpu"):
        pinned = str(PROJECT / "constraints-cpu.txt") in attempt
        cpu_index_alone = "--index-url" in attempt and attempt[attempt.index("--index-url") + 1].endswith("/whl/cpu")
        assert pinned or cpu_index_alone
    assert bootstrap.torch_attempts("cpu")[0] == ["torch", "-c", str(PROJECT / "constraints-cpu.txt")], (
        "first what pip is configured with: a mirror or a folder of wheels"
    )


def test_with_a_gpu_torch_is_the_plain_requirement(bootstrap):
    (attempt,) = bootstrap.torch_attempts("cuda")
    assert attempt[0].startswith("torch>=") and len(attempt) == 1


def test_the_stamp_changes_with_the_requirements_and_the_flavour(bootstrap, tmp_path, monkeypatch):
    for name in ("requirements.txt", "requirements-test.txt", "constraints-cpu.txt", "pyproject.toml", "setup.py"):
        (tmp_path / name).write_text("a\n")
    for name in ("tools/bootstrap.py", ".venv/pyvenv.cfg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("a\n")
    monkeypatch.setattr(bootstrap, "PROJECT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    before = bootstrap.stamp_key("run", "cpu")
    assert bootstrap.stamp_key("run", "cpu") == before != bootstrap.stamp_key("run", "cuda")
    (tmp_path / "requirements-test.txt").write_text("b\n")
    assert bootstrap.stamp_key("run", "cpu") == before
    (tmp_path / "requirements.txt").write_text("b\n")
    assert bootstrap.stamp_key("run", "cpu") != before


def test_a_python_that_is_too_old_is_named_with_what_is_needed(bootstrap, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (9, 9))
    assert bootstrap.main(["run"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ") and sys.executable in shown and "expected" in shown and shown.count("\n") == 1


def test_wrong_usage_is_told(bootstrap):
    assert bootstrap.main(["fly"]) == 2


def test_an_installed_venv_needs_nothing_and_starts_at_once(bootstrap, monkeypatch, capsys):
    """The venv that runs this test stands for one that `make test` made: with its stamp nothing is installed."""
    if not bootstrap.stamp("test").is_file() or Path(sys.prefix) != bootstrap.VENV:
        pytest.skip("this virtual environment was not made by make test")
    monkeypatch.setattr(bootstrap, "pip_command", lambda *arguments: pytest.fail(f"pip {arguments}"))
    bootstrap.prepare("test")
    assert "installing" not in capsys.readouterr().err


def test_make_names_the_problem_when_there_is_no_python():
    result = subprocess.run(["make", "need-python", "PYTHON="], cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode != 0 and "expected Python 3.10 or newer" in result.stderr


def test_ci_runs_what_a_person_runs():
    script = (PROJECT / ".ci" / "run").read_text()
    assert [line for line in script.splitlines() if line and not line.startswith("#")][-1] == "exec make test"
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)


def test_what_is_missing_and_may_not_be_installed_is_told_with_the_command(bootstrap, monkeypatch, tmp_path):
    if sys.platform == "darwin":
        pytest.skip("Linux package managers")
    import system_packages

    program(tmp_path, "apt-get", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DFE_CHROMIUM", raising=False)
    monkeypatch.setattr(system_packages, "_privilege", lambda: None)
    message = system_packages.ensure_browser()
    assert "sudo apt-get install" in message and "chromium" in message and "DFE_CHROMIUM" in message


def test_the_package_manager_is_asked_for_chromium_where_we_may(bootstrap, monkeypatch, tmp_path):
    if sys.platform == "darwin":
        pytest.skip("Linux package managers")
    import system_packages

    program(
        tmp_path,
        "apt-get",
        f'cd {tmp_path}; echo "$@" >> calls; case "$*" in *chromium*) '
        'printf "#!/bin/sh\\n" > chromium; /bin/chmod +x chromium;; esac',
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DFE_CHROMIUM", raising=False)
    monkeypatch.setattr(system_packages, "_privilege", list)
    assert system_packages.ensure_browser() is None
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0].startswith("update") and calls[1].startswith("install") and "chromium" in calls[1]
    assert system_packages.ensure_browser() is None and len((tmp_path / "calls").read_text().splitlines()) == 2
