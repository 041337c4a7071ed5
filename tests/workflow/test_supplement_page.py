"""The supplement as one zip: it holds what the study has, and its page asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.render.scene import unpack_scene
from dfe_core.tokens.annotations import Notebook
from dfe_core.workflow.supplement_content import NoFaces, why_no_faces
from dfe_core.workflow.supplement_export import export_supplement, zip_folder
from tests.small_world import make_world

EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, toy_face) -> dfe.Study:
    root = tmp_path_factory.mktemp("supplement") / "cache"
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=8, frames=60)
    Notebook.open("m", root).edit(3, "me", name=EVIL)
    return dfe.Study("m", "d", root=root)


@pytest.fixture(scope="module")
def held(study: dfe.Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a supplement by their names in the zip."""
    path, compare = tmp_path_factory.mktemp("zips") / "paper.zip", dfe.Study.groups
    few = {"permutations": 99, "resamples": 100}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dfe.Study, "groups", lambda self, by, **settings: compare(self, by, **settings, **few))
        names = export_supplement(study, path, by=["condition"])
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(names)
        return {name: archive.read(name) for name in names}


@pytest.fixture(scope="module")
def page(held: dict[str, bytes]) -> str:
    return held["paper/index.html"].decode()


def packed(page: str, name: str) -> bytes:
    (text,) = re.findall(rf'<script type="text/plain" id="dfe-{name}">([^<]*)</script>', page)
    return base64.b64decode(text)


def test_every_figure_comes_as_svg_and_pdf_with_its_data(held: dict[str, bytes], page: str):
    names = {Path(name).stem for name in held if name.startswith("paper/figures/")}
    assert {"codeword-use", "groups-1"} <= names
    for name in names:
        assert {f"paper/figures/{name}{ending}" for ending in (".svg", ".pdf", ".csv", ".parquet")} <= set(held)
        assert held[f"paper/figures/{name}.pdf"].startswith(b"%PDF")
        assert f"figures/{name}." in page
    groups = pd.read_csv(pd.io.common.BytesIO(held["paper/tables/groups_condition.csv"]))
    drawn = pd.read_csv(pd.io.common.BytesIO(held["paper/figures/groups-1.csv"]))
    pd.testing.assert_frame_equal(groups, drawn)


def test_the_manifest_names_every_file_with_its_hash(held: dict[str, bytes]):
    manifest = json.loads(held["paper/manifest.json"])
    found = {f"paper/{name}": digest for name, digest in manifest["files"].items()}
    assert found == {n: hashlib.sha256(data).hexdigest() for n, data in held.items() if n != "paper/manifest.json"}
    assert manifest["command"] == "dfe export m d --supplement paper.zip --by condition"


def test_the_page_runs_its_own_script_alone_and_asks_no_server(page: str):
    (digest,) = re.findall(r"script-src 'sha256-([^']+)'", page)
    scripts = [body for kind, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL) if not kind]
    assert [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts] == [digest]
    assert "default-src 'none'" in page
    addresses = re.findall(r'\b(?:src|href|action)="([^"]*)"', page)
    assert [a for a in addresses if not a.startswith(("#", "data:"))] == []
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page)
    assert EVIL not in page and "alert(1)&lt;/script&gt;" in page


def test_the_page_has_the_face_and_every_codeword(page: str, study: dfe.Study):
    _, arrays = unpack_scene(packed(page, "codebook"))
    assert (arrays["psi"] == study.codebook.psi).all()
    header, face = unpack_scene(packed(page, "face"))
    assert header["names"] == list(study.face.names)
    assert np.abs(face["template"] - study.face.template).max() < 1e-5
    cards = [int(number) for number in re.findall(r'class="card" data-codeword="(\d+)"', page)]
    assert sorted(cards) == list(range(1, study.codebook.size))
    use = study.bag("recording")  # frames are as many in each recording
    assert cards[0] == int(use.drop(columns=0).mean().idxmax())


def test_a_licensed_face_is_not_passed_on(toy_face):
    assert why_no_faces(toy_face) is None
    assert why_no_faces(replace(toy_face, id="flame-1234567890")) is NoFaces.LICENCE
    assert why_no_faces(replace(toy_face, id="flame-50", template=toy_face.template[:0])) is NoFaces.NO_MESH


def test_what_cannot_be_made_is_refused(study: dfe.Study, tmp_path: Path):
    with pytest.raises(dfe.DataError, match=r"\.zip"):
        export_supplement(study, tmp_path / "paper.pdf")
    with pytest.raises(dfe.DataError, match="nothing"):
        export_supplement(study, tmp_path / "paper.zip", by=["nothing"])
    assert list(tmp_path.iterdir()) == []


def test_a_zip_of_the_same_files_has_the_same_bytes(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_text("c")
    zips = []
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        assert zip_folder(tmp_path / "a", tmp_path / name / "z.zip") == ["z/b/c.txt"]
        zips.append((tmp_path / name / "z.zip").read_bytes())
    assert zips[0] == zips[1]
