"""Tables that went through somebody's hands: titles, means, headers again, units, separators at the end, packing."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import live_link_face
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.expressions.recording import Recording
from dfe_core.facs.readers import read_aus
from tests.captures import live_link, performance, table
from tests.moving_points import openface_csv, take

FRAMES = 60
Lines = list[str]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """A table of each family as its tool writes it."""
    path = tmp_path_factory.mktemp("tables") / "of.csv"
    openface_csv(path, take(0, 0, frames=FRAMES).points)
    return {
        "arkit": table(performance(FRAMES), time="time", scale=1),
        "live link": live_link(performance(FRAMES)),
        "openface": path.read_text(),
    }


def row(lines: Lines, first: str, rest: str) -> str:
    return ",".join([first, *[rest] * lines[0].count(",")])


CHANGES: dict[str, Callable[[Lines], Lines]] = {
    "means and deviations below": lambda x: [*x, row(x, "Mean", "0.4"), row(x, "SD", "0.1")],
    "an average after a blank line": lambda x: [*x, "", row(x, "Average", "")],
    "the header again": lambda x: [*x[:30], x[0], *x[30:]],
    "a row of units": lambda x: [x[0], row(x, "s", "a.u."), *x[1:]],
    "a title in a row of its own": lambda x: [row(x, "Participant 07", ""), *x],
    "a separator at the end of rows": lambda x: [x[0], *(line + "," for line in x[1:])],
    "separators at the end": lambda x: [line + ",," for line in x],
    "a number before each row": lambda x: [f",{x[0]}", *(f"{i},{line}" for i, line in enumerate(x[1:]))],
    "Excel's mark of the separator": lambda x: ["sep=,", *x],
}


def read(path: Path, text: str | bytes) -> Recording:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    reader, _ = find_reader(path)
    (found,) = reader.read(path, ReadOptions())
    return found


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("family", ["arkit", "live link", "openface"])
def test_what_people_add_to_a_table_changes_no_frame(tmp_path, files, family, change):
    whole = read(tmp_path / "a.csv", files[family])
    found = read(tmp_path / "b.csv", "\r\n".join(CHANGES[change](files[family].splitlines())))
    np.testing.assert_array_equal(found.psi[found.valid], whole.psi)
    np.testing.assert_allclose(found.time_s, whole.time_s)
    assert found.fps == whole.fps and found.extractor == whole.extractor


def test_a_timecode_that_is_none_costs_its_frame_and_many_the_file(tmp_path):
    lines = live_link(performance(FRAMES)).splitlines()
    lines[11] = f"lost{lines[11][lines[11].index(',') :]}"
    lines[21] = f"10:00:00:99.000{lines[21][lines[21].index(',') :]}"
    found = read(tmp_path / "a.csv", "\n".join(lines))
    assert any("(the first: line 12)" in note for note in found.notes)
    assert any("(the first: line 22)" in note for note in found.notes)
    assert set(range(FRAMES)) - set(found.frame.tolist()) == {10, 20}
    lines[12:40] = ["lost" + line[line.index(",") :] for line in lines[12:40]]
    with pytest.raises(DataError, match="line 12, column Timecode: 'lost'"):
        live_link_face.read(_written(tmp_path / "b.csv", "\n".join(lines)), ReadOptions())


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"), [(gzip.compress(b"a,b\n1,2\n"), "gzip"), (_zip(), "Excel workbook")], ids=["gzip", "zip"]
)
def test_packed_files_are_named_and_what_to_do_with_them(tmp_path, content, said):
    path = tmp_path / "take.csv"
    path.write_bytes(content)
    for read_head in (find_reader, read_aus):
        with pytest.raises(DataError, match=rf"{said}.*expected"):
            read_head(path)


def test_a_title_above_a_narrow_table_is_none_of_it(tmp_path):
    path = tmp_path / "aus.csv"
    path.write_text("Coder 2,,\nau,onset,offset\nAU12,0.5,1.5\nAU4,1,2\n")
    assert [one.au for one in read_aus(path)[0].intervals] == ["AU12", "AU4"]


def test_cells_in_per_cent_are_named(tmp_path):
    lines = table(performance(FRAMES), time="time", scale=1).splitlines()
    cells = [line.split(",") for line in lines[1:]]
    text = "\n".join([lines[0], *(",".join([row[0], *(f"{float(v):.1%}" for v in row[1:])]) for row in cells)])
    with pytest.raises(DataError, match="per cent"):
        read(tmp_path / "a.csv", text)


def test_values_below_zero_are_said_with_what_they_likely_come_from(tmp_path):
    psi = performance(FRAMES)
    psi[::4, 3] = -0.3
    found = read(tmp_path / "a.csv", table(psi, time="time", scale=1))
    (note,) = [note for note in found.notes if "below 0" in note]
    assert note.startswith(f"{FRAMES // 4} values") and found.names[3] in note and "resting face" in note
    psi[::4, 3] = -0.001
    noise = read(tmp_path / "b.csv", table(psi, time="time", scale=1))
    assert not any("resting face" in note for note in noise.notes)
