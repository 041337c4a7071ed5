"""What a training reads and never changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.config import Config
from dfe_core.training.frames import TrainingFrames
from dfe_core.training.identity import TrainingPeople
from dfe_core.training.initialise import Start
from dfe_core.training.processes import ALONE, Processes


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """What a run reads and never changes.

    config: with as many codewords as the face needs. folder: of checkpoints and history; None keeps everything in
    memory. frame, inverse: (E, D), (D, E) of the latent space. simulated: (M, E) ψ that are mixed in, or None.
    gram: (E, E) of the vertices in units of the data's energy, or None; spread: (E,) mean squared ψ. mirror: (E, E).
    reach: (E,) how far each coefficient moves the face. activations: whether coefficients are activations
    (`dictionary.has_activations`). start: the codewords to begin with. linked: (N,) whether a training frame follows
    the one before it, for the temporal encoder. people: whose frames they are, where identity is trained against.
    processes: that share each batch.
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
    people: TrainingPeople | None = None
    processes: Processes = ALONE
