"""Pictures of codewords: rendered once by dfe_core.render, shown from the cache."""

from __future__ import annotations

from pathlib import Path

from dashboard.components import media
from dfe_core.tokenizer.codebook import Codebook


def addresses(root: Path, codebook: Codebook) -> dict[int, str]:
    """URL of each codeword's picture; empty while none have been rendered (views then draw the faces themselves)."""
    return {}
