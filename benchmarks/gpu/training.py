"""Steps of training a second, and the codebook that comes of them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.machine import seconds
from dfe_core.devices import on_device
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Progress
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.storage import load_model
from dfe_core.training import loop
from dfe_core.training import refit as device_refit
from dfe_core.training.dictionary import refit_codewords
from dfe_core.training.fit import fit_in_memory

WARM = 5
"""Steps that are not counted: graphs are captured, kernels compiled."""
REFITS = 20
USES = 4096
"""Frames whose drawn intensities a refit is timed on; its time does not depend on how many they are."""


def training(device: torch.device, dataset: str, steps: int, batches: tuple[int, ...]) -> dict[str, Any]:
    """Steps a second at each batch, started from the data: as shipped, and on a GPU without graphs too (`eager`)."""
    found: dict[str, Any] = {}
    for batch in batches:
        found[f"batch {batch:,}"] = _trained(device, dataset, steps, batch)
    if device.type == "cuda":
        with patch.object(loop, "CodebookStep", partial(loop.CodebookStep, captured=False)):
            found[f"batch {batches[0]:,}, eager"] = _trained(device, dataset, min(steps, 60), batches[0])
    found["refit of the codewords alone, refits/s"] = refitting(device)
    return found


def refitting(device: torch.device) -> dict[str, float]:
    """Refits of the default codebook a second, which is what a step waits for longest: as the device does it, in
    operations of PyTorch, and compiled for CPUs. Statistics are of intensities drawn with seed 0."""
    model, _ = load_model("default", device=str(device))
    quantizer, psi, frame = model.quantizer, model.codeword_psi(), model.frame.double().cpu().numpy()
    rng = np.random.default_rng(0)
    uses = rng.random((USES, quantizer.size)) * (rng.random((USES, quantizer.size)) < 0.1)
    overlap, target = uses.T @ uses / USES, uses.T @ (uses @ psi @ frame) / USES
    support, codewords = torch.as_tensor(psi > 0), quantizer.codewords.detach()
    variables = device_refit.refit_variables(support, frame, model.inverse)
    sums = (torch.as_tensor(x, dtype=torch.float32, device=device) for x in (overlap, target))
    given = (codewords, *sums, variables)

    def refit() -> Tensor:
        return device_refit.refitted(*given)

    found: dict[str, float] = {"variables": float(len(variables.codeword))}
    if device.type == "cuda":
        found["in one program"] = 1 / seconds(refit, device, REFITS)
    with patch.object(device_refit, "_has_triton", lambda: False):
        found["in operations of PyTorch"] = 1 / seconds(refit, device, 3)
    held = support.numpy()
    found["compiled for CPUs"] = 1 / seconds(
        lambda: refit_codewords(psi, overlap, target, frame, held), torch.device("cpu"), REFITS
    )
    return found


def _trained(device: torch.device, dataset: str, steps: int, batch: int) -> dict[str, float]:
    config = load_config(None, {"train.steps": steps, "train.start": "data", "train.batch": batch}, seed=0)
    marks: list[tuple[int, float]] = []
    rmse: list[float] = []

    def heard(progress: Progress) -> None:
        if progress.task == "training":
            marks.append((progress.done, time.perf_counter()))
            rmse.append(float((progress.figures or {}).get("rmse_mm", float("nan"))))

    with on_device(str(device)):
        started = time.perf_counter()
        fit_in_memory(Dataset.open(dataset), config, None, heard)
        whole = time.perf_counter() - started
    first = next(i for i, (done, _) in enumerate(marks) if done >= min(WARM, steps // 2))
    took = marks[-1][1] - marks[first][1]
    return {
        "steps/s": (marks[-1][0] - marks[first][0]) / max(took, 1e-9),
        "seconds, reading the frames too": whole,
        "rmse_mm at the end": rmse[-1],
    }
