"""`dfe signals`: sound or body signals on the clock of a recording, by an offset that is measured or given."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.signals.offset import MeasuredOffset
    from dfe_core.signals.readers import SignalRecording

DESCRIPTION = (
    "Read signals (CSV, BIDS physio, EDF, BDF, XDF, the envelope of a WAV), measure how far their clock is from that "
    "of a recording by the movement of the jaw, and write every channel at every frame."
)
EXAMPLES = (
    "dfe signals study1 p01-talk p01.wav --out p01-envelope.csv",
    "dfe signals study1 p01-talk p01.wav --descriptors --out p01-voice.csv",
    "dfe signals study1 p01-talk sub-01_physio.tsv.gz --offset 0 --out p01-physio.csv",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="with the recording")
    parser.add_argument("recording", metavar="RECORDING", help="whose clock the signals are put on")
    parser.add_argument("file", type=Path, metavar="FILE", help=".csv, .tsv.gz with its JSON, .edf, .bdf, .xdf or .wav")
    parser.add_argument("--channel", default="", metavar="NAME", help="that goes with the jaw (default: the first)")
    parser.add_argument(
        "--offset", type=float, metavar="SECONDS", help="what is added to the signals' clock (default: it is measured)"
    )
    parser.add_argument(
        "--largest", type=float, default=2.0, metavar="SECONDS", help="offset that is looked for (default: 2)"
    )
    parser.add_argument(
        "--descriptors",
        action="store_true",
        help="of a WAV the 25 low-level descriptors of eGeMAPS by openSMILE (extra dfe[sound]) beside the envelope, by "
        "which the offset is measured",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the channels at every frame, .csv or .parquet")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.signals.readers import read_signals

    dataset, signals = Dataset.open(args.dataset), read_signals(args.file)
    channel = args.channel or signals.channels[0]
    measured = None if args.offset is not None else _measured(dataset, args.recording, signals, channel, args.largest)
    offset_s = args.offset if measured is None else measured.offset_s
    described = [signals, _described(args.file)] if args.descriptors else [signals]
    if args.out is not None:
        _write(dataset, args.recording, described, offset_s, args.out)
    about = {"dataset": dataset.name, "recording": args.recording, "file": signals.name, "format": signals.source}
    about |= {
        "channels": [name for one in described for name in one.channels],
        "rate_hz": signals.rate_hz,
        "offset_s": offset_s,
    }
    estimate = None if measured is None else {"channel": channel, **asdict(measured)}
    deliver({**about, "measured": estimate}, report(signals, offset_s, measured), args.json)


def report(signals: SignalRecording, offset_s: float, measured: MeasuredOffset | None) -> str:
    """The result of `dfe signals` as text."""
    rows: list[tuple[str, Any]] = [
        ("signals", f"{signals.name} ({signals.source}), {signals.rate_hz:g} a second"),
        ("channels", ", ".join(signals.channels)),
        ("offset", f"{offset_s:+.3f} s" if measured else f"{offset_s:+.3f} s, as given"),
    ]
    if measured is not None:
        rows += [
            ("95 % interval", f"{measured.low:+.3f} to {measured.high:+.3f} s"),
            ("correlation", f"{measured.r:.2f}, p {measured.p:.3g} of circular shifts"),
            (
                "drift",
                f"{measured.drift_ms_per_min:+.0f} ms a minute "
                f"({measured.drift_low:+.0f} to {measured.drift_high:+.0f})",
            ),
        ]
    return facts(rows)


def _measured(
    dataset: Dataset, recording: str, signals: SignalRecording, channel: str, largest_s: float
) -> MeasuredOffset:
    from dfe_core.channels.series import channel_series
    from dfe_core.channels.sources import channel_sources
    from dfe_core.signals.offset import measure_offset

    series = channel_series(dataset, recording, channel_sources(dataset))
    if series.jaw is None:
        raise DataError(recording, "no opening of the jaw to measure the offset by", "--offset SECONDS")
    return measure_offset((series.time_s, series.jaw), (signals.time_s, signals.channel(channel)), largest_s)


def _described(path: Path) -> SignalRecording:
    from dfe_core.signals.descriptors import read_descriptors

    if not path.name.lower().endswith(".wav"):
        raise DataError(path, "no sound to describe", "a .wav with --descriptors")
    return read_descriptors(path)


def _write(dataset: Dataset, recording: str, described: list[SignalRecording], offset_s: float, out: Path) -> None:
    from dfe_core.exchange.table_files import write_table_file
    from dfe_core.signals.offset import on_clock

    frames = dataset.frames(recording)
    tables = [pd.DataFrame({"recording": recording, "frame": frames.frame, "time_s": frames.time_s})]
    for signals in described:
        values = on_clock(signals.time_s, signals.values, offset_s, np.asarray(frames.time_s))
        tables.append(pd.DataFrame(values, columns=list(signals.channels)))
    write_table_file(pd.concat(tables, axis=1), out)
