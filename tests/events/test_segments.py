"""A segment is a recording of its own: its frames, tokens and AUs, the person and the labels of its recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.events.segments import SegmentChoice, segment_source, split_of_segments
from dfe_core.events.store import exclude, write_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus
from dfe_core.store import cache_root
from dfe_core.workspace.segments import is_current, open_segments, renewed
from tests.events.planted import FROM, PLANTED, SPAN, TO, spans

NAMES = [f"r{i}" for i in range(6)]


def trials(dataset: Dataset) -> None:
    """Two trials in each recording: ``on`` with the planted codeword throughout, ``off`` without, and a point."""
    rows = [
        (name, onset, offset, phase, load)
        for name in NAMES
        for onset, offset, phase, load in ((*SPAN, "on", 1.0), (5.0, 7.0, "off", 2.0), (6.0, 6.0, "point", 3.0))
    ]
    table = pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "phase", "load"])
    write_events(dataset, "trials", table, kind="phase")


@pytest.fixture(scope="module")
def segments(planted_root: Path) -> Dataset:
    whole = Dataset.open("d", planted_root)
    trials(whole)
    return open_segments(whole, SegmentChoice(events="trials"))


@pytest.fixture(scope="module")
def study(segments: Dataset, planted_root: Path) -> dfe.Study:
    """Tokens are cut, not encoded: this model has no weights to encode with."""
    from dfe_core.store import atomic_directory
    from dfe_core.tokens.cache import TokenCache, TokenWriter
    from dfe_core.tokens.segment_tokens import whole_tokens, write_segment_tokens

    whole = whole_tokens("m", segments, planted_root)
    assert isinstance(whole, TokenCache)
    with atomic_directory(planted_root / "tokens" / f"m--{segments.name}") as folder:
        writer = TokenWriter(folder, stages=whole.stages, codewords=whole.codewords, levels=list(whole.levels))
        write_segment_tokens(writer, whole, segments)
        writer.close({"model": "m", "dataset": segments.name, "dataset_key": segments.stored_key})
    return dfe.Study("m", segments.name, root=planted_root)


def test_segments_have_the_frames_people_and_labels_of_their_recording(segments: Dataset, planted_root: Path):
    whole, rows = Dataset.open("d", planted_root), segments.recordings
    assert segments.name == "d.trials" and len(rows) == 12
    assert segments.manifest["notes"] == ["6 events without a valid frame left out"]
    source = whole.recordings.set_index("recording")
    for row in rows.to_dict("records"):
        assert (row["subject"], row["condition"]) == tuple(
            source.loc[row["source_recording"], ["subject", "condition"]]
        )
        frames, of = segments.frames(row["recording"]), whole.frames(row["source_recording"])
        assert frames.time_s[0] == 0 and len(frames.frame) == 20
        assert (frames.psi == of.at(frames.frame).psi).all()
    assert rows["phase"].tolist() == ["on", "off"] * 6 and rows["load"].tolist() == [1.0, 2.0] * 6


def test_shares_groups_and_exports_are_by_segment(study: dfe.Study, tmp_path: Path):
    share = study.bag()[PLANTED]
    assert share.tolist() == [1.0, 0.0] * 6
    table = study.compare_groups("phase", permutations=99, resamples=100, min_units=2)
    row = table.table[(table.table["codeword"] == PLANTED) & (table.table["measure"] == "share")].iloc[0]
    assert table.within and table.subjects == 3
    assert (row["a"], row["mean_a"], row["b"], row["mean_b"]) == ("off", 0.0, "on", 1.0)
    from dfe_core.workspace.tables import export_table

    export_table(study, "bag", tmp_path / "bag.csv")
    exported = pd.read_csv(tmp_path / "bag.csv")
    assert exported["source_recording"].tolist() == sorted(NAMES * 2)
    assert exported.groupby("phase")[f"codeword_{PLANTED}"].mean().to_dict() == {"off": 0.0, "on": 1.0}


def test_tokens_and_aus_are_those_of_the_whole_recordings(study: dfe.Study, planted_root: Path):
    whole = dfe.Study("m", "d", root=planted_root)
    for name in ("r0-001", "r3-002"):
        cut, of = study.token_cache.recording(name), whole.token_cache.recording(name[:2])
        assert (cut.tokens == of.tokens[cut.frame]).all() and (cut.intensities == of.intensities[cut.frame]).all()
    aus, of_whole = (AlignedAus.open(d, "derived", planted_root) for d in ("d.trials", "d"))
    part, held = aus.recording("r2-002"), of_whole.recording("r2")
    assert aus.matches(study.dataset) and (part.frame == np.arange(50, 70)).all()
    assert np.array_equal(part.intensity, held.intensity[part.frame], equal_nan=True)


def test_people_never_are_on_both_sides_of_a_fold(study: dfe.Study):
    from dfe_core.probes.settings import ProbeSettings
    from dfe_core.probes.target import make_target

    rows = study.dataset.recordings[["recording"]].assign(span=range(12), start_s=-np.inf, end_s=np.inf)
    asked = ProbeSettings(model="m", dataset=study.dataset.name, label="phase", folds=3)
    target = make_target(study.dataset, rows, asked)
    assert target.unit == "recording" and len(target.units) == 12
    assert dict(zip(target.units, target.groups, strict=True)) == dict(
        zip(study.dataset.recordings["recording"], study.dataset.recordings["subject"], strict=True)
    )


def test_the_split_of_a_model_holds_for_the_segments(segments: Dataset):
    split = {"by": "subject", "recordings": {"train": ["r0", "r3"], "validation": [], "test": ["r1"]}, "spans": {}}
    source = segment_source(segments)
    assert source is not None
    found = split_of_segments({"dataset": {"key": source.stored_key}, "split": split}, segments)
    assert found is not None and found.recordings["test"] == ["r1-001", "r1-002"]
    assert split_of_segments({"dataset": {"key": "another"}, "split": split}, segments) is None


def test_a_window_around_onsets_and_conditions_choose_what_a_segment_is(planted: Dataset):
    trials(planted)
    choice = SegmentChoice(events="trials", where={"phase": ["point"]}, before_s=1.0, after_s=0.5)
    found = open_segments(planted, choice)
    assert found.name.startswith("d.trials-") and set(found.recordings["phase"]) == {"point"}
    assert found.frames("r0-001").frame.tolist() == list(range(50, 65))
    with pytest.raises(dfe.DataError, match="no event with a valid frame"):
        open_segments(planted, SegmentChoice(events="trials", where={"phase": ["point"]}))
    with pytest.raises(dfe.DataError, match="its recordings are segments"):
        open_segments(found, choice)
    with pytest.raises(dfe.DataError, match="another name"):
        open_segments(planted, choice, "d")


def test_segments_follow_what_is_excluded_and_what_the_events_are(planted: Dataset):
    trials(planted)
    choice = SegmentChoice(events="trials")
    first = open_segments(planted, choice)
    assert open_segments(planted, choice).key == first.key and is_current(first)
    exclude(planted, spans(["r0"]).assign(offset_s=SPAN[0] + 0.5))
    assert not is_current(first)
    again = renewed(first)
    assert is_current(again) and again.frames("r0-001").valid.sum() == TO - FROM - 5
    assert len(AlignedAus.open("d.trials", "derived").recording("r0-001").frame) == TO - FROM - 5
    exclude(planted, spans(["r1"]))
    assert "r1-001" not in renewed(first).recordings["recording"].tolist()


def test_who_withdraws_leaves_the_segments_as_well(planted: Dataset):
    from dfe_core.workspace.redaction import mentions
    from dfe_core.workspace.withdrawal import withdraw

    trials(planted)
    open_segments(planted, SegmentChoice(events="trials"))
    certificate = withdraw("s1", cache_root())
    theirs = {"r1", "r4", "s1", "r1-001", "r4-002"}
    assert list(mentions(cache_root(), theirs)) == [] and certificate.mentions == ()
    assert sorted(Dataset.open("d.trials").recordings["subject"].unique()) == ["s0", "s2"]
