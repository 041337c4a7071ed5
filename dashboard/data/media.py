"""Binary content and pictures for the browser, at addresses that name their content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene import pack_scene
from dfe_core.render.viewer import look_of
from dfe_core.tokenizer.codebook import Codebook

from .packs import codebook_pack

FOLDER = "content"
"""Of the addresses, beside the pages; `shell.page_addresses` serves it."""

KEEP_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Content:
    """What a browser is to get, of a media type. key: names it, and is long enough not to be guessed."""

    data: bytes
    kind: str
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", hashlib.sha256(self.kind.encode() + b"\0" + self.data).hexdigest())


class Contents:
    """What pages have given addresses to, in this process: the contents named last, up to `limit` bytes."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self._limit, self._size, self._lock = limit, 0, threading.Lock()
        self._kept: OrderedDict[str, Content] = OrderedDict()
        self._lasting: dict[str, Content] = {}

    def keep(self, content: Content, *, lasting: bool = False) -> str:
        """Keep a content, lasting: as long as this process; returns its key."""
        if lasting:
            self._lasting[content.key] = content
            return content.key
        with self._lock:
            self._size += 0 if content.key in self._kept else len(content.data)
            self._kept[content.key] = content
            self._kept.move_to_end(content.key)
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1].data)
        return content.key

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and media type; None where it is not kept."""
        held = self._lasting.get(key) or self._kept.get(key)
        return None if held is None else (held.data, held.kind)


contents = Contents()


def address(data: bytes, kind: str) -> str:
    """Where the browser finds this content, from every page."""
    return address_of(Content(data, kind))


def address_of(content: Content) -> str:
    """Where the browser finds a content that is kept elsewhere as well, so that its key is not computed again."""
    return f"{FOLDER}/{contents.keep(content)}"


def lasting_address(data: bytes, kind: str) -> str:
    """Where the browser finds what every page needs."""
    return f"{FOLDER}/{contents.keep(Content(data, kind), lasting=True)}"


def face_address(face: FaceModel) -> dict[str, Any]:
    """A face for the views: the URL of its pack and how to look at it."""
    pack, look = _face(face)
    return {"url": address_of(pack), "look": look}


def codebook_address(codebook: Codebook) -> str:
    """The URL of a codebook's pack."""
    return address_of(_codebook_pack(codebook))


def picture_address(path: Path) -> str:
    """The URL of a PNG file."""
    return address_of(_picture(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=6)
def _face(face: FaceModel) -> tuple[Content, dict[str, Any]]:
    return Content(pack_scene(face), "application/octet-stream"), look_of(face)


@lru_cache(maxsize=8)
def _codebook_pack(codebook: Codebook) -> Content:
    return Content(codebook_pack(codebook.psi), "application/octet-stream")


@lru_cache(maxsize=4096)
def _picture(path: Path, stamp: int) -> Content:
    return Content(path.read_bytes(), "image/png")
