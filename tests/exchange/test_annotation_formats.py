"""Intervals as ELAN, Praat, BORIS, BIDS and NWB have them: nothing lost or moved, no work of a person overwritten."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.errors import DataError
from dfe_core.events.readers import read_event_file
from dfe_core.exchange import boris, elan, textgrid
from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack, file_stems, tiers_of
from dfe_core.faces import save_face
from dfe_core.facs.readers import elan as facs_elan
from dfe_core.facs.readers.table import AuReadOptions
from dfe_core.video.links import Link, link
from dfe_core.workspace import annotation_export
from dfe_core.workspace.tables import export_tables, subject_summary
from tests.small_world import FPS, make_world

NAME = 'brows <up> & "down"\x07'


@pytest.fixture(scope="module")
def labels() -> dict[int, CodewordLabel]:
    regions = ("brow", "mouth corner", "mouth corner")
    return {k: CodewordLabel(codeword=k, name=NAME, region=region, side="left") for k, region in enumerate(regions, 1)}


@pytest.fixture
def track() -> IntervalTrack:
    rng = np.random.default_rng(0)
    codeword = rng.integers(1, 4, 60)
    onset = rng.random(60).cumsum()
    table = pd.DataFrame({"codeword": codeword, "onset_s": onset})
    table["offset_s"] = table.groupby("codeword")["onset_s"].shift(-1).fillna(onset[-1] + 1.0)
    table["peak_s"] = (table["onset_s"] + table["offset_s"]) / 2
    table["peak"] = rng.random(60).astype(np.float32)
    table["mean"] = table["peak"] / 2
    return IntervalTrack(
        recording="take 1",
        subject="s1",
        session="2",
        fps=30.0,
        duration_s=31.7,
        intervals=table,
        video=Path("/v/a.mp4"),
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, toy_face) -> dfe.Study:
    root = tmp_path_factory.mktemp("annotations") / "cache"
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=3, frames=60)
    return dfe.Study("m", "d", root=root)


@pytest.mark.parametrize("by", ["codeword", "region"])
def test_tiers_have_every_interval_once_and_never_overlap(track: IntervalTrack, labels, by: str):
    tiers = tiers_of(track, labels, by)
    together = pd.concat([tier.intervals for tier in tiers]).sort_index()
    pd.testing.assert_frame_equal(together, track.intervals)
    for tier in tiers:
        assert (tier.intervals["onset_s"].to_numpy()[1:] >= tier.intervals["offset_s"].to_numpy()[:-1]).all()
        assert tier.intervals["codeword"].map(lambda k: getattr(labels[k], by)).nunique() == 1
    assert len({tier.name for tier in tiers}) == len(tiers)


@pytest.mark.parametrize("by", ["codeword", "region"])
def test_elan_gives_back_what_was_written(track: IntervalTrack, labels, by: str, tmp_path: Path):
    document = elan.eaf_document(track, labels, folder=tmp_path, by=by)
    (tmp_path / "a.eaf").write_bytes(document)
    written = elan.tier_table(tiers_of(track, labels, by))
    read = elan.read_eaf(tmp_path / "a.eaf")
    pd.testing.assert_frame_equal(read, written, check_exact=True)
    assert document == elan.eaf_document(track, labels, folder=tmp_path, by=by)


def test_the_frames_of_an_interval_are_found_again_from_elan(study: dfe.Study, tmp_path: Path):
    annotation_export.export_annotations(study, "eaf", tmp_path)
    intervals = study.intervals()
    for name, part in intervals.groupby("recording", observed=True):
        read = elan.read_eaf(tmp_path / f"{name}.eaf").sort_values(["codeword", "onset_ms"])
        part = part.sort_values(["codeword", "start_s"])
        assert (read["onset_ms"] / 1000 * FPS).round().tolist() == part["start_frame"].tolist()
        assert (read["offset_ms"] / 1000 * FPS).round().tolist() == (part["end_frame"] + 1).tolist()
        assert read["peak"].tolist() == part["peak"].tolist()


ORDER = "HEADER TIME_ORDER TIER LINGUISTIC_TYPE LANGUAGE CONSTRAINT CONTROLLED_VOCABULARY".split()
"""Of EAFv3.0.xsd, of the elements that are written."""


def test_a_document_has_the_structure_of_the_schema(track: IntervalTrack, labels, tmp_path: Path):
    root = ElementTree.fromstring(elan.eaf_document(track, labels, folder=Path("/v/sub"), by="region"))
    assert [a for a, b in pairwise(["", *(e.tag for e in root), ""]) if a != b][1:] == ORDER
    times = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert times == sorted(times) and len(times) == 2 * len(track.intervals)
    assert root.find("HEADER/MEDIA_DESCRIPTOR").attrib == {
        "MEDIA_URL": "file:///a.mp4",
        "MIME_TYPE": "video/mp4",
        "RELATIVE_MEDIA_URL": "../a.mp4",
    }
    ids = [e.get("ANNOTATION_ID") for e in root.iter() if e.get("ANNOTATION_ID")]
    assert len(ids) == len(set(ids)) == 2 * len(track.intervals)
    types = {e.get("LINGUISTIC_TYPE_ID"): e for e in root.iter("LINGUISTIC_TYPE")}
    entries = {e.get("CVE_ID"): e.findtext("CVE_VALUE") for e in root.iter("CV_ENTRY_ML")}
    assert {e.get("LINGUISTIC_TYPE_REF") for e in root.iter("TIER")} == set(types)
    for found in root.iter("ALIGNABLE_ANNOTATION"):
        assert entries[found.get("CVE_REF")] == found.findtext("ANNOTATION_VALUE")


def test_no_codeword_is_taken_for_an_action_unit(track: IntervalTrack, labels, tmp_path: Path):
    named = {k: replace(label, name="left") for k, label in labels.items()}
    (tmp_path / "a.eaf").write_bytes(elan.eaf_document(track, named, folder=tmp_path))
    with pytest.raises(DataError, match="no FACS code"):
        facs_elan.read(tmp_path / "a.eaf", AuReadOptions())


SPAN = re.compile(r'xmin = (\S+)\n\s+xmax = (\S+)\n\s+text = "((?:[^"]|"")*)"')


def test_a_textgrid_fills_the_recording_and_keeps_every_digit(track: IntervalTrack, labels):
    text = textgrid.textgrid_text(track, labels)
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    items = text.split("    item [")[1:]
    for item, tier in zip(items, tiers_of(track, labels), strict=True):
        spans = [(float(a), float(b), c.replace('""', '"')) for a, b, c in SPAN.findall(item)]
        assert spans[0][0] == 0 and spans[-1][1] == track.end_s
        assert all(a[1] == b[0] for a, b in pairwise(spans))
        full = [span for span in spans if span[2]]
        assert [s[0] for s in full] == tier.intervals["onset_s"].tolist()
        assert [s[1] for s in full] == tier.intervals["offset_s"].tolist()
        assert {s[2] for s in full} == {labels[int(tier.intervals["codeword"].iloc[0])].text}


def test_boris_has_a_start_and_a_stop_for_each_interval(track: IntervalTrack, labels):
    project = boris.boris_project([track], labels, name="d", folder=Path("/v/sub"))
    seen = project["observations"]["take 1"]
    assert seen["type"] == "MEDIA" and seen["file"]["1"] == ["../a.mp4"]
    assert {b["code"] for b in project["behaviors_conf"].values()} == {e[2] for e in seen["events"]}
    begun: dict[str, float] = {}
    found = []
    for time, subject, code, _, _ in seen["events"]:
        assert subject == "s1"
        if code in begun:
            found.append((int(code.split("-")[1]), begun.pop(code), time))
        else:
            begun[code] = time
    assert begun == {}
    expected = track.intervals[["codeword", "onset_s", "offset_s"]].round(3)
    assert sorted(found) == sorted(map(tuple, expected.to_numpy().tolist()))


def test_a_bids_folder_names_what_it_was_made_of(study: dfe.Study, tmp_path: Path):
    annotation_export.export_annotations(study, "bids", tmp_path)
    assert json.loads((tmp_path / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    people = pd.read_csv(tmp_path / "participants.tsv", sep="\t")
    assert people["participant_id"].tolist() == ["sub-s0", "sub-s1", "sub-s2"]
    events = pd.read_csv(tmp_path / "sub-s1/beh/sub-s1_task-face_run-1_events.tsv", sep="\t")
    mine = study.intervals().query("recording == 'r1'").sort_values(["start_s", "codeword"])
    assert events["onset"].tolist() == mine["start_s"].tolist()
    assert events["codeword"].tolist() == mine["codeword"].tolist()
    assert set(events.columns) == set(json.loads((tmp_path / "task-face_events.json").read_text()))
    physio = tmp_path / "sub-s1/beh/sub-s1_task-face_run-1_recording-expression_physio"
    columns = json.loads(physio.with_suffix(".json").read_text())["Columns"]
    table = pd.read_csv(physio.with_suffix(".tsv.gz"), sep="\t", header=None, names=columns)
    frames = study.dataset.frames("r1")
    assert (table[list(study.dataset.names)].to_numpy(np.float32) == frames.psi).all()
    assert gzip.decompress(physio.with_suffix(".tsv.gz").read_bytes())[:3] == b"0.0"


def test_nwb_has_intervals_events_and_coefficients(study: dfe.Study, tmp_path: Path):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'dfe[nwb]'")
    (path,) = annotation_export.export_annotations(study, "nwb", tmp_path, recordings=["r1"])
    mine = study.intervals().query("recording == 'r1'").sort_values(["start_s", "codeword"])
    with pynwb.NWBHDF5IO(str(path), "r") as source:
        read = source.read()
        table = read.intervals["codeword_intervals"].to_dataframe()
        assert table["start_time"].tolist() == mine["start_s"].tolist()
        assert table["codeword"].tolist() == mine["codeword"].tolist()
        psi = read.processing["behavior"]["expression_coefficients"]
        assert (psi.data[:] == study.dataset.frames("r1").psi).all()
        assert not pynwb.validate(io=source)


def test_nwb_without_pynwb_names_the_extra(study: dfe.Study, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynwb", None)
    with pytest.raises(DataError, match=r"dfe\[nwb\]"):
        annotation_export.export_annotations(study, "nwb", tmp_path)


def test_a_file_that_somebody_annotated_stays(study: dfe.Study, tmp_path: Path):
    (tmp_path / "films").mkdir()
    for name in ("r0", "r1"):
        (tmp_path / "films" / f"{name}.mp4").write_bytes(b"")
    films = {name: Link(video=tmp_path / "films" / f"{name}.mp4") for name in ("r0", "r1")}
    link(study.dataset, films)
    written, kept = annotation_export.export_beside_videos(study)
    assert [path.name for path in written] == ["r0.m.eaf", "r1.m.eaf"] and kept == []
    assert 'RELATIVE_MEDIA_URL="./r0.mp4"' in written[0].read_text()
    written[0].write_text("by hand")
    assert annotation_export.export_beside_videos(study) == ([written[1]], [written[0]])
    assert written[0].read_text() == "by hand"
    (tmp_path / "r2.eaf").write_text("by hand")
    with pytest.raises(DataError, match="other content"):
        annotation_export.export_annotations(study, "eaf", tmp_path, recordings=["r2"])
    link(study.dataset, {})


def test_names_of_files_differ_by_more_than_capitals():
    assert list(file_stems(["a:b", "A?b", "con"]).values()) == ["a_b", "A_b_2", "_con"]


def test_the_command_writes_annotations(study: dfe.Study, tmp_path: Path, monkeypatch, capsys):
    from train.cli import main

    monkeypatch.setenv("DFE_CACHE", str(study.root))
    assert main(["export", "m", "d", "--format", "eaf", "--recording", "r1", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: 1 file\n"
    assert [path.name for path in tmp_path.iterdir()] == ["r1.eaf"]
    assert main(["export", "m", "d", "--format", "eaf", "--what", "bag", "--out", str(tmp_path)]) == 1
    assert main(["export", "m", "d", "--what", "bag"]) == 1
    assert main(["export", "m", "d", "--beside-videos"]) == 1
    assert "no recording has a video" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["eaf", "textgrid", "boris", "bids"])
def test_our_own_reader_of_events_gives_the_intervals_back(study: dfe.Study, format: str, tmp_path: Path):
    annotation_export.export_annotations(study, format, tmp_path)
    (path,) = [
        p for p in tmp_path.rglob("*") if p.stem in ("r1", "d", "sub-s1_task-face_run-1_events") and p.suffix != ".json"
    ]
    (found,) = [one for one in read_event_file(path) if format != "boris" or one.names[0] == "r1"]
    mine = study.intervals().query("recording == 'r1'").sort_values(["start_s", "codeword"])
    read = found.table[["onset_s", "offset_s"]].drop_duplicates().sort_values(["onset_s", "offset_s"]).to_numpy()
    expected = mine[["start_s", "end_s"]].drop_duplicates().sort_values(["start_s", "end_s"]).to_numpy()
    exact = format in ("textgrid", "bids")
    assert read == pytest.approx(expected, abs=1e-9 if exact else 5e-4)


def test_the_lines_of_base_r_in_the_documentation_read_the_files(study: dfe.Study, tmp_path: Path):
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed")
    page = Path(__file__).resolve().parents[2] / "docs" / "exports.md"
    (code, *_) = re.findall(r"^```r\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    export_tables(study, tmp_path / "tables", "csv")
    for format, folder in (("textgrid", "praat"), ("bids", "bids")):
        annotation_export.export_annotations(study, format, tmp_path / folder, recordings=["r0"])
    shown = "cat(nrow(bag), nrow(praat), nrow(events), format(sum(subjects$rate), digits = 17))"
    command = [rscript, "--vanilla", "-e", code + shown]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    rows = int((study.intervals()["recording"] == "r0").sum())
    *counts, total = result.stdout.split()
    assert [int(count) for count in counts] == [len(study.dataset.recordings), rows, rows]
    assert float(total) == pytest.approx(subject_summary(study)["rate"].sum(), rel=1e-14)
