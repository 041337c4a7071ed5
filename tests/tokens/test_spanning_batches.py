"""Batches that span recordings give the tokens of one recording at a time: the GPU's way, in Triton's interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dfe_core.expressions.dataset import Frames
from dfe_core.tokenizer.fused import KernelShape
from dfe_core.tokens import encoding_stream, spanning_batches
from dfe_core.tokens.encoding_stream import encode_stream
from dfe_core.tokens.spanning_batches import BatchEncoder, encode_spanning, in_threads, spans_recordings
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
