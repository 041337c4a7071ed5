"""The table of a measurement of identity: worked out once, kept, and opened; and datasets written without it.

``analyses/privacy-<key>/`` holds table.parquet and, last, manifest.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, MANIFEST, MODELS, PRIVACY, keyed_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.faces import open_face
from dfe_core.integrity import check, is_whole
from dfe_core.privacy.measure import TokenWindows, leaks, probe_costs, psi_map, surviving_label, token_windows
from dfe_core.privacy.settings import NOTHING, PSI_WAYS, PrivacySettings
from dfe_core.probes import scores
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.storage import load_model, require_same_coefficients

VERSION = 2
_TABLE = "table.parquet"


@dataclass(frozen=True, eq=False, kw_only=True)
class PrivacyResult:
    """What attackers find and a probe loses.

    Attributes
    ----------
    settings: what was asked for.
    table: a row a way and attacker: way, attacker, leak, low, high, change, change_low, change_high (of `Leak`), moved
        (mm), and of the probe: score, score_low, score_high, cost, cost_low, cost_high, NaN without a label.
    facts: subjects, windows, chance, split (how attackers were tested), simulated, metric, units, sealed, unit.
    """

    settings: PrivacySettings
    table: pd.DataFrame
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values, not a number as null."""
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        return {"settings": self.settings.as_dict(), **self.facts, "rows": rows}


def measure_privacy(settings: PrivacySettings, root: Path | None = None, progress: Listener = silent) -> PrivacyResult:
    """Measure it, or open what was measured before of the same artefacts.

    Raises `DataError` for fewer than two subjects, recordings shorter than a window, and a label that tells nothing.
    """
    dataset, codebook = Dataset.open(settings.dataset, root), Codebook.open(settings.model, root)
    labels = dataset.recordings.astype(str).to_dict("list")
    key = content_key([VERSION, settings.as_dict(), codebook.key, dataset.key, labels, sorted(dataset.sealed)])
    path = artefact_path(ANALYSES, keyed_name(PRIVACY, key), root)
    if is_whole(path):
        return PrivacyResult(
            settings=settings, table=pd.read_parquet(check(path / _TABLE)), facts=read_json(path / MANIFEST)["facts"]
        )
    result = _work_out(settings, dataset, codebook, root, progress)
    sources = ArtefactId(MODELS, settings.model), ArtefactId(DATASETS, settings.dataset)
    with atomic_directory(path) as folder:
        result.table.to_parquet(folder / _TABLE, index=False)
        about = {"version": VERSION, **source_labels(*sources), "settings": settings.as_dict(), "facts": result.facts}
        write_json(folder / MANIFEST, about)
    return result


def _work_out(
    settings: PrivacySettings, dataset: Dataset, codebook: Codebook, root: Path | None, progress: Listener
) -> PrivacyResult:
    face = open_face(codebook.face_id, root)
    model, config = load_model(settings.model, root)
    require_same_coefficients(config, dataset)
    probe = surviving_label(dataset, settings) if settings.label else None
    windows: dict[str, TokenWindows] = {}
    for way in PSI_WAYS:
        if way in settings.ways:
            progress(Progress(task="encoding without habits", done=len(windows), total=len(PSI_WAYS), detail=way))
            change = psi_map(way, dataset, face, settings, progress)
            windows[way] = token_windows(model, dataset, face, change, settings)
    found = leaks(windows, settings, progress)
    costs = probe_costs(windows, *probe, settings.ways) if probe else {}
    plain = windows[NOTHING]
    rows = []
    for (way, attacker), leak in found.items():
        cost = asdict(costs[way]) if way in costs else {}
        rows.append(
            {
                "way": way,
                "attacker": attacker,
                **asdict(leak),
                "moved": windows[way].moved if way in windows else 0.0,
                **{name: cost.get(name, np.nan) for name in ("score", "score_low", "score_high")},
                **{name.replace("change", "cost"): cost.get(name, np.nan) for name in _CHANGES},
            }
        )
    people = len(np.unique(plain.subject))
    facts = {
        "model": settings.model,
        "dataset": settings.dataset,
        "simulated": dataset.simulated,
        "subjects": people,
        "windows": len(plain.subject),
        "chance": 1 / people,
        "split": plain.split,
        "unit": "mm" if face.has_mesh else "coefficients",
        "metric": scores.PRIMARY[probe[0].task] if probe else "",
        "units": int(probe[0].n) if probe else 0,
        "sealed": facts_under_seal(
            dataset, probe[0].table["subject"].astype(str), "privacy", settings.label, codebook.key
        )
        if probe
        else None,
    }
    return PrivacyResult(settings=settings, table=pd.DataFrame(rows), facts=facts)


_CHANGES = ("change", "change_low", "change_high")


@audited("attenuate identity", DATASETS)
def write_attenuated(dataset: Dataset, way: str, name: str, settings: PrivacySettings, root: Path | None = None) -> int:
    """Write ``datasets/<name>`` as `dataset`, what one way of `PSI_WAYS` does done to ψ; returns the frames.

    Raises `DataError` for a way that does not act on ψ.
    """
    if way not in PSI_WAYS or way == NOTHING:
        raise DataError(f"--write {name}", f"--way {way}", "one of " + ", ".join(PSI_WAYS[1:]))
    change = psi_map(way, dataset, open_face(dataset.face_id, dataset.root), settings)
    whole = dataset.whole()
    names = whole.recordings["recording"].astype(str).tolist()
    about = {k: v for k, v in whole.manifest.items() if k not in ("pose_leak", "key", "name")}
    note = f"Identity attenuated ({way}) from {dataset.name}; people can still be identified from it."
    frames = 0
    with open_writer(name, whole.names, root) as writer:
        for recording in map(whole.recording, names):
            psi = recording.psi.copy()
            psi[recording.valid] = change(recording.name, recording.psi[recording.valid])
            writer.add(replace(recording, psi=psi))
            frames += len(psi)
        writer.close(
            {**about, "name": name, "notes": [*about.get("notes", []), note], "attenuated": way},
            whole.truth,
            whole.stored_recordings,
        )
    return frames
