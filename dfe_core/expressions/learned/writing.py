"""The dataset on the learned face, with the figures of what was learned and what was removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.import_job import LEARN, ImportJob
from dfe_core.expressions.landmark_recording import PointTrack
from dfe_core.expressions.learned.tracks import CHUNK, Correction, LandmarkTrack, LearnedJob, LearnedResult, deepened
from dfe_core.expressions.normalised_error import normaliser_of, normaliser_sentence
from dfe_core.expressions.pose_field import HALF_WEIGHT_S, RIDGE
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.resample import resample
from dfe_core.expressions.split import Split
from dfe_core.faces.learned import Basis
from dfe_core.faces.model import SIDES, FaceModel
from dfe_core.progress import Progress


def write(job: ImportJob, learned: LearnedJob, result: LearnedResult) -> None:
    """Project every recording and write ``datasets/<name>``."""
    lost: dict[str, tuple[float, float, int]] = {}
    split, basis, model = result.split, result.basis, result.model
    parts = {} if split.by == "time" else {name: part for part, names in split.recordings.items() for name in names}
    total = len(learned.tracks)
    with open_writer(job.name, model.names, job.root) as writer:
        for done, track in enumerate(learned.tracks):
            job.progress(Progress(task="write", done=done, total=total, detail=track.name))
            psi, missed, off = _project(track, basis)
            part = parts.get(track.name, "all")
            lost[part] = tuple(np.add(lost.get(part, (0.0, 0.0, 0)), (missed, off, int(track.valid.sum()))))
            recording: Recording = _finished(track, psi, model)
            if job.options.fps is not None:
                recording = resample(recording, job.options.fps)
            writer.add(recording, job.labels.of(recording.name, recording.subject))
            job.add_imported(recording)
        figures = {**_figures(learned, result, lost), "pose_correction": _pose_figures(result.corrected)}
        job.notes += [*job.labels.unused(), *_sentences(figures, split), *_pose_sentences(figures["pose_correction"])]
        settings = {"face": job.options.face, "pose_correction": job.options.pose_method}
        writer.close(job.manifest(model.id, settings, learned=figures))
    job.progress(Progress(task="write", done=total, total=total))


def _project(track: LandmarkTrack, basis: Basis) -> tuple[np.ndarray, float, float]:
    """(T, E) ψ, zero where invalid, and sums over valid frames: of the mean squared miss of a point, m², and of the
    mean miss, m."""
    rows = np.flatnonzero(track.valid)
    psi, missed, off = np.zeros((len(track.valid), len(basis.share)), np.float32), 0.0, 0.0
    step = max(1, CHUNK // len(track.head.names))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        moved = deepened(track.frames(part))
        psi[part] = basis.project(moved)
        again = psi[part].astype(np.float64) @ basis.fields.reshape(len(basis.fields), -1)
        squares = ((moved - again.reshape(moved.shape)) ** 2).sum(2)
        missed += float(squares.sum()) / moved.shape[1]
        off += float(np.sqrt(squares).sum()) / moved.shape[1]
    return psi, missed, off


def _finished(track: LandmarkTrack, psi: np.ndarray, model: FaceModel) -> PointTrack:
    slips = (f"{track.slips:,} frames that fit no pose of the head are marked invalid.",) if track.slips else ()
    return replace(track.head, names=model.names, psi=psi, valid=track.valid, notes=(*track.head.notes, *slips))


def _figures(job: LearnedJob, result: LearnedResult, lost: dict[str, tuple[float, float, int]]) -> dict[str, Any]:
    """What was learned and removed, for the manifest."""
    head, frame, basis = job.tracks[0].head, result.frame, result.basis
    length = normaliser_of(result.model.template, job.layout, job.normaliser)
    return {
        "points": len(head.names) // head.dimensions,
        "subjects": len(job.neutrals),
        "dimensions": head.dimensions,
        "layout": job.layout.name if job.layout else None,
        "regions": _regions(job, result.model),
        "stable_points": frame.stable.tolist(),
        "scaled_poses": frame.scaled,
        "scale": sorted({t.scale.why for t in job.tracks})[:20],
        "variance": job.ledger.shares(),
        "components": len(basis.share),
        "variance_kept": float(basis.share.sum()),
        "component_shares": basis.share.tolist(),
        "learned_frames": basis.frames,
        "learned_from": result.split.recordings["train"] if job.face == LEARN else [],
        "mirrored_frames_learned": basis.symmetric,
        "missed_mm": {part: 1e3 * float(np.sqrt(total / count)) for part, (total, _, count) in lost.items() if count},
        "missed_nme": {part: float(off / count) / length.length_m for part, (_, off, count) in lost.items() if count},
        "normaliser": length.facts,
    }


def _regions(job: LearnedJob, model: FaceModel) -> dict[str, Any] | None:
    """What the lab's table said: its file, and the points of each region and side."""
    if job.table is None:
        return None
    regions, sides = (np.bincount(codes).tolist() for codes in (model.regions, model.sides))
    return {
        "table": Path(job.table.source).name,
        "points": {model.region_names[code]: count for code, count in enumerate(regions) if count},
        "sides": {SIDES[code]: count for code, count in enumerate(sides) if count},
    }


def _sentences(figures: dict[str, Any], split: Split) -> list[str]:
    variance = figures["variance"]
    removed = ", ".join(
        f"{name} {variance[name]:.1%} ({variance[name + '_mm']:.2f} mm)" for name in ("pose", "identity", "expression")
    )
    missed = ", ".join(f"{part} {mm:.2f} mm" for part, mm in figures["missed_mm"].items())
    lines = [
        f"Of the variance of the points as read: {removed}; the head's rigid motion and identity are removed.",
        f"{figures['components']} components; what they miss, root mean square a point: {missed}.",
    ]
    shares = ", ".join(f"{part} {share:.2%}" for part, share in figures["missed_nme"].items())
    lines.append(f"Normalised mean error: {shares} of {normaliser_sentence(figures['normaliser'])}.")
    if said := figures["regions"]:
        counts = "; ".join(", ".join(f"{k} {n}" for k, n in said[part].items()) for part in ("points", "sides"))
        lines.append(f"Points of each region and side, by {said['table']}: {counts}.")
    if figures["subjects"] == 1:
        lines.append("One subject: identity cannot be separated from rest, and is no part of the variance.")
    if figures["learned_from"]:
        lines.append(
            f"The basis holds {figures['variance_kept']:.1%} of the variance of {figures['learned_frames']:,}"
            f" frames, {split.sentence()}."
        )
    if figures["dimensions"] == 2:
        lines.append(
            "2-D points: shift, scale and roll of the head are removed, its turning and nodding are not, and "
            "millimetres are relative to an average face."
        )
    return lines


def _pose_figures(corrected: Correction) -> dict[str, Any]:
    """What the correction for head pose did, medians over subjects."""

    def median(values: Iterable[float]) -> float | None:
        known = list(values)
        return float(np.median(known)) if known else None

    return {
        "method": corrected.method,
        "why_not": corrected.why_not,
        "pose": list(corrected.source),
        "protected": list(corrected.protected),
        "ridge": RIDGE,
        "half_weight_s": HALF_WEIGHT_S,
        "leak_before": median(one.leak for one in corrected.before.values()),
        "leak_after": median(one.leak for one in corrected.after.values()),
        "quiet_frames": median(corrected.quiet.values()),
        "own_weight": median(corrected.own.values()),
        "removed_mm": median(corrected.removed_mm.values()),
        "subjects": len(corrected.own),
    }


def _pose_sentences(figures: dict[str, Any]) -> list[str]:
    if figures["method"] == "none":
        return ["What head pose adds to the points' displacement is not taken off (--pose-correction none)."]
    if figures["why_not"]:
        return [f"What head pose adds to the points' displacement is not taken off: {figures['why_not']}."]
    lines = [
        "A field of head pose, fitted without labels on each subject's own quiet frames and mixed with the "
        f"training subjects' mean, is taken off (median {figures['removed_mm']:.2f} mm a point); it leaves "
        f"{', '.join(figures['protected'])} as they were."
    ]
    if figures["leak_before"] is not None and figures["leak_after"] is not None:
        lines.append(
            f"Pose leak of the points before it {figures['leak_before']:.2f}, after it "
            f"{figures['leak_after']:.2f}, measured on the frames that it was fitted on."
        )
    return lines
