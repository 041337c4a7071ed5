"""What somebody wrote as a label is never run by a spreadsheet."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from dfe_core.reports.tables import write_table
from dfe_core.spreadsheet import original_cell, plain_cell, plain_table
from dfe_core.tokens.annotation_files import import_csv, notes_csv
from dfe_core.tokens.annotations import Notebook
from tests.small_world import codeword_psi, write_model

FORMULAS = ["=cmd|'/C calc'!A0", "@x", "+1+1", "-1+2", "\tx", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_text_and_come_back(text: str):
    assert plain_cell(text) == "'" + text and original_cell(plain_cell(text)) == text


@pytest.mark.parametrize("value", ["-1.5", "+2", "calm", "'quoted'", "", 3, -2.5, None, "-inf"])
def test_everything_else_stays(value):
    assert plain_cell(value) == value and (not isinstance(value, str) or original_cell(value) == value)


def test_tables_keep_their_numbers_and_neutralise_texts_and_headings(tmp_path: Path):
    table = pd.DataFrame({"label": pd.Categorical(["=1+1", "calm"]), "=head": ["-x", None], "score": [-1.5, 2.0]})
    made = plain_table(table)
    assert list(made) == ["label", "'=head", "score"] and made["score"].tolist() == [-1.5, 2.0]
    write_table(table, tmp_path, "t")
    assert (tmp_path / "t.csv").read_text() == "label,'=head,score\n'=1+1,'-x,-1.5\ncalm,,2\n"
    assert pd.read_parquet(tmp_path / "t.parquet")["label"].tolist() == ["=1+1", "calm"]


def test_notes_go_out_neutral_and_come_back_as_they_were(cache: Path, toy_face):
    write_model(cache, toy_face, codeword_psi(toy_face))
    notebook = Notebook.open("m", cache)
    text = notes_csv(notebook.edit(1, "=ana", name="=1+1", note="@home", add_tags=["+a"]))
    row = pd.read_csv(io.StringIO(text)).iloc[0]
    assert (row["name"], row["note"], row["tags"], row["author"]) == ("'=1+1", "'@home", "'+a", "'=ana")
    notebook.edit(1, name="", note="", remove_tags=["+a"])
    import_csv(notebook, text)
    note = notebook.read().of(1)
    assert (note.name, note.note, note.tags) == ("=1+1", "@home", ("+a",))
