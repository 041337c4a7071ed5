"""Several processes that train one codebook, each on its share of every batch.

What a step adds up over a batch (overlaps, targets, counts, gradients of an encoder) is added up over the processes.
What is decided between steps is decided by the first one, which alone writes, and sent to the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from dfe_core.devices import started_here, started_processes, started_rank
from dfe_core.errors import DataError

_PATIENCE = timedelta(minutes=30)
"""The others wait so long while the first process reads the frames of a large corpus."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """rank: of this process, 0 the first; count: of all."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def add_(self, total: Tensor) -> Tensor:
        """Replace a tensor by its sum over the processes."""
        if self.count > 1:
            with _told():
                dist.all_reduce(total)
        return total

    def share_(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's values."""
        if self.count > 1:
            with _told():
                for tensor in tensors:
                    sent = tensor.detach().to(_device()).contiguous()
                    dist.broadcast(sent, 0)
                    tensor.detach().copy_(sent)

    def agree(self, what: str, key: str) -> None:
        """Raise `DataError` in every process whose text is another than the first one's."""
        if self.count == 1:
            return
        own = torch.frombuffer(bytearray(key.encode().ljust(128)[:128]), dtype=torch.uint8)
        first = own.clone()
        self.share_([first])
        if not torch.equal(own, first):
            raise DataError(
                f"process {self.rank} of {self.count}", f"another {what} than the first process", "the same"
            )

    def joined_rows(self, rows: Tensor, total: int) -> Tensor:
        """(total, D) rows of a whole batch, of which every process holds each `count`-th from its own number on."""
        if self.count == 1:
            return rows
        longest = -(-total // self.count)
        padded = torch.nn.functional.pad(rows, (0, 0, 0, longest - len(rows)))
        parts = [torch.empty_like(padded) for _ in range(self.count)]
        with _told():
            dist.all_gather(parts, padded.contiguous())
        return torch.stack(parts, 1).flatten(0, 1)[:total]

    def wait(self) -> None:
        """Until every process has come here."""
        if self.count > 1:
            self.add_(torch.zeros(1, device=_device()))


ALONE = Processes()


def own_processes() -> Processes:
    """The processes that this one has joined; it alone where it has joined none."""
    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Processes(rank=dist.get_rank(), count=dist.get_world_size())


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` has started, for the block; this process alone where it has started none.

    device: decides how they speak, NCCL between CUDA devices and gloo between CPUs. Raises `DataError` where they do
    not come together.
    """
    if started_processes() < 2 or dist.is_initialized():
        yield own_processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _told():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield own_processes()
    finally:
        dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """Of several processes on a machine each takes a CUDA device of its own; alone, or on CPUs, the one that is given.

    Raises `DataError` for more processes than devices.
    """
    if device.type != "cuda" or started_processes() < 2:
        return device
    local, count = started_here(), torch.cuda.device_count()
    if local >= count:
        raise DataError(
            f"process {local} of this machine", f"{count} CUDA devices", "a process for each, or --device cpu"
        )
    return torch.device("cuda", local)


def _device() -> torch.device:
    """Where what is sent has to lie."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


@contextmanager
def _told() -> Iterator[None]:
    """A process that is gone ends the training of the others in words."""
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())[:200]
        raise DataError(
            f"process {started_rank()} of {started_processes()}",
            f"another process has ended ({text})",
            "all of them to the end; the same command with --resume continues from the last checkpoint",
        ) from error
