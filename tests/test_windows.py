"""What has to hold for Windows, as far as another system can tell: names, paths, replacement, and no POSIX-only calls.

The CI job `windows` runs the tests of the library there.
"""

from __future__ import annotations

import pytest

from dashboard.data.staging import plain_name
from dfe_core import replacement
from dfe_core.errors import DataError
from dfe_core.expressions.readers.faces import source_stem
from dfe_core.portable_names import RESERVED, file_name, name_fault, portable
from dfe_core.store import atomic_directory, require_new_name
from tests.sources import sources

POSIX_MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "posix", "readline", "curses", "syslog"}
POSIX_OS = set(
    """
    fork forkpty killpg getpgid setsid getuid geteuid getgid getegid pread pwrite mkfifo mknod chown lchown chroot nice
    sched_getaffinity statvfs sync fchdir fchown getloadavg O_DIRECTORY O_NOFOLLOW O_NONBLOCK WNOHANG waitpid
    """.split()
)
POSIX_SIGNALS = {"SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "alarm", "setitimer", "pause"}
BENCHMARKS = {"train/benchmark/memory.py", "train/benchmark/speed.py"}
"""Measure load and peak memory by means that Windows does not have; no user's data go through them."""


@pytest.mark.parametrize("name", [*RESERVED, "CON", "nul.v2", "Com7.data", "study.", "prn"])
def test_names_of_devices_and_cut_names_are_refused_for_new_artefacts(name, tmp_path):
    assert name_fault(name)
    with pytest.raises(DataError, match="Windows"):
        require_new_name("datasets", name, tmp_path)
    assert not name_fault(portable(name))


@pytest.mark.parametrize("name", ["study1", "console", "com10", "lpt", "a.con", "nullity.v1"])
def test_names_that_only_look_alike_are_taken(name, tmp_path):
    assert require_new_name("models", name, tmp_path).name == name


@pytest.mark.parametrize(
    "label", ["../../x", "/x", "a/b", "..", ".", "", "aux", "m</script>", 'q"', "x\n", "l" * 5000, "é" * 90]
)
def test_a_label_names_a_file_in_its_folder_and_no_other_label_shares_it(label, tmp_path):
    name = file_name(label)
    (tmp_path / name).mkdir()
    assert (tmp_path / name).parent.resolve() == tmp_path.resolve() and not name_fault(name) and name != label
    assert file_name(label + "_") != name and file_name("mood, before") == "mood, before"


def test_what_is_there_stays_readable_and_capitals_make_no_second_one(tmp_path):
    (tmp_path / "datasets" / "aux").mkdir(parents=True)
    assert require_new_name("datasets", "aux", tmp_path).is_dir()
    (tmp_path / "datasets" / "Study1").mkdir()
    with pytest.raises(DataError, match="Study1 is there already"):
        require_new_name("datasets", "study1", tmp_path)


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        (r"C:\Users\lab\videos\s01 talk.mp4", "s01 talk"),
        (r"\\server\share\day 1\s02.avi", "s02"),
        ("D:/study/s03.mov", "s03"),
        ("/data/study/s04.mp4", "s04"),
        (r"videos\s05.tar.gz", "s05.tar"),
    ],
)
def test_a_recording_is_named_whichever_system_wrote_the_path(path, stem):
    assert source_stem(path) == stem


@pytest.mark.parametrize(
    ("dropped", "kept"),
    [
        (r"C:\Users\lab\con.csv", "_con.csv"),
        ("a<b>:c?.csv", "a_b__c_.csv"),
        ("LPT1", "_LPT1"),
        ("take 1. .csv", "take 1. .csv"),
        ("...", "file"),
    ],
)
def test_dropped_files_get_a_name_that_every_system_takes(dropped, kept):
    assert plain_name(dropped) == kept and not name_fault(plain_name(dropped))


def test_a_folder_is_replaced_without_exchange_too(tmp_path, monkeypatch):
    monkeypatch.setattr(replacement, "WINDOWS", True)
    for content in ("first", "second"):
        with atomic_directory(tmp_path / "datasets" / "study1") as folder:
            (folder / "data.txt").write_text(content)
    assert (tmp_path / "datasets" / "study1" / "data.txt").read_text() == "second"
    assert [p.name for p in (tmp_path / "datasets").iterdir() if not p.name.startswith(".lock")] == ["study1"]


def test_modules_of_posix_are_imported_only_where_their_absence_is_caught():
    found = {
        source.place
        for source in sources()
        for one in source.imports
        if not one.name and one.module in POSIX_MODULES and not one.caught
    }
    assert found <= BENCHMARKS


def test_calls_that_only_posix_has_are_not_made():
    posix = {f"os.{name}" for name in POSIX_OS} | {f"signal.{name}" for name in POSIX_SIGNALS}
    found = {source.place: source.attributes & posix for source in sources() if source.place not in BENCHMARKS}
    assert {place: calls for place, calls in found.items() if calls} == {}
