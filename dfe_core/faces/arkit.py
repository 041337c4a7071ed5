"""The 52 ARKit face coefficients: canonical names and the spellings that tools write."""

from __future__ import annotations

import re

from dfe_core.ontology import COEFFICIENTS

ARKIT_NAMES: tuple[str, ...] = tuple(COEFFICIENTS)
"""Alphabetical with tongueOut last: the order of ψ on the default face."""

_KEYS = {name.lower(): name for name in ARKIT_NAMES}


def canonical_name(spelling: str) -> str | None:
    """The ARKit name for a spelling of it (``EyeBlinkLeft``, ``eyeBlink_L``, ``eye_blink_left``), None for none.

    >>> canonical_name("eyeBlink_L")
    'eyeBlinkLeft'
    """
    text = spelling.strip()
    squeezed = re.sub(r"[^a-z]", "", text.lower())
    if squeezed in _KEYS:
        return _KEYS[squeezed]
    side = re.search(r"[ _.-]([lr])$", text, re.IGNORECASE) or re.search(r"(?<=[a-z])([LR])$", text)
    if side:
        stem = re.sub(r"[^a-z]", "", text[: side.start()].lower())
        return _KEYS.get(stem + {"l": "left", "r": "right"}[side.group(1).lower()])
    return None
