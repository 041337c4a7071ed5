"""JSON of ARKit coefficients: frames as a list of mappings, a mapping of lists, or names and weights (BEAT)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.column_names import FRAMES, TIMES
from dfe_core.expressions.readers.json_file import LISTS, first_key, json_numbers, load_frames, rate
from dfe_core.expressions.readers.options import ROWS, ReadOptions, TimeColumn
from dfe_core.expressions.readers.packed_list import batches
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, column_seconds, from_frames, from_rate, from_times
from dfe_core.expressions.validation import as_float32

FORMAT = "arkit-json"
TITLE = "JSON of ARKit coefficients"
_HOLDERS = tuple(
    """
    frames data samples results blendshapes face_blendshapes faceblendshapes coefficients weights values
    facedata anchors
    """.split()
)


_SIDED = {
    "browLower": "browDown",
    "outerBrowRaiser": "browOuterUp",
    "eyesClose": "eyeBlink",
    "eyesUpperLidRaiser": "eyeWide",
    "squint": "eyeSquint",
    "cheekRaiser": "cheekSquint",
    "noseWrinkler": "noseSneer",
    "dimpler": "mouthDimple",
    "lipCornerPuller": "mouthSmile",
    "lipCornerDepressor": "mouthFrown",
    "lipStretcher": "mouthStretch",
    "upperLipRaiser": "mouthUpperUp",
    "lowerLipDepressor": "mouthLowerDown",
}
_A2F = {f"{theirs}{side[0]}": f"{ours}{side}" for theirs, ours in _SIDED.items() for side in ("Left", "Right")} | {
    "jawDrop": "jawOpen",
    "jawThrust": "jawForward",
    "jawSlideLeft": "jawLeft",
    "jawSlideRight": "jawRight",
    "mouthSlideLeft": "mouthLeft",
    "mouthSlideRight": "mouthRight",
    "chinRaiser": "mouthShrugLower",
    "pucker": "mouthPucker",
    "funneler": "mouthFunnel",
}
"""Audio2Face's older set of 46 names to ARKit's, where one shape answers to one. Its brows' inner ends and cheeks have
sides, its looks and lips none, so that eleven are passed over."""


class _Frames(NamedTuple):
    """values (T, C) float32 of columns `names`; times (T,) with their key, or frame numbers (T,), where given."""

    names: list[str]
    values: np.ndarray
    times: np.ndarray | None = None
    time_key: str = ""
    frames: np.ndarray | None = None


def sniff(path: Path, head: bytes) -> str | None:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    words = re.findall(rb'"([A-Za-z_ .]{3,40})"', head)
    if b'"facsNames"' in head:
        return "Audio2Face's facsNames"
    if arkit_count([word.decode("ascii") for word in words]) >= LEAST:
        return "the ARKit names in its JSON"
    return None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the file has them, else the file's frame rate, else --fps."""
    content = load_frames(path)
    times = TIMES if options.time is None else (options.time.column.lower(),)
    found = _frames(content, str(path), times)
    columns = arkit_indices(found.names, path)
    stated = rate(content, str(path))
    made_by = "audio2face" if isinstance(content, Mapping) and "facsNames" in content else "arkit"
    del content  # as large as what is made of it
    timing, told = _timing(found, stated if stated is not None else options.fps, str(path), options.time)
    told += _passed_over(found.names)
    values = found.values[:, list(columns.values())]
    del found
    presumed = options.extractor is None and made_by == "arkit"
    made_by = options.extractor or made_by
    return [arkit_recording(path, values, tuple(columns), timing, made_by, notes=told, presumed=presumed)]


def _passed_over(names: Sequence[str]) -> tuple[str, ...]:
    other = [name for name in names if not arkit_count([name])]
    return (
        (
            f"{len(other)} names that are none of ARKit's are passed over: {', '.join(other[:4])}"
            f"{' …' if len(other) > 4 else ''}.",
        )
        if other
        else ()
    )


def _frames(content: Any, where: str, times: Sequence[str]) -> _Frames:
    """The frames of a file. times: lower-case keys that may hold the times, the first that is there."""
    if isinstance(content, Mapping):
        if isinstance(content.get("facsNames"), LISTS):  # NVIDIA Audio2Face
            content = {
                **content,
                "names": [_A2F.get(name, name) for name in content["facsNames"]],
                "frames": content.get("weightMat"),
            }
        if isinstance(content.get("names"), LISTS):
            return _named_weights(content, where, times)
        if arkit_count(list(map(str, content))) >= LEAST:
            return _lists(content, content, where, times)
        holder = first_key(content, _HOLDERS)
        if holder is None:
            raise DataError(where, f"JSON with the keys {_keys(content)}", "frames of ARKit coefficients")
        inner = content[holder]
        if isinstance(inner, dict) and arkit_count(list(map(str, inner))) >= LEAST:
            return _lists(inner, content, where, times)
        content = inner
    if not isinstance(content, LISTS) or not content:
        raise DataError(
            where,
            "no list of frames" if not isinstance(content, LISTS) else "an empty list",
            "frames of ARKit coefficients",
        )
    return _list(content, where, times)


def _named_weights(content: Mapping[str, Any], where: str, time_keys: Sequence[str]) -> _Frames:
    """``{"names": […], "frames": [{"weights": […], "time": t}, …]}``, or a table of weights beside the names."""
    names = [str(name) for name in content["names"]]
    frames = content.get(first_key(content, ("frames", "weights", "values", "coefficients", "blendshapes")) or "")
    if not isinstance(frames, LISTS) or not frames:
        raise DataError(where, "names without frames", "frames of weights")
    if isinstance(frames[0], Mapping):
        key = first_key(frames[0], ("weights", "values", "coefficients"))
        if key is None:
            raise DataError(f"{where}, frame 1", f"the keys {_keys(frames[0])}", "weights")
        rows = (_column(batch, key, where, first) for batch, first in _numbered(frames))
        found = _Frames(names, _matrix(rows, len(frames), where), *_clock_of(frames, where, time_keys))
    else:
        time = first_key(content, time_keys)
        times = json_numbers(content[time], f"{where}, {time}", 1) if time else None
        found = _Frames(names, _matrix(batches(frames), len(frames), where), times, time or "")
    if found.values.shape[1] != len(names):
        raise DataError(where, f"{found.values.shape[1]} weights a frame", f"{len(names)}, one a name")
    return found


def _numbered(frames: Sequence[Any]) -> Iterator[tuple[Sequence[Any], int]]:
    """Batches of frames, each with the number of its first one from 0."""
    first = 0
    for batch in batches(frames):
        yield batch, first
        first += len(batch)


def _matrix(batches_of_rows: Iterable[Sequence[Any]], count: int, where: str) -> np.ndarray:
    """(count, C) float32 of rows of numbers that come in batches, columns together as they are used."""
    out: np.ndarray | None = None
    row = 0
    for rows in batches_of_rows:
        values = json_numbers(rows, where, 2)
        if out is None:
            out = np.empty((values.shape[1], count), np.float32).T
        if values.shape[1] != out.shape[1]:
            raise DataError(where, "lists of different lengths, or entries that are no numbers", "numbers")
        out[row : row + len(values)] = as_float32(values)
        row += len(values)
    if out is None:
        raise DataError(where, "an empty list", "frames of ARKit coefficients")
    return out


def _lists(columns: dict[str, Any], beside: Mapping[str, Any], where: str, times: Sequence[str]) -> _Frames:
    """``{"eyeBlinkLeft": […], …, "time": […]}``, out of which the coefficients are taken."""
    names = [str(k) for k, v in columns.items() if isinstance(v, LISTS) and arkit_count([str(k)])]
    if len(names) < LEAST:
        raise DataError(where, "one number a coefficient", "a list of numbers a coefficient: one entry a frame")
    lists = [json_numbers(columns[name], f"{where}, {name}", 1) for name in names]
    lengths = {len(values) for values in lists}
    if len(lengths) > 1:
        raise DataError(where, f"coefficients of {min(lengths)} to {max(lengths)} frames", "lists of one length")
    clocks = []
    for keys in (times, FRAMES):
        holder = columns if first_key(columns, keys) else beside
        key = first_key(holder, keys)
        values = json_numbers(holder[key], f"{where}, {key}", 1) if key and isinstance(holder[key], LISTS) else None
        if values is not None and len(values) != len(lists[0]):
            raise DataError(f"{where}, {key}", f"{len(values)} entries", f"{len(lists[0])}, one a frame")
        clocks.append((values, key or ""))
    table = np.empty((len(lists), len(lists[0])), np.float32)
    for row, name in zip(table, names, strict=True):
        row[:] = as_float32(lists.pop(0))
        del columns[name]  # the list is as large as all that is made of it
    return _Frames(names, table.T, clocks[0][0], clocks[0][1], clocks[1][0])


def _list(frames: Sequence[Any], where: str, times: Sequence[str]) -> _Frames:
    """A list of frames, each a mapping with the names as keys, in it or one level down, or a list of named scores.

    A frame that is there but holds no coefficients (no face found) is a row of NaN; a frame that is null is a fault.
    """
    key, names = _shape_of(next((f for f in frames if not _faceless(f)), frames[0]), where)
    scored = names is None
    refused = key is None and not (scored and all(isinstance(frame, list) for frame in frames))
    names = _scored_names(frames, key, where) if names is None else names

    def rows_of(batch: Sequence[Any], first: int) -> list[Any]:
        inner = batch if key is None else _column(batch, key, where, first)
        if refused:
            _refuse_bare(batch, where, first)
        if scored:
            inner = [None if _bare(e) else _scores(e, f"{where}, frame {first + i + 1}") for i, e in enumerate(inner)]
        return _rows(inner, names, where, first)

    values = _matrix((rows_of(batch, first) for batch, first in _numbered(frames)), len(frames), where)
    return _Frames(names, values, *(_clock_of(frames, where, times) if isinstance(frames[0], Mapping) else ()))


def _scored_names(frames: Sequence[Any], key: str | None, where: str) -> list[str]:
    """ARKit's names among the scores of the first frame that has some."""
    for i, frame in enumerate(frames):
        entry = frame if key is None else _column([frame], key, where, i)[0]
        if not _bare(entry):
            return [name for name in _scores(entry, f"{where}, frame {i + 1}") if arkit_count([name])]
    raise DataError(where, "no frame with a face", "ARKit coefficients")


def _rows(entries: Sequence[Any], names: list[str], where: str, first: int) -> list[Any]:
    """The coefficients of frames of which the first is number `first`, NaN where there was no face."""
    pick, blank = itemgetter(*names), (np.nan,) * len(names)
    try:
        return [blank if _bare(entry) else pick(entry) for entry in entries]
    except (KeyError, TypeError, IndexError):
        bad, fault = next((i, _lack(e, names)) for i, e in enumerate(entries) if not _bare(e) and _lack(e, names))
        raise DataError(
            f"{where}, frame {first + bad + 1}", fault, f"the {len(names)} coefficients of the others"
        ) from None


def _bare(entry: Any) -> bool:
    """Whether an entry says that there was no face: null, {}, [] or [[]]."""
    return entry is None or (isinstance(entry, (list, dict)) and (len(entry) == 0 or entry == [[]]))


def _refuse_bare(frames: Sequence[Any], where: str, first: int) -> None:
    bad = next((i for i, frame in enumerate(frames) if _bare(frame)), None)
    if bad is not None:
        raise DataError(
            f"{where}, frame {first + bad + 1}",
            f"{frames[bad]!s} instead of a frame",
            "coefficients in every frame, or a key under which they are empty",
        )


def _faceless(frame: Any) -> bool:
    """Whether a frame as a whole holds no coefficients."""
    return _bare(frame) or (
        isinstance(frame, Mapping)
        and not arkit_count(list(map(str, frame)))
        and all(_bare(v) or isinstance(v, (int, float, str)) for v in frame.values())
    )


def _shape_of(first: Any, where: str) -> tuple[str | None, list[str] | None]:
    """The key that holds the coefficients (None: the frame itself) and their names (None: a list of named scores)."""
    if isinstance(first, Mapping):
        names = [str(k) for k in first if arkit_count([str(k)])]
        if len(names) >= LEAST:
            return None, names
        for key, value in first.items():
            if isinstance(value, Mapping) and arkit_count(list(map(str, value))) >= LEAST:
                return key, [str(k) for k in value if arkit_count([str(k)])]
            if isinstance(value, list) and value and isinstance(value[0], (Mapping, list)):
                return key, None
        raise DataError(f"{where}, frame 1", f"the keys {_keys(first)}", "ARKit coefficients")
    if isinstance(first, list):
        return None, None
    raise DataError(f"{where}, frame 1", f"a {type(first).__name__}", "ARKit coefficients by name")


def _scores(entry: Any, where: str) -> dict[str, Any]:
    """``[{"categoryName": …, "score": …}, …]`` of one face; MediaPipe wraps it in a list of faces."""
    if isinstance(entry, list) and entry and isinstance(entry[0], list):
        if len(entry) > 1:
            raise DataError(where, f"{len(entry)} faces", "one face a file")
        entry = entry[0]
    if isinstance(entry, Mapping) and isinstance(entry.get("categories"), list):
        entry = entry["categories"]
    if isinstance(entry, list) and len(entry) > 0 and isinstance(entry[0], Mapping) and "categories" in entry[0]:
        if len(entry) > 1:
            raise DataError(where, f"{len(entry)} faces", "one face a file")
        return _scores(entry[0], where)
    out: dict[str, Any] = {}
    for item in entry if isinstance(entry, list) else ():
        if isinstance(item, Mapping):
            name, score = (
                first_key(item, keys)
                for keys in (("categoryname", "category_name", "name", "label"), ("score", "value", "weight"))
            )
            if name is not None and score is not None:
                out[str(item[name])] = item[score]
    if arkit_count(list(out)) < LEAST:
        raise DataError(where, f"{arkit_count(list(out))} ARKit coefficients", "all of them in each frame")
    return out


def _clock_of(
    frames: Sequence[Any], where: str, times: Sequence[str]
) -> tuple[np.ndarray | None, str, np.ndarray | None]:
    """Times with their key, and frame numbers, of a list of mappings."""
    found: list[tuple[np.ndarray | None, str]] = []
    for keys in (times, FRAMES):
        key = first_key(frames[0], keys)
        found.append((_clock(frames, key, where) if key else None, key or ""))
    return found[0][0], found[0][1], found[1][0]


def _clock(frames: Sequence[Any], key: str, where: str) -> np.ndarray:
    parts = [
        json_numbers(_column(batch, key, where, first), f"{where}, {key}", 1) for batch, first in _numbered(frames)
    ]
    return np.concatenate(parts)


def _column(frames: Sequence[Any], key: str, where: str, first: int) -> list[Any]:
    """What frames, of which the first is number `first` of the file, have under a key."""
    for i, frame in enumerate(frames):
        if not isinstance(frame, Mapping) or key not in frame:
            raise DataError(f"{where}, frame {first + i + 1}", f"no {key}", "the same keys in each frame")
    return [frame[key] for frame in frames]


def _lack(entry: Any, names: list[str]) -> str:
    if not isinstance(entry, Mapping):
        return f"a {type(entry).__name__}"
    return next((f"no {name}" for name in names if name not in entry), "")


def _timing(found: _Frames, fps: float | None, where: str, stated: TimeColumn | None) -> tuple[Timing, tuple[str, ...]]:
    if stated is not None and stated.column.lower() == ROWS:
        return from_rate(len(found.values), stated.rate, where), ()
    if stated is not None and found.times is None:
        raise DataError(f"{where}, --time {stated.column}", "no such key", f"a key of every frame, or {ROWS}/RATE")
    if found.times is not None:
        if len(found.times) != len(found.values):
            raise DataError(where, f"{len(found.times)} times", f"{len(found.values)}, one a frame")
        if stated is not None and stated.rate is not None:
            return from_times(found.times / stated.rate, where, 1, "frame"), ()
        seconds, unit = column_seconds(found.times, found.time_key)
        told = () if unit == "s" else (f"Times of {found.time_key} taken as {unit}.",)
        return from_times(seconds, where, 1, "frame"), told
    if found.frames is not None:
        return from_frames(found.frames, fps, where, 1, "frame"), ()
    return from_rate(len(found.values), fps, where), ()


def _keys(content: Mapping[str, Any]) -> str:
    return ", ".join(repr(str(k)[:24]) for k in list(content)[:6]) or "none"
