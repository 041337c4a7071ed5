"""Pictures of moments, for recordings whose video is on this machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dfe_core.expressions.dataset import Dataset
from dfe_core.video.links import links
from dfe_core.video.stills import still

from ..theme.formatting import clock
from . import media

_BESIDE = 2  # decoders at once


def addresses(dataset: Dataset, moments: list[tuple[str, float]]) -> list[dict[str, str]]:
    """The `still` and `still_alt` of a strip's item for each (recording, time in s); empty without a picture."""
    if not links(dataset):
        return [{} for _ in moments]
    with ThreadPoolExecutor(_BESIDE) as pool:
        pictures = list(pool.map(lambda moment: still(dataset, *moment), moments))
    return [
        {
            "still": media.address(data, "image/jpeg"),
            "still_alt": f"Video of {name} at {clock(time_s)}",
        }
        if data
        else {}
        for data, (name, time_s) in zip(pictures, moments, strict=True)
    ]
