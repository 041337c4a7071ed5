"""Logins that were ended: a copy of their cookies, made before, is worth nothing any more. Knows no Streamlit.

A login's cookie holds everything about it, and to log out only deletes it in that browser. So the server remembers, by
digest and as long as it runs, the cookies that somebody has logged out with.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping

COOKIE = "_streamlit_user"
"""What the names of a login's cookies begin with: a long one comes in several."""
KEPT = 65_536
"""Logins remembered, the last ones: a login is over after 12 hours anyway."""
_ended: OrderedDict[bytes, None] = OrderedDict()
_lock = threading.Lock()


def end(cookies: Mapping[str, str]) -> None:
    """Whoever has these cookies has logged out."""
    if (key := digest(cookies)) is None:
        return
    with _lock:
        _ended[key] = None
        while len(_ended) > KEPT:
            _ended.popitem(last=False)


def has_ended(cookies: Mapping[str, str]) -> bool:
    """Whether somebody has logged out with these cookies."""
    return digest(cookies) in _ended


def digest(cookies: Mapping[str, str]) -> bytes | None:
    """Of all cookies of a login; None where there are none."""
    held = sorted((name, value.strip('"')) for name, value in cookies.items() if name.startswith(COOKIE))
    return hashlib.sha256(repr(held).encode()).digest() if held else None
