"""What a request's login cookie is worth, before any page runs: for pictures, videos and uploads, which have no page.

Streamlit checks the signature of its cookie when a page opens and says whose it is (`st.user`). What a page shows is
asked for after that, with the same cookie: so the cookies that pages came with are remembered, as digests, and no other
is worth anything. Knows no Streamlit.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from dfe_core.errors import DataError

from ..data import media
from ..data.roles import Role, person_of, read_roles

COOKIE = "_streamlit_user"
"""What the names of a login's cookies begin with: a long one comes in several."""
KEPT = 4096
"""Logins remembered; of the one longest unused, pictures come again when its page is loaded anew."""
_CLAIMS = ("is_logged_in", "email", "email_verified", "iat")
_LEAST = {"/media/": Role.VIEWER, f"/{media.FOLDER}/": Role.VIEWER, "/_stcore/upload_file/": Role.EDITOR}
_seen: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def remember(cookies: Mapping[str, str], claims: Mapping[str, Any]) -> None:
    """Keep whose login these cookies are. claims: what Streamlit says of them, ``st.user``."""
    key = _digest(cookies)
    if key is None or claims.get("is_logged_in") is not True:
        return
    with _lock:
        _seen[key] = {name: claims[name] for name in _CLAIMS if name in claims}
        _seen.move_to_end(key)
        while len(_seen) > KEPT:
            _seen.popitem(last=False)


def admits(path: str, cookies: Mapping[str, str]) -> bool:
    """Whether these cookies may ask for a path: what a page showed is for viewers, an upload for editors. Everything
    else is asked by the pages themselves."""
    least = max((role for part, role in _LEAST.items() if part in path), default=Role.NONE)
    return not least or _role(cookies) >= least


def _role(cookies: Mapping[str, str]) -> Role:
    key = _digest(cookies)
    with _lock:
        claims = _seen.get(key) if key else None
    try:
        return person_of(claims or {}, read_roles(), time.time()).role
    except DataError:
        return Role.NONE


def _digest(cookies: Mapping[str, str]) -> bytes | None:
    """Of all cookies of a login; None where there are none."""
    held = sorted((name, value.strip('"')) for name, value in cookies.items() if name.startswith(COOKIE))
    return hashlib.sha256(repr(held).encode()).digest() if held else None
