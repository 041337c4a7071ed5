"""How fast this machine encodes and decodes with the default model, against a named baseline in the same run."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dfe_core import __version__
from dfe_core.progress import Listener, Progress
from dfe_core.store import atomic_file, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model

from ..tables import facts, table

BATCHES = (1, 256, 8192)


def benchmark_speed(out: Path, *, quick: bool, root: Path | None, progress: Listener, model: str = "default") -> str:
    """Frames per second of encoding and decoding by batch; the baseline forms every distance, stage by stage."""
    tokenizer, _ = load_model(model, root, "cpu")  # benchmarks/gpu is of GPUs
    codebook = Codebook.open(model, root)
    rng, rows = np.random.default_rng(0), []
    searches: dict[str, Callable[[torch.Tensor], object]] = {
        "encode": tokenizer.encode,
        "encode, greedy": partial(_greedy, tokenizer),
        "distances, greedy (baseline)": partial(plain_search, tokenizer),
    }
    jobs = [(batch, name, search) for batch in BATCHES for name, search in searches.items()]
    for done, (batch, name, search) in enumerate(jobs):
        progress(Progress(task="benchmark", done=done, total=len(jobs), detail=f"{name}, batch {batch}"))
        psi = torch.as_tensor(rng.random((batch, len(codebook.names))) ** 4, dtype=torch.float32)
        rows.append({"what": name, "batch": batch, "frames_per_s": batch / _seconds(partial(search, psi), quick)})
    tokens = rng.integers(0, codebook.size, (8192, codebook.stages))
    rows.append(
        {"what": "decode", "batch": 8192, "frames_per_s": 8192 / _seconds(lambda: codebook.decode(tokens), quick)}
    )
    found = pd.DataFrame(rows)
    base = found[found["what"].str.contains("baseline")].set_index("batch")["frames_per_s"]
    found["ratio_to_baseline"] = found["frames_per_s"] / found["batch"].map(base)
    machine = {
        "version": __version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "device": str(tokenizer.frame.device),
        "load": [round(v, 2) for v in os.getloadavg()],
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic_file(out / "speed.csv") as temporary:
        found.to_csv(temporary, index=False)
    write_json(out / "speed.json", {**machine, "quick": quick, "rows": rows, "command": "dfe benchmark speed"})
    progress(Progress(task="benchmark", done=len(jobs), total=len(jobs)))
    return (
        facts(list(machine.items()))
        + "\n\n"
        + table([str(c).replace("_", " ") for c in found], list(found.itertuples(index=False, name=None)))
    )


def _greedy(tokenizer: Tokenizer, psi: torch.Tensor) -> object:
    latent, _ = tokenizer.latent(psi)
    return tokenizer.quantizer.encode(latent, sweeps=0)


@torch.inference_mode()
def plain_search(tokenizer: Tokenizer, psi: torch.Tensor) -> torch.Tensor:
    """(B, N) tokens by the definition: the distance of every residual to every codeword at every level."""
    left = tokenizer.latent(psi)[0]
    codewords, levels = tokenizer.quantizer.codewords, tokenizer.quantizer.levels
    options = torch.cat([codewords[:1], (codewords[1:, None] * levels[None, :, None]).flatten(0, 1)])
    out = []
    for _ in range(tokenizer.config.stages):
        nearest = torch.cdist(left, options).argmin(1)
        left = left - options[nearest]
        out.append(torch.where(nearest > 0, (nearest - 1) // len(levels) + 1, 0))
    return torch.stack(out, 1)


def _seconds(call: Callable[[], object], quick: bool) -> float:
    """Median seconds of a call, warmed up."""
    call()
    times = []
    for _ in range(3 if quick else 9):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return float(np.median(times))
