"""When a codeword is present: it moves the face far enough, for long enough. One definition for all that counts use.

The tokens of a frame are a set with intensities: a codeword that is there more than once counts with the sum. Its
displacement in a frame is `peak_mm` of the codeword (largest displacement of a vertex at intensity 1) times that sum.
It is present from `onset_mm` on (onset) until it falls below `offset_mm` (offset), where it stays that long at least
`hold_s`. Tokens that move nothing to speak of, and flickers of a frame or two, are no movement and are not counted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact_names import CODEWORDS_FILE
from dfe_core.errors import DataError
from dfe_core.integrity import check
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import TokenCache, Tokens

_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class PresenceRule:
    """When a codeword is present.

    Attributes
    ----------
    onset_mm, offset_mm: displacement (mm) from which on it is present, and below which it no longer is.
    hold_s: shortest presence, to the nearest frame. bridge_s: an absence (or a gap in the recording) no longer than
        this does not end a presence.
    onset_intensity, offset_intensity: in place of mm where the size of a codeword is unknown (a face without a mesh):
        the intensities at which a codeword of 5 mm, the median of the default codebook, moves as far.
    """

    onset_mm: float = 1.0
    offset_mm: float = 0.5
    hold_s: float = 0.1
    bridge_s: float = 0.1
    onset_intensity: float = 0.2
    offset_intensity: float = 0.1

    def __post_init__(self) -> None:
        for name in ("mm", "intensity"):
            onset, offset = getattr(self, f"onset_{name}"), getattr(self, f"offset_{name}")
            if not 0 < offset <= onset < np.inf:
                raise DataError(
                    "presence rule",
                    f"onset {onset:g} and offset {offset:g} ({name})",
                    "an offset above 0 and not above the onset",
                )
        if not (0 <= self.hold_s < np.inf and 0 <= self.bridge_s < np.inf):
            raise DataError("presence rule", f"hold {self.hold_s:g} s and bridge {self.bridge_s:g} s", "0 s or more")


RULE = PresenceRule()

_TYPICAL_MM = 5.0
"""The size of a codeword by which `PresenceRule` reads mm as intensity."""


def rule_from(onset_mm: float) -> PresenceRule:
    """The rule that counts codewords from another displacement on, with the same proportions as `RULE`."""
    intensity = onset_mm / _TYPICAL_MM
    return PresenceRule(
        onset_mm=onset_mm, offset_mm=onset_mm / 2, onset_intensity=intensity, offset_intensity=intensity / 2
    )


@dataclass(frozen=True)
class Activations:
    """Codewords that a frame has, once each: codeword (P,), row (P,) of the recording, intensity (P,) summed over the
    frame's tokens. Sorted by codeword and row."""

    codeword: np.ndarray
    row: np.ndarray
    intensity: np.ndarray

    def where(self, keep: np.ndarray) -> Activations:
        """Those chosen by (P,) bool."""
        return Activations(self.codeword[keep], self.row[keep], self.intensity[keep])


def activations(tokens: Tokens) -> Activations:
    """The tokens of one recording that move something, as a set a frame."""
    rows, places = np.nonzero((tokens.tokens != REST) & (tokens.intensities > 0))
    frames = max(len(tokens.frame), 1)
    key = tokens.tokens[rows, places].astype(np.int64) * frames + rows
    unique, inverse = np.unique(key, return_inverse=True)
    intensity = np.bincount(inverse, tokens.intensities[rows, places], minlength=len(unique))
    return Activations(unique // frames, unique % frames, intensity)


def codeword_sizes(tokens: TokenCache) -> np.ndarray:
    """(K,) float64 `peak_mm` of the codebook that made the tokens; NaN where it is unknown (no mesh, no model)."""
    model = tokens.path.parent.parent / "models" / tokens.model / CODEWORDS_FILE
    unknown = np.full(tokens.codewords, np.nan)
    try:
        sizes = pq.read_table(check(model), columns=["peak_mm"])["peak_mm"].to_numpy().astype(np.float64)
    except (OSError, pa.ArrowInvalid, KeyError):
        return unknown
    return sizes if len(sizes) == tokens.codewords else unknown


def presence_of(
    active: Activations, time_s: np.ndarray, sizes_mm: np.ndarray | None = None, rule: PresenceRule = RULE
) -> np.ndarray:
    """The presence that each activation lies in.

    Parameters
    ----------
    active: P activations of one recording.
    time_s: (T,) seconds of its frames; time that is missing between them ends a presence.
    sizes_mm: (K,) displacement of each codeword at intensity 1, NaN where unknown (None: all).

    Returns
    -------
    (P,) int64, numbered from 0 in the order of codeword and time; −1 where the codeword is not present.
    """
    found = np.full(len(active.row), -1, np.int64)
    strength, low = _strength(active, sizes_mm, rule)
    at = np.flatnonzero(strength >= low * (1 - _TOLERANCE))
    if not len(at):
        return found
    step = frame_step(time_s)
    new = np.r_[
        True, (np.diff(active.codeword[at]) != 0) | (np.diff(time_s[active.row[at]]) > rule.bridge_s + step * 1.001)
    ]
    stretch = np.cumsum(new) - 1
    place = np.arange(len(at))
    onset = np.minimum.reduceat(np.where(strength[at] >= 1 - _TOLERANCE, place, len(at)), np.flatnonzero(new))
    begun = place >= onset[stretch]
    held = np.bincount(stretch[begun], minlength=len(onset)) >= _frames_held(rule, step)
    number = np.cumsum(held) - 1
    kept = begun & held[stretch]
    found[at[kept]] = number[stretch[kept]]
    return found


def present_activations(
    tokens: Tokens, sizes_mm: np.ndarray | None = None, rule: PresenceRule = RULE
) -> tuple[Activations, np.ndarray]:
    """The activations of one recording at which the codeword is present, and the presence (P,) each lies in."""
    active = activations(tokens)
    number = presence_of(active, tokens.time_s, sizes_mm, rule)
    return active.where(number >= 0), number[number >= 0]


def seen_to_begin(row: np.ndarray, time_s: np.ndarray, step: float) -> np.ndarray:
    """(R,) whether the frames before a presence were seen. What is there when a recording begins, or after frames that
    are missing, is present and has no onset: counted as one, gaps would make onsets."""
    before = np.diff(time_s, prepend=-np.inf)
    return before[row] <= RULE.bridge_s + step * 1.001


def frame_step(time_s: np.ndarray) -> float:
    """Seconds from frame to frame (median); 0 for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0


def presence_facts(sizes_mm: np.ndarray, rule: PresenceRule = RULE) -> dict[str, Any]:
    """The rule as manifests and results state it: its values, and whether codewords are measured in mm or, their size
    being unknown, by intensity."""
    return asdict(rule) | {"measured": "mm" if np.isfinite(sizes_mm).any() else "intensity"}


def _strength(active: Activations, sizes_mm: np.ndarray | None, rule: PresenceRule) -> tuple[np.ndarray, np.ndarray]:
    """(P,) displacement (or intensity) over its onset, and (P,) the same of the offset."""
    if sizes_mm is None:
        size = np.full(len(active.row), np.nan)
    else:
        size = np.asarray(sizes_mm, np.float64)[active.codeword]
    known = np.isfinite(size)
    strength = active.intensity * np.where(known, size / rule.onset_mm, 1 / rule.onset_intensity)
    return strength, np.where(known, rule.offset_mm / rule.onset_mm, rule.offset_intensity / rule.onset_intensity)


def _frames_held(rule: PresenceRule, step: float) -> int:
    return max(1, int(rule.hold_s / step + 0.5 + 1e-9)) if step > 0 else 1
