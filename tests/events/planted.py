"""Where the planted codeword is: in these frames of every recording, and nowhere else."""

from __future__ import annotations

import pandas as pd

from tests.small_world import FPS

FRAMES = 80
PLANTED, FROM, TO = 23, 20, 40
SPAN = (FROM / FPS, TO / FPS)
COUNTED = FRAMES - (TO - FROM)


def spans(recordings: list[str], column: str = "reason") -> pd.DataFrame:
    """The frames of the planted codeword, as spans of these recordings."""
    return pd.DataFrame({"recording": recordings, "onset_s": SPAN[0], "offset_s": SPAN[1], column: "talking"})
