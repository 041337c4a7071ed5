"""Signals from files: CSV, BIDS physio (TSV with its JSON), EDF, XDF and WAV (its envelope).

Letters: T samples, C channels.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError

TIME_COLUMNS = ("time_s", "time", "timestamp", "t", "seconds")
ENVELOPE_HZ = 100.0
_EDF_HEADER, _EDF_SIGNAL = 256, 256


@dataclass(frozen=True, eq=False, kw_only=True)
class SignalRecording:
    """Channels of one rate on one clock. time_s: (T,), increasing. values: (T, C), NaN where unknown. source: the
    file's format."""

    name: str
    source: str
    channels: tuple[str, ...]
    time_s: np.ndarray
    values: np.ndarray

    @property
    def rate_hz(self) -> float:
        """Samples a second (median); NaN of a single one."""
        return float(1 / np.median(np.diff(self.time_s))) if len(self.time_s) > 1 else float("nan")

    def channel(self, name: str) -> np.ndarray:
        """(T,) of one channel. Raises `DataError` for a name that there is not."""
        if name not in self.channels:
            raise DataError(self.name, f"no channel {name!r}", "one of " + ", ".join(self.channels))
        return self.values[:, self.channels.index(name)]


def read_signals(path: Path) -> SignalRecording:
    """Read a file by its ending: ``.csv``, ``.tsv`` or ``.tsv.gz`` with a JSON of the same name, ``.edf``, ``.bdf``,
    ``.xdf``, ``.wav``. Of EDF and XDF the channels of the highest rate that most of them share.

    Raises `DataError` for an ending that is not known and for a file that is broken or has no samples.
    """
    if not path.is_file():
        raise DataError(path, "no such file", "a file of signals")
    name = path.name.lower()
    reader = next((read for ending, read in _READERS.items() if name.endswith(ending)), None)
    if reader is None:
        raise DataError(path, "an ending that is not known", "one of " + ", ".join(_READERS))
    found = reader(path)
    if len(found.time_s) < 2:
        raise DataError(path, f"{len(found.time_s)} samples", "two or more")
    if not (np.diff(found.time_s) > 0).all():
        raise DataError(path, "times that do not increase", "one clock")
    return found


def _csv(path: Path) -> SignalRecording:
    table = pd.read_csv(path)
    lower = {str(column).lower(): column for column in table.columns}
    time = next((lower[name] for name in TIME_COLUMNS if name in lower), None)
    if time is None:
        raise DataError(path, "no column of times", "one of " + ", ".join(TIME_COLUMNS) + ", in seconds")
    numbers = [c for c in table.columns if c != time and pd.api.types.is_numeric_dtype(table[c])]
    if not numbers:
        raise DataError(path, "no column of numbers beside the times", "one for each channel")
    return _recording(path, "csv", numbers, table[time].to_numpy(float), table[numbers].to_numpy(float))


def _bids(path: Path) -> SignalRecording:
    """BIDS physiological recordings: columns without a heading, described by the JSON beside the file."""
    stem = path.name.removesuffix(".gz").removesuffix(".tsv")
    sidecar = path.with_name(f"{stem}.json")
    if not sidecar.is_file():
        raise DataError(path, "no JSON beside it", f"{sidecar.name} with SamplingFrequency, StartTime and Columns")
    about = json.loads(sidecar.read_text(encoding="utf-8"))
    for field in ("SamplingFrequency", "StartTime", "Columns"):
        if field not in about:
            raise DataError(sidecar, f"no {field}", "SamplingFrequency, StartTime and Columns")
    text = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    table = pd.read_csv(io.BytesIO(text), sep="\t", header=None, na_values=["n/a"])
    if table.shape[1] != len(about["Columns"]):
        raise DataError(path, f"{table.shape[1]} columns", f"the {len(about['Columns'])} of {sidecar.name}")
    time_s = float(about["StartTime"]) + np.arange(len(table)) / float(about["SamplingFrequency"])
    return _recording(path, "bids", about["Columns"], time_s, table.to_numpy(float))


def _edf(path: Path) -> SignalRecording:
    """EDF and BDF: 16 or 24 bit integers in records, scaled as the header says (Kemp et al. 1992)."""
    data = path.read_bytes()
    try:
        head = data[:_EDF_HEADER].decode("latin-1")
        header, records, length, count = (
            int(head[184:192]),
            int(head[236:244]),
            float(head[244:252]),
            int(head[252:256]),
        )
        fields = _edf_fields(data[_EDF_HEADER : _EDF_HEADER + _EDF_SIGNAL * count].decode("latin-1"), count)
        samples = [int(text) for text in fields["samples"]]
    except (ValueError, IndexError) as error:
        raise DataError(path, "a header that cannot be read", "EDF or BDF") from error
    rates = [number for number, label in zip(samples, fields["label"], strict=True) if "Annotations" not in label]
    if not rates or length <= 0:
        raise DataError(path, "no signals", "one or more")
    shared = max(rates, key=lambda rate: (rates.count(rate), rate))
    wide = 3 if data[0] == 0xFF else 2
    steps = _edf_integers(data[header:], wide)
    size = sum(samples)
    records = min(records if records > 0 else len(steps) // size, len(steps) // size)
    steps = steps[: records * size].reshape(records, size)
    start, channels, values = 0, [], []
    for i, number in enumerate(samples):
        if number == shared and "Annotations" not in fields["label"][i]:
            low, high = float(fields["digital_min"][i]), float(fields["digital_max"][i])
            bottom, top = float(fields["physical_min"][i]), float(fields["physical_max"][i])
            own = steps[:, start : start + number].ravel()
            values.append(bottom + (own - low) * (top - bottom) / (high - low))
            channels.append(fields["label"][i])
        start += number
    time_s = np.arange(records * shared) * length / shared
    return _recording(path, "edf", channels, time_s, np.stack(values, 1))


_EDF_FIELDS = {
    "label": 16,
    "transducer": 80,
    "unit": 8,
    "physical_min": 8,
    "physical_max": 8,
    "digital_min": 8,
    "digital_max": 8,
    "prefilter": 80,
    "samples": 8,
}


def _edf_fields(text: str, count: int) -> dict[str, list[str]]:
    found, at = {}, 0
    for name, width in _EDF_FIELDS.items():
        found[name] = [text[at + i * width : at + (i + 1) * width].strip() for i in range(count)]
        at += width * count
    return found


def _edf_integers(data: bytes, wide: int) -> np.ndarray:
    if wide == 2:
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(float)
    parts = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int32)
    values = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
    return np.where(values >= 1 << 23, values - (1 << 24), values).astype(float)


def _xdf(path: Path) -> SignalRecording:
    """LabStreamingLayer's XDF by pyxdf, whose clock corrections are kept; the stream with the most samples."""
    try:
        import pyxdf
    except ImportError as error:
        raise DataError(path, "pyxdf is not installed", "the extra signals: `pip install dfe[signals]`") from error
    streams: list[Mapping[str, Any]] = [
        one for one in pyxdf.load_xdf(str(path))[0] if np.issubdtype(np.asarray(one["time_series"]).dtype, np.number)
    ]
    if not streams:
        raise DataError(path, "no stream of numbers", "one or more")
    stream = max(streams, key=lambda one: len(one["time_stamps"]))
    values = np.asarray(stream["time_series"], float).reshape(len(stream["time_stamps"]), -1)
    name = str(stream["info"]["name"][0])
    channels = [name] if values.shape[1] == 1 else [f"{name} {i + 1}" for i in range(values.shape[1])]
    start = min(float(one["time_stamps"][0]) for one in streams)
    return _recording(path, "xdf", channels, np.asarray(stream["time_stamps"], float) - start, values)


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """(T,) samples of −1 … 1, channels averaged, and samples a second. Raises `DataError` for what is no PCM WAV."""
    from scipy.io import wavfile

    try:
        rate, sound = wavfile.read(path)
    except ValueError as error:
        raise DataError(path, "a sound that cannot be read", "PCM WAV") from error
    full = float(np.iinfo(sound.dtype).max) if np.issubdtype(sound.dtype, np.integer) else 1.0
    return np.asarray(sound, float).reshape(len(sound), -1).mean(1) / full, int(rate)


def _wav(path: Path) -> SignalRecording:
    """The envelope of a sound: root mean square of 10 ms, in dB of full scale (−100 of silence)."""
    mono, rate = read_wav(path)
    size = max(1, round(rate / ENVELOPE_HZ))
    blocks = mono[: len(mono) // size * size].reshape(-1, size)
    level = 20 * np.log10(np.maximum(np.sqrt((blocks**2).mean(1)), 1e-5))
    return _recording(path, "wav", ["envelope"], (np.arange(len(level)) + 0.5) * size / rate, level[:, None])


def _recording(path: Path, source: str, channels: list[Any], time_s: np.ndarray, values: np.ndarray) -> SignalRecording:
    names = tuple(str(name) for name in channels)
    return SignalRecording(name=path.name, source=source, channels=names, time_s=time_s, values=values)


_READERS: Mapping[str, Callable[[Path], SignalRecording]] = {
    ".csv": _csv,
    ".tsv.gz": _bids,
    ".tsv": _bids,
    ".edf": _edf,
    ".bdf": _edf,
    ".xdf": _xdf,
    ".wav": _wav,
}
