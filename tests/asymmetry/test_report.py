"""The report of a dataset: weaker sides of people, tables, and that it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.asymmetry.report import asymmetry_report, newest_asymmetry_report
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.archive import save_face
from tests.asymmetry.two_sided_face import everywhere, performed, two_sided_face
from train.cli import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One person whose left side recovers over three sessions of two recordings, and one who is equal."""
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    face = two_sided_face()
    save_face(face, tmp_path)
    rng = np.random.default_rng(0)
    with open_writer("d", face.names, tmp_path) as writer:
        for subject, shares in {"p1": (0.1, 0.5, 0.95), "p2": (0.98, 1.0, 1.0)}.items():
            for session, share in enumerate(shares, 1):
                for repeat in "ab":
                    own = max(0.0, share + rng.normal(0, 0.01))
                    psi = performed(face, everywhere(own), everywhere(1.0), repeats=2)
                    rows = np.arange(len(psi))
                    recording = Recording(
                        name=f"{subject}-{session}{repeat}",
                        names=face.names,
                        psi=psi,
                        time_s=rows / 30,
                        frame=rows,
                        valid=np.ones(len(psi), bool),
                        fps=30.0,
                        space="arkit",
                        extractor="test",
                    )
                    writer.add(replace(recording, subject=subject, session=str(session)), {})
        writer.close({"name": "d", "face": face.id, "simulated": True, "sources": [], "dropped": []})
    return tmp_path


def test_the_weaker_side_is_one_of_the_person_and_recovery_counts(root: Path):
    made = asymmetry_report("d", root)
    own = made.recordings[made.recordings["subject"] == "p1"]
    assert set(own["weaker_side"]) == {"left"} and len(made.recordings) == 12
    assert own["mean_share"].to_numpy() == pytest.approx([0.1, 0.1, 0.5, 0.5, 0.95, 0.95], abs=0.04)
    assert made.errors["mean_share"].sem < 0.03
    course = made.course("mean_share").set_index(["subject", "session"])["counts"]
    assert course["p1"].tolist() == [False, True, True] and not course["p2"].any()
    assert len(made.movements) == 12 * 5 and set(made.apexes["recording"]) == set(made.recordings["recording"])


def test_a_report_is_kept_until_the_frames_change(root: Path):
    data = Dataset.open("d", root)
    assert newest_asymmetry_report(data, root) is None
    made = asymmetry_report("d", root)
    found = newest_asymmetry_report(data, root)
    assert found is not None and found.path == made.path and asymmetry_report("d", root).path == made.path


def test_the_command_writes_both_forms_and_says_what_it_is_not(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["asymmetry", "d", "--out", str(root / "wide.csv"), "--progress", "none"]) == 0
    assert main(["asymmetry", "d", "--form", "long", "--out", str(root / "long.csv"), "--progress", "none"]) == 0
    told = capsys.readouterr().out
    assert "no medical device" in told and "recordings of one session" in told
    wide, long = ((root / name).read_text().splitlines() for name in ("wide.csv", "long.csv"))
    assert len(wide) == 13 and "smile_left_mm" in wide[0] and len(long) == 61
