"""The sound of a video: its wave as peaks, and where a voice is likely.

Letters: S samples, B bins of `BIN_S` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.video.ffmpeg import stream_ffmpeg

RATE, BIN_S = 16_000, 0.01
"""Samples a second, mono, that sound is read at, and the seconds of a bin."""
_BIN, _WINDOW = 160, 512
VOICE_HZ = (100.0, 4000.0)
"""The band that holds most of the energy of speech, voices of men with their fundamental."""
FLOOR_PERCENTILE, RISE_DB, LEAST_DB = 10.0, 9.0, -55.0
BAND_SHARE, MODULATION_DB, MODULATION_S = 0.6, 4.0, 1.0
GAP_S, LEAST_S = 0.3, 0.2
"""A bin is voice where the level in the band is 9 dB above its 10th percentile in the recording and above −55 dB of
full scale, the band holds 0.6 or more of the energy above 50 Hz, and the level varies by 4 dB (standard deviation) in
the second around it, as syllables do and hums and tones do not. Gaps under 0.3 s are closed, what is then under 0.2 s
is dropped."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sound:
    """The sound of a video. low, high: (B,) int8 least and largest sample of each bin, −127 … 127. voice: (B,) bool,
    where a voice is likely: anybody's, not only that of the face."""

    low: np.ndarray
    high: np.ndarray
    voice: np.ndarray

    def __len__(self) -> int:
        return len(self.voice)


def read_sound(video: Path) -> Sound:
    """The sound of a video's first audio stream; empty where there is none or it cannot be decoded."""
    after = ("-map", "0:a:0", "-vn", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(RATE))
    return analyse_sound(stream_ffmpeg(video, (), (*after, "-f", "s16le", "pipe:1"), 2 * _BIN * 6000))


def analyse_sound(pieces: Iterable[bytes]) -> Sound:
    """Peaks and voice of 16-bit little-endian samples in pieces of whole bins (the last one may be shorter)."""
    lows, highs, bands, wholes = [], [], [], []
    before = np.zeros(_WINDOW - _BIN, np.float32)
    for piece in pieces:
        samples = np.frombuffer(piece[: len(piece) // (2 * _BIN) * 2 * _BIN], "<i2")
        if not len(samples):
            continue
        bins = samples.reshape(-1, _BIN)
        lows.append(bins.min(1) // 259)
        highs.append(bins.max(1) // 259)
        joined = np.concatenate([before, samples.astype(np.float32) / 32768])
        band, whole = _energies(joined)
        bands.append(band)
        wholes.append(whole)
        before = joined[len(joined) - len(before) :]
    if not lows:
        return Sound(low=np.empty(0, np.int8), high=np.empty(0, np.int8), voice=np.empty(0, bool))
    low, high = (np.concatenate(parts).astype(np.int8) for parts in (lows, highs))
    return Sound(low=low, high=high, voice=find_voice(np.concatenate(bands), np.concatenate(wholes)))


def find_voice(band: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """(B,) bool, where a voice is likely. band, whole: (B,) energy of `VOICE_HZ` and of all above 50 Hz, mean square of
    full scale."""
    level = 10 * np.log10(np.maximum(band, 1e-12))
    floor = max(np.percentile(level, FLOOR_PERCENTILE), LEAST_DB - RISE_DB)
    loud = (level > floor + RISE_DB) & (band >= BAND_SHARE * whole)
    modulated = _spread(np.maximum(level, floor), round(MODULATION_S / BIN_S)) >= MODULATION_DB
    return _without_runs(~_without_runs(~(loud & modulated), GAP_S), LEAST_S)


def spans(voice: np.ndarray) -> np.ndarray:
    """(N, 2) seconds from and to of the runs of voice."""
    edges = np.flatnonzero(np.diff(np.r_[False, voice, False].astype(np.int8)))
    return edges.reshape(-1, 2) * BIN_S


def _energies(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B,) mean square of the band and of all above 50 Hz in a window that ends with each bin."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_BIN]
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(windows * window, axis=1)) ** 2 * (2 / (_WINDOW * (window**2).sum()))
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    inside = (hertz >= VOICE_HZ[0]) & (hertz <= VOICE_HZ[1])
    return power[:, inside].sum(1), power[:, hertz > 50].sum(1)


def _spread(values: np.ndarray, width: int) -> np.ndarray:
    """(B,) standard deviation in the window around each bin."""
    from scipy.ndimage import uniform_filter1d

    mean = uniform_filter1d(values, width, mode="nearest")
    square = uniform_filter1d(values**2, width, mode="nearest")
    return np.sqrt(np.maximum(square - mean**2, 0))


def _without_runs(marked: np.ndarray, least_s: float) -> np.ndarray:
    """(B,) bool without inner runs shorter than `least_s`."""
    out = marked.copy()
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False].astype(np.int8))).reshape(-1, 2)
    for start, stop in edges:
        out[start:stop] = stop - start >= round(least_s / BIN_S)
    return out
