"""Paths between two expressions against planted and real ones: ``python -m benchmarks.transitions nao simulated``.

Only both ends and the time between them are given, and the path is predicted by plain interpolation (linear), minimum
jerk, the masked model of gaps (`dfe_core.gaps`, its network and its ridge regression) and the timing of other people's
transitions (`dfe_core.motion.transition_timing`), once with one course for the whole face and once with one for each
part. Nothing is fitted to the people it is judged on: timing is cross-validated in five parts of the people, the gap
model is judged on the people that it was not fitted to or calibrated on (a quarter).

``planted`` (simulated) moves the parts of the default face at known times, which depend on direction and display.

Path error: mean distance from the true path over the frames between the ends (root mean square over the vertices of the
face), mm; half-way error: of the time at which each part that moves 0.5 mm or more passes half of its way, ms;
smoothness: logarithm of the dimensionless jerk (Hogan & Sternad 2009) and spectral arc length (Balasubramanian et al.
2015; nearer to 0 is smoother) of the path played at 60 frames a second, with both ends held for 0.3 s. Means over
people, with 95 % intervals over people (bootstrap).
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import dfe_core as dfe
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.motion.actions import action_psi
from dfe_core.motion.real_transitions import RealTransition, face_factor, find_transitions
from dfe_core.motion.timeline import play
from dfe_core.motion.transition_timing import PARTS, TransitionTiming, learn_timing, part_matrices
from dfe_core.motion.transitions import by_parts
from dfe_core.simulate.curves import minimum_jerk

FOLDS, HOLD_S, PLAYED_FPS = 5, 0.3, 60.0
LEAST_MM = 0.5
MEASURES = ("path_mm", "half_ms", "jerk", "arc")
Path2 = Callable[[np.ndarray], np.ndarray]
"""Shares of the time (T,) to ψ (T, E)."""


def courses(one: RealTransition, shares: np.ndarray, parts: np.ndarray) -> Path2:
    """The path of parts (R, E, E) by their shares (P, R) of the way."""
    way = parts @ (one.psi[-1] - one.psi[0])
    places = np.linspace(0, 1, len(shares))
    return lambda u: one.psi[0] + np.stack([np.interp(u, places, column) for column in shares.T], 1) @ way


def by_tracks(one: RealTransition, face: FaceModel, timing: TransitionTiming, whole: bool) -> Path2:
    """What the product plays: the timeline with a track for each part, or with the same course for all."""
    start, stop, seconds = one.psi[0], one.psi[-1], float(one.time_s[-1] - one.time_s[0])
    made = by_parts(np.stack([start, stop]), face, timing, seconds=[seconds], hold_s=0.0, fps=min(240.0, 400 / seconds))
    if whole:
        weight = timing.likeness(face, start, stop, seconds)
        inner, along = np.tensordot(weight, timing.inner, 1).sum(), np.tensordot(weight, timing.along, 1).sum(1)
        shares = np.maximum.accumulate(np.clip(along / inner, 0, 1))
        shares[0], shares[-1] = 0, 1
        return courses(one, shares[:, None], np.eye(face.coefficients)[None])
    time_s, psi = play(made, face.names)
    u = time_s / seconds
    return lambda at: np.stack([np.interp(at, u, column) for column in psi.T], 1)


def plain(one: RealTransition, share: Callable[[np.ndarray], np.ndarray]) -> Path2:
    way = one.psi[-1] - one.psi[0]
    return lambda u: one.psi[0] + share(u)[:, None] * way


def by_gaps(one: RealTransition, model: object, method: str, mean: np.ndarray) -> Path2:
    """The masked model given both ends, each held for five frames, with everything between them lost."""
    from dfe_core.gaps.series import LOST, SEEN, Stretch

    rate = (len(one.psi) - 1) / float(one.time_s[-1] - one.time_s[0])
    held = 5
    psi = np.concatenate([np.repeat(one.psi[:1], held, 0), one.psi[1:-1] * 0, np.repeat(one.psi[-1:], held, 0)]) - mean
    state = np.full(len(psi), SEEN)
    state[held : len(psi) - held] = LOST
    spread = model.straying  # type: ignore[attr-defined]
    stretch = Stretch(psi=psi.astype(np.float32), state=state, rate=rate, activity=1.0, spread=spread)
    found = model.predict(stretch, method)[held - 1 : len(psi) - held + 1] + mean  # type: ignore[attr-defined]
    at = np.linspace(0, 1, len(found))
    return lambda u: np.stack([np.interp(u, at, column) for column in found.T], 1)


def measured(one: RealTransition, path: Path2, face: FaceModel, factor: np.ndarray, parts: np.ndarray) -> list[float]:
    """The `MEASURES` of one predicted path."""
    seconds = float(one.time_s[-1] - one.time_s[0])
    u = (one.time_s - one.time_s[0]) / seconds
    predicted = path(u)
    error = np.linalg.norm((predicted - one.psi) @ factor, axis=1)[1:-1].mean()
    halves = []
    for part in parts:
        way = part @ (one.psi[-1] - one.psi[0]) @ factor
        if np.linalg.norm(way) >= LEAST_MM:
            times = [
                half_way((psi - one.psi[0]) @ part.T @ factor @ way / (way @ way), u) for psi in (predicted, one.psi)
            ]
            halves.append(abs(times[0] - times[1]) * seconds * 1e3)
    time = np.arange(-HOLD_S, seconds + HOLD_S, 1 / PLAYED_FPS)
    return [
        error,
        float(np.mean(halves)) if halves else np.nan,
        *smoothness(path((time / seconds).clip(0, 1)) @ factor),
    ]


def half_way(share: np.ndarray, u: np.ndarray) -> float:
    """Where a share of the way first passes one half, between frames linearly."""
    at = int(np.argmax(share >= 0.5))
    if at == 0:
        return float(u[0])
    low, high = share[at - 1], share[at]
    return float(u[at - 1] + (0.5 - low) / max(high - low, 1e-9) * (u[at] - u[at - 1]))


def smoothness(placed: np.ndarray) -> tuple[float, float]:
    """Logarithm of the dimensionless jerk, and spectral arc length, of (T, D) at `PLAYED_FPS`."""
    velocity = np.diff(placed, axis=0) * PLAYED_FPS
    speed = np.linalg.norm(velocity, axis=1)
    if speed.max() <= 0:
        return np.nan, np.nan
    jerk = np.diff(velocity, n=2, axis=0) * PLAYED_FPS**2
    seconds = len(speed) / PLAYED_FPS
    jerky = np.log((jerk**2).sum() / PLAYED_FPS * seconds**3 / speed.max() ** 2)
    spectrum = np.abs(np.fft.rfft(speed, 1024))
    spectrum, hertz = spectrum / spectrum[0], np.fft.rfftfreq(1024, 1 / PLAYED_FPS)
    inside = np.flatnonzero((hertz <= 10) & (spectrum >= 0.05))
    kept = slice(0, inside[-1] + 1)
    arc = -np.sqrt((np.diff(hertz[kept]) / hertz[kept][-1]) ** 2 + np.diff(spectrum[kept]) ** 2).sum()
    return float(jerky), float(arc)


def planted(face: FaceModel, people: int = 20, each: int = 40, seed: int = 0) -> list[RealTransition]:
    """Simulated: displays whose parts start and rise at times of their own, brows before the mouth in some and after in
    others, faster up than down, with a person's tempo, jitter and a tracker's noise."""
    displays = (
        (("AU12", "mouth"), ("AU6", "cheeks"), ("AU1", "brows")),
        (("AU4", "brows"), ("AU24", "mouth"), ("AU7", "eyes")),
        (("AU1", "brows"), ("AU2", "brows"), ("AU26", "mouth"), ("AU5", "eyes")),
        (("AU9", "cheeks"), ("AU10", "mouth"), ("AU4", "brows")),
        (("AU15", "mouth"), ("AU1", "brows"), ("AU4", "brows")),
    )
    plan = np.random.default_rng([seed, 999])
    onset = plan.uniform(0, 0.4, (len(displays), 2, len(PARTS)))
    rise = plan.uniform(0.35, 0.6, (len(displays), 2, len(PARTS)))
    bend = np.stack([np.full(len(displays), 1.3), np.full(len(displays), 0.7)], 1)
    found, names = [], list(PARTS)
    for person in range(people):
        rng = np.random.default_rng([seed, person])
        tempo, strength = np.exp(rng.normal(0, 0.15)), np.exp(rng.normal(0, 0.2))
        for _ in range(each):
            kind, falling = int(rng.integers(len(displays))), int(rng.integers(2))
            seconds = float(np.clip(0.8 * tempo * np.exp(rng.normal(0, 0.3)), 0.3, 3.0))
            time = np.linspace(0, 1, max(6, round(seconds * 30)))
            psi = np.zeros((len(time), face.coefficients))
            for action, part in displays[kind]:
                row = names.index(part)
                begin = float(np.clip(onset[kind, falling, row] + rng.normal(0, 0.04), 0, 0.6))
                length = float(np.clip(rise[kind, falling, row] + rng.normal(0, 0.04), 0.2, 1 - begin))
                share = minimum_jerk(((time - begin) / length).clip(0, 1) ** bend[kind, falling])
                share = 1 - share if falling else share
                psi += np.outer(share * min(1.0, 0.7 * strength), action_psi(face.names, action))
            psi = np.clip(psi + rng.normal(0, 0.005, psi.shape), 0, 1)
            found.append(
                RealTransition(
                    subject=f"p{person:02d}",
                    recording=f"p{person:02d}",
                    time_s=time * seconds,
                    psi=psi,
                    rest=np.zeros(face.coefficients),
                    rising=not falling,
                )
            )
    return found


def scores(
    transitions: Sequence[RealTransition], face: FaceModel, gaps: tuple[object, set[str], dict] | None, seed: int
) -> dict[str, dict[str, list[list[float]]]]:
    """By way and person, the measures of each transition."""
    factor, parts = face_factor(face), part_matrices(face)
    people = np.random.default_rng(seed).permutation(sorted({one.subject for one in transitions}))
    out: dict[str, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for fold in range(FOLDS):
        held = set(people[fold::FOLDS].tolist())
        timing = learn_timing([one for one in transitions if one.subject not in held], face)
        for one in (t for t in transitions if t.subject in held):
            if np.linalg.norm((one.psi[-1] - one.psi[0]) @ factor) < LEAST_MM:
                continue
            paths = {
                "linear": plain(one, lambda u: u),
                "minimum jerk": plain(one, minimum_jerk),
                "timing, whole face": by_tracks(one, face, timing, True),
                "timing, by parts": by_tracks(one, face, timing, False),
            }
            if gaps is not None and one.subject not in gaps[1]:
                mean = gaps[2].get(one.subject, np.zeros(face.coefficients))
                paths |= {f"gaps, {way}": by_gaps(one, gaps[0], way, mean) for way in ("network", "ridge")}
            for name, path in paths.items():
                out[name][one.subject].append(measured(one, path, face, factor, parts))
            real = [np.nan, np.nan, *smoothness(_upsampled(one) @ factor)]
            out["as recorded"][one.subject].append(real)
    return out


def _upsampled(one: RealTransition) -> np.ndarray:
    """The recorded frames at `PLAYED_FPS`, its ends held: with the tracker's noise."""
    time = np.arange(-HOLD_S, one.time_s[-1] - one.time_s[0] + HOLD_S, 1 / PLAYED_FPS)
    return np.stack([np.interp(time, one.time_s - one.time_s[0], column) for column in one.psi.T], 1)


def gap_model(dataset: Dataset, face: FaceModel, steps: int) -> tuple[object, set[str], dict]:
    """A fitted model of gaps, the people that it has seen, and each person's mean."""
    from dfe_core.expressions.split import split_dataset
    from dfe_core.gaps.settings import GapSettings
    from dfe_core.gaps.store import find_gap_model

    settings = GapSettings(steps=steps)
    model = find_gap_model(dataset, face, settings).model(face)
    split = split_dataset(dataset, settings.test_share, settings.calibration_share, settings.seed)
    owners = dict(zip(dataset.recordings["recording"], dataset.recordings["subject"].astype(str), strict=True))
    seen = {owners[name] for part in ("train", "validation") for name in split.recordings[part]}
    sums: dict[str, list] = defaultdict(list)
    for recording, subject in zip(dataset.recordings["recording"], dataset.recordings["subject"], strict=True):
        frames = dataset.frames(recording)
        if frames.valid.any():
            sums[str(subject)].append(frames.psi[frames.valid].mean(0))
    return model, seen, {name: np.mean(rows, 0) for name, rows in sums.items()}


def table(found: dict[str, dict[str, list[list[float]]]], seed: int) -> list[dict[str, object]]:
    """One row a way: means over people and their intervals; differences to linear interpolation over shared people."""
    rng = np.random.default_rng(seed)
    warnings.simplefilter("ignore", RuntimeWarning)  # means of measures that a way has not
    means = {way: {p: np.nanmean(rows, 0) for p, rows in by.items()} for way, by in found.items()}
    rows = []
    for way, by in means.items():
        people = sorted(by)
        values = np.array([by[p] for p in people])
        rival = np.array([means["linear"][p] for p in people])
        row: dict[str, object] = {"way": way, "people": len(people), "transitions": sum(map(len, found[way].values()))}
        draws = rng.integers(len(people), size=(2000, len(people)))
        for i, name in enumerate(MEASURES):
            row[name] = _with_interval(values[:, i], draws)
        row["against linear, mm"] = _with_interval(values[:, 0] - rival[:, 0], draws)
        rows.append(row)
    return rows


def _with_interval(values: np.ndarray, draws: np.ndarray) -> list[float]:
    if np.isnan(values).all():
        return [float("nan")] * 3
    drawn = np.nanmean(values[draws], 1)
    return [float(np.nanmean(values)), *np.nanquantile(drawn, (0.025, 0.975)).tolist()]


def markdown(rows: list[dict[str, object]]) -> str:
    lines = [
        "| path | people | path error, mm | against linear, mm | half-way error, ms | log jerk | spectral arc length |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            _cell(row[name], digits) for name, digits in (("path_mm", 3), ("against linear, mm", 3), ("half_ms", 0))
        ]
        cells += [_cell(row[name], 2, False) for name in ("jerk", "arc")]
        lines.append(f"| {row['way']} | {row['people']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: object, digits: int, interval: bool = True) -> str:
    mean, low, high = value  # type: ignore[misc]
    if np.isnan(mean):
        return "–"
    return f"{mean:.{digits}f}" + (f" [{low:.{digits}f}, {high:.{digits}f}]" if interval else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", help="datasets of the cache, or planted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gaps", action="store_true", help="with the model of gaps, which is fitted first")
    parser.add_argument("--steps", type=int, default=400, help="of training the model of gaps")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    out = {}
    for name in args.datasets:
        if name == "planted":
            face = open_face("anny")
            transitions, gaps = planted(face, seed=args.seed), None
        else:
            dataset = dfe.open_dataset(name)
            face = open_face(dataset.face_id)
            transitions = list(find_transitions(dataset, face))
            gaps = gap_model(dataset, face, args.steps) if args.gaps else None
        seconds = np.array([one.time_s[-1] - one.time_s[0] for one in transitions])
        out[name] = table(scores(transitions, face, gaps, args.seed), args.seed)
        print(
            f"\n{name}: {len(transitions):,} transitions, {np.median(seconds):.2f} s (median), seed {args.seed}\n\n"
            f"{markdown(out[name])}",
            flush=True,
        )
    if args.out:
        args.out.write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
