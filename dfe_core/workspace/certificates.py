"""Certificates of withdrawals: what was removed, what remains, and those that were interrupted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dfe_core import __version__
from dfe_core.store import read_json, write_json
from dfe_core.workspace.repair import WITHDRAWALS

_BEYOND = (
    "Copies outside of the cache are not known to dfe: the source recordings and videos, exports, reports of "
    "--out, backups, and caches of other machines."
)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a withdrawal did.

    subject: as the lab names the person. datasets: name to number of recordings removed. deleted: artefacts that are
    gone for good, made again when they are needed (tokens: by `dfe encode`). rewritten: artefacts that are there
    without the person. trained: models that were trained with recordings of the person, and learned faces: the person
    cannot be taken out of them, only they themselves can be removed. sources: SHA-256 of the source files. copies:
    recordings of other datasets, under another person's name, that came from the very same files: they stay. mentions:
    files of the cache in which the person's name, or that of a recording that nobody else has, is still found.
    recordings: by dataset, as long as it is not finished.
    """

    id: str
    subject: str
    time: str
    by: str
    version: str = __version__
    datasets: dict[str, int] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    recordings: dict[str, list[str]] = field(default_factory=dict)
    finished: bool = False
    beyond: str = _BEYOND

    def text(self) -> str:
        """The certificate for people."""
        counts = ", ".join(f"{name} ({n})" for name, n in self.datasets.items()) or "none"
        parts = [
            ("Withdrawal", f"{self.id}, {self.time}, by {self.by or 'unknown'}, dfe {self.version}"),
            ("Person", self.subject),
            ("Removed for good from datasets (recordings)", counts),
            ("Deleted", ", ".join(self.deleted) or "nothing else"),
            ("Rewritten without the person", ", ".join(self.rewritten) or "none"),
            ("Trained with recordings of the person", ", ".join(self.trained) or "none"),
            ("Source files, SHA-256", ", ".join(self.sources) or "none"),
            ("Of the same files under other names, and still there", ", ".join(self.copies) or "none"),
            ("Still mentioned in", ", ".join(self.mentions) or "no file of the cache"),
            ("Beyond", self.beyond),
        ]
        return "\n".join(f"{name}: {value}" for name, value in parts) + "\n"


def unfinished_withdrawals(root: Path) -> list[str]:
    """Subjects whose withdrawal was interrupted."""
    return [str(c.get("subject")) for c in certificates(root) if not c.get("finished")]


def certificates(root: Path) -> list[dict[str, Any]]:
    """Every certificate of a withdrawal."""
    return [read_json(path) for path in sorted((root / WITHDRAWALS).glob("[!.]*.json"))]


def begun_certificate(subject: str, root: Path) -> Certificate | None:
    """The certificate of a withdrawal that was interrupted, None where there is none."""
    held = next((c for c in certificates(root) if c.get("subject") == subject and not c.get("finished")), None)
    if held is None:
        return None
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in held.items()}
    return Certificate(**fields)


def write_certificate(certificate: Certificate, root: Path) -> None:
    """Keep a certificate; a finished one as text too."""
    path = root / WITHDRAWALS / f"{certificate.id}.json"
    write_json(path, asdict(certificate))
    if certificate.finished:
        path.with_suffix(".txt").write_text(certificate.text(), encoding="utf-8")
