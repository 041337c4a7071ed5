"""On which processor torch computes: one choice for training, encoding and everything else that uses a tokenizer.

A device is asked for by name: by a function's own argument, else by the variable `DEVICE` of the environment, which
`on_device` (the ``--device`` of commands) sets for a block of code, else ``auto``: the first CUDA device where there is
one (workers of an engine: each the next one), the CPU else.

What ``torchrun`` tells the processes that it starts is here as well: it needs no torch to be read.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dfe_core.errors import DataError

if TYPE_CHECKING:
    import torch

DEVICE = "DFE_DEVICE"
"""Variable of the environment: the device of commands that are given none."""
WORKER = "DFE_WORKER"
"""Variable of the environment: the number of a worker process of this machine, by which workers share its GPUs."""
AUTO = "auto"
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""What NVIDIA's driver makes on Linux, and on Linux within Windows."""
_NAMES = "auto, cpu, cuda, cuda:N or mps"


@contextmanager
def on_device(name: str | None) -> Iterator[None]:
    """Compute on this device within the block, in this process and those that it starts, where no other one is named.

    None leaves the choice as it is. Raises `DataError` for a device that is not there, before anything is computed.
    """
    if name is None:
        yield
        return
    chosen_device(name)
    before = os.environ.get(DEVICE)
    os.environ[DEVICE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[DEVICE]
        else:
            os.environ[DEVICE] = before


def chosen_device(name: str | None = None) -> torch.device:
    """The device of this name, or the one that holds where none is given.

    Raises `DataError`, which says where the name came from, for a name that is none, for CUDA without a driver or a
    build of torch that has it, for a number beyond the devices there are, and for ``mps``.
    """
    where, asked = _source(name)
    found = re.fullmatch(r"(auto|cpu|cuda|mps)|cuda:([0-9]{1,4})", asked)
    if not found:
        raise DataError(where, f"device {asked!r}", _NAMES)
    import torch

    if asked == "mps":
        raise DataError(
            where, "mps: code lengths and the codewords' refit are in float64, which MPS does not have", "cpu"
        )
    if asked == "cpu" or (asked == AUTO and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = "" if torch.version.cuda else f": torch {torch.__version__} is built without CUDA"
        raise DataError(where, f"{asked}, and no CUDA device{built}", "cpu, or auto")
    number, count = int(found[2] or 0), torch.cuda.device_count()
    if asked == AUTO:
        number = _number(WORKER, 0) % count
    if number >= count:
        raise DataError(
            where,
            f"cuda:{number} of {count} CUDA device{'s' * (count != 1)}",
            "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}",
        )
    return torch.device("cuda", number)


@contextmanager
def seeded_networks(seed: int) -> Iterator[torch.device]:
    """A block whose networks begin at a seed, whatever was drawn elsewhere, and which leaves torch's generators as they
    were; gives the device that holds. Weights are drawn by the host, so that they begin alike on every device.
    """
    import torch

    device = chosen_device()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield device


def may_be_cuda() -> bool:
    """Whether the device that holds could be a GPU, as far as is known without torch, which takes seconds to load."""
    if sys.platform == "darwin" or _source(None)[1] == "cpu":
        return False
    return sys.platform != "linux" or any(os.path.exists(path) for path in _DRIVERS)


def asked_device() -> str:
    """The name of the device that holds, as it was asked for."""
    return _source(None)[1]


def gpus_of_workers() -> int:
    """How many GPUs workers of this machine share: all of them with ``auto``, the one that is named, 0 where workers
    compute on CPUs. Raises `DataError` as `chosen_device` does."""
    if not may_be_cuda() or chosen_device().type != "cuda":
        return 0
    import torch

    return torch.cuda.device_count() if asked_device() == AUTO else 1


def _source(name: str | None) -> tuple[str, str]:
    """Where a device was asked for, and which."""
    if name is not None:
        return "device", name.strip().lower()
    if asked := os.environ.get(DEVICE, "").strip():
        return DEVICE, asked.lower()
    return "device", AUTO


def started_processes() -> int:
    """How many processes ``torchrun`` has started, of which this is one; 1 without it."""
    return _number("WORLD_SIZE", 1) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def started_rank() -> int:
    """The number of this process among those that ``torchrun`` has started, 0 the first; 0 without it."""
    return _number("RANK", 0) if started_processes() > 1 else 0


def started_here() -> int:
    """The number of this process among those that ``torchrun`` has started on this machine; 0 without it."""
    return _number("LOCAL_RANK", 0) if started_processes() > 1 else 0


def _number(name: str, without: int) -> int:
    found = os.environ.get(name, "")
    return int(found) if found.isascii() and found.isdigit() else without
