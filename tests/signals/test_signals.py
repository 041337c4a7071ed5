"""Signals are read from every format as written, their offset is recovered, and fusion finds what is planted."""

from __future__ import annotations

import gzip
import json
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

from dfe_core.errors import DataError
from dfe_core.signals.fusion import modality_table
from dfe_core.signals.offset import measure_offset, on_clock
from dfe_core.signals.readers import read_signals
from dfe_core.signals.simulation import plant_course, plant_modalities
from dfe_core.simulate.conversations import simulate_conversations
from train.__main__ import main

VALUES = np.stack([np.linspace(-1, 1, 40), np.sin(np.arange(40))], 1)


def write_edf(path: Path, values: np.ndarray, rate: int, low: float, high: float) -> None:
    """An EDF of one-second records."""
    count, records = values.shape[1], len(values) // rate
    head = "0".ljust(8) + "".ljust(176) + str(256 * (1 + count)).ljust(8) + "".ljust(44) + str(records).ljust(8)
    head += "1".ljust(8) + str(count).ljust(4)
    for text, width in (("ch{}", 16), ("", 80), ("uV", 8), (f"{low}", 8), (f"{high}", 8), ("-32768", 8), ("32767", 8)):
        head += "".join(text.format(i).ljust(width) for i in range(count))
    head += "".ljust(80 * count) + str(rate).ljust(8) * count + "".ljust(32 * count)
    steps = np.rint((values - low) / (high - low) * 65535 - 32768).astype("<i2")
    blocks = steps.reshape(records, rate, count).transpose(0, 2, 1)
    path.write_bytes(head.encode("latin-1") + blocks.tobytes())


def test_a_csv_has_its_times_and_a_column_for_each_channel(tmp_path):
    table = pd.DataFrame(VALUES, columns=["eda", "ecg"]).assign(Time=np.arange(40) / 4 + 3)
    table.to_csv(tmp_path / "a.csv", index=False)
    found = read_signals(tmp_path / "a.csv")
    assert found.channels == ("eda", "ecg") and found.time_s[0] == 3 and found.rate_hz == pytest.approx(4)
    assert np.allclose(found.channel("ecg"), VALUES[:, 1])


def test_bids_physio_has_rate_start_and_columns_of_its_json(tmp_path):
    path = tmp_path / "sub-1_physio.tsv.gz"
    text = "\n".join("\t".join("n/a" if i == 5 else f"{v:.9f}" for v in row) for i, row in enumerate(VALUES))
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(DataError, match="sub-1_physio.json"):
        read_signals(path)
    about = {"SamplingFrequency": 10, "StartTime": -2.5, "Columns": ["cardiac", "respiratory"]}
    (tmp_path / "sub-1_physio.json").write_text(json.dumps(about))
    found = read_signals(path)
    assert found.channels == ("cardiac", "respiratory") and found.time_s[[0, 10]].tolist() == [-2.5, -1.5]
    assert np.isnan(found.values[5]).all() and np.allclose(found.values[6], VALUES[6])


def test_an_edf_is_scaled_as_its_header_says(tmp_path):
    write_edf(tmp_path / "a.edf", VALUES, 10, -2, 2)
    found = read_signals(tmp_path / "a.edf")
    assert found.channels == ("ch0", "ch1") and found.rate_hz == pytest.approx(10)
    assert np.allclose(found.values, VALUES, atol=4 / 65535)


def test_a_wav_is_its_envelope_and_an_xdf_its_longest_stream(tmp_path, monkeypatch):
    sound = np.r_[np.zeros(1000), np.sin(np.arange(1000) / 2) * 0.5].astype(np.float32)
    wavfile.write(tmp_path / "a.wav", 1000, sound)
    found = read_signals(tmp_path / "a.wav")
    assert found.rate_hz == pytest.approx(100) and found.values[0, 0] == -100
    assert found.values[-1, 0] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1)
    (tmp_path / "a.xdf").write_bytes(b"XDF:")
    streams = [
        {"info": {"name": ["marker"]}, "time_series": [["a"]], "time_stamps": np.array([9.0])},
        {"info": {"name": ["eda"]}, "time_series": VALUES[:, :1], "time_stamps": 10 + np.arange(40) / 4},
    ]
    monkeypatch.setitem(sys.modules, "pyxdf", types.SimpleNamespace(load_xdf=lambda path: (streams, {})))
    found = read_signals(tmp_path / "a.xdf")
    assert found.channels == ("eda",) and found.time_s[0] == 0 and np.allclose(found.values, VALUES[:, :1])


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"x")
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    (tmp_path / "c.edf").write_bytes(b"nothing")
    for name, words in (
        ("a.mat", "ending"),
        ("b.csv", "no column of times"),
        ("c.edf", "header"),
        ("d.csv", "no such"),
    ):
        with pytest.raises(DataError, match=words):
            read_signals(tmp_path / name)


@pytest.mark.parametrize("planted", [-1.13, 0.4])
def test_a_planted_offset_is_found_within_its_interval_and_drift_too(planted):
    face, signal = plant_course(offset_s=planted, minutes=3, seed=1)
    found = measure_offset(face, signal)
    assert found.offset_s == pytest.approx(planted, abs=0.03) and found.p < 0.05
    assert found.low - 0.01 <= planted <= found.high + 0.01 and abs(found.drift_ms_per_min) < 20
    face, signal = plant_course(offset_s=planted, minutes=6, drift_ms_per_min=40, seed=2)
    assert measure_offset(face, signal).drift_ms_per_min == pytest.approx(40, abs=15)


def test_an_unrelated_signal_has_no_offset_beyond_chance_and_a_short_one_is_refused():
    face, _ = plant_course(offset_s=0, minutes=3, seed=3)
    _, other = plant_course(offset_s=0, minutes=3, seed=4)
    assert measure_offset(face, other).p > 0.05
    with pytest.raises(DataError, match="40 s"):
        measure_offset((face[0][:300], face[1][:300]), other)


def test_a_signal_on_the_clock_of_the_face_is_moved_by_the_offset_and_unknown_outside():
    time_s = np.arange(20) / 10
    found = on_clock(time_s, np.stack([time_s, time_s], 1), 0.5, np.array([0.2, 0.5, 1.0, 9.0]))
    assert np.isnan(found[[0, 3]]).all() and np.allclose(found[1:3, 0], [0, 0.5], atol=1e-6)


def test_fusion_finds_a_label_that_both_carry_and_noise_does_not_help():
    features, labels, subjects = plant_modalities({"face": 1.2, "signals": 1.2, "noise": 0.0}, subjects=80, seed=0)
    table = modality_table(features, labels, subjects, resamples=200).set_index(["used", "fusion"])
    late = table.loc[("face + signals", "late")]
    assert late["auroc"] > table.loc[("face", ""), "auroc"] and late["gain"] > 0
    assert table.loc[("noise", ""), "low"] < 0.5 < table.loc[("noise", ""), "high"]
    with pytest.raises(DataError, match="two or more modalities"):
        modality_table({"face": features["face"]}, labels, subjects)


def test_the_command_measures_the_offset_and_writes_every_frame(tmp_path, cache, toy_face, capsys):
    dataset = simulate_conversations("talks", toy_face, root=cache, conversations=1, minutes=1, fps=20)
    frames = dataset.frames("d01-a")
    jaw = frames.psi[:, toy_face.names.index("jawOpen")]
    pd.DataFrame({"time_s": frames.time_s - 0.6, "envelope": jaw}).to_csv(tmp_path / "e.csv", index=False)
    out = tmp_path / "out.csv"
    assert main(["signals", "talks", "d01-a", str(tmp_path / "e.csv"), "--out", str(out), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["offset_s"] == pytest.approx(0.6, abs=0.02) and found["measured"]["channel"] == "envelope"
    table = pd.read_csv(out)
    assert len(table) == len(frames.frame) and np.allclose(table["envelope"][100:200], jaw[100:200], atol=0.02)
