"""Time and memory of imports: an hour at 60 frames a second of each format, ten thousand files, and large JSON.

    python -m benchmarks.importing --out importing-benchmark [--minutes 60] [--files 10000] [--formats live-link …]
    python -m benchmarks.importing --out importing-benchmark --formats --files 0 --json-mb 200

Each measurement runs in a process of its own, so that its peak memory is its own, and writes a dataset as `dfe import`
does. On a machine that is busy (load_1_min) seconds say little; processor_s is what the import took of all cores.
Baseline: `pandas.read_csv` of the same text file, which gives a table and no dataset. The figures are printed as
JSON, and written to importing.json in --out; scratch data lie in --work and are used again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

FPS = 60.0
REPEATS = 3
FILE_FRAMES = 300
STEPS = 10  # how many times memory is looked at while many files are imported


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for importing.json")
    parser.add_argument("--work", type=Path, default=None, help="folder for scratch data (default: OUT/work)")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--files", type=int, default=10_000, help="0 leaves this part out")
    parser.add_argument("--formats", nargs="*", choices=tuple(FORMATS), default=tuple(FORMATS))
    parser.add_argument("--json-mb", type=float, default=0, help="also ARKit JSON of this size in each of its shapes")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = args.work or args.out / "work"
    if args.measure:
        what, path = args.measure
        print(json.dumps(MEASURES[what](Path(path), what) if what in MEASURES else one_file(Path(path), what)))
        return
    work.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "minutes": args.minutes, "fps": FPS, "formats": {}}
    for name in args.formats:
        report["formats"][name] = measured_format(name, work, args.minutes)
        print(json.dumps({name: report["formats"][name]}), file=sys.stderr)
    if args.files:
        report["many_files"] = measured_files(work, args.files)
    if args.json_mb:
        report["large_json"] = {shape: measured_json(shape, work, args.json_mb) for shape in JSON_SHAPES}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "importing.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


def machine() -> dict:
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


# ---- an hour of each format


def measured_format(name: str, work: Path, minutes: float) -> dict:
    """Median of `REPEATS` imports, the worst peak memory, and the baseline where the format is a text table."""
    ending, write, _ = FORMATS[name]
    path = work / f"{name}-{minutes:g}{ending}"
    if not path.exists():
        write(path, int(minutes * 60 * FPS))
    rows = [apart(name, path) for _ in range(REPEATS)]
    out = {
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "frames": rows[0]["frames"],
        "seconds": round(statistics.median(r["seconds"] for r in rows), 2),
        "worst_s": round(max(r["seconds"] for r in rows), 2),
        "processor_s": round(statistics.median(r["processor_s"] for r in rows), 2),
        "load_1_min": max(r["load_1_min"] for r in rows),
        "peak_over_start_mb": max(r["peak_over_start_mb"] for r in rows),
    }
    if ending in (".csv", ".tsv"):
        out["pandas_read_csv_s"] = round(statistics.median(apart("pandas", path)["seconds"] for _ in range(REPEATS)), 2)
        out["ratio_to_pandas"] = round(out["seconds"] / out["pandas_read_csv_s"], 2)
    return out


def apart(what: str, path: Path) -> dict:
    """A measurement in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.importing", "--out", ".", "--measure", what, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def one_file(path: Path, name: str) -> dict:
    return imported(path, FORMATS[name][2], None if name in TIMED else FPS)


def one_json(path: Path, _: str) -> dict:
    return imported(path, "bare-1", None, "arkit-json")  # long lists hide the other names from who looks at the head


def imported(path: Path, face: str, fps: float | None, format: str = "auto") -> dict:
    from dfe_core.expressions.importing import ImportOptions, import_dataset

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        root, face = cache(Path(folder), face)
        start = resident_mb()
        begin, worked = time.perf_counter(), time.process_time()
        options = ImportOptions(face=face, fps=fps, format=format, simulated=True)
        report = import_dataset([path], "hour", options, root=root)
        seconds, worked = time.perf_counter() - begin, time.process_time() - worked
    return {
        "seconds": seconds,
        "processor_s": worked,
        "load_1_min": round(os.getloadavg()[0], 2),
        "frames": sum(frames for _, frames, _ in report.imported),
        "peak_over_start_mb": round(peak_mb() - start),
    }


def measured_json(shape: str, work: Path, megabytes: float) -> dict:
    """One import of a file of so many MB; its peak memory also as a multiple of the file's size."""
    path = work / f"{shape}-{megabytes:g}.json"
    if not path.exists():
        frames = int(megabytes * 1e6 / json_frame_bytes(shape))
        JSON_SHAPES[shape](path, frames)
    row = apart("json", path)
    size = path.stat().st_size / 1e6
    return {"file_mb": round(size, 1), **row, "peak_over_size": round(row["peak_over_start_mb"] * 1.048576 / size, 2)}


def json_frame_bytes(shape: str) -> float:
    """Bytes that a frame takes, of a short file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        JSON_SHAPES[shape](path, 6000)
        return path.stat().st_size / 6000


def cache(root: Path, face: str) -> tuple[Path, str]:
    """A cache with a bare ARKit face, so that no face has to be built, and the face to import to."""
    from dfe_core.faces import save_face
    from dfe_core.faces.arkit import ARKIT_NAMES
    from dfe_core.faces.coefficients import bare_face

    save_face(bare_face("bare-1", "ARKit coefficients, no mesh", ARKIT_NAMES), root)
    return root, face


def pandas_only(path: Path, _: str) -> dict:
    import pandas as pd

    begin = time.perf_counter()
    pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    return {"seconds": time.perf_counter() - begin}


def resident_mb() -> float:
    return _status_mb("VmRSS") or peak_mb()


def peak_mb() -> float:
    """The most memory of this process: `ru_maxrss`, where it is all there is, begins at the parent's."""
    of_all = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
    return _status_mb("VmHWM") or of_all


def _status_mb(key: str) -> float:
    """A figure of Linux in MB, 0 elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    return int(next(line for line in status.read_text().splitlines() if line.startswith(key)).split()[1]) / 1024


# ---- many files


def measured_files(work: Path, files: int) -> dict:
    folder = work / f"files-{files}"
    if not folder.exists():
        some_files(folder, files)
    return {"files": files, "frames_each": FILE_FRAMES, **apart("files", folder)}


def some_files(folder: Path, files: int) -> None:
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    out = io.BytesIO()
    pcsv.write_csv(arkit_columns(FILE_FRAMES), out)
    header, rest = out.getvalue().split(b"\n", 1)
    for i in range(files):
        (making / f"s{i % 100:03d}_{i:05d}.csv").write_bytes(header + b"\n" + rest.replace(b"0.4", b"0.%05d" % i, 1))
    making.rename(folder)


def many_files(folder: Path, _: str) -> dict:
    """Import a folder; resident memory is looked at as files go by."""
    from dfe_core.expressions.importing import ImportOptions, import_dataset

    seen: list[float] = []

    def watch(progress) -> None:
        if progress.total and progress.done % max(1, progress.total // STEPS) == 0:
            seen.append(round(resident_mb()))

    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        root, face = cache(Path(scratch), "bare-1")
        begin = time.perf_counter()
        options = ImportOptions(face=face, subject_pattern=r"(s\d+)_", simulated=True)
        report = import_dataset([folder], "many", options, root=root, progress=watch)
        seconds = time.perf_counter() - begin
    return {
        "imported": len(report.imported),
        "seconds": round(seconds, 1),
        "resident_mb": seen,
        "grown_mb_after_the_first_tenth": round(max(seen[1:]) - seen[1]),
    }


# ---- files of an hour


def values(frames: int, count: int = 52) -> np.ndarray:
    """(T, C) in 0 … 1 with four decimals."""
    time_s = np.arange(frames)[:, None] / FPS
    return np.round(0.4 + 0.4 * np.sin(time_s * (0.3 + np.arange(count) / 40)), 4)


def columns(names: list[str], table: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)}


def times(frames: int) -> np.ndarray:
    return np.round(np.arange(frames) / FPS, 6)


def arkit_columns(frames: int) -> pa.Table:
    from dfe_core.faces.arkit import ARKIT_NAMES

    return pa.table({"time_s": times(frames), **columns(list(ARKIT_NAMES), values(frames))})


def arkit_csv(path: Path, frames: int) -> None:
    pcsv.write_csv(arkit_columns(frames), path, pcsv.WriteOptions(quoting_style="none"))


def arkit_tsv(path: Path, frames: int) -> None:
    pcsv.write_csv(arkit_columns(frames), path, pcsv.WriteOptions(delimiter="\t", quoting_style="none"))


def arkit_parquet(path: Path, frames: int) -> None:
    pq.write_table(arkit_columns(frames), path)


def live_link(path: Path, frames: int) -> None:
    from dfe_core.faces.arkit import ARKIT_NAMES

    i = np.arange(frames)
    second = i // 60
    codes = [
        f"{10 + s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}:{f:02d}.{f * 7 % 1000:03d}"
        for s, f in zip(second.tolist(), (i % 60).tolist(), strict=True)
    ]
    names = [n[0].upper() + n[1:] for n in ARKIT_NAMES]
    angles = [
        "HeadYaw",
        "HeadPitch",
        "HeadRoll",
        *(f"{s}Eye{a}" for s in ("Left", "Right") for a in ("Yaw", "Pitch", "Roll")),
    ]
    table = pa.table(
        {
            "Timecode": codes,
            "BlendShapeCount": np.full(frames, 61),
            **columns(names, values(frames)),
            **columns(angles, values(frames, 9)),
        }
    )
    pcsv.write_csv(table, path, pcsv.WriteOptions(quoting_style="none"))


def mediapipe(path: Path, frames: int) -> None:
    from dfe_core.expressions.readers.mediapipe import NAMES

    table = pa.table(
        {
            "frame": np.arange(frames),
            "timestamp_ms": np.round(1e3 * times(frames), 3),
            **columns(list(NAMES), values(frames)),
        }
    )
    pcsv.write_csv(table, path, pcsv.WriteOptions(quoting_style="none"))


def ict(path: Path, frames: int) -> None:
    from dfe_core.faces.arkit import ARKIT_NAMES

    names = [*(n for n in ARKIT_NAMES[:-1] if n != "browInnerUp"), "browInnerUp_L", "browInnerUp_R"]
    table = pa.table({"time_s": times(frames), **columns(names, values(frames, len(names)))})
    pcsv.write_csv(table, path, pcsv.WriteOptions(quoting_style="none"))


def face_cap(path: Path, frames: int) -> None:
    from dfe_core.faces.arkit import ARKIT_NAMES

    table = pa.table(
        {
            "k": ["k"] * frames,
            "time": np.round(1e3 * times(frames)).astype(np.int64),
            **columns([f"p{i}" for i in range(10)], values(frames, 10)),
            **columns(list(ARKIT_NAMES), values(frames)),
        }
    )
    with open(path, "wb") as handle:
        handle.write(b"info,face cap\nbs," + ",".join(ARKIT_NAMES).encode() + b"\n")
        pcsv.write_csv(table, handle, pcsv.WriteOptions(include_header=False, quoting_style="none"))


def ifacialmocap(path: Path, frames: int) -> None:
    from dfe_core.faces.arkit import ARKIT_NAMES

    percent = np.rint(100 * values(frames)).astype(int)
    form = (
        "|".join(f"{name}-%d" for name in ARKIT_NAMES) + "|=head#1.5,2.5,3.5,0.1,0.2,0.3|rightEye#1,2,3|leftEye#1,2,3|"
    )
    with open(path, "w") as handle:
        handle.writelines(
            f"{t:.4f},{form % tuple(row)}\n" for t, row in zip(times(frames).tolist(), percent.tolist(), strict=True)
        )


def moving_points(frames: int, count: int = 68, seed: int = 0) -> np.ndarray:
    """(T, V, 3) mm of a face that turns a little and moves its lower half."""
    rest = np.random.default_rng(seed).normal(size=(count, 3)) * (45, 60, 20) + (0, 0, 500)
    time_s = np.arange(frames)[:, None, None] / FPS
    lower = (rest[:, 1:2] > 0) * np.random.default_rng(1).normal(size=(count, 3))
    return (
        rest
        + 5 * np.sin(0.7 * time_s) * lower
        + 3 * np.cos(1.3 * time_s) * np.roll(lower, 1, 1)
        + 4 * np.sin(0.2 * time_s)
    )


def openface(path: Path, frames: int) -> None:
    xyz = np.round(moving_points(frames), 1)
    flat = np.round(xyz[..., :2] * 500 / xyz[..., 2:] + 320, 1)
    table = pa.table(
        {
            "frame": np.arange(1, frames + 1),
            "face_id": np.zeros(frames, int),
            "timestamp": np.round(times(frames), 3),
            "confidence": np.full(frames, 0.98),
            "success": np.ones(frames, int),
            **{f"gaze_{i}_{a}": np.full(frames, 0.1) for i in (0, 1) for a in "xyz"},
            **{f"pose_{k}{a}": np.full(frames, 0.1) for k in "TR" for a in "xyz"},
            **{f"{a}_{i}": flat[:, i, k] for k, a in enumerate("xy") for i in range(68)},
            **{f"{a}_{i}": xyz[:, i, k] for k, a in enumerate("XYZ") for i in range(68)},
            **{f"AU{u:02d}_r": np.full(frames, 0.5) for u in range(17)},
            **{f"AU{u:02d}_c": np.ones(frames, int) for u in range(18)},
        }
    )
    pcsv.write_csv(table, path, pcsv.WriteOptions(quoting_style="none"))


def landmarks(path: Path, frames: int) -> None:
    xy = np.round(moving_points(frames, 48), 1)
    table = pa.table(
        {"time": times(frames), **{f"{a}_{i}": xy[:, i, k] for k, a in enumerate("xy") for i in range(48)}}
    )
    pcsv.write_csv(table, path, pcsv.WriteOptions(quoting_style="none"))


def flame(path: Path, frames: int) -> None:
    np.savez(path, expcode=values(frames, 50).astype(np.float32), posecode=0.1 * values(frames, 6).astype(np.float32))


def bfm(path: Path, frames: int) -> None:
    np.savez(path, coeff=values(frames, 257).astype(np.float32))


def json_mappings(path: Path, frames: int) -> None:
    """A list of mappings."""
    from dfe_core.faces.arkit import ARKIT_NAMES

    _json_list(path, frames, "[", "]", lambda second, row: {"time": second, **dict(zip(ARKIT_NAMES, row, strict=True))})


def json_weights(path: Path, frames: int) -> None:
    """Names, and frames of weights (BEAT)."""
    from dfe_core.faces.arkit import ARKIT_NAMES

    head = f'{{"names":{json.dumps(ARKIT_NAMES)},"frames":['
    _json_list(path, frames, head, "]}", lambda second, row: {"weights": row, "time": second})


def json_lists(path: Path, frames: int) -> None:
    """A mapping of lists."""
    from dfe_core.faces.arkit import ARKIT_NAMES

    table = values(frames)
    with open(path, "w") as handle:
        handle.write(f'{{"time":{_dense(times(frames).tolist())}')
        handle.writelines(f',"{name}":{_dense(table[:, i].tolist())}' for i, name in enumerate(ARKIT_NAMES))
        handle.write("}")


def _json_list(path: Path, frames: int, head: str, tail: str, frame: Callable[[float, list[float]], dict]) -> None:
    table = values(frames)
    with open(path, "w") as handle:
        handle.write(head)
        handle.writelines(
            ("," if i else "") + _dense(frame(round(i / FPS, 6), row.tolist())) for i, row in enumerate(table)
        )
        handle.write(tail)


def _dense(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


FORMATS: dict[str, tuple[str, Callable[[Path, int], None], str]] = {
    "live-link": (".csv", live_link, "bare-1"),
    "arkit-csv": (".csv", arkit_csv, "bare-1"),
    "arkit-tsv": (".tsv", arkit_tsv, "bare-1"),
    "arkit-parquet": (".parquet", arkit_parquet, "bare-1"),
    "mediapipe-csv": (".csv", mediapipe, "bare-1"),
    "ict-csv": (".csv", ict, "bare-1"),
    "face-cap": (".txt", face_cap, "bare-1"),
    "ifacialmocap": (".txt", ifacialmocap, "bare-1"),
    "openface": (".csv", openface, "learn"),
    "landmarks": (".csv", landmarks, "learn"),
    "flame-npz": (".npz", flame, "flame-50+jaw"),
    "bfm-npz": (".npz", bfm, "bfm-64"),
}
"""By name: the file's ending, what writes it, and the face it goes to."""
TIMED = frozenset(FORMATS) - {"flame-npz", "bfm-npz"}
MEASURES = {"pandas": pandas_only, "files": many_files, "json": one_json}
JSON_SHAPES: dict[str, Callable[[Path, int], None]] = {
    "json-mappings": json_mappings,
    "json-lists": json_lists,
    "json-weights": json_weights,
}
"""Numbers of four decimals and no spaces: the densest that tools write, so that numbers weigh most."""


if __name__ == "__main__":
    main()
