"""Channels around events: a planted response is found where it is, what is unknown is left out, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.events.store import exclude, write_events
from dfe_core.exchange.table_files import write_table_file
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.groups.channel_curves import AlignedSignals, ChannelChoice, channel_curves
from dfe_core.groups.event_curves import BASELINE, CurveSettings, EventCurves
from dfe_core.reports.event_curves import curves_command, write_curves_report
from dfe_core.signals.aligned import read_aligned

FPS, FRAMES, PEOPLE = 10, 300, 12
ASKED = CurveSettings(events="talk", by="kind", permutations=299, resamples=100)


def courses(seed: int) -> dict[str, np.ndarray]:
    """(300,) each: eda rises by 2 from 1 to 3 s after the event at 10 s, on a drift; calm follows nothing."""
    rng = np.random.default_rng([seed, 3])
    time_s = np.arange(FRAMES) / FPS
    eda = 5 + seed + 0.01 * time_s + 0.3 * rng.normal(size=FRAMES)
    eda[(time_s >= 11 - 1e-9) & (time_s < 13 - 1e-9)] += 2
    return {"eda": eda, "calm": rng.normal(size=FRAMES)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, toy_face) -> tuple[Dataset, pd.DataFrame]:
    """Twelve people with a joke at 10 s and a statement at 20 s, who nod by 10° 1 s after the joke; signals."""
    root: Path = tmp_path_factory.mktemp("channels") / "cache"
    save_face(toy_face, root)
    parts, rows = [], []
    with open_writer("d", toy_face.names, root) as writer:
        for i in range(PEOPLE):
            pitch = np.random.default_rng(i).normal(0, 0.01, FRAMES)
            pitch[110:120] += np.radians(10)
            turn = {"pose_Ry": np.random.default_rng([i, 1]).normal(0, 0.01, FRAMES), "pose_Rz": np.zeros(FRAMES)}
            recording = Recording(
                name=f"r{i}",
                names=toy_face.names,
                psi=np.zeros((FRAMES, len(toy_face.names)), np.float32),
                time_s=np.arange(FRAMES) / FPS,
                frame=np.arange(FRAMES),
                valid=np.ones(FRAMES, bool),
                fps=FPS,
                space="arkit",
                extractor="openface",
                subject=f"s{i}",
                extras={"pose_Rx": pitch.astype(np.float32), **{n: v.astype(np.float32) for n, v in turn.items()}},
            )
            writer.add(recording, {"condition": "calm" if i % 2 else "stress"})
            parts.append(pd.DataFrame({"recording": f"r{i}", "frame": np.arange(FRAMES), **courses(i)}))
            rows += [(f"r{i}", 10.0, 10.0, "joke"), (f"r{i}", 20.0, 20.5, "statement")]
        writer.close({"name": "d", "face": toy_face.id, "simulated": True})
    dataset = Dataset.open("d", root)
    write_events(dataset, "talk", pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "kind"]), kind="kind")
    return dataset, pd.concat(parts, ignore_index=True)


def followed(dataset: Dataset, table: pd.DataFrame, asked: CurveSettings = ASKED) -> EventCurves:
    return channel_curves(dataset, asked, ChannelChoice(signals=(AlignedSignals(name="p.csv", table=table),)))


def means(found: EventCurves, channel: str, level: str = "joke") -> pd.Series:
    rows = found.curves[(found.curves["channel"] == channel) & (found.curves["level"] == level)]
    return rows.set_index("time_s")["mean"]


@pytest.fixture(scope="module")
def found(world) -> EventCurves:
    return followed(*world)


def test_a_planted_rise_is_found_at_its_time_and_not_before(found: EventCurves):
    low = found.clusters[found.clusters["p_all"] < 0.05]
    assert set(low["channel"]) == {"eda"}
    assert set(zip(low["a"], low["b"], strict=True)) == {("joke", BASELINE), ("joke", "statement")}
    assert low["start_s"].tolist() == [1.0, 1.0] and low["end_s"].tolist() == [3.0, 3.0]
    assert low["difference"].to_numpy() == pytest.approx(2.0, abs=0.15)
    curve = means(found, "eda")
    assert curve[curve.index < 1].abs().max() < 0.25 and curve[1.4] == pytest.approx(2.0, abs=0.3)


def test_the_curve_is_the_mean_over_people_less_that_before_the_onset(found: EventCurves):
    exact = np.mean([courses(i)["eda"][112:114].mean() - courses(i)["eda"][80:100].mean() for i in range(PEOPLE)])
    assert means(found, "eda")[1.2] == pytest.approx(exact)


def test_unknown_frames_are_left_out_and_counted(world):
    dataset, table = world
    known = table[~table["frame"].between(112, 113)].copy()  # as if the file ended a row early
    known.loc[known["frame"].between(85, 89), "eda"] = np.nan
    known.loc[known["recording"].eq("r3") & (known["frame"] < 100), "calm"] = np.nan
    found = followed(dataset, known, replace(ASKED, by="", where={"kind": ["joke"]}))
    eda, calm = found.channels
    assert (eda.unknown, eda.frames, eda.events_without_baseline) == (12 * 7, 12 * 63, 0)
    assert (calm.unknown, calm.events_without_baseline) == (11 * 2 + 70, 1)
    curve = means(found, "eda", "all events")
    assert curve.index[curve.isna()].tolist() == [-1.4, -1.2, 1.2]
    kept = [*range(80, 85), *range(90, 100)]
    exact = np.mean([courses(i)["eda"][114:116].mean() - courses(i)["eda"][kept].mean() for i in range(PEOPLE)])
    assert curve[1.4] == pytest.approx(exact)


def test_frames_unknown_in_some_events_do_not_look_like_an_effect(world):
    """A person whose events are on two levels, each known on one side of the onset alone."""
    dataset, table = world
    level = table.assign(calm=np.where(table["frame"] < 150, 0.0, 9.0)).drop(columns="eda")
    level.loc[level["frame"].between(100, 149) | level["frame"].between(150, 199), "calm"] = np.nan
    found = followed(dataset, level, replace(ASKED, by=""))
    curve = means(found, "calm", "all events")
    assert curve[curve.index < 0].abs().max() == 0 and curve[curve.index >= 0].isna().all()


def test_without_an_effect_p_keeps_its_rate(world):
    """The null of circular shifts, on noise that is smooth over 0.5 s."""
    dataset, table = world
    asked = replace(ASKED, by="", where={"kind": ["joke"]}, permutations=99, resamples=10)
    low = 0
    for seed in range(8):
        noise = np.random.default_rng([seed, 5]).normal(size=(len(table), 3))
        smooth = pd.DataFrame(noise, columns=list("abc")).rolling(5, min_periods=1).mean()
        found = followed(dataset, pd.concat([table[["recording", "frame"]], smooth], axis=1), asked)
        low += bool((found.clusters["p_all"] <= 0.05).any())
    assert low <= 2  # binomial(8, 0.05): 2 or fewer with probability 0.994


def test_channels_of_the_dataset_have_units_and_columns_beside_psi_are_followed(world):
    dataset, _ = world
    found = channel_curves(dataset, ASKED, ChannelChoice())
    units = {one.name: one.unit for one in found.channels}
    assert units["head_pitch"] == "°" and units["head_speed"] == "°/s" and "gaze_vertical" not in units
    assert abs(means(found, "head_pitch")[1.4]) == pytest.approx(10, abs=0.5)
    raw = channel_curves(dataset, ASKED, ChannelChoice(names=("pose_Rx",)))
    assert means(raw, "pose_Rx")[1.4] == pytest.approx(np.radians(10), abs=0.01)
    with pytest.raises(dfe.DataError, match="heart"):
        channel_curves(dataset, ASKED, ChannelChoice(names=("heart",)))


def test_a_file_is_read_back_and_its_report_names_channel_and_command(world, found: EventCurves, tmp_path: Path):
    dataset, table = world
    halves = [tmp_path / "a.csv", tmp_path / "b b.parquet"]
    first = table["recording"].isin([f"r{i}" for i in range(6)])
    for path, part in zip(halves, (table[first], table[~first]), strict=True):
        write_table_file(part, path)
    choice = ChannelChoice(names=("eda",), signals=tuple(read_aligned(path) for path in halves))
    whole, found = found, channel_curves(dataset, replace(ASKED, permutations=99), choice)
    assert means(found, "eda").to_numpy() == pytest.approx(means(whole, "eda").to_numpy())
    assert found.channels[0].files == ("a.csv", "b b.parquet")
    assert "--signals a.csv --signals 'b b.parquet' --channel eda" in curves_command(found)
    write_curves_report(found, tmp_path / "out")
    assert "channel,unit,measure" in (tmp_path / "out/tables/clusters.csv").read_text().splitlines()[0]
    page = (tmp_path / "out/report.html").read_text()
    assert "eda is 2" in page and "codeword" not in page
    assert found.to_json()["channels"][0]["name"] == "eda"
    both = ChannelChoice(signals=(choice.signals[0], choice.signals[0]))
    with pytest.raises(dfe.DataError, match="one file"):
        channel_curves(dataset, ASKED, both)


def test_files_of_something_else_are_refused(world, tmp_path: Path):
    dataset, table = world
    (tmp_path / "x.csv").write_text("recording,frame,eda\nr0,0,high\n")
    with pytest.raises(dfe.DataError, match="text in the column eda"):
        read_aligned(tmp_path / "x.csv")
    with pytest.raises(dfe.DataError, match="recording other"):
        followed(dataset, table.assign(recording="other"))
    with pytest.raises(dfe.DataError, match="lacks"):
        followed(dataset, table.assign(frame=table["frame"] + 1000))


def test_excluded_frames_are_in_no_curve(world):
    """Last: it changes the dataset."""
    dataset, table = world
    spans = [(f"r{i}", 11.0, 12.0, "x") for i in range(PEOPLE)]
    exclude(dataset, pd.DataFrame(spans, columns=["recording", "onset_s", "offset_s", "reason"]))
    found = followed(Dataset.open("d", dataset.root), table)
    curve = means(found, "eda")
    assert curve[1.0:1.8].isna().all() and curve.isna().sum() == 5 and found.channels[0].unknown == PEOPLE * 10
