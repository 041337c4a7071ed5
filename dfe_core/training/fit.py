"""Training: frames of the training subjects in, ``models/<name>/`` out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfe_core.artefact_names import CONFIG, HISTORY_FILE, LEARNING_FILE, MODELS
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split, split_dataset, without_subjects
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.faces.region_graph import region_graph
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, content_key, write_json
from dfe_core.tokenizer import losses
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.config import TEMPORAL, Config
from dfe_core.tokenizer.latent import balanced_gram, latent_frame
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import Quantized
from dfe_core.tokenizer.storage import TrainingOrigin, save_model
from dfe_core.tokenizer.temporal_encoder import temporal_correction
from dfe_core.training.dictionary import has_activations, refit_codewords, support_of
from dfe_core.training.frames import TrainingFrames, simulated_frames, training_frames
from dfe_core.training.initialise import Start, starting_codewords
from dfe_core.training.review import count_code_lengths_, finish_, review_
from dfe_core.training.state import CHECKPOINT, TrainingState, keep_history, load_checkpoint_, save_checkpoint
from dfe_core.training.statistics import describe_table
from dfe_core.training.temporal import ROUNDS, drawn_windows, linked_training_frames

_WATCHED = 8
"""Codewords that are shown while they are learned."""
_LOG_EVERY = 25
_CODE_LENGTHS_EVERY = 5
_REVIEWS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
"""Shares of the run after which codewords are looked over: lengths, supports, duplicates, unused ones."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """What a run reads and never changes.

    config: with as many codewords as the face needs. folder: of checkpoints and history; None keeps everything in
    memory. frame, inverse: (E, D), (D, E) of the latent space. simulated: (M, E) ψ that are mixed in, or None.
    gram: (E, E) of the vertices in units of the data's energy, or None; spread: (E,) mean squared ψ. mirror: (E, E).
    reach: (E,) how far each coefficient moves the face. activations: whether coefficients are activations
    (`dictionary.has_activations`). start: the codewords to begin with. linked: (N,) whether a training frame follows
    the one before it, for the temporal encoder.
    """

    dataset: Dataset
    face: FaceModel
    split: Split
    frames: TrainingFrames
    config: Config
    folder: Path | None
    frame: np.ndarray
    inverse: np.ndarray
    simulated: np.ndarray | None
    gram: Tensor | None
    spread: Tensor
    mirror: Tensor
    reach: np.ndarray
    activations: bool
    start: Start
    device: torch.device
    linked: np.ndarray | None = None


@audited("train", MODELS, wait_s=0)
def train_model(
    dataset: str,
    name: str,
    *,
    config: Config | None = None,
    resume: bool = False,
    root: Path | None = None,
    progress: Listener = silent,
    held_out: Sequence[str] = (),
) -> Path:
    """Train a tokenizer on the training subjects of a dataset and write ``models/<name>/``.

    held_out: subjects to train without, on all others; none: the split that the configuration draws.

    Stopping it at any moment loses at most the steps since the last checkpoint; `resume` goes on from there, with
    the same result as an uninterrupted run. Raises `DataError` for an existing model, or a checkpoint of other data.
    """
    config = config or Config()
    folder = artefact_path("models", name, root)
    if (folder / CONFIG).is_file():
        if resume:
            progress(
                Progress(task="training", done=config.train.steps, total=config.train.steps, detail="already trained")
            )
            return folder
        raise DataError(name, "a model of this name exists", f"another --name, or `dfe rm {name}` first")
    if not resume and (folder / CHECKPOINT).is_file():
        raise DataError(
            name,
            "an unfinished training of this name",
            f"--resume to continue it, or `dfe rm models/{name}` to begin again",
        )
    data = Dataset.open(dataset, root)
    split = without_subjects(data, held_out) if held_out else None
    run = _prepare(data, folder, config, root, progress, split)
    state = _started(run)
    if resume and load_checkpoint_(state, folder):
        keep_history(folder / HISTORY_FILE, state.step)
    else:
        (folder / HISTORY_FILE).unlink(missing_ok=True)
    _train_(state, run, progress)
    columns = describe_table(state.model.eval(), run.face, run.frames.psi, config.seed)
    origin = TrainingOrigin(
        dataset=run.dataset,
        split=run.split,
        config=run.config,
        face=run.face,
        run_key=state.key,
        start=run.start.source,
        simulated_share=run.config.train.simulated_share if run.simulated is not None else 0.0,
    )
    save_model(state.model, folder, origin, columns)
    for name in (CHECKPOINT, LEARNING_FILE):
        (folder / name).unlink(missing_ok=True)
    return folder


def fit_in_memory(
    dataset: Dataset, config: Config, root: Path | None = None, progress: Listener = silent, split: Split | None = None
) -> tuple[Tokenizer, Run]:
    """Train as `train_model` does and write nothing: for benchmarks, cross-fitting and experiments.

    split: in place of the one that the configuration draws.
    """
    run = _prepare(dataset, None, config, root, progress, split)
    state = _started(run)
    _train_(state, run, progress)
    return state.model.eval(), run


def _prepare(
    dataset: Dataset,
    folder: Path | None,
    config: Config,
    root: Path | None,
    progress: Listener,
    split: Split | None = None,
) -> Run:
    split = split or split_dataset(dataset, config.train.test_share, config.train.validation_share, config.seed)
    face = open_face(dataset.face_id, root)
    frames = training_frames(dataset, split, root, progress)
    if len(frames.psi) < config.tokenizer.codewords:
        raise DataError(
            dataset.name,
            f"{len(frames.psi)} training frames",
            f"at least as many as codewords ({config.tokenizer.codewords})",
        )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    frame, inverse = latent_frame(
        balanced_gram(face, frames.moment, config.tokenizer.region_weight), frames.moment, config.tokenizer.psi_weight
    )
    activations = has_activations(face)
    mixed = activations and config.train.simulated_share > 0 and not dataset.simulated
    start = starting_codewords(config, face, frames, frame, dataset, activations, root)
    chosen = config.tokenizer
    config = replace(
        config,
        tokenizer=replace(
            chosen,
            codewords=1 + len(start.psi),
            rate_weight=chosen.rate_weight if activations else chosen.rate_weight_pairs,
        ),
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    gram = None
    if face.has_mesh:
        energy = float(np.sum(face.gram * frames.moment))
        gram = torch.as_tensor(face.gram / max(energy, 1e-30), dtype=torch.float32, device=device)
    return Run(
        dataset=dataset,
        face=face,
        split=split,
        frames=frames,
        config=config,
        folder=folder,
        frame=frame,
        inverse=inverse,
        simulated=simulated_frames(face, root, progress) if mixed else None,
        gram=gram,
        spread=torch.as_tensor(np.diag(frames.moment).clip(1e-8), dtype=torch.float32, device=device),
        mirror=torch.as_tensor(face.mirror_coefficients, dtype=torch.float32, device=device),
        reach=np.linalg.norm(frame, axis=1),
        activations=activations,
        start=start,
        device=device,
        linked=linked_training_frames(dataset, split) if config.tokenizer.encoder == TEMPORAL else None,
    )


def _started(run: Run) -> TrainingState:
    torch.manual_seed(run.config.seed)
    model = _untrained(run).to(run.device)
    psi = np.concatenate([np.zeros((1, run.start.psi.shape[1])), run.start.psi])
    support = support_of(psi, run.reach, run.config.train.support_share) if run.activations else psi != 0
    model.quantizer.set_codewords_(torch.as_tensor((psi * support) @ run.frame, dtype=torch.float32, device=run.device))
    parameters: list[Tensor] = list(model.correction.parameters()) or [torch.zeros(1, requires_grad=True)]
    optimizer = torch.optim.Adam(parameters, lr=run.config.train.learning_rate)
    key = content_key([run.dataset.key, dataclasses.asdict(run.split), dataclasses.asdict(run.config), run.start.key])
    return TrainingState(
        model=model,
        optimizer=optimizer,
        generator=torch.Generator().manual_seed(run.config.seed),
        key=key,
        dataset=run.dataset.name,
        support=torch.as_tensor(support),
    )


def _untrained(run: Run) -> Tokenizer:
    correction = None
    if run.config.tokenizer.encoder == TEMPORAL:
        graph = region_graph(run.face, run.frames.moment)
        scale = np.sqrt(np.einsum("ed,ef,fd->d", run.frame, run.frames.moment, run.frame).clip(1e-12))
        correction = temporal_correction(run.config.tokenizer, graph, run.inverse, scale)
    return Tokenizer(run.config.tokenizer, run.frame, run.inverse, correction)


def _train_(state: TrainingState, run: Run, progress: Listener) -> None:
    train = run.config.train
    reviews = {max(1, round(share * train.steps)) for share in _REVIEWS} if run.activations else set()
    while state.step < train.steps:
        psi = _batch(run, state.generator)
        parts = _train_encoder_(state, run, psi[: train.encoder_batch])
        quantized, residual = _learn_(state, run, psi @ state.model.frame)
        state.step += 1
        figures = _figures(run, state.model, parts, quantized, residual)
        if state.step in reviews:
            figures["replaced"] = review_(state, residual, run.inverse, run.reach, train)
        if state.step % _CODE_LENGTHS_EVERY == 0:
            count_code_lengths_(state.model.quantizer, train)
        if state.step % _LOG_EVERY == 0 or state.step == train.steps:
            _log(run, state.step, figures)
            _write_learning(run, state)
        progress(
            Progress(
                task="training",
                done=state.step,
                total=train.steps,
                detail=f"rmse {figures.get('rmse_mm', math.nan):.2f} mm",
                figures=figures,
            )
        )
        if state.step % train.checkpoint_every == 0 and run.folder is not None:
            save_checkpoint(state, run.folder)
    finish_(state.model, run.frames.psi, run.config.seed)


def _batch(run: Run, generator: torch.Generator) -> Tensor:
    """Frames of the training subjects, and simulated ones; some are seen in a mirror."""
    count = run.config.train.batch
    own = count if run.simulated is None else count - round(run.config.train.simulated_share * count)
    parts = [_drawn(run.frames.psi, own, generator)]
    if run.simulated is not None:
        parts.append(_drawn(run.simulated, count - own, generator))
    psi = torch.from_numpy(np.concatenate(parts))[torch.randperm(count, generator=generator)].to(run.device)
    turned = torch.rand(count, generator=generator).to(run.device) < run.config.train.mirror_share
    return torch.where(turned[:, None], psi @ run.mirror, psi)


def _drawn(psi: np.ndarray, count: int, generator: torch.Generator) -> np.ndarray:
    rows = torch.randint(len(psi), (count,), generator=generator).numpy()
    return np.asarray(psi[np.sort(rows)])


@torch.no_grad()
def _learn_(state: TrainingState, run: Run, plain: Tensor) -> tuple[Quantized, Tensor]:
    """One step of the codebook: tokens of a batch, statistics, and codewords refitted to them."""
    quantizer = state.model.quantizer
    quantized = quantizer.encode(plain, sweeps=1)
    quantizer.update_(plain, quantized, run.config.train.ema_decay)
    residual = plain - quantizer.decode(quantized.tokens, quantized.intensities)
    if run.activations:
        psi = refit_codewords(
            state.model.codeword_psi(),
            quantizer.overlap.cpu().numpy(),
            quantizer.target.cpu().numpy(),
            run.frame,
            state.support.numpy(),
        )
        quantizer.codewords.copy_(torch.as_tensor(psi @ run.frame, dtype=torch.float32))
    return quantized, residual


def _train_encoder_(state: TrainingState, run: Run, psi: Tensor) -> dict[str, Tensor]:
    """One step of an encoder network: reconstruction and commitment by the straight-through estimate.

    The codebook learns beside it, from the frames themselves: had it to follow the encoder's latents, an encoder that
    bends them would bend the dictionary.
    """
    if run.linked is not None:
        return [_train_temporal_(state, run, run.linked) for _ in range(ROUNDS)][-1]
    if run.config.tokenizer.encoder == "linear":
        return {}
    return _step_encoder_(state, run, *state.model.latent(psi))


def _train_temporal_(state: TrainingState, run: Run, linked: np.ndarray) -> dict[str, Tensor]:
    """One step of the temporal encoder, on windows of which frames are hidden."""
    train = run.config.train
    windows = drawn_windows(
        run.frames.psi,
        linked,
        run.mirror,
        frames=train.encoder_batch,
        mirror_share=train.mirror_share,
        generator=state.generator,
    )
    return _step_encoder_(state, run, *state.model.latent(windows.psi, windows.linked, windows.hidden))


def _step_encoder_(state: TrainingState, run: Run, latent: Tensor, plain: Tensor) -> dict[str, Tensor]:
    """Change the network so that its latent's tokens reconstruct the frame, or, of the temporal one, its latent: that
    is what its tokens stand for, and the straight-through estimate lets it grow where no token follows."""
    model, train = state.model, run.config.train
    quantized = model.quantizer.encode(latent.detach(), sweeps=0)
    decoded = model.quantizer.decode(quantized.tokens, quantized.intensities).detach()
    reached = losses.straight_through(latent, decoded) if run.linked is None else latent
    error = (reached - plain) @ model.inverse
    parts = {"psi": (error.square() / run.spread).mean(), "commitment": losses.commitment(latent, decoded)}
    if run.gram is not None:
        parts["vertex"] = ((error @ run.gram) * error).sum(1).mean()
    for group in state.optimizer.param_groups:
        group["lr"] = train.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * state.step / train.steps)))
    state.optimizer.zero_grad(set_to_none=True)
    sum(getattr(train.loss, name) * value for name, value in parts.items()).backward()
    state.optimizer.step()
    return parts


@torch.no_grad()
def _figures(
    run: Run, model: Tokenizer, parts: dict[str, Tensor], quantized: Quantized, residual: Tensor
) -> dict[str, Any]:
    figures: dict[str, Any] = {name: round(float(value.detach()), 6) for name, value in parts.items()}
    if run.gram is not None:
        psi = (residual @ model.inverse).double()
        gram = torch.as_tensor(run.face.gram, device=psi.device)
        figures["rmse_mm"] = 1e3 * math.sqrt(float(((psi @ gram) * psi).sum(1).mean()))
    usage = model.quantizer.usage[1:]
    share = usage / usage.sum().clamp_min(1e-9)
    figures["perplexity"] = round(float((-(share * share.clamp_min(1e-12).log()).sum()).exp()), 2)
    figures["utilisation"] = round(float((usage > 1e-4).float().mean()), 4)
    figures["tokens_per_frame"] = round(float((quantized.tokens != 0).sum(1).float().mean()), 3)
    figures["bits_per_frame"] = round(float(model.quantizer.code_length(quantized).mean()), 2)
    return figures


def _write_learning(run: Run, state: TrainingState) -> None:
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


def _log(run: Run, step: int, figures: dict[str, Any]) -> None:
    if run.folder is None:
        return
    with open(run.folder / HISTORY_FILE, "a", encoding="utf-8") as sink:
        sink.write(json.dumps({"step": step, **figures}) + "\n")
