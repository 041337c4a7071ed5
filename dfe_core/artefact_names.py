"""Names of artefacts and of the files in them: the one place that says how the cache is laid out.

What is in a file, the module that writes it says. Existing caches depend on every name here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KINDS = ("faces", "datasets", "models", "tokens", "analyses", "renders")
"""Folders of a cache, each of artefacts by name; an artefact is made from artefacts of earlier kinds."""
FACES, DATASETS, MODELS, TOKENS, ANALYSES, RENDERS = KINDS

MANIFEST, CONFIG = "manifest.json", "config.json"
"""Written last: without it (models: config.json) the artefact does not exist."""
RECORDINGS_FILE, FRAMES_FILE = "recordings.parquet", "frames.parquet"
EXTRAS_FILE, TRUTH_FILE, VIDEOS_FILE = "extras.parquet", "truth.parquet", "videos.json"
"""Files of a dataset."""
RECORDING_KEYS_FILE = "keys.parquet"
"""Of a dataset: the content key of every recording."""
WEIGHTS_FILE, CODEWORDS_FILE, CHECKPOINT_FILE = "model.safetensors", "codewords.parquet", "checkpoint.safetensors"
HISTORY_FILE, LEARNING_FILE, METRICS_FILE, NOTES_FILE, WITHDRAWN_FILE = (
    "history.jsonl",
    "learning.json",
    "metrics.json",
    "notes.json",
    "withdrawals.json",
)
"""Files of a model."""
STABILITY_FILE = "stability.json"
"""Of a model: which of its codewords come back with other seeds."""
TOKENS_FILE, COUNTS_FILE = "tokens.parquet", "counts.parquet"
"""Files of a token cache."""
ENCODED_FILE = "encoded.parquet"
"""Of a token cache: the recordings that it holds and the content keys that they had."""
AUS_FILE, EVENTS_FILE = "aus.parquet", "events.parquet"
"""Files of action units joined to a dataset, and of its events."""

STORE_FILE, REMOTE_FILE = "store.json", "remote.json"
"""Of a cache: the bucket that it belongs to. Of a dataset and of tokens: where in it their large files are."""

SEPARATOR = "--"
"""Stands between the names of what an artefact is made from; a new dataset or model has none in its own name."""
AUS_PREFIX, EVENTS_PREFIX = f"aus{SEPARATOR}", f"events{SEPARATOR}"
EXCLUDED = "excluded"
"""The name of a dataset's set of events that no figure counts."""
PROBE, MAP, ALIGNMENT, COVERAGE, INTERVALS = "probe", "map", "alignment", "coverage", "runs"
MATERIAL, IDENTITY, DUPLICATES, FACE_INDEX = "probe-material", "leak", "duplicates", "moments"
BLIND_SPOTS, CODEWORD_NAMES, TRAINING_FRAMES, EXTRACTION = "blind", "names", "frames", "extract"
COUNTED_TOKENS, SYLLABLES, GAPS, MICRO, ASYMMETRY = "counted", "syllables", "gaps", "micro", "asymmetry"
ROBUSTNESS, PRIVACY, TRANSITIONS = "robustness", "privacy", "transitions"
"""Prefixes of analyses: ``<prefix>-<content key>``."""
THUMBNAILS, STILLS = "codewords", "stills"
"""Prefixes of renders."""
_REPORT_LENGTH = 100


def manifest_name(kind: str) -> str:
    """The file without which an artefact of this kind does not exist."""
    return CONFIG if kind == MODELS else MANIFEST


def tokens_name(model: str, dataset: str) -> str:
    """The folder under ``tokens/`` of a model's tokens on a dataset."""
    return f"{model}{SEPARATOR}{dataset}"


def split_tokens_name(name: str, manifest: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """(model, dataset) of a folder under ``tokens/``.

    manifest: its manifest, which decides where a name of an older version of dfe holds ``--``.
    """
    named = tuple(str((manifest or {}).get(field)) for field in ("model", "dataset"))
    if SEPARATOR.join(named) == name:
        return named[0], named[1]
    model, _, dataset = name.partition(SEPARATOR)
    return model, dataset


NO_FACE = "none"
"""In the place of a face's id: a dataset of action units alone, which no face shows."""


def is_face_file(face_id: str) -> bool:
    """Whether a face is an artefact of the cache: none is, and coefficients without a mesh are made from their name."""
    return face_id != NO_FACE and not re.fullmatch(r"flame-\d{1,3}\+jaw|bfm-\d+", face_id)


AUS_ALONE = "aus:"
"""Before the name of AUs, in the place of a codebook: probes and group tables of AUs alone."""


def aus_alone(model: str) -> str:
    """The AUs that stand in the place of a codebook (``aus:openface``), empty where a codebook is named."""
    return model.removeprefix(AUS_ALONE) if model.startswith(AUS_ALONE) else ""


def aus_name(dataset: str, name: str) -> str:
    """The folder under ``analyses/`` of the action units `name` of `dataset`."""
    return f"{AUS_PREFIX}{dataset}{SEPARATOR}{name}"


def is_aus(name: str) -> bool:
    """Whether a folder under ``analyses/`` holds action units, which cannot be made again from the rest."""
    return name.startswith(AUS_PREFIX)


def events_name(dataset: str, name: str) -> str:
    """The folder under ``analyses/`` of the set of events `name` of `dataset`."""
    return f"{EVENTS_PREFIX}{dataset}{SEPARATOR}{name}"


def is_events(name: str) -> bool:
    """Whether a folder under ``analyses/`` holds events, which cannot be made again from the rest."""
    return name.startswith(EVENTS_PREFIX)


RATINGS_PREFIX = f"ratings{SEPARATOR}"


def ratings_name(name: str) -> str:
    """The folder under ``analyses/`` of the rating study `name`."""
    return f"{RATINGS_PREFIX}{name}"


def is_ratings(name: str) -> bool:
    """Whether a folder under ``analyses/`` is a rating study, whose answers cannot be made again from the rest."""
    return name.startswith(RATINGS_PREFIX)


def keyed_name(prefix: str, key: str) -> str:
    """The name of an analysis or render that is addressed by the content key of its inputs."""
    return f"{prefix}-{key}"


def coverage_report_name(model: str, dataset: str, aus: str) -> str:
    """The folder under ``analyses/`` of the coverage report that the dashboard writes."""
    return SEPARATOR.join(("report", model, dataset, aus))[:_REPORT_LENGTH]


def study_report_name(name: str) -> str:
    """The folder under ``analyses/`` of the supplement of a study that the dashboard runs."""
    return SEPARATOR.join(("study", name))[:_REPORT_LENGTH]


def groups_report_name(key: str) -> str:
    """The folder under ``analyses/`` of a comparison of groups that the dashboard asks for, by its content key."""
    return f"groups-{key}"


def conversations_report_name(key: str) -> str:
    """The folder under ``analyses/`` of an analysis of conversations that the dashboard asks for, by its key."""
    return f"conversations-{key}"


def curves_report_name(key: str) -> str:
    """The folder under ``analyses/`` of curves around events that the dashboard asks for, by its content key."""
    return f"curves-{key}"


def probe_report_name(model: str, dataset: str, key: str) -> str:
    """The folder under ``analyses/`` of a probe report that the dashboard writes."""
    return f"probe-report-{model}{SEPARATOR}{dataset}"[:80] + f"-{key}"
