"""glTF 2.0 (.gltf, .glb): animated morph targets with ARKit's names, each animation a recording."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import arkit_recording
from dfe_core.expressions.readers.json_file import MAX_JSON_BYTES, parse_json
from dfe_core.expressions.readers.options import FPS_RANGE, ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, check_fps, from_times
from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name

FORMAT = "gltf"
TITLE = "glTF animation of morph targets"
MAX_BYTES = 1 << 30
LEAST_TARGETS = 3
"""Exporters leave out targets that never move, so that few may be left; fewer than these are no face."""
EVEN_FPS = 30.0
"""Rate at which curves are sampled whose keys are sparse or not evenly spaced."""
_SPARSE_S = 0.1
_MOST_FRAMES = 5_000_000
_TYPES: dict[int, Any] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_INTERPOLATIONS = {"STEP": 1, "LINEAR": 1, "CUBICSPLINE": 3}


@dataclass(frozen=True, eq=False)
class _Curve:
    """times (K,) seconds; values (K, N), with tangents (K, 3, N) when it is a cubic spline."""

    times: np.ndarray
    values: np.ndarray
    kind: str


def sniff(path: Path, head: bytes) -> str | None:
    if head.startswith(b"glTF"):
        return "its magic glTF"
    return "a glTF document" if path.suffix.lower() == ".gltf" and head.lstrip()[:1] == b"{" else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording an animation.

    Evenly spaced keys are the frames; other curves, which hold between their keys too, are sampled at --fps, else at
    30 a second. Raises `DataError` for a broken container, buffers outside the file's folder, compressed buffers, and
    where no animated mesh has ARKit's names.
    """
    document, chunk = _load(path)
    animations = _list(document, "animations", str(path))
    if not animations:
        raise DataError(path, "no animation", "animated weights of morph targets")
    named: list[tuple[str, Recording]] = []
    seen: set[str] = set()
    for i, animation in enumerate(animations):
        where = f"{path}, animation {i + 1}"
        found = _face_channel(document, animation, where)
        if found is None:
            continue
        sampler, targets = found
        curve = _curve(document, chunk, sampler, len(targets), path, where)
        named.append((_label(animation, i, seen), _recording(path, curve, targets, options, where)))
    if not named:
        extensions = _list(document, "extensionsUsed", str(path))
        vrm = " (a VRM animation: presets of vowels and emotions)" if "VRMC_vrm_animation" in extensions else ""
        raise DataError(path, f"no animation moves morph targets with ARKit's names{vrm}", "targetNames as jawOpen …")
    return [replace(r, name=f"{path.stem}-{label}") if len(named) > 1 else r for label, r in named]


def _recording(path: Path, curve: _Curve, targets: list[str], options: ReadOptions, where: str) -> Recording:
    columns: dict[str, int] = {}
    for i, target in enumerate(targets):
        if (name := canonical_name(target)) in columns:
            raise DataError(where, f"{name} a second time ({target!r})", "each name once")
        if name:
            columns[name] = i
    columns = {name: columns[name] for name in ARKIT_NAMES if name in columns}
    timing, values, notes = _frames(curve, options, where)
    return arkit_recording(
        path, values[:, list(columns.values())], tuple(columns), timing, options.extractor or FORMAT, notes=notes
    )


def _label(animation: Mapping[str, Any], index: int, seen: set[str]) -> str:
    """A name for one of several recordings: the animation's, made fit for a file, with its number where it clashes."""
    label = "".join(c if c.isalnum() or c in "._-" else "-" for c in str(animation.get("name") or index))[:60]
    label = f"{label}-{index}" if label in seen else label
    seen.add(label)
    return label


# ---- the container


def _load(path: Path) -> tuple[Mapping[str, Any], bytes]:
    """The document, and the binary chunk of a .glb."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(path, f"{size >> 20} MB", f"at most {MAX_BYTES >> 20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    text, chunk = _chunks(path, content) if content.startswith(b"glTF") else (content, b"")
    if len(text) > MAX_JSON_BYTES // 4:
        raise DataError(path, f"a document of {len(text) >> 20} MB", f"at most {MAX_JSON_BYTES >> 22} MB")
    document = parse_json(text, path)
    if not isinstance(document, Mapping) or not isinstance(document.get("asset"), Mapping):
        raise DataError(path, "JSON that is no glTF document", "an asset with a version")
    return document, chunk


def _chunks(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """glTF 2.0, section 4.4: a header of 12 bytes, then chunks of length, type and data."""
    if len(content) < 20:
        raise DataError(path, f"{len(content)} bytes (cut off?)", "a whole file")
    version, length = struct.unpack_from("<II", content, 4)
    if version != 2:
        raise DataError(path, f"glTF {version}", "glTF 2")
    if length > len(content):
        raise DataError(path, f"{len(content):,} bytes of {length:,} (cut off?)", "a whole file")
    found: list[tuple[bytes, bytes]] = []
    at = 12
    while at + 8 <= length and len(found) < 2:
        size, kind = struct.unpack_from("<I4s", content, at)
        if at + 8 + size > length:
            raise DataError(path, f"a chunk of {size:,} bytes beyond the end of the file", "a whole file")
        found.append((kind, content[at + 8 : at + 8 + size]))
        at += 8 + size
    if not found or found[0][0] != b"JSON":
        raise DataError(path, "no JSON chunk at its start", "glTF 2 binary")
    return found[0][1], found[1][1] if len(found) > 1 and found[1][0] == b"BIN\0" else b""


def _list(holder: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = holder.get(key, [])
    if not isinstance(value, list):
        raise DataError(f"{where}, {key}", f"a {type(value).__name__}", "a list")
    return value


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(where, f"a {type(value).__name__}", "an object")
    return value


def _item(document: Mapping[str, Any], kind: str, index: Any, where: str) -> Mapping[str, Any]:
    """One object of a list of the document. Raises `DataError` for an index that is none or points outside."""
    items = _list(document, kind, where)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(items):
        raise DataError(
            where, f"{kind} number {str(index)[:20]}", f"0 to {len(items) - 1}" if items else f"some {kind}"
        )
    return _mapping(items[index], f"{where}, {kind} {index}")


def _count(holder: Mapping[str, Any], key: str, default: int | None, where: str) -> int:
    value = holder.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise DataError(f"{where}, {key}", f"{str(value)[:20]!r}", "a count")
    return value


# ---- what moves


def _face_channel(
    document: Mapping[str, Any], animation: Any, where: str
) -> tuple[Mapping[str, Any], list[str]] | None:
    """The sampler that moves most of ARKit's coefficients, and the names of all its targets. A face has many of them,
    or nothing else."""
    animation = _mapping(animation, where)
    best: tuple[int, Mapping[str, Any], list[str]] | None = None
    for channel in _list(animation, "channels", where):
        target = _mapping(_mapping(channel, where).get("target"), where)
        if target.get("path") != "weights" or "node" not in target:
            continue
        node = _item(document, "nodes", target["node"], where)
        if "mesh" not in node:
            continue
        names = _target_names(_item(document, "meshes", node["mesh"], where), where)
        score = len({canonical_name(n) for n in names} - {None})
        alone = 0 < score == len(names)  # our own export leaves out the targets that a movement does not use
        if (score >= LEAST_TARGETS or alone) and (best is None or score > best[0]):
            best = score, _item(animation, "samplers", channel.get("sampler"), where), names
    return best[1:] if best else None


def _target_names(mesh: Mapping[str, Any], where: str) -> list[str]:
    """``extras.targetNames`` of a mesh or of its first primitive, where exporters put them."""
    primitives = _list(mesh, "primitives", where)
    for holder in (mesh, *primitives[:1]):
        extras = holder.get("extras") if isinstance(holder, Mapping) else None
        names = extras.get("targetNames") if isinstance(extras, Mapping) else None
        if isinstance(names, list) and all(isinstance(n, str) for n in names):
            return names
    return []


def _curve(
    document: Mapping[str, Any], chunk: bytes, sampler: Mapping[str, Any], targets: int, path: Path, where: str
) -> _Curve:
    kind = sampler.get("interpolation", "LINEAR")
    if kind not in _INTERPOLATIONS:
        raise DataError(where, f"interpolation {str(kind)[:20]!r}", ", ".join(_INTERPOLATIONS))
    times = _accessor(document, chunk, sampler.get("input"), path, where).astype(np.float64)
    flat = _accessor(document, chunk, sampler.get("output"), path, where)
    parts = _INTERPOLATIONS[kind]
    if len(times) < 2 or len(flat) != len(times) * targets * parts:
        raise DataError(
            where, f"{len(times)} keys and {len(flat)} weights", f"{targets * parts} weights a key, and two keys"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise DataError(where, "keys that are not in order of time", "times that increase")
    return _Curve(times, flat.reshape(len(times), parts, targets) if parts == 3 else flat.reshape(-1, targets), kind)


def _accessor(document: Mapping[str, Any], chunk: bytes, index: Any, path: Path, where: str) -> np.ndarray:
    """(n,) numbers of a scalar accessor, normalised integers as shares of one."""
    accessor = _item(document, "accessors", index, where)
    where = f"{where}, accessor {index}"
    code = accessor.get("componentType")
    dtype = _TYPES.get(code) if isinstance(code, int) else None
    if dtype is None or accessor.get("type") != "SCALAR" or "sparse" in accessor:
        raise DataError(
            where,
            f"numbers of type {code}, {accessor.get('type')}" + (", sparse" if "sparse" in accessor else ""),
            "plain scalars",
        )
    view = _item(document, "bufferViews", accessor.get("bufferView"), where)
    if view.get("extensions"):
        raise DataError(
            where,
            f"a buffer packed by {', '.join(map(str, view['extensions']))[:60]}",
            "a plain one: export without compression",
        )
    data = _buffer(document, chunk, view.get("buffer"), path, where)
    start = _count(view, "byteOffset", 0, where) + _count(accessor, "byteOffset", 0, where)
    size = np.dtype(dtype).itemsize
    count, stride = _count(accessor, "count", None, where), _count(view, "byteStride", size, where) or size
    if stride < size or start + (count - 1) * stride + size > len(data) or not count:
        raise DataError(
            where, f"{count:,} numbers from byte {start:,} of a buffer of {len(data):,}", "as many as it says"
        )
    values = np.ndarray((count,), np.dtype(dtype).newbyteorder("<"), data, start, (stride,))
    if dtype is np.float32:
        return values
    if not accessor.get("normalized"):
        raise DataError(where, "integers that are not normalised", "weights as floats or normalised integers")
    return np.maximum(values.astype(np.float32) / np.iinfo(dtype).max, -1)


def _buffer(document: Mapping[str, Any], chunk: bytes, index: Any, path: Path, where: str) -> bytes:
    uri = _item(document, "buffers", index, where).get("uri")
    if uri is None:
        if index != 0:
            raise DataError(where, f"buffer {index} without data", "a uri")
        return chunk
    if isinstance(uri, str) and uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except (binascii.Error, ValueError):
            raise DataError(where, "a buffer that is no base64", "data:…;base64,…") from None
    return _beside(uri, path, where)


def _beside(uri: Any, path: Path, where: str) -> bytes:
    """The bytes of a file that must lie in the document's own folder, links followed."""
    folder = path.parent.resolve()
    try:
        file = (folder / uri).resolve() if isinstance(uri, str) else None
        if file is None or ":" in uri or "\\" in uri or not file.is_relative_to(folder):
            raise DataError(where, f"a buffer at {str(uri)[:60]!r}", "a file beside the document")
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            raise DataError(where, f"no buffer {str(uri)[:60]!r}", f"a file of at most {MAX_BYTES >> 20} MB")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(where, f"a buffer at {str(uri)[:60]!r} that is not readable", "a file beside it") from None


# ---- frames


def _frames(curve: _Curve, options: ReadOptions, where: str) -> tuple[Timing, np.ndarray, tuple[str, ...]]:
    """Frames of a curve: its keys where they are evenly spaced, else samples of it."""
    steps = np.diff(curve.times)
    even = np.ptp(steps) <= 0.02 * np.median(steps) and 1 / FPS_RANGE[1] <= np.median(steps) <= _SPARSE_S
    values = curve.values[:, 1] if curve.kind == "CUBICSPLINE" else curve.values
    if even:
        return from_times(curve.times, where, 1, "key"), values.astype(np.float32), ()
    fps = options.fps or EVEN_FPS
    check_fps(fps, where)
    count = int((curve.times[-1] - curve.times[0]) * fps + 1e-6) + 1
    if not 2 <= count <= _MOST_FRAMES:
        raise DataError(
            where, f"keys from {curve.times[0]:g} to {curve.times[-1]:g} s", f"at most {_MOST_FRAMES:,} frames, and two"
        )
    index = np.arange(count, dtype=np.int64)
    sampled = _sample(curve, curve.times[0] + index / fps)
    return (
        Timing(time_s=index / fps, frame=index, fps=float(fps)),
        sampled,
        (f"{len(curve.times):,} keys, not evenly spaced or sparse: sampled at {fps:g} a second ({curve.kind}).",),
    )


def _sample(curve: _Curve, time: np.ndarray) -> np.ndarray:
    """(T, N) float32 values of a curve by its own interpolation (glTF 2.0, appendix C)."""
    after = np.clip(np.searchsorted(curve.times, time, "right"), 1, len(curve.times) - 1)
    before = after - 1
    span = (curve.times[after] - curve.times[before])[:, None]
    t = np.clip((time[:, None] - curve.times[before][:, None]) / span, 0, 1)
    v = curve.values
    if curve.kind == "STEP":
        return np.where(t < 1, v[before], v[after]).astype(np.float32)
    if curve.kind == "LINEAR":
        return (v[before] * (1 - t) + v[after] * t).astype(np.float32)
    return (
        (2 * t**3 - 3 * t**2 + 1) * v[before, 1]
        + span * (t**3 - 2 * t**2 + t) * v[before, 2]
        + (3 * t**2 - 2 * t**3) * v[after, 1]
        + span * (t**3 - t**2) * v[after, 0]
    ).astype(np.float32)
