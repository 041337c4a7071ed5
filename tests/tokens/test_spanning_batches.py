"""Batches that span recordings give the tokens of one recording at a time: the GPU's way, in Triton's interpreter."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, local
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dfe_core.expressions.dataset import Frames
from dfe_core.tokenizer.config import TokenizerConfig
from dfe_core.tokenizer.fused import KernelShape
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokens import encoding_stream, spanning_batches
from dfe_core.tokens.encoding_stream import encode_stream
from dfe_core.tokens.spanning_batches import (
    BATCH_FRAMES,
    BatchEncoder,
    encode_spanning,
    frame_bytes,
    in_threads,
    on_own_stream,
    spans_recordings,
    threads_of_encoding,
)
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPE = KernelShape(stretch=32, together=64, ordered=64)
LENGTHS = {"a": 15, "lost": 4, "b": 38, "c": 9}


def recordings() -> Iterator[Frames]:
    """Four recordings with gaps: an odd number of valid frames, none, two runs and a bit, a few."""
    for i, (name, rows) in enumerate(LENGTHS.items()):
        valid = np.arange(rows) % 11 != 5 if name != "lost" else np.zeros(rows, bool)
        psi = moving_face(rows, seed=i + 1)
        yield Frames(recording=name, frame=np.arange(rows), time_s=np.arange(rows) / 25, valid=valid, psi=psi)


@pytest.mark.parametrize(("encoder", "fast"), [("linear", False), ("mlp", False), ("linear", True)])
def test_a_batch_that_spans_recordings_gives_the_same_tokens(toy_face, monkeypatch, encoder, fast):
    pytest.importorskip("triton", reason="the kernel for GPUs is written in Triton")
    for module in (encoding_stream, spanning_batches):
        monkeypatch.setattr(module, "RUN_FRAMES", 16)
    model = tiny_tokenizer(toy_face, encoder)
    gram = torch.as_tensor(toy_face.gram * 1e6, dtype=torch.float32)
    one_by_one = list(encode_stream(model, recordings(), gram, fast))
    model, gram = model.to(DEVICE), gram.to(DEVICE)
    together = list(encode_spanning(BatchEncoder(model, gram, fast, SHAPE), recordings(), 48))
    assert [r.recording for r in together] == list(LENGTHS) and [r.length for r in together] == [*LENGTHS.values()]
    for ours, reference in zip(together, one_by_one, strict=True):
        assert np.array_equal(ours.frame, reference.frame) and np.array_equal(ours.time_s, reference.time_s)
        assert np.array_equal(ours.tokens, reference.tokens) and ours.tokens.dtype == reference.tokens.dtype
        assert np.array_equal(ours.levels, reference.levels) and ours.levels.dtype == reference.levels.dtype
        np.testing.assert_allclose(ours.error_mm, reference.error_mm, rtol=1e-3, atol=1e-4)


def test_models_on_a_cpu_and_of_the_temporal_encoder_take_a_recording_at_a_time(toy_face):
    assert not spans_recordings(tiny_tokenizer(toy_face))


def test_threads_give_every_part_and_the_first_error():
    assert sorted(in_threads(lambda task: task * task, list(range(20)), 4)) == [i * i for i in range(20)]

    def failing(task: int) -> int:
        if task == 3:
            raise ValueError("three")
        return task

    with pytest.raises(ValueError, match="three"):
        list(in_threads(failing, list(range(20)), 2))


class Live(TorchDispatchMode):
    """The most bytes of tensors that were there at once, of those made in the block."""

    def __init__(self) -> None:
        super().__init__()
        self.most, self.made = 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **kwargs or {})
        several = found if isinstance(found, (tuple, list)) else (found,)
        self.made += [weakref.ref(one) for one in several if isinstance(one, torch.Tensor)]
        there = [one.untyped_storage() for made in self.made if (one := made()) is not None]
        self.most = max(self.most, sum({held.data_ptr(): held.nbytes() for held in there}.values()))
        return found


@pytest.mark.parametrize(
    ("encoder", "codewords", "places", "width"),
    [("linear", 64, 24, 52), ("mlp", 256, 40, 52), ("mlp", 200, 64, 120), ("transformer", 64, 24, 52)],
)
def test_the_memory_of_a_batch_is_what_is_reckoned(monkeypatch, encoder, codewords, places, width):
    """Counted on a CPU: what PyTorch allocates around the kernel, which takes nothing itself."""
    kernel = pytest.importorskip("dfe_core.tokenizer.triton_kernel", reason="the kernel for GPUs is written in Triton")
    for name in ("encode_stretches", "order_tokens"):
        monkeypatch.setattr(kernel, name, {(n,): lambda **_: None for n in range(10_000)})
    config = TokenizerConfig(stages=places, codewords=codewords, encoder=encoder)
    model = Tokenizer(config, np.eye(width), np.eye(width)).eval()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # which is one operation: nothing is seen within it
    encode, count = BatchEncoder(model, torch.eye(width)), 4096
    with Live() as live:
        given = (torch.zeros(count, width), torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.int32))
        encode(*given)
    torch.backends.mha.set_fastpath_enabled(fast)
    assert 0.7 < live.most / count / frame_bytes(model) <= 1


def test_threads_are_as_many_as_the_memory_of_the_models_gpu_takes(monkeypatch):
    free = {torch.device("cuda", 0): 80 << 30, torch.device("cuda", 1): 8 << 30}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[device], 80 << 30))
    monkeypatch.setattr(spanning_batches.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(spanning_batches, "frame_bytes", lambda model: (1 << 30) // BATCH_FRAMES)
    threads = [threads_of_encoding(SimpleNamespace(frame=SimpleNamespace(device=device))) for device in free]
    assert threads == [8, 3]


def test_a_thread_keeps_its_stream_which_waits_for_the_tables_and_is_waited_for(monkeypatch):
    told, seen = [], {}

    class Stream:
        def __init__(self, device: torch.device) -> None:
            self.device = device

        def wait_stream(self, other: str) -> None:
            told.append(f"after {other} of {self.device}")

        def synchronize(self) -> None:
            told.append("done")

    @contextmanager
    def current(stream: Stream) -> Iterator[None]:
        told.append("began")
        yield

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "the current one")
    monkeypatch.setattr(spanning_batches, "_OWN", local())
    device = torch.device("cuda", 1)

    def work(name: str) -> None:
        for _ in range(2):
            with on_own_stream(device):
                told.append("encoded")
            seen.setdefault(name, []).append(spanning_batches._OWN.streams[device])

    for name in ("one", "other"):
        thread = Thread(target=work, args=(name,))
        thread.start()
        thread.join()
    assert told == 4 * ["after the current one of cuda:1", "began", "encoded", "done"]
    assert len({*seen["one"]}) == len({*seen["other"]}) == 1 and seen["one"] != seen["other"]
