"""Several processes train one codebook: that of one process, whatever becomes of one of them on the way."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from dfe_core.audit import read_log
from dfe_core.devices import DEVICE
from dfe_core.errors import DataError
from dfe_core.faces.library import save_face
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.tokenizer.config import load_config
from dfe_core.training.batches import Batches
from dfe_core.training.fit import train_model
from dfe_core.training.processes import joined_processes, own_processes
from dfe_core.training.step import CodebookStep
from tests.ports import free_port
from tests.train.test_device_step import small

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="forks processes as Linux can")
PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "tokenizer.codewords": 24,
    "tokenizer.stages": 4,
    "tokenizer.encoder": "mlp",
    "train.steps": 80,
    "train.batch": 256,
    "train.checkpoint_every": 10,
}


@pytest.fixture(autouse=True)
def on_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked processes cannot use a GPU that the first one has looked at."""
    monkeypatch.setenv(DEVICE, "cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, toy_face: Any) -> Path:
    path = tmp_path_factory.mktemp("cache")
    save_face(toy_face, path)
    simulate_dataset("toy", toy_face, subjects=5, minutes_per_subject=0.3, fps=20, root=path)
    return path


def in_two(work: Callable[[], Any]) -> list[Any]:
    """What `work` returns in each of two processes that have joined over the loopback."""
    port = free_port()
    context = multiprocessing.get_context("fork")  # what is imported here need not be imported again
    results = context.SimpleQueue()

    def child(rank: int) -> None:
        torch.set_num_threads(1)
        os.environ |= {"TORCHELASTIC_RUN_ID": "test", "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        with joined_processes(torch.device("cpu")):
            results.put((rank, work()))

    children = [context.Process(target=child, args=(rank,)) for rank in range(2)]
    for one in children:
        one.start()
    for one in children:
        one.join(300)
    assert [one.exitcode for one in children] == [0, 0]
    return [found for _, found in sorted((results.get() for _ in children), key=lambda pair: pair[0])]


def stepped() -> np.ndarray:
    """The codewords after four steps, of which none was sent from one process to the other."""
    made = small(processes=own_processes())
    batches = Batches(made.run)
    step = CodebookStep(made.state, made.run, batches)
    for _ in range(4):
        batches.ahead(1, made.state.generator)
        batches.next_()
        step.look_()
        assert step.seen().residual.shape == (made.run.config.train.batch, made.run.frame.shape[0])
        step.learn_()
    return made.state.model.quantizer.codewords.detach().numpy()


def test_two_processes_learn_the_same_codewords_and_those_of_one():
    alone, (first, second) = stepped(), in_two(stepped)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, alone, atol=1e-5)


LOSING = """import os, signal, sys
from dfe_core.training import loop
from train.cli import main

halt = loop._next_halt


def die_between_checkpoints(done, *run):
    if done >= 25 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return halt(done, *run)


loop._next_halt = die_between_checkpoints
sys.exit(main())
"""


def test_a_run_that_lost_a_process_says_so_and_is_continued_by_two(root: Path, tmp_path: Path):
    copy = tmp_path / "cache"
    shutil.copytree(root, copy)
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    (tmp_path / "losing.py").write_text(LOSING)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"DFE_CACHE": str(copy), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    run = subprocess.run(
        [*torchrun, str(tmp_path / "losing.py"), "train", "toy", "--name", "both", *settings],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    folder = copy / "models" / "both"
    assert run.returncode != 0 and "--resume continues from the last checkpoint" in run.stdout, run.stdout
    assert (folder / "checkpoint.safetensors").is_file() and not (folder / "config.json").is_file()
    config = load_config(None, SETTINGS)
    in_two(lambda: train_model("toy", "both", config=config, resume=True, root=copy).name)
    train_model("toy", "one", config=config, root=copy)
    both, one = (load_file(copy / "models" / name / "model.safetensors") for name in ("both", "one"))
    assert one["correction.0.weight"].std() > 0.01
    for part in ("quantizer.codewords", "correction.0.weight", "correction.4.weight"):
        np.testing.assert_allclose(both[part], one[part], atol=0.02 * np.abs(one[part]).max(), err_msg=part)
    acts = [entry.outcome for entry in read_log(copy).entries if "models/both" in entry.artefacts]
    assert acts[0] == "done" and len(acts) == 2, "one line of each command, of its first process"


def test_commands_of_which_one_process_is_enough_are_refused_under_torchrun(monkeypatch: pytest.MonkeyPatch, capsys):
    from train.cli import main

    for name, value in {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert main(["list"]) == 1
    assert capsys.readouterr().err == (
        "process 1 of 2: error: torchrun: 2 processes of `dfe list`; expected `train`, or one process\n"
    )


def test_more_processes_than_frames_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch):
    from dfe_core.training import fit
    from dfe_core.training.processes import Processes

    monkeypatch.setattr(fit, "own_processes", lambda: Processes(rank=0, count=3))
    config = load_config(None, SETTINGS | {"train.encoder_batch": 2})
    with pytest.raises(DataError, match="fewer frames than 3 processes"):
        train_model("toy", "few", config=config, root=root)
