"""Models on disk: model.safetensors, config.json and codewords.parquet; config.json is written last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dfe_core import __version__
from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, HISTORY_FILE, MODELS, WEIGHTS_FILE
from dfe_core.devices import chosen_device
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import check, seal
from dfe_core.store import (
    artefact_path,
    atomic_directory,
    atomic_file,
    file_sha256,
    read_json,
    require_new_name,
    write_json,
)
from dfe_core.tokenizer.codebook import SCHEMA_VERSION
from dfe_core.tokenizer.config import TEMPORAL, Config, TokenizerConfig, build
from dfe_core.tokenizer.exposure import training_record
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_encoder import TemporalCorrection


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOrigin:
    """What a model was trained on and with, for its config.json.

    face: of the dataset. run_key: content key of data, split and configuration. start: where the codewords started,
    ``data`` or a model's name. simulated_share: of the training frames.
    """

    dataset: Dataset
    split: Split
    config: Config
    face: FaceModel
    run_key: str
    start: str = "data"
    simulated_share: float = 0.0


def save_model(model: Tokenizer, folder: Path, origin: TrainingOrigin, columns: pd.DataFrame | None = None) -> None:
    """Write a trained tokenizer. The weights' SHA-256 is its key.

    `columns` (one row a codeword) go into codewords.parquet beside the geometry.
    """
    weights, dataset = folder / WEIGHTS_FILE, origin.dataset
    with atomic_file(weights) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}, temporary)
    psi = model.codeword_psi()
    beside = {} if columns is None else {str(c): columns[c].to_numpy() for c in columns.columns}
    table = codeword_geometry(psi, origin.face).assign(**beside, psi=list(psi))
    with atomic_file(folder / CODEWORDS_FILE) as temporary:
        table.to_parquet(temporary, index=False)
    values = dataclasses.asdict(origin.config)
    write_json(
        folder / CONFIG,
        {
            "schema_version": SCHEMA_VERSION,
            "name": folder.name,
            "version": __version__,
            "torch": torch.__version__,
            "key": file_sha256(weights)[:16],
            "run_key": origin.run_key,
            "face": origin.face.id,
            "coefficients": list(origin.face.names),
            "levels": [float(v) for v in model.quantizer.levels],
            "simulated": dataset.simulated,
            "dataset": {"name": dataset.name, "key": dataset.stored_key, "excluded": dataset.exclusions.key},
            "split": dataclasses.asdict(origin.split),
            "trained_on": training_record(dataset, origin.split),
            "started_from": origin.start,
            "simulated_share": origin.simulated_share,
            **values,
        },
    )
    history = (HISTORY_FILE,) if (folder / HISTORY_FILE).is_file() else ()
    seal(folder, (CODEWORDS_FILE, CONFIG, WEIGHTS_FILE, *history))


def write_changed_codewords(
    model: Tokenizer,
    source: str,
    name: str,
    beside: dict[str, dict[str, Any]],
    root: Path | None = None,
    *,
    seen: Callable[[dict[str, Any] | None], dict[str, Any]],
) -> Path:
    """Write ``models/<name>``: `source` with the codewords of `model` and with `beside` in its config.json, which says
    from which codebook, by name and key, they come.

    seen: of the training record of `source` that of the new one. Raises `DataError` for a name that is taken.
    """
    old = artefact_path(MODELS, source, root)
    config = read_json(check(old / CONFIG))
    folder = require_new_name(MODELS, name, root)
    if folder.exists():
        raise DataError(name, "a model of this name exists", f"another --name, or `dfe rm {name}` first")
    psi = model.codeword_psi()
    table = pd.read_parquet(check(old / CODEWORDS_FILE))
    geometry = codeword_geometry(psi, open_face(config["face"], root))
    kept = [column for column in table.columns if column not in geometry.columns and column != "psi"]
    with atomic_directory(folder) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}, temporary / WEIGHTS_FILE)
        made = geometry.assign(**{column: table[column].to_numpy() for column in kept}, psi=list(psi))
        made.to_parquet(temporary / CODEWORDS_FILE, index=False)
        origin = {"from": source, "key": config["key"]}
        beside = {field: {**origin, **record} for field, record in beside.items()}
        key = file_sha256(temporary / WEIGHTS_FILE)[:16]
        trained_on = seen(config.get("trained_on"))
        write_json(temporary / CONFIG, {**config, "name": name, "key": key, "trained_on": trained_on, **beside})
        seal(temporary, (CODEWORDS_FILE, CONFIG, WEIGHTS_FILE))
    return folder


def load_model(name: str, root: Path | None = None, device: str | None = None) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer of ``models/<name>`` in evaluation mode, and its config.json.

    device: as `devices.chosen_device` takes it. Raises `DataError` when there is no such model or device, or its
    weights are not those that config.json names.
    """
    computed_on = chosen_device(device)
    folder = artefact_path("models", name, root)
    if not (folder / CONFIG).is_file():
        raise DataError(name, "no trained model of this name", "a model made by `dfe train`")
    config = read_json(check(folder / CONFIG))
    if config.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            folder / CONFIG,
            f"a model of format {config.get('schema_version')}",
            f"one of format {SCHEMA_VERSION}: train it again with this version of dfe",
        )
    path = folder / WEIGHTS_FILE
    try:
        if file_sha256(path)[:16] != config["key"]:
            raise DataError(
                path, "its content is not what config.json names", f"a whole file; `dfe rm {name}` and train again"
            )
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(path, f"not readable ({error})", "a file written by `dfe train`") from None
    chosen = build(TokenizerConfig, config["tokenizer"], str(folder))
    correction = None
    if chosen.encoder == TEMPORAL:
        correction = TemporalCorrection(
            chosen, *(tensors[f"correction.{n}"] for n in ("features", "adjacency", "scale"))
        )
    model = Tokenizer(chosen, tensors["frame"].numpy(), tensors["inverse"].numpy(), correction)
    model.load_state_dict(tensors)
    return model.eval().to(computed_on), config


def require_same_coefficients(config: dict[str, Any], dataset: Dataset) -> None:
    """Raise `DataError` unless the model and the dataset speak of the same coefficients of the same face."""
    if tuple(config["coefficients"]) != dataset.names:
        found = np.setxor1d(config["coefficients"], dataset.names)[:3]
        raise DataError(
            dataset.name,
            f"coefficients of face {dataset.face_id} differ from those of model "
            f"{config['name']} (for example {', '.join(found) or 'their order'})",
            f"a dataset on face {config['face']}",
        )
