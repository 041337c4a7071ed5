"""Live Link Face: times, gaps, columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.captures import in_arkit_order, live_link, performance, read_one, write

REAL = {
    "alex_rom_3.csv": (4030, 30.0),
    "idle_default.csv": (3046, 59.94),
    "fearful_MySlate_161_iPhone_cal.csv": (1846, 59.94),
    "sad_MySlate_167_iPhone_cal.csv": (1825, 59.94),
    "angry_or_disgusted_MySlate_165_iPhone_cal.csv": (1852, 59.94),
}


@pytest.mark.parametrize("name", REAL)
def test_the_real_recordings_have_their_frames_and_rates(shared: Path, name: str):
    path = shared / "data" / "arkit_livelinkface" / name
    frames, fps = REAL[name]
    recording = read_one(path)
    assert recording.psi.shape == (frames, 52) and recording.fps == fps
    assert recording.valid.all() and recording.extractor == "live-link-face"
    assert abs(recording.time_s[-1] - recording.frame[-1] / fps) < 0.1
    first = path.read_text().splitlines()[1].split(",")
    np.testing.assert_allclose(recording.psi[0, recording.names.index("eyeBlinkLeft")], float(first[2]), atol=1e-6)
    np.testing.assert_allclose(recording.extras["RightEyeRoll"][0], float(first[-1]), atol=1e-6)


def test_the_gaps_of_the_range_of_motion_are_found(shared: Path):
    recording = read_one(shared / "data" / "arkit_livelinkface" / "alex_rom_3.csv")
    assert np.count_nonzero(np.diff(recording.frame) > 1) == 3 and recording.frame[-1] == 4032
    assert any(note.startswith("3 frames missing in 3 gaps") for note in recording.notes)
    assert any("above 1 (up to 1.003) are kept" in note for note in recording.notes)


@pytest.mark.parametrize("angles", [True, False])
@pytest.mark.parametrize("count_name", ["BlendShapeCount", "BlendshapeCount"])
def test_52_and_61_columns_and_both_spellings_are_read(tmp_path: Path, angles: bool, count_name: str):
    psi = performance(90)
    recording = read_one(write(tmp_path / "a.csv", live_link(psi, angles=angles, count_name=count_name)))
    np.testing.assert_allclose(in_arkit_order(recording), psi, atol=1e-6)
    assert len(recording.extras) == (9 if angles else 0)


@pytest.mark.parametrize(
    ("base", "step", "fps"),
    [
        (60, 1.001, 59.94),
        (60, 1.0, 60),
        (60, 2.0, 30),
        (30, 1.0, 30),
        (30, 1.001, 29.97),
        (25, 1.0, 25),
        (24, 1.0, 24),
        (120, 1.0, 120),
    ],
)
def test_the_base_of_the_frame_count_is_found_from_the_file(tmp_path: Path, base: int, step: float, fps: float):
    psi = performance(400)
    recording = read_one(write(tmp_path / "a.csv", live_link(psi, counts=np.arange(400) * step, base=base)))
    assert recording.fps == fps
    np.testing.assert_allclose(recording.time_s, np.arange(400) * step / base, atol=1e-4)
    np.testing.assert_array_equal(recording.frame, np.arange(400))


def test_dropped_frames_are_gaps_in_the_frame_numbers(tmp_path: Path):
    counts = np.delete(np.arange(300.0), [50, 51, 52, 200])
    recording = read_one(write(tmp_path / "a.csv", live_link(performance(296), counts=counts)))
    np.testing.assert_array_equal(recording.frame, counts)
    assert any("4 frames missing in 2 gaps" in note for note in recording.notes)


def test_a_recording_past_midnight_goes_on(tmp_path: Path):
    recording = read_one(
        write(tmp_path / "a.csv", live_link(performance(200), hour=23, counts=np.arange(200.0) + 3599 * 60))
    )
    np.testing.assert_allclose(recording.time_s, np.arange(200) / 60, atol=1e-6)


def test_drop_frame_timecodes_leave_no_gap_at_the_minute(tmp_path: Path):
    labels = [f"10:00:59;{f:02d}" for f in range(30)] + [f"10:01:00;{f:02d}" for f in range(2, 30)]
    text = live_link(performance(58)).splitlines()
    rows = [label + "," + row.split(",", 1)[1] for label, row in zip(labels, text[1:], strict=True)]
    recording = read_one(write(tmp_path / "a.csv", "\n".join([text[0], *rows])))
    np.testing.assert_array_equal(recording.frame, np.arange(58))
    assert recording.fps == 29.97


def test_a_last_line_cut_off_is_dropped_and_told(tmp_path: Path):
    text = live_link(performance(50))
    recording = read_one(write(tmp_path / "a.csv", text[:-200]))
    assert len(recording.psi) == 49
    assert any("cut off" in note for note in recording.notes)


def test_a_frame_with_a_missing_value_is_kept_as_invalid(tmp_path: Path):
    psi = performance(50)
    psi[7, 3] = np.nan
    psi[9, 5] = np.inf
    recording = read_one(write(tmp_path / "a.csv", live_link(psi)))
    np.testing.assert_array_equal(np.flatnonzero(~recording.valid), [7, 9])
    assert np.isfinite(recording.psi).all()


@pytest.mark.parametrize(
    "form",
    ["{clock},0", "{clock},0" + "," * 61, "{clock},0," + ",".join(["0.0"] * 61)],
    ids=["cut short", "empty cells", "zeros"],
)
def test_frames_without_a_face_are_invalid_not_neutral(tmp_path: Path, form: str):
    lines = live_link(performance(60)).splitlines()
    for i in (10, 11, 60):
        lines[i] = form.format(clock=lines[i].split(",")[0])
    recording = read_one(write(tmp_path / "a.csv", "\n".join(lines) + "\n"))
    np.testing.assert_array_equal(np.flatnonzero(~recording.valid), [9, 10, 59])
    np.testing.assert_array_equal(recording.frame, np.arange(60))
    assert any("3 frames with missing" in note for note in recording.notes)
