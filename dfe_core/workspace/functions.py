"""The functions of the public interface: recordings in, codebook trained, dataset encoded and evaluated."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, silent
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.workspace.study import Study

if TYPE_CHECKING:
    from dfe_core.groups.comparison import GroupComparison
    from dfe_core.tokenizer.config import Config

_WILDCARDS = "*?["
_SHOWN = 3


def open_dataset(name: str, root: str | Path | None = None) -> Dataset:
    """Open a dataset by name.

    Parameters
    ----------
    name
        Name of the dataset.
    root
        The artefact folder (default: ``$DFE_CACHE``).

    Returns
    -------
    Dataset
        Opened for reading; frames are read when asked for.

    Raises
    ------
    DataError
        When there is none of this name.
    """
    return Dataset.open(name, _folder(root))


def open_codebook(name: str, root: str | Path | None = None) -> Codebook:
    """Open a trained codebook by name.

    Parameters
    ----------
    name
        Name of the codebook.
    root
        The artefact folder (default: ``$DFE_CACHE``).

    Returns
    -------
    Codebook
        ``codebook[17]`` is one codeword.

    Raises
    ------
    DataError
        When there is none of this name, or its training has not finished.
    """
    return Codebook.open(name, _folder(root))


def import_recordings(
    paths: str | Path | Sequence[str | Path],
    *,
    name: str,
    face: str = "anny",
    labels: str | Path | None = None,
    events: str | Path | None = None,
    root: str | Path | None = None,
    progress: Listener = silent,
    **options: Any,
) -> Dataset:
    """Import recordings of other tools into one dataset, as ``dfe import``.

    Parameters
    ----------
    paths
        Files, folders or glob patterns (``"recordings/*.csv"``), one or several.
    name
        Name of the dataset to write.
    face
        ``anny``, ``ict:PATH``, ``flame:PATH``, ``bfm:PATH``, ``learn`` for landmarks and meshes, or ``none`` for action
        units alone (of any AU tool; they are kept under the tool's name).
    labels
        A table with a column recording or subject, and one column per label.
    events
        A table of events within recordings. Not supported yet: any value but None is refused.
    root
        The artefact folder (default: ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress`.
    **options
        Fields of `dfe_core.expressions.import_job.ImportOptions`: format (a name as in docs/formats.md; ``auto`` looks
        at each file), subject_pattern (a regular expression on file names whose first group is the subject), fps (Hz,
        of files without times, and what all others are resampled to), time (the column of times, and how many of its
        counts make a second: ``frame/60``), extractor (the tool that made the files, where they do not say),
        mix_extractors (accept several), pose_correction (``field`` removes what a static function of head pose explains
        of each person's movement; None: ``field`` for a learned face, ``none`` for coefficients), rest (``remove``
        subtracts each person's resting face from coefficients; a learned face is about rest always), simulated (no real
        face was recorded; pages and reports say so).

    Returns
    -------
    Dataset
        What was imported. Files that were left out are named in a `UserWarning`.

    Raises
    ------
    DataError
        When no file can be imported, a dataset of this name exists, or a pattern matches nothing.
    """
    if events is not None:
        raise DataError(
            "events",
            "tables of events are not supported yet",
            "None; labels of whole recordings can be given with labels=",
        )
    from dfe_core.expressions.importing import ImportOptions, import_dataset
    from dfe_core.facs.alone import import_aus_alone

    asked, files = ImportOptions(face=face, labels=labels, **options), expand_patterns(paths)
    if asked.faceless:
        report = import_aus_alone(files, name, asked, root=_folder(root), progress=progress).recordings
    else:
        report = import_dataset(files, name, asked, root=_folder(root), progress=progress)
    if report.skipped:
        shown = "; ".join(str(error) for _, error in report.skipped[:_SHOWN])
        more = len(report.skipped) - _SHOWN
        warnings.warn(
            f"{len(report.skipped)} files were not imported: {shown}" + (f"; and {more} more" if more > 0 else ""),
            stacklevel=2,
        )
    return Dataset.open(name, _folder(root))


def compare_aus(
    dataset: Dataset | str,
    aus: str,
    by: str,
    *,
    root: str | Path | None = None,
    progress: Listener = silent,
    **settings: Any,
) -> GroupComparison:
    """Test whether the use of action units differs between groups, as ``dfe groups aus:NAME``; no codebook is needed.

    Parameters
    ----------
    dataset
        Opened, or its name.
    aus
        Name of the AUs: the tool's, where they were imported alone.
    by
        A label column of 2 to 10 levels.
    root
        The artefact folder (default: ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress`.
    **settings
        Fields of `dfe_core.groups.comparison.GroupSettings`: unit, permutations, resamples, seed.

    Returns
    -------
    GroupComparison
        ``table`` has one row per AU and side, measure and pair of levels.

    Raises
    ------
    DataError
        For AUs that are not there, an unknown label, and one with too few or too many levels.
    """
    from dfe_core.facs.store import AlignedAus
    from dfe_core.groups.comparison import GroupSettings, compare_au_groups

    data = Dataset.open(dataset, _folder(root)) if isinstance(dataset, str) else dataset
    found = AlignedAus.open(data.name, aus, data.path.parent.parent)
    return compare_au_groups(found, data, GroupSettings(by=by, **settings), progress)


def expand_patterns(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Files and folders of paths and glob patterns (``**`` for any depth), patterns in alphabetical order.

    Raises `DataError` for a pattern without a match, and for no path at all.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise DataError("paths", "none given", "files, folders or glob patterns")
    return [path for entry in given for path in _expanded(Path(entry).expanduser())]


def _expanded(path: Path) -> list[Path]:
    if path.exists() or not any(sign in str(path) for sign in _WILDCARDS):
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))
    if not matches:
        raise DataError(path, "no file matches this pattern", "a pattern that does, relative to the working directory")
    return [Path(match) for match in matches]


def train(
    data: Dataset | str,
    *,
    name: str,
    seed: int = 0,
    config: Config | str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    root: str | Path | None = None,
    progress: Listener = silent,
) -> Codebook:
    """Train a codebook on the training subjects of a dataset, as ``dfe train``.

    Parameters
    ----------
    data
        A dataset, or its name.
    name
        Name of the codebook to write.
    seed
        The same seed gives the same codebook on the same machine.
    config
        A `Config` (whose own seed counts), or a TOML file with differences from the default.
    settings
        Single fields by dotted name, ``{"tokenizer.codewords": 64, "train.steps": 500}``.
    resume
        Continue from the last checkpoint, where there is one.
    root
        The artefact folder (default: that of `data`).
    progress
        Called with `dfe_core.progress.Progress`.

    Returns
    -------
    Codebook
        The trained codebook, opened.

    Raises
    ------
    DataError
        When a codebook of this name exists, for too few frames, and for wrong settings.
    """
    from dfe_core.tokenizer.config import Config, load_config
    from dfe_core.training.fit import train_model

    if not isinstance(config, Config):
        overrides = {"seed": seed, **(settings or {})}
        config = load_config(Path(config) if config is not None else None, overrides)
    elif settings:
        raise DataError("settings", "given beside a Config", "one or the other")
    folder = _folder(root) or _root_of_dataset(data)
    train_model(_name(data), name, config=config, resume=resume, root=folder, progress=progress)
    return Codebook.open(name, folder)


def encode(
    codebook: Codebook | str, data: Dataset | str, *, root: str | Path | None = None, progress: Listener = silent
) -> Study:
    """Turn every valid frame of a dataset into tokens, where that has not been done yet.

    Parameters
    ----------
    codebook, data
        Opened, or their names.
    root
        The artefact folder (default: that of an opened one, else ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress`.

    Returns
    -------
    Study
        The codebook over the dataset.

    Raises
    ------
    DataError
        When either is missing, or when they are of different faces.
    """
    return Study(codebook, data, root=root, progress=progress)


def evaluate(
    codebook: Codebook | str,
    data: Dataset | str,
    *,
    split: str = "test",
    root: str | Path | None = None,
    progress: Listener = silent,
) -> dict[str, Any]:
    """Measure a codebook on held-out subjects of a dataset: `Study.evaluate`, without keeping tokens.

    Parameters
    ----------
    codebook, data
        Opened, or their names.
    split
        Subjects to measure on: ``test``, ``validation``, ``train`` or ``all``.
    root
        The artefact folder (default: that of an opened dataset, else ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress`.

    Returns
    -------
    dict
        The JSON of ``dfe evaluate``: rmse_mm (mm), bits_per_frame, explained_variance, baselines …

    Raises
    ------
    DataError
        When either is missing, and for a split without a valid frame.
    """
    from dfe_core.evaluation.evaluate import evaluate_codebook
    from dfe_core.faces import open_face

    folder = _folder(root) or _root_of_dataset(data)
    data = Dataset.open(data, folder) if isinstance(data, str) else data
    codebook = Codebook.open(codebook, folder) if isinstance(codebook, str) else codebook
    face = open_face(codebook.face_id, folder)
    return evaluate_codebook(codebook, data, face, split=split, root=folder, progress=progress)


def _folder(root: str | Path | None) -> Path | None:
    return None if root is None else Path(root).expanduser()


def _root_of_dataset(data: Dataset | str) -> Path | None:
    return None if isinstance(data, str) else data.path.parent.parent


def _name(artefact: Dataset | Codebook | str) -> str:
    if isinstance(artefact, str):
        return artefact
    return artefact.name if isinstance(artefact, Dataset) else artefact.model
