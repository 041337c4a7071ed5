"""The device that is asked for is the one that is taken, or it is said why not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from dfe_core import devices
from dfe_core.devices import DEVICE, chosen_device, on_device, started_processes, started_rank
from dfe_core.errors import DataError
from dfe_core.training.processes import own_device


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of two CUDA devices."""
    monkeypatch.delenv(DEVICE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_devices_by_name_with_two_gpus(gpus):
    found = {name: str(chosen_device(name)) for name in ("auto", "cpu", "cuda", "cuda:1", " CUDA:1 ")}
    assert list(found.values()) == ["cuda:0", "cpu", "cuda:0", "cuda:1", "cuda:1"]
    assert str(chosen_device()) == "cuda:0"
    with pytest.raises(DataError, match=r"cuda:2 of 2 CUDA devices; expected cuda:0 to cuda:1"):
        chosen_device("cuda:2")


def test_workers_take_one_gpu_after_the_other_unless_one_is_named(gpus, monkeypatch):
    monkeypatch.setattr(devices, "may_be_cuda", lambda: True)
    monkeypatch.setenv(devices.WORKER, "3")
    assert (str(chosen_device()), devices.gpus_of_workers()) == ("cuda:1", 2)
    monkeypatch.setenv(DEVICE, "cuda:0")
    assert (str(chosen_device()), devices.gpus_of_workers()) == ("cuda:0", 1)
    monkeypatch.setenv(DEVICE, "cpu")
    assert devices.gpus_of_workers() == 0


def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused(no_gpu):
    assert chosen_device().type == chosen_device("auto").type == "cpu"
    for name in ("cuda", "cuda:0"):
        with pytest.raises(DataError, match=rf"device: {name}, and no CUDA device.*expected cpu, or auto"):
            chosen_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:1", "", "tpu"])
def test_what_is_no_device_is_refused(no_gpu, name):
    with pytest.raises(DataError, match="expected auto, cpu, cuda, cuda:N or mps"):
        chosen_device(name)


def test_a_gpu_is_ruled_out_without_torch(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(devices, "_DRIVERS", (str(tmp_path / "driver"),))
    monkeypatch.delenv(DEVICE, raising=False)
    assert not devices.may_be_cuda()
    (tmp_path / "driver").touch()
    assert devices.may_be_cuda()
    monkeypatch.setenv(DEVICE, "cpu")
    assert not devices.may_be_cuda()


def test_mps_is_refused_with_the_reason(gpus):
    with pytest.raises(DataError, match=r"float64, which MPS does not have; expected cpu"):
        chosen_device("mps")


def test_a_block_has_its_device_and_so_have_processes_started_in_it(gpus, monkeypatch):
    monkeypatch.setenv(DEVICE, "cpu")
    show = [sys.executable, "-c", f"import os; print(os.environ[{DEVICE!r}])"]
    with on_device("cuda:1"):
        assert str(chosen_device()) == "cuda:1" and str(chosen_device("cpu")) == "cpu"
        assert subprocess.run(show, capture_output=True, text=True, check=True).stdout == "cuda:1\n"
        with on_device(None):
            assert str(chosen_device()) == "cuda:1"
    assert str(chosen_device()) == "cpu" and os.environ[DEVICE] == "cpu"
    monkeypatch.setenv(DEVICE, "cuda:7")
    with pytest.raises(DataError, match=f"{DEVICE}: cuda:7 of 2"):
        chosen_device()
    with pytest.raises(DataError, match=r"device: cuda:9"), on_device("cuda:9"):
        raise AssertionError("refused before the block")


def test_each_process_of_a_machine_takes_a_gpu_of_its_own(gpus, monkeypatch):
    assert (started_processes(), started_rank(), str(own_device(chosen_device()))) == (1, 0, "cuda:0")
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "3", "RANK": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert (started_processes(), started_rank(), str(own_device(chosen_device()))) == (3, 2, "cuda:1")
    assert own_device(torch.device("cpu")).type == "cpu"
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DataError, match="2 CUDA devices; expected a process for each, or --device cpu"):
        own_device(chosen_device())


def test_a_command_is_refused_before_it_does_anything(no_gpu, cache, capsys):
    from train.cli import main

    assert main(["encode", "nothing", "nowhere", "--device", "cuda"]) == 1
    assert capsys.readouterr().err.startswith("error: device: cuda, and no CUDA device")
