"""What a request's login cookie is worth, before any page runs: for pictures, videos and uploads, which have no page.

Streamlit checks the signature of its cookie when a page opens and says whose it is (`st.user`). What a page shows is
asked for after that, with the same cookie: so the cookies that pages came with are remembered, as digests, and no other
is worth anything. Knows no Streamlit.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from dfe_core.errors import DataError

from ..data import ended_logins, media
from ..data.ended_logins import digest, has_ended
from ..data.roles import Role, person_of, read_roles
from .browser_messages import MessageKind, message_kind

KEPT = 4096
"""Logins remembered; of the one longest unused, pictures come again when its page is loaded anew."""
_CLAIMS = ("is_logged_in", "email", "email_verified", "iat")
_LEAST = {
    "/media/": Role.VIEWER,
    f"/{media.FOLDER}/": Role.VIEWER,
    "/_stcore/upload_file/": Role.EDITOR,
    "/_stcore/metrics": Role.OWNER,
}
_LEAST_TO_SAY = {MessageKind.FILE_ADDRESSES: Role.EDITOR, MessageKind.BACKEND_OPERATION: Role.VIEWER}
_seen: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def remember(cookies: Mapping[str, str], claims: Mapping[str, Any]) -> None:
    """Keep whose login these cookies are. claims: what Streamlit says of them, ``st.user``."""
    key = digest(cookies)
    if key is None or claims.get("is_logged_in") is not True:
        return
    with _lock:
        _seen[key] = {name: claims[name] for name in _CLAIMS if name in claims}
        _seen.move_to_end(key)
        while len(_seen) > KEPT:
            _seen.popitem(last=False)


def admits(path: str, cookies: Mapping[str, str]) -> bool:
    """Whether these cookies may ask for a path: what a page showed is for viewers, an upload for editors, figures on
    the server for owners. Everything else is asked by the pages themselves."""
    least = max((role for part, role in _LEAST.items() if part in path), default=Role.NONE)
    return not least or _role(cookies) >= least


def end(cookies: Mapping[str, str]) -> None:
    """Whoever has these cookies logs out: copies of them are worth nothing from now on."""
    with _lock:
        known = _seen.pop(digest(cookies) or b"", None)
    if known is not None:  # others would push out those of people
        ended_logins.end(cookies)


def hears(message: bytes, cookies: Mapping[str, str]) -> bool:
    """Whether a message over the websocket is one that a page needs, from somebody who may send it."""
    kind = message_kind(message)
    if kind is None:
        return False
    least = _LEAST_TO_SAY.get(kind, Role.NONE)
    return not least or _role(cookies) >= least


def _role(cookies: Mapping[str, str]) -> Role:
    key = digest(cookies)
    with _lock:
        claims = _seen.get(key) if key and not has_ended(cookies) else None
    try:
        return person_of(claims or {}, read_roles(), time.time()).role
    except DataError:
        return Role.NONE
