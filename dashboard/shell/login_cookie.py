"""What a request's login cookie is worth, before any page runs: for pictures, videos and uploads, which have no page.

The cookie is Streamlit's own, signed with the ``cookie_secret`` of the login file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from dfe_core.errors import DataError

from ..data import media
from ..data.roles import Role, person_of, read_roles

COOKIE = "_streamlit_user"
_LEAST = {"/media/": Role.VIEWER, f"/{media.FOLDER}/": Role.VIEWER, "/_stcore/upload_file/": Role.EDITOR}


def admits(path: str, cookies: Mapping[str, str]) -> bool:
    """Whether these cookies may ask for a path: what a page showed is for viewers, an upload for editors. Everything
    else is asked by the pages themselves."""
    least = max((role for part, role in _LEAST.items() if part in path), default=Role.NONE)
    return not least or _role(cookies) >= least


def _role(cookies: Mapping[str, str]) -> Role:
    secret = get_cookie_secret()
    held = get_cookie_with_chunks(lambda name: decode_signed_value(secret, name, cookies.get(name, "")), COOKIE)
    try:
        return person_of(json.loads(held or "{}"), read_roles(), time.time()).role
    except (ValueError, AttributeError, DataError):
        return Role.NONE
