"""A small cache with everything the dashboard reads, made in a second or two without training anything.

Codewords are single or paired ARKit coefficients, tokens are drawn from smooth envelopes, and ψ is their sum plus a
little noise, so that reconstructions are close and pages have something true to show.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact_names import MANIFEST
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.faces.model import FaceModel, mirrored_name
from dfe_core.store import content_key, write_json
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokens.cache import TokenWriter

LEVELS = (0.25, 0.5, 0.75, 1.0)
FPS = 30.0


def build(
    root: Path,
    face: FaceModel,
    codewords: int = 48,
    stages: int = 4,
    subjects: int = 3,
    seconds: float = 12.0,
    model: str = "default",
    dataset: str = "simulated",
    simulated: bool = True,
    seed: int = 0,
) -> None:
    """Write face, dataset, model and token cache under `root`."""
    rng = np.random.default_rng(seed)
    save_face(face, root)
    psi = make_codewords(face, codewords, rng)
    recordings = [_performance(psi, stages, seconds, rng) for _ in range(2 * subjects)]
    names = [f"subject{i // 2 + 1:02d}-take{i % 2 + 1}" for i in range(len(recordings))]
    _write_dataset(root, face, dataset, simulated, dict(zip(names, recordings, strict=True)))
    _write_model(root, face, model, dataset, psi, stages, recordings)
    _write_tokens(root, model, dataset, codewords, stages, dict(zip(names, recordings, strict=True)))


def add_analyses(root: Path, model: str = "default", dataset: str = "simulated") -> None:
    """AUs, a coverage analysis, a map and a probe of a built cache, by the library itself: some seconds."""
    from dfe_core.embedding.maps import MapSettings, build_map
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.facs.derive import derive_aus
    from dfe_core.probes.run import run_probe
    from dfe_core.probes.settings import ProbeSettings

    derive_aus(Dataset.open(dataset, root), "derived", root=root)
    analyse_coverage(model, dataset, "derived", root=root)
    build_map(MapSettings(model=model, of="codewords", by="deformation", method="pca"), root=root)
    build_map(MapSettings(model=model, dataset=dataset, of="frames", by="psi", method="pca"), root=root)
    run_probe(
        ProbeSettings(
            model=model,
            dataset=dataset,
            label="condition",
            features=("bow", "psi"),
            folds=3,
            inner_folds=2,
            resamples=100,
            permutations=20,
            swaps=100,
        ),
        root,
    )


def add_syllables(root: Path, model: str = "default", dataset: str = "simulated") -> None:
    """Three syllables of a built cache."""
    from dfe_core.syllables.store import SyllableInputs, SyllableSettings, find_syllables
    from dfe_core.workspace.study import Study

    study = Study(model, dataset, root=root)
    inputs = SyllableInputs(codebook=study.codebook, face=study.face, dataset=study.dataset, tokens=study.token_cache)
    find_syllables(inputs, SyllableSettings(count=3, duration_s=0.3, steps=3))


def add_pictures(root: Path, model: str = "default") -> None:
    """The pictures of a built cache's codewords, all of one drawing, which spares a server seconds of rendering."""
    from PIL import Image, ImageDraw

    from dfe_core.faces import open_face
    from dfe_core.integrity import seal
    from dfe_core.render.pictures import png, thumbnail_folder, thumbnail_path
    from dfe_core.tokenizer.codebook import Codebook

    codebook = Codebook.open(model, root)
    folder = thumbnail_folder(codebook, open_face(codebook.face_id, root), root)
    folder.mkdir(parents=True)
    drawing = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(drawing).ellipse((40, 10, 216, 246), "tan")
    for codeword in range(codebook.size):
        thumbnail_path(folder, codeword).write_bytes(png(np.asarray(drawing)))
    write_json(folder / MANIFEST, {"model": model, "face": codebook.face_id})
    seal(folder)


def add_model(
    root: Path,
    face: FaceModel,
    name: str,
    dataset: str = "simulated",
    codewords: int = 30,
    stages: int = 3,
    seed: int = 5,
) -> None:
    """A second model on a dataset that is there, with random tokens of every frame."""
    from dfe_core.expressions.dataset import Dataset

    rng = np.random.default_rng(seed)
    psi, opened = make_codewords(face, codewords, rng), Dataset.open(dataset, root)
    recordings = {}
    for frames in opened.iter_frames():
        tokens = rng.integers(0, codewords, (len(frames.psi), stages)).astype(np.uint16)
        levels = rng.integers(0, len(LEVELS), tokens.shape).astype(np.uint8)
        recordings[frames.recording] = {"psi": frames.psi, "tokens": tokens, "levels": levels}
    _write_model(root, face, name, dataset, psi, stages, list(recordings.values()))
    _write_tokens(root, name, dataset, codewords, stages, recordings)


def make_codewords(face: FaceModel, count: int, rng: np.random.Generator) -> np.ndarray:
    """(K, E): rest, then left, right and both sides of coefficients in turn, then pairs."""
    psi = np.zeros((count, face.coefficients), np.float32)
    for row in range(1, count):
        first = (row - 1) % face.coefficients
        psi[row, first] = rng.uniform(0.5, 0.9)
        if row % 3 == 0:
            psi[row, face.names.index(mirrored_name(face.names[first], face.names))] = psi[row, first]
        if row > face.coefficients:
            psi[row, rng.integers(face.coefficients)] = rng.uniform(0.3, 0.7)
    return psi


def _performance(psi: np.ndarray, stages: int, seconds: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    frames = int(seconds * FPS)
    tokens, levels = np.zeros((frames, stages), np.uint16), np.zeros((frames, stages), np.uint8)
    for stage in range(stages):
        start = int(rng.integers(0, 20))
        while start < frames:
            length = int(rng.integers(12, 50) / (1 + stage / 2))
            stop = min(start + length, frames)
            tokens[start:stop, stage] = rng.integers(1, len(psi))
            levels[start:stop, stage] = np.rint(np.sin(np.linspace(0.3, np.pi - 0.3, stop - start)) * 3)
            start = stop + int(rng.integers(3, 25))
    intensity = np.where(tokens > 0, np.asarray(LEVELS, np.float32)[levels], 0)
    rebuilt = np.einsum("tn,tne->te", intensity, psi[tokens])
    noise = rng.normal(0, 0.01, rebuilt.shape)
    return {"psi": np.clip(rebuilt + noise, 0, 1.5).astype(np.float32), "tokens": tokens, "levels": levels}


def _write_dataset(root: Path, face: FaceModel, name: str, simulated: bool, recordings: dict[str, dict]) -> None:
    with open_writer(name, face.names, root) as writer:
        for index, (recording, made) in enumerate(recordings.items()):
            count = len(made["psi"])
            writer.add(
                Recording(
                    name=recording,
                    names=face.names,
                    psi=made["psi"],
                    time_s=np.arange(count) / FPS,
                    frame=np.arange(count),
                    valid=np.ones(count, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="fake",
                    subject=recording.split("-")[0],
                ),
                {"condition": ("calm", "stress")[index % 2]},
            )
        writer.close({"name": name, "face": face.id, "simulated": simulated, "sources": [], "notes": []})


def _write_model(
    root: Path, face: FaceModel, name: str, dataset: str, psi: np.ndarray, stages: int, recordings: list[dict]
) -> None:
    folder = root / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    table = codeword_geometry(psi, face)
    tokens = np.concatenate([r["tokens"] for r in recordings])
    by_stage = np.stack([np.bincount(tokens[:, s], minlength=len(psi)) for s in range(stages)])
    uses = by_stage.sum(0)
    uses[0] = 0
    table["uses"] = uses
    table["share_of_frames"] = [(tokens == k).any(1).mean() if k else 0.0 for k in range(len(psi))]
    table["main_stage"] = by_stage.argmax(0)
    table["mean_intensity"] = 0.7
    table["description"] = [_describe(row, psi[k], face) for k, row in enumerate(table.to_dict("records"))]
    values = pa.FixedSizeListArray.from_arrays(pa.array(psi.ravel(), pa.float32()), psi.shape[1])
    pq.write_table(
        pa.Table.from_pandas(table, preserve_index=False).append_column("psi", values), folder / "codewords.parquet"
    )
    write_json(
        folder / "config.json",
        {
            "key": content_key(psi.tolist()),
            "levels": list(LEVELS),
            "coefficients": list(face.names),
            "face": face.id,
            "dataset": {"name": dataset, "key": "another"},
            "tokenizer": {"stages": stages, "codewords": len(psi)},
        },
    )
    write_json(folder / "metrics.json", metrics(name, dataset, len(psi), stages))


def _describe(row: dict, psi: np.ndarray, face: FaceModel) -> str:
    if not psi.any():
        return "Rest: moves nothing"
    top = np.argsort(-psi)[: int((psi > 0).sum())]
    return f"{row['side'].capitalize()} {row['region']}: " + " + ".join(face.names[i] for i in top)


def metrics(model: str, dataset: str, codewords: int, stages: int) -> dict:
    """The JSON of `dfe evaluate`, with plausible figures."""
    by_stage = [float(2.4 * 0.55**s + 0.25) for s in range(stages)]
    return {
        "model": model,
        "dataset": dataset,
        "split": "test",
        "subjects": 6,
        "frames": 43200,
        "stages": stages,
        "codewords": codewords,
        "bits_per_frame": 40.0,
        "entropy_bits_per_frame": 22.5,
        "rmse_mm": by_stage[-1],
        "p95_mm": 1.1,
        "rmse_mm_by_region": {"brow": 0.4, "eye": 0.5, "jaw": 0.6},
        "explained_variance": 0.968,
        "cosine": 0.97,
        "retrieval_top1": 0.91,
        "utilisation": 0.94,
        "perplexity": [float(codewords * 0.6 / (1 + s / 3)) for s in range(stages)],
        "locality": 0.83,
        "distinctness_max": 0.88,
        "symmetric": codewords // 2,
        "left": codewords // 4,
        "right": codewords // 4,
        "token_changes_per_s": 6.1,
        "rmse_mm_by_stage": by_stage,
        "baselines": {
            "residual_kmeans": {"rmse_mm": 0.62, "explained_variance": 0.94},
            "pca": {"rmse_mm": 0.71, "explained_variance": 0.93},
            "aus": {"rmse_mm": 1.9, "explained_variance": 0.72},
        },
    }


def _write_tokens(root: Path, model: str, dataset: str, codewords: int, stages: int, recordings: dict) -> None:
    folder = root / "tokens" / f"{model}--{dataset}"
    folder.mkdir(parents=True, exist_ok=True)
    writer = TokenWriter(folder, stages=stages, codewords=codewords, levels=LEVELS)
    for name, made in recordings.items():
        rows = np.arange(len(made["tokens"]))
        error = np.full(len(rows), 0.4)
        writer.add(name, frame=rows, time_s=rows / FPS, tokens=made["tokens"], levels=made["levels"], error_mm=error)
    frames = sum(len(made["tokens"]) for made in recordings.values())
    writer.close({"model": model, "dataset": dataset, "key": content_key([model, dataset, frames])})
