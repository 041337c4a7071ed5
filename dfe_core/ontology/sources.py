"""What the rows of the ontology rest on: one record for each work that is cited, found by a short key."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dfe_core.ontology.table import read_rows


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A work that rows of the ontology cite.

    Attributes
    ----------
    key: what rows cite it by. short: what a sentence calls it. citation: the whole reference.
    note: how it was read, where that limits what it says.
    """

    key: str
    short: str
    citation: str
    note: str = ""


SOURCES = MappingProxyType({row["key"]: Citation(**row) for row in read_rows("sources")})
"""Every source by its key."""
