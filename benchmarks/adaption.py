"""Adapting to a person beside training again: ``python -m benchmarks.adaption nao nao``.

Of every person whom the codebook has not seen, the first seconds of the first recording are what is learned from, and
all from 2 s later on is judged, as `dfe adapt` does. Rivals, all by the shipped training with the settings of the
model, its number of codewords, and its seed:

- *again*: from the beginning on the training people, without the person: what training alone changes;
- *again, with the person*: the same, with the person's seconds among the frames;
- *again, half the person*: the same, their seconds repeated until they are half of all frames;
- *on, the person alone*: from the codewords of the model, on the person's seconds and nothing else. On a face whose
  coefficients have two signs, training learns code lengths alone from there, on others codewords too;
- *on, none replaced*: the same on faces of activations, where codewords that these seconds do not have stay;
- *on, directions alone*: its codewords with the places, lengths and code lengths of those of the model that they are
  matched with: training scales codewords to the strongest use that it sees, and makes dear what it does not see;
- *from nothing, the person alone*: from the beginning on the person's seconds.

In all of them a bit is worth the same error as in the model: the setting is a share of the energy of the training
frames, and a person who moves little, or much, would otherwise get more tokens, or fewer. Beside them, *codewords
change*: `dfe adapt` with its own defaults, and without the bound on the cosine.

Printed for each: error on what is judged, its change from the model as it is (95 % over people), tokens a frame, and
cosines of codewords matched one to one with those of the model: the smallest, and the share of 0.95 or more.

Training frames are kept in the cache: point ``DFE_CACHE`` to a copy.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import stats
from scipy.optimize import linear_sum_assignment

from dfe_core.evaluation.person_adaption import PersonFrames, person_error, person_parts, person_tokens, unseen_people
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.split import Split
from dfe_core.faces import open_face
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.adaption import LEAST_COSINE, AdaptionSettings, adapt_tokenizer
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import Config, build
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model
from dfe_core.training.dictionary import has_activations
from dfe_core.training.fit import fit_in_memory
from dfe_core.training.initialise import Start

Trainer = Callable[[str, PersonFrames], Tokenizer]


@dataclass(frozen=True)
class PersonSplit(Split):
    """The training people with the first seconds of a person `times` over, or these alone."""

    person: str = ""
    seconds: float = 10.0
    times: int = 1
    alone: bool = False

    def frames(self, dataset: Dataset, part: str) -> Iterator[Frames]:
        if part != "train" or not self.alone:
            yield from super().frames(dataset, part)
        if part == "train" and self.person:
            yield from [first_frames(dataset, self.person, self.seconds)] * self.times


def first_frames(dataset: Dataset, person: str, seconds: float) -> Frames:
    """The frames that `person_parts` gives to learn from, as of their recording."""
    clip = person_parts(dataset, person, seconds)
    assert clip is not None
    name = dataset.recordings.loc[dataset.recordings["subject"].astype(str) == person, "recording"]
    count = len(clip[0].psi)
    return Frames(
        recording=str(name.iloc[0]),
        frame=np.arange(count),
        time_s=np.arange(count, dtype=float),
        valid=np.ones(count, bool),
        psi=clip[0].psi,
    )


def energy(split: Split, data: Dataset, gram: np.ndarray) -> float:
    """Mean energy of the training frames, mm²."""
    total, frames = 0.0, 0
    for part in split.frames(data, "train"):
        psi = part.psi[part.valid].astype(np.float64)
        total += float(np.einsum("te,ef,tf->", psi, gram, psi, optimize=True))
        frames += len(psi)
    return total / max(frames, 1)


def rivals(model: str, data: Dataset, seconds: float) -> dict[str, Trainer]:
    """Name and what makes a tokenizer of a person's name and first frames."""
    codebook, (tokenizer, stored) = Codebook.open(model, data.root), load_model(model, data.root)
    config = build(Config, {key: stored[key] for key in ("tokenizer", "train", "seed")}, model)
    split = Split.from_json(stored["split"])
    face = open_face(data.face_id, data.root)
    gram = fidelity.region_grams(face)["face"]
    start = Start(psi=codebook.psi[1:].astype(np.float64), source=model, key=codebook.key)
    frames = sum(int(part.valid.sum()) for part in split.frames(data, "train"))
    whole = energy(split, data, gram)

    def trained(own: PersonSplit, begin: Start | None, **changes: float) -> Tokenizer:
        rate = config.tokenizer.rate_weight * whole / energy(own, data, gram)
        settings = replace(
            config,
            tokenizer=replace(config.tokenizer, rate_weight=rate, rate_weight_pairs=rate),
            train=replace(config.train, **changes),
        )
        return fit_in_memory(data, settings, data.root, split=own, start=begin)[0]

    def own_split(person: str, times: int, alone: bool = False) -> PersonSplit:
        return PersonSplit(split.by, split.recordings, split.spans, person, seconds, times, alone)

    def changed(clip: PersonFrames, least: float) -> Tokenizer:
        settings = AdaptionSettings(least_cosine=least)
        return adapt_tokenizer(tokenizer, clip.psi, clip.linked, settings, gram).tokenizer

    without = trained(own_split("", 0), None)
    found: dict[str, Trainer] = {
        "the model as it is": lambda who, clip: tokenizer,
        "codewords change, cosine 0.95": lambda who, clip: changed(clip, LEAST_COSINE),
        "codewords change, any cosine": lambda who, clip: changed(clip, 0.0),
        "again": lambda who, clip: without,
        "again, with the person": lambda who, clip: trained(own_split(who, 1), None),
        "on, the person alone": lambda who, clip: trained(own_split(who, 1, alone=True), start),
        "from nothing, the person alone": lambda who, clip: trained(own_split(who, 1, alone=True), None),
        "again, half the person": lambda who, clip: trained(
            own_split(who, max(1, round(frames / len(clip.psi)))), None
        ),
    }
    if has_activations(face):
        found["on, none replaced"] = lambda who, clip: trained(own_split(who, 1, alone=True), start, dead_share=0.0)
        found["on, directions alone"] = lambda who, clip: with_directions(
            tokenizer, gram, trained(own_split(who, 1, alone=True), start, dead_share=0.0).codeword_psi()
        )
    return found


def with_directions(tokenizer: Tokenizer, gram: np.ndarray, psi: np.ndarray) -> Tokenizer:
    """The tokenizer with the directions of other codewords (K, E), each in place of the one it is matched with."""
    other, own = copy.deepcopy(tokenizer), tokenizer.codeword_psi().astype(np.float64)
    rows, columns, _ = matched(own, psi, gram)
    length = np.sqrt(np.einsum("ke,ef,kf->k", own, gram, own))[rows]
    trained = np.sqrt(np.einsum("ke,ef,kf->k", psi, gram, psi))[columns]
    own[rows] = psi[columns] * (length / np.maximum(trained, 1e-12))[:, None]
    latent = own @ tokenizer.frame.detach().cpu().numpy().astype(np.float64)
    with torch.no_grad():
        other.quantizer.codewords.copy_(torch.as_tensor(latent, dtype=torch.float32))
    return other


def matched(before: np.ndarray, after: np.ndarray, gram: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moving codewords (K, E) matched so that the sum of their cosines on the face is largest: places, and cosines."""
    alike = displacement_cosine(before, after, gram)
    one, other = (np.flatnonzero(np.linalg.norm(psi, axis=1) > 1e-9) for psi in (before, after))
    rows, columns = linear_sum_assignment(-alike[np.ix_(one, other)])
    return one[rows], other[columns], alike[one[rows], other[columns]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=0, help="the first of those unseen; 0: all")
    parser.add_argument("--rival", default="", help="only those whose name has this, beside the model as it is")
    args = parser.parse_args()
    data = Dataset.open(args.dataset)
    codebook = Codebook.open(args.model)
    gram = fidelity.region_grams(open_face(data.face_id))["face"]
    people = unseen_people(codebook, data)[0]
    parts = {who: parted for who in people if (parted := person_parts(data, who, args.seconds)) is not None}
    parts = dict(list(parts.items())[: args.people or None])
    kind = "simulated" if data.simulated else "real"
    print(f"{args.model} on {data.name} ({kind}): {len(parts)} people, {args.seconds:g} s of each", flush=True)
    base = np.zeros(0)
    for name, train in rivals(args.model, data, args.seconds).items():
        if len(base) and args.rival not in name:
            continue
        began, errors, tokens, cosines = time.process_time(), [], [], []
        for who, (clip, rest) in parts.items():
            own = train(who, clip)
            found = person_tokens(own, rest)
            errors.append(person_error(own, found, rest.psi, gram))
            tokens.append((found[0] != 0).sum(1).mean())
            cosines.append(matched(codebook.psi, own.codeword_psi(), gram)[2])
        base = base if len(base) else np.array(errors)
        gain = base - np.array(errors)
        half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
        alike = np.concatenate(cosines)
        print(
            f"{name:30s} error {np.mean(errors):.4f} mm, gain {gain.mean():+.4f} [{gain.mean() - half:+.4f}, "
            f"{gain.mean() + half:+.4f}], improved {np.mean(gain > 0):.0%}, {np.mean(tokens):.2f} tokens a frame, "
            f"matched cosine {alike.min():.3f} at least, {np.mean(alike >= LEAST_COSINE - 1e-6):.0%} of 0.95 or more; "
            f"{(time.process_time() - began) / len(parts):.1f} s of CPU a person",
            flush=True,
        )


if __name__ == "__main__":
    main()
