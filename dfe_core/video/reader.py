"""Extractions as recordings: a reader of videos, as `import_dataset` takes it, and the import itself."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dfe_core.artefact_names import DATASETS, MANIFEST
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_report import ImportReport
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.landmark_recording import IMAGE, point_track
from dfe_core.expressions.readers.arkit_columns import arkit_indices, arkit_recording
from dfe_core.expressions.readers.mediapipe import mediapipe_head_pose
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, from_rate
from dfe_core.expressions.validation import MISSING_VALUES
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path
from dfe_core.video.extra import load
from dfe_core.video.extraction import LEAST_S, Extraction, extract, is_done
from dfe_core.video.frames import ENDINGS, probe
from dfe_core.video.links import Box, Link, link
from dfe_core.video.pictures import is_picture, is_sequence, pictures_in
from dfe_core.video.tracking import jumps

_DEFAULT = ImportOptions()
_UNEVEN = 0.1  # frames whose steps spread by more of the usual one make a variable frame rate
_APART = "No two of the {count} faces are seen at once. Of one person who was away --faces 1 makes one recording."
_CROWDED = 0.05  # of the pictures; fewer may be slips of the detector
_SEVERAL = (
    "The face jumps to another place or size {count:,} times, first at {first:.2f} s: with --faces 1 other people seen "
    "count as the same person."
)
_NOT_FOLLOWED = (
    "The number of faces changes, so that MediaPipe places each in every frame instead of following it: scores are "
    "less exact. With one face, or --faces 1, it follows."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoReader:
    """Reads videos for `import_dataset`: a recording a face, over the whole time of the video.

    positions: hand over the 478 landmarks (for a learned face) in the place of the 52 scores.
    boxes: of every video that was read, where each of its recordings' faces nearly always is, and
        every time (`Link`).
    """

    model: Path
    faces: int = 4
    positions: bool = False
    root: Path | None = None
    progress: Listener = silent
    boxes: dict[Path, list[tuple[Box, Box]]] = field(default_factory=dict)
    FORMAT = "video"
    TITLE = "video through MediaPipe's Face Landmarker"
    MAX_BYTES = 1 << 40

    @staticmethod
    def folder_files(folder: Path) -> list[Path]:
        """The pictures of a folder that is one recording."""
        return pictures_in(folder)

    def read(self, path: Path, options: ReadOptions) -> list[Recording]:
        """One recording a face; frames in which it was not found are invalid. Raises `DataError` as `extract`."""
        found = extract(path, self.model, self.faces, self.root, self.progress)
        kept = found.faces()
        if not kept:
            raise DataError(path, f"no face for as long as {LEAST_S:g} s in all", "a longer video of a face")
        timing, notes = _sequence(path, found, options) if path.is_dir() else _timing(found)
        if left := found.left_out():
            notes = (*notes, f"{left} faces seen for less than {LEAST_S:g} s in all are left out.")
        shown = found.row_frame[np.concatenate(kept)]
        if len(kept) > 1 and len(np.unique(shown)) == len(shown):
            notes = (*notes, _APART.format(count=len(kept)))
        if not found.followed:
            notes = (*notes, _NOT_FOLLOWED)
        notes = (*notes, *_lost(found), *_crowd(found))
        self.boxes[path] = [(_box(found, rows), _box(found, rows, every=True)) for rows in kept]
        make = _positions if self.positions else _scores
        return [
            replace(make(path, found, rows, timing, notes), name=path.stem + (f"-face{i}" if len(kept) > 1 else ""))
            for i, rows in enumerate(kept)
        ]


def _lost(found: Extraction) -> tuple[str, ...]:
    """Of frames that the file says it has and that cannot be decoded."""
    if not (missing := found.missing_s()):
        return ()
    whole = found.told_s
    return (f"The file says {whole:.1f} s; its last {missing:.1f} s cannot be read: cut off or damaged.",)


def _crowd(found: Extraction) -> tuple[str, ...]:
    """Of faces beyond those asked for, and of one face that may be several people."""
    notes = []
    if found.crowded and len(found.time_s) == 1:
        notes.append(f"More than {found.most} faces in the picture: the largest are kept. --faces takes more.")
    elif found.crowded >= _CROWDED:
        notes.append(
            f"More than {found.most} faces in {100 * found.crowded:.0f}% of the pictures looked at: at most "
            f"{found.most} are kept in each. --faces takes more."
        )
    if found.most == 1:
        points, time_s = found.landmarks[:, :, :2], found.time_s[found.row_frame]
        far = jumps(np.concatenate([points.min(1), points.max(1)], axis=1), time_s)
        if len(far):
            notes.append(_SEVERAL.format(count=len(far), first=time_s[far[0]] - found.time_s[0]))
    return tuple(notes)


def _box(found: Extraction, rows: np.ndarray, every: bool = False) -> Box:
    """Left, top, right, bottom of where a face nearly always is, or `every` time, as shares of the picture."""
    step = 1 if every else max(1, len(rows) // 500)
    some = np.asarray(found.landmarks[rows[::step], :, :2]) / (found.width, found.height)
    tail = 0.0 if every else 0.05
    ends = (*np.quantile(some.min(1), tail, axis=0), *np.quantile(some.max(1), 1 - tail, axis=0))
    left, top, right, bottom = (round(float(np.clip(v, 0, 1)), 4) for v in ends)
    return left, top, right, bottom


def _sequence(path: Path, found: Extraction, options: ReadOptions) -> tuple[Timing, tuple[str, ...]]:
    """Of a folder of pictures. Raises `DataError` without a rate."""
    count = len(found.time_s)
    told = f"{count:,} pictures of a folder in the order of their numbers, as one sequence."
    return from_rate(count, options.fps, str(path)), (told,)


def _timing(found: Extraction) -> tuple[Timing, tuple[str, ...]]:
    time = found.time_s - found.time_s[0]
    steps = np.diff(time)
    usual = float(np.median(steps)) if len(steps) else 1 / found.fps
    uneven = len(steps) > 2 and float(np.quantile(steps, 0.95) - np.quantile(steps, 0.05)) > _UNEVEN * usual
    notes = (
        (f"Variable frame rate (steps of {1e3 * steps.min():.0f} to {1e3 * steps.max():.0f} ms), kept as it is.",)
        if uneven
        else ()
    )
    fps = len(steps) / max(float(time[-1]), 1e-9) if uneven or abs(usual * found.fps - 1) > 0.01 else found.fps
    return Timing(time_s=time, frame=np.arange(len(time), dtype=np.int64), fps=round(float(fps), 3)), notes


def _spread(values: np.ndarray, rows: np.ndarray, found: Extraction) -> np.ndarray:
    """(T, …) float32 of a face's rows, NaN in the frames without it."""
    out = np.full((len(found.time_s), *values.shape[1:]), np.nan, np.float32)
    out[found.row_frame[rows]] = values[rows]
    return out


def _beside(found: Extraction, rows: np.ndarray) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Head pose and confidence by column, and what to say of the frames without the face."""
    matrix = _spread(found.matrix, rows, found)
    pose = mediapipe_head_pose([None if np.isnan(m[0, 0]) else m for m in matrix])
    confidence = np.nan_to_num(_spread(found.confidence, rows, found))
    lost = len(found.time_s) - len(rows)
    told = (f"The face is not found in {lost:,} of {len(found.time_s):,} frames: they are gaps.",) if lost else ()
    return {**pose, "confidence": confidence}, told


def _scores(path: Path, found: Extraction, rows: np.ndarray, timing: Timing, notes: tuple[str, ...]) -> Recording:
    columns = arkit_indices(found.names, path)
    extras, told = _beside(found, rows)
    scores = found.scores[:, list(columns.values())]
    psi = _spread(scores, rows, found)
    recording = arkit_recording(path, psi, tuple(columns), timing, "mediapipe", extras, (*notes, *told))
    if not told:
        return recording
    return replace(recording, notes=tuple(note for note in recording.notes if MISSING_VALUES not in note))  # said above


def _positions(path: Path, found: Extraction, rows: np.ndarray, timing: Timing, notes: tuple[str, ...]) -> Recording:
    extras, told = _beside(found, rows)
    points = np.zeros((len(found.time_s), *found.landmarks.shape[1:]), np.float32)
    points[found.row_frame[rows]] = found.landmarks[rows]
    seen = np.zeros(len(points), bool)
    seen[found.row_frame[rows]] = True
    return point_track(path, points, timing, "mediapipe", IMAGE, valid=seen, extras=extras, notes=(*notes, *told))


def find_videos(sources: Sequence[str | Path], *, pictures: bool = False, stills: bool = False) -> list[Path]:
    """Files as named, and the videos inside folders, by name. Raises `DataError` for a folder without any.

    pictures: of a folder without a video take the pictures: each folder of numbered pictures as one sequence, other
    pictures, and with `stills` all, by themselves.
    """
    found: dict[str, Path] = {}
    for source in map(Path, sources):
        inside = (
            sorted(
                p
                for p in source.rglob("*")
                if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file()
            )
            if source.is_dir()
            else [source]
        )
        inside = inside or (_pictures_below(source, stills) if pictures else [])
        if not inside:
            raise DataError(source, "no videos in this folder", ", ".join(ENDINGS[:5]) + " …, or pictures")
        for path in inside:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _pictures_below(folder: Path, stills: bool) -> list[Path]:
    """Folders that are sequences, and single pictures, in a folder and below it."""
    found: list[Path] = []
    for where in sorted({folder, *(p.parent for p in folder.rglob("*") if is_picture(p))}):
        pictures = pictures_in(where)
        found += [where] if pictures and not stills and is_sequence(pictures) else pictures
    return found


@audited("extract", DATASETS)
def extract_dataset(
    sources: Sequence[str | Path],
    model: str | Path,
    name: str,
    options: ImportOptions = _DEFAULT,
    *,
    faces: int = 4,
    jobs: int = 1,
    root: Path | None = None,
    progress: Listener = silent,
) -> ImportReport:
    """Videos, pictures, or folders of them, through the landmarker into a dataset; parameters as `import_dataset` and
    `extract`.

    options: with the face ``learn`` (or a learned one) the 478 landmarks make ψ, else the 52 scores.
        A folder of numbered pictures needs `options.fps`; with `options.stills` each picture is a recording of one
        frame.
    jobs: processes that run beside each other, one video each.

    Videos that were extracted before are not run again, so that the same command goes on after it was interrupted.
    Which video each recording is of is written beside the dataset (`links`).
    Raises `DataError` as they do; a video that fails is skipped and named in the report.
    """
    videos, model = find_videos(sources, pictures=True, stills=options.stills), Path(model)
    if not model.is_file():
        raise DataError(model, "no such file", "MediaPipe's face_landmarker.task")
    if (artefact_path("datasets", name, root) / MANIFEST).is_file():
        raise DataError(name, "a dataset of this name exists", f"another name, or `dfe rm {name}` first")
    if options.fps is None and (folder := next((one for one in videos if one.is_dir()), None)):
        raise DataError(
            folder, "numbered pictures, and no frame rate", "--fps RATE, or --stills for one recording each"
        )
    _extract_all(videos, model, faces, jobs, root, progress)
    reader = VideoReader(model=model, faces=faces, positions=options.learned, root=root)
    report = import_dataset(
        videos,
        name,
        options,
        reader=reader,
        root=root,
        progress=progress,
    )
    _link(Dataset.open(name, root), videos, report, reader)
    return report


def _link(dataset: Dataset, videos: list[Path], report: ImportReport, reader: VideoReader) -> None:
    """Remember the videos of the recordings. Sources are in the order of the videos that were not skipped."""
    left_out = {path for path, _ in report.skipped}
    taken = [video for video in videos if video not in left_out]
    found = {
        name: Link(video=video, box=boxes[0], reach=boxes[1])
        for video, source in zip(taken, dataset.manifest["sources"], strict=True)
        for name, boxes in zip(source["recordings"], reader.boxes[video], strict=True)
        if video.is_file() and not is_picture(video)
    }
    if found:
        link(dataset, found)


def _extract_all(videos: list[Path], model: Path, faces: int, jobs: int, root: Path | None, progress: Listener) -> None:
    """Run what is not done yet; progress counts the frames of all. Failures come up again, with names, on import."""
    todo, total = [], 0
    if not all(is_done(video, model, faces, root) for video in videos if video.exists()):
        load("mediapipe")
    for video in videos:
        try:
            if not is_done(video, model, faces, root):
                frames = max(1, probe(video).frames)
                todo.append((video, frames))
                total += frames
        except DataError:
            continue
    done = 0
    if jobs <= 1 or len(todo) <= 1:
        for video, frames in todo:
            _try_extract(video, model, faces, root, _counted(progress, done, total))
            done += frames
        return
    progress(Progress(task="extract", done=0, total=total))  # the time left counts from here, not from the first result
    with ProcessPoolExecutor(min(jobs, len(todo)), multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_try_extract, video, model, faces, root): (video, frames) for video, frames in todo}
        for future in as_completed(waiting):
            future.result()
            video, frames = waiting[future]
            done += frames
            progress(Progress(task="extract", done=done, total=total, detail=video.name))


def _counted(progress: Listener, before: int, total: int) -> Listener:
    return lambda p: progress(Progress(task="extract", done=min(before + p.done, total), total=total, detail=p.detail))


def _try_extract(video: Path, model: Path, faces: int, root: Path | None, progress: Listener = silent) -> None:
    """Extract, or leave the failure for the import to tell."""
    try:
        extract(video, model, faces, root, progress)
    except DataError:
        return
