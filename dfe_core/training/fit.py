"""Training: frames of the training subjects in, ``models/<name>/`` out."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, content_key, one_writer
from dfe_core.tokenizer import losses
from dfe_core.tokenizer.config import Config, TrainConfig
from dfe_core.tokenizer.latent import balanced_gram, latent_frame
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import save_model, sort_codewords_
from dfe_core.training.frames import TrainingFrames, training_frames
from dfe_core.training.initialise import movement_codewords
from dfe_core.training.state import CHECKPOINT, TrainingState, keep_history, load_checkpoint_, save_checkpoint
from dfe_core.training.statistics import describe_table

_LOG_EVERY = 25
_SPARSITY_VERTICES = 1500
_START_FRAMES = 20_000


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What a run reads and never changes.

    folder: of checkpoints and history; None keeps everything in memory. basis: (D, V', 3) mm per latent unit on a
    share of the vertices, or None.
    """

    dataset: Dataset
    face: FaceModel
    split: Split
    frames: TrainingFrames
    config: Config
    folder: Path | None
    basis: Tensor | None
    gram: Tensor | None
    spread: Tensor
    mirror: Tensor
    device: torch.device


@one_writer("models")
def train_model(dataset: str, name: str, *, config: Config | None = None, resume: bool = False,
                root: Path | None = None, progress: Listener = silent) -> Path:
    """Train a tokenizer on the training subjects of a dataset and write ``models/<name>/``.

    Stopping it at any moment loses at most the steps since the last checkpoint; `resume` goes on from there, with
    the same result as an uninterrupted run. Raises `DataError` for an existing model, or a checkpoint of other data.
    """
    config = config or Config()
    folder = artefact_path("models", name, root)
    if (folder / "config.json").is_file():
        if resume:
            progress(Progress("training", config.train.steps, config.train.steps, "already trained"))
            return folder
        raise DataError(name, "a model of this name exists", f"another --name, or `dfe rm {name}` first")
    if not resume and (folder / CHECKPOINT).is_file():
        raise DataError(name, "an unfinished training of this name", "--resume to continue it, or "
                        f"`dfe rm models/{name}` to begin again")
    run = _prepare(Dataset.open(dataset, root), folder, config, root, progress)
    state = _start(run)
    if resume and load_checkpoint_(state, folder):
        keep_history(folder / "history.jsonl", state.step)
    else:
        (folder / "history.jsonl").unlink(missing_ok=True)
        _initialise_(state.model, run)
    _train_(state, run, progress)
    sort_codewords_(state.model)
    columns = describe_table(state.model.eval(), run.face, run.frames.psi, config.seed)
    save_model(state.model, run.dataset, run.split, config, folder, run.face, state.key, columns)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return folder


def fit_in_memory(dataset: Dataset, config: Config, root: Path | None = None,
                  progress: Listener = silent) -> tuple[Tokenizer, Run]:
    """Train as `train_model` does and write nothing: for benchmarks and experiments."""
    run = _prepare(dataset, None, config, root, progress)
    state = _start(run)
    _initialise_(state.model, run)
    _train_(state, run, progress)
    return state.model.eval(), run


def _prepare(dataset: Dataset, folder: Path | None, config: Config, root: Path | None, progress: Listener) -> Run:
    split = split_dataset(dataset, config.train.test_share, config.train.validation_share, config.seed)
    face = open_face(dataset.face_id, root)
    frames = training_frames(dataset, split, root, progress)
    if len(frames.psi) < config.tokenizer.codewords:
        raise DataError(dataset.name, f"{len(frames.psi)} training frames",
                        f"at least as many as codewords ({config.tokenizer.codewords})")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _, inverse = _frame(face, frames, config)
    basis = gram = None
    if face.has_mesh:
        stride = max(1, len(face.template) // _SPARSITY_VERTICES)
        shown = 1e3 * face.basis[:, ::stride].reshape(face.coefficients, -1)
        basis = torch.as_tensor((inverse @ shown).reshape(len(inverse), -1, 3), dtype=torch.float32, device=device)
        energy = float(np.sum(face.gram * frames.moment))
        gram = torch.as_tensor(face.gram / max(energy, 1e-30), dtype=torch.float32, device=device)
    spread = torch.as_tensor(np.diag(frames.moment).clip(1e-8), dtype=torch.float32, device=device)
    mirror = torch.as_tensor(face.mirror_coefficients, dtype=torch.float32, device=device)
    return Run(dataset, face, split, frames, config, folder, basis, gram, spread, mirror, device)


def _frame(face: FaceModel, frames: TrainingFrames, config: Config) -> tuple[np.ndarray, np.ndarray]:
    tokenizer = config.tokenizer
    return latent_frame(balanced_gram(face, frames.moment, tokenizer.region_weight), frames.moment,
                        tokenizer.psi_weight)


def _start(run: Run) -> TrainingState:
    torch.manual_seed(run.config.seed)
    model = Tokenizer(run.config.tokenizer, *_frame(run.face, run.frames, run.config)).to(run.device)
    model.quantizer.rest_gain.fill_(run.config.tokenizer.rest_gain)
    parameters = list(model.correction.parameters())
    if not run.config.train.ema or not parameters:
        parameters.append(model.quantizer.codewords)
    optimizer = torch.optim.Adam(parameters, lr=run.config.train.learning_rate)
    key = content_key([run.dataset.key, run.split.to_json(), dataclasses.asdict(run.config)])
    return TrainingState(model, optimizer, torch.Generator().manual_seed(run.config.seed), key)


def _initialise_(model: Tokenizer, run: Run) -> None:
    frame = model.frame.cpu().numpy()
    rows = np.random.default_rng(run.config.seed).choice(
        len(run.frames.psi), min(_START_FRAMES, len(run.frames.psi)), replace=False)
    frames = _with_mirrored(np.asarray(run.frames.psi[np.sort(rows)]), run) @ frame
    changes = _with_mirrored(run.frames.changes, run) @ frame
    quantizer = model.quantizer
    repeats = 1 if quantizer.shared else quantizer.stages
    parts = [movement_codewords(changes, frames, quantizer.size - 1, run.config.seed + i)
             for i in range(repeats)]
    empty = np.zeros((1, frame.shape[1]), np.float32)
    with torch.no_grad():
        quantizer.codewords.copy_(torch.as_tensor(np.concatenate([x for part in parts for x in (empty, part)])))


def _with_mirrored(psi: np.ndarray, run: Run) -> np.ndarray:
    if not run.config.train.mirror_share:
        return psi
    return np.concatenate([psi, psi @ run.face.mirror_coefficients.astype(np.float32)])


def _train_(state: TrainingState, run: Run, progress: Listener) -> None:
    train = run.config.train
    figures: dict[str, Any] = {}
    while state.step < train.steps:
        whole, found = _step_(state, run, _batch(run, state.generator))
        figures = found if whole or not figures else figures  # a step on fewer stages says nothing of the whole
        state.step += 1
        if state.step % _LOG_EVERY == 0 or state.step == train.steps:
            _log(run, state.step, figures)
        progress(Progress("training", state.step, train.steps, f"rmse {figures.get('rmse_mm', math.nan):.2f} mm",
                          figures))
        if state.step % train.checkpoint_every == 0 and run.folder is not None:
            save_checkpoint(state, run.folder)


def _batch(run: Run, generator: torch.Generator) -> Tensor:
    count = run.config.train.batch
    rows = torch.randint(len(run.frames.psi), (count,), generator=generator).numpy()
    psi = torch.from_numpy(np.asarray(run.frames.psi[np.sort(rows)])).to(run.device)
    turned = torch.rand(count, generator=generator).to(run.device) < run.config.train.mirror_share
    return torch.where(turned[:, None], psi @ run.mirror, psi)


def _step_(state: TrainingState, run: Run, psi: Tensor) -> tuple[bool, dict[str, Any]]:
    train, quantizer = run.config.train, state.model.quantizer
    stages = _kept_stages(train, quantizer.stages, state.generator)
    parts = _encoder_losses(state.model, run, psi[: train.encoder_batch], stages)
    _descend_(state, sum(getattr(train.loss, name) * value for name, value in parts.items()), train)
    with torch.no_grad():
        plain = psi @ state.model.frame
        quantized = quantizer.encode(plain, beam=1, stages=stages, sweeps=0)
        residual = plain - quantizer.decode(quantized.tokens, quantized.intensities)
        quantizer.update_(plain, quantizer.activations(quantized), train.ema_decay, move=train.ema)
    parts |= _shape_(state, run)
    replaced = _replace_(state, train, residual)
    return stages == quantizer.stages, _figures(run, parts, quantized, residual, state, replaced)


def _encoder_losses(model: Tokenizer, run: Run, psi: Tensor, stages: int) -> dict[str, Tensor]:
    """Reconstruction and commitment through the encoder, by the straight-through estimate.

    The codebook learns beside it, from the frames themselves: had it to follow the encoder's latents, an encoder that
    bends them would bend the dictionary.
    """
    latent, plain = model.latent(psi)
    quantized = model.quantizer.encode(latent.detach(), beam=1, stages=stages, sweeps=0)
    decoded = model.quantizer.decode(quantized.tokens, quantized.intensities)
    parts = _reconstruction(run, model, losses.straight_through(latent, decoded) - plain)
    return parts | {"commitment": losses.commitment(latent, quantized, model.quantizer.codewords)}


def _kept_stages(train: TrainConfig, stages: int, generator: torch.Generator) -> int:
    if float(torch.rand((), generator=generator)) >= train.stage_dropout:
        return stages
    return int(torch.randint(1, stages + 1, (), generator=generator))


def _reconstruction(run: Run, model: Tokenizer, error: Tensor) -> dict[str, Tensor]:
    """Mean squared error of ψ in units of its own spread, and of the vertices in units of their own energy."""
    error = error @ model.inverse
    parts = {"psi": (error.square() / run.spread).mean()}
    if run.gram is not None:
        parts["vertex"] = ((error @ run.gram) * error).sum(1).mean()
    return parts


def _descend_(state: TrainingState, total: Tensor, train: TrainConfig) -> None:
    for group in state.optimizer.param_groups:
        group["lr"] = train.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * state.step / train.steps)))
    state.optimizer.zero_grad(set_to_none=True)
    if total.requires_grad:
        total.backward()
        if train.ema:
            state.model.quantizer.codewords.grad = None
        state.optimizer.step()
    state.model.quantizer.keep_rest_()


def _shape_(state: TrainingState, run: Run) -> dict[str, Tensor]:
    """One step of the codewords down the sparsity and orthogonality losses.

    Both are free of scale, so their gradient shrinks as a codeword grows; the step is taken relative to its length.
    """
    weights, quantizer = run.config.train.loss, state.model.quantizer
    parts = {}
    if weights.sparsity and run.basis is not None:
        parts["sparsity"] = losses.sparsity(losses.live_codewords(quantizer), run.basis)
    if weights.orthogonality:
        parts["orthogonality"] = losses.orthogonality(losses.live_codewords(quantizer), run.config.train.cosine_margin)
    if parts:
        total = sum(getattr(weights, name) * value for name, value in parts.items()) * len(quantizer.codewords)
        gradient, = torch.autograd.grad(total, quantizer.codewords)
        with torch.no_grad():
            quantizer.codewords.sub_(gradient * quantizer.codewords.square().sum(1, keepdim=True))
    return {name: value.detach() for name, value in parts.items()}


def _replace_(state: TrainingState, train: TrainConfig, residual: Tensor) -> int:
    late = state.step > 0.8 * train.steps
    if not train.dead_share or late or state.step % train.dead_every != train.dead_every - 1:
        return 0
    return state.model.quantizer.replace_dead_(residual, train.dead_share, state.generator)


def _figures(run: Run, parts: dict[str, Tensor], quantized, residual: Tensor, state: TrainingState,
             replaced: int) -> dict[str, Any]:
    figures: dict[str, Any] = {name: round(float(value.detach()), 6) for name, value in parts.items()}
    if run.gram is not None:
        figures["rmse_mm"] = 1e3 * math.sqrt(_vertex_error(run, state.model, residual))
    quantizer = state.model.quantizer
    usage = quantizer.usage[1:]
    share = usage / usage.sum().clamp_min(1e-9)
    figures["perplexity"] = round(float((-(share * share.clamp_min(1e-12).log()).sum()).exp()), 2)
    figures["utilisation"] = round(float((usage > 1e-4).float().mean()), 4)
    figures["tokens_per_frame"] = round(float((quantized.tokens != 0).sum(1).float().mean()), 3)
    figures["replaced"] = replaced
    return figures


def _vertex_error(run: Run, model: Tokenizer, residual: Tensor) -> float:
    """Mean squared vertex error of (B, D) latent residuals, m²."""
    psi = (residual @ model.inverse).double()
    gram = torch.as_tensor(run.face.gram, device=psi.device)
    return float(((psi @ gram) * psi).sum(1).mean())


def _log(run: Run, step: int, figures: dict[str, Any]) -> None:
    if run.folder is None:
        return
    with open(run.folder / "history.jsonl", "a", encoding="utf-8") as sink:
        sink.write(json.dumps({"step": step, **figures}) + "\n")
