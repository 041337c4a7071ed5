"""Classes of micro-expressions, and the action units that simulated ones of each class are made of."""

from __future__ import annotations

MICRO_CLASSES: dict[str, tuple[tuple[str, ...], ...]] = {
    "negative": (("AU4", "AU7"), ("AU9", "AU10"), ("AU15", "AU17"), ("AU4", "AU14"), ("AU20",)),
    "positive": (("AU12",), ("AU6", "AU12")),
    "surprise": (("AU1", "AU2"), ("AU1", "AU2", "AU5"), ("AU5",)),
}
"""The three classes of the composite challenge of 2019 (See et al. 2019, MEGC) and the displays of each, one of which a
simulated one is. The challenge names the classes; which action units stand for them here is judged by hand."""
