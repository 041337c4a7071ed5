"""Who did what is written once, whole and bounded; a person who withdraws is not in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dfe_core import audit, trash
from dfe_core.audit import AUDIT_FILE, EARLIER_FILE, PERSON, Outcome, Way, acting, read_log, recorded, redact
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.faces import save_face
from dfe_core.facs.derive import derive_aus
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.workspace.redaction import mentions
from dfe_core.workspace.withdrawal import withdraw
from tests.conftest import PROJECT
from tests.small_world import World, make_world
from train.cli import main


@pytest.fixture
def world(cache: Path, toy_face) -> World:
    save_face(toy_face, cache)
    made = make_world(cache, toy_face, frames=40)
    (cache / AUDIT_FILE).unlink(missing_ok=True)
    return made


def acts(root: Path) -> list[tuple]:
    """The log, the oldest first, as (act, artefacts, part, outcome)."""
    return [(e.act, *e.artefacts, e.part, e.outcome) for e in reversed(read_log(root).entries)]


def test_what_is_done_has_one_line_each_with_who_and_how(world: World):
    root = world.root
    with acting("ana@lab.org", Way.DASHBOARD):
        entry = remove_recording(Dataset.open("d", root), "r1")
        put_back(entry, root)
        trash.empty(root, [remove_recording(Dataset.open("d", root), "r2")])
        Notebook.open("m", root).edit(3, "ana", name="brow up")
    derive_aus(Dataset.open("d", root), "derived", root=root)
    with pytest.raises(DataError):
        encode_dataset("m", "e", root=root)
    assert acts(root) == [
        ("remove", "datasets/d", "r1", "done"),
        ("restore", "datasets/d", "r1", "done"),
        ("remove", "datasets/d", "r2", "done"),
        ("purge", "datasets/d", "r2", "done"),
        ("write notes", "models/m", "codeword/3", "done"),
        ("derive AUs", "analyses/aus--d--derived", "", "done"),
        ("encode", "tokens/m--e", "", "refused"),
    ]
    newest, oldest = read_log(root).entries[0], read_log(root).entries[-1]
    assert (oldest.person, oldest.account, oldest.way) == ("ana@lab.org", audit.account(), "dashboard")
    assert (newest.person, newest.account, newest.way) == (audit.account(), "", "python")
    assert entry.by == "ana@lab.org" and newest.time >= oldest.time > "2020" and newest.time.endswith("+00:00")


def test_commands_log_for_the_person_who_asked(world: World, monkeypatch, capsys):
    monkeypatch.setenv(PERSON, "ben@lab.org")
    assert main(["rm", "tokens/m--d", "--yes"]) == 0 and main(["rm", "datasets/nothing", "--yes"]) == 1
    monkeypatch.delenv(PERSON)
    assert (
        main(["aus", "derive", "--dataset", "d", "--name", "est"]) == 0
        and main(["export", "m", "nowhere", "--what", "summary", "--out", "x.csv"]) == 1
    )
    found = [(e.person, e.way, e.act, e.artefacts, e.outcome) for e in reversed(read_log(world.root).entries)]
    own = audit.account()
    assert found == [
        ("ben@lab.org", "dashboard", "remove", ("tokens/m--d",), "done"),
        (own, "command", "derive AUs", ("analyses/aus--d--est",), "done"),
        (own, "command", "export", ("models/m", "datasets/nowhere"), "refused"),
    ]
    capsys.readouterr()
    assert main(["log", "--limit", "2"]) == 0
    shown = capsys.readouterr().out
    assert "refused" in shown and "models/m, datasets/nowhere" in shown and "ben@lab.org" not in shown
    assert main(["log", "--json", "-"]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 3


def test_an_act_says_how_it_ended(tmp_path: Path):
    ends = ((DataError("x", "y"), "refused"), (ValueError(), "failed"), (KeyboardInterrupt(), "interrupted"))
    for error, outcome in ends:
        with pytest.raises(type(error)), recorded("train", ["models/m"], root=tmp_path):
            raise error
        assert read_log(tmp_path).entries[0].outcome == outcome
    with recorded("remove", ["datasets/d"], root=tmp_path), recorded("purge", ["datasets/e"], root=tmp_path):
        pass
    assert read_log(tmp_path).entries[0].act == "remove" and len(read_log(tmp_path).entries) == 4


def test_an_interruption_while_an_act_fails_loses_no_line(tmp_path: Path, monkeypatch):
    written = audit._append

    def interrupted(path: Path, line: str) -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        written(path, line)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "_append", interrupted)
    before = signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), recorded("train", ["models/m"], root=tmp_path):
            raise DataError("x", "y", "z")
        assert acts(tmp_path) == [("train", "models/m", "", "refused")]
        assert signal.getsignal(signal.SIGTERM) is stop
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)


def test_a_refusal_makes_no_cache(tmp_path: Path):
    with pytest.raises(DataError), recorded("train", root=tmp_path / "none"):
        raise DataError("x", "y")
    assert not (tmp_path / "none").exists()


def test_broken_lines_are_counted_and_what_follows_is_whole(tmp_path: Path):
    path = tmp_path / AUDIT_FILE
    path.write_bytes(
        b'\xff\xfe\n[1]\n{"act": 3}\n{"time": "t", "person": "p", "act": "x", "new field": {}}\n{"time": "2026-01'
    )
    with recorded("train", ["models/m"], root=tmp_path):
        pass
    log = read_log(tmp_path)
    assert [e.act for e in log.entries] == ["train", "x"] and log.unreadable == 4


def test_the_log_is_bounded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(audit, "MOST_BYTES", 1000)
    for i in range(60):
        with recorded("train", [f"models/m{i}"], root=tmp_path):
            pass
    assert (tmp_path / EARLIER_FILE).stat().st_size + (tmp_path / AUDIT_FILE).stat().st_size < 2600
    labels = [e.artefacts[0] for e in read_log(tmp_path).entries]
    assert labels == [f"models/m{59 - i}" for i in range(len(labels))] and len(labels) > 8


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog):
    (tmp_path / AUDIT_FILE).mkdir()
    with recorded("train", ["models/m"], root=tmp_path):
        pass
    assert "was not logged" in caplog.text


def test_the_log_has_the_mode_that_umask_gives(tmp_path: Path):
    before = os.umask(0o007)
    try:
        with recorded("train", root=tmp_path):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / AUDIT_FILE).stat().st_mode & 0o777 == 0o660


WRITER = """import sys
from pathlib import Path
from dfe_core.audit import recorded
for i in range(40):
    with recorded("train", [f"models/{sys.argv[2]}-{i}" + "x" * 3000], root=Path(sys.argv[1])):
        pass
"""


def test_writers_at_once_lose_no_line(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    made = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(n)], env=environment) for n in range(4)]
    assert [process.wait(300) for process in made] == [0] * 4
    log = read_log(tmp_path)
    assert len({e.artefacts for e in log.entries}) == 160 and not log.unreadable


def test_a_person_who_withdraws_is_not_in_the_log(world: World):
    root = world.root
    remove_recording(Dataset.open("d", root), "r1")
    remove_recording(Dataset.open("d", root), "r2")
    Notebook.open("m", root).save_frames("smiles of s1", "d", {"r4": [1], "r5": [1]}, "ana")
    with open(root / AUDIT_FILE, "a", encoding="utf-8") as log:
        log.write('{"act": "torn", "part": "r4\n')
    certificate = withdraw("s1", root)
    mark = f"[withdrawal {certificate.id}]"
    held = (root / AUDIT_FILE).read_text()
    assert not any(name in held for name in ("s1", "r1", "r4")) and "torn" not in held
    assert acts(root) == [
        ("remove", "datasets/d", mark, "done"),
        ("remove", "datasets/d", "r2", "done"),
        ("write notes", "models/m", f"frames/smiles of {mark}", "done"),
        ("withdraw", f"withdrawals/{certificate.id}", "", "done"),
    ]
    assert "s1" not in held and list(mentions(root, {"r1", "r4"})) == []


def test_names_that_others_have_too_stay(tmp_path: Path):
    """A recording of the same name in another dataset; a person called as a codeword is numbered."""
    for artefact, part in (
        ("datasets/d", "r1"),
        ("datasets/e", "r1"),
        ("models/m-17", "codeword/17"),
        ("datasets/17", ""),
    ):
        with recorded("remove", [artefact], part, tmp_path):
            pass
    redact({"d": {"r1"}}, {"17"}, "[x]", tmp_path)
    assert acts(tmp_path) == [
        ("remove", "datasets/d", "[x]", "done"),
        ("remove", "datasets/e", "r1", "done"),
        ("remove", "models/m-17", "codeword/17", "done"),
        ("remove", "datasets/[x]", "", "done"),
    ]


def test_outcomes_are_plain_words():
    assert [str(outcome) for outcome in Outcome] == ["done", "refused", "failed", "interrupted"]
