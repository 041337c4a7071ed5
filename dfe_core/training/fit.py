"""Training: frames of the training subjects in, ``models/<name>/`` out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfe_core.artefact_names import CONFIG, HISTORY_FILE, LEARNING_FILE, MODELS
from dfe_core.audit import audited
from dfe_core.devices import chosen_device, on_device
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split, split_dataset, without_subjects
from dfe_core.faces import open_face
from dfe_core.faces.region_graph import region_graph
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, content_key
from dfe_core.tokenizer.config import TEMPORAL, Config
from dfe_core.tokenizer.encoder import LinearCorrection
from dfe_core.tokenizer.latent import balanced_gram, latent_frame, seen_gram
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import TrainingOrigin, save_model
from dfe_core.tokenizer.temporal_encoder import TemporalCorrection, temporal_correction
from dfe_core.training.dictionary import has_activations, support_of
from dfe_core.training.frames import simulated_frames, training_frames
from dfe_core.training.identity import ADVERSARY_RATE, IdentityAdversary, training_people
from dfe_core.training.initialise import Start, starting_codewords
from dfe_core.training.loop import train_
from dfe_core.training.processes import own_device, own_processes
from dfe_core.training.run import Run
from dfe_core.training.state import CHECKPOINT, TrainingState, keep_history, load_checkpoint_
from dfe_core.training.statistics import describe_table
from dfe_core.training.temporal import linked_training_frames


def train_model(
    dataset: str,
    name: str,
    *,
    config: Config | None = None,
    resume: bool = False,
    root: Path | None = None,
    progress: Listener = silent,
    held_out: Sequence[str] = (),
    device: str | None = None,
) -> Path:
    """Train a tokenizer on the training subjects of a dataset and write ``models/<name>/``.

    held_out: subjects to train without, on all others; none: the split that the configuration draws. device: as
    `devices.chosen_device` takes it.

    Stopping it at any moment loses at most the steps since the last checkpoint; `resume` goes on from there, with
    the same result as an uninterrupted run. Called in every process of a ``torch.distributed`` group, they train one
    model together, and the first one writes it. Raises `DataError` for an existing model, a checkpoint of other data,
    or a device that is not there.
    """
    write = _write_model if own_processes().first else _help_to_train
    with on_device(device):
        return write(
            dataset, name, config=config or Config(), resume=resume, root=root, progress=progress, held_out=held_out
        )


def _help_to_train(
    dataset: str,
    name: str,
    *,
    config: Config,
    resume: bool,
    root: Path | None,
    progress: Listener,
    held_out: Sequence[str],
) -> Path:
    """The part of a process that is not the first one."""
    folder = artefact_path("models", name, root)
    if not _finished(folder, resume):
        _, run = _trained(Dataset.open(dataset, root), folder, config, resume, root, silent, held_out)
        run.processes.wait()
    return folder


@audited("train", MODELS, wait_s=0)
def _write_model(
    dataset: str,
    name: str,
    *,
    config: Config,
    resume: bool,
    root: Path | None,
    progress: Listener,
    held_out: Sequence[str],
) -> Path:
    folder = artefact_path("models", name, root)
    if _finished(folder, resume):
        progress(Progress(task="training", done=config.train.steps, total=config.train.steps, detail="already trained"))
        return folder
    state, run = _trained(Dataset.open(dataset, root), folder, config, resume, root, progress, held_out)
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
    for file in (CHECKPOINT, LEARNING_FILE):
        (folder / file).unlink(missing_ok=True)
    run.processes.wait()
    return folder


def _finished(folder: Path, resume: bool) -> bool:
    """Whether the model is there, which only a resumed training may find. Raises `DataError` for what must not be
    written over."""
    name = folder.name
    if (folder / CONFIG).is_file():
        if resume:
            return True
        raise DataError(name, "a model of this name exists", f"another --name, or `dfe rm {name}` first")
    if not resume and (folder / CHECKPOINT).is_file():
        raise DataError(
            name,
            "an unfinished training of this name",
            f"--resume to continue it, or `dfe rm models/{name}` to begin again",
        )
    return False


def _trained(
    data: Dataset,
    folder: Path,
    config: Config,
    resume: bool,
    root: Path | None,
    progress: Listener,
    held_out: Sequence[str],
) -> tuple[TrainingState, Run]:
    split = without_subjects(data, held_out) if held_out else None
    run = _prepare(data, folder, config, root, progress, split)
    state = _started(run)
    run.processes.agree("dataset, configuration or seed", state.key)
    resumed = resume and load_checkpoint_(state, folder)
    run.processes.agree("checkpoint", str(state.step))
    if run.processes.first and resumed:
        keep_history(folder / HISTORY_FILE, state.step)
    elif run.processes.first:
        (folder / HISTORY_FILE).unlink(missing_ok=True)
    train_(state, run, progress)
    return state, run


def fit_in_memory(
    dataset: Dataset,
    config: Config,
    root: Path | None = None,
    progress: Listener = silent,
    split: Split | None = None,
    start: Start | None = None,
) -> tuple[Tokenizer, Run]:
    """Train as `train_model` does and write nothing: for benchmarks, cross-fitting and experiments.

    split, start: in place of those that the configuration draws and finds.
    """
    run = _prepare(dataset, None, config, root, progress, split, start)
    state = _started(run)
    train_(state, run, progress)
    return state.model.eval(), run


def _prepare(
    dataset: Dataset,
    folder: Path | None,
    config: Config,
    root: Path | None,
    progress: Listener,
    split: Split | None = None,
    start: Start | None = None,
) -> Run:
    split = split or split_dataset(dataset, config.train.test_share, config.train.validation_share, config.seed)
    processes, device = own_processes(), own_device(chosen_device())
    if min(config.train.batch, config.train.encoder_batch) < processes.count:
        raise DataError("train.batch, train.encoder_batch", f"fewer frames than {processes.count} processes", "more")
    temporal = config.tokenizer.encoder == TEMPORAL
    if config.tokenizer.identity_reversal and processes.count > 1:
        raise DataError("tokenizer.identity_reversal", f"{processes.count} processes", "one: its adversary is in one")
    people = training_people(dataset, split, temporal) if config.tokenizer.identity_reversal else None
    if not processes.first:
        processes.wait()  # until the first one has written what all read
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
    chosen = config.tokenizer
    seen = balanced_gram(face, frames.moment, chosen.region_weight, chosen.without_region)
    frame, inverse = latent_frame(seen, frames.moment, chosen.psi_weight)
    activations = has_activations(face)
    mixed = activations and config.train.simulated_share > 0 and not dataset.simulated
    start = start or starting_codewords(config, face, frames, frame, dataset, activations, root)
    config = replace(
        config,
        tokenizer=replace(
            chosen,
            codewords=1 + len(start.psi),
            rate_weight=chosen.rate_weight if activations else chosen.rate_weight_pairs,
        ),
    )
    simulated = simulated_frames(face, root, progress) if mixed else None
    if processes.first:
        processes.wait()
    gram = None
    if face.has_mesh:
        kept = seen_gram(face, chosen.without_region)
        energy = float(np.sum(kept * frames.moment))
        gram = torch.as_tensor(kept / max(energy, 1e-30), dtype=torch.float32, device=device)
    return Run(
        dataset=dataset,
        face=face,
        split=split,
        frames=frames,
        config=config,
        folder=folder,
        frame=frame,
        inverse=inverse,
        simulated=simulated,
        gram=gram,
        spread=torch.as_tensor(np.diag(frames.moment).clip(1e-8), dtype=torch.float32, device=device),
        mirror=torch.as_tensor(face.mirror_coefficients, dtype=torch.float32, device=device),
        reach=np.linalg.norm(frame, axis=1),
        activations=activations,
        start=start,
        device=device,
        linked=linked_training_frames(dataset, split) if temporal else None,
        people=people,
        processes=processes,
    )


def _started(run: Run) -> TrainingState:
    torch.manual_seed(run.config.seed)
    model = _untrained(run).to(run.device)
    psi = np.concatenate([np.zeros((1, run.start.psi.shape[1])), run.start.psi])
    support = support_of(psi, run.reach, run.config.train.support_share) if run.activations else psi != 0
    model.quantizer.set_codewords_(torch.as_tensor((psi * support) @ run.frame, dtype=torch.float32, device=run.device))
    parameters: list[Tensor] = list(model.correction.parameters()) or [torch.zeros(1, requires_grad=True)]
    optimizer = torch.optim.Adam(parameters, lr=run.config.train.learning_rate)
    adversary = None
    if run.people is not None:
        scale = torch.as_tensor(_latent_scale(run), dtype=torch.float32)
        adversary = IdentityAdversary(scale, run.people.subjects).to(run.device)
        optimizer.add_param_group({"params": list(adversary.parameters()), "lr": ADVERSARY_RATE})
    key = content_key([run.dataset.key, dataclasses.asdict(run.split), dataclasses.asdict(run.config), run.start.key])
    return TrainingState(
        model=model,
        optimizer=optimizer,
        generator=torch.Generator().manual_seed(run.config.seed),
        key=key,
        dataset=run.dataset.name,
        support=torch.as_tensor(support),
        adversary=adversary,
    )


def _untrained(run: Run) -> Tokenizer:
    correction: TemporalCorrection | LinearCorrection | None = None
    if run.config.tokenizer.encoder == TEMPORAL:
        graph = region_graph(run.face, run.frames.moment)
        correction = temporal_correction(run.config.tokenizer, graph, run.inverse, _latent_scale(run))
    elif run.config.tokenizer.encoder == "linear" and run.people is not None:
        correction = LinearCorrection(torch.as_tensor(_latent_scale(run), dtype=torch.float32))
    return Tokenizer(run.config.tokenizer, run.frame, run.inverse, correction)


def _latent_scale(run: Run) -> np.ndarray:
    """(D,) root mean square of each latent dimension over the training frames."""
    return np.sqrt(np.einsum("ed,ef,fd->d", run.frame, run.frames.moment, run.frame).clip(1e-12))
