"""A sealed test: labels that nobody sees through dfe until they are opened, once, for hypotheses named before.

A seal is ``sealed/<study>.json`` of the cache. It names people by the SHA-256 of their recordings' files, so that no
other name of a dataset and no other table of labels shows what is sealed: `Dataset.recordings`, where every page and
command reads labels, leaves them out. The files of the lab stay as they are; a seal keeps honest people honest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.portable_names import file_name
from dfe_core.store import read_json, write_json
from dfe_core.text_enum import StrEnum

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset

SEALED_FOLDER = "sealed"
SEALED_SPLIT = "sealed"
"""As the validation of a probe: trained on everybody else, tested once on the people whose labels were sealed."""
KEPT = ("source_recording", "segment_onset_s", "segment_offset_s")
"""Label columns of segments that say where each is from: they are never left out."""
_VERSION = 1


class SealState(StrEnum):
    """Whether labels are sealed or were opened."""

    SEALED = "sealed"
    OPENED = "opened"


class Standing(StrEnum):
    """What an analysis of labels that were sealed may be called."""

    CONFIRMATORY = "confirmatory"
    """It is a hypothesis named before the seal, tested on the people who were sealed."""
    EXPLORATORY = "exploratory"
    """Any other analysis."""


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One hypothesis, named before the labels are seen: the label can be predicted from the features.

    text: in the lab's own words. label: a label column. features: a row of a probe.
    """

    label: str
    features: str = "bow"
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class SealPlan:
    """What a study seals: subjects whose labels are held back, and the hypotheses that they will test."""

    subjects: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]

    def __post_init__(self) -> None:
        if not self.subjects or len(set(self.subjects)) != len(self.subjects):
            raise DataError("sealed subjects", ", ".join(self.subjects) or "none", "one or more, each once")
        if not self.hypotheses:
            raise DataError("sealed hypotheses", "none", "one or more, each with a label")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One analysis of labels that were sealed. act: ``probe`` or ``groups``. key: of the analysis."""

    time: str
    act: str
    label: str
    key: str


@dataclass(frozen=True, kw_only=True)
class SealedTest:
    """A seal. files: SHA-256 of the files of sealed recordings to subjects. sealed_at, opened_at: UTC, ISO 8601."""

    study: str
    dataset: str
    plan: SealPlan
    files: Mapping[str, str]
    sealed_at: str
    opened_at: str = ""
    looks: tuple[Look, ...] = field(default_factory=tuple)

    @property
    def state(self) -> SealState:
        """Whether the labels are sealed or opened."""
        return SealState.OPENED if self.opened_at else SealState.SEALED

    def recordings(self, manifest: Mapping[str, Any]) -> frozenset[str]:
        """The recordings of a dataset, given its manifest, that are of the sealed people."""
        return frozenset(
            str(name)
            for source in manifest.get("sources") or ()
            if isinstance(source, Mapping) and source.get("sha256") in self.files
            for name in source.get("recordings", ())
        )


def find_seal(study: str, root: Path) -> SealedTest | None:
    """The seal of a study, None without one."""
    path = _path(study, root)
    return _read(path) if path.is_file() else None


def list_seals(root: Path) -> list[SealedTest]:
    """Every seal of a cache, by study."""
    folder = root / SEALED_FOLDER
    return [_read(path) for path in sorted(folder.glob("[!.]*.json"))] if folder.is_dir() else []


def put_seal(study: str, dataset: str, plan: SealPlan, files: Mapping[str, str], root: Path) -> SealedTest:
    """Seal labels. Raises `DataError` where the study has a seal of other people or hypotheses."""
    if (held := find_seal(study, root)) is not None:
        if held.plan != plan or dict(held.files) != dict(files):
            raise DataError(
                study,
                f"sealed on {held.sealed_at} with other people, files or hypotheses",
                "the study.toml of that day",
            )
        return held
    made = SealedTest(study=study, dataset=dataset, plan=plan, files=dict(files), sealed_at=_now())
    _write(made, root)
    return made


def open_seal(study: str, root: Path) -> SealedTest:
    """Open the labels of a study, once. Raises `DataError` where there is no seal, or it was opened before."""
    held = find_seal(study, root)
    if held is None:
        known = ", ".join(seal.study for seal in list_seals(root))
        raise DataError(study, "no sealed test of this name", known or "a study.toml with [sealed]")
    if held.state == SealState.OPENED:
        raise DataError(
            study,
            f"opened on {held.opened_at} and looked at {len(held.looks)} times since",
            "one opening, which was that",
        )
    opened = replace(held, opened_at=_now())
    _write(opened, root)
    return opened


def sealed_recordings(manifest: Mapping[str, Any], root: Path) -> frozenset[str]:
    """The recordings of a dataset whose labels are sealed."""
    held = [seal.recordings(manifest) for seal in list_seals(root) if seal.state == SealState.SEALED]
    return frozenset().union(*held)


def files_under_seal(root: Path) -> frozenset[str]:
    """SHA-256 of the files whose labels are sealed."""
    held = [frozenset(seal.files) for seal in list_seals(root) if seal.state == SealState.SEALED]
    return frozenset().union(*held)


def opened_seal(manifest: Mapping[str, Any], root: Path) -> SealedTest | None:
    """The opened seal, the first of several, whose people are in a dataset."""
    found = (seal for seal in list_seals(root) if seal.state == SealState.OPENED and seal.recordings(manifest))
    return next(found, None)


def withheld(table: pd.DataFrame, sealed: Iterable[str], columns: Iterable[str]) -> pd.DataFrame:
    """The table with the columns of sealed recordings empty. table: with a column recording."""
    rows = table["recording"].astype(str).isin(set(sealed))
    if not rows.any():
        return table
    return table.assign(**{column: table[column].where(~rows) for column in columns if column not in KEPT})


def note_look(seal: SealedTest, act: str, label: str, key: str, root: Path) -> SealedTest:
    """Write down that an analysis looked at labels that were sealed; the same one is written down once."""
    held = find_seal(seal.study, root) or seal
    if any((look.act, look.label, look.key) == (act, label, key) for look in held.looks):
        return held
    noted = replace(held, looks=(*held.looks, Look(time=_now(), act=act, label=label, key=key)))
    _write(noted, root)
    return noted


def facts_under_seal(
    dataset: Dataset,
    people: Iterable[str],
    act: str,
    label: str,
    key: str,
    standing: Callable[[SealedTest], Standing] | None = None,
) -> dict[str, Any] | None:
    """What an analysis of labels has to say of a seal; where the labels were opened, the look is written down.

    Parameters
    ----------
    people: subjects whose labels the analysis reads. act, label, key: which analysis it is (`Look`). standing: what it
    may be called once the labels are open; exploratory without it.

    Returns
    -------
    None where no label of the dataset is or was sealed; else study, state, withheld (recordings left out), standing
    (`Standing`) and looks: how many analyses have looked at the labels since they were opened, this one among them.
    """
    if dataset.sealed:
        return {
            "study": next(s.study for s in list_seals(dataset.root) if s.recordings(dataset.manifest)),
            "state": SealState.SEALED.value,
            "withheld": len(dataset.sealed),
            "standing": Standing.EXPLORATORY.value,
            "looks": 0,
        }
    seal = opened_seal(dataset.manifest, dataset.root)
    if seal is None or not set(seal.files.values()) & set(people):
        return None
    seal = note_look(seal, act, label, key, dataset.root)
    return {
        "study": seal.study,
        "state": SealState.OPENED.value,
        "withheld": 0,
        "standing": (standing(seal) if standing else Standing.EXPLORATORY).value,
        "looks": len(seal.looks),
    }


def forget_subject(files: Iterable[str], subject: str, root: Path) -> None:
    """Take a person who withdraws out of every seal that has these files (SHA-256) of theirs; a seal of nobody goes."""
    gone = set(files)
    for seal in list_seals(root):
        if not gone & set(seal.files):
            continue
        left = {digest: who for digest, who in seal.files.items() if digest not in gone}
        people = tuple(one for one in seal.plan.subjects if one != subject)
        if left and people:
            _write(replace(seal, files=left, plan=replace(seal.plan, subjects=people)), root)
        else:
            _path(seal.study, root).unlink()


def standing_of(seal: SealedTest, label: str, features: str, validation: str) -> Standing:
    """Whether a probe of these features is one of the hypotheses, tested as they were meant to be."""
    named = any((one.label, one.features) == (label, features) for one in seal.plan.hypotheses)
    return Standing.CONFIRMATORY if named and validation == SEALED_SPLIT else Standing.EXPLORATORY


def _path(study: str, root: Path) -> Path:
    return root / SEALED_FOLDER / f"{file_name(study)}.json"


def _write(seal: SealedTest, root: Path) -> None:
    path = _path(seal.study, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"version": _VERSION, **asdict(seal)})


def _read(path: Path) -> SealedTest:
    held = read_json(path)
    try:
        plan = SealPlan(
            subjects=tuple(held["plan"]["subjects"]),
            hypotheses=tuple(Hypothesis(**one) for one in held["plan"]["hypotheses"]),
        )
        rest = {name: held[name] for name in ("study", "dataset", "files", "sealed_at", "opened_at")}
        return SealedTest(plan=plan, looks=tuple(Look(**one) for one in held["looks"]), **rest)
    except (KeyError, TypeError) as error:
        raise DataError(path, f"not a seal ({error})", "a file written by dfe") from None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
