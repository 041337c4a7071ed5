"""Workbooks of anybody are read as the values they hold, and nothing in them runs or is fetched."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from dfe_core import workbook
from dfe_core.errors import DataError
from dfe_core.exchange.xlsx import write_workbook
from dfe_core.expressions.labels import read_labels
from dfe_core.workbook import read_sheets

MAIN = workbook.MAIN
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = {
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="Notes" sheetId="1" r:id="rId7"/><sheet name="Labels" sheetId="2" r:id="rId9"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId7" Type="{RELATIONS}/worksheet" Target="worksheets/empty.xml"/>'
    f'<Relationship Id="rId9" Type="{RELATIONS}/worksheet" Target="/xl/worksheets/labels.xml"/>'
    f'<Relationship Id="rId3" Type="{RELATIONS}/externalLink" Target="http://nowhere/x" TargetMode="External"/>'
    "</Relationships>",
    "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>recording</t></si><si><t>mood</t></si><si><t>seen</t></si>'
    "<si><r><t>s0_</t></r><r><t>take</t></r><rPh><t>no</t></rPh></si><si><t>_x0041_calm</t></si><si><t>007</t></si></sst>",
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="0.0&quot; days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/>'
    '<xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    "xl/worksheets/empty.xml": f'<worksheet xmlns="{MAIN}"><sheetData/></worksheet>',
    "xl/vbaProject.bin": "nothing that is read",
}
HEAD = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>'


def book(path: Path, rows: str, **parts: str) -> Path:
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{HEAD}{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**PARTS, "xl/worksheets/labels.xml": sheet, **parts}.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('<c r="B2" t="s"><v>3</v></c>', "s0_take"),
        ('<c r="B2" t="s"><v>4</v></c>', "Acalm"),
        ('<c r="B2" t="s"><v>5</v></c>', "007"),
        ('<c r="B2"><v>2.5</v></c>', 2.5),
        ('<c r="B2" s="2"><v>3</v></c>', 3.0),
        ('<c r="B2" t="b"><v>1</v></c>', True),
        ('<c r="B2" t="e"><v>#N/A</v></c>', None),
        ('<c r="B2" s="1"><v>45000</v></c>', "2023-03-15"),
        ('<c r="B2" s="3"><v>45000.5</v></c>', "2023-03-15 12:00:00"),
        ('<c r="B2"><f>WEBSERVICE("http://nowhere")</f><v>4</v></c>', 4.0),
        ('<c r="B2" t="str"><f>A1</f><v>glad</v></c>', "glad"),
        ('<c r="B2" t="inlineStr"><is><t>=cmd|x</t></is></c>', "=cmd|x"),
    ],
)
def test_a_cell_is_the_value_that_was_stored(tmp_path: Path, cell: str, value):
    sheets = read_sheets(book(tmp_path / "a.xlsx", f'<row r="2">{cell}</row>'))
    assert [s.name for s in sheets] == ["Notes", "Labels"]
    assert sheets[1].rows == [["recording", "mood", "seen"], [None, value]]


def test_labels_come_from_the_first_sheet_with_rows(tmp_path: Path):
    rows = (
        '<row r="2"><c t="s"><v>3</v></c><c t="s"><v>5</v></c><c><v>1</v></c></row>'
        '<row r="5"><c r="A5" t="inlineStr"><is><t>s1.csv</t></is></c><c r="C5"><v>2.5</v></c><c r="D5" t="e"/></row>'
    )
    labels = read_labels(book(tmp_path / "labels.xlsx", rows))
    assert labels.rows == {"s0_take": {"mood": "007", "seen": 1.0}, "s1": {"mood": None, "seen": 2.5}}


def test_a_workbook_of_ours_says_the_same_as_its_csv(tmp_path: Path):
    table = pd.DataFrame({"recording": ["a", "b"], "rating": [1.0, None], "mood": ["calm", None], "code": ["01", "2"]})
    write_workbook({"labels": table}, tmp_path / "labels.xlsx")
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert read_labels(tmp_path / "labels.xlsx").rows == read_labels(tmp_path / "labels.csv").rows


@pytest.mark.parametrize(
    ("rows", "parts", "why"),
    [
        ('<row r="2"><c r="A2"><f>1+1</f></c></row>', {}, "a formula without its value"),
        ('<row r="2"><c r="D2"><v>1</v></c></row>', {}, "more cells than the header"),
        ('<row r="2"><c r="A2" t="s"><v>99</v></c></row>', {}, "not readable as a workbook"),
        ('<row r="2"><c r="ZZZZ2"><v>1</v></c></row>', {}, "not readable as a workbook"),
        ("", {"xl/workbook.xml": f'<!DOCTYPE x [<!ENTITY a "b">]><workbook xmlns="{MAIN}">&a;</workbook>'}, "Entit"),
        ("", {"xl/workbook.xml": "<broken"}, "ParseError"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, rows: str, parts: dict, why: str):
    with pytest.raises(DataError, match=why):
        read_labels(book(tmp_path / "a.xlsx", rows, **parts))


def test_what_unfolds_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = book(tmp_path / "a.xlsx", '<row r="2"><c r="A2"><v>1</v></c></row>' * 20)
    with pytest.raises(DataError, match="more cells than are read"):
        read_sheets(path, most_cells=10)
    monkeypatch.setattr(workbook, "MOST_SHARED_BYTES", 100)
    with pytest.raises(DataError, match="unfolds to"):
        read_sheets(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"\x00" * 40, b"recording,mood\na,b\n"])
def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "labels.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="not readable as a workbook"):
        read_labels(tmp_path / "labels.xlsx")
