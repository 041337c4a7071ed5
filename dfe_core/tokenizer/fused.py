"""Encoding on a GPU: search, sweeps and temporal smoothing in the one kernel of `triton_kernel`, between two matrix
products of PyTorch.

It is used on CUDA devices where Triton is installed, for codebooks of up to `MOST_CODEWORDS` codewords and
`MOST_PLACES` places; everything else is encoded by PyTorch or the compiled kernel of CPUs.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.quantizer import SearchTables, SparseQuantizer

MOST_CODEWORDS, MOST_PLACES = 256, 64
MOST_LEVELS = 255
_SMOOTHINGS, _REACH = 2, 7
"""The sweeps of `temporal_smoothing.smooth`, and half of the window over which it orders a frame's tokens."""


@dataclass(frozen=True, kw_only=True)
class KernelShape:
    """How frames are given to the kernel.

    stretch: frames of a program, an even number. together: frames that a program searches at a time; None for as many
    as make 256 products. ordered: frames of a program that orders tokens. warps: of a program that searches.
    """

    stretch: int = 256
    together: int | None = None
    ordered: int = 16
    warps: int = 1


@dataclass(frozen=True, kw_only=True)
class TableSizes:
    """What the host has to know of a codebook's tables: columns of the costs, and whether codewords have opposites."""

    columns: int
    paired: bool


def table_sizes(tables: SearchTables) -> TableSizes:
    """Read from the device; they change with the codebook's strides and opposites alone."""
    return TableSizes(columns=_power(int(tables.top.max()) + 4), paired=bool((tables.partner >= 0).any()))


@dataclass(frozen=True, kw_only=True)
class FusedTokens:
    """tokens (T, N) int16, levels (T, N) uint8, and steps (T, K) int32: every codeword's intensity in base steps."""

    tokens: Tensor
    levels: Tensor
    steps: Tensor


@cache
def triton_installed() -> bool:
    """Whether the package triton is there."""
    return find_spec("triton") is not None


def fits_kernel(quantizer: SparseQuantizer) -> bool:
    """Whether the kernel takes a codebook of this size."""
    return quantizer.size <= MOST_CODEWORDS and quantizer.places <= MOST_PLACES and len(quantizer.levels) <= MOST_LEVELS


def uses_kernel(quantizer: SparseQuantizer, device: torch.device) -> bool:
    """Whether frames on this device are encoded by the fused kernel."""
    return device.type == "cuda" and triton_installed() and fits_kernel(quantizer)


def kernel_bytes(quantizer: SparseQuantizer) -> int:
    """Bytes that a frame takes on the device beside latents, at most, in stretches as long as they are by default:
    products of latent and target, steps and codes as they are held with their margins, residual products, tokens and
    levels."""
    size, places, margins = quantizer.size, quantizer.places, 4 * _SMOOTHINGS / KernelShape().stretch
    held = (size + max(16, _power(size)) + places) * (1 + margins)
    return int(4 * (2 * size + held)) + 3 * places + 10


class FusedEncoder:
    """The kernel with the tables of one codebook on one device.

    Parameters
    ----------
    quantizer: the codebook, of a size that `fits_kernel`. weight: of `temporal_smoothing.smooth`; 0 chooses every frame
    alone. shape: how frames are given to the kernel. sizes: of its tables, where they are known; they are read from the
    device else.
    """

    def __init__(
        self,
        quantizer: SparseQuantizer,
        weight: float = 0.0,
        shape: KernelShape | None = None,
        sizes: TableSizes | None = None,
    ) -> None:
        self.places, self.sweeps, self.weight = quantizer.places, quantizer.sweeps, weight
        self.shape, self.tables = shape or KernelShape(), quantizer.tables()
        self._plain = _plain_tables(self.tables, weight, sizes or table_sizes(self.tables))

    def __call__(
        self,
        latent: Tensor,
        target: Tensor | None = None,
        linked: Tensor | None = None,
        run: Tensor | None = None,
        sweeps: int | None = None,
    ) -> FusedTokens:
        """Tokens of (T, D) latents, as `SparseQuantizer.encode` and, with `linked`, `temporal_smoothing.smooth` choose
        them.

        target: (T, D), what the tokens stand for, where not the latent itself. linked: (T,) bool, whether a frame
        follows the one before it; None chooses every frame alone. run: (T,) int32, frames of one number are one batch
        of the reference (None: all); each begins at an even row.
        """
        from dfe_core.tokenizer import triton_kernel

        plain, shape, count = self._plain, self.shape, len(latent)
        codewords = self.tables.codewords
        proposed = (latent @ codewords.T).contiguous()
        change = proposed if target is None else ((target - latent) @ codewords.T).contiguous()
        smoothings = 0 if linked is None or not self.weight else _SMOOTHINGS
        programs, margin = -(-count // shape.stretch), 2 * smoothings
        rows = programs * (shape.stretch + 2 * margin)
        link = latent.new_zeros(count, dtype=torch.uint8) if linked is None else linked.to(torch.uint8)
        run = latent.new_zeros(count, dtype=torch.int32) if run is None else run.to(torch.int32)
        codes = latent.new_empty((rows, self.places), dtype=torch.int32)
        held = latent.new_empty((rows, len(codewords)), dtype=torch.int32)
        tokens = latent.new_empty((count, self.places), dtype=torch.int16)
        levels = latent.new_empty((count, self.places), dtype=torch.uint8)
        if not count:
            return FusedTokens(tokens=tokens, levels=levels, steps=held)
        size = {
            "K": len(codewords),
            "PLACES": self.places,
            "NP": _power(self.places),
            "STRETCH": shape.stretch,
            "enable_fp_fusion": False,
        }
        with _on(latent.device):
            triton_kernel.encode_stretches[(programs,)](
                proposed=proposed,
                change=change,
                linked=link,
                codes=codes,
                held=held,
                left=latent.new_empty((rows, plain["padded"])),
                gram=plain["gram"],
                vectors=plain["vectors"],
                cost=plain["cost"],
                integers=plain["integers"],
                tie=plain["tie"],
                frames=count,
                step=self.tables.step,
                KP=plain["padded"],
                COSTS=plain["cost"].shape[1],
                PAIRED=plain["paired"],
                TARGET=target is not None,
                SWEEPS=self.sweeps if sweeps is None else sweeps,
                SMOOTHINGS=smoothings,
                R=shape.together or max(1, 256 // plain["padded"]),
                num_warps=shape.warps,
                **size,
            )
            triton_kernel.order_tokens[(-(-count // shape.ordered),)](
                codes=codes,
                held=held,
                run=run,
                norms=plain["vectors"][2],
                tie=plain["tie"],
                tokens=tokens,
                levels=levels,
                frames=count,
                step=self.tables.step,
                REACH=_REACH if smoothings else 0,
                MARGIN=margin,
                R=shape.ordered,
                num_warps=4,
                **size,
            )
        del proposed, change, codes  # before the steps are copied
        return FusedTokens(tokens=tokens, levels=levels, steps=_own_rows(held, count, shape.stretch, margin))

    def deformation(self, found: FusedTokens) -> Tensor:
        """(T, D) f32: what the tokens stand for."""
        return found.steps.float().mul_(self.tables.step) @ self.tables.codewords


def _plain_tables(tables: SearchTables, weight: float, sizes: TableSizes) -> dict[str, Any]:
    """The tables as `triton_kernel.encode_stretches` takes them, such that the null token gains nothing."""
    count, device = len(tables.norms), tables.gram.device
    padded = max(16, _power(count))
    usable = tables.stride > 0
    usable[REST] = False
    width = tables.stride.clamp_min(1) * tables.step * usable
    top = tables.top.clamp_min(1)
    own = torch.arange(count, device=device)
    columns = torch.arange(sizes.columns, device=device)
    multiple = torch.minimum((columns - 1).clamp_min(1), top[:, None])
    cost = tables.cost.gather(1, multiple * tables.stride[:, None]) * usable[:, None]
    closed = torch.where(usable | (own == REST), 0.0, -torch.inf)
    vectors = (
        torch.where(usable, 1 / (tables.norms * tables.stride.clamp_min(1) * tables.step), 0.0),
        width,
        tables.norms,
        top.float(),
        cost[:, 0],
        closed,
        torch.full_like(closed, weight) * (own != REST),
    )
    fills = (0.0, 0.0, 1.0, 1.0, 0.0, -torch.inf, 0.0)
    more = (0, padded - count)
    return {
        "padded": padded,
        "paired": sizes.paired,
        "gram": pad(tables.gram, more).contiguous(),
        "vectors": torch.stack([pad(v.float(), more, value=f) for v, f in zip(vectors, fills, strict=True)]),
        "cost": pad(cost, (0, 0, *more)).contiguous(),
        "integers": torch.stack([pad(tables.stride * usable, more), pad(tables.partner, more, value=-1)]).int(),
        "tie": 1e-6 * own / count,
    }


def _own_rows(rows: Tensor, count: int, stretch: int, margin: int) -> Tensor:
    """(T, …) of rows that lie in stretches with margins."""
    whole = rows.view(-1, stretch + 2 * margin, rows.shape[1])
    return whole[:, margin : margin + stretch].reshape(-1, rows.shape[1])[:count]


def _power(count: int) -> int:
    """The power of two that is not below."""
    return 1 << (count - 1).bit_length()


def _on(device: torch.device) -> contextlib.AbstractContextManager:
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
