"""Codebooks trained without a region of the face, beside one of all of it: ``python -m benchmarks.regions simulated``.

For every region a codebook is trained with ``tokenizer.without_region``, and its tokens probed for the label on the
same folds, by subject, as those of the codebook of the whole face. Printed are the error (root mean square over the
vertices of the region, and of the others, of the test people), the score and its change, with 95 % intervals from the
same draws of people.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.faces.model import REGIONS
from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import build_feature
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.intervals import difference_interval, drawn_scores, score_interval
from dfe_core.probes.run import open_probe_inputs, probe_target
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.validation import nested, repeated_folds
from dfe_core.robustness.encoding import encode_variant
from dfe_core.store import cache_root
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.fidelity import region_grams
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model

SECONDS = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset")
    parser.add_argument("--label", default="condition")
    parser.add_argument("--drop-missing", action="store_true")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfe-regions-") as folder:
        root = Path(folder)
        for kind, name in (("datasets", args.dataset), ("faces", "")):
            shutil.copytree(cache_root() / kind / name, root / kind / name)
        data = Dataset.open(args.dataset, root)
        face = open_face(data.face_id, root)
        present = [name for i, name in enumerate(REGIONS) if name != "other" and (face.regions == i).any()]
        print(f"{data.name} ({'simulated' if data.simulated else 'real'}), {args.label}, {args.steps} steps")
        whole = None
        for region in ("", *present):
            model = f"without-{region.replace(' ', '-')}" if region else "whole"
            config = {"tokenizer.without_region": region, "train.steps": args.steps, "seed": args.seed}
            train_model(args.dataset, model, config=load_config(None, {**config, "train.start": "data"}), root=root)
            encode_dataset(model, args.dataset, root=root)
            own, others = errors_mm(model, data, region, root)
            metric, score, draws = probed(model, args, root)
            low, high = score_interval(metric, score, draws)
            line = f"  {model:22s} error {own:.3f} mm in it, {others:.3f} in all; "
            line += f"{metric} {score:.3f} ({low:.3f}, {high:.3f})"
            if whole is None:
                whole = score, draws
            else:
                change = difference_interval(score - whole[0], draws, whole[1]) or [np.nan, np.nan]
                line += f", change {score - whole[0]:+.3f} ({change[0]:+.3f}, {change[1]:+.3f})"
            print(line, flush=True)


def errors_mm(name: str, data: Dataset, region: str, root: Path) -> tuple[float, float]:
    """Over the vertices of a region and over all, of the first seconds of every recording."""
    model, _ = load_model(name, root)
    grams = region_grams(open_face(data.face_id, root))
    lost, frames = dict.fromkeys(grams, 0.0), 0
    for part in data.iter_frames():
        use = np.flatnonzero(part.valid & (part.time_s < part.time_s[0] + SECONDS))
        if len(use) < 2:
            continue
        apart = encode_variant(model, part.psi[use], linked_frames(part.frame[use])).decoded - part.psi[use]
        for key, gram in grams.items():
            lost[key] += float(np.einsum("te,ef,tf->", apart.astype(np.float64), gram, apart))
        frames += len(use)
    own, whole = (float(np.sqrt(lost[key] / max(frames, 1))) for key in (region or "face", "face"))
    return own, whole


def probed(model: str, args: argparse.Namespace, root: Path) -> tuple[str, float, np.ndarray]:
    """The metric, the score and its draws, of onsets of codewords by recording."""
    settings = ProbeSettings(
        model=model,
        dataset=args.dataset,
        label=args.label,
        features=("bow",),
        unit="recording",
        drop_missing=args.drop_missing,
        resamples=args.resamples,
        permutations=19,
        seed=args.seed,
    )
    inputs = open_probe_inputs(settings, root)
    spans = make_spans(inputs.dataset, settings)
    target, _ = probe_target(inputs, spans, settings)
    sources = Sources(dataset=inputs.dataset, encoded=inputs.encoded, spans=spans, folder=inputs.folder)
    feature = build_feature("bow", sources, target, settings)
    found = tuple(nested(feature, target, one, "linear", settings) for one in repeated_folds(target, settings))
    drawn, metric = drawn_scores(found, target, "linear", settings), scores.PRIMARY[target.task]
    return metric, drawn.points[metric], drawn.draws[metric]


if __name__ == "__main__":
    main()
