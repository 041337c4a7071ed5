"""From a dataset to a face on disk, as separate `dfe` processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.audit import read_log
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import open_runs

EVALUATE_KEYS = {
    "model",
    "dataset",
    "split",
    "subjects",
    "frames",
    "stages",
    "codewords",
    "bits_per_frame",
    "entropy_bits_per_frame",
    "rmse_mm",
    "p95_mm",
    "rmse_mm_by_region",
    "explained_variance",
    "cosine",
    "retrieval_top1",
    "utilisation",
    "perplexity",
    "locality",
    "distinctness_max",
    "symmetric",
    "left",
    "right",
    "token_changes_per_s",
    "rmse_mm_by_stage",
    "baselines",
}


def test_encoding_twice_does_nothing_the_second_time_and_says_so(run_dfe, toy: Path):
    first, second = (run_dfe(toy, "encode", "tiny", "toy") for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert "unchanged" not in first.stdout and second.stdout.startswith("unchanged: ")
    assert open_runs(TokenCache(toy / "tokens" / "tiny--toy")) is not None  # or the first page would wait for it
    assert [e.artefacts for e in read_log(toy).entries if (e.act, e.way) == ("encode", "command")][:1] == [
        ("tokens/tiny--toy",)
    ]
    stamp = (toy / "tokens" / "tiny--toy" / "tokens.parquet").stat().st_mtime_ns
    run_dfe(toy, "encode", "tiny", "toy")
    assert (toy / "tokens" / "tiny--toy" / "tokens.parquet").stat().st_mtime_ns == stamp


def test_evaluate_prints_a_table_or_the_json_of_the_contract(run_dfe, toy: Path, tmp_path: Path):
    plain = run_dfe(toy, "evaluate", "tiny", "toy", "--json", str(tmp_path / "metrics.json"))
    piped = run_dfe(toy, "evaluate", "tiny", "toy", "--json", "-")
    assert plain.returncode == piped.returncode == 0, plain.stderr + piped.stderr
    written, printed = json.loads((tmp_path / "metrics.json").read_text()), json.loads(piped.stdout)
    assert written == printed
    assert set(printed) >= EVALUATE_KEYS
    assert len(printed["perplexity"]) == len(printed["rmse_mm_by_stage"]) == printed["stages"] == 3
    assert f"{printed['rmse_mm']:.4g}" in plain.stdout and "explained variance" in plain.stdout
    assert "simulated" in plain.stdout


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".npy"])
def test_decode_writes_the_sum_of_the_codewords(run_dfe, toy_root: Path, toy_face, tmp_path: Path, suffix: str):
    from dfe_core.tokenizer.codebook import Codebook

    out = tmp_path / f"face{suffix}"
    result = run_dfe(toy_root, "decode", "tiny", "--tokens", "1,2", "--intensity", "1,0.5", "--out", str(out))
    assert result.returncode == 0, result.stderr
    codebook = Codebook.open("tiny", toy_root)
    expected = toy_face.vertices(codebook.psi[1] + 0.5 * codebook.psi[2])
    if suffix == ".npy":
        vertices = np.load(out, allow_pickle=False)
    else:
        import trimesh

        vertices = np.asarray(trimesh.load(out, force="mesh", process=False, maintain_order=True).vertices)
    np.testing.assert_allclose(vertices, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("tokens", "intensity"), [("1,x", None), ("999", None), ("-1", None), ("1,2", "1"), ("1", "nan"), ("", None)]
)
def test_decode_refuses_tokens_that_are_none(run_dfe, toy_root: Path, tmp_path: Path, tokens, intensity):
    extra = ["--intensity", intensity] if intensity else []
    result = run_dfe(toy_root, "decode", "tiny", f"--tokens={tokens}", *extra, "--out", str(tmp_path / "x.ply"))
    assert result.returncode == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert not (tmp_path / "x.ply").exists()


def test_derived_aus_lead_to_a_coverage_report_with_the_json_of_the_contract(run_dfe, toy: Path, tmp_path: Path):
    assert run_dfe(toy, "encode", "tiny", "toy").returncode == 0
    missing = run_dfe(toy, "coverage", "tiny", "toy", "--aus", "derived", "--out", str(tmp_path / "report"))
    assert missing.returncode == 1 and "dfe aus derive" in missing.stderr
    derived = run_dfe(toy, "aus", "derive", "--dataset", "toy", "--name", "derived")
    assert derived.returncode == 0 and "estimates" in derived.stdout and "AU12 left" in derived.stdout
    result = run_dfe(
        toy, "coverage", "tiny", "toy", "--aus", "derived", "--out", str(tmp_path / "report"), "--json", "-"
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert set(told) == {
        "aus",
        "estimate",
        "subjects",
        "frames",
        "per_au",
        "covered_aus",
        "beyond_facs_variance",
        "facs_only_variance",
        "new_codewords",
        "redundant_pairs",
        "truth",
    }
    assert told["estimate"] is True and told["subjects"] == 6 and told["truth"] is not None
    assert {
        "au",
        "side",
        "prevalence",
        "best_codeword",
        "auroc",
        "ci95",
        "q",
        "sparse3_auroc",
        "all_auroc",
        "template_cosine",
        "signal",
        "status",
    } == set(told["per_au"][0])
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


def test_a_probe_gives_the_json_of_the_contract_or_says_why_it_cannot(run_dfe, toy: Path):
    assert run_dfe(toy, "encode", "tiny", "toy").returncode == 0
    options = ["probe", "tiny", "toy", "--label", "condition", "--features", "bow,psi"]
    result = run_dfe(toy, *options, "--json", "-")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert {
        "label",
        "task",
        "unit",
        "n",
        "subjects",
        "classes",
        "folds",
        "seed",
        "rows",
        "chance",
        "paired",
        "top_codewords",
    } <= set(told)
    assert (told["n"], told["subjects"], [r["features"] for r in told["rows"]]) == (12, 6, ["bow", "psi"])
    plain = run_dfe(toy, *options).stdout
    assert "simulated" in plain and f"{told['rows'][0]['score']:.4g}" in plain
    missing = run_dfe(toy, "probe", "tiny", "toy", "--label", "mood")
    assert missing.returncode == 1 and "mood" in missing.stderr.splitlines()[-1]


def test_aus_of_files_that_fit_no_recording_are_told(run_dfe, toy: Path, shared: Path):
    source = shared / "data" / "pyfeat_csv" / "001.csv"
    result = run_dfe(toy, "aus", "import", str(source), "--dataset", "toy", "--name", "pf", "--fps", "30")
    assert result.returncode == 1 and "no recording of dataset toy" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: pf: nothing could be imported")


def test_map_writes_one_point_a_codeword(run_dfe, toy_root: Path, tmp_path: Path):
    result = run_dfe(
        toy_root, "map", "tiny", "--of", "codewords", "--method", "pca", "--out", str(tmp_path / "points.parquet")
    )
    assert result.returncode == 0, result.stderr
    points = pd.read_parquet(tmp_path / "points.parquet")
    assert {"codeword", "x", "y"} <= set(points) and 0 < len(points) <= 24


def test_list_and_show_tell_what_is_there_and_that_it_is_simulated(run_dfe, toy_root: Path):
    listed = run_dfe(toy_root, "list").stdout
    assert all(name in listed for name in ("toy-1", "toy", "tiny", "12 recordings", "3 stages x 24 codewords"))
    rows = [line for line in listed.splitlines() if line.startswith(("datasets", "models"))]
    assert rows and all("simulated" in row for row in rows)
    shown = run_dfe(toy_root, "show", "toy").stdout
    assert "used by" in shown and "models/tiny" in shown and "truth: " in shown and "s01-1" in shown
    codewords = run_dfe(toy_root, "show", "tiny").stdout
    assert all(words in codewords for words in ("tokenizer.codewords", "shaped like", "share of training frames"))
    assert "vertices" in run_dfe(toy_root, "show", "toy-1").stdout


def test_simulating_never_replaces_another_dataset(run_dfe, toy_root: Path):
    made = ["simulate", "--name", "toy", "--subjects", "6", "--effect", "stress"]
    same = run_dfe(toy_root, *made, "--minutes-per-subject", "0.4")
    assert same.returncode == 0 and same.stdout.startswith("unchanged: ")
    other = run_dfe(toy_root, *made, "--seed", "1")
    assert other.returncode == 1 and "a dataset of this name exists" in other.stderr


def test_good_files_of_a_batch_are_imported_and_bad_ones_named(run_dfe, toy: Path, shared: Path, tmp_path: Path):
    good = shared / "data" / "arkit_livelinkface" / "sad_MySlate_167_iPhone_cal.csv"
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 8)
    arguments = ["import", str(good), str(tmp_path / "empty.csv"), str(tmp_path / "noise.csv"), "--face", "toy-1"]
    mixed = run_dfe(toy, *arguments, "--name", "mixed")
    assert mixed.returncode == 0, mixed.stderr
    assert "1 recordings, 1,825 frames" in mixed.stdout and "skipped 2" in mixed.stdout
    assert "empty.csv" in mixed.stdout and "noise.csv" in mixed.stdout
    assert "real" in run_dfe(toy, "show", "mixed").stdout
    bad = run_dfe(toy, "import", str(tmp_path / "empty.csv"), "--name", "none", "--face", "toy-1")
    assert bad.returncode == 1 and bad.stderr.splitlines()[-1].startswith(f"error: {tmp_path / 'empty.csv'}: ")
    assert not (toy / "datasets" / "none").exists()
    log = {(e.way, e.act, e.artefacts[0], e.outcome) for e in read_log(toy).entries}
    assert {
        ("command", "import", "datasets/mixed", "done"),
        ("command", "import", "datasets/none", "refused"),
        ("command", "train", "models/tiny", "done"),
    } <= log


def test_list_of_an_empty_cache_says_what_to_do(dfe):
    result = dfe("list")
    assert result.returncode == 0 and "dfe import" in result.stdout


def test_rm_asks_refuses_what_is_needed_and_removes(run_dfe, toy: Path):
    asked = run_dfe(toy, "rm", "tiny")
    assert asked.returncode == 1 and "--yes" in asked.stderr and (toy / "models" / "tiny").exists()
    needed = run_dfe(toy, "rm", "toy", "--yes")
    assert needed.returncode == 1 and "models/tiny" in needed.stderr and (toy / "datasets" / "toy").exists()
    assert run_dfe(toy, "rm", "tiny", "--yes").stdout.startswith("removed models/tiny")
    assert not (toy / "models" / "tiny").exists()
    assert run_dfe(toy, "rm", "toy", "--yes").returncode == 0


def test_a_finished_model_is_never_trained_over(run_dfe, toy_root: Path):
    before = (toy_root / "models" / "tiny" / "model.safetensors").read_bytes()
    repeated = run_dfe(toy_root, "train", "toy", "--name", "tiny", "--set", "tokenizer.codewords=24")
    assert repeated.returncode == 1 and "a model of this name exists" in repeated.stderr
    resumed = run_dfe(toy_root, "train", "toy", "--name", "tiny", "--resume")
    assert resumed.returncode == 0 and "next: dfe encode tiny toy" in resumed.stdout
    other = run_dfe(toy_root, "train", "toy", "--name", "tiny", "--resume", "--set", "train.steps=7")
    assert other.returncode == 1 and "trained with train.steps" in other.stderr and "another --name" in other.stderr
    assert (toy_root / "models" / "tiny" / "model.safetensors").read_bytes() == before


def test_the_command_works_from_any_folder(run_dfe, toy_root: Path, tmp_path: Path):
    result = run_dfe(toy_root, "list", folder=tmp_path)
    assert result.returncode == 0 and "tiny" in result.stdout
