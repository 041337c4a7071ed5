"""The pain score as a formula over AUs. Which AUs make up an emotion stands in `dfe_core.ontology.displays`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PainScore:
    """PSPI per frame with its top of scale: 16, or 15 where AU43 is not measured."""

    score: np.ndarray
    maximum: int


def pspi(intensity: dict[str, np.ndarray], closed: np.ndarray | None = None) -> PainScore:
    """Prkachin–Solomon Pain Intensity: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43.

    Prkachin & Solomon 2008, Pain 139(2):267–274. `intensity` maps AU4, AU6, AU7, AU9, AU10 to (T,) values 0–5; `closed`
    is AU43 as (T,) 0 or 1, left out where the tool has none. There is no cut-off in the formula. NaN in, NaN out.
    """
    score = (
        intensity["AU4"]
        + np.maximum(intensity["AU6"], intensity["AU7"])
        + np.maximum(intensity["AU9"], intensity["AU10"])
    )
    return PainScore(score, 15) if closed is None else PainScore(score + closed, 16)
