"""Whose each row of a table is: one rule for landmarks, coefficients and AUs.

Rows of one moment are several faces, or one face and false detections. They are told apart by the file's own numbers
where it has them and those stay with one place, else by where the faces are, else not at all: such a file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dfe_core.errors import DataError
from dfe_core.expressions.readers.column_names import FACES, PEOPLE, SOURCES, column_of
from dfe_core.expressions.readers.face_tracks import follow_faces
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.timing import FEW
from dfe_core.expressions.validation import DECIMALS_LOST, without_decimals

LEAST_FRAMES = 10
"""A face of a file with several that is seen in fewer frames is a slip of the detector and left out."""
GHOST_SCORE = 0.2
"""A second face whose usual score is so much below the first one's, and that is seen in less than `GHOST_SHARE` of its
frames, is a false detection."""
GHOST_SHARE = 0.25
SWAPS = 0.01
"""Share of moments in which numbers and places may disagree before the numbers are not believed."""
_SHORTER = 3.0  # times as far as faces that are followed, before the file's numbers are not believed
_STILL = 20.0  # usual steps of a face from one frame to the next, within which two rows are of one place
_PLACES = (
    ("facerectx", "facerecty"),
    ("pose_tx", "pose_ty", "pose_tz"),
    ("x_30", "y_30"),
    ("x_0", "y_0"),
    ("lm_mp_1_x", "lm_mp_1_y"),
    ("face_x", "face_y"),
)
_SCORES = ("facescore", "confidence", "face_confidence", "score")


@dataclass(frozen=True, kw_only=True)
class FaceColumns:
    """Columns that tell whose a row is: the file's own number, the source (video or picture) it is of, the place of
    the face (two or three columns, or none), the detector's score, and the person's name."""

    ids: int | None
    source: int | None
    places: tuple[int, ...]
    score: int | None
    person: int | None = None

    @property
    def numbers(self) -> list[int]:
        return [*self.places, *([] if self.score is None else [self.score])]

    @property
    def texts(self) -> list[int]:
        return [i for i in (self.ids, self.source, self.person) if i is not None]


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceRows:
    """One face: what is added to the file's name, its own name (``0``, or what the file calls it; empty where it is the
    only one), the source it is of (empty where all rows are of one), its rows (T,) in the file's order, and the person
    where the file names one."""

    suffix: str
    name: str
    source: str
    rows: np.ndarray
    subject: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Table:
    """What tells the faces of a table apart: its columns, their data, the moments of its rows, and what was asked."""

    columns: FaceColumns
    data: Mapping[int, Any]
    moments: np.ndarray | None
    options: ReadOptions
    path: Path


def _columns_of(header: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """The columns of all these names; none where one is missing."""
    found = tuple(i for name in names if (i := column_of(header, (name,))) is not None)
    return found if len(found) == len(names) else ()


def face_columns(header: Sequence[str]) -> FaceColumns:
    """The columns of a header that tell whose a row is."""
    places = next((found for names in _PLACES if (found := _columns_of(header, names))), ())
    return FaceColumns(
        ids=column_of(header, FACES),
        source=column_of(header, SOURCES),
        places=places,
        score=column_of(header, _SCORES),
        person=column_of(header, PEOPLE),
    )


def faces_of(
    columns: FaceColumns,
    data: Mapping[int, Any],
    moments: np.ndarray | None,
    rows: int,
    options: ReadOptions,
    path: Path,
) -> tuple[list[FaceRows], tuple[str, ...]]:
    """The faces of a table, most rows first where the file numbers them, and notes on what was decided.

    moments: (T,) what rows of one moment share, as `Clocks.moments` has it.

    Faces that nothing tells apart are left together: the rules of time refuse them. Raises `DataError` for a face index
    that is not there, and for pictures of which each is another (stills).
    """
    table = _Table(columns=columns, data=data, moments=moments, options=options, path=path)
    people = _people(columns, data, rows)
    if len(people) < 2:
        found, notes = _of_sources(table, np.arange(rows))
    else:
        found, notes = [], (f"{len(people)} people in one table: a recording each, or more.",)
        for name, mine in people:
            part, told = _of_sources(table, mine)
            found += [replace(face, suffix=f"-{name}{face.suffix}", subject=name) for face in part]
            notes += told
    if len(people) == 1:
        found = [replace(face, subject=people[0][0]) for face in found]
    return found, tuple(dict.fromkeys(notes))


def _people(columns: FaceColumns, data: Mapping[int, Any], rows: int) -> list[tuple[str, np.ndarray]]:
    """Each person's name and rows, where a column names people: the same name over many rows, and no mere number in a
    column that may count them."""
    if columns.person is None:
        return []
    names, code = _coded(data[columns.person])
    if len(names) * LEAST_FRAMES > rows or "" in names or all(re.fullmatch(r"[\d.]+", name) for name in names):
        return []
    return [(names[i], np.flatnonzero(code == i)) for i in dict.fromkeys(code.tolist())]


def _of_sources(table: _Table, rows: np.ndarray) -> tuple[list[FaceRows], tuple[str, ...]]:
    """The faces of some rows, apart for every video that they are of."""
    source = table.columns.source
    names, code = ([""], np.zeros(len(rows), int)) if source is None else _coded(table.data[source], rows)
    if table.options.stills:
        return _stills(names, code, rows)
    if len(names) < 2:
        return _of_one_source(table, rows, "")
    if len(names) > FEW * len(rows) and np.median(np.bincount(code)) < 2:
        return _pictures(names, code, rows, table.path)
    found: list[FaceRows] = []
    notes: tuple[str, ...] = (f"{len(names)} sources in one table: a recording each.",)
    for i in dict.fromkeys(code.tolist()):
        part, told = _of_one_source(table, rows[code == i], source_stem(names[i]))
        found += part
        notes += told
    return found, notes


def _pictures(
    names: list[str], code: np.ndarray, rows: np.ndarray, path: Path
) -> tuple[list[FaceRows], tuple[str, ...]]:
    """Rows of a picture each: a sequence where the pictures are numbered and named alike. Raises `DataError` else."""
    stems = {re.sub(r"\d+$", "", source_stem(name)) for name in names}
    if len(stems) == 1 and len(names) == len(rows):
        return [FaceRows(suffix="", name="", source="", rows=rows)], (
            f"Pictures {source_stem(names[code[0]])} to {source_stem(names[code[-1]])}: taken as one sequence.",
        )
    raise DataError(
        path,
        f"{len(names)} pictures of different names, a row each: stills and no recording",
        "a video, or pictures numbered in order; --stills takes each as a recording of one frame",
    )


def _stills(names: list[str], code: np.ndarray, rows: np.ndarray) -> tuple[list[FaceRows], tuple[str, ...]]:
    """Each row as a recording of its own, named after its picture; several faces of a picture by their number."""
    found = []
    for i in dict.fromkeys(code.tolist()):
        mine, picture = rows[code == i], source_stem(names[i])
        before = f"-{picture}" if picture else ""
        for number, row in enumerate(mine):
            suffix, face = (f"{before}-face{number}", str(number)) if len(mine) > 1 else (before, "")
            found.append(FaceRows(suffix=suffix, name=face, source=picture, rows=np.array([row])))
    return found, (f"{len(found)} still picture{'s' if len(found) > 1 else ''}: a recording of one frame each.",)


def _of_one_source(table: _Table, rows: np.ndarray, source: str) -> tuple[list[FaceRows], tuple[str, ...]]:
    columns, data, moments = table.columns, table.data, table.moments
    names, code = ([""], np.zeros(len(rows), int)) if columns.ids is None else _coded(data[columns.ids], rows)
    notes: tuple[str, ...] = ()
    numbered = len(names) > 1
    places = np.stack([data[i][rows] for i in columns.places], 1).astype(np.float64) if columns.places else None
    when = None if moments is None else moments[rows]
    if places is not None and when is not None and len(np.unique(when)) < len(when):
        owners = _followed(when, places)
        if (
            numbered
            and _path(places, code) > _SHORTER * _path(places, owners)
            and (told := _swaps(owners, code, when)) > SWAPS
        ):
            notes = (
                f"The file's face numbers change places in {told:.0%} of the rows of several faces: faces are "
                "followed by where they are.",
            )
        if notes or (not numbered and not _one_place(owners, when, places)):
            names, code = [str(i) for i in range(owners.max() + 1)], owners
    found, remarks = _chosen(table, rows, names, code, numbered and not notes)
    before = f"-{source}" if source else ""
    return [replace(face, suffix=before + face.suffix, source=source) for face in found], (*notes, *remarks)


def _chosen(
    table: _Table, rows: np.ndarray, names: list[str], code: np.ndarray, numbered: bool
) -> tuple[list[FaceRows], tuple[str, ...]]:
    """The faces to keep: those asked for, else all but slips and false detections."""
    count = np.bincount(code, minlength=len(names))
    order = [int(i) for i in np.argsort(-count, kind="stable") if count[i]]
    wanted = table.options.face_index
    if wanted is not None and len(order) > 1:
        if not 0 <= wanted < len(names):
            raise DataError(table.path, f"no face number {wanted}", f"0 to {len(names) - 1}")
        order = [wanted]
    ghosts = _ghosts(code, order, table.columns, table.data, rows)
    kept = [i for i in order if count[i] >= LEAST_FRAMES and i not in ghosts] or [order[0]]
    left = [f"face {names[i]} ({count[i]} frames)" for i in order if i not in kept and i not in ghosts]
    notes: tuple[str, ...] = (
        (f"Left out, seen in fewer than {LEAST_FRAMES} frames: {', '.join(left)}.",) if left else ()
    )
    lost = sum(int(count[i]) for i in ghosts)
    notes += (f"{lost:,} false detections (a second face of low score) left out.",) if lost else ()
    if len(kept) > 1 and not numbered:
        notes += (f"{len(kept)} faces, distinguished by where they are.",)
    several = len(kept) > 1
    kept = kept if numbered else sorted(kept)
    label = {i: names[i].removesuffix(".0") if several else "" for i in kept}
    return [
        FaceRows(suffix=f"-face{label[i]}" if several else "", name=label[i], source="", rows=rows[code == i])
        for i in kept
    ], notes


def _ghosts(
    code: np.ndarray, order: list[int], columns: FaceColumns, data: Mapping[int, Any], rows: np.ndarray
) -> set[int]:
    """Faces that are false detections by their score and how seldom they are seen, beside the one seen most."""
    if columns.score is None or len(order) < 2:
        return set()
    score = data[columns.score][rows]
    usual = {i: float(np.nanmedian(score[code == i])) if np.isfinite(score[code == i]).any() else 0.0 for i in order}
    count = {i: int((code == i).sum()) for i in order}
    first = order[0]
    return {i for i in order[1:] if usual[i] <= usual[first] - GHOST_SCORE and count[i] < GHOST_SHARE * count[first]}


def check_scores(columns: FaceColumns, data: Mapping[int, np.ndarray], path: Path) -> None:
    """Raise `DataError` where the detector's scores, which are shares, are whole numbers above 1: a spreadsheet took
    the decimal points, and every other number is wrong too."""
    if columns.score is None:
        return
    score = data[columns.score]
    score = score[np.isfinite(score)]
    if len(score) and score.max() > 1.5 and without_decimals(score):
        raise DataError(
            path,
            f"confidence up to {score.max():g} where 1 is the most: {DECIMALS_LOST}",
            "the file as the tool wrote it",
        )


def _coded(values: pa.Array, rows: np.ndarray | None = None) -> tuple[list[str], np.ndarray]:
    """Distinct values of a text column as text, and (T,) the index of each row's."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kinds = pc.dictionary_encode(pc.fill_null(pc.cast(values, pa.string()), ""))
    if isinstance(kinds, pa.ChunkedArray):
        kinds = kinds.combine_chunks()
    names, code = np.unique(np.array(kinds.dictionary.to_pylist(), str), return_inverse=True)
    code = code[kinds.indices.to_numpy()]
    if rows is not None:
        here, code = np.unique(code[rows], return_inverse=True)
        names = names[here]
    return names.tolist(), code


def _followed(when: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(T,) number of the face of each row, followed from moment to moment by its place."""
    order = np.argsort(when, kind="stable")
    starts = np.flatnonzero(np.diff(when[order], prepend=np.nan))
    groups = np.split(order, starts[1:])
    deep = np.pad(np.nan_to_num(places), ((0, 0), (0, 3 - places.shape[1])))
    out = np.zeros(len(when), int)
    for group, own in zip(groups, follow_faces([deep[group] for group in groups]), strict=True):
        out[group] = own
    return out


def _path(places: np.ndarray, code: np.ndarray) -> float:
    """Mean way of a face from one of its rows to the next."""
    steps = [np.linalg.norm(np.diff(places[code == i], axis=0), axis=1) for i in range(code.max() + 1)]
    return float(np.nanmean(np.concatenate(steps))) if any(map(len, steps)) else 0.0


def _one_place(owners: np.ndarray, when: np.ndarray, places: np.ndarray) -> bool:
    """Whether the rows of a moment lie as near to each other as one face is to itself a few frames later: repeats."""
    first = np.flatnonzero(owners == owners[0])
    steps = np.linalg.norm(np.diff(places[first], axis=0), axis=1)
    order = np.lexsort((owners, when))
    apart = np.linalg.norm(np.diff(places[order], axis=0), axis=1)[np.diff(when[order]) == 0]
    return bool(np.nanmedian(apart) <= _STILL * np.nanmedian(steps)) if len(steps) and len(apart) else True


def _swaps(owners: np.ndarray, code: np.ndarray, when: np.ndarray) -> float:
    """The share of moments with several faces in which numbers and places tell them apart differently."""
    from scipy.optimize import linear_sum_assignment

    together = np.zeros((owners.max() + 1, code.max() + 1), int)
    np.add.at(together, (owners, code), 1)
    mine, theirs = linear_sum_assignment(-together)
    as_number = np.full(owners.max() + 1, -1)
    as_number[mine] = theirs
    wrong = as_number[owners] != code
    moments, count = np.unique(when, return_counts=True)
    several = np.isin(when, moments[count > 1])
    return float(wrong[several].mean()) if several.any() else 0.0


def source_stem(source: str) -> str:
    """The recording that a path names, whichever system wrote it."""
    return PurePosixPath(PureWindowsPath(source).as_posix()).stem
