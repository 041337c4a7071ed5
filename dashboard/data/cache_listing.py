"""What the cache holds, in the words of its readers: what each artefact is, of what, and the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfe_core import artefact_names
from dfe_core.artefact import Artefact
from dfe_core.artefact_names import ANALYSES, DATASETS, FACES, MODELS, RENDERS, SEPARATOR, TOKENS, split_tokens_name
from dfe_core.workspace.catalogue import catalogue

from ..links import query_parameters

_KINDS = {FACES: "Face", DATASETS: "Dataset", MODELS: "Codebook", TOKENS: "Tokens", RENDERS: "Pictures"}
_ANALYSES = {
    artefact_names.AUS_PREFIX: "Action units",
    artefact_names.EVENTS_PREFIX: "Events",
    artefact_names.RATINGS_PREFIX: "Rating study",
    f"report{SEPARATOR}": "Coverage report",
    f"study{SEPARATOR}": "Supplement of a study",
    "probe-report-": "Report of a probe",
    f"{artefact_names.MATERIAL}-": "Features of probes",
    f"{artefact_names.PROBE}-": "Probe",
    f"{artefact_names.MAP}-": "Map",
    f"{artefact_names.ALIGNMENT}-": "Moments aligned with words",
    f"{artefact_names.COVERAGE}-": "Coverage",
    f"{artefact_names.INTERVALS}-": "Index of intervals",
    f"{artefact_names.IDENTITY}-": "Identity in tokens",
    f"{artefact_names.DUPLICATES}-": "Search for duplicates",
    f"{artefact_names.FACE_INDEX}-": "Index of faces",
    f"{artefact_names.BLIND_SPOTS}-": "Blind spots of action units",
    f"{artefact_names.CODEWORD_NAMES}-": "Names of codewords",
    f"{artefact_names.TRAINING_FRAMES}-": "Frames for training",
    f"{artefact_names.EXTRACTION}-": "Faces of a video",
    f"{artefact_names.COUNTED_TOKENS}-": "Counted tokens",
    f"{artefact_names.ASYMMETRY}-": "Asymmetry",
    "groups-": "Comparison of groups",
    "curves-": "Codewords around events",
    "conversations-": "Conversations",
    "clips-": "Clips of a codeword",
}
"""Beginnings of names of analyses, longer ones before those that they begin with."""
_PAGES = {
    "Dataset": "data",
    "Codebook": "codebook",
    "Tokens": "recordings",
    "Action units": "coverage",
    "Coverage": "coverage",
    "Coverage report": "coverage",
    "Events": "recordings",
    "Probe": "probes",
    "Report of a probe": "probes",
    "Map": "map",
    "Comparison of groups": "groups",
    "Codewords around events": "groups",
    "Conversations": "conversations",
    "Asymmetry": "asymmetry",
    "Moments aligned with words": "probes",
    "Rating study": "raters",
}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An artefact as a row. kind: what it is. title: its own name, empty where it has none. model, dataset: what it is
    of, empty where it is of none. page: where it is shown, empty where nowhere. at_need: whether it is made again when
    it is needed."""

    artefact: Artefact
    kind: str
    title: str
    model: str
    dataset: str
    page: str
    at_need: bool

    @property
    def of(self) -> str:
        """Codebook and dataset that it is of."""
        return " · ".join(name for name in (self.model, self.dataset) if name)

    @property
    def words(self) -> str:
        """What it is, in a line."""
        return " ".join(part for part in (self.kind, f"“{self.title}”" if self.title else "") if part) + (
            f" of {self.of}" if self.of else ""
        )

    def parameters(self) -> dict[str, Any]:
        """What a link to its page carries."""
        found: dict[str, Any] = {"model": self.model or None, "dataset": self.dataset or None}
        if self.kind == "Action units":
            found["aus"] = self.title
        return query_parameters.link(**found)


def listed(root: Path) -> list[Listed]:
    """Every artefact of the cache, by kind in the order in which one is made from the other."""
    return [_listed(artefact) for artefact in catalogue(root)]


def _listed(artefact: Artefact) -> Listed:
    kind, (model, dataset) = kind_of(artefact), _of(artefact)
    return Listed(
        artefact=artefact,
        kind=kind,
        title=_title(artefact, kind),
        model=model,
        dataset=dataset,
        page="" if artefact.fault else _PAGES.get(kind, ""),
        at_need=artefact.made_at_need,
    )


def kind_of(artefact: Artefact) -> str:
    """What an artefact is."""
    if artefact.kind == RENDERS:
        return "Stills of videos" if artefact.name.startswith(artefact_names.STILLS) else "Pictures of codewords"
    if artefact.kind != ANALYSES:
        return _KINDS[artefact.kind]
    return next((words for start, words in _ANALYSES.items() if artefact.name.startswith(start)), "Analysis")


def _of(artefact: Artefact) -> tuple[str, str]:
    """(model, dataset) that it is or is made from; empty where it is of none or of several."""
    if artefact.kind == TOKENS:
        return split_tokens_name(artefact.name, artefact.manifest)
    own = {MODELS: (artefact.name, ""), DATASETS: ("", artefact.name), FACES: ("", "")}.get(artefact.kind)
    if own is not None:
        return own
    found = [sorted(s.name for s in artefact.made_from if s.kind == kind) for kind in (MODELS, DATASETS)]
    model, dataset = (names[0] if len(names) == 1 else "" for names in found)
    return model, dataset


def _title(artefact: Artefact, kind: str) -> str:
    """The name that people gave it, or what was asked for."""
    if artefact.kind in (FACES, DATASETS, MODELS):
        return artefact.name
    if artefact.kind != ANALYSES:
        return ""
    settings = artefact.manifest.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    if kind in ("Action units", "Events", "Rating study", "Supplement of a study"):
        return artefact.name.rpartition(SEPARATOR)[2]
    asked = {
        "Probe": settings.get("label"),
        "Comparison of groups": settings.get("by"),
        "Codewords around events": settings.get("events"),
        "Map": " by ".join(str(settings[k]) for k in ("of", "by") if k in settings),
    }.get(kind)
    return str(asked) if asked else ""
