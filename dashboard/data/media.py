"""Binary content and pictures for the browser, at addresses that name their content."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime import exists, get_instance

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene import pack_scene
from dfe_core.tokenizer.codebook import Codebook

from .packs import codebook_pack, look_of

_KEPT = "media-kept"
KEEP = 8
"""Contents that outlive their page in a session."""


def address(data: bytes, kind: str, name: str) -> str:
    """A URL of this content, good while the page is open. `name` must differ between the contents of one page."""
    if not exists():  # a page run by a test without a server
        return f"data:{kind};base64,{base64.b64encode(data[:64]).decode()}"
    if not kind.startswith("image/"):  # pictures are many, and a view does without one
        kept = st.session_state.setdefault(_KEPT, {})
        kept.pop(name, None)
        kept[name] = (data, kind)
        while len(kept) > KEEP:
            kept.pop(next(iter(kept)))
    return get_instance().media_file_mgr.add(data, kind, f"dfe-{name}")


def keep() -> None:
    """Keep the last contents of this session at their addresses: a page that was just left may still be fetching."""
    if exists():
        for name, (data, kind) in st.session_state.get(_KEPT, {}).items():
            get_instance().media_file_mgr.add(data, kind, f"dfe-{name}")


def face_address(face: FaceModel) -> dict[str, Any]:
    """A face for the views: the URL of its pack and how to look at it."""
    data, look = _face(face.id, id(face), face)
    return {"url": address(data, "application/octet-stream", f"face-{face.id}"), "look": look}


def codebook_address(codebook: Codebook) -> str:
    """The URL of a codebook's pack."""
    return address(_codebook_pack(codebook.key, codebook), "application/octet-stream", f"codebook-{codebook.key}")


def picture_address(path: Path) -> str:
    """The URL of a PNG file."""
    return address(_bytes(str(path), path.stat().st_mtime_ns), "image/png", f"{path.parent.name}-{path.name}")


@st.cache_resource(max_entries=6, show_spinner=False)
def _face(face_id: str, identity: int, _face: FaceModel) -> tuple[bytes, dict[str, Any]]:
    return pack_scene(_face), look_of(_face)


@st.cache_resource(max_entries=8, show_spinner=False)
def _codebook_pack(key: str, _codebook: Codebook) -> bytes:
    return codebook_pack(_codebook.psi)


@st.cache_resource(max_entries=4096, show_spinner=False)
def _bytes(path: str, stamp: int) -> bytes:
    return Path(path).read_bytes()
