"""One step of the codebook: tokens of a batch, statistics, and codewords refitted to them.

Nothing in it waits for the device. On a GPU its two halves, before and after processes add up what they have seen, and
the code lengths of every fifth step are captured as graphs and replayed: a launch each, in place of one for every
operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.fused import FusedEncoder, KernelShape, TableSizes, table_sizes, uses_kernel
from dfe_core.tokenizer.quantizer import Quantized, SparseQuantizer
from dfe_core.training.batches import Batches
from dfe_core.training.dictionary import refit_codewords
from dfe_core.training.refit import Variables, refit_variables, refitted
from dfe_core.training.review import count_code_lengths_
from dfe_core.training.run import Run
from dfe_core.training.state import TrainingState

_WARM_UP = 3
"""Runs before a graph is captured: what compiles or allocates at its first use has done so."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The batch of a step under the codewords that it was encoded with. quantized: the tokens of this process' share.
    residual: (B, D) what they left over of the whole batch."""

    quantized: Quantized
    residual: Tensor


class CodebookStep:
    """The codebook's part of a step.

    `look_` encodes the current batch, `learn_` lets it into the statistics and refits the codewords; between them
    `seen` gives what a review and the log ask for. `renew_` has to be called when codewords were set, or supports have
    changed.
    """

    psi: Tensor
    _plain: Tensor
    _found: Quantized
    _sums: Tensor

    def __init__(self, state: TrainingState, run: Run, batches: Batches, *, captured: bool | None = None) -> None:
        """captured: as graphs of a GPU; None: where there is one, and the encoder has no network of its own."""
        self.state, self.run, self.batches = state, run, batches
        alone = run.config.tokenizer.encoder == "linear"
        self.captured = run.device.type == "cuda" and alone if captured is None else captured
        self._variables: Variables | None = None
        self._sizes: TableSizes | None = None
        self._look: Callable[[], None] = self._look_
        self._learn: Callable[[], None] = self._learn_
        self._count: Callable[[], None] = self._count_
        self._replayed = False
        self.renew_()

    def renew_(self) -> None:
        """Take the supports as they are now."""
        on_host = self.run.device.type == "cpu" or not self.run.activations
        self._variables = (
            None if on_host else refit_variables(self.state.support, self.run.frame, self.state.model.inverse)
        )
        quantizer = self.state.model.quantizer
        self._sizes = table_sizes(quantizer.tables()) if uses_kernel(quantizer, self.run.device) else None
        self._look, self._learn, self._count, self._replayed = self._look_, self._learn_, self._count_, False

    @torch.no_grad()
    def look_(self) -> None:
        """Tokens of the current batch, and what they add up to over all processes."""
        if self.captured and not self._replayed:
            self._look, self._learn, self._count, self._replayed = *self._graphs(), True
        self._look()
        self.run.processes.add_(self._sums)

    @torch.no_grad()
    def learn_(self) -> None:
        """Statistics, and codewords refitted to them."""
        self._learn()

    @torch.no_grad()
    def count_(self) -> None:
        """Code lengths from the statistics."""
        self._count()

    @torch.no_grad()
    def seen(self) -> Seen:
        """The batch as `look_` saw it; to be asked for before `learn_`."""
        quantizer = self.state.model.quantizer
        quantized = quantizer.in_order(self._found, self._plain)
        residual = self._plain - quantizer.decode(quantized.tokens, quantized.intensities)
        return Seen(quantized=quantized, residual=self.run.processes.joined_rows(residual, self.run.config.train.batch))

    def _look_(self) -> None:
        model = self.state.model
        self.psi = self.batches.frames()
        self._plain = self.psi @ model.frame
        self._found = self._searched(model.quantizer)
        self._sums = model.quantizer.batch_sums(self._plain, self._found)

    def _searched(self, quantizer: SparseQuantizer) -> Quantized:
        """Tokens of the batch, each chosen once again; by the kernel of GPUs where it serves."""
        if self._sizes is None:
            return quantizer.tokens_of(self._plain, sweeps=1)
        padded = max(16, 1 << (quantizer.size - 1).bit_length())
        few = KernelShape(stretch=max(2, 256 // padded))  # a batch is small: as many programs as there can be
        found = FusedEncoder(quantizer, shape=few, sizes=self._sizes)(self._plain, sweeps=1)
        tokens, levels = found.tokens.long(), found.levels.long()
        strength = (levels + 1) * (tokens != REST) * quantizer.step
        return Quantized(tokens=tokens, levels=levels, intensities=strength, error=self._plain.new_empty(0))

    def _learn_(self) -> None:
        model, train, run = self.state.model, self.run.config.train, self.run
        quantizer = model.quantizer
        quantizer.remember_(self._sums, train.batch, train.ema_decay)
        if not run.activations:
            return
        if self._variables is not None:
            quantizer.codewords.copy_(
                refitted(quantizer.codewords, quantizer.overlap, quantizer.target, self._variables)
            )
            return
        psi = refit_codewords(
            model.codeword_psi(),
            quantizer.overlap.numpy(),
            quantizer.target.numpy(),
            run.frame,
            self.state.support.numpy(),
        )
        quantizer.codewords.copy_(torch.as_tensor(psi @ run.frame, dtype=torch.float32))

    def _count_(self) -> None:
        count_code_lengths_(self.state.model.quantizer, self.run.config.train)

    def _graphs(self) -> tuple[Callable[[], None], ...]:
        """The parts of a step, captured. Running them beforehand changes the model, which is put back."""
        parts = (self._look_, self._learn_, self._count_)
        held = {name: value.clone() for name, value in self.state.model.state_dict().items()}
        _run_aside(lambda: [part() for _ in range(_WARM_UP) for part in parts])
        self.state.model.load_state_dict(held)
        pool = None
        replays = []
        for part in parts:
            replay, pool = _captured(part, pool)
            replays.append(replay)
        return tuple(replays)


def _run_aside(work: Callable[[], object]) -> None:
    """Run on a stream of its own, as graphs want what they capture to have run before."""
    own = torch.cuda.Stream()
    own.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(own):
        work()
    torch.cuda.current_stream().wait_stream(own)


def _captured(work: Callable[[], None], pool: Any) -> tuple[Callable[[], None], Any]:
    """What replays `work` on the tensors that it has now, and the memory that graphs of one step share."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        work()
    return graph.replay, pool or graph.pool()
