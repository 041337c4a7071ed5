"""The state of a run, and its checkpoints: safetensors for numbers, JSON beside them for what names them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dfe_core.artefact_names import CHECKPOINT_FILE
from dfe_core.errors import DataError
from dfe_core.store import atomic_file
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.training.identity import IdentityAdversary
from dfe_core.training.processes import Processes

CHECKPOINT = CHECKPOINT_FILE


@dataclass(kw_only=True)
class TrainingState:
    """Everything a step changes. key: content key of data, split, configuration and seed. dataset: name of the data.
    support: (K, E) bool, the coefficients that each codeword may have. adversary: that names people, where identity is
    trained against."""

    model: Tokenizer
    optimizer: torch.optim.Adam
    generator: torch.Generator
    key: str
    dataset: str
    support: Tensor
    step: int = 0
    adversary: IdentityAdversary | None = None


def share_state_(state: TrainingState, processes: Processes) -> None:
    """Bring every process to what the first one holds, but for the optimizer, whose gradients all have in common."""
    if processes.count == 1:
        return
    drawn = state.generator.get_state()
    processes.share_([*state.model.state_dict().values(), state.support, drawn])
    state.generator.set_state(drawn)


def save_checkpoint(state: TrainingState, folder: Path) -> None:
    """Write ``checkpoint.safetensors`` atomically."""
    tensors = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {
        f"adam.{i}.{k}": v for i, entry in state.optimizer.state_dict()["state"].items() for k, v in entry.items()
    }
    if state.adversary is not None:
        tensors |= {f"adversary.{k}": v for k, v in state.adversary.state_dict().items()}
    tensors |= {"generator": state.generator.get_state(), "support": state.support}
    with atomic_file(folder / CHECKPOINT) as temporary:
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
            temporary,
            {"step": str(state.step), "key": state.key, "dataset": state.dataset, "content": _content(tensors)},
        )


def load_checkpoint_(state: TrainingState, folder: Path) -> bool:
    """Bring `state` to the checkpoint of `folder`; False when there is none.

    Raises `DataError` when the checkpoint is broken, or belongs to other data, another split, configuration or seed.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return False
    try:
        with safe_open(path, "pt") as handle:
            metadata = handle.metadata() or {}
            tensors: dict[str, Tensor] = {k: handle.get_tensor(k) for k in handle.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        raise DataError(path, f"not readable ({error})", "a whole checkpoint; train without --resume") from None
    if metadata.get("key") != state.key:
        raise DataError(
            path,
            "a checkpoint of other data, configuration or seed",
            "the same as when training began, or training without --resume",
        )
    content = _content(tensors)
    if metadata.get("content", content) != content:
        raise DataError(path, "its content is not what was written", "a whole checkpoint; train without --resume")
    state.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    if state.adversary is not None:
        state.adversary.load_state_dict({k[10:]: v for k, v in tensors.items() if k.startswith("adversary.")})
    _load_adam_(state.optimizer, tensors)
    state.generator.set_state(tensors["generator"])
    state.support = tensors["support"]
    state.step = int(metadata["step"])
    return True


def _content(tensors: dict[str, Tensor]) -> str:
    """Hex SHA-256 of the values: safetensors has no checksum of its own."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0" + tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _load_adam_(optimizer: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, index, field = name.split(".")
            entries.setdefault(int(index), {})[field] = value
    whole = optimizer.state_dict()
    optimizer.load_state_dict({**whole, "state": entries})


def keep_history(path: Path, step: int) -> None:
    """Drop the lines of history.jsonl after `step`, which a resumed run writes again."""
    if not path.is_file():
        return
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
    with atomic_file(path) as temporary:
        temporary.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return float("inf")  # a line cut short by a kill
