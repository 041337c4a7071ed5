"""Encoding: tokens of every valid frame of a dataset into the token cache, recording by recording."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dfe_core.artefact_names import MANIFEST, TOKENS, tokens_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.events.segments import segment_source
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, cache_root, file_sha256, read_json
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model, require_same_coefficients
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.cache import TokenWriter
from dfe_core.tokens.segment_tokens import whole_tokens, write_segment_tokens

_BATCH = 4096


@dataclass(frozen=True, kw_only=True)
class EncodeReport:
    """What encoding did: `unchanged` when the cache already held these tokens."""

    path: Path
    recordings: int
    frames: int
    unchanged: bool


@audited("encode", TOKENS, lambda given: tokens_name(given["model"], given["dataset"]), wait_s=3600)
def encode_dataset(
    model: str, dataset: str, *, fast: bool = False, root: Path | None = None, progress: Listener = silent
) -> EncodeReport:
    """Write ``tokens/<model>--<dataset>/``; does nothing when it already holds the tokens of both as they are.

    Memory is one recording. fast: greedily and without the network (`Tokenizer.encode_fast`). Raises `DataError` for a
    model of other coefficients.
    """
    data = Dataset.open(dataset, root).whole()
    tokenizer, config = load_model(model, root)
    require_same_coefficients(config, data)
    path = (root or cache_root()) / "tokens" / tokens_name(model, dataset)
    if (found := _current(path, config["key"], data.key, _search(fast))) is not None:
        return EncodeReport(path=path, recordings=found["recordings"], frames=found["frames"], unchanged=True)
    artefact_path("tokens", path.name, root)
    if source := segment_source(data):
        _encode_whole(model, source.dataset, fast, root, progress)
    with atomic_directory(path) as folder:
        manifest = _write(tokenizer, config, data, folder, fast, root, progress)
    return EncodeReport(path=path, recordings=manifest["recordings"], frames=manifest["frames"], unchanged=False)


def _encode_whole(model: str, dataset: str, fast: bool, root: Path | None, progress: Listener) -> None:
    """The recordings that segments are of; where they are gone, segments are encoded by themselves."""
    with contextlib.suppress(DataError):
        encode_dataset(model, dataset, fast=fast, root=root, progress=progress)


def _search(fast: bool) -> str:
    return "fast" if fast else "full"


def _current(path: Path, model_key: str, dataset_key: str, search: str) -> dict | None:
    """The manifest of a cache that is whole and of this model, dataset and search, else None."""
    try:
        manifest = read_json(path / MANIFEST)
        same = (manifest["model_key"], manifest["dataset_key"], manifest["search"]) == (model_key, dataset_key, search)
        return manifest if same and all(file_sha256(path / n) == h for n, h in manifest["files"].items()) else None
    except (DataError, KeyError, OSError):
        return None


def _write(
    model: Tokenizer, config: dict, data: Dataset, folder: Path, fast: bool, root: Path | None, progress: Listener
) -> dict:
    stages, size = model.config.stages, len(model.quantizer.codewords)
    face = open_face(config["face"], root)
    gram = torch.as_tensor(
        face.gram * 1e6 if face.has_mesh else np.full_like(face.gram, np.nan),
        dtype=torch.float32,
        device=model.frame.device,
    )
    writer = TokenWriter(folder, stages=stages, codewords=size, levels=config["levels"])
    if (whole := whole_tokens(config["name"], data, root)) is not None:
        write_segment_tokens(writer, whole, data)
        return _close(writer, config, data, fast)
    done = 0
    for part in data.iter_frames():
        tokens, levels, _, error = encode_frames(
            model, part.psi[part.valid], gram, linked_frames(part.frame[part.valid]), fast
        )
        writer.add(
            part.recording,
            frame=part.frame[part.valid],
            time_s=part.time_s[part.valid],
            tokens=tokens,
            levels=levels,
            error_mm=error,
        )
        done += len(part.psi)
        progress(Progress(task="encoding", done=done, total=data.frame_count))
    return _close(writer, config, data, fast)


def _close(writer: TokenWriter, config: dict, data: Dataset, fast: bool) -> dict:
    return writer.close(
        {
            "model": config["name"],
            "dataset": data.name,
            "model_key": config["key"],
            "dataset_key": data.key,
            "key": f"{config['key']}-{data.key}" + ("-fast" if fast else ""),
            "search": _search(fast),
            "simulated": data.simulated,
            "recordings": len(data.recordings),
        }
    )


def encode_frames(
    model: Tokenizer, psi: np.ndarray, gram_mm: torch.Tensor, linked: np.ndarray | None = None, fast: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(T, E) ψ to tokens (T, N) uint16, levels (T, N) uint8, intensities (T, N) f32 and error (T,) f32 mm.

    gram_mm: (E, E) of the face, mm²: error is the root mean squared vertex distance of each frame. linked: (T,) bool,
    whether a frame follows the one before it; fast: see `Tokenizer.encode_batches`.
    """
    parts, start = [], 0
    for found in model.encode_batches(psi, linked, _BATCH, fast):
        batch = torch.as_tensor(np.ascontiguousarray(psi[start : start + _BATCH])).to(model.frame.device)
        left = batch - model.decode(found.tokens, found.intensities)
        left_mm = ((left @ gram_mm) * left).sum(1).clamp_min(0).sqrt()
        parts.append([x.cpu().numpy() for x in (found.tokens, found.levels, found.intensities, left_mm)])
        start += _BATCH
    if not parts:
        empty = np.empty((0, model.config.stages))
        return empty.astype(np.uint16), empty.astype(np.uint8), empty.astype(np.float32), np.empty(0, np.float32)
    tokens, levels, intensities, error = (np.concatenate(p) for p in zip(*parts, strict=True))
    return tokens.astype(np.uint16), levels.astype(np.uint8), intensities, error
