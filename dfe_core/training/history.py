"""What a training tells while it runs: figures of a step, their log, and the codewords as they are."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfe_core.artefact_names import HISTORY_FILE, LEARNING_FILE
from dfe_core.store import write_json
from dfe_core.tokenizer.codebook import REST
from dfe_core.training.run import Run
from dfe_core.training.state import TrainingState
from dfe_core.training.step import Seen

_WATCHED = 8
"""Codewords that are shown while they are learned."""


@torch.no_grad()
def step_figures(run: Run, state: TrainingState, losses: dict[str, Tensor], seen: Seen) -> dict[str, Any]:
    """The figures of a step, read from the device at once; of several processes, those of all of them.

    losses: of an encoder network. seen: the batch of the step.
    """
    model, names = state.model, list(losses)
    share = len(seen.quantized.tokens) / run.config.train.batch
    means = [
        *losses.values(),
        share * (seen.quantized.tokens != REST).sum(1).float().mean(),
        share * model.quantizer.code_length(seen.quantized).mean(),
    ]
    summed = run.processes.add_(torch.stack([value.double() for value in means]))
    usage = model.quantizer.usage[1:]
    shares = usage / usage.sum().clamp_min(1e-9)
    own = [(-(shares * shares.clamp_min(1e-12).log()).sum()).exp(), (usage > 1e-4).float().mean()]
    if run.gram is not None:
        psi = (seen.residual @ model.inverse).double()
        own.append(((psi @ torch.as_tensor(run.face.gram, device=psi.device)) * psi).sum(1).mean())
    values = torch.cat([summed, torch.stack([value.double() for value in own])]).tolist()
    figures: dict[str, Any] = {name: round(value, 6) for name, value in zip(names, values, strict=False)}
    tokens, bits, perplexity, utilisation, *squares = values[len(names) :]
    if squares:
        figures["rmse_mm"] = 1e3 * math.sqrt(squares[0])
    return figures | {
        "perplexity": round(perplexity, 2),
        "utilisation": round(utilisation, 4),
        "tokens_per_frame": round(tokens, 3),
        "bits_per_frame": round(bits, 2),
    }


def log_figures(run: Run, step: int, figures: dict[str, Any]) -> None:
    """Add a line to history.jsonl."""
    if run.folder is None:
        return
    with open(run.folder / HISTORY_FILE, "a", encoding="utf-8") as sink:
        sink.write(json.dumps({"step": step, **figures}) + "\n")


def write_learning(run: Run, state: TrainingState) -> None:
    """The codewords that are used most, as they are now: for whoever watches."""
    if run.folder is None or not run.face.has_mesh:
        return
    usage = state.model.quantizer.usage.detach().cpu().numpy().copy()
    usage[REST] = 0
    most = np.argsort(-usage, kind="stable")[:_WATCHED]
    psi = state.model.codeword_psi()[most]
    codewords = [
        {"codeword": int(k), "share": round(float(usage[k] / max(usage.sum(), 1e-12)), 4), "psi": values.round(4)}
        for k, values in zip(most, psi, strict=True)
    ]
    write_json(run.folder / LEARNING_FILE, {"step": state.step, "face": run.face.id, "codewords": codewords})
