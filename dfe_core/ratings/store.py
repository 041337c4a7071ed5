"""A rating study on disk: ``analyses/ratings--<name>/``.

- manifest.json, items.json, pictures/<id>.png or .gif: written once. The names of pictures say nothing of what they
  show.
- invitations.json: of every invitation the SHA-256 of its token, never the token; when it ends, whether it is revoked.
- answers/<rater>.jsonl: one file a rater, whose name is a pseudonym: a line on the beginning, then a line an answer,
  appended and on the disk before the rater sees the next item. A line that was cut off by a crash is not read.

Nothing is kept of who a rater is, nor of where they answer from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dfe_core.artefact import OpenedArtefact, checked_manifest
from dfe_core.artefact_names import ANALYSES, MANIFEST, RATINGS_PREFIX, ratings_name
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.integrity import check
from dfe_core.locks import claim
from dfe_core.ratings.design import Foils, Item, RatingSettings, Task, order_of
from dfe_core.store import artefact_path, cache_root, read_json, require_new_name, write_json

SCHEMA_VERSION = 1
ITEMS_FILE, INVITATIONS_FILE = "items.json", "invitations.json"
PICTURES, ANSWERS = "pictures", "answers"
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
"""The token of an invitation, and the secret by which a browser comes back to a rater's own answers."""
PSEUDONYM = re.compile(r"[0-9a-f]{16}")
MOST_TEXT = 200
"""Characters of a rater's own words that are kept."""
MOST_DAYS, MOST_RATERS = 365, 500
_PATIENCE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A link for raters. id: names it; digest: SHA-256 of its token; note: of whoever made it; made, ends: seconds
    since the epoch; most_raters: who may begin with it; revoked: whether it is taken back."""

    id: str
    digest: str
    note: str
    made: float
    ends: float
    most_raters: int
    revoked: bool = False

    def seconds_left(self, now: float) -> float:
        """How long raters may still answer with it, s."""
        return max(self.ends - now, 0.0)

    def is_open(self, now: float) -> bool:
        """Whether raters may answer with it."""
        return not self.revoked and now < self.ends


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a rater said to an item: choice, an index of its options (−1 for words), or text; time_s since the epoch;
    seconds since the rater's last answer or beginning."""

    item: int
    choice: int = -1
    text: str = ""
    time_s: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Rater:
    """One rater. name: a pseudonym; invitation: by which they came; began: seconds since the epoch; answers: in the
    order in which they were given."""

    name: str
    invitation: str
    began: float
    answers: tuple[Answer, ...] = ()


class RatingStudy(OpenedArtefact):
    """A rating study, opened. Opening reads the manifest alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.manifest = checked_manifest(self.path / MANIFEST, SCHEMA_VERSION)

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> RatingStudy:
        """Open the rating study `name`. Raises `DataError` when there is none or it is broken."""
        path = artefact_path(ANALYSES, ratings_name(name), root)
        if not (path / MANIFEST).is_file():
            known = list_ratings(root)
            raise DataError(
                name, "no rating study of this name", "one of " + ", ".join(known) if known else "dfe raters"
            )
        return cls(path)

    @property
    def title(self) -> str:
        """The name of the study."""
        return str(self.manifest["name"])

    @property
    def settings(self) -> RatingSettings:
        """What it asks."""
        held = dict(self.manifest["settings"])
        lists = {"tasks": tuple(Task(t) for t in held["tasks"]), "codewords": tuple(held["codewords"])}
        return RatingSettings(**{**held, **lists, "foils": Foils(held.get("foils", Foils.RANDOM))})

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Its items by number. Raises `DataError` where they are not what was written."""
        return tuple(Item.from_json(one) for one in read_json(check(self.path / ITEMS_FILE))["items"])

    @cached_property
    def pictures(self) -> tuple[tuple[str, ...], ...]:
        """File names of the pictures of every item, as its stimuli."""
        return tuple(tuple(names) for names in read_json(check(self.path / ITEMS_FILE))["pictures"])

    @cached_property
    def rest(self) -> str:
        """File name of the picture of the face at rest."""
        return str(read_json(check(self.path / ITEMS_FILE))["rest"])

    @cached_property
    def shown(self) -> frozenset[str]:
        """File names of all pictures."""
        return frozenset(name for names in self.pictures for name in names) | {self.rest}

    def picture(self, name: str) -> bytes:
        """The content of one of the pictures `shown`. Raises `DataError` for another one, or where it is missing."""
        if name not in self.shown:
            raise DataError(name, "no picture of this study", "one of those of its items")
        path = self.path / PICTURES / name
        try:
            return path.read_bytes()
        except OSError:
            raise DataError(path, "missing", "the study to be made again") from None

    @property
    def invitations(self) -> tuple[Invitation, ...]:
        """Every invitation, the first made first."""
        return _invitations(self.path)

    def raters(self) -> list[Rater]:
        """Every rater with their answers, by pseudonym."""
        folder = self.path / ANSWERS
        names = sorted(p.stem for p in folder.glob("*.jsonl") if PSEUDONYM.fullmatch(p.stem)) if folder.is_dir() else []
        return [rater for name in names if (rater := self.rater(name)) is not None]

    def rater(self, name: str) -> Rater | None:
        """One rater with their answers, the first to each item; None where nobody of this pseudonym began."""
        lines = list(_lines(self.path / ANSWERS / f"{name}.jsonl"))
        if not lines or "began" not in lines[0]:
            return None
        answers: dict[int, Answer] = {}
        for line in lines[1:]:
            if (answer := _answer(line, len(self.items))) is not None:
                answers.setdefault(answer.item, answer)
        head = lines[0]
        return Rater(
            name=name, invitation=str(head["invitation"]), began=float(head["began"]), answers=tuple(answers.values())
        )


def list_ratings(root: Path | None = None) -> list[str]:
    """Names of the rating studies of a cache, sorted."""
    folder = (root or cache_root()) / ANALYSES
    return sorted(p.parent.name[len(RATINGS_PREFIX) :] for p in folder.glob(f"{RATINGS_PREFIX}*/{MANIFEST}"))


def require_new_ratings(name: str, root: Path | None = None) -> Path:
    """The folder of a rating study that is about to be made. Raises `DataError` for a name that cannot be used."""
    path = artefact_path(ANALYSES, ratings_name(name), root)
    require_new_name(ANALYSES, name, root)
    if path.exists():
        raise DataError(name, "a rating study of this name is there", f"another name, or dfe rm analyses/{path.name}")
    return path


def invite(study: RatingStudy, *, days: float = 14, most_raters: int = 50, note: str = "") -> tuple[Invitation, str]:
    """Make an invitation; returns it with its token, which is kept nowhere.

    days: until it ends. most_raters: who may begin with it. Raises `DataError` for values out of range.
    """
    if not 0 < days <= MOST_DAYS:
        raise DataError("days", f"{days:g}", f"above 0, at most {MOST_DAYS}")
    if not 1 <= most_raters <= MOST_RATERS:
        raise DataError("raters", f"{most_raters}", f"1 to {MOST_RATERS}")
    token, now = secrets.token_urlsafe(24), time.time()
    made = Invitation(
        id=secrets.token_hex(4),
        digest=_digest(token),
        note=note.strip()[:MOST_TEXT],
        made=now,
        ends=now + days * 86400,
        most_raters=most_raters,
    )
    with recorded("invite raters", [study.label], root=study.root), claim(study.path, _PATIENCE_S):
        _write_invitations(study.path, (*study.invitations, made))
    return made, token


def revoke(study: RatingStudy, invitation: str) -> None:
    """Take an invitation back: its link is worth nothing from now on. Raises `DataError` where there is none of this
    id."""
    with recorded("revoke an invitation", [study.label], root=study.root), claim(study.path, _PATIENCE_S):
        held = study.invitations
        if invitation not in {one.id for one in held}:
            raise DataError(invitation, "no such invitation", ", ".join(one.id for one in held) or "none was made")
        _write_invitations(study.path, [replace(one, revoked=True) if one.id == invitation else one for one in held])


def find_invitation(token: str, root: Path | None = None) -> tuple[RatingStudy, Invitation] | None:
    """The study that an invitation's token opens, and the invitation; None where it opens none now."""
    if not TOKEN.fullmatch(token):
        return None
    digest, now = _digest(token), time.time()
    folder = (root or cache_root()) / ANALYSES
    for path in sorted(folder.glob(f"{RATINGS_PREFIX}*/{INVITATIONS_FILE}")):
        for one in _invitations(path.parent):
            if secrets.compare_digest(one.digest, digest) and one.is_open(now) and (path.parent / MANIFEST).is_file():
                return RatingStudy(path.parent), one
    return None


def begin(study: RatingStudy, invitation: Invitation) -> str:
    """A new rater; returns the secret by which their browser comes back. Raises `DataError` where as many began as the
    invitation is for."""
    with claim(study.path, _PATIENCE_S):
        began = sum(rater.invitation == invitation.id for rater in study.raters())
        if began >= invitation.most_raters:
            raise DataError("this link", f"{began} raters began with it", "a new link from whoever invited you")
        secret = secrets.token_urlsafe(24)
        folder = study.path / ANSWERS
        folder.mkdir(exist_ok=True)
        _append(folder / f"{pseudonym(secret)}.jsonl", {"began": time.time(), "invitation": invitation.id})
    return secret


def pseudonym(secret: str) -> str:
    """The name of a rater's file: it does not give the secret away."""
    return hashlib.sha256(b"rater\0" + secret.encode()).hexdigest()[:16]


def next_item(study: RatingStudy, rater: Rater) -> Item | None:
    """What a rater is asked next; None when all is answered."""
    done = {answer.item for answer in rater.answers}
    return next((study.items[n] for n in order_of(study.items, rater.name) if n not in done), None)


def give_answer(study: RatingStudy, rater: Rater, item: int, *, choice: int = -1, text: str = "") -> None:
    """Append an answer to a rater's file; the first to an item counts, a second is not written.

    Raises `DataError` for an item that is not the rater's next one, or a choice that the item does not have.
    """
    if item in {answer.item for answer in rater.answers}:
        return
    asked = next_item(study, rater)
    if asked is None or asked.number != item:
        raise DataError("this answer", "it is not to the question that was asked", "the page, loaded again")
    if asked.task is not Task.WORDS and not 0 <= choice < len(asked.options):
        raise DataError("this answer", "none of the choices", "one of those on the page")
    now = time.time()
    last = rater.answers[-1].time_s if rater.answers else rater.began
    answer = Answer(
        item=item,
        choice=choice if asked.task is not Task.WORDS else -1,
        text=" ".join(text.split())[:MOST_TEXT] if asked.task is Task.WORDS else "",
        time_s=now,
        seconds=max(now - last, 0.0),
    )
    _append(study.path / ANSWERS / f"{rater.name}.jsonl", asdict(answer))


def _append(path: Path, line: dict[str, Any]) -> None:
    """One line in one write, on the disk when this returns; a line that a crash cut off before is ended first."""
    with open(path, "ab+") as sink:
        if sink.tell():
            sink.seek(-1, os.SEEK_END)
            cut = sink.read(1) != b"\n"
        else:
            cut = False
        sink.write((b"\n" if cut else b"") + json.dumps(line).encode() + b"\n")
        sink.flush()
        os.fsync(sink.fileno())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of answers that are whole."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            held = json.loads(line)
        except ValueError:
            continue
        if isinstance(held, dict):
            yield held


def _answer(line: dict[str, Any], items: int) -> Answer | None:
    try:
        answer = Answer(**line)
    except TypeError:
        return None
    return answer if isinstance(answer.item, int) and 0 <= answer.item < items else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invitations(path: Path) -> tuple[Invitation, ...]:
    file = path / INVITATIONS_FILE
    return tuple(Invitation(**one) for one in read_json(file)["invitations"]) if file.is_file() else ()


def _write_invitations(path: Path, invitations: Sequence[Invitation]) -> None:
    write_json(path / INVITATIONS_FILE, {"invitations": [asdict(one) for one in invitations]})
