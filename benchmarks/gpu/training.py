"""Steps of training a second, and the codebook that comes of them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from unittest.mock import patch

import torch

from dfe_core.devices import on_device
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Progress
from dfe_core.tokenizer.config import load_config
from dfe_core.training import loop
from dfe_core.training.fit import fit_in_memory

WARM = 5
"""Steps that are not counted: graphs are captured, kernels compiled."""


def training(device: torch.device, dataset: str, steps: int, batches: tuple[int, ...]) -> dict[str, Any]:
    """Steps a second at each batch, started from the data: as shipped, and on a GPU without graphs too (`eager`)."""
    found: dict[str, Any] = {}
    for batch in batches:
        found[f"batch {batch:,}"] = _trained(device, dataset, steps, batch)
    if device.type == "cuda":
        with patch.object(loop, "CodebookStep", partial(loop.CodebookStep, captured=False)):
            found[f"batch {batches[0]:,}, eager"] = _trained(device, dataset, min(steps, 60), batches[0])
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
