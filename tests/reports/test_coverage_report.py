"""The coverage report: whole, labelled, the same on every run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.facs import status as statuses
from dfe_core.facs.settings import LEAST_PHI
from dfe_core.facs.status import NOT_ENOUGH, NOT_MEASURED, Reason
from dfe_core.ontology import facs_order
from dfe_core.reports import coverage_charts, coverage_figures
from dfe_core.reports.coverage import Pictures, coverage_document, write_coverage_report
from dfe_core.reports.coverage_matrix import ORDERS, heat_matrix
from dfe_core.reports.coverage_text import headlines, status_words, summary, with_interval
from dfe_core.reports.document import Document, Figure, Gallery, Number, Numbers, Section, Table, Text
from dfe_core.reports.html import render_html, write_html
from dfe_core.reports.references import references
from dfe_core.store import file_sha256

COMMAND = "dfe coverage planted planted --aus truth --out r"


def _png() -> bytes:
    import io

    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 30, 30)).save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture(scope="module")
def written(coverage, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("report")
    pictures = Pictures({int(k): _png() for k in coverage.new_codewords["codeword"]}, {("all", "all"): _png()}, 3.0)
    write_coverage_report(coverage, out, pictures=pictures, command=COMMAND, date="2026-11-27")
    return out


@pytest.fixture(scope="module")
def plain(coverage) -> Document:
    """The document without pictures."""
    return coverage_document(coverage, Pictures(), "dfe coverage")


@pytest.fixture(scope="module")
def page(plain) -> str:
    """It as HTML."""
    return render_html(plain)


def test_everything_that_is_promised_is_there(written, coverage) -> None:
    names = {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()}
    assert {
        "report.html",
        "report.pdf",
        "coverage.json",
        "manifest.json",
        "figures/coverage-of-facs.svg",
        "figures/rarefaction.svg",
        "figures/variance.svg",
    } <= names
    assert {f"tables/{t}.{ending}" for t in coverage.tables for ending in ("csv", "parquet")} <= names
    assert json.loads((written / "coverage.json").read_text()) == coverage.to_json()


def test_the_manifest_can_make_it_again(written, coverage) -> None:
    manifest = json.loads((written / "manifest.json").read_text())
    assert manifest["command"] == "dfe coverage planted planted --aus truth --out r" and manifest["seed"] == 0
    assert {k: v["key"] for k, v in manifest["inputs"].items() if "key" in v} == coverage.keys
    for name, digest in manifest["files"].items():
        assert file_sha256(written / name) == digest
    assert manifest["settings"]["resamples"] == 100 and manifest["versions"]["numpy"]


def test_the_same_command_gives_the_same_bytes(written, coverage, tmp_path, monkeypatch) -> None:
    pictures = Pictures({int(k): _png() for k in coverage.new_codewords["codeword"]}, {("all", "all"): _png()}, 3.0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795737600")
    write_coverage_report(coverage, tmp_path, pictures=pictures, command=COMMAND)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path.name


def test_every_page_and_caption_says_simulated(written, coverage) -> None:
    html = (written / "report.html").read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>|<div class=\"caption\">(.*?)</div>", html)
    assert len(captions) > 12 and all("Simulated data." in "".join(c) for c in captions)
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    text = subprocess.run(["pdftotext", written / "report.pdf", "-"], capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    assert len(pages) > 5 and all("simulated data" in page.lower() for page in pages)


def test_captions_of_agreement_name_n_and_tool_and_the_data_say_once_when_an_au_is_present(
    coverage, plain, page
) -> None:
    captions = {b.name: b.caption for s in plain.sections for b in s.blocks if isinstance(b, (Figure, Table))}
    for name in ("coverage-of-facs", "codewords-and-aus", "variance", "matches", "rarefaction", "pairs", "per_au"):
        assert f"n = {coverage.subjects} subjects, {coverage.frames:,} frames" in captions[name]
        assert "perfect 1" in captions[name]
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert text.count("resent from 1 of 5 above the subject&#39;s own baseline on") == 1


def test_an_estimate_is_called_so_everywhere(coverage) -> None:
    document = coverage_document(replace(coverage, estimate=True, simulated=False), Pictures(), "dfe coverage")
    html = render_html(document)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert all("AUs are an estimate." in c for c in captions) and "perfect 1 (an estimate)" in document.subtitle
    assert "simulated" not in document.labels


def test_the_report_says_its_date_its_data_and_what_it_cites(planted, coverage) -> None:
    document = coverage_document(coverage, Pictures(), "c", date="2026-11-27", root=planted.root)
    assert ("Date", "2026-11-27") in document.facts
    [data] = [b for s in document.sections if s.title == "Data" for b in s.blocks]
    rows = dict(data.rows)
    assert (
        "6 subjects" in rows["Dataset"] and "simulated" in rows["Dataset"] and "frames a second" in rows["Recordings"]
    )
    assert rows["Action units"].startswith("truth, by perfect 1") and "Presence of an AU" in rows
    [cited] = [b for s in document.sections if s.title == "References" for b in s.blocks]
    assert [line.split(",")[0] for line in cited.lines] == sorted(line.split(",")[0] for line in cited.lines)
    assert any("Facial Action Coding System" in line for line in cited.lines)
    assert not any("OpenFace" in line for line in cited.lines)
    assert any("OpenFace" in line for line in references(frozenset({"openface"})))


def test_one_codeword_three_and_all_are_apart_in_the_table(plain, page) -> None:
    [table] = [b for s in plain.sections for b in s.blocks if isinstance(b, Table) and b.name == "per_au"]
    assert table.groups == [("", 3), ("One codeword", 4), ("Up to three codewords", 3), ("All codewords", 2), ("", 1)]
    assert '<th colspan="3" scope="colgroup">Up to three codewords</th>' in page
    aus = [row[0] for row in table.rows]
    assert aus == sorted(aus, key=lambda label: facs_order(*(f"{label} both").split()[:2]))


def test_the_tools_known_error_is_stated(page) -> None:
    assert "0.25 and 0.69" in page and "lower bound" in page and "upper bound" in page


def test_unmeasured_aus_are_never_missed(plain) -> None:
    texts = [b.text for s in plain.sections for b in s.blocks if isinstance(b, Text)]
    assert any("Not measured, and so neither covered nor missed: " in t and "AU11" in t for t in texts)


def test_new_displays_have_faces_and_go_without(coverage, plain) -> None:
    with_faces = coverage_document(coverage, Pictures({int(k): b"x" for k in coverage.new_codewords["codeword"]}), "c")
    for document, expected in ((with_faces, True), (plain, False)):
        cards = next(b for s in document.sections for b in s.blocks if isinstance(b, Gallery)).cards
        assert [c.title for c in cards] == [f"Codeword {k}" for k in coverage.new_codewords["codeword"]]
        assert all(bool(c.picture) is expected for c in cards)


@pytest.mark.parametrize("order", ORDERS)
def test_the_heat_map_shows_what_is_significant_in_either_order(coverage, order) -> None:
    matrix, rows, columns, _ = heat_matrix(coverage, order=order)
    assert matrix.shape == (len(rows), len(columns)) and len(set(rows)) == len(rows)
    pairs = coverage.pairs.set_index(["au", "side", "codeword"])
    for row, column in zip(*np.nonzero(np.isfinite(matrix)), strict=True):
        au, _, side = rows[row].partition(" ")
        pair = pairs.loc[(au, side or "both", int(columns[column]))]
        assert pair["q"] < 0.05 and pair["phi"] == pytest.approx(matrix[row, column])
        assert abs(pair["phi"]) >= LEAST_PHI and (pair["lift_low"] > 1 or pair["lift_high"] < 1)
    facs = [facs_order(*((row + " both").split()[:2])) for row in rows]
    assert (facs == sorted(facs)) is (order == "facs")
    best = np.where(np.isfinite(matrix).any(0), np.nan_to_num(matrix, nan=-9).argmax(0), len(rows))
    assert (list(best) == sorted(best)) is (order == "facs")
    few = heat_matrix(coverage, most=5)
    assert len(few[2]) == 5 and "left out" in few[3]


def test_significance_alone_is_no_association(coverage) -> None:
    sure = {"q": 0.001, "phi": 0.4, "lift": 2.0, "lift_low": 1.5, "lift_high": 3.0}
    cases = [{}, {"lift_low": 0.39}, {"phi": 0.004}, {"q": 0.2}, {"lift_low": np.nan, "lift_high": np.nan}]
    cases += [{"phi": -0.2, "lift_low": 0.2, "lift_high": 0.8}]
    pairs = pd.DataFrame([sure | case for case in cases])
    assert replace(coverage, pairs=pairs).associated.tolist() == [True, False, False, False, False, True]


def test_what_is_so_by_construction_is_no_headline(coverage) -> None:
    measured, estimated = (
        {n.label for n in headlines(replace(coverage, estimate=estimate))} for estimate in (False, True)
    )
    assert measured - estimated == {"AUs covered", "Variance in FACS only"} and estimated <= measured
    assert "reaches 0.8 for" not in summary(replace(coverage, estimate=True))


def test_one_figure_leads_and_none_against_units_from_the_same_coefficients(coverage) -> None:
    real = replace(coverage, truth=coverage.truth.head(0))
    for of, lead in (
        (coverage, "AUs covered"),
        (replace(coverage, estimate=True), "Planted non-FACS found"),
        (replace(real, estimate=True), None),
    ):
        numbers = headlines(of)
        assert [n.label for n in numbers if n.main] == ([lead] if lead else [])
        assert all(n.help for n in numbers) and (lead is None or numbers[0].main)


def test_csv_and_parquet_hold_the_same(written, coverage) -> None:
    for name in ("per_au", "pairs", "variance"):
        csv, parquet = pd.read_csv(written / f"tables/{name}.csv"), pd.read_parquet(written / f"tables/{name}.parquet")
        assert len(csv) == len(parquet) == len(coverage.tables[name]) and list(csv) == list(parquet)


def test_too_little_data_still_makes_a_report(coverage) -> None:
    empty = replace(
        coverage,
        subjects=1,
        pairs=coverage.pairs.head(0),
        codewords=coverage.codewords.assign(judged=False, new=False),
        per_au=coverage.per_au.assign(
            covered=pd.array([None] * len(coverage.per_au), "boolean"),
            auroc=np.nan,
            sparse_auroc=np.nan,
            low=np.nan,
            high=np.nan,
            sparse_low=np.nan,
            sparse_high=np.nan,
            status=NOT_ENOUGH,
            reason=str(Reason.FEW_SUBJECTS),
            count=1,
        ),
        variance=coverage.variance.assign(share=np.nan, low=np.nan, high=np.nan),
        truth=coverage.truth.head(0),
        redundancy=coverage.redundancy.head(0),
        splits=coverage.splits.head(0),
    )
    markup = re.sub(r"<script.*?</script>", "", render_html(coverage_document(empty, Pictures(), "c")), flags=re.DOTALL)
    assert "not enough data (n = 1" in markup and "nan" not in markup.lower()


def test_why_an_au_has_no_figure_is_written_whatever_the_sentence_is(monkeypatch) -> None:
    table = pd.DataFrame(
        {
            "status": ["covered", NOT_ENOUGH, NOT_MEASURED],
            "reason": [str(Reason.NONE), str(Reason.FEW_EVENTS), str(Reason.CONSTANT)],
            "count": [0, 3, 5],
            "total": [0, 0, 9],
            "value": np.nan,
            "least": np.nan,
            "prevalence": [0.2, 0.0, np.nan],
            "auroc": [0.9, np.nan, np.nan],
            "best_codeword": pd.array([4, None, None], "Int64"),
            "sparse_codewords": [[4], [], []],
        }
    )
    table = table.assign(**{f"{p}{c}": table["auroc"] for p in ("", "sparse_") for c in ("auroc", "low", "high")})
    assert [statuses.without_figure(row) for row in table.to_dict("records")] == [False, True, True]
    assert statuses.describe(table.iloc[2]) == "not measured (constant in 5 of 9 recordings)"
    monkeypatch.setitem(statuses._WORDS, Reason.FEW_EVENTS, "seen {count} times")
    monkeypatch.setattr(coverage_charts, "describe", lambda row: f"why: {statuses.describe_reason(row)}")
    written = [t for t in coverage_charts.chart_scores(table, ["AU1", "AU2", "AU4"], 0.7).data if t.mode == "text"]
    assert [(list(t.y), list(t.text)) for t in written] == [
        ([1, 2], ["why: seen 3 times", "why: constant in 5 of 9 recordings"])
    ]


def test_a_number_that_is_missing_is_marked_by_a_fact_and_not_by_its_words() -> None:
    tiles = (Number(label="a", value="not so few: 12"), Number(label="b", value="too little to tell", missing=True))
    document = Document(title="t", subtitle="s", sections=(Section("n", (Numbers(tiles),)),), facts=())
    markup = render_html(document)
    assert '<b class="none">too little to tell</b>' in markup and "<b>not so few: 12</b>" in markup


def test_a_new_display_without_a_near_action_unit_says_so(coverage) -> None:
    table = coverage.codewords.head(2).assign(new=True, face_aus=pd.Series(["AU12", None], dtype="str"))
    document = coverage_document(replace(coverage, codewords=table), Pictures(), "dfe coverage")
    galleries = [b for s in document.sections for b in s.blocks if isinstance(b, Gallery)]
    lines = {line for gallery in galleries for card in gallery.cards for line in card.lines}
    assert {"near AU12", "near no AU"} <= lines
    assert not [line for line in lines if "nan" in line.split()[:2]]


def test_the_name_of_a_label_leads_out_of_no_folder_and_is_no_script(coverage, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "dfe_core.reports.coverage.write_pdf", write_html
    )  # no file is named by a label for being a PDF
    monkeypatch.setattr("dfe_core.reports.coverage.svg", lambda figure: figure.name)  # nor for what is drawn in it
    hostile = ("x/../../../../out", "</script><script>alert(1)</script>")
    table = pd.concat([coverage.deformation.assign(condition=label) for label in hostile])
    written = write_coverage_report(replace(coverage, deformation=table), tmp_path / "deep" / "report")
    assert all(path.resolve().is_relative_to(tmp_path / "deep" / "report") for path in written)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"] and len(list((tmp_path / "deep").iterdir())) == 1
    assert "<script>alert" not in (tmp_path / "deep" / "report" / "report.html").read_text()


@pytest.mark.parametrize("name", ["../x", "a/b", "<b>"])
def test_no_figure_is_named_by_a_path_or_by_markup(name) -> None:
    with pytest.raises(DataError, match="figure"):
        Figure(name=name, caption="", draw=lambda _: None)


def _headline(coverage, label: str) -> Number:
    return next(number for number in headlines(coverage) if number.label == label)


def test_the_most_used_new_codeword_is_so_by_the_share_that_is_printed(coverage) -> None:
    shares = pd.DataFrame({"codeword": [1, 2, 3], "new": [True, True, False], "frames": [9, 5, 1]})
    table = coverage.codewords.head(3).assign(**shares, share=[0.051, 0.053, 0.9], judged=True)
    found = replace(coverage, codewords=table)
    assert found.new_codewords["codeword"].tolist() == [2, 1]
    assert "the most used is codeword 2, in 5.3% of frames" in summary(found)


def test_what_aus_leave_before_the_floor_is_not_named_as_the_variance_beyond_facs(coverage, plain) -> None:
    chart = coverage_charts.chart_variance(coverage.variance)
    assert [bar.name.rpartition(" ")[0] for bar in chart.data] == list(coverage_figures.PART_NAMES.values())
    [table] = [b for s in plain.sections for b in s.blocks if isinstance(b, Table) and b.name == "variance"]
    assert "beyond FACS" not in set(table.frame["part"]) and "AUs only" in set(table.frame["part"])


def test_aus_that_the_detector_alone_hides_are_said_to_be_found_as_planted(coverage) -> None:
    status = {"status": statuses.NOT_COVERED, "covered": False}
    truth = pd.DataFrame({"action": ["AU1", "AU2", "AU2"], "found": [True, True, False], "in_facs": True})
    aus = coverage.per_au.head(2).assign(au=["AU1", "AU2"], side="both", **status)
    found = replace(coverage, per_au=aus, truth=truth, tool="simulated detector", estimate=False)
    assert "Not covered, but found as planted: 1 of 2," in _headline(found, "AUs covered").detail
    alone = replace(found, per_au=aus.head(1))
    assert "found as planted: all 1," in _headline(alone, "AUs covered").detail
    for other in (replace(found, tool="perfect"), replace(found, truth=truth.head(0))):
        assert "planted" not in _headline(other, "AUs covered").detail


def test_an_au_that_confirms_a_codeword_and_is_not_covered_says_both(coverage) -> None:
    pair = coverage.pairs[coverage.associated & (coverage.pairs["phi"] > 0)].nlargest(1, "phi").iloc[0]
    row = {"au": pair["au"], "side": pair["side"], "status": statuses.NOT_COVERED, "reason": Reason.LOW_AUROC}
    table = pd.DataFrame([row, row | {"au": "AU99"}]).assign(value=0.67, least=0.8)
    first, second = status_words(coverage, table)
    assert first == f"goes with codeword {pair['codeword']}, but not covered: AUROC 0.67 below 0.8"
    assert second.startswith("not covered (AUROC 0.67")


def test_no_interval_without_width_is_printed() -> None:
    assert with_interval(0.0, -0.0001, 0.0001) == ("0.0%", "")
    assert with_interval(0.0, -0.02, -0.01) == ("0.0%", "")
    assert with_interval(0.85, 0.84, 0.87, ".0%") == ("85%", "95 % 84% to 87%")
