"""A small study by any engine: import, encoding, coverage and exports, and what they leave on the disk."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from dfe_core.engines import Engine
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.split import split_dataset
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.aggregates import aggregates_of, open_coverage_inputs
from dfe_core.facs.beyond_sample import draw_sample
from dfe_core.facs.held_out import score_frames, select_codewords
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import factor
from dfe_core.facs.token_au_stream import Joined
from dfe_core.tokenizer.config import Config
from dfe_core.tokenizer.storage import TrainingOrigin, save_model
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.tokens.intervals import build_runs
from dfe_core.workspace.annotation_export import export_annotations
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import export_table
from tests.conftest import make_toy_face
from tests.facs import planted
from tests.tiny_tokenizer import tiny_tokenizer


def prepare(folder: Path) -> Path:
    """A cache with a study, and files to import beside it."""
    root, face = folder / "cache", make_toy_face(ARKIT_NAMES)
    planted.build(root, face, subjects=4, minutes=0.2)
    data, model = Dataset.open("planted", root), tiny_tokenizer(face)
    split, config = split_dataset(data, 0.25, 0.1), Config(tokenizer=model.config)
    (root / "models/tiny").mkdir()
    origin = TrainingOrigin(dataset=data, split=split, config=config, face=face, run_key="tiny")
    save_model(model, root / "models/tiny", origin)
    rng = np.random.default_rng(0)
    files = folder / "files"
    files.mkdir()
    for i in range(7):
        table = pd.DataFrame(rng.random((40 + i, 52)) ** 4, columns=list(ARKIT_NAMES)).round(4)
        table.insert(0, "time", np.arange(40 + i) / 30)
        table.to_csv(files / f"p{i}_take.csv", index=False)
    (files / "p8_take.csv").write_text("nothing\nhere\n")
    (files / "p9_take.csv").write_bytes((files / "p2_take.csv").read_bytes())
    return folder


def _counted(root: Path, engine: Engine) -> dict[str, bytes]:
    """The passes of coverage over frames; what it counts is kept in the cache."""
    inputs, settings = open_coverage_inputs("planted", "planted", "truth", root), CoverageSettings()
    counts = aggregates_of(inputs, settings=settings, root=root, engine=engine)
    joined = Joined(inputs.tokens, inputs.dataset, inputs.aus, counts.signals)
    scores = score_frames(joined, counts, select_codewords(counts, settings), settings, engine=engine)
    sample = draw_sample(joined.fresh(), counts, inputs.codebook, factor(inputs.face.gram), settings, engine)
    arrays = {f"{kind}.{name}": value for kind in (scores, sample) for name, value in vars(kind).items()}
    return {name: np.asarray(value).tobytes() for name, value in arrays.items() if value is not None}


def encoded(folder: Path, engine: Engine) -> dict[str, bytes]:
    """What encoding alone leaves."""
    with patch("dfe_core.tokens.encoding.GROUP_FRAMES", 500):
        tokens = encode_dataset("tiny", "planted", root=folder / "cache", engine=engine).path
    return {str(path.relative_to(folder)): path.read_bytes() for path in tokens.iterdir()}


def results(folder: Path, engine: Engine) -> dict[str, bytes]:
    """Every file that the study leaves, by its name, and what an import says; groups are small, so that there are
    several."""
    root, out = folder / "cache", folder / "out"
    with (
        patch("dfe_core.facs.token_au_stream._GROUP_FRAMES", 500),
        patch("dfe_core.tokens.intervals._GROUP_FRAMES", 500),
        patch("dfe_core.tokens.encoding.GROUP_FRAMES", 500),
        patch("dfe_core.expressions.file_reading._GROUP_FILES", 2),
        patch("dfe_core.workspace.token_export._TOKEN_GROUP", 500),
        patch("dfe_core.workspace.token_export._WIDE_GROUP", 500),
        patch("dfe_core.workspace.annotation_export._GROUP", 2),
    ):
        options = ImportOptions(face="toy-1", subject_pattern=r"^(p\d)")
        report = import_dataset([folder / "files"], "mine", options, root=root, engine=engine)
        build_runs(TokenCache(encode_dataset("tiny", "planted", root=root, engine=engine).path), engine=engine)
        counted = _counted(root, engine)
        study = Study("planted", "planted", root=root)
        for what in ("tokens", "wide"):
            for ending in ("csv", "parquet"):
                export_table(study, what, out / f"{what}.{ending}", engine=engine)
        export_annotations(study, "eaf", out / "eaf", engine=engine)
    told = counted | {"report": str(report).replace(str(folder), "").encode()}
    kept = [path for path in folder.rglob("*") if path.is_file() and "audit" not in path.name]
    return told | {str(path.relative_to(folder)): path.read_bytes() for path in kept}
