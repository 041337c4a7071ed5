"""Binary content and pictures for the browser, at addresses that name their content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene import pack_scene
from dfe_core.tokenizer.codebook import Codebook

from .packs import codebook_pack, look_of

FOLDER = "content"
"""Of the addresses, beside the pages; `shell.page_addresses` serves it."""

KEEP_BYTES = 256 * 2**20


class Contents:
    """What pages have given addresses to, in this process: the contents named last, up to `limit` bytes."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self._limit, self._size, self._lock = limit, 0, threading.Lock()
        self._kept: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._lasting: dict[str, tuple[bytes, str]] = {}

    def add(self, data: bytes, kind: str, *, lasting: bool = False) -> str:
        """Keep content of a media type, lasting: as long as this process; returns its key, which is long enough not to
        be guessed."""
        key = hashlib.sha256(kind.encode() + b"\0" + data).hexdigest()
        if lasting:
            self._lasting[key] = (data, kind)
            return key
        with self._lock:
            self._size += 0 if key in self._kept else len(data)
            self._kept[key] = (data, kind)
            self._kept.move_to_end(key)
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1][0])
        return key

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and media type; None where it is not kept."""
        return self._lasting.get(key) or self._kept.get(key)


contents = Contents()


def address(data: bytes, kind: str) -> str:
    """Where the browser finds this content, from every page."""
    return f"{FOLDER}/{contents.add(data, kind)}"


def lasting_address(data: bytes, kind: str) -> str:
    """Where the browser finds what every page needs."""
    return f"{FOLDER}/{contents.add(data, kind, lasting=True)}"


def face_address(face: FaceModel) -> dict[str, Any]:
    """A face for the views: the URL of its pack and how to look at it."""
    data, look = _face(face.id, id(face), face)
    return {"url": address(data, "application/octet-stream"), "look": look}


def codebook_address(codebook: Codebook) -> str:
    """The URL of a codebook's pack."""
    return address(_codebook_pack(codebook.key, codebook), "application/octet-stream")


def picture_address(path: Path) -> str:
    """The URL of a PNG file."""
    return address(_bytes(str(path), path.stat().st_mtime_ns), "image/png")


@st.cache_resource(max_entries=6, show_spinner=False)
def _face(face_id: str, identity: int, _face: FaceModel) -> tuple[bytes, dict[str, Any]]:
    return pack_scene(_face), look_of(_face)


@st.cache_resource(max_entries=8, show_spinner=False)
def _codebook_pack(key: str, _codebook: Codebook) -> bytes:
    return codebook_pack(_codebook.psi)


@st.cache_resource(max_entries=4096, show_spinner=False)
def _bytes(path: str, stamp: int) -> bytes:
    return Path(path).read_bytes()
