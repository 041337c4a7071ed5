"""The kernel for GPUs gives the tokens of the PyTorch search and smoothing, which are the reference: here in Triton's
interpreter on a CPU, on a GPU as it is compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="the kernel for GPUs is written in Triton")

from dfe_core.tokenizer.fused import FusedEncoder, KernelShape, fits_kernel, uses_kernel
from dfe_core.tokenizer.quantizer import SparseQuantizer, finished, search
from dfe_core.tokenizer.temporal_smoothing import _in_steady_order, refine_

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPE = KernelShape(stretch=64, together=32, ordered=64)
FRAMES = 73  # the last block, stretch and program are partial


def codebook(codewords=20, places=4, dimensions=6, sweeps=2, step=1 / 8) -> SparseQuantizer:
    """Random codewords, one that may not be used, two opposite ones, one that is cheaper than its absence."""
    made = torch.Generator().manual_seed(0)
    quantizer = SparseQuantizer(
        places, codewords, dimensions, tuple(step * i for i in range(1, int(1.5 / step) + 1)), 0.01, sweeps
    )
    rows = torch.randn(codewords, dimensions, generator=made) / 2
    rows[7], rows[9] = 0, -rows[4]
    quantizer.set_codewords_(rows)
    counts = torch.rand(codewords, len(quantizer.levels) + 1, generator=made) * 40
    counts[5, int(quantizer.stride[5])] = 4000
    counts[:, 0] = 0
    quantizer.set_code_lengths_(counts, 5000)
    return quantizer.to(DEVICE).requires_grad_(False)


def moving(frames=FRAMES, dimensions=6) -> torch.Tensor:
    """A slow walk that starts at rest, with frames of rest in between."""
    steps = torch.randn(frames, dimensions, generator=torch.Generator().manual_seed(1))
    walk = steps.cumsum(0) * 0.15
    walk[:3] = walk[40:44] = 0
    return walk.to(DEVICE)


def smoothed(quantizer, latent, linked, weight, target=None):
    """The reference: search, then smoothing in PyTorch."""
    tables, goal = quantizer.tables(), latent if target is None else target
    found = search(latent, tables, quantizer.places, quantizer.sweeps, target)
    tokens, steps = found.tokens, (found.levels + 1) * (found.tokens != 0)
    products = (goal - quantizer.decode(tokens, found.intensities)) @ tables.codewords.T
    refine_(tokens, steps, products, tables, linked, weight, 2)
    return _in_steady_order(finished(tokens, steps, goal, tables), tables)


def same(ours, reference) -> bool:
    return torch.equal(ours.tokens.long(), reference.tokens) and torch.equal(ours.levels.long(), reference.levels)


@pytest.mark.parametrize(("sweeps", "targeted"), [(0, False), (2, True)])
def test_the_search_finds_the_same_tokens(sweeps, targeted):
    quantizer, latent = codebook(sweeps=sweeps), moving()
    latent[20:22] = quantizer.codewords[[4, 9]]
    target = latent + 0.1 * torch.randn(latent.shape, generator=torch.Generator().manual_seed(5)).to(DEVICE)
    target = target if targeted else None
    reference = search(latent, quantizer.tables(), quantizer.places, sweeps, target)
    encoder = FusedEncoder(quantizer, shape=SHAPE)
    ours = encoder(latent, target)
    assert same(ours, reference)
    used = reference.tokens != 0
    assert (~used[0]).all() and (used.sum(1) == quantizer.places).any()
    assert {4, 5, 9} <= set(reference.tokens[used].tolist()) and 7 not in reference.tokens
    torch.testing.assert_close(encoder.deformation(ours), quantizer.decode(reference.tokens, reference.intensities))


def test_smoothing_chooses_the_same_tokens_wherever_stretches_end():
    quantizer, latent = codebook(), moving()
    linked = torch.ones(FRAMES, dtype=torch.bool, device=DEVICE)
    linked[[0, 50, 51, 66]] = False
    reference = smoothed(quantizer, latent, linked, 0.2)
    ours = FusedEncoder(quantizer, 0.2, KernelShape(stretch=32, together=32, ordered=32))(latent, None, linked)
    assert same(ours, reference)
    alone = smoothed(quantizer, latent, torch.zeros_like(linked), 0.2)
    assert not torch.equal(alone.tokens, reference.tokens)


def test_recordings_of_one_batch_know_nothing_of_each_other():
    quantizer, latent = codebook(), moving(60)
    starts = torch.zeros(60, dtype=torch.bool, device=DEVICE)
    starts[[0, 26]] = True
    together = FusedEncoder(quantizer, 0.2, SHAPE)(latent, None, ~starts, starts.cumsum(0))
    for rows in (slice(0, 26), slice(26, 60)):
        linked = torch.ones(rows.stop - rows.start, dtype=torch.bool, device=DEVICE)
        linked[0] = False
        alone = smoothed(quantizer, latent[rows], linked, 0.2)
        assert torch.equal(together.tokens[rows].long(), alone.tokens)
        assert torch.equal(together.levels[rows].long(), alone.levels)


def test_of_equal_gains_the_lower_number_wins_and_stands_first():
    quantizer = SparseQuantizer(3, 6, 4, (0.5, 1.0), 1e-3, 2)
    axes = torch.eye(4)
    quantizer.set_codewords_(torch.cat([torch.zeros(1, 4), axes, axes[1:2]]))  # 5 is 2 again
    latent = torch.tensor([[0.0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0.5, 0.5, 0, 0]])
    quantizer = quantizer.to(DEVICE).requires_grad_(False)
    ours = FusedEncoder(quantizer, shape=SHAPE)(latent.to(DEVICE))
    assert ours.tokens.tolist() == [[2, 0, 0], [1, 2, 3], [0, 0, 0], [1, 2, 0]]
    assert ours.levels.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_codebooks_of_256_codewords_and_40_places_fit_and_larger_ones_do_not():
    quantizer, latent = codebook(250, 40, 12, sweeps=1), 3 * moving(5, 12)
    assert same(FusedEncoder(quantizer, shape=SHAPE)(latent), search(latent, quantizer.tables(), 40, 1))
    assert not fits_kernel(SparseQuantizer(4, 300, 4, (1.0,), 0.01)) and not fits_kernel(
        SparseQuantizer(80, 9, 4, (1.0,), 1)
    )
    assert not uses_kernel(quantizer, torch.device("cpu")) and not uses_kernel(quantizer, torch.device("mps"))


def test_no_frames_give_no_tokens():
    assert FusedEncoder(codebook(), 0.2)(moving()[:0], None, torch.ones(0, dtype=torch.bool)).tokens.shape == (0, 4)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from dfe_core.tokenizer import triton_kernel as kernels
shared = dict(K=16, PLACES=4, NP=4, STRETCH=64, R=16)
more = dict(KP=16, COSTS=32, PAIRED=True, TARGET=True, SWEEPS=1, SMOOTHINGS=2)
kinds = dict(linked="*u8", codes="*i32", held="*i32", integers="*i32", frames="i32", step="fp32")
kinds |= dict(run="*i32", tokens="*i16", levels="*u8")
for kernel, sizes in ((kernels.encode_stretches, more), (kernels.order_tokens, dict(REACH=7, MARGIN=4))):
    sizes = shared | sizes
    signature = {n: "constexpr" if n in sizes else kinds.get(n, "*fp32") for n in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=sizes)
    options = {"num_warps": 1, "enable_fp_fusion": False}
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert "fma.rn.f32" not in made.asm["ptx"] and len(made.asm["cubin"]) > 0
    print(kernel.__name__)
"""


def test_the_kernels_compile_for_a_gpu_without_fused_multiply_adds():
    """Where there is no GPU too: Triton brings the assembler."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["encode_stretches", "order_tokens"], done.stderr[-2000:]
