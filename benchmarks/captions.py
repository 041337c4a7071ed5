"""Captions of tracks against planted truth: ``python -m benchmarks.captions``.

Stretches of six seconds of held-out people: which action units (and turns of the head) a caption names, against those
that were on for 0.3 s or more. Two worlds: regions at times of their own (`benchmarks.planted_tracks`), and whole
displays (`benchmarks.planted_displays`, happiness, fear, doubt …). Rivals on the same stretches: the display whose
template is nearest to each frame (of the same displays, so that it knows the vocabulary), and the caption that names
what other people show most often.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

import dfe_core as dfe
from benchmarks.planted_displays import SHOWN as DISPLAYS
from benchmarks.planted_displays import planted_dataset
from benchmarks.planted_tracks import SHOWN, planted_tracks
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.neutral import calm_frames, resting_face, thinned
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.intervals.annotate import IntervalInputs, IntervalSettings, find_intervals
from dfe_core.intervals.caption import actions_of, caption_parts
from dfe_core.simulate.repertoire import CHANNELS, recipe_matrix
from dfe_core.tokenizer.mesh_inner_product import mesh_factor, unit

WINDOW_S, LEAST_S = 6.0, 0.3
_LEAST_MM = 0.6
Named = dict[tuple[str, int], set[str]]
"""What is named, by recording and number of the stretch."""
ALIASES = {"AU45": "AU43"}
"""A blink is an eye that closes."""


def of_label(label: str) -> set[str]:
    found = {ALIASES.get(au, au) for au, _, _ in actions_of(label)}
    return found or {label}


def stretches(data: Dataset) -> Iterator[tuple[str, int, float, float]]:
    for name, seconds in zip(data.recordings["recording"], data.recordings["duration_s"], strict=True):
        for number in range(int(seconds // WINDOW_S)):
            yield str(name), number, number * WINDOW_S, (number + 1) * WINDOW_S


def said(tracks: pd.DataFrame, data: Dataset) -> Named:
    """What captions of tracks name."""
    found: Named = {}
    for name, number, start, stop in stretches(data):
        parts = caption_parts(tracks, name, start, stop, least_s=LEAST_S)
        parts += [p for p in caption_parts(tracks, name, start, stop) if p.label == "blink"]
        found[name, number] = {au for part in parts for au in of_label(part.label)}
    return found


def said_of_displays(data: Dataset, labels: dict[str, np.ndarray]) -> Named:
    """Action units of displays (0: rest, then 1 + place) by frame, where a display is there long enough."""
    found: Named = {}
    for name, number, start, stop in stretches(data):
        time = data.frames(name).time_s
        counts = Counter(labels[name][(time >= start) & (time < stop)].tolist())
        step = float(np.median(np.diff(time)))
        shown = [DISPLAYS[k - 1] for k, count in counts.items() if k and count * step >= LEAST_S]
        found[name, number] = {ALIASES.get(code, code) for one in shown for code, _, _ in one.members}
    return found


def nearest_displays(data: Dataset, face: FaceModel) -> dict[str, np.ndarray]:
    """The display whose template is nearest to each frame in direction; rest below `_LEAST_MM`."""
    factor = mesh_factor(face.gram) * 1e3
    recipe = recipe_matrix(face.names)
    templates = np.zeros((len(DISPLAYS), len(recipe)))
    for row, display in zip(templates, DISPLAYS, strict=True):
        for code, side, share in display.members:
            row[[i for i, (own, on) in enumerate(CHANNELS) if own == code and side in ("both", on)]] = share
    directions = unit(templates @ recipe @ factor)
    found = {}
    for name in data.recordings["recording"]:
        frames = data.frames(str(name))
        values = frames.psi.astype(np.float64) @ factor
        calm = values[calm_frames(values[:, None], frames.time_s)]
        values = values - resting_face(calm[thinned(len(calm), values.shape[1])][:, None])[0]
        size = np.linalg.norm(values, axis=1)
        found[str(name)] = np.where(size < _LEAST_MM, 0, 1 + (values @ directions.T).argmax(1))
    return found


def most_frequent(truth: Named) -> Named:
    """For each person what the other people show most often, as many as a stretch of theirs has on average."""
    found: Named = {}
    for name, number in truth:
        others = [named for (other, _), named in truth.items() if other != name]
        counts = Counter(au for named in others for au in named)
        usual = round(np.mean([len(named) for named in others]))
        found[name, number] = {au for au, _ in counts.most_common(usual)}
    return found


def scores(found: Named, truth: Named) -> dict[str, float]:
    hits = sum(len(found[key] & truth[key]) for key in truth)
    named, true = sum(map(len, found.values())), sum(map(len, truth.values()))
    precision, recall = hits / max(named, 1), hits / max(true, 1)
    exact = np.mean([found[key] == truth[key] for key in truth])
    return {
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 3),
        "stretches_named_exactly": round(float(exact), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    args = parser.parse_args()
    codebook = dfe.open_codebook(args.model)
    face = open_face(codebook.face_id)
    for seed in args.seeds:
        size = {"subjects": args.subjects, "seconds": args.seconds, "seed": seed}
        data, truth = planted_tracks("planted-tracks", face, **size)
        tracks = find_intervals(IntervalInputs(codebook=codebook, face=face, dataset=data))
        real = said(truth.assign(source="truth"), data)
        rows = {"caption": scores(said(tracks[tracks["tier"].isin([*SHOWN, "head"])], data), real)}
        rows["nearest display"] = scores(said_of_displays(data, nearest_displays(data, face)), real)
        rows["most frequent"] = scores(most_frequent(real), real)
        print(json.dumps({"world": "regions", "seed": seed, "stretches": len(real), **rows}, indent=1), flush=True)
        data, shown = planted_dataset("planted-displays", face, blinks=False, **size)
        inputs = IntervalInputs(codebook=codebook, face=face, dataset=data)
        real = said_of_displays(data, {name: one.label for name, one in shown.items()})
        rows = {"caption": scores(said(find_intervals(inputs), data), real)}
        kept = find_intervals(inputs, IntervalSettings(spill=True))
        rows["caption, spill kept"] = scores(said(kept, data), real)
        rows["nearest display"] = scores(said_of_displays(data, nearest_displays(data, face)), real)
        rows["most frequent"] = scores(most_frequent(real), real)
        print(json.dumps({"world": "displays", "seed": seed, "stretches": len(real), **rows}, indent=1), flush=True)


if __name__ == "__main__":
    main()
