"""A format is one file: readers of another package, found by their entry points, import through the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.registry import find_reader, forget_installed, readers
from dfe_core.faces import save_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.readers import au_readers
from dfe_core.facs.store import AlignedAus

READER = '''
"""Smiles as our lab's camera writes them: a line "SMILE <fps>", then one number a line."""
import numpy as np
from dfe_core.errors import DataError
from dfe_core.expressions.recording import Recording

FORMAT, TITLE, ENDINGS, EXTRACTOR = "smile", "smile log", (".smile",), "smilecam"

def sniff(path, head):
    return "its first word" if head.startswith(b"SMILE ") else None

def read(path, options):
    first, *rows = path.read_text().splitlines()
    try:
        psi = np.array([[float(row)] * 2 for row in rows], np.float32)
    except ValueError as error:
        raise DataError(path, f"a line that is no number ({error})", "one number a line") from None
    fps, count = float(first.split()[1]), np.arange(len(psi))
    return [Recording(name=path.stem, names=("mouthSmileLeft", "mouthSmileRight"), psi=psi, time_s=count / fps,
                      frame=count, valid=np.ones(len(psi), bool), fps=fps, space="arkit", extractor="smilecam")]
'''
AU_READER = '''
"""AU12 as our lab's coder writes it: the ending .twelve, and a table of frame and level from 0 to 5."""
import numpy as np
from dfe_core.facs.detections import Detections

FORMAT, TITLE, ENDINGS = "twelve", "table of AU12", (".twelve",)

def sniff(path, header):
    return "its ending" if path.suffix == ".twelve" else None

def read(path, options):
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    level = rows[:, 1:].astype(np.float32)
    return [Detections(source=path.name, tool="twelve", version="1", estimate=False, aus=(("AU12", "both"),),
                       emits=("AU12",), frame=rows[:, 0].astype(int), time_s=rows[:, 0] / 30, fps=30.0,
                       probability=np.full_like(level, np.nan), intensity=level, face="", recording="", notes=())]
'''
BROKEN = {
    "missing": "FORMAT, TITLE = 'half', 'half a reader'\nsniff = lambda path, head: None\n",
    "raises": "raise RuntimeError('no licence')\n",
    "taken": "FORMAT, TITLE = 'openface', 'another'\nsniff = read = lambda path, more: None\n",
}
VALUES = np.round(np.abs(np.sin(np.arange(90) / 9)), 3)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """install({module: source}, [(group, module)]): a package with entry points, as pip leaves it."""

    def put(modules: dict[str, str], entries: list[tuple[str, str]]) -> None:
        site = tmp_path / "site"
        info = site / "labformats-1.0.dist-info"
        info.mkdir(parents=True)
        for name, source in modules.items():
            (site / f"{name}.py").write_text(source, encoding="utf-8")
            monkeypatch.delitem(sys.modules, name, raising=False)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labformats\nVersion: 1.0\n")
        groups = dict.fromkeys(group for group, _ in entries)
        lines = [line for group in groups for line in (f"[{group}]", *(f"{m} = {m}" for g, m in entries if g == group))]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(site))
        forget()

    def forget() -> None:
        forget_installed()
        au_readers.cache_clear()

    yield put
    monkeypatch.undo()
    forget()


@pytest.fixture
def recordings(tmp_path: Path, cache: Path, toy_face: FaceModel) -> Path:
    """Two recordings of the lab's format in a folder, and the face toy-1 in the cache."""
    save_face(toy_face, cache)
    folder = tmp_path / "takes"
    folder.mkdir()
    for name, values in (("s01", VALUES), ("s02", VALUES[::-1])):
        (folder / f"{name}.smile").write_text("SMILE 30\n" + "\n".join(map(str, values)) + "\n")
    return folder


def run(*arguments: str) -> int:
    from train.cli import main

    return main(list(arguments))


def test_a_folder_of_an_added_format_imports_through_the_command_line(install, recordings: Path, capsys):
    install({"labsmile": READER}, [("dfe.readers", "labsmile")])
    assert run("import", str(recordings), "--name", "lab", "--face", "toy-1") == 0
    assert "2 recordings, 180 frames" in capsys.readouterr().out
    dataset = Dataset.open("lab")
    frames = dataset.frames("s01")
    column = dataset.names.index("mouthSmileLeft")
    assert frames.psi[:, column] == pytest.approx(VALUES, abs=1e-6)
    assert {(s["reader"], s["why"]) for s in dataset.manifest["sources"]} == {("smile", "its first word")}
    assert dataset.recordings["extractor"].unique().tolist() == ["smilecam"]


def test_an_added_format_can_be_named_and_shows_before_the_import(install, recordings: Path):
    from dfe_core.expressions.inspection import inspect_sources

    install({"labsmile": READER}, [("dfe.readers", "labsmile")])
    assert run("import", str(recordings), "--name", "lab", "--face", "toy-1", "--format", "smile") == 0
    assert [(b.format, b.title, b.tool, b.fault) for b in inspect_sources([recordings])] == [
        ("smile", "smile log", "smilecam", "")
    ] * 2


def test_labels_may_name_recordings_with_the_ending_of_an_added_format(install, recordings: Path, tmp_path: Path):
    install({"labsmile": READER}, [("dfe.readers", "labsmile")])
    (tmp_path / "labels.csv").write_text("recording,mood\ns01.smile,3\ns02.smile,4\n")
    options = ImportOptions(face="toy-1", labels=tmp_path / "labels.csv")
    import_dataset([recordings], "lab", options)
    assert Dataset.open("lab").recordings["mood"].tolist() == [3, 4]


def test_a_file_that_an_added_reader_cannot_read_is_skipped_with_its_reason(install, recordings: Path):
    install({"labsmile": READER}, [("dfe.readers", "labsmile")])
    (recordings / "s03.smile").write_text("SMILE 30\n0.1\nhello\n")
    report = import_dataset([recordings], "lab", ImportOptions(face="toy-1"))
    ((path, error),) = report.skipped
    assert path.name == "s03.smile" and error.found.startswith("a line that is no number")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("names=(", 'names=("jawOpen", ', r"gave psi of shape \(90, 2\) for 3 names"),
        ("frame=count,", "frame=count[1:],", r"gave frame of shape \(89,\)"),
        ("time_s=count / fps", "time_s=-count / fps", "gave times or frames that do not increase"),
        ("psi=psi,", "psi=psi / 0,", "gave psi that is not finite"),
        ("return [Recording(", "return [dict(", "gave a dict"),
    ],
)
def test_a_recording_that_breaks_the_contract_is_refused(install, recordings: Path, old: str, new: str, said: str):
    assert old in READER
    install({"labsmile": READER.replace(old, new)}, [("dfe.readers", "labsmile")])
    with pytest.raises(DataError, match=f"smile log {said}"):
        import_dataset([recordings / "s01.smile"], "lab", ImportOptions(face="toy-1"))


def test_action_units_of_an_added_format_import_through_the_command_line(install, recordings: Path, capsys):
    install(
        {"labsmile": READER, "labtwelve": AU_READER},
        [("dfe.readers", "labsmile"), ("dfe.au_readers", "labtwelve")],
    )
    assert run("import", str(recordings), "--name", "lab", "--face", "toy-1") == 0
    for name, values in (("s01", VALUES), ("s02", VALUES[::-1])):
        table = "\n".join(f"{i},{5 * v:.3f}" for i, v in enumerate(values))
        (recordings / f"{name}.twelve").write_text(f"frame,level\n{table}\n")
    assert run("aus", "import", str(recordings), "--dataset", "lab", "--name", "coder", "--offset", "0") == 0
    aus = AlignedAus.open("lab", "coder")
    assert aus.tool == "twelve" and aus.aus == (("AU12", "both"),)
    assert aus.recording("s01").intensity[:, 0] == pytest.approx(5 * VALUES, abs=1e-3)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_left_out_with_a_warning_and_stops_nothing(install, recordings: Path, kind: str):
    install(
        {"labsmile": READER, "labbroken": BROKEN[kind]}, [("dfe.readers", "labbroken"), ("dfe.readers", "labsmile")]
    )
    said = {"missing": "no function read", "raises": "RuntimeError: no licence", "taken": "'openface' is there already"}
    with pytest.warns(UserWarning, match=f"reader labbroken .* is not used: .*{said[kind]}"):
        found = readers()
    assert next(reader.FORMAT for reader in found) == "smile"
    assert find_reader(recordings / "s01.smile")[0].FORMAT == "smile"


def test_a_reader_that_fails_to_look_at_a_file_knows_nothing_of_it(install, recordings: Path, tmp_path: Path):
    fails = READER.replace('return "its first word"', "return 1 / 0").replace('"smile"', '"fails"')
    install({"labfails": fails, "labsmile": READER}, [("dfe.readers", "labfails"), ("dfe.readers", "labsmile")])
    with pytest.warns(UserWarning, match="reader fails failed to look at s01.smile: division by zero"):
        assert find_reader(recordings / "s01.smile")[0].FORMAT == "smile"


def test_without_packages_the_readers_are_those_of_dfe():
    forget_installed()
    assert all(reader.__name__.startswith("dfe_core.expressions.readers.") for reader in readers())
    assert all(reader.__name__.startswith("dfe_core.facs.readers.") for reader in au_readers().values())


def test_every_reader_keeps_to_the_protocol():
    for reader in (*readers(), *au_readers().values()):
        assert isinstance(reader.FORMAT, str) and isinstance(reader.TITLE, str)
        assert callable(reader.sniff) and callable(reader.read)
    assert [key for key, reader in au_readers().items() if key != reader.FORMAT] == []
