"""The micro-expressions of a dataset, kept: what is spotted, how well, and which classes are recognised.

``analyses/micro-<key>/`` holds spotted.parquet and missed.parquet (`spotting.SpottingResult`), coded.parquet (the
windows), one predictions-<left out>.parquet a protocol (`micro.MicroResult.windows`), and, last, manifest.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.artefact import OpenedArtefact, newest_first, source_labels, sources_of_tokens
from dfe_core.artefact_names import MANIFEST, MICRO, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import open_face
from dfe_core.integrity import is_whole, seal
from dfe_core.probes.micro import CHANGE, CORPUS, SUBJECT, MicroSettings, probe_micro
from dfe_core.probes.micro_windows import read_windows
from dfe_core.probes.spotting import spot
from dfe_core.probes.spotting_candidates import SpottingSettings
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

VERSION = 1
_COLUMNS = ("recording", "onset_s", "apex_s", "offset_s", "label")


@dataclass(frozen=True, kw_only=True)
class MicroReportSettings:
    """What is searched and recognised.

    Attributes
    ----------
    windows: CSV of coded intervals, as `MicroSettings.windows`; empty: spotting alone, by the usual threshold.
    label, corpus, features, sequence, sequence_of, align, others: as in `MicroSettings`.
    threshold: as in `SpottingSettings`.
    """

    model: str
    dataset: str
    windows: str = ""
    label: str = "emotion"
    corpus: str = ""
    features: tuple[str, ...] = (CHANGE, "bow", "psi")
    sequence: tuple[str, ...] = ()
    sequence_of: str = CHANGE
    align: bool = False
    others: tuple[str, ...] = ()
    threshold: float | None = None
    resamples: int = 500
    permutations: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        _ = self.probe(SUBJECT).probe  # settings that no windows could be probed with are refused at once

    def probe(self, leave_out: str) -> MicroSettings:
        """The settings of the probe of one protocol."""
        own = {field.name for field in fields(MicroSettings)}
        shared = {name: value for name, value in vars(self).items() if name in own}
        return MicroSettings(leave_out=leave_out, **shared)


@dataclass(frozen=True)
class MicroReport(OpenedArtefact):
    """A finished report. Its manifest holds settings, spotting (facts, scores, warnings), recognition by protocol, and
    refused: why there is no more of it."""

    path: Path

    @cached_property
    def spotted(self) -> pd.DataFrame:
        """As `SpottingResult.spotted`."""
        return pd.read_parquet(self.path / "spotted.parquet")

    @cached_property
    def missed(self) -> pd.DataFrame:
        """As `SpottingResult.missed`."""
        return pd.read_parquet(self.path / "missed.parquet")

    @cached_property
    def coded(self) -> pd.DataFrame:
        """The coded windows: recording, onset_s, apex_s, offset_s (s), label; none where nothing is coded."""
        return pd.read_parquet(self.path / "coded.parquet")

    @property
    def protocols(self) -> list[str]:
        """What was left out in turn: ``subject``, ``corpus``."""
        return list(self.manifest["recognition"])

    def recognition(self, leave_out: str) -> dict[str, Any]:
        """The JSON of `MicroResult` of a protocol."""
        return self.manifest["recognition"][leave_out]

    def predictions(self, leave_out: str) -> pd.DataFrame:
        """As `MicroResult.windows` of a protocol."""
        return pd.read_parquet(self.path / f"predictions-{leave_out}.parquet")

    def to_json(self) -> dict[str, Any]:
        """What the manifest holds, with the intervals."""
        kept = {k: self.manifest[k] for k in ("settings", "spotting", "recognition", "refused")}
        return kept | {"spotted": json_rows(self.spotted), "missed": json_rows(self.missed)}


def micro_report(settings: MicroReportSettings, root: Path | None = None, progress: Listener = silent) -> MicroReport:
    """Spot and recognise the micro-expressions of a dataset, or open what was found with the same settings.

    Raises `DataError` for windows that are none (`micro_windows.read_windows`) and recordings that are too slow.
    """
    data, tokens = Dataset.open(settings.dataset, root), TokenCache.open(settings.model, settings.dataset, root)
    coded = read_windows(Path(settings.windows), data, settings.label) if settings.windows else None
    path = _path(settings, data, tokens, coded, root)
    if is_whole(path):
        return MicroReport(path)
    face = open_face(Codebook.open(settings.model, root).face_id, root)
    asked = SpottingSettings(threshold=settings.threshold, resamples=settings.resamples, seed=settings.seed)
    spotting = spot(data, face, coded, asked, progress)
    recognition, refused = _recognised(settings, root, progress) if settings.windows else ({}, "")
    with atomic_directory(path) as folder:
        spotting.spotted.assign(hit=spotting.spotted["hit"].astype("boolean")).to_parquet(folder / "spotted.parquet")
        spotting.missed.to_parquet(folder / "missed.parquet")
        _coded(coded, settings.label).to_parquet(folder / "coded.parquet")
        for leave_out, result in recognition.items():
            result.windows.to_parquet(folder / f"predictions-{leave_out}.parquet")
        held = spotting.to_json()
        about = {
            "version": VERSION,
            **source_labels(*sources_of_tokens(settings.model, settings.dataset)),
            "model": settings.model,
            "dataset": settings.dataset,
            "simulated": data.simulated,
            "settings": asdict(settings),
            "spotting": {k: v for k, v in held.items() if k not in ("spotted", "missed")},
            "recognition": {name: result.to_json() for name, result in recognition.items()},
            "refused": refused,
            "tokens": content_key(tokens.manifest),
        }
        write_json(folder / MANIFEST, about)
        seal(folder)
    return MicroReport(path)


def list_micro_reports(tokens: TokenCache, root: Path | None = None) -> Iterator[MicroReport]:
    """Every finished report of these tokens by this version, the newest first."""
    parent, key = artefact_path("analyses", "x", root).parent, content_key(tokens.manifest)
    for folder in newest_first(parent, MICRO):
        if is_whole(folder):
            made = MicroReport(folder)
            if (made.manifest["version"], made.manifest["tokens"]) == (VERSION, key):
                yield made


def _recognised(settings: MicroReportSettings, root: Path | None, progress: Listener) -> tuple[dict[str, Any], str]:
    """Results by protocol; or why these windows cannot be recognised, which spotting does not need."""
    made: dict[str, Any] = {}
    for leave_out in (SUBJECT, CORPUS) if settings.corpus else (SUBJECT,):
        try:
            made[leave_out] = probe_micro(settings.probe(leave_out), root, progress)
        except DataError as error:
            return made, str(error)
    return made, ""


def _coded(coded: pd.DataFrame | None, label: str) -> pd.DataFrame:
    if coded is None:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in _COLUMNS})
    table = coded.rename(columns={"start_s": "onset_s", "end_s": "offset_s", label: "label"})
    return table[list(_COLUMNS)].assign(label=table["label"].astype(str))


def _path(
    settings: MicroReportSettings, data: Dataset, tokens: TokenCache, coded: pd.DataFrame | None, root: Path | None
) -> Path:
    asked = {k: v for k, v in asdict(settings).items() if k != "windows"}
    rows = "" if coded is None else coded.to_csv(index=False)
    key = content_key(["micro", VERSION, asked, rows, data.key, sorted(data.sealed), content_key(tokens.manifest)])
    return artefact_path("analyses", keyed_name(MICRO, key), root)
