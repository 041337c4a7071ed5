"""The default codebook and all that the dashboard shows of it: simulated data, model, tokens, indexes, pictures, AUs.

Every step is skipped when what it makes is there and whole, so that a second run ends in seconds; what is corrupt is
made again.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from dfe_core.artefact_names import CHECKPOINT_FILE, CONFIG, MANIFEST, METRICS_FILE, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, cache_root, read_json
from dfe_core.workflow.step import PlannedStep, Whole
from dfe_core.workspace.catalogue import artefact_faults, find_artefact, remove_artefact

DATASET, MODEL, AUS = "simulated", "default", "derived"


def missing_steps(root: Path | None = None) -> list[PlannedStep]:
    """The steps whose result is not there or not whole, in order. Quick: no torch, no drawing."""
    root = root or cache_root()
    states = [step.present(root) for step in STEPS]
    return [step for step, present in zip(STEPS, states, strict=True) if not present]


def build_default(root: Path | None = None, progress: Listener = silent) -> list[str]:
    """Make what is missing; returns the titles of the steps done. A second process waits for the first."""
    root = root or cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with _only_one(root / ".default.lock", progress):
        plan = missing_steps(root)
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
    from dfe_core.faces.library import anny_id

    return _whole(f"faces/{anny_id()}", root)


def _build_face(root: Path, progress: Listener) -> None:
    from dfe_core.faces import open_face

    open_face("anny", root, progress)


def _has_model(root: Path) -> bool:
    """Whether the model is whole and of this version's format: one of an older format is trained again."""
    from dfe_core.tokenizer.codebook import SCHEMA_VERSION

    if not _whole(f"models/{MODEL}", root):
        return False
    return read_json(artefact_path("models", MODEL, root) / CONFIG).get("schema_version") == SCHEMA_VERSION


def _train(root: Path, progress: Listener) -> None:
    """Train, or go on from a checkpoint; a model or checkpoint that cannot be used makes room for a new one."""
    from dfe_core.training.fit import train_model

    folder = artefact_path("models", MODEL, root)
    if (folder / CONFIG).is_file():
        remove_artefact(find_artefact(f"models/{MODEL}", root), force=True, root=root)
    try:
        train_model(DATASET, MODEL, resume=True, root=root, progress=progress)
    except DataError as error:
        if not error.where.endswith(CHECKPOINT_FILE):
            raise
        remove_artefact(find_artefact(f"models/{MODEL}", root), force=True, root=root)
        train_model(DATASET, MODEL, root=root, progress=progress)


def _has_tokens(root: Path) -> bool:
    try:
        manifest = read_json(artefact_path("tokens", tokens_name(MODEL, DATASET), root) / MANIFEST)
        key = read_json(artefact_path("models", MODEL, root) / CONFIG)["key"]
        return (manifest["model_key"], manifest["dataset_key"]) == (
            key,
            Dataset.open(DATASET, root).stored_key,
        ) and _whole(f"tokens/{tokens_name(MODEL, DATASET)}", root)
    except (DataError, KeyError):
        return False


def _encode(root: Path, progress: Listener) -> None:
    from dfe_core.tokens.encoding import encode_dataset

    encode_dataset(MODEL, DATASET, root=root, progress=progress)


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


def _has_pictures(root: Path) -> bool:
    from dfe_core.faces import open_face
    from dfe_core.render.pictures import thumbnail_folder, thumbnails_ready
    from dfe_core.tokenizer.codebook import Codebook

    try:
        codebook = Codebook.open(MODEL, root)
        return thumbnails_ready(thumbnail_folder(codebook, open_face(codebook.face_id, root), root))
    except (DataError, KeyError):
        return False


def _draw(root: Path, progress: Listener) -> None:
    from dfe_core.faces import open_face
    from dfe_core.render.pictures import ensure_thumbnails
    from dfe_core.tokenizer.codebook import Codebook

    codebook = Codebook.open(MODEL, root)
    ensure_thumbnails(codebook, open_face(codebook.face_id, root), root, progress=progress)


def _has_aus(root: Path) -> bool:
    from dfe_core.facs.store import AlignedAus, list_aligned

    try:
        return AUS in list_aligned(DATASET, root) and AlignedAus.open(DATASET, AUS, root).matches(
            Dataset.open(DATASET, root)
        )
    except (DataError, KeyError):
        return False


def _derive_aus(root: Path, progress: Listener) -> None:
    from dfe_core.facs.derive import derive_aus

    derive_aus(Dataset.open(DATASET, root), AUS, root=root, progress=progress)


def _has_names(root: Path) -> bool:
    from dfe_core.facs.name_scores import checked_folder

    try:
        return (checked_folder(MODEL, DATASET, AUS, root) / MANIFEST).is_file()
    except (DataError, KeyError):
        return False


def _check_names(root: Path, progress: Listener) -> None:
    from dfe_core.facs.name_scores import check_names

    check_names(MODEL, DATASET, AUS, root=root, progress=progress)


STEPS = (
    PlannedStep(title="default face", seconds=40, task="face", present=_has_face, make=_build_face),
    PlannedStep(title="simulated performances", seconds=2, task="simulate", present=_has_dataset, make=_simulate),
    PlannedStep(title="training", seconds=40, task="training", present=_has_model, make=_train),
    PlannedStep(title="encoding", seconds=15, task="encoding", present=_has_tokens, make=_encode),
    PlannedStep(title="evaluation", seconds=25, task="evaluating", present=_has_metrics, make=_evaluate),
    PlannedStep(title="index of codewords", seconds=2, task="runs", present=_has_runs, make=_index),
    PlannedStep(title="pictures of codewords", seconds=10, task="thumbnails", present=_has_pictures, make=_draw),
    PlannedStep(title="derived AUs", seconds=3, task="derive AUs", present=_has_aus, make=_derive_aus),
    PlannedStep(title="names of codewords", seconds=8, task="checking names", present=_has_names, make=_check_names),
)
