"""The lab's names, tags and notes: edits by many at once, history, undo, and the way out and in."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dfe_core.audit import Way, acting
from dfe_core.errors import DataError
from dfe_core.tokens.annotation_files import import_csv, import_json, notes_csv, notes_json
from dfe_core.tokens.annotations import MOST_FRAMES, Notebook, NoteConflict
from tests.small_world import codeword_psi, write_model


@pytest.fixture
def book(tmp_path, toy_face):
    write_model(tmp_path, toy_face, codeword_psi(toy_face))
    return Notebook.open("m", tmp_path)


def test_what_is_written_is_read_by_the_next_person(book, tmp_path):
    book.edit(3, "ann", name="  sly   smile ", note="seen in\ninterviews", add_tags=["smile", "Smile", ""])
    note = Notebook.open("m", tmp_path).read().of(3)
    assert (note.name, note.tags, note.note, note.author) == ("sly smile", ("smile",), "seen in\ninterviews", "ann")
    assert note.key and book.read().of(4).name == ""


def test_an_edit_leaves_other_fields_alone(book):
    book.edit(3, "ann", name="smile", add_tags=["a"])
    notes = book.edit(3, "bob", add_tags=["b"], remove_tags=["A"])
    assert notes.of(3).name == "smile" and notes.of(3).tags == ("b",)


def test_twenty_threads_and_two_processes_lose_nothing(book, tmp_path):
    script = (
        "import sys; from pathlib import Path; from dfe_core.tokens.annotations import Notebook\n"
        "b = Notebook.open('m', Path(sys.argv[1]))\n"
        "for i in range(10): b.edit(5, sys.argv[2], add_tags=[f'{sys.argv[2]}{i}'])"
    )
    others = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), who]) for who in ("p", "q")]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda i: book.edit(5, f"u{i}", add_tags=[f"t{i}"]), range(20)))
    assert [p.wait(300) for p in others] == [0, 0]
    notes = book.read()
    expected = {f"t{i}" for i in range(20)} | {f"{w}{i}" for w in "pq" for i in range(10)}
    assert set(notes.of(5).tags) == expected and notes.revision == len(notes.history) == 40


def test_a_text_changed_by_another_meanwhile_is_not_overwritten_unseen(book):
    seen = book.edit(3, "ann", note="first").revision
    book.edit(3, "bob", note="second")
    with pytest.raises(NoteConflict) as caught:
        book.edit(3, "ann", note="mine", seen=seen)
    assert caught.value.theirs == "second" and "bob" in str(caught.value)
    assert book.read().of(3).note == "second"
    book.edit(3, "ann", name="another field is no conflict", seen=seen)
    book.edit(3, "ann", note="mine", seen=book.read().revision)
    assert [c.after for c in book.read().history if c.field == "note"] == ["first", "second", "mine"]


def test_undo_goes_back_step_by_step_and_redo_forward(book):
    for name in ("one", "two", "three"):
        book.edit(3, "ann", name=name)
    names = []
    for _ in range(4):
        book.undo("ann")
        names.append(book.read().of(3).name)
    assert names == ["two", "one", "", ""] and book.undo("ann") is None
    assert [book.redo("ann").after, book.redo("ann").after] == ["one", "two"]
    book.undo("ann")
    book.edit(3, "ann", name="new")
    assert book.redo("ann") is None
    book.undo("ann")
    assert book.read().of(3).name == "one"


def test_undo_takes_back_ones_own_and_never_anothers(book):
    book.edit(3, "ann", name="ann's")
    book.edit(4, "bob", name="bob's")
    assert book.undo("ann").subject == "codeword/3"
    assert book.read().of(4).name == "bob's" and book.undo("eve") is None
    book.edit(4, "ann", name="over bob")
    with pytest.raises(NoteConflict):
        book.undo("bob")


def test_an_edit_that_changes_nothing_leaves_no_history(book):
    book.edit(3, "ann", name="a", add_tags=["t"])
    assert book.edit(3, "ann", name="a", add_tags=["T"], note="").revision == 2


def test_frames_are_kept_by_recording_each_once_and_come_back(book):
    book.save_frames("half smiles", "lab", {"b": [9, 3, 3], "a": [1], "none": []}, "Ann")
    kept = {"dataset": "lab", "frames": {"a": [1], "b": [3, 9]}}
    assert book.read().frames == {"half smiles": kept}
    book.remove("frames", "half smiles", "Ann")
    assert book.read().frames == {}
    book.undo("Ann")
    assert book.read().frames == {"half smiles": kept}


@pytest.mark.parametrize("frames", [{}, {"a": []}, {"a": range(MOST_FRAMES + 1)}])
def test_no_frames_and_too_many_are_refused(book, frames):
    with pytest.raises(DataError, match=f"1 to {MOST_FRAMES:,}"):
        book.save_frames("too", "lab", frames)
    assert book.read().frames == {}


def test_sets_and_faces_are_saved_removed_and_restored(book):
    book.save_set("left smiles", [5, 3, 3], "ann")
    book.save_face("grin", [3, 4], [1.0, 0.5], "ann")
    assert book.read().sets == {"left smiles": [3, 5]}
    assert book.read().faces["grin"] == {"codewords": [3, 4], "intensities": [1.0, 0.5]}
    book.remove("set", "left smiles", "ann")
    assert book.read().sets == {}
    book.undo("ann")
    assert book.read().sets == {"left smiles": [3, 5]}
    with pytest.raises(DataError, match="no set"):
        book.remove("set", "none")
    with pytest.raises(DataError, match="intensities"):
        book.save_face("x", [3], [])


def test_codewords_outside_the_model_long_texts_and_missing_models_are_refused(book, tmp_path):
    with pytest.raises(DataError, match="0 to 23"):
        book.edit(24, name="x")
    with pytest.raises(DataError, match="at most 120"):
        book.edit(1, name="x" * 121)
    with pytest.raises(DataError, match="no trained model"):
        Notebook.open("nobody", tmp_path)


def test_a_broken_file_is_reported_and_never_overwritten(book):
    book.path.write_text("{broken")
    with pytest.raises(DataError, match="notes.json"):
        book.edit(3, name="x")
    assert book.path.read_text() == "{broken"


def test_csv_goes_out_and_comes_in_whole(book, tmp_path, toy_face):
    book.edit(3, "ann", name='a "quoted", name', note="two\nlines", add_tags=["x", "y z"])
    write_model(tmp_path / "other", toy_face, codeword_psi(toy_face))
    other = Notebook.open("m", tmp_path / "other")
    summary = import_csv(other, "\ufeff" + notes_csv(book.read()), "bob")
    assert (summary.changed, summary.kept, summary.skipped) == (1, 0, ())
    mine, theirs = book.read().of(3), other.read().of(3)
    assert (mine.name, mine.tags, mine.note) == (theirs.name, theirs.tags, theirs.note)


def test_a_csv_that_no_reader_takes_is_refused_as_such(book):
    with pytest.raises(DataError, match="notes CSV: not readable"):
        import_csv(book, f'codeword,name\n3,"{"x" * 200_000}"')


def test_an_import_keeps_the_labs_own_words_and_reports_bad_rows(book):
    book.edit(3, "ann", name="ours", add_tags=["a"])
    text = "codeword,name,tags\n3,theirs,b\n99,x,\nseven,x,\n4,new,\n"
    summary = import_csv(book, text)
    assert (summary.changed, summary.kept, len(summary.skipped)) == (2, 1, 2)
    assert book.read().of(3).name == "ours" and book.read().of(3).tags == ("a", "b") and book.read().of(4).name == "new"
    assert import_csv(book, text, overwrite=True).changed == 1 and book.read().of(3).name == "theirs"
    with pytest.raises(DataError, match="columns a, b"):
        import_csv(book, "a,b\n1,2\n")


def test_json_goes_out_and_comes_in_but_not_into_another_codebook(book, tmp_path, toy_face):
    book.edit(3, "ann", name="smile")
    book.save_set("s", [1, 2])
    book.save_frames("f", "lab", {"a": [5, 4]})
    text = notes_json(book.read(), "m", json.loads(book.path.with_name("config.json").read_text())["key"])
    write_model(tmp_path / "same", toy_face, codeword_psi(toy_face))
    same = Notebook.open("m", tmp_path / "same")
    assert import_json(same, text).changed == 3 and same.read().sets == {"s": [1, 2]}
    assert same.read().frames == {"f": {"dataset": "lab", "frames": {"a": [4, 5]}}}
    write_model(tmp_path / "else", toy_face, codeword_psi(toy_face, seed=1))
    with pytest.raises(DataError, match="other faces"):
        import_json(Notebook.open("m", tmp_path / "else"), text)
    with pytest.raises(DataError, match="not an export"):
        import_json(book, "[]")
    odd = json.loads(text) | {
        "sets": {"far": [99], "odd": 3},
        "faces": {"f": {"codewords": [1], "intensities": []}},
        "frames": {"no dataset": {"frames": {}}, "list": [1]},
    }
    assert len(import_json(same, json.dumps(odd)).skipped) == 5 and same.read().sets == {"s": [1, 2]}


def test_without_an_author_it_is_who_acts_and_undo_takes_back_nobody_elses(book):
    with acting("ann@lab.org", Way.DASHBOARD):
        assert book.edit(3, name="smile").of(3).author == "ann@lab.org"
    with acting("bob@lab.org", Way.DASHBOARD):
        book.edit(4, name="frown")
        assert book.undo().subject == "codeword/4" and book.undo() is None
        assert book.redo().subject == "codeword/4"
    with acting("ann@lab.org", Way.DASHBOARD):
        assert book.undo().subject == "codeword/3" and book.read().of(4).name == "frown"
    assert all(change.author for change in book.read().history)
