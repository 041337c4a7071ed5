"""Gap models on disk: fitted once for a dataset, kept, and opened.

``analyses/gaps-<key>/`` holds network.safetensors, arrays.npz (spread, covariance, ridge) and, last, manifest.json with
the verdicts, the way chosen for every kind of gap, and the quantiles of the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfe_core.artefact import ArtefactId, OpenedArtefact, newest_first, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, FACES, GAPS, MANIFEST, is_face_file, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.gaps.settings import FillScore, GapSettings
from dfe_core.integrity import check, is_whole
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json

if TYPE_CHECKING:
    from dfe_core.gaps.model import GapModel

VERSION = 2
_NETWORK, _ARRAYS = "network.safetensors", "arrays.npz"


class GapModelFile(OpenedArtefact):
    """A gap model in the cache. Its manifest holds dataset, face, settings, blind, methods, quantiles and verdicts."""

    @property
    def dataset(self) -> str:
        """The dataset it was fitted to."""
        return str(self.manifest["dataset"])

    @property
    def verdicts(self) -> tuple[FillScore, ...]:
        """How every way of filling does on every kind of gap."""
        return tuple(FillScore(**row) for row in self.manifest["verdicts"])

    def model(self, face: FaceModel) -> GapModel:
        """The fitted model. face: that of its dataset."""
        from safetensors.torch import load_file

        from dfe_core.gaps.model import GapModel, new_network, parts_of, spread_of
        from dfe_core.gaps.rivals import GapRidge

        with np.load(check(self.path / _ARRAYS), allow_pickle=False) as stored:
            covariance, weights, straying = stored["covariance"], stored["ridge"], stored["straying"]
        blind = np.isin(face.names, self.manifest["blind"])
        network = new_network(face, covariance, self.manifest["settings"]["width"], 0)
        network.load_state_dict(load_file(check(self.path / _NETWORK)))
        return GapModel(
            scale=spread_of(covariance),
            straying=straying,
            covariance=covariance,
            observations=parts_of(face, covariance, blind),
            network=network.eval(),
            ridge=GapRidge(weights=weights),
            methods=self.manifest["methods"],
            quantiles=self.manifest["quantiles"],
            verdicts=self.verdicts,
        )


def open_gap_model(
    dataset: Dataset, settings: GapSettings | None = None, blind: Sequence[str] = ()
) -> GapModelFile | None:
    """The gap model of a dataset with these settings (None: the newest with any), if one has been fitted."""
    if settings is not None:
        path = _path(dataset, settings, blind)
        return GapModelFile(path) if is_whole(path) else None
    found = (GapModelFile(path) for path in newest_first(dataset.root / ANALYSES, GAPS) if is_whole(path))
    return next(
        (f for f in found if f.manifest["dataset_key"] == dataset.key and f.manifest["version"] == VERSION), None
    )


def find_gap_model(
    dataset: Dataset,
    face: FaceModel,
    settings: GapSettings,
    *,
    blind: Sequence[str] = (),
    progress: Listener = silent,
) -> GapModelFile:
    """Fit a gap model to a dataset, or open the one that was fitted with the same settings.

    blind: coefficients by name that are to be filled from the others.

    Raises `DataError` for an unknown coefficient, and as `fit_gap_model` does.
    """
    if unknown := [name for name in blind if name not in dataset.names]:
        raise DataError("--blind", ", ".join(unknown[:4]), f"coefficients of {dataset.face_id}")
    if (found := open_gap_model(dataset, settings, blind)) is not None:
        return found
    from safetensors.torch import save_file

    from dfe_core.gaps.fitting import fit_gap_model

    model = fit_gap_model(dataset, face, settings, blind=np.isin(dataset.names, blind), progress=progress)
    path = _path(dataset, settings, blind)
    with atomic_directory(path) as folder:
        save_file({k: v.contiguous() for k, v in model.network.state_dict().items()}, folder / _NETWORK)
        arrays: dict[str, Any] = {
            "covariance": model.covariance,
            "ridge": model.ridge.weights,
            "straying": model.straying,
        }
        np.savez(folder / _ARRAYS, **arrays)
        faces = [ArtefactId(FACES, face.id)] if is_face_file(face.id) else []
        about = {
            "version": VERSION,
            **source_labels(ArtefactId(DATASETS, dataset.name), *faces),
            "dataset": dataset.name,
            "dataset_key": dataset.key,
            "face": face.id,
            "simulated": dataset.simulated,
            "settings": asdict(settings),
            "blind": list(blind),
            "methods": dict(model.methods),
            "quantiles": {kind: dict(by) for kind, by in model.quantiles.items()},
            "verdicts": [asdict(verdict) for verdict in model.verdicts],
        }
        write_json(folder / MANIFEST, about)
    return GapModelFile(path)


def _path(dataset: Dataset, settings: GapSettings, blind: Sequence[str]) -> Path:
    key = content_key([VERSION, dataset.name, dataset.key, asdict(settings), list(blind)])
    return artefact_path(ANALYSES, keyed_name(GAPS, key), dataset.root)
