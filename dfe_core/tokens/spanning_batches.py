"""Encoding on a GPU: batches that span recordings, and groups of recordings in threads.

A batch is made of runs: up to `RUN_FRAMES` frames of one recording, what is encoded together one recording at a time as
well. The first frame of a run has no neighbour before it and every run begins at an even row, so that a recording's
tokens do not depend on the recordings beside it.

A thread reads its recordings into pinned memory, copies, encodes and copies back on a CUDA stream of its own, and
writes its part: while one waits for a disk or for a copy the others keep the GPU busy.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from dfe_core.expressions.dataset import Frames
from dfe_core.tokenizer.config import TEMPORAL
from dfe_core.tokenizer.encoder import hidden_bytes
from dfe_core.tokenizer.fused import FusedEncoder, FusedTokens, KernelShape, kernel_bytes, uses_kernel
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import RUN_FRAMES, EncodedRecording

BATCH_FRAMES = 1 << 18
"""Frames of a batch; `frame_bytes` of each on the GPU, 0.5 GB together with the default codebook."""
_MOST_THREADS = 16
_SPARE = 1.25
"""For blocks of memory that torch holds and cannot give to a tensor of another size."""
_OWN = threading.local()
_Task = TypeVar("_Task")
_Part = TypeVar("_Part")


def spans_recordings(model: Tokenizer) -> bool:
    """Whether frames of this model are encoded in batches that span recordings: by the fused kernel, and not those of
    the temporal encoder, whose windows begin with a recording."""
    return uses_kernel(model.quantizer, model.frame.device) and model.config.encoder != TEMPORAL


def frame_bytes(model: Tokenizer) -> int:
    """Bytes that a frame takes on the GPU, at most: ψ, latents and what is formed of them, and the encoder's hidden
    layers or what the kernel holds, which are not there at once."""
    width = len(model.frame)
    return 4 * 4 * width + max(kernel_bytes(model.quantizer), hidden_bytes(width, model.config))


class BatchEncoder:
    """A model as the fused kernel runs it: ψ of many runs in, tokens and errors out.

    gram_mm: (E, E) of the face, mm². fast: see `Tokenizer.encode_batches`.
    """

    def __init__(self, model: Tokenizer, gram_mm: Tensor, fast: bool = False, shape: KernelShape | None = None) -> None:
        weight = 0.0 if fast else model.config.temporal_bits * model.config.rate_weight
        self.model, self.gram_mm, self.fast = model, gram_mm, fast
        self.kernel = FusedEncoder(model.quantizer, weight, shape)
        self._psi = self.kernel.tables.codewords @ model.inverse

    @torch.inference_mode()
    def __call__(self, psi: Tensor, linked: Tensor, run: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(T, E) ψ on the model's device to tokens (T, N) int16, levels (T, N) uint8 and error (T,) f32 mm.

        linked: (T,) bool, whether a frame follows the one before it in its run. run: (T,) int32 number of its run.
        """
        found = self._found(psi, linked, run)
        left = psi - found.steps.float().mul_(self.kernel.tables.step) @ self._psi
        error = (left @ self.gram_mm).mul_(left).sum(1).clamp_min(0).sqrt()
        return found.tokens, found.levels, error

    def _found(self, psi: Tensor, linked: Tensor, run: Tensor) -> FusedTokens:
        if self.fast:
            return self.kernel(self.model.quick_latent(psi), sweeps=0)
        latent, plain = self.model.latent(psi)
        return self.kernel(latent, plain if self.model.config.proposes else None, linked, run)


@dataclass
class _Open:
    """A recording of which not all runs are encoded yet."""

    found: EncodedRecording
    left: int


class _Batch:
    """Runs of recordings, gathered on the host and encoded together."""

    def __init__(self, encoder: BatchEncoder, most_frames: int) -> None:
        model = encoder.model
        self.encoder, self.device, self.size = encoder, model.frame.device, max(most_frames, RUN_FRAMES)
        self.cuda = self.device.type == "cuda"
        self._psi = self._held((self.size, len(model.frame)), torch.float32)
        self._linked, self._run = self._held((self.size,), torch.bool), self._held((self.size,), torch.int32)
        places = model.config.stages
        self._tokens, self._levels = (
            self._held((self.size, places), torch.int16),
            self._held((self.size, places), torch.uint8),
        )
        self._error = self._held((self.size,), torch.float32)
        self._runs: list[tuple[_Open, int, int, int]] = []
        self._filled = 0

    def _held(self, shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=kind, pin_memory=self.cuda)

    def takes(self, count: int) -> bool:
        """Whether so many frames still fit in."""
        return self._filled + count <= self.size

    def add(self, recording: _Open, first: int, psi: np.ndarray, linked: np.ndarray) -> None:
        """A run (T, E), whose first frame is frame `first` of the recording's valid ones."""
        start, count = self._filled, len(psi)
        self._psi.numpy()[start : start + count] = psi
        self._linked.numpy()[start : start + count] = linked
        self._linked[start] = False
        self._run[start : start + count] = len(self._runs)
        self._runs.append((recording, first, start, count))
        self._filled += count
        if self._filled % 2 and self._filled < self.size:  # the next run begins at an even row
            self._psi[self._filled], self._linked[self._filled], self._run[self._filled] = 0, False, -1
            self._filled += 1

    def encode(self) -> None:
        """Encode what is in and give it to its recordings."""
        count, self._filled = self._filled, 0
        into = (self._tokens[:count], self._levels[:count], self._error[:count])
        with on_own_stream(self.device) if self.cuda else contextlib.nullcontext():
            given = (x[:count].to(self.device, non_blocking=True) for x in (self._psi, self._linked, self._run))
            for host, found in zip(into, self.encoder(*given), strict=True):
                host.copy_(found, non_blocking=True)
        tokens, levels, error = (x.numpy() for x in into)
        for recording, first, start, length in self._runs:
            rows, there = slice(first, first + length), slice(start, start + length)
            recording.found.tokens[rows] = tokens[there].view(np.uint16)
            recording.found.levels[rows] = levels[there]
            recording.found.error_mm[rows] = error[there]
            recording.left -= length
        self._runs = []


def encode_spanning(
    encoder: BatchEncoder, recordings: Iterable[Frames], most_frames: int = BATCH_FRAMES
) -> Iterator[EncodedRecording]:
    """Tokens of one recording after the other, in their order, from batches that span them.

    Memory is a batch and the recordings in it.
    """
    batch, waiting = _Batch(encoder, most_frames), deque[_Open]()
    for part in recordings:
        psi, opened = part.psi[part.valid], _opened(part, encoder.model.config.stages)
        linked = linked_frames(opened.found.frame)
        waiting.append(opened)
        for first in range(0, len(psi), RUN_FRAMES):
            rows = slice(first, first + RUN_FRAMES)
            if not batch.takes(len(linked[rows])):
                batch.encode()
            batch.add(opened, first, psi[rows], linked[rows])
        while waiting and not waiting[0].left:
            yield waiting.popleft().found
    batch.encode()
    yield from (opened.found for opened in waiting)


def _opened(part: Frames, places: int) -> _Open:
    count = int(part.valid.sum())
    found = EncodedRecording(
        recording=part.recording,
        frame=part.frame[part.valid],
        time_s=part.time_s[part.valid],
        tokens=np.empty((count, places), np.uint16),
        levels=np.empty((count, places), np.uint8),
        error_mm=np.empty(count, np.float32),
        length=len(part.psi),
    )
    return _Open(found, count)


@contextlib.contextmanager
def on_own_stream(device: torch.device) -> Iterator[None]:
    """A block whose work is queued on a CUDA stream of this thread's own, behind what was queued on its current one
    (the tables of a codebook), and is done when the block is left.

    A thread keeps its stream: memory that torch holds for one stream serves no other.
    """
    streams = _OWN.__dict__.setdefault("streams", {})
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)
    stream = streams[device]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    stream.synchronize()


def in_threads(work: Callable[[_Task], _Part], tasks: Sequence[_Task], threads: int) -> Iterator[_Part]:
    """Every group of recordings in a thread of a pool; each part when it is there, in any order."""
    with ThreadPoolExecutor(threads) as pool:
        futures: list[Any] = [pool.submit(work, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def threads_of_encoding(model: Tokenizer) -> int:
    """How many groups of recordings are worked on at once: one a core, up to 16 and to what half of the free memory of
    the model's GPU takes."""
    cores, device = min(_MOST_THREADS, os.cpu_count() or 1), model.frame.device
    if device.type != "cuda":
        return cores
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(cores, int(free / 2 / (_SPARE * BATCH_FRAMES * frame_bytes(model)))))
