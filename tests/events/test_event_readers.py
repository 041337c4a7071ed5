"""Files of events of every format give the same typed table, joined to the recordings that they are of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.events.importing import import_events, read_events
from dfe_core.events.readers import read_event_file
from dfe_core.events.store import EventSet, list_events
from dfe_core.expressions.dataset import Dataset
from tests.small_world import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Dataset:
    """Recordings s1_talk, s2_talk and s10 of 10 s."""
    root = tmp_path_factory.mktemp("events") / "cache"
    return write_dataset(root, toy_face, {name: np.zeros((100, 52)) for name in ("s1_talk", "s2_talk", "s10")})


def rows(path: Path, dataset: Dataset) -> list[tuple]:
    """Recording, onset, offset and kind of every event."""
    report = read_events([path], dataset)
    table = report.table
    return list(zip(table["recording"], table["onset_s"], table["offset_s"], table[report.kind], strict=True))


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "recording,onset_s,offset_s,phase,load\ns1_talk,1,2.5,rest,3\ns2_talk,0,4,task,1\n",
        "File;Start;Duration;Phase\ns1_talk.mp4;1,0;1,5;rest\nC:\\videos\\S2_talk.mp4;0;4;task\n",
        "recording\tonset_ms\toffset_ms\tcondition\ns1_talk\t1000\t2500\trest\ns2_talk\t0\t4000\ttask\n",
    ],
)
def test_a_table_names_recordings_times_and_what_happens(text: str, tmp_path: Path, dataset: Dataset):
    found = rows(written(tmp_path / "events.csv", text), dataset)
    assert found == [("s1_talk", 1.0, 2.5, "rest"), ("s2_talk", 0.0, 4.0, "task")]


def test_bids_events_are_of_the_recording_that_the_file_is_named_after(tmp_path: Path, dataset: Dataset):
    text = "onset\tduration\ttrial_type\tresponse_time\n0.5\t1.5\tgo\t0.25\n3\tn/a\tstop\tn/a\nn/a\t1\tgo\t1\n"
    report = read_events([written(tmp_path / "s10_events.tsv", text)], dataset)
    assert report.table["recording"].tolist() == ["s10", "s10"] and report.kind == "trial_type"
    assert report.table[["onset_s", "offset_s"]].to_numpy().tolist() == [[0.5, 2.0], [3.0, 3.0]]
    assert report.table["response_time"].tolist()[0] == 0.25 and np.isnan(report.table["response_time"][1])
    assert report.untimed == 1 and report.unmatched == ("s1_talk", "s2_talk")


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///v/s2_talk.mp4"/></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="2500"/></TIME_ORDER>
<TIER TIER_ID="speech"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="1" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b">
<ANNOTATION_VALUE>talking</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="who"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="2" ANNOTATION_REF="1">
<ANNOTATION_VALUE>guest</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"""


def test_elan_gives_every_tier_under_the_name_of_the_video(tmp_path: Path, dataset: Dataset):
    report = read_events([written(tmp_path / "coder-1.eaf", EAF)], dataset)
    assert report.table.to_numpy().tolist() == [
        ["s2_talk", 1.0, 2.5, "speech", "talking"],
        ["s2_talk", 1.0, 2.5, "who", "guest"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Tier\tParticipant\tBegin Time - ss.msec\tEnd Time - ss.msec\tDuration - ss.msec\tAnnotation\tFile Name\n"
        "speech\tp\t1.0\t2.5\t1.5\ttalking\ts1_talk.eaf\nlook\t\t3.0\t4.0\t1.0\taway\ts2_talk.eaf\n",
        "Anfang - hh:mm:ss.ms\tEnde - hh:mm:ss.ms\tspeech\tlook\tDatei\n"
        "00:00:01.000\t00:00:02.500\ttalking\t\ts1_talk.eaf\n00:00:03.000\t00:00:04.000\t\taway\ts2_talk.eaf\n",
    ],
)
def test_elan_exports_have_the_tier_in_a_cell_or_as_a_column(text: str, tmp_path: Path, dataset: Dataset):
    report = read_events([written(tmp_path / "export.txt", text)], dataset)
    assert report.table.to_numpy().tolist() == [
        ["s1_talk", 1.0, 2.5, "speech", "talking"],
        ["s2_talk", 3.0, 4.0, "look", "away"],
    ]


AGGREGATED = """Observation id,Observation date,Description,Media file,Total length,FPS,Subject,Behavior,\
Behavioral category,Modifiers,Behavior type,Start (s),Stop (s),Duration (s),Comment start,Comment stop
o1,2024-01-01,,T:/v/s1_talk.mp4,10,25,No focal subject,smile,face,,STATE,1.000,2.500,1.5,,
o1,2024-01-01,,T:/v/s1_talk.mp4,10,25,mother,nod,,,POINT,3.000,3.000,0,,
"""
TABULAR = """Observation id\to1
Media file(s)\t

Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus
1.0\t/v/s1_talk.mp4\t10\t25\tNo focal subject\tsmile\tface\t\tSTART
2.5\t/v/s1_talk.mp4\t10\t25\tNo focal subject\tsmile\tface\t\tSTOP
3.0\t/v/s1_talk.mp4\t10\t25\tmother\tnod\t\t\tPOINT
9.0\t/v/s1_talk.mp4\t10\t25\tmother\tsmile\tface\t\tSTART
"""
EVENTS = [[3.0, "mother", "nod", "", ""], [1.0, "", "smile", "", ""], [2.5, "", "smile", "", ""]]
BEHAVIOURS = {
    "0": {"type": "State event", "code": "smile", "category": "face"},
    "1": {"type": "Point event", "code": "nod"},
}


def project(events: list, files: list[str], lengths: dict[str, float] | None = None) -> str:
    observation = {"file": {"1": files, "2": []}, "events": events, "media_info": {"length": lengths or {}}}
    return json.dumps({"behaviors_conf": BEHAVIOURS, "observations": {"o1": observation}})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("boris.csv", AGGREGATED),
        ("boris.tsv", TABULAR),
        ("study.boris", project(EVENTS, ["/v/s1_talk.mp4"])),
    ],
)
def test_boris_exports_and_projects_hold_the_same_events(name: str, text: str, tmp_path: Path, dataset: Dataset):
    report = read_events([written(tmp_path / name, text)], dataset)
    table = report.table[["recording", "onset_s", "offset_s", "behavior", "category", "coded_subject"]]
    assert table.fillna("").to_numpy().tolist() == [
        ["s1_talk", 1.0, 2.5, "smile", "face", ""],
        ["s1_talk", 3.0, 3.0, "nod", "", "mother"],
    ]
    noted = [note for notes in report.notes.values() for note in notes]
    assert noted == (["1 states without a start or a stop left out"] if text is TABULAR else [])


def test_a_boris_observation_over_two_files_is_cut_where_one_ends(tmp_path: Path, dataset: Dataset):
    files = ["/v/s1_talk.mp4", "/v/s2_talk.mp4"]
    events = [[8.0, "", "smile", "", ""], [13.0, "", "smile", "", ""], [14.0, "", "nod", "", ""]]
    text = project(events, files, {files[0]: 10.0, files[1]: 10.0})
    assert rows(written(tmp_path / "p.boris", text), dataset) == [
        ("s1_talk", 8.0, 10.0, "smile"),
        ("s2_talk", 0.0, 3.0, "smile"),
        ("s2_talk", 4.0, 4.0, "nod"),
    ]


LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 10
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "speech"
        xmin = 0
        xmax = 10
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1
            text = ""
        intervals [2]:
            xmin = 1
            xmax = 2.5
            text = "says ""7"" 3"
        intervals [3]:
            xmin = 2.5
            xmax = 10
            text = ""
    item [2]:
        class = "TextTier"
        name = "blink"
        xmin = 0
        xmax = 10
        points: size = 1
        points [1]:
            number = 3.25
            mark = "é"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
10
<exists>
2
"IntervalTier"
"speech"
0
10
3
0
1
""
1
2.5
"says ""7"" 3"
2.5
10
""
"TextTier"
"blink"
0
10
1
3.25
"é"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("text", [LONG, SHORT])
def test_text_grids_long_and_short_in_any_encoding(text: str, encoding: str, tmp_path: Path, dataset: Dataset):
    report = read_events([written(tmp_path / "s10.TextGrid", text, encoding)], dataset)
    assert report.table.to_numpy().tolist() == [
        ["s10", 1.0, 2.5, "speech", 'says "7" 3'],
        ["s10", 3.25, 3.25, "blink", "é"],
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.TextGrid", LONG[:-40], "ends within a tier"),
        ("x.TextGrid", "nothing", "no TextGrid"),
        ("x.boris", "{}", "no observations"),
        ("x.boris", "[1", "no observations"),
        ("x.eaf", "<a/>", "of type a"),
        ("x.csv", "name,value\na,b\nc,d\n", "no events found"),
    ],
)
def test_what_is_no_file_of_events_is_refused_by_name(name: str, text: str, reason: str, tmp_path: Path):
    with pytest.raises(DataError, match=reason) as error:
        read_event_file(written(tmp_path / name, text))
    assert name in str(error.value)


def test_recordings_named_in_a_table_are_theirs_to_the_letter(tmp_path: Path, dataset: Dataset):
    path = written(tmp_path / "e.csv", "recording,onset,offset\ns1,0,1\nS10,0,1\ns10,20,21\n")
    report = read_events([path], dataset)
    assert report.table["recording"].tolist() == ["s10", "s10"] and report.outside == 1
    assert [str(why.found) for why in report.skipped.values()] == ["no recording 's1' in the dataset d"]


def test_a_set_is_stored_with_its_sources_and_an_offset(tmp_path: Path, dataset: Dataset):
    text = "recording,onset,offset,phase,subject\ns2_talk,1,2,task,s9\ns1_talk,2,3,1,s9\ns1_talk,1,2,task,s9\n"
    report = import_events([written(tmp_path / "e.csv", text)], dataset, "phases", offset_s=0.5)
    events = EventSet.open("d", "phases", dataset.root)
    assert list_events("d", dataset.root) == ["phases"]
    assert events.table["recording"].tolist() == ["s1_talk", "s1_talk", "s2_talk"]
    assert events.table["onset_s"].tolist() == [1.5, 2.5, 1.5]
    assert (events.columns, events.kind, report.left_out) == (("phase",), "phase", ("subject",))
    assert events.manifest["sources"][0]["recordings"] == ["s1_talk", "s2_talk"]
    assert events.where({"phase": ["task"]})["recording"].tolist() == ["s1_talk", "s2_talk"]
    with pytest.raises(DataError, match="no event with"):
        events.where({"phase": ["none"]})
    with pytest.raises(DataError, match="what is excluded"):
        import_events([tmp_path / "e.csv"], dataset, "excluded")
