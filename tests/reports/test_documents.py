"""A document is written twice, as HTML and as PDF, and says the same in both."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from dfe_core.reports.document import (
    Callout,
    Card,
    Column,
    Document,
    Figure,
    Gallery,
    Number,
    Numbers,
    Section,
    Table,
    Text,
    cell,
)
from dfe_core.reports.fonts import lacking, unprintable
from dfe_core.reports.html import render_html, write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.pdf import _BODY, _Pages, write_pdf
from dfe_core.reports.style import TEXT_WIDTH_MM
from dfe_core.reports.tables import write_tables


def _png() -> bytes:
    import io

    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 120, 200)).save(sink, "PNG")
    return sink.getvalue()


def _draw(figure) -> None:
    axes = figure.add_axes((0.1, 0.2, 0.85, 0.7))
    axes.plot([0, 1], [1, 3])


def _chart():
    import plotly.graph_objects as go

    return go.Figure(go.Scatter(x=[0, 1], y=[1, 3]))


@pytest.fixture
def document() -> Document:
    rows = pd.DataFrame({"au": ["AU1", "AU<2>"] * 40, "score": [0.123456, float("nan")] * 40})
    return Document(
        title="Coverage of a model",
        subtitle="model m on dataset d",
        sections=(
            Section(
                "First",
                (
                    Text("A paragraph of words. " * 40),
                    Callout("Careful & slow."),
                    Numbers(
                        (
                            Number(label="Covered", value="0.50", detail="95 % 0.4 to 0.6"),
                            Number(label="New", value="not enough data (n = 1)"),
                        )
                    ),
                ),
            ),
            Section(
                "Second",
                (
                    Figure(name="line", caption="A line.", draw=_draw, height_mm=60, chart=_chart),
                    Figure(name="still", caption="A drawing.", draw=_draw, height_mm=60),
                    Table(
                        name="rows",
                        caption="Rows.",
                        frame=rows,
                        columns=(Column(name="au", title="AU"), Column(name="score", title="AUROC", spec=".2f")),
                        limit=60,
                    ),
                    Gallery("Faces.", (Card("Codeword 7", ("used 4 %",), _png()), Card("Codeword 9"))),
                ),
            ),
        ),
        facts=(("Seed", "0"), ("Key", "f" * 200)),
        labels=("simulated data",),
    )


def test_html_needs_nothing_but_itself(document: Document) -> None:
    html = render_html(document)
    markup = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\#)[^"']*""", markup)
    assert html.count("<script>/**") + html.count("plotly.js v") >= 1
    assert html.count('id="chart-line"') == 1 and "<svg" in markup


def test_html_escapes_what_the_data_say(document: Document) -> None:
    html = render_html(document)
    assert "AU&lt;2&gt;" in html and "AU<2>" not in html and "Careful &amp; slow." in html


def test_every_caption_carries_the_label_and_a_number(document: Document) -> None:
    html = render_html(document)
    assert "<b>Figure 1.</b> Simulated data. A line." in html
    assert "<b>Figure 2.</b> Simulated data. A drawing." in html
    assert "<b>Table 1.</b> Simulated data. Rows. 20 more rows in tables/rows.csv." in html


def test_the_same_document_gives_the_same_bytes(document: Document, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_html(document, tmp_path / f"{name}.html")
        write_pdf(document, tmp_path / f"{name}.pdf")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_pdf_holds_the_text_on_labelled_pages(document: Document, tmp_path: Path) -> None:
    write_pdf(document, tmp_path / "a.pdf")
    try:
        pages = subprocess.run(
            ["pdftotext", "-layout", tmp_path / "a.pdf", "-"], capture_output=True, check=True, text=True
        ).stdout.split("\f")[:-1]
    except FileNotFoundError:
        pytest.skip("pdftotext is not installed")
    assert len(pages) >= 3
    assert all("simulated data" in page for page in pages)
    text = " ".join(" ".join(pages).split())
    assert "Figure 1. Simulated data. A line." in text and "Careful & slow." in text
    assert "not enough data (n = 1)" in text
    assert text.count("AU<2>") == 30


def test_wrapped_lines_fit_and_lose_no_word(document: Document) -> None:
    text = "Displacement variance explained by tokens, " * 12 + "x" * 400
    pages = _Pages(document)
    pages._use(_BODY)
    lines = pages.multi_cell(0, _BODY.line, text, dry_run=True, output="LINES")
    assert pages.epw == pytest.approx(TEXT_WIDTH_MM)
    assert max(map(pages.get_string_width, lines)) <= TEXT_WIDTH_MM
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_block_that_does_not_fit_starts_a_page(document: Document) -> None:
    pages = _Pages(document)
    for expected in (1, 1, 2, 2, 3):
        pages._figure(Figure(name="tall", caption="Tall.", draw=_draw, height_mm=90))
        assert pages.page_no() == expected
    assert pages.y < 297 - 20


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.125, ".2f", "0.12"),
        (float("nan"), ".2f", "–"),
        (None, "", "–"),
        (True, "", "yes"),
        ([3, 4], "", "3, 4"),
        ("left", ".2f", "left"),
        ([], "", "–"),
    ],
)
def test_cells_read_well(value, spec: str, text: str) -> None:
    assert cell(value, spec) == text


def test_tables_are_the_same_bytes_twice_and_read_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1 / 3, float("nan")], "b": [[1, 2], []], "c": ["x", "y"]})
    for name in ("one", "two"):
        write_tables({"t": table}, tmp_path / name)
    for file in ("t.csv", "t.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert (tmp_path / "one" / "t.csv").read_text() == "a,b,c\n0.3333333,1 2,x\n,,y\n"
    assert pd.read_parquet(tmp_path / "one" / "t.parquet")["b"].iloc[0].tolist() == [1, 2]


def test_manifest_names_what_made_the_report(tmp_path: Path) -> None:
    files = write_tables({"t": pd.DataFrame({"a": [1]})}, tmp_path / "tables")
    manifest = write_manifest(
        tmp_path,
        files,
        kind="coverage",
        inputs={"model": {"key": "k"}},
        settings={"folds": 5},
        seed=3,
        command="dfe coverage m d --aus a --out o",
    )
    assert sorted(manifest["files"]) == ["tables/t.csv", "tables/t.parquet"]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in manifest["files"].values())
    assert manifest["seed"] == 3 and manifest["versions"]["dfe"]
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()


def test_a_pdf_is_written_without_a_word_on_the_terminal(document: Document, tmp_path: Path, caplog) -> None:
    write_pdf(document, tmp_path / "a.pdf")
    assert not caplog.records


def test_characters_that_the_font_lacks_are_set_in_an_installed_one(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert lacking("a \u02ef b\n") == "\u02ef" and unprintable("\u02ef") == ""  # DejaVu Serif has it
    for title in ("\u02ef", "\u1d2f and bold"):
        write_pdf(Document(title=title, subtitle="", sections=()), tmp_path / "a.pdf")
    assert "missing" not in caplog.text
