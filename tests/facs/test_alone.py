"""A dataset of AUs alone: imported without a face, compared between groups, probed; what needs a face says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.errors import DataError
from dfe_core.expressions.importing import ImportOptions
from dfe_core.facs.alone import import_aus_alone
from dfe_core.facs.store import AlignedAus
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.workspace.functions import compare_aus

FPS, FRAMES = 25, 200


def openface_aus(path: Path, smiles: list[tuple[int, int]], seed: int) -> Path:
    """OpenFace run with -aus alone; AU12 at intensity 3 in the stretches of frames, others wander below presence."""
    rng = np.random.default_rng(seed)
    smile = np.zeros(FRAMES)
    for start, stop in smiles:
        smile[start:stop] = 3.0
    table = {"frame": np.arange(1, FRAMES + 1), "timestamp": np.round(np.arange(FRAMES) / FPS, 3)}
    table |= {"confidence": 0.98, "success": 1, "AU12_r": smile}
    still = np.abs(np.sin(np.cumsum(rng.normal(0, 0.4, (FRAMES, 5)), 0))).round(2)
    table |= {f"AU{number:02d}_r": still[:, i] for i, number in enumerate((1, 2, 4, 6, 25))}
    table |= {"AU04_c": 0, "AU12_c": (smile > 0).astype(int)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pd.DataFrame(table).to_csv(index=False))
    return path


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    """Twelve people, two recordings each; those of group b smile four times, for a second, the others once."""
    folder = tmp_path_factory.mktemp("lab")
    for person in range(12):
        for take in range(2):
            starts = np.cumsum(15 + np.random.default_rng(99 - 2 * person - take).dirichlet(np.ones(5)) * 20).astype(
                int
            )
            smiles = [(start + 25 * k, start + 25 * k + 25) for k, start in enumerate(starts[: 4 if person % 2 else 1])]
            openface_aus(folder / "of" / f"take{take}" / f"s{person:02d}.csv", smiles, 2 * person + take)
    people = {"subject": [f"s{p:02d}" for p in range(12)], "group": ["a", "b"] * 6}
    (folder / "of" / "people.csv").write_text(pd.DataFrame(people).to_csv(index=False))
    import_aus_alone([folder / "of"], "alone", options(folder), root=folder / "cache")
    return folder


def options(folder: Path) -> ImportOptions:
    return ImportOptions(face="none", labels=folder / "of" / "people.csv", subject_pattern=r"(s\d+)")


def test_every_file_is_a_recording_with_its_own_aus(lab):
    data, aus = dfe.open_dataset("alone", root=lab / "cache"), AlignedAus.open("alone", "openface", lab / "cache")
    assert data.face_id == "none" and data.recordings["subject"].nunique() == 12 and len(data.recordings) == 24
    assert set(aus.recordings) == set(data.recordings["recording"])  # files of one name in two folders too
    for recording, smiles in (("take0-s01", 4), ("take1-s02", 1)):
        part, twelve = aus.recording(recording), aus.aus.index(("AU12", "both"))
        assert (part.intensity[:, twelve] == 3).sum() == 25 * smiles and len(part.frame) == FRAMES
    frames = data.frames("take0-s01")
    assert frames.psi.shape == (FRAMES, 6) and frames.valid.all()


def test_groups_differ_in_the_au_that_was_planted_and_in_nothing_else(lab):
    table = compare_aus("alone", "openface", "group", root=lab / "cache", permutations=199).table
    rows = table.set_index(["au", "measure"])
    assert rows.loc[("AU12", "rate"), ["mean_a", "mean_b"]].tolist() == pytest.approx([60 / 8, 240 / 8])
    assert rows.loc[("AU12", "share"), ["mean_a", "mean_b"]].tolist() == pytest.approx([25 / 200, 100 / 200])
    assert rows.loc[("AU12", "duration"), "mean_b"] == pytest.approx(1.0)
    assert rows.loc[("AU4", "rate"), "status"] == "too rare" and (table["q"] < 0.05).sum() == 2


def test_a_probe_of_aus_needs_no_codebook_and_refuses_codewords(lab):
    settings = ProbeSettings(
        model="aus:openface", dataset="alone", label="group", features=("au",), folds=3, repeats=1, permutations=19
    )
    result = run_probe(settings, lab / "cache")
    assert result.summary["rows"][0]["score"] == 1.0 and result.summary["codebook_saw"] is None
    assert "AUs openface" in result.methods and "codebook" not in result.headline
    assert run_probe(settings, lab / "cache").summary == result.summary  # kept
    with pytest.raises(DataError, match="without a codebook"):
        run_probe(ProbeSettings(model="aus:openface", dataset="alone", label="group", features=("bow",)), lab / "cache")


def test_what_needs_a_face_says_that_there_is_none(lab):
    with pytest.raises(DataError, match=r"action units alone.*dfe extract"):
        dfe.train("alone", name="m", root=lab / "cache")


def test_codings_and_second_tools_are_refused_and_leave_nothing(lab, tmp_path):
    (tmp_path / "c.csv").write_text("au,onset,offset\nAU12,0.5,1.5\nAU4,1.0,2.0\n")
    with pytest.raises(DataError, match="coding by intervals"):
        import_aus_alone([tmp_path / "c.csv"], "c", ImportOptions(face="none"), root=tmp_path)
    table = pd.DataFrame({"frame": range(30), "AU01": 0.2, "AU02": 0.3, "AU04": np.arange(30) / 30})
    (tmp_path / "z.csv").write_text(table.to_csv(index=False))
    first = openface_aus(tmp_path / "a.csv", [(20, 60)], 0)
    with pytest.raises(DataError, match="py-feat.*openface|one tool"):
        import_aus_alone([first, tmp_path / "z.csv"], "m", ImportOptions(face="none", fps=30), root=tmp_path)
    assert not list((tmp_path / "datasets").glob("*")) and not list((tmp_path / "analyses").glob("*"))


def test_people_named_in_one_table_of_aus_are_recordings_of_their_own(tmp_path):
    parts = [pd.read_csv(openface_aus(tmp_path / f"{who}.csv", [(10, 40 + 50 * k)], k)) for k, who in enumerate("pq")]
    together = pd.concat([part.assign(participant=f"P{k}") for k, part in enumerate(parts)])
    (tmp_path / "all.csv").write_text(together.to_csv(index=False))
    import_aus_alone([tmp_path / "all.csv"], "all", ImportOptions(face="none"), root=tmp_path)
    data, aus = dfe.open_dataset("all", root=tmp_path), AlignedAus.open("all", "openface", tmp_path)
    assert data.recordings["subject"].tolist() == ["P0", "P1"]
    shares = [
        (aus.recording(name).presence[:, aus.aus.index(("AU12", "both"))] == 1).sum()
        for name in data.recordings["recording"]
    ]
    assert shares == [30, 80]


def test_no_artefact_is_missing_for_the_want_of_a_face(lab):
    from dfe_core.workspace.graph import ArtefactGraph

    graph = ArtefactGraph.of(lab / "cache")
    assert graph.artefacts and not any(graph.missing_sources(one) for one in graph.artefacts)
