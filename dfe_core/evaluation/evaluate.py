"""`dfe evaluate`: the figures of a model on held-out subjects, beside its rivals'."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.artefact_names import METRICS_FILE
from dfe_core.errors import DataError
from dfe_core.evaluation import baselines, equal_bits
from dfe_core.evaluation.coded_bits import raw_bits
from dfe_core.evaluation.encoded_part import Encoded, encode_part
from dfe_core.evaluation.recovery import discovered
from dfe_core.events.segments import split_of_segments
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.pose_leak import pose_leak_of
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, write_signed_json
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import TrainConfig
from dfe_core.tokenizer.exposure import exposure
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model, require_same_coefficients
from dfe_core.tokenizer.switching_rate import changes_and_speed, flicker
from dfe_core.training.frames import training_frames


def evaluate_model(
    model: str,
    dataset: str,
    *,
    split: str = "test",
    root: Path | None = None,
    progress: Listener = silent,
    rivals: bool = True,
) -> dict[str, Any]:
    """`evaluate_codebook` of artefacts by name. Raises `DataError` where one is missing, too."""
    data, codebook = Dataset.open(dataset, root), Codebook.open(model, root)
    face = open_face(codebook.face_id, root)
    return evaluate_codebook(codebook, data, face, split=split, root=root, progress=progress, rivals=rivals)


def evaluate_codebook(
    codebook: Codebook,
    data: Dataset,
    face: FaceModel,
    *,
    split: str = "test",
    root: Path | None = None,
    progress: Listener = silent,
    rivals: bool = True,
) -> dict[str, Any]:
    """The JSON of `dfe evaluate` for one part of the split (``test``, ``validation``, ``train`` or ``all``).

    On the dataset that the model was trained on the split is the one it was trained with; on another it is drawn
    anew. The result on the test part is also kept as ``models/<name>/metrics.json``. `rivals` False leaves the
    baselines out, which take longest. Raises `DataError` for other coefficients or a part without frames.
    """
    tokenizer, config = load_model(codebook.model, root)
    require_same_coefficients(config, data)
    own = config["dataset"]["key"] == data.stored_key
    drawn = Split.from_json(config["split"]) if own else split_of_segments(config, data)
    parts = drawn or split_dataset(data, TrainConfig.test_share, TrainConfig.validation_share, config["seed"])
    encoded = encode_part(tokenizer, codebook, data, parts, split, progress)
    if not len(encoded.psi):
        raise DataError(data.name, f"no valid frame in its {split} part", "another --split")
    result = _figures(tokenizer, codebook, face, data, encoded, split)
    leak = pose_leak_of(data, face.gram if face.has_mesh else None)
    result["pose_leak"] = None if leak is None else leak.leak
    result["split_by"] = parts.sentence()
    result["exposure"] = _exposure(config, data, encoded.recordings)
    train = training_frames(data, parts, root).psi if rivals else None
    result["baselines"] = {} if train is None else _baselines(result, codebook, face, train, encoded, progress)
    progress(Progress(task="evaluating", done=5, total=6, detail="truth" if data.truth is not None else ""))
    result["truth"] = discovered(tokenizer, codebook, data, parts, encoded) if data.truth is not None else None
    if split == "test" and own and rivals:
        write_signed_json(artefact_path("models", codebook.model, root) / METRICS_FILE, result)
    progress(Progress(task="evaluating", done=6, total=6))
    return result


def _exposure(config: dict[str, Any], data: Dataset, recordings: list[str]) -> dict[str, Any]:
    """What the model has seen of the recordings that are judged: counts of recordings and of subjects."""
    seen = exposure(config, data)
    subject = data.recordings.set_index("recording")["subject"]
    people = {subject[r] for r in recordings}
    return {
        "known": seen.known,
        "recordings": len(recordings),
        "seen_recordings": len(seen.recordings & {*recordings}),
        "subjects": len(people),
        "seen_subjects": len(seen.subjects & people),
        "same_names": len(seen.same_names & people),
    }


def _figures(
    tokenizer: Tokenizer, codebook: Codebook, face: FaceModel, data: Dataset, found: Encoded, split: str
) -> dict[str, Any]:
    grams = fidelity.region_grams(face)
    gram, factor, error = grams["face"], mesh_factor(grams["face"]), found.psi - found.decoded
    subjects = data.recordings.set_index("recording").loc[found.recordings, "subject"].nunique()
    moving = codebook.table.iloc[1:]
    sides = moving["side"].value_counts()
    cumulative = _by_stage(codebook, found, gram)
    perplexity = 2 ** fidelity.entropy_bits(found.tokens, codebook.size)
    return {
        "model": codebook.model,
        "dataset": data.name,
        "simulated": data.simulated,
        "split": split,
        "subjects": int(subjects),
        "frames": len(found.psi),
        "stages": codebook.stages,
        "codewords": codebook.size,
        "levels": len(codebook.levels),
        "bits_per_frame": raw_bits(found.tokens, tokenizer.quantizer.tables().top.cpu().numpy()),
        "entropy_bits_per_frame": float(found.bits.mean()),
        "rmse_mm": fidelity.rmse(error, gram),
        "rmse_mm_movable": fidelity.rmse(error, fidelity.movable_gram(face)),
        "p95_mm": fidelity.vertex_percentile_mm(error, face),
        "rmse_mm_by_region": {name: fidelity.rmse(error, g) for name, g in grams.items() if name != "face"},
        "explained_variance": fidelity.explained_variance(found.psi, found.decoded, gram),
        "cosine": fidelity.mean_cosine(found.psi, found.decoded, gram),
        "retrieval_top1": fidelity.retrieval_top1(found.psi, found.decoded, factor),
        "utilisation": fidelity.utilisation(found.tokens, codebook.size),
        "perplexity": perplexity.tolist(),
        "locality": _finite(moving["locality"].mean()),
        "distinctness_max": fidelity.max_cosine(codebook.psi, factor),
        "symmetric": int(sides.get("symmetric", 0)),
        "left": int(sides.get("left", 0)),
        "right": int(sides.get("right", 0)),
        **_flicker(found, codebook.size, factor),
        "tokens_per_frame": float((found.tokens != 0).sum(1).mean()),
        "rmse_mm_by_stage": cumulative,
    }


def _by_stage(codebook: Codebook, found: Encoded, gram: np.ndarray) -> list[float]:
    left, out = found.psi.copy(), []
    for stage in range(codebook.stages):
        left -= found.intensities[:, stage, None] * codebook.psi[found.tokens[:, stage]]
        out.append(fidelity.rmse(left, gram))
    return out


def _flicker(found: Encoded, size: int, factor: np.ndarray) -> dict[str, float | None]:
    """Tokens that come or go, per second, on linked frames of all recordings."""
    parts = []
    for index, rows in enumerate(found.rows):
        part = slice(found.starts[index], found.starts[index + 1])
        parts.append(changes_and_speed(found.tokens[part], found.psi[part], rows, found.fps[index], size, factor))
    rates = flicker(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    return {
        "token_changes_per_s": _finite(rates["all"]),
        "token_changes_per_s_still": _finite(rates["still"]),
        "token_changes_per_s_moving": _finite(rates["moving"]),
    }


def _baselines(
    result: dict[str, Any], codebook: Codebook, face: FaceModel, train: np.ndarray, found: Encoded, progress: Listener
) -> dict[str, dict[str, float | None] | None]:
    """Rivals at the raw bits of the codebook, each with its entropy-coded bits, and at equal entropy-coded bits."""
    gram = fidelity.region_grams(face)["face"]
    train = baselines.sample_rows(train).astype(np.float64)
    bits = result["bits_per_frame"], result["entropy_bits_per_frame"]
    progress(Progress(task="evaluating", done=1, total=6, detail="residual k-means"))
    made: dict[str, dict[str, float | None] | None] = {}
    made["residual_kmeans"] = equal_bits.residual_kmeans_at_equal_bits(gram, train, found.psi, *bits)
    progress(Progress(task="evaluating", done=3, total=6, detail="quantised PCA"))
    made["pca"] = equal_bits.pca_at_equal_bits(gram, train, found.psi, *bits)
    progress(Progress(task="evaluating", done=4, total=6, detail="action units"))
    decoded = baselines.from_action_units(train, found.psi, codebook.names)
    made["aus"] = (
        None if decoded is None else equal_bits.errors(found.psi, decoded, gram) | {"entropy_bits_per_frame": None}
    )
    return made


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
