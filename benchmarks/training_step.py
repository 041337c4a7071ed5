"""What a step of training costs, and whether all ways learn one codebook: ``python -m benchmarks.training_step NAME``.

- ``operations``: launches of a step in PyTorch, without its search and refit, and with them done by PyTorch; on a GPU
  either is one launch (Triton), and the whole step two (graphs). Counted on the device ``meta``, which needs none.
- ``pace``: steps a second from the thirtieth step on, and processor time of a step; on a GPU also without graphs.
- ``same``: mean cosine of codewords matched one to one by displacement, between seeds, between the ways of a CPU and of
  a GPU (on a CPU by PyTorch), between one process and two that ``torchrun`` starts.
- ``batch``: error on held-out people after so many frames by their number in a batch, and the seconds that it took.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.utils._python_dispatch import TorchDispatchMode

from dfe_core.devices import chosen_device, on_device
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Progress
from dfe_core.store import cache_root
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.mesh_inner_product import mesh_factor, unit
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import SparseQuantizer
from dfe_core.tokens.encoding_stream import encode_frames
from dfe_core.training import fit, loop, refit
from dfe_core.training.batches import Batches
from dfe_core.training.processes import joined_processes, own_device
from dfe_core.training.refit import refit_variables
from dfe_core.training.run import Run
from dfe_core.training.step import CodebookStep

PARTS = ("operations", "pace", "same", "batch")
BATCHES = (512, 2048, 8192, 32768)
WARM_UP, HELD_OUT = 30, 20_000


class Launches(TorchDispatchMode):
    """Counts what is sent to the device; views launch nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not function.is_view
        return function(*args, **(kwargs or {}))


class DeviceStep(CodebookStep):
    """The step as a GPU takes it, on whatever device there is."""

    def renew_(self) -> None:
        super().renew_()
        self._variables = refit_variables(self.state.support, self.run.frame, self.state.model.inverse)


@contextmanager
def device_way() -> Iterator[None]:
    """Train as a GPU does, by PyTorch alone."""
    held = loop.CodebookStep, SparseQuantizer.tokens_of
    loop.CodebookStep = DeviceStep
    SparseQuantizer.tokens_of = lambda self, latent, sweeps=0: self.encode(latent, sweeps, compiled=False)
    try:
        yield
    finally:
        loop.CodebookStep, SparseQuantizer.tokens_of = held


@contextmanager
def without_graphs() -> Iterator[None]:
    """Train on a GPU with a launch for every operation."""
    held = loop.CodebookStep
    loop.CodebookStep = lambda state, run, batches: CodebookStep(state, run, batches, captured=False)
    try:
        yield
    finally:
        loop.CodebookStep = held


def config_of(seed: int, steps: int, batch: int = 2048) -> Any:
    return load_config(None, {"train.steps": steps, "train.batch": batch, "train.start": "data"}, seed)


def trained(
    dataset: Dataset, seed: int, steps: int, heard: Callable[[Progress], None] | None = None
) -> tuple[Tokenizer, Run]:
    return fit.fit_in_memory(dataset, config_of(seed, steps), cache_root(), heard or (lambda report: None))


def operations(dataset: Dataset) -> dict[str, int]:
    """Launches of one step."""
    run = fit._prepare(dataset, None, config_of(0, 1), cache_root(), lambda report: None)
    state = fit._started(run)
    there = torch.device("meta")
    state.model.to(there)
    moved = dataclasses.replace(run, device=there, mirror=run.mirror.to(there))
    batches = Batches(moved, resident=True)
    step = CodebookStep(state, moved, batches, captured=False)
    found = {}
    for name in ("by PyTorch", "beside search and refit"):
        batches.ahead(1, state.generator)
        held = refit.descended
        if name != "by PyTorch":
            known = step._found
            step._searched = lambda quantizer, known=known: known
            refit.descended = lambda start, gradient, form, used, variables: start
        with Launches() as launches:
            batches.next_()
            step.look_()
            step.learn_()
        refit.descended = held
        found[name] = launches.count
    return found


def pace(dataset: Dataset, steps: int) -> dict[str, float]:
    """Steps a second, and milliseconds of processor time of a step."""
    marks: list[tuple[float, float]] = []

    def heard(report: Progress) -> None:
        if report.task == "training" and report.done in (WARM_UP, steps - 1):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            marks.append((time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime))

    trained(dataset, 0, steps, heard)
    (began, used), (ended, used_then) = marks
    count = steps - 1 - WARM_UP
    return {
        "steps_per_s": round(count / (ended - began), 1),
        "user_ms_per_step": round(1e3 * (used_then - used) / count, 2),
    }


def alike(ours: np.ndarray, theirs: np.ndarray, gram: np.ndarray) -> float:
    """Mean cosine of codewords (K, E) matched one to one, over those of the smaller codebook that move anything."""
    fields = [unit(psi[np.abs(psi).max(1) > 1e-6].astype(np.float64) @ mesh_factor(gram)) for psi in (ours, theirs)]
    cosine = fields[0] @ fields[1].T
    return round(float(cosine[linear_sum_assignment(-cosine)].mean()), 4)


def in_two_processes(dataset: str, steps: int) -> np.ndarray:
    """ψ of the codewords of a codebook that two processes trained."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "psi.npy"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        child = ["-m", "benchmarks.training_step", dataset, "--steps", str(steps), "--child", str(out)]
        subprocess.run([*command, *child], check=True, env=os.environ, capture_output=True)
        return np.load(out)


def same(dataset: Dataset, steps: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Every pair of ways, and how alike its codebooks are."""
    made = [trained(dataset, seed, steps) for seed in range(seeds)]
    gram, books = made[0][1].face.gram, [model.codeword_psi() for model, _ in made]
    for a in range(seeds):
        for b in range(a + 1, seeds):
            yield {"same": f"seeds {a} and {b}", "matched_cosine": alike(books[a], books[b], gram)}
    with device_way():
        yield {
            "same": "CPU's way and GPU's",
            "matched_cosine": alike(books[0], trained(dataset, 0, steps)[0].codeword_psi(), gram),
        }
    yield {
        "same": "one process and two",
        "matched_cosine": alike(books[0], in_two_processes(dataset.name, steps), gram),
    }


def batch(dataset: Dataset, size: int, frames: int) -> dict[str, Any]:
    """Training on so many frames in batches of `size`."""
    steps, began = max(1, frames // size), time.perf_counter()
    heard: list[float] = []

    def listen(report: Progress) -> None:
        if report.task == "training" and not heard:
            heard.append(time.perf_counter())

    model, run = fit.fit_in_memory(dataset, config_of(0, steps, size), cache_root(), listen)
    ended, gram = (
        time.perf_counter(),
        torch.as_tensor(run.face.gram * 1e6, dtype=torch.float32, device=model.frame.device),
    )
    psi = np.concatenate([part.psi[part.valid] for part in run.split.frames(dataset, "test")])
    rows = np.sort(np.random.default_rng(0).choice(len(psi), min(HELD_OUT, len(psi)), replace=False))
    error = encode_frames(model, psi[rows], gram)[3]
    return {
        "batch": size,
        "steps": steps,
        "seconds": round(ended - (heard or [began])[0], 1),
        "held_out_rmse_mm": round(float(np.sqrt(np.square(error).mean())), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with on_device(args.device):
        dataset = Dataset.open(args.dataset)
        if args.child:
            with joined_processes(own_device(chosen_device())) as processes:
                model, _ = trained(dataset, 0, args.steps)
                if processes.first:
                    np.save(args.child, model.codeword_psi())
            return
        device = chosen_device()
        name = (
            torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
        )
        tell({"device": name, "torch": torch.__version__, "steps": args.steps, "simulated": dataset.simulated})
        if "operations" in args.parts:
            tell({"launches of a step": operations(dataset)})
        if "pace" in args.parts:
            trained(dataset, 0, WARM_UP)  # what compiles at its first use has done so
            tell({"pace": "as it is", **pace(dataset, args.steps)})
            if device.type == "cuda":
                with without_graphs():
                    tell({"pace": "without graphs", **pace(dataset, args.steps)})
        if "same" in args.parts:
            for row in same(dataset, args.steps, args.seeds):
                tell(row)
        if "batch" in args.parts:
            for size in BATCHES:
                tell(batch(dataset, size, 2048 * args.steps))


def tell(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
