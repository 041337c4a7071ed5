"""``import dfe_core as dfe``: the public names, how light they are, and a study from recordings to its analyses."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.tokens.presence import codeword_sizes, present_activations
from tests.small_world import FPS, make_world, write_dataset

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"tokenizer.codewords": 24, "tokenizer.stages": 3, "train.steps": 40, "train.batch": 64}


def python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_loads_nothing_but_the_standard_library():
    """What keeps it fast; benchmarks/starting.py has its milliseconds."""
    code = (
        "import sys; before = set(sys.modules); import dfe_core as dfe;"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(loaded - set(sys.stdlib_module_names)))"
    )
    assert python(code) == "['dfe_core']"


def test_using_every_public_name_loads_neither_torch_nor_drawing():
    code = (
        "import sys, dfe_core as dfe; [getattr(dfe, name) for name in dfe.__all__];"
        "print(sorted({'torch', 'vtkmodules', 'umap', 'streamlit', 'plotly', 'argparse', 'train'} & "
        "set(sys.modules)))"
    )
    assert python(code) == "[]"


def test_the_stub_has_the_public_names_and_no_others():
    tree = ast.parse(Path(dfe.__file__).with_name("__init__.pyi").read_text(encoding="utf-8"))
    names = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    names |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert names - {None, "__all__"} == set(dfe.__all__)
    assert dir(dfe) == sorted(dfe.__all__)


def test_the_stub_names_every_option_of_an_import():
    from dfe_core.expressions.import_job import ImportOptions

    tree = ast.parse(Path(dfe.__file__).with_name("__init__.pyi").read_text(encoding="utf-8"))
    (function,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "import_recordings")
    defaults = {
        a.arg: ast.unparse(d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d
    }
    options = {field.name: repr(field.default) for field in fields(ImportOptions)}
    assert {name: defaults.get(name, "").replace('"', "'") for name in options} == options


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tran'"):
        dfe.tran  # noqa: B018


@pytest.mark.parametrize("first", ["import dfe_core.simulate.dataset", "dfe.simulate", "pass"])
def test_simulate_can_be_called_whatever_was_imported_first(first: str):
    code = f"import dfe_core as dfe; {first}; import dfe_core.simulate.events; print(callable(dfe.simulate))"
    assert python(code) == "True"


def test_simulating_twice_opens_the_dataset_and_other_settings_are_refused(cache: Path, toy_face):
    from dfe_core.simulate.dataset import simulate_dataset

    made = simulate_dataset("sim", toy_face, subjects=2, minutes_per_subject=0.1, root=cache)
    again = dfe.simulate("sim", subjects=2, minutes_per_subject=0.1)
    assert again.key == made.key
    with pytest.raises(dfe.DataError, match="made otherwise"):
        dfe.simulate("sim", subjects=3, minutes_per_subject=0.1)
    with pytest.raises(dfe.DataError, match="made otherwise"):
        dfe.simulate("sim", subjects=2, minutes_per_subject=0.1, effect="none")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, toy_face):
    root = tmp_path_factory.mktemp("front") / "cache"
    save_face(toy_face, root)
    return make_world(root, toy_face, recordings=6, frames=60)


@pytest.fixture(scope="module")
def study(world) -> dfe.Study:
    """Trained and encoded through the public interface alone."""
    data = dfe.open_dataset("d", world.root)
    codebook = dfe.train(data, name="trained", seed=1, settings=SMALL)
    return dfe.Study(codebook, data)


def test_training_gives_the_codebook_of_that_seed_beside_its_dataset(study: dfe.Study, world):
    assert study.codebook.path == world.root / "models" / "trained"
    assert (study.codebook.size, study.codebook.config["seed"]) == (24, 1)
    with pytest.raises(dfe.DataError, match="a model of this name exists"):
        dfe.train(study.dataset, name="trained", settings=SMALL)


def test_tokens_decode_to_the_frames_that_the_cache_decodes_to(study: dfe.Study):
    table = study.tokens()
    assert list(table) == ["recording", "frame", "time_s", "stage", "codeword", "intensity"]
    one = table[table["recording"] == "r2"]
    held = study.token_cache.recording("r2")
    expected = study.codebook.decode(held.tokens, held.intensities)
    psi = np.zeros_like(expected)
    for row in one.itertuples():
        psi[row.frame] += row.intensity * study.codebook.psi[row.codeword]
    np.testing.assert_allclose(psi, expected, atol=1e-5)
    assert np.allclose(one["time_s"], one["frame"] / FPS)
    pd.testing.assert_frame_equal(study.tokens(["r2"]), one.reset_index(drop=True))


def test_a_bag_is_the_share_of_frames_with_each_codeword(study: dfe.Study):
    bag = study.bag()
    assert bag.shape == (6, study.codebook.size)
    assert bag.index.tolist() == study.dataset.recordings["recording"].tolist()
    held = study.token_cache.recording("r4")
    present, _ = present_activations(held, codeword_sizes(study.token_cache))
    for codeword in range(1, study.codebook.size):
        assert bag.loc["r4", codeword] == pytest.approx((present.codeword == codeword).sum() / len(held.frame))
    assert bag.loc["r4", 0] == pytest.approx((held.tokens == 0).all(1).mean())
    assert bag.loc["r4", 1:].gt(0).any()


def test_the_bag_of_a_subject_is_the_mean_over_its_frames(study: dfe.Study):
    owner = study.dataset.recordings.set_index("recording")["subject"]
    expected = study.bag().groupby(owner).mean()  # all recordings are equally long
    pd.testing.assert_frame_equal(study.bag(unit="subject"), expected, check_names=False)
    with pytest.raises(dfe.DataError, match="recording or subject"):
        study.bag(unit="frame")


def test_the_bag_by_intensity_weighs_frames_by_intensity(study: dfe.Study):
    held = study.token_cache.recording("r1")
    present, _ = present_activations(held, codeword_sizes(study.token_cache))
    k = int(np.bincount(present.codeword).argmax())
    expected = present.intensity[present.codeword == k].sum() / len(held.frame)
    assert study.bag(measure="intensity").loc["r1", k] == pytest.approx(expected, rel=1e-5)


def test_a_second_study_finds_the_tokens_of_the_first(study: dfe.Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dfe_core.tokens.encoding.encode_dataset", lambda *a, **k: pytest.fail("encoded again"))
    again = dfe.Study("trained", "d", root=study.root)
    assert again.token_cache.manifest == study.token_cache.manifest


def test_a_study_over_data_that_changed_encodes_again(study: dfe.Study, toy_face, tmp_path: Path):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(study.root, root)
    shutil.rmtree(root / "datasets" / "d")
    write_dataset(root, toy_face, {"new": np.abs(np.random.default_rng(0).normal(size=(30, 52))) / 4})
    assert dfe.Study("trained", "d", root=root).tokens()["recording"].unique().tolist() == ["new"]


def test_intervals_of_a_codeword_lie_where_its_tokens_are(study: dfe.Study):
    intervals = study.intervals()
    k = int(intervals["codeword"].mode()[0])
    one = study.intervals(k)
    assert len(one) == (intervals["codeword"] == k).sum()
    tokens = study.tokens()
    frames = set(map(tuple, tokens.loc[tokens["codeword"] == k, ["recording", "frame"]].to_numpy()))
    assert {(r.recording, f) for r in one.itertuples() for f in (r.start_frame, r.peak_frame, r.end_frame)} <= frames


def test_evaluation_by_the_study_and_by_name_agree(study: dfe.Study):
    result = study.evaluate(split="test", rivals=False)
    assert result["model"] == "trained"
    assert dfe.evaluate(study.codebook, study.dataset)["rmse_mm"] == pytest.approx(result["rmse_mm"])


def test_a_codeword_moves_the_face_in_proportion_to_its_intensity(study: dfe.Study, toy_face):
    codeword = study.codebook[3]
    moved = codeword.displacement_mm()
    assert moved.shape == (len(toy_face.template), 3)
    np.testing.assert_allclose(codeword.displacement_mm(intensity=0.5), moved / 2, atol=1e-6)
    np.testing.assert_allclose(moved, 1e3 * toy_face.displacement(study.codebook.psi[3]), atol=1e-5)
    assert not study.codebook[0].displacement_mm().any()
    assert codeword.description == study.codebook.table["description"][3]
    assert [c.index for c in study.codebook] == list(range(24))
    with pytest.raises(dfe.DataError, match="0 to 23"):
        study.codebook[24]


def test_a_shown_codeword_is_drawn_at_its_vertices_in_mm(study: dfe.Study, toy_face):
    (mesh,) = study.codebook[3].show(intensity=0.5).data
    expected = 1e3 * toy_face.vertices(0.5 * study.codebook.psi[3])
    np.testing.assert_allclose(np.stack([mesh.x, mesh.y, mesh.z], 1), expected, atol=1e-4)
    np.testing.assert_allclose(
        mesh.intensity, np.linalg.norm(study.codebook[3].displacement_mm(0.5), axis=1), atol=1e-4
    )


def test_recordings_are_imported_by_pattern_and_what_is_left_out_is_said(world, tmp_path: Path):
    from dfe_core.faces.arkit import ARKIT_NAMES

    for i in range(3):
        table = pd.DataFrame(np.full((20, 52), i / 4), columns=list(ARKIT_NAMES))
        table.insert(0, "time", np.arange(20) / FPS)
        table.to_csv(tmp_path / f"p{i}.csv", index=False)
    (tmp_path / "p9.csv").write_text("nothing\nhere\n")
    (tmp_path / "labels.csv").write_text("recording,mood\np0,low\np1,high\np2,low\n")
    with pytest.warns(UserWarning, match="1 files were not imported.*p9"):
        data = dfe.import_recordings(
            str(tmp_path / "p*.csv"), name="mine", face="toy-1", root=world.root, labels=tmp_path / "labels.csv"
        )
    assert data.recordings["recording"].tolist() == ["p0", "p1", "p2"]
    assert data.recordings["mood"].tolist() == ["low", "high", "low"]
    assert data.frames("p1").psi.max() == pytest.approx(0.25)


def test_patterns_without_a_match_and_events_are_refused(tmp_path: Path):
    with pytest.raises(dfe.DataError, match="no file matches"):
        dfe.import_recordings([str(tmp_path / "*.csv")], name="none")
    with pytest.raises(dfe.DataError, match="events.*not supported yet"):
        dfe.import_recordings([tmp_path], name="none", events="events.csv")


def test_a_workspace_holds_what_is_open_until_it_is_written_anew(world, toy_face, tmp_path: Path):
    write_dataset(tmp_path, toy_face, {"a": np.zeros((5, 52))}, name="one")
    workspace = dfe.Workspace(tmp_path)
    first = workspace.open_dataset("one")
    assert workspace.open_dataset("one") is first
    write_dataset(tmp_path, toy_face, {"b": np.zeros((5, 52))}, name="one")
    assert workspace.open_dataset("one").recordings["recording"].tolist() == ["b"]
    assert workspace.datasets() == ["one"] and workspace.codebooks() == []
    with pytest.raises(dfe.DataError, match="no such dataset"):
        workspace.open_dataset("two")
    assert {"m", "trained"} & set(dfe.Workspace(world.root).codebooks())


def test_coverage_and_probe_are_those_of_the_commands(study: dfe.Study):
    coverage = study.coverage()
    assert {"au", "auroc", "best_codeword"} <= set(coverage.per_au)
    assert coverage.to_json()["aus"] == "derived"
    result = study.probe("condition", folds=3, group="recording", permutations=19, resamples=100, swaps=99)
    assert result.rows["features"].tolist() == ["bow", "au", "psi"]
    assert result.to_json()["label"] == "condition"


def test_what_a_notebook_shows_of_an_object_is_one_line(study: dfe.Study):
    assert repr(study) == "Study('trained', 'd')"
    assert repr(study.codebook) == "Codebook('trained', 24 codewords, face toy-1)"
    assert repr(study.dataset) == "Dataset('d', 6 recordings, 360 frames, face toy-1)"
    assert repr(study.face) == "FaceModel('toy-1', 225 vertices, 52 coefficients)"
    groups = study.compare_groups("condition", permutations=99, resamples=100)
    assert repr(groups).startswith("GroupComparison('trained' on 'd' by 'condition', calm: 3, stress: 3; ")


def test_an_import_takes_the_corrections_of_the_command(cache: Path, tmp_path: Path, toy_face):
    save_face(toy_face, cache)
    values = np.clip(np.random.default_rng(0).random((300, 52)) ** 6, 0, 1)
    values[:, 0] = 0.25  # at rest
    table = pd.DataFrame(values, columns=toy_face.names)
    table.insert(0, "time", np.arange(300) / 30)
    table.to_csv(tmp_path / "s1.csv", index=False)
    kept = dfe.import_recordings(tmp_path / "s1.csv", name="kept", face="toy-1")
    removed = dfe.import_recordings(
        tmp_path / "s1.csv", name="removed", face="toy-1", rest="remove", pose_correction="none"
    )
    assert kept.psi()[:, 0] == pytest.approx(0.25, abs=1e-3) and removed.psi()[:, 0] == pytest.approx(0, abs=1e-3)
    assert removed.manifest["adjusted"]["rest"]["method"] == "remove" and "adjusted" not in kept.manifest
    with pytest.raises(dfe.DataError, match="--pose-correction tilt: no such method"):
        dfe.import_recordings(tmp_path / "s1.csv", name="x", face="toy-1", pose_correction="tilt")
