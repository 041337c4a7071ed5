"""The steps of a training, and what happens between them: reviews, code lengths, figures, checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from dfe_core.progress import Listener, Progress, silent
from dfe_core.training.batches import Batches
from dfe_core.training.history import log_figures, step_figures, write_learning
from dfe_core.training.network import train_encoder_
from dfe_core.training.review import finish_, review_
from dfe_core.training.run import Run
from dfe_core.training.state import TrainingState, save_checkpoint, share_state_
from dfe_core.training.step import CodebookStep, Seen

LOG_EVERY = 25
_CODE_LENGTHS_EVERY = 5
_REVIEWS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
"""Shares of the run after which codewords are looked over: lengths, supports, duplicates, unused ones."""


def train_(state: TrainingState, run: Run, progress: Listener) -> None:
    """Take the steps that are left, and finish the codebook.

    Between two halts, at most `LOG_EVERY` steps, nothing waits for the device: figures are read, reviews are made and
    checkpoints written at halts.
    """
    with torch.cuda.device(run.device) if run.device.type == "cuda" else nullcontext():
        _train_(state, run, progress)


def _train_(state: TrainingState, run: Run, progress: Listener) -> None:
    train, processes = run.config.train, run.processes
    reviews = {max(1, round(share * train.steps)) for share in _REVIEWS} if run.activations else set()
    if not processes.first:
        progress = silent
    share_state_(state, processes)
    batches = Batches(run)
    step, figures = CodebookStep(state, run, batches), dict[str, Any]()
    while state.step < train.steps:
        halt = _next_halt(state.step, run, reviews)
        for number in range(state.step + 1, halt + 1):
            if number == state.step + 1 and _draws_ahead(run):
                batches.ahead(halt - state.step, state.generator)
            elif not _draws_ahead(run):
                batches.ahead(1, state.generator)
            batches.next_()
            step.look_()
            losses = train_encoder_(state, run, step.psi)
            seen = step.seen() if number == halt else None
            step.learn_()
            state.step = number
            if seen is not None:
                figures = _halted_(state, run, step, losses, seen, number in reviews)
            elif number % _CODE_LENGTHS_EVERY == 0:
                step.count_()
            detail = f"rmse {figures['rmse_mm']:.2f} mm" if "rmse_mm" in figures else ""
            progress(Progress(task="training", done=number, total=train.steps, detail=detail, figures=figures))
    state.model.settle_()
    finish_(state.model, run.frames.psi, run.config.seed)
    share_state_(state, processes)


def _halted_(
    state: TrainingState, run: Run, step: CodebookStep, losses: dict[str, Tensor], seen: Seen, review: bool
) -> dict[str, Any]:
    """Figures, and what is due after this step: a review, code lengths, the log, a checkpoint."""
    train, number = run.config.train, state.step
    figures = step_figures(run, state, losses, seen)
    if review:
        if run.processes.first:
            figures["replaced"] = review_(state, seen.residual, run.inverse, run.reach, train)
        share_state_(state, run.processes)
        step.renew_()
    if number % _CODE_LENGTHS_EVERY == 0:
        step.count_()
    if not run.processes.first:
        return figures
    if number % LOG_EVERY == 0 or number == train.steps:
        log_figures(run, number, figures)
        write_learning(run, state)
    if number % train.checkpoint_every == 0 and run.folder is not None:
        save_checkpoint(state, run.folder)
    return figures


def _next_halt(done: int, run: Run, reviews: Iterable[int]) -> int:
    """The step after which there is next something to do that needs the host."""
    train = run.config.train
    regular = [(done // every + 1) * every for every in (LOG_EVERY, train.checkpoint_every)]
    return min([train.steps, *regular, *(at for at in reviews if at > done)])


def _draws_ahead(run: Run) -> bool:
    """Whether the steps up to the next halt are drawn at once: on a CPU nothing would wait for it, and the temporal
    encoder draws between steps."""
    return run.device.type != "cpu" and run.linked is None
