"""Encoders where seeing the frames around could pay: ``python -m benchmarks.temporal_encoder simulated nao``.

For every dataset, seed and encoder a codebook is trained (kept as ``bench-DATASET-ENCODER-SEED``) and judged on the
test subjects' first frames:

- error at equal entropy-coded bits: the weight of the rate is varied after training, and the error interpolated at the
  bits that the linear encoder takes at its own;
- switching rate: token changes a second, over all frames and over the stillest third;
- hidden frames: stretches of 0.3 and 1 s of ψ taken away. The temporal encoder fills them itself; for the others ψ is
  interpolated linearly before it is encoded. Error of the decoded face against what was there;
- micro-expressions: UF1 of three planted displays of 0.2 to 0.4 s at 100 frames a second, leave-one-subject-out, by the
  change of tokens from onset to apex (``change``) and by the bag of tokens (``bow``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import dfe_core as dfe
from dfe_core.evaluation.coded_bits import log_interpolated
from dfe_core.evaluation.encoded_part import code_lengths
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.split import Split
from dfe_core.faces import open_face
from dfe_core.faces.names import coefficient_map
from dfe_core.probes.micro import MicroSettings, probe_micro
from dfe_core.store import artefact_path, cache_root, read_json
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokenizer.switching_rate import changes_and_speed, flicker
from dfe_core.tokenizer.temporal_encoder import between_seen
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.tokens.encoding_stream import encode_frames
from dfe_core.training.fit import train_model

ENCODERS = ("linear", "mlp", "transformer", "temporal")
RATES = (0.5, 0.7, 1.0, 1.4, 2.0)
HIDDEN_S = (0.3, 1.0)
MICRO = "bench-micro"
DISPLAYS = {
    "brows": {"browInnerUp": 1.0, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7},
    "lips": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "nose": {"noseSneerLeft": 1.0, "noseSneerRight": 1.0, "mouthUpperUpLeft": 0.4, "mouthUpperUpRight": 0.4},
}
FPS, SECONDS, PEOPLE, EACH = 100.0, 40, 12, 4


def trained(dataset: str, encoder: str, seed: int, steps: int) -> str:
    """The name of the model, trained where it is not there."""
    name = f"bench-{dataset}-{encoder}-{seed}"
    if not (artefact_path("models", name) / "config.json").is_file():
        settings = {"tokenizer.encoder": encoder, "train.steps": steps, "train.start": "data", "seed": seed}
        train_model(dataset, name, config=load_config(None, settings))
    return name


def test_frames(name: str, data: Dataset, most: int) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """ψ, frame numbers and rate of each test recording's first frames."""
    split = Split.from_json(read_json(artefact_path("models", name) / "config.json")["split"])
    fps = data.recordings.set_index("recording")["fps"]
    return [
        (f.psi[f.valid][:most], f.frame[f.valid][:most], float(fps[f.recording]))
        for f in split.frames(data, "test")
        if f.valid.sum() > 200
    ]


def rate_curve(model: Tokenizer, parts: list, gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entropy-coded bits and error (mm) at each of `RATES`, rising bits."""
    own, points, blank = model.quantizer.rate_weight, [], torch.zeros_like(model.frame)
    for rate in RATES:
        model.quantizer.rate_weight = own * rate
        bits, squares = [], []
        for psi, frame, _ in parts:
            tokens, levels, intensities, _ = encode_frames(model, psi, blank, linked_frames(frame))
            bits.append(code_lengths(model, tokens, levels))
            left = psi - decoded(model, tokens, intensities)
            squares.append(fidelity.energy(left, gram))
        points.append((np.concatenate(bits).mean(), np.sqrt(np.concatenate(squares).mean())))
    model.quantizer.rate_weight = own
    bits, errors = np.array(sorted(points)).T
    return bits, errors


def decoded(model: Tokenizer, tokens: np.ndarray, intensities: np.ndarray) -> np.ndarray:
    return model.decode(torch.from_numpy(tokens.astype(np.int64)), torch.from_numpy(intensities)).numpy()


def switching(model: Tokenizer, parts: list, gram: np.ndarray) -> dict[str, float]:
    changes, speeds, blank = [], [], torch.zeros_like(model.frame)
    for psi, frame, fps in parts:
        tokens = encode_frames(model, psi, blank, linked_frames(frame))[0]
        found = changes_and_speed(tokens, psi, frame, fps, len(model.quantizer.codewords), mesh_factor(gram))
        changes.append(found[0])
        speeds.append(found[1])
    return flicker(np.concatenate(changes), np.concatenate(speeds))


@torch.no_grad()
def hidden_error(model: Tokenizer, parts: list, gram: np.ndarray, seconds: float, seed: int) -> float:
    """Root mean square error of hidden frames, mm; a quarter of the frames is hidden."""
    rng, squares = np.random.default_rng(seed), []
    for psi, frame, fps in parts:
        length, hidden = max(1, round(seconds * fps)), np.zeros(len(psi), bool)
        for first in range(length, len(psi) - 2 * length, 4 * length):
            at = first + int(rng.integers(length))
            hidden[at : at + length] = True
        own, follows = torch.from_numpy(psi), torch.from_numpy(linked_frames(frame).copy())
        mask = torch.from_numpy(hidden)
        if model.config.encoder != "temporal":
            own, mask = between_seen(own, follows, mask), torch.zeros_like(mask)
        found = model.encode(own, follows, mask)
        back = model.decode(found.tokens, found.intensities).numpy()
        squares.append(fidelity.energy((psi - back)[hidden], gram))
    return float(np.sqrt(np.concatenate(squares).mean()))


def micro_dataset(face_id: str, seed: int) -> Path:
    """``datasets/bench-micro`` and the table of its windows."""
    face, windows = open_face(face_id), []
    table = cache_root() / f"{MICRO}.csv"
    if table.is_file():
        return table
    fields = {n: sum(w * coefficient_map((c,), face)[0][0] for c, w in d.items()) for n, d in DISPLAYS.items()}
    with open_writer(MICRO, face.names) as writer:
        for person in range(PEOPLE):
            rng = np.random.default_rng([seed, person])
            psi, own = micro_recording(rng, fields, len(face.names))
            name = f"p{person:02d}"
            windows += [{"recording": name, **row} for row in own]
            rows = np.arange(len(psi))
            writer.add(
                Recording(
                    name=name,
                    names=face.names,
                    psi=psi.astype(np.float32),
                    time_s=rows / FPS,
                    frame=rows,
                    valid=np.ones(len(psi), bool),
                    fps=FPS,
                    space="arkit",
                    extractor="planted",
                    subject=name,
                )
            )
        writer.close({"name": MICRO, "face": face.id, "simulated": True})
    pd.DataFrame(windows).to_csv(table, index=False)
    return table


def micro_recording(rng: np.random.Generator, fields: dict, width: int) -> tuple[np.ndarray, list[dict]]:
    """(T, E) ψ: a resting face that drifts, camera noise, and short faint displays between."""
    count = int(FPS * SECONDS)
    knots = rng.normal(0, 0.03, (SECONDS + 2, width))
    at = np.arange(count) / FPS
    drift = np.stack([np.interp(at, np.arange(SECONDS + 2), k) for k in knots.T], 1)
    psi, windows = 0.05 + drift + rng.normal(0, 0.03, (count, width)), []
    kinds = rng.permutation(np.repeat(list(fields), EACH))
    for place, kind in enumerate(kinds):
        length = int(FPS * rng.uniform(0.2, 0.4))
        first = int((place + 0.5) * count / len(kinds)) + int(rng.integers(-20, 20))
        shape = np.sin(np.linspace(0, np.pi, length)) ** 2
        psi[first : first + length] += rng.uniform(0.06, 0.14) * shape[:, None] * fields[kind]
        windows.append(
            {
                "onset_s": first / FPS,
                "apex_s": (first + length / 2) / FPS,
                "offset_s": (first + length) / FPS,
                "emotion": kind,
            }
        )
    return psi.clip(0), windows


def micro_scores(name: str, table: Path) -> dict[str, float]:
    encode_dataset(name, MICRO)
    settings = MicroSettings(
        model=name, dataset=MICRO, windows=str(table), features=("change", "bow"), resamples=100, permutations=100
    )
    rows = probe_micro(settings).summary["rows"]
    return {row["features"]: row["score"] for row in rows if row["features"] in ("change", "bow")}


def judged(dataset: str, encoder: str, args: argparse.Namespace, seed: int) -> dict[str, object]:
    data = dfe.open_dataset(dataset)
    face = open_face(data.face_id)
    gram = face.gram * 1e6
    name = trained(dataset, encoder, seed, args.steps)
    model, _ = load_model(name)
    parts = test_frames(name, data, args.frames)
    bits, errors = rate_curve(model, parts, gram)
    row: dict[str, object] = {"dataset": dataset, "seed": seed, "encoder": encoder, "bits": bits.tolist()}
    row |= {"errors": errors.tolist(), "own_bits": float(bits[RATES[::-1].index(1.0)])}
    row |= {f"switching_{k}": v for k, v in switching(model, parts, gram).items()}
    row |= {f"hidden_{s:g}": hidden_error(model, parts, gram, s, seed) for s in HIDDEN_S}
    if set(DISPLAYS["lips"]) <= set(face.names):
        row |= {f"uf1_{k}": v for k, v in micro_scores(name, micro_dataset(face.id, 0)).items()}
    return row


def table(rows: list[dict]) -> str:
    """Means over seeds, the error at the bits of the linear encoder of the same seed."""
    for row in rows:
        linear = next(
            r for r in rows if (r["dataset"], r["seed"], r["encoder"]) == (row["dataset"], row["seed"], "linear")
        )
        row["at_equal"] = log_interpolated(np.array(row["bits"]), np.array(row["errors"]), linear["own_bits"])
    frame = pd.DataFrame(rows).drop(columns=["bits", "errors", "seed"])
    mean = frame.groupby(["dataset", "encoder"], sort=False).agg(["mean", "std"]).round(3)
    return mean.to_string()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--frames", type=int, default=1500, help="of each test recording")
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = []
    for dataset in args.datasets:
        for seed in range(args.seeds):
            for encoder in args.encoders:
                rows.append(judged(dataset, encoder, args, seed))
                print(json.dumps({k: v for k, v in rows[-1].items() if k not in ("bits", "errors")}), flush=True)
    print(table(rows))
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
