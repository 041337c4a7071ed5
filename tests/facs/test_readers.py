"""Readers of AU files: what they read, and what they say of bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.readers import AuReadOptions, read_aus
from dfe_core.facs.readers.coding import parse_code, parse_intensity

OPENFACE = {
    "frame": range(1, 61),
    "timestamp": [i / 30 for i in range(60)],
    "confidence": 0.98,
    "success": 1,
    "AU01_r": np.linspace(0, 4, 60),
    "AU12_r": np.linspace(3, 0, 60),
    "AU01_c": [0] * 30 + [1] * 30,
    "AU12_c": [1] * 30 + [0] * 30,
    "AU28_c": [0, 1] * 30,
}


def write(path, columns, blanks=False, **changed):
    table = pd.DataFrame(columns | changed)
    table = table[[c for c in table.columns if changed.get(c, 0) is not None]]
    text = table.to_csv(index=False)
    path.write_text(text.replace(",", ", ", text.split("\n")[0].count(",")) if blanks else text)
    return path


def column(detections, au, values):
    return getattr(detections, values)[:, detections.aus.index((au, "both"))]


def notes(detections):
    return " | ".join(detections.notes)


@pytest.mark.parametrize("blanks", [False, True])
def test_openface_gives_intensity_from_r_and_presence_from_c(tmp_path, blanks):
    (found,) = read_aus(write(tmp_path / "a.csv", OPENFACE, blanks))
    assert found.tool == "openface" and found.fps == pytest.approx(30)
    assert column(found, "AU1", "intensity")[-1] == pytest.approx(4) and column(found, "AU1", "probability")[-1] == 1
    assert np.isnan(column(found, "AU28", "intensity")).all() and column(found, "AU28", "probability")[1] == 1
    assert "_c (classifier)" in notes(found)


def test_openface_presence_can_be_taken_from_r_and_the_disagreement_is_said(tmp_path):
    (found,) = read_aus(write(tmp_path / "a.csv", OPENFACE), AuReadOptions(presence="r"))
    expected = (OPENFACE["AU01_r"] >= 1).astype(float)
    assert np.array_equal(column(found, "AU1", "probability"), expected)
    assert "disagree" in notes(found) and "AU1" in notes(found)


def test_frames_without_success_are_not_measured(tmp_path):
    (found,) = read_aus(write(tmp_path / "a.csv", OPENFACE, success=[1] * 50 + [0] * 10))
    assert np.isnan(found.intensity[50:]).all() and np.isfinite(column(found, "AU1", "intensity")[:50]).all()
    assert "10 of 60 frames without success" in notes(found)
    (strict,) = read_aus(
        write(tmp_path / "b.csv", OPENFACE, confidence=[0.9] * 20 + [0.3] * 40), AuReadOptions(min_confidence=0.5)
    )
    assert np.isnan(strict.probability[20:]).all() and not np.isnan(strict.probability[:20]).any()


def test_several_faces_become_several_detections_the_most_seen_first(tmp_path):
    table = pd.concat([pd.DataFrame(OPENFACE).assign(face_id=0).iloc[:20], pd.DataFrame(OPENFACE).assign(face_id=3)])
    path = tmp_path / "two.csv"
    table.sort_values("frame").to_csv(path, index=False)
    found = read_aus(path)
    assert [len(d.frame) for d in found] == [60, 20]
    assert [d.notes[0] for d in found] == ["face 3", "face 0"]


def test_the_real_openface_file_has_a_counter_for_time_and_reads_once_the_rate_is_given(shared):
    path = shared / "data" / "pyfeat_csv" / "OpenFace_Test.csv"
    with pytest.raises(DataError, match="no real time"):
        read_aus(path)
    (found,) = read_aus(path, AuReadOptions(fps=30))
    assert found.probability.shape == (100, 18) and found.time_s[-1] == pytest.approx(99 / 30)
    assert column(found, "AU1", "intensity")[0] == pytest.approx(0.6773)
    assert column(found, "AU2", "probability")[0] == 1


def test_the_real_pyfeat_file_has_probabilities_and_no_time(shared):
    path = shared / "data" / "pyfeat_csv" / "001.csv"
    with pytest.raises(DataError, match="no frame rate"):
        read_aus(path)
    (found,) = read_aus(path, AuReadOptions(fps=25))
    assert found.tool == "py-feat" and found.recording == "001" and len(found.frame) == 40
    assert column(found, "AU1", "probability")[0] == pytest.approx(0.5463019)
    assert np.isnan(found.intensity).all() and "AU45" not in found.emits and "AU43" in found.emits


def test_pyfeat_tables_of_several_inputs_are_taken_apart_and_rows_of_unknown_faces_are_left_out(tmp_path):
    base = {
        "AU01": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "AU02": [0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        "AU12": [0.9] * 3 + [0.1] * 3,
        "frame": [0, 0, 1, 0, 1, 2],
        "FaceScore": 0.99,
        "input": [r"C:\v\a.mp4"] * 3 + ["/v/b.mp4"] * 3,
    }
    found = read_aus(write(tmp_path / "f.csv", base), AuReadOptions(fps=10))
    assert [(d.recording, len(d.frame)) for d in found] == [("a", 2), ("b", 3)]
    assert "another left out" in notes(found[0])


def test_libreface_reads_time_in_ms_and_keeps_intensity_and_detection_apart(tmp_path):
    (found,) = read_aus(
        write(
            tmp_path / "l.csv",
            {
                "frame_idx": range(20),
                "frame_time_in_ms": [40 * i for i in range(20)],
                "au_1_intensity": np.linspace(0, 5, 20),
                "au_7": [0, 1] * 10,
                "facial_expression": "Neutral",
            },
        )
    )
    assert found.tool == "libreface" and found.fps == pytest.approx(25)
    assert np.isnan(column(found, "AU1", "probability")).all() and column(found, "AU1", "intensity")[-1] == 5
    assert np.isnan(column(found, "AU7", "intensity")).all() and column(found, "AU7", "probability")[1] == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AU99_r": 1.5}, "unknown AU column AU99_r"),
        ({"AU12_r": [9.0] + [1.0] * 58 + [2.0]}, "AU12_r: 1 of 60 values outside 0 to 5"),
        ({"AU12_r": np.linspace(0, 50, 60)}, "column left out"),
        ({"AU12_r": 1.7}, "AU12 at 1.7: constant in every frame"),
        ({"AU12_r": 0.0}, "AU12: 0 in every frame (intensity); kept"),
        ({"timestamp": [i / 30 for i in range(59, -1, -1)]}, "not in order of the time"),
        ({"timestamp": [0.0] + [i / 30 for i in range(59)]}, "1 row with the time of another"),
    ],
)
def test_a_fault_in_a_column_is_one_clear_note_and_the_rest_goes_on(tmp_path, changed, message):
    (found,) = read_aus(write(tmp_path / "a.csv", OPENFACE, **changed))
    assert message in notes(found)
    assert ("AU1", "both") in found.aus and (np.diff(found.time_s) > 0).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"timestamp": None}, "no frame rate"),
        ({"timestamp": 0.0}, "no real time"),
        ({"success": 0}, "no face was found"),
        ({k: 0 for k in OPENFACE if k.startswith("AU")}, "every AU is zero"),
        ({"AU01_r": ["x"] * 60}, "line 2, column AU01_r: 'x'"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, changed, message):
    with pytest.raises(DataError) as caught:
        read_aus(write(tmp_path / "bad.csv", OPENFACE, **changed))
    assert message in str(caught.value) and "bad.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 50, "binary"),
        (b"a,b\n1,2\n", "no AUs found"),
        (b"frame,AU01_r\n", "no rows"),
        (b"AU01_r,AU01_r\n1,2\n", "stands twice"),
        (b"<xml/>", "no AUs found"),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_files_that_are_no_au_table_are_named(tmp_path, content, message):
    path = tmp_path / "what.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match="what.csv") as caught:
        read_aus(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [f"AU0{i}_r" for i in range(1, 9)],
        [f"AU_0{i}" for i in range(8)],
        [f"AU{n:02d}_intensity" for n in (1, 2, 4, 6, 9, 12, 25, 26)],
    ],
)
def test_openface_3_counts_its_outputs_which_are_the_eight_aus_of_disfa(tmp_path, names):
    table = {"frame_idx": range(20), "timestamp": np.arange(20) / 30, "gaze_yaw": 0.1}
    table |= {name: (np.arange(20) + i) / 30 for i, name in enumerate(names)}
    (found,) = read_aus(write(tmp_path / "o3.csv", table))
    assert [au for au, _ in found.aus] == ["AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26"]
    assert found.tool == "openface-3" and np.isnan(found.intensity).all()
    assert found.probability[4, 5] == pytest.approx(9 / 30)


def test_an_unknown_format_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(DataError, match="pyfeat"):
        read_aus(tmp_path / "a.csv", format="faceplus")
    with pytest.raises(DataError, match="no such file"):
        read_aus(tmp_path / "a.csv")


def test_a_utf16_file_with_semicolons_reads(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(pd.DataFrame(OPENFACE).to_csv(index=False, sep=";"), encoding="utf-16")
    assert len(read_aus(path)[0].frame) == 60


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("R12A", [("AU12", "right", 1.0)]),
        ("AU04C", [("AU4", "both", 3.0)]),
        ("l14", [("AU14", "left", None)]),
        ("1+2+5B", [("AU1", "both", None), ("AU2", "both", None), ("AU5", "both", 2.0)]),
        ("AU12_L", [("AU12", "left", None)]),
    ],
)
def test_facs_codes_as_coders_write_them(code, expected):
    assert [(a, s, None if np.isnan(i) else i) for a, s, i in parse_code(code)] == expected


def test_what_is_no_code_or_intensity_is_told_apart_from_a_blank():
    assert parse_code("smile") is None and parse_code("") is None and parse_code("AU99") is None
    assert np.isnan(parse_intensity("")) and parse_intensity("e") == 5 and parse_intensity("7") is None


def test_manual_coding_reads_intervals_with_side_and_letters(tmp_path):
    path = tmp_path / "coding.csv"
    path.write_text(
        "file,au,side,onset,apex,offset,intensity\na.mp4,12,L,1.0,1.5,2.0,C\na.mp4,R4B,,2.0,,3.0,\n"
        "b.mp4,1+2,,0.5,0.6,0.9,E\n"
    )
    a, b = read_aus(path)
    assert (a.recording, b.recording, a.tool) == ("a", "b", "manual") and a.is_intervals
    first, second = a.intervals
    assert (first.au, first.side, first.apex_s, first.intensity) == ("AU12", "left", 1.5, 3.0)
    assert (second.au, second.side, second.intensity) == ("AU4", "right", 2.0) and np.isnan(second.apex_s)
    assert [i.au for i in b.intervals] == ["AU1", "AU2"] and b.intervals[0].intensity == 5


def test_manual_coding_in_frames_needs_the_rate(tmp_path):
    path = tmp_path / "frames.csv"
    path.write_text("AU,onset_frame,offset_frame\n12,50,100\n")
    with pytest.raises(DataError, match="counts frames"):
        read_aus(path)
    assert read_aus(path, AuReadOptions(fps=50))[0].intervals[0].onset_s == 1.0


def test_events_that_cannot_be_used_are_left_out_and_counted(tmp_path):
    path = tmp_path / "coding.csv"
    path.write_text("au,onset,offset,intensity\n12,1,2,C\n12,3,2,C\nsmile,1,2,A\n6,1,2,Z\n")
    (found,) = read_aus(path)
    assert len(found.intervals) == 1 and "3 of 4 events left out" in notes(found) and "row 3" in notes(found)


ELAN = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2500"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="3000"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/></TIME_ORDER>
{tiers}<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"/>
</ANNOTATION_DOCUMENT>"""


def elan(path, *tiers, doctype=""):
    text = "".join(
        f'<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="{name}"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{i}" '
        f'TIME_SLOT_REF1="ts{2 * (i % 2) + 1}" TIME_SLOT_REF2="ts{2 * (i % 2) + 2}"><ANNOTATION_VALUE>{value}'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
        for i, (name, value) in enumerate(tiers)
    )
    path.write_text(ELAN.format(doctype=doctype, tiers=text))
    return path


def test_elan_tiers_named_by_an_au_and_annotations_that_are_codes_both_read(tmp_path):
    (found,) = read_aus(elan(tmp_path / "c.eaf", ("AU12_L", "C"), ("FACS", "R4B+7"), ("speech", "hello")))
    events = {(i.au, i.side): (i.onset_s, i.offset_s, i.intensity) for i in found.intervals}
    assert events["AU12", "left"] == (1.0, 2.5, 3.0) and events["AU4", "right"] == (3.0, 4.0, 2.0)
    assert ("AU7", "both") in events and "speech" in notes(found)


@pytest.mark.parametrize(
    ("doctype", "content", "message"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>', None, "not a safe XML file"),
        ("", "<html></html>", "document of type html"),
        ("", "<ANNOTATION_DOC", "not a safe XML file"),
        ("", "<ANNOTATION_DOCUMENT/>", "lacks"),
    ],
)
def test_an_xml_bomb_and_other_xml_are_refused(tmp_path, doctype, content, message):
    path = elan(tmp_path / "bomb.eaf", ("AU12", "&b;" if doctype else "A"), doctype=doctype)
    if content:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_aus(path)


def test_an_elan_file_without_codes_names_its_tiers(tmp_path):
    with pytest.raises(DataError, match="speech"):
        read_aus(elan(tmp_path / "c.eaf", ("speech", "hello")))
