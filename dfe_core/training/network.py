"""A step of an encoder network, beside the codebook's."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from dfe_core.tokenizer import losses
from dfe_core.training.identity import drawn_people, identity_loss
from dfe_core.training.run import Run
from dfe_core.training.state import TrainingState
from dfe_core.training.temporal import ROUNDS, drawn_windows


def train_encoder_(state: TrainingState, run: Run, psi: Tensor) -> dict[str, Tensor]:
    """One step of an encoder network: reconstruction and commitment by the straight-through estimate.

    psi: (B, E) of the step; of several processes, this one's. Returns its losses, none of the linear encoder.
    The codebook learns beside it, from the frames themselves: had it to follow the encoder's latents, an encoder that
    bends them would bend the dictionary.
    """
    if run.linked is not None:
        return [_train_temporal_(state, run, run.linked, turn) for turn in range(ROUNDS)][-1]
    if run.config.tokenizer.encoder == "linear" and run.people is None:
        return {}
    most, processes = run.config.train.encoder_batch, run.processes
    own = len(range(processes.rank, min(most, run.config.train.batch), processes.count))
    return _step_(state, run, *state.model.latent(psi[:own]), share=own / min(most, run.config.train.batch))


def _train_temporal_(state: TrainingState, run: Run, linked: np.ndarray, turn: int) -> dict[str, Tensor]:
    """One step of the temporal encoder, on windows of which frames are hidden. Of several processes each draws windows
    of its own part of the same draw."""
    train, processes = run.config.train, run.processes
    windows = drawn_windows(
        run.frames.psi,
        linked,
        run.mirror,
        frames=train.encoder_batch,
        mirror_share=train.mirror_share,
        generator=state.generator,
        processes=processes,
    )
    latent, plain = state.model.latent(windows.psi, windows.linked, windows.hidden)
    return _step_(state, run, latent, plain, share=windows.share, turn=turn)


def _step_(
    state: TrainingState, run: Run, latent: Tensor, plain: Tensor, *, share: float, turn: int = 0
) -> dict[str, Tensor]:
    """Change the network so that its latent's tokens reconstruct the frame, or, of the temporal one, its latent: that
    is what its tokens stand for, and the straight-through estimate lets it grow where no token follows.

    share: of the whole step's frames, those of this process.
    """
    model, train = state.model, run.config.train
    quantized = model.quantizer.encode(latent.detach(), sweeps=0)
    decoded = model.quantizer.decode(quantized.tokens, quantized.intensities).detach()
    reached = losses.straight_through(latent, decoded) if run.linked is None else latent
    error = (reached - plain) @ model.inverse
    parts = {"psi": (error.square() / run.spread).mean(), "commitment": losses.commitment(latent, decoded)}
    if run.gram is not None:
        parts["vertex"] = ((error @ run.gram) * error).sum(1).mean()
    rate = train.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * state.step / train.steps)))
    state.optimizer.param_groups[0]["lr"] = rate
    total = sum(getattr(train.loss, name) * value for name, value in parts.items())
    if (told := _identity(state, run, turn)) is not None:
        total, parts = total + told, {**parts, "identity": told}
    state.optimizer.zero_grad(set_to_none=True)
    (total if share == 1 else share * total).backward()
    _add_gradients_(state, run)
    state.optimizer.step()
    return {name: share * value.detach() for name, value in parts.items()}


def _identity(state: TrainingState, run: Run, turn: int) -> Tensor | None:
    """The loss of the adversary, whose gradient is reversed in the network; None without one. Which windows it sees
    follows from the step and the turn within it alone, so that a run continues as it would have gone on."""
    if state.adversary is None or run.people is None:
        return None
    rng = np.random.default_rng([run.config.seed, state.step, turn, 41])
    seen = drawn_people(run.people, run.frames.psi, run.linked is not None, rng)
    return identity_loss(state.model, state.adversary, state.optimizer, seen, run.config.tokenizer.identity_reversal)


def _add_gradients_(state: TrainingState, run: Run) -> None:
    """The gradients of all processes added up, in one message."""
    if run.processes.count == 1:
        return
    import torch

    held = [parameter.grad for parameter in state.model.correction.parameters() if parameter.grad is not None]
    flat = run.processes.add_(torch.cat([gradient.flatten() for gradient in held]))
    for gradient, part in zip(held, flat.split([gradient.numel() for gradient in held]), strict=True):
        gradient.copy_(part.view_as(gradient))
