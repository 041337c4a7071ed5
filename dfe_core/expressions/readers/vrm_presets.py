"""VRM's preset expressions, which no reader takes: mouth shapes of vowels and whole emotions, not single actions.

A face that says A while it is happy is one number in each; which muscles move is up to every avatar. Files that hold
ARKit's names as well (perfect sync) are read by those, and the presets in them are passed over.
"""

from __future__ import annotations

import re

_VOWELS = (frozenset("AIUEO"), frozenset("aa ih ou ee oh".split()))
_EMOTIONS = (frozenset("Joy Angry Sorrow Fun".split()), frozenset("happy angry sad relaxed surprised".split()))
_LEAST_VOWELS, _LEAST_EMOTIONS = 4, 2


def preset_version(head: bytes) -> str:
    """``VRM 0`` or ``VRM 1`` where the first bytes of a table, JSON or log name its presets, empty otherwise."""
    words = set(re.findall(r"[A-Za-z]+", head.decode("utf-8", "ignore")))
    for version, vowels, emotions in zip(("VRM 0", "VRM 1"), _VOWELS, _EMOTIONS, strict=True):
        if len(vowels & words) >= _LEAST_VOWELS and len(emotions & words) >= _LEAST_EMOTIONS:
            return version
    return ""
