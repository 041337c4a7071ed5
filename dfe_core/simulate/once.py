"""``dfe_core.simulate``: a simulated dataset that is made once and opened after that."""

from __future__ import annotations

from pathlib import Path

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, silent
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.effects import read_effect
from dfe_core.store import artefact_path


def simulate_once(
    name: str = "simulated",
    *,
    subjects: int = 40,
    minutes_per_subject: float = 4.0,
    seed: int = 0,
    effect: str | Path | None = None,
    root: Path | None = None,
    progress: Listener = silent,
) -> Dataset:
    """Simulate ``datasets/<name>``, or open it where it already holds the performances of these settings.

    Parameters
    ----------
    name
        Name of the dataset.
    subjects
        Number of people, two recordings each.
    minutes_per_subject
        Length of both recordings together, min.
    seed
        The same seed gives the same frames.
    effect
        A TOML file, or the name of a shipped one, that defines how conditions differ.
    root
        The artefact folder (default: ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress`.

    Returns
    -------
    Dataset
        With ``truth``: which action, when, how strong.

    Raises
    ------
    DataError
        When a dataset of this name was made with other settings, and for settings out of range.
    """
    if (artefact_path("datasets", name, root) / MANIFEST).is_file():
        dataset = Dataset.open(name, root)
        held = dataset.manifest.get("simulation") or {}
        asked = {"subjects": subjects, "minutes_per_subject": minutes_per_subject, "seed": seed}
        source = (held.get("effect") or {}).get("source")
        if any(held.get(key) != value for key, value in asked.items()) or source != read_effect(effect).source:
            raise DataError(
                name,
                "a dataset of this name exists, made otherwise",
                f"another name, or `dfe rm datasets/{name}` first",
            )
        return dataset
    return simulate_dataset(
        name,
        subjects=subjects,
        minutes_per_subject=minutes_per_subject,
        seed=seed,
        effect=effect,
        root=root,
        progress=progress,
    )
