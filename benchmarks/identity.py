"""Identity taken out in training, by reversed gradients: ``python -m benchmarks.identity simulated --label condition``.

For every seed a codebook is trained without and with ``tokenizer.identity_reversal`` of each weight, otherwise alike,
and judged beside the rival that needs no training, the resting face of each recording taken off:

- error: root mean square distance between ψ and what is decoded, over the test people, mm;
- leak: share of five-second windows of all people that an attacker names rightly, by `dfe privacy`'s attackers, on
  sittings that the attacker has not seen; 95 % interval and change from the same encoder without the term, paired over
  subjects;
- probe: score of a probe of the label on the same windows, and its change, folds by subject.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.privacy.attackers import leak_of, recall_by_subject
from dfe_core.privacy.measure import TokenWindows, probe_costs, psi_map, surviving_label, token_windows
from dfe_core.privacy.settings import ATTACKERS, NOTHING, REST, PrivacySettings
from dfe_core.robustness.encoding import encode_variant
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.training.fit import fit_in_memory
from dfe_core.training.run import Run


def error_mm(model: Tokenizer, run: Run, seconds: float) -> float:
    """Of the first seconds of the test people's recordings."""
    energy, frames = 0.0, 0
    for part in run.split.frames(run.dataset, "test"):
        use = np.flatnonzero(part.valid & (part.time_s < part.time_s[0] + seconds if seconds else True))
        if len(use) > 1:
            decoded = encode_variant(model, part.psi[use], linked_frames(part.frame[use])).decoded
            apart = (decoded - part.psi[use]).astype(np.float64)
            energy += float(np.einsum("te,ef,tf->", apart, run.face.gram, apart))
            frames += len(use)
    return 1e3 * float(np.sqrt(energy / max(frames, 1)))


def codebooks(data: Dataset, args: argparse.Namespace, seed: int) -> Iterator[tuple[str, TokenWindows, float]]:
    """Name, windows and error of every way, the encoder as it is first."""
    face = open_face(data.face_id)
    asked = PrivacySettings(model="", dataset=data.name, seconds=args.seconds, seed=seed)
    for weight in (0.0, *args.weights):
        settings = {
            "tokenizer.encoder": args.encoder,
            "tokenizer.identity_reversal": float(weight),
            "train.steps": args.steps,
            "train.start": "data",
            "seed": seed,
        }
        model, run = fit_in_memory(data, load_config(None, settings))
        error = error_mm(model, run, args.seconds)
        plain = psi_map(NOTHING, data, face, asked)
        name = f"reversal {weight:g}" if weight else NOTHING
        yield name, token_windows(model, data, face, plain, asked), error
        if not weight:
            yield REST, token_windows(model, data, face, psi_map(REST, data, face, asked), asked), np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--label", default="")
    parser.add_argument("--encoder", default="linear", choices=("linear", "mlp", "transformer", "temporal"))
    parser.add_argument("--weights", type=float, nargs="+", default=[0.3, 1, 3])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--seconds", type=float, default=30.0, help="of every recording; 0: all")
    parser.add_argument("--attackers", nargs="+", choices=ATTACKERS, default=list(ATTACKERS))
    args = parser.parse_args()
    data = Dataset.open(args.dataset)
    kind = "simulated" if data.simulated else "real"
    print(f"{data.name} ({kind}), encoder {args.encoder}, {args.steps} steps, first {args.seconds:g} s")
    for seed in args.seeds:
        windows: dict[str, TokenWindows] = {}
        plain: dict[str, np.ndarray] = {}
        for name, own, error in codebooks(data, args, seed):
            windows[name] = own
            who = np.unique(own.subject, return_inverse=True)[1]
            told = [f"seed {seed}  {name:14s} error {error:.3f} mm"]
            for attacker in args.attackers:
                recall = recall_by_subject(own.features, who, own.block, attacker, seed=seed)
                leak = leak_of(recall, plain.setdefault(attacker, recall), 1000, seed)
                told.append(
                    f"{attacker} {leak.leak:.1%} [{leak.low:.1%}, {leak.high:.1%}] "
                    f"({leak.change:+.1%} [{leak.change_low:+.1%}, {leak.change_high:+.1%}])"
                )
            print("  ".join(told), flush=True)
        if args.label:
            asked = PrivacySettings(model="", dataset=data.name, label=args.label, seconds=args.seconds, seed=seed)
            costs = probe_costs(windows, *surviving_label(data, asked), tuple(windows))
            for name, cost in costs.items():
                print(
                    f"seed {seed}  {name:14s} {args.label} {cost.score:.2f} [{cost.score_low:.2f}, "
                    f"{cost.score_high:.2f}], change {cost.change:+.2f} [{cost.change_low:+.2f}, "
                    f"{cost.change_high:+.2f}]",
                    flush=True,
                )


if __name__ == "__main__":
    main()
