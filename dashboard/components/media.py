"""Binary content and pictures for the browser, at addresses that name their content."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st
from streamlit.runtime import exists, get_instance

from dashboard.components.packs import codebook_pack, face_pack
from dfe_core.faces.model import FaceModel
from dfe_core.store import content_key
from dfe_core.tokenizer.codebook import Codebook


def address(data: bytes, kind: str, name: str) -> str:
    """A URL of this content, good while the page is open. `name` must differ between the contents of one page."""
    if not exists():  # a page run by a test without a server
        return f"data:{kind};base64,{base64.b64encode(data[:64]).decode()}"
    return get_instance().media_file_mgr.add(data, kind, f"dfe-{name}")


def face_address(face: FaceModel) -> str:
    """The URL of a face's pack."""
    return address(_face_pack(face.id, id(face), face), "application/octet-stream", f"face-{face.id}")


def codebook_address(codebook: Codebook) -> str:
    """The URL of a codebook's pack."""
    return address(_codebook_pack(codebook.key, codebook), "application/octet-stream", f"codebook-{codebook.key}")


def picture_addresses(folder: Path, files: dict[int, str]) -> dict[int, str]:
    """URLs of the pictures of a folder by codeword; those not there are left out."""
    found = {}
    for codeword, name in files.items():
        path = folder / name
        if path.is_file():
            found[codeword] = address(_bytes(str(path), path.stat().st_mtime_ns), "image/png", f"{folder.name}-{name}")
    return found


@st.cache_resource(max_entries=6, show_spinner=False)
def _face_pack(face_id: str, identity: int, _face: FaceModel) -> bytes:
    return face_pack(_face, content_key([face_id, identity]))


@st.cache_resource(max_entries=8, show_spinner=False)
def _codebook_pack(key: str, _codebook: Codebook) -> bytes:
    return codebook_pack(_codebook.psi)


@st.cache_resource(max_entries=4096, show_spinner=False)
def _bytes(path: str, stamp: int) -> bytes:
    return Path(path).read_bytes()
