"""What a person of the dashboard may do: viewer, editor or owner, by the e-mail address of their login.

Knows no Streamlit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.store import cache_root
from dfe_core.toml_file import read_toml

ROLES, ROLES_FILE = "DFE_ROLES", "roles.toml"
"""Variable of the environment: the file of roles (default: ``roles.toml`` in the cache)."""
LOGIN_S = 12 * 3600.0
"""A login counts for so long; then the person logs in again, and whom the provider has shut out stays out."""


class Role(IntEnum):
    """Each may do what those before it may. viewer: look and export; editor: import, train, encode, write notes, remove
    to the trash and bring back what they removed; owner: withdraw people, purge the trash, stop and bring back what is
    anybody's."""

    NONE = 0
    VIEWER = 1
    EDITOR = 2
    OWNER = 3


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who uses this session. name: the e-mail address of a login, else the account that runs the server; empty where
    nobody has logged in. fault: why a login gives no role."""

    name: str
    role: Role
    fault: str = ""

    def refusal(self, least: Role, theirs: str | None = None) -> str:
        """Why this person may not do what takes the role `least`; empty where they may.

        theirs: whose thing it is: where it is another person's, it takes an owner.
        """
        if self.role < least:
            return f"For {_PLURAL[least]}: you are {_ONE[self.role]}."
        if theirs is not None and theirs != self.name and self.role < Role.OWNER:
            return f"Only {theirs or 'whoever did it'} or an owner may do this."
        return ""


_PLURAL = {Role.VIEWER: "viewers and above", Role.EDITOR: "editors and owners", Role.OWNER: "owners"}
_ONE = {Role.NONE: "not logged in", Role.VIEWER: "a viewer", Role.EDITOR: "an editor", Role.OWNER: "an owner"}


@dataclass(frozen=True)
class Roles:
    """Addresses, ``*@domain`` or ``*``, by the role they have."""

    patterns: Mapping[Role, tuple[str, ...]]

    def of(self, email: str) -> Role:
        """The highest role that names an address; none where no role does."""
        address = _plain(email)
        domain = address.partition("@")[2]
        named = {address, f"*@{domain}" if domain else address, "*"}
        return max((role for role, names in self.patterns.items() if named & set(names)), default=Role.NONE)


def roles_path() -> Path:
    """Where the roles are written."""
    given = os.environ.get(ROLES)
    return Path(given).expanduser() if given else cache_root() / ROLES_FILE


def read_roles(path: Path | None = None) -> Roles:
    """The roles of a file: ``owner = ["ana@lab.org"]``, and so on; without a file nobody has one.

    Raises `DataError` for a file that is not one of roles: then nobody gets in.
    """
    path = path or roles_path()
    if not path.exists():
        return Roles({})
    held = read_toml(path, 'lines such as owner = ["ana@lab.org"]')
    names = {role.name.lower(): role for role in Role if role}
    if unknown := sorted(set(held) - set(names)):
        raise DataError(path, f"no role {unknown[0]!r}", ", ".join(names))
    return Roles({names[name]: _addresses(path, name, value) for name, value in held.items()})


def _addresses(path: Path, role: str, value: Any) -> tuple[str, ...]:
    given: Iterable[Any] = value if isinstance(value, list) else [value]
    found = tuple(_plain(one.strip()) if isinstance(one, str) else "" for one in given)
    wrong = next((one for one in found if not _is_pattern(one)), None)
    if wrong is not None:
        raise DataError(path, f"{wrong!r} under {role}", "an e-mail address, *@domain or *")
    return found


def _is_pattern(text: str) -> bool:
    local, at, domain = text.partition("@")
    return text == "*" or bool(at and local and domain and "*" not in domain and local.count("*") == (local == "*"))


def _plain(email: str) -> str:
    """An address without the case of its letters and blanks around it. A letter that only looks or folds like another
    (the Kelvin sign like k) stays itself: it is another mailbox."""
    return "".join(c.lower() if c.lower().upper() == c else c for c in email.strip(" "))


def _is_address(text: str) -> bool:
    local, at, domain = text.partition("@")
    return bool(at and local and domain) and text.isprintable() and " " not in text


def person_of(claims: Mapping[str, Any], roles: Roles, now: float) -> Person:
    """Who a login is of. claims: as the provider gives them, with Streamlit's ``is_logged_in``; now: seconds since the
    epoch. An address gives no role where the provider says anything else of it than that it is verified."""
    email, issued = claims.get("email"), claims.get("iat")
    if claims.get("is_logged_in") is not True:
        return Person(name="", role=Role.NONE)
    if not (isinstance(issued, (int, float)) and now - issued < LOGIN_S):
        return Person(name="", role=Role.NONE, fault="Your login has expired.")
    name = _plain(email) if isinstance(email, str) else ""
    if not _is_address(name):
        return Person(name="", role=Role.NONE, fault="Your login came without an e-mail address.")
    if str(claims.get("email_verified", True)).lower() not in ("true", "1"):  # some providers write it as text
        return Person(name=name, role=Role.NONE, fault="Your provider has not verified your e-mail address.")
    role = roles.of(name)
    return Person(name=name, role=role, fault="" if role else f"{name} has no role here.")
