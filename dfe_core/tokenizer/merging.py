"""Codewords merged: a codebook of its own in which the most used of each group stands for all of it.

The codebook that was merged stays as it is: to undo a merge, remove what it made. Frames are encoded anew, so that what
the others said is said by those that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, MODELS, WEIGHTS_FILE
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.integrity import check, seal
from dfe_core.store import artefact_path, atomic_directory, file_sha256, require_new_name, write_json
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.storage import load_model

MERGED = "merged"
"""The field of config.json that says what was merged: from, key and mapping (new codeword of each old one)."""
_OF_CODEWORDS = ("codewords", "stride", "partner", "bits", "counts", "overlap", "target")


@audited("merge", MODELS, wait_s=20.0)
def merge_codewords(model: str, groups: Sequence[Sequence[int]], name: str, root: Path | None = None) -> Path:
    """Write ``models/<name>``: the codebook with each group of codewords merged into the first of the group.

    Parameters
    ----------
    groups: codewords that become one, the one that stays first; others stay as they are.

    Returns
    -------
    The folder. Its config.json has the new number of every old codeword.

    Raises `DataError` for a codeword that is not there, one in two groups, and rest.
    """
    tokenizer, config = load_model(model, root, "cpu")
    size = tokenizer.quantizer.size
    _check(groups, size, model)
    gone = {k: group[0] for group in groups for k in group[1:]}
    kept = [k for k in range(size) if k not in gone]
    place = {old: new for new, old in enumerate(kept)}
    mapping = [place[gone.get(k, k)] for k in range(size)]
    state = {key: value.detach().cpu() for key, value in tokenizer.state_dict().items()}
    for field in _OF_CODEWORDS:
        key = f"quantizer.{field}"
        state[key] = _merged(field, state[key], kept, mapping)
    folder = require_new_name(MODELS, name, root)
    with atomic_directory(folder) as temporary:
        save_file({key: value.contiguous() for key, value in state.items()}, temporary / WEIGHTS_FILE)
        _table(artefact_path(MODELS, model, root), kept, mapping).to_parquet(temporary / CODEWORDS_FILE, index=False)
        write_json(temporary / CONFIG, _config(config, name, temporary, len(kept), mapping))
        seal(temporary, (CODEWORDS_FILE, CONFIG, WEIGHTS_FILE))
    return folder


def merged_from(config: dict[str, Any]) -> dict[str, Any] | None:
    """from, key and mapping of a codebook that was made by merging, None of any other."""
    return config.get(MERGED)


def _check(groups: Sequence[Sequence[int]], size: int, model: str) -> None:
    members = [k for group in groups for k in group]
    if not groups or any(len(group) < 2 for group in groups):
        raise DataError(model, "nothing to merge", "groups of two or more codewords, or a smaller --cosine")
    wrong = [k for k in members if not REST < k < size]
    if wrong:
        raise DataError(model, f"codeword {wrong[0]}", f"1 to {size - 1}")
    if len(set(members)) < len(members):
        double = next(k for k in members if members.count(k) > 1)
        raise DataError(model, f"codeword {double} in two groups", "each codeword once")


def _merged(field: str, values: Tensor, kept: list[int], mapping: list[int]) -> Tensor:
    """One tensor of the quantizer for the codewords that are left."""
    rows = torch.tensor(kept)
    into = torch.tensor(mapping)
    if field == "partner":
        part = values[rows]
        return torch.where(part >= 0, into[part.clamp_min(0)], part)
    if field == "counts":
        return torch.zeros(len(kept), values.shape[1], dtype=values.dtype).index_add_(0, into, values)
    if field == "bits":  # code lengths of what stands for several are those of their summed frequencies
        share = torch.zeros(len(kept), values.shape[1], dtype=torch.float64)
        share.index_add_(0, into, torch.exp2(-values.double()))
        merged = -torch.log2(share.clamp(1e-30, 1.0)).to(values.dtype)
        alone = torch.bincount(into, minlength=len(kept)) == 1
        merged[alone] = values[rows][alone]
        merged[:, 0] = values[rows][:, 0]
        return merged
    return values[rows][:, rows] if field == "overlap" else values[rows]


def _table(folder: Path, kept: list[int], mapping: list[int]) -> pd.DataFrame:
    old = pd.read_parquet(check(folder / CODEWORDS_FILE))
    table = old.iloc[kept].reset_index(drop=True)
    summed: dict[str, np.ndarray] = {}
    if "uses" in old:
        summed["uses"] = np.bincount(mapping, old["uses"].to_numpy(float), len(kept)).astype(np.int64)
    return table.assign(codeword=np.arange(len(kept)), **summed)


def _config(config: dict[str, Any], name: str, folder: Path, size: int, mapping: list[int]) -> dict[str, Any]:
    key = file_sha256(folder / WEIGHTS_FILE)[:16]
    merged = {"from": config["name"], "key": config["key"], "mapping": mapping}
    tokenizer = {**config["tokenizer"], "codewords": size}
    return {**config, "name": name, "key": key, "tokenizer": tokenizer, MERGED: merged}
