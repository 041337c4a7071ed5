"""The report of a dataset: weaker sides of people, tables, and that it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.asymmetry.movements import NAMES
from dfe_core.asymmetry.person import apex_faces, person_facts
from dfe_core.asymmetry.report import asymmetry_report, newest_asymmetry_report
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.reports import asymmetry, fonts
from dfe_core.reports.asymmetry import person_document, write_person_page
from dfe_core.reports.asymmetry_text import rest_words, session_words, share_words, sides_words
from tests.asymmetry.two_sided_face import everywhere, people_with, performed, recovering_people, two_sided_face
from train.cli import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One person whose left side recovers over three sessions of two recordings, and one who is equal."""
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    recovering_people(tmp_path)
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


def test_a_persons_page_says_in_words_what_was_measured_and_what_it_is_not(root: Path):
    made = asymmetry_report("d", root)
    pages = write_person_page(made, "p1", root / "pages", root, pictures=False)
    assert [page.name for page in pages] == ["asymmetry-p1.html", "asymmetry-p1.pdf"]
    html, print_ = pages[0].read_text(), pages[1].read_bytes()
    assert "not a medical device" in html and "Simulated data" in html and print_.startswith(b"%PDF")
    assert "The left side moves 95 % as far" not in html  # 95 % is called alike
    assert "about equally far" in html and "That is more than repeats differ" in html
    first = session_words(person_facts(made, "p1"), person_facts(made, "p1").sessions[0])
    assert first[0].startswith("The left side moves 10 % as far as the right one")
    assert any("left corner of the mouth moves 1.0 mm, the right one moves" in one for one in first)
    with pytest.raises(DataError, match="no subject 'nobody'"):
        person_facts(made, "nobody")


def test_the_faces_are_of_the_strongest_apexes_and_of_the_same_moment(root: Path):
    made, data = asymmetry_report("d", root), Dataset.open("d", root)
    found = apex_faces(made, data, ("p1-1a", "p1-1b"))
    assert [one.movement for one in found] == ["rest", *NAMES] and np.abs(found[0].psi).max() < 1e-6
    assert rest_words(found[0]) == "median of still frames"
    assert rest_words(replace(found[0], still_s=0.0)) == "median of all frames"
    for one in found[1:]:
        right = one.psi[data.names.index(f"{one.movement} right")]
        assert right == pytest.approx(1.0, abs=0.02) and one.right_mm == pytest.approx(10, abs=0.3)


def test_a_page_of_one_person_needs_a_folder(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["asymmetry", "d", "--person", "p1", "--progress", "none"]) == 1
    assert "--page DIR" in capsys.readouterr().err


def test_of_eyes_that_did_not_close_it_is_not_said_how_far_they_do(root: Path):
    face, eyeless = two_sided_face(), {**everywhere(1.0), "lid": 0.0}
    people_with({("p1", "1"): [performed(face, eyeless, eyeless)]}, root)
    made = asymmetry_report("d", root)
    gaps = [f"lid_gap_left_open_{side}_mm" for side in ("left", "right")]
    assert made.recordings[gaps].isna().all(axis=None)
    assert [made.to_json()["recordings"][0][gap] for gap in gaps] == [None, None]
    person = person_facts(made, "p1")
    said = session_words(person, person.latest)
    assert [one for one in said if "eye" in one] == ["Not measured, because neither side moves 1.5 mm: eye closed."]
    html = write_person_page(made, "p1", root / "pages", root, pictures=False)[0].read_text()
    assert "eyes close" not in html and "– / –" in html


def test_synkinesis_is_said_where_only_the_pucker_shows_it(root: Path):
    face, weak = two_sided_face(), {**everywhere(0.5), "smile": 0.0}
    psi = performed(face, weak, {**everywhere(1.0), "smile": 0.0})
    psi[:, face.names.index("lid left")] += 0.5 * psi[:, face.names.index("pucker right")]
    people_with({("p1", "1"): [psi]}, root)
    person = person_facts(asymmetry_report("d", root), "p1")
    assert any("narrows with the mouth, by 4.9 mm" in one for one in session_words(person, person.latest))


@pytest.mark.parametrize("frames", [300, 30, 1])
def test_no_weaker_side_is_named_where_nothing_moves(root: Path, capsys: pytest.CaptureFixture[str], frames: int):
    face = two_sided_face()
    still = np.full((frames, face.coefficients), 0.05, np.float32)
    people_with({("p1", "1"): [still], ("p1", "2"): [still], ("p2", "1"): [performed(face, {}, everywhere(1.0))]}, root)
    made = asymmetry_report("d", root)
    assert made.recordings["weaker_side"].tolist() == ["", "", "left"]
    assert made.recordings["smile_weaker_mm"].isna().tolist() == [True, True, False]
    assert set(made.movements["weaker_side"]) == {"", "left"}
    person = person_facts(made, "p1")
    assert (person.weaker, person.other) == ("", "")
    assert session_words(person, person.latest) == (
        "There are too few movements in these recordings to compare the sides.",
        "Not measured, because neither side moves 1.5 mm: brow raised, eye closed, smile, upper lip raised and lips "
        "puckered.",
        *(
            ["The face is never still for a second: its rest is the median of all frames, and less certain."]
            * (frames < 30)
        ),
    )
    html = write_person_page(made, "p1", root / "pages", root, pictures=False)[0].read_text()
    assert "over all recordings of the person" not in html and "no movement was compared" in html
    assert main(["asymmetry", "d", "--progress", "none"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("p1-1a"))
    assert "left" not in line and "right" not in line and line.split()[1:] == ["–"] * 9


def test_sides_that_take_turns_are_said_without_a_weaker_one(root: Path):
    """The medians of both sides are below what counts, so that there are lengths but no index."""
    face = two_sided_face()
    one, other = ({"smile": a, "lid": a} for a in (0.16, 0.01))
    people_with(
        {
            ("p1", "1"): [
                np.concatenate([performed(face, one, other, repeats=1), performed(face, other, one, repeats=1)])
            ]
        },
        root,
    )
    person = person_facts(asymmetry_report("d", root), "p1")
    assert person.weaker == "" and person.latest.values["smile_left_mm"] == pytest.approx(0.85, abs=0.05)
    assert len(session_words(person, person.latest)) >= 1


def test_without_repeats_no_change_counts_and_the_page_says_what_it_takes(
    root: Path, capsys: pytest.CaptureFixture[str]
):
    face = two_sided_face()
    takes = {("p1", str(n)): [performed(face, everywhere(share), everywhere(1.0))] for n, share in ((1, 0.3), (2, 0.9))}
    people_with(takes, root)
    made = asymmetry_report("d", root)
    course = made.course("mean_share")
    assert course["beyond"].tolist() == [False, True] and not course["counts"].any()
    held = made.manifest["errors"]["mean_share"]
    assert held["mdc95"] is None and held["apexes_differ_by"] is not None
    html = write_person_page(made, "p1", root / "pages", root, pictures=False)[0].read_text()
    assert "That is more than apexes of one recording differ" in html and "is not known without repeats" in html
    assert "more than repeats differ" not in html and "within what repeats differ" not in html
    assert main(["asymmetry", "d", "--progress", "none"]) == 0
    told = capsys.readouterr().out
    row = next(line.split()[1:4] for line in told.splitlines() if line.startswith("mean_share"))
    assert "apexes differ by" in told and row == ["–", "–", f"{held['apexes_differ_by']:.2f}"]


def test_a_session_in_which_the_other_side_moves_less_is_said_to_be_one(root: Path):
    face = two_sided_face()
    shares = {"1": (everywhere(0.4), everywhere(1.0)), "2": (everywhere(1.0), everywhere(0.8))}
    people_with({("p1", session): [performed(face, *sides)] for session, sides in shares.items()}, root)
    made = asymmetry_report("d", root)
    person = person_facts(made, "p1")
    first, second = person.sessions
    assert (first.values["mean_share"], second.values["mean_share"]) == pytest.approx((0.4, 1.0), abs=0.01)
    assert second.values["mean_share_other"] == pytest.approx(0.8, abs=0.01)
    assert share_words(person, first).startswith("The left side moves 40 % as far as the right one")
    said = share_words(person, second)
    assert said.startswith("The right side moves 80 % as far as the left one") and "left one is the weaker" in said
    assert "over all recordings" not in sides_words(person, first)
    assert sides_words(person, second).endswith("in this session the right side moves less, 80 % of the left")


def test_a_name_without_a_font_is_not_lost_but_printed_as_html(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    face = two_sided_face()
    psi = performed(face, everywhere(0.5), everywhere(1.0), repeats=1)
    people_with({("\u4eba", session): [psi] for session in ("1", "$\\x$")}, root)
    monkeypatch.setattr(fonts, "installed_fonts", lambda: iter(()))
    monkeypatch.setattr(asymmetry, "_picture", lambda face, one: None)
    fonts.fallback_fonts.cache_clear()
    assert main(["asymmetry", "d", "--page", str(root / "pages"), "--progress", "none"]) == 0
    fonts.fallback_fonts.cache_clear()
    written = sorted(path.name for path in (root / "pages").iterdir())
    assert written == ["asymmetry-\u4eba.html"]
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "of \u4eba: no PDF, print" in err[0] and err[0].endswith("asymmetry-\u4eba.html")


def test_the_page_names_what_was_averaged_over_the_recordings_that_have_it_and_its_person_on_every_page(root: Path):
    face, lidless = two_sided_face(), {**everywhere(1.0), "lid": 0.0, "pucker": 0.0}
    weak = {name: 0.5 * size for name, size in lidless.items()}
    takes = [performed(face, weak, lidless), performed(face, {"smile": 0.5}, {"smile": 1.0})]
    people_with({("O'Neil", ""): takes}, root)
    made = asymmetry_report("d", root)
    person = person_facts(made, "O'Neil")
    assert share_words(person, person.latest) == (
        "The left side moves 50 % as far as the right one, averaged over brow, smile and upper lip in 1 of 2 "
        "recordings, as too little moves in the others."
    )
    assert made.recordings["mean_share_se"].notna().tolist() == [True, False]
    document = person_document(made, person, ())
    assert document.subtitle.startswith("O'Neil · ")  # which stands at the foot of every page
    assert ("Command", "dfe asymmetry d --person 'O'\"'\"'Neil' --page DIR") in document.facts
    assert "Mean of those of 2 recordings that hold the movement" in document.figures[0].caption


def test_a_brow_that_is_pulled_down_does_not_rise_by_less_than_nothing_and_both_eyes_stay_open(root: Path):
    face = two_sided_face()
    people_with({("p1", "1"): [performed(face, {"brow": -0.2, "lid": 0.4}, {"brow": 1.0, "lid": 0.5})]}, root)
    person = person_facts(asymmetry_report("d", root), "p1")
    said = session_words(person, person.latest)
    assert "The left brow is pulled 2.0 mm down, the right one rises 9.9 mm." in said
    assert "Both eyes stay open at their closest, the left one by 6.0 mm, the right by 5.1 mm." in said
