"""One golden file each of the AU tools beside OpenFace, py-feat and LibreFace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.readers import AuReadOptions, read_aus
from dfe_core.facs.readers.headset import AUS


def write(path: Path, columns: dict, above: str = "", sep: str = ",") -> Path:
    path.write_text(above + pd.DataFrame(columns).to_csv(index=False, sep=sep))
    return path


def column(found, au: str, values: str = "probability", side: str = "both") -> np.ndarray:
    return getattr(found, values)[:, found.aus.index((au, side))]


def test_pyafar_has_probabilities_and_intensities_of_different_aus_and_persons(tmp_path):
    frames = np.repeat(np.arange(30), 2)
    path = write(
        tmp_path / "a.csv",
        {
            "Frame": frames,
            "Person_ID": np.tile([0, 1], 30),
            "Occ_au_1": np.tile([0.1, 0.9], 30) + frames / 1000,
            "Int_au_12": np.tile([2.5, 4.0], 30) - frames / 100,
            "Yaw": 0.1,
        },
    )
    one, two = read_aus(path, AuReadOptions(fps=30))
    assert (one.tool, one.face, two.face) == ("pyafar", "0", "1")
    assert column(one, "AU1")[0] == pytest.approx(0.1) and column(two, "AU12", "intensity")[0] == 4
    assert np.isnan(column(one, "AU12")).all() and np.isnan(column(one, "AU1", "intensity")).all()


def test_a_headset_has_aus_with_sides(tmp_path):
    weights = {name: np.linspace(0, 1, 72) for name in AUS} | {"LipCornerPullerR": np.linspace(1, 0, 72)}
    (found,) = read_aus(write(tmp_path / "q.csv", {"UnixTimestampMs": 1.7e12 + np.arange(72) * 1000 / 72} | weights))
    assert found.fps == pytest.approx(72, rel=1e-3) and found.time_s[0] == 0
    assert column(found, "AU12", side="left")[-1] == 1 and column(found, "AU12", side="right")[-1] == 0


def test_facet_evidence_is_the_logarithm_of_odds_below_lines_of_metadata(tmp_path):
    evidence = np.linspace(-2, 2, 41)
    path = write(
        tmp_path / "f.txt",
        {
            "StudyName": "s",
            "Timestamp": np.arange(41) * 40,
            "FrameNo": np.arange(41),
            "AU1 Evidence": evidence,
            "AU12 Evidence": -evidence,
            "AU4 Evidence": evidence,
        },
        "iMotions\tVersion 6\nExport\t2016\n#A line\n\n",
        "\t",
    )
    (found,) = read_aus(path)
    assert found.tool == "facet" and found.fps == 25
    assert column(found, "AU1")[20] == pytest.approx(0.5) and column(found, "AU12")[0] == pytest.approx(100 / 101)


def test_affdex_percentages_are_probabilities_and_rows_of_other_sensors_are_passed_over(tmp_path):
    names = ("Brow Furrow", "Brow Raise", "Cheek Raise", "Chin Raise", "Dimpler", "Eye Closure", "Jaw Drop", "Smile")
    rows = np.arange(80)
    face = rows % 2 == 0
    table = {"Timestamp": rows * 20.0} | {n: np.where(face, rows + 0.5, np.nan) for n in names}
    (found,) = read_aus(write(tmp_path / "a.csv", table))
    assert found.tool == "affdex" and len(found.time_s) == 40 and found.fps == 25
    assert column(found, "AU12")[0] == pytest.approx(0.005) and "40 rows of other sensors" in " ".join(found.notes)


def test_facereader_letters_and_failures(tmp_path):
    times = [f"00:00:{i / 25:06.3f}" for i in range(50)]
    log = {
        "Video Time": times,
        "Neutral": 0.2,
        "Happy": 0.3,
        "Sad": 0.0,
        "Stimulus": "x",
        "Action Unit 12 - Lip Corner Puller": ["NotActive", "A", "E", "FIT_FAILED", "C"] * 10,
        "Action Unit 01 - Inner Brow Raiser": ["NotActive", "NotActive", "B", "FIT_FAILED", "A"] * 10,
    }
    (found,) = read_aus(write(tmp_path / "l.txt", log, "Video analysis detailed log\nFace Model:\tGeneral\n\n", "\t"))
    assert found.fps == 25 and found.tool == "facereader"
    assert column(found, "AU12", "intensity")[:3].tolist() == [0, 1, 5] and np.isnan(found.intensity[3]).all()


def test_values_that_cannot_be_used_say_why(tmp_path):
    scores = {f"AU{n:02d}_r": np.linspace(-3, 3, 60) for n in (1, 2, 4)}
    with pytest.raises(DataError, match="evidence scores or standardised values"):
        read_aus(write(tmp_path / "z.csv", {"frame": range(60), "timestamp": np.arange(60) / 30} | scores))


def test_openface_as_parquet_is_read_alike(tmp_path):
    table = pd.DataFrame(
        {
            "frame": range(60),
            "timestamp": np.round(np.arange(60) / 30, 3),
            "confidence": 0.98,
            "success": 1,
            "AU12_r": np.linspace(0, 4, 60),
            "AU12_c": np.repeat([0, 1], 30),
        }
    )
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    (text,), (parquet,) = read_aus(tmp_path / "a.csv"), read_aus(tmp_path / "a.parquet")
    assert text.fps == parquet.fps == 30 and np.allclose(text.intensity, parquet.intensity)


def test_elans_tab_export_is_read_whatever_the_language_of_its_headers(tmp_path):
    rows = {
        "Ebene": ["AU12", "AU4", "Notiz"],
        "Teilnehmer": ["", "", ""],
        "Startzeit - hh:mm:ss.ms": ["00:00:00.500", "00:00:02.000", "00:00:03.000"],
        "Startzeit - ss.msec": ["0.5", "2.0", "3.0"],
        "Endzeit - hh:mm:ss.ms": ["00:00:01.500", "00:00:02.500", "00:00:04.000"],
        "Endzeit - ss.msec": ["1.5", "2.5", "4.0"],
        "Dauer - ss.msec": ["1.0", "0.5", "1.0"],
        "Annotation": ["C", "R", "lacht"],
    }
    (found,) = read_aus(write(tmp_path / "e.txt", rows, sep="\t"))
    assert [(i.au, i.side, i.onset_s, i.offset_s) for i in found.intervals] == [
        ("AU12", "both", 0.5, 1.5),
        ("AU4", "right", 2.0, 2.5),
    ]
    assert found.intervals[0].intensity == 3


def test_pyfeat_2_splits_videos_by_input_and_takes_its_rate_from_skipped_frames(tmp_path):
    from dfe_core.expressions.readers.options import ReadOptions
    from dfe_core.expressions.readers.registry import find_reader
    from dfe_core.faces.arkit import ARKIT_NAMES

    frames = np.tile(np.arange(30) * 5, 2)
    table = {"FaceRectX": 9.0, "FaceRectY": 8.0, "FaceScore": 0.99, "AU01": 0.25, "AU12": frames / 200, "AU43": 0.5}
    table |= {name: (np.arange(60) + i) / 200 for i, name in enumerate(("_neutral", *ARKIT_NAMES))}
    table |= {"Identity": "Person_0", "input": np.repeat(["v/one.mp4", "v/two.mp4"], 30), "frame": frames}
    path = write(tmp_path / "fex.csv", table)
    aus = read_aus(path, AuReadOptions(fps=30))
    assert [(a.recording, a.fps, len(a.time_s)) for a in aus] == [("one", 6, 30), ("two", 6, 30)]
    assert column(aus[1], "AU12")[29] == pytest.approx(145 / 200)
    faces = find_reader(path)[0].read(path, ReadOptions(fps=30))
    assert [(f.name, f.fps, f.extractor) for f in faces] == [(f"fex-{n}", 6, "py-feat") for n in ("one", "two")]
    jaw = faces[1].names.index("jawOpen")
    assert faces[1].psi[0, jaw] == pytest.approx((30 + 1 + ARKIT_NAMES.index("jawOpen")) / 200)
