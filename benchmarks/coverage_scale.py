"""Time and memory of the coverage analysis at 10⁴, 10⁶ and 5·10⁶ frames, on made-up tokens and AUs.

    python -m benchmarks.coverage_scale --frames 10000 1000000 5000000 --out coverage-benchmark

Each size runs in a process of its own, so that its peak memory is its own. Measured: the streaming pass, the whole
analysis, the analysis opened from the cache, a filtered codeword × AU table (what the Coverage page asks for at a
click), and, as the baseline, DuckDB counting the same filtered table from the frames. Where scratch data of a size lie
in --work already they are used again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import PeakMemory
from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, COUNTS_FILE, COVERAGE, MANIFEST, TOKENS_FILE, keyed_name

STAGES, CODEWORDS, LEVELS = 8, 512, (0.1, 0.25, 0.5, 1.0)
RECORDING_FRAMES, FPS = 6000, 30.0
REPEATS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000])
    parser.add_argument("--out", type=Path, required=True, help="folder for coverage.csv and coverage.json")
    parser.add_argument("--work", type=Path, default=None, help="folder for scratch data (default: OUT/work)")
    parser.add_argument("--baseline-up-to", type=int, default=1_000_000, help="largest size the baseline runs at")
    parser.add_argument("--measure", type=int, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = args.work or args.out / "work"
    if args.measure is not None:
        print(json.dumps(measure(work / str(args.measure), args.measure <= args.baseline_up_to)))
        return
    rows = [run(frames, work, args) for frames in args.frames]
    write(rows, args.out)


def run(frames: int, work: Path, args: argparse.Namespace) -> dict:
    """Make the data of one size, then measure in a fresh process."""
    root = work / str(frames)
    if not (root / "made").is_file():
        make(root, frames)
    command = [
        sys.executable,
        "-m",
        "benchmarks.coverage_scale",
        "--out",
        str(args.out),
        "--work",
        str(work),
        "--measure",
        str(frames),
        "--baseline-up-to",
        str(args.baseline_up_to),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row = {"frames": frames, **json.loads(done.stdout.splitlines()[-1])}
    print(" ".join(f"{k}={v}" for k, v in row.items()), flush=True)
    return row


def write(rows: list[dict], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(out / "coverage.csv", index=False, float_format="%.4g")
    machine = {
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "codewords": CODEWORDS,
        "stages": STAGES,
    }
    (out / "coverage.json").write_text(json.dumps({**machine, "rows": rows}, indent=1) + "\n")


def measure(root: Path, baseline: bool) -> dict:
    """Figures of one size; seconds and MB."""
    from dfe_core.facs.association import associate
    from dfe_core.facs.coverage import aggregates_of, analyse_coverage, open_coverage_inputs

    memory = PeakMemory()
    before = memory.own
    started = time.perf_counter()
    aggregates = aggregates_of(open_coverage_inputs("bench", "bench", "bench", root), root=root)
    counted = time.perf_counter() - started
    after = memory.own
    analyse_coverage("bench", "bench", "bench", root=root)
    whole = time.perf_counter() - started
    opened = _median(lambda: analyse_coverage("bench", "bench", "bench", root=root))
    masks = [
        aggregates.where(subjects=aggregates.subjects[i % 3 :: 3], task=["a", "b"][i % 2 :]) for i in range(REPEATS)
    ]
    query = _median(lambda: associate(aggregates, masks[int(time.perf_counter_ns() // 1000) % REPEATS]))
    row = {
        "count_s": counted,
        "analysis_s": whole,
        "open_s": opened,
        "query_s": query,
        "start_mb": before,
        "count_peak_mb": after,
        "peak_mb": memory.own,
        "aggregates_mb": _folder_mb(root, aggregates.key),
    }
    if baseline:
        row["duckdb_query_s"] = duckdb_query(root)
        row["times_faster"] = row["duckdb_query_s"] / query
    return {k: round(v, 4) for k, v in row.items()}


def duckdb_query(root: Path) -> float:
    """Seconds that DuckDB takes for the filtered counts from the frames, in one query."""
    import duckdb

    tokens = str(root / "tokens/bench--bench/tokens.parquet")
    aus = str(root / "analyses/aus--bench--bench/aus.parquet")
    recordings = str(root / "datasets/bench/recordings.parquet")
    sql = f"""
        WITH f AS (SELECT t.recording, t.frame, list_distinct(t.tokens) AS said, a.presence FROM '{tokens}' t
                   JOIN '{aus}' a USING (recording, frame) JOIN '{recordings}' r USING (recording) WHERE r.task = 'a'),
             k AS (SELECT unnest(said) AS codeword, presence FROM f),
             x AS (SELECT codeword, unnest(range(len(presence))) AS au, unnest(presence) AS here FROM k)
        SELECT codeword, au, count(*), sum(here) FROM x WHERE codeword <> 0 GROUP BY codeword, au"""
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute(sql).fetchall()
    return time.perf_counter() - started


def make(root: Path, frames: int) -> None:
    """A dataset, a codebook, tokens and AUs: bursts of AUs, codewords that follow them, and noise."""
    from dfe_core.faces import open_face, save_face
    from dfe_core.ontology import columns

    rng, face = np.random.default_rng(0), open_face("anny")
    save_face(face, root)
    numbers = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 24, 26, 28, 43, 45)
    aus = columns(tuple(f"AU{n}" for n in numbers))
    psi = make_model(root, face, rng)
    lengths = np.diff(np.unique(np.r_[np.arange(0, frames, min(RECORDING_FRAMES, max(frames // 10, 1))), frames]))
    kept = make_frames(root, face.id, psi, lengths, rng.integers(1, CODEWORDS, (len(aus), 4)), rng)
    make_aus(root, aus, kept, lengths)
    (root / "made").touch()


def make_model(root: Path, face, rng: np.random.Generator) -> np.ndarray:
    """A random local codebook: (K, E) float32."""
    from dfe_core.store import atomic_directory, write_json
    from dfe_core.tokenizer.geometry import codeword_geometry

    shape = (CODEWORDS, face.coefficients)
    psi = (rng.random(shape) * (rng.random(shape) < 0.06)).astype(np.float32)
    psi[0] = 0
    with atomic_directory(root / "models/bench") as folder:
        codeword_geometry(psi, face).assign(psi=list(psi)).to_parquet(folder / CODEWORDS_FILE)
        write_json(
            folder / CONFIG,
            {
                "key": "bench",
                "levels": LEVELS,
                "tokenizer": {"stages": STAGES},
                "coefficients": face.names,
                "face": face.id,
            },
        )
    return psi


def make_frames(
    root: Path, face_id: str, psi: np.ndarray, lengths: np.ndarray, follows: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Dataset and token cache, recording by recording; returns the AUs that are there, as packed bits."""
    from dfe_core.expressions.dataset_writer import open_writer
    from dfe_core.expressions.recording import Recording
    from dfe_core.faces.arkit import ARKIT_NAMES
    from dfe_core.store import atomic_directory, write_json

    schema = pa.schema(
        [
            ("recording", pa.dictionary(pa.int32(), pa.string())),
            ("frame", pa.int64()),
            ("time_s", pa.float64()),
            ("tokens", pa.list_(pa.uint16(), STAGES)),
            ("levels", pa.list_(pa.uint8(), STAGES)),
            ("error_mm", pa.float32()),
        ]
    )
    kept, counts = {}, []
    with atomic_directory(root / "tokens/bench--bench") as folder, open_writer("bench", ARKIT_NAMES, root) as dataset:
        with pq.ParquetWriter(folder / TOKENS_FILE, schema, compression="zstd") as sink:
            for i, length in enumerate(lengths):
                name, index = f"r{i:05d}", np.arange(length)
                here, tokens, levels = _recording(rng, length, len(follows), follows)
                dataset.add(
                    Recording(
                        name=name,
                        names=ARKIT_NAMES,
                        psi=_decode(psi, tokens, levels, rng),
                        time_s=index / FPS,
                        frame=index,
                        valid=np.ones(length, bool),
                        fps=FPS,
                        space="arkit",
                        extractor="made-up",
                        subject=f"s{i % 100:03d}",
                    ),
                    {"task": "ab"[i // 100 % 2]},
                )
                lists = [pa.FixedSizeListArray.from_arrays(x.ravel(), STAGES) for x in (tokens, levels)]
                sink.write_table(
                    pa.table(
                        [
                            pa.DictionaryArray.from_arrays(np.zeros(length, np.int32), [name]),
                            index,
                            index / FPS,
                            *lists,
                            np.zeros(length, np.float32),
                        ],
                        schema=schema,
                    )
                )
                used, number = np.unique(tokens[tokens > 0], return_counts=True)
                counts.append(
                    pd.DataFrame(
                        {
                            "recording": name,
                            "stage": 0,
                            "codeword": used.astype(int),
                            "uses": number,
                            "intensity": number * 0.5,
                        }
                    )
                )
                kept[name] = np.packbits(here, axis=0)
        dataset.close(
            {
                "name": "bench",
                "face": face_id,
                "simulated": False,
                "sources": [],
                "dropped": [],
                "notes": ["Made up for a benchmark."],
            }
        )
        pd.concat(counts, ignore_index=True).to_parquet(folder / COUNTS_FILE)
        write_json(
            folder / MANIFEST,
            {
                "model": "bench",
                "dataset": "bench",
                "stages": STAGES,
                "codewords": CODEWORDS,
                "levels": LEVELS,
                "frames": int(lengths.sum()),
                "key": str(lengths.sum()),
            },
        )
    return kept


def make_aus(root: Path, aus: tuple, kept: dict[str, np.ndarray], lengths: np.ndarray) -> None:
    """The AUs, aligned."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.store import AlignedFrames, open_au_writer

    data = Dataset.open("bench", root)
    with open_au_writer("bench", "bench", aus, root) as writer:
        for name, length in zip(data.recordings["recording"], lengths, strict=True):
            here = np.unpackbits(kept[name], axis=0, count=length).astype(np.float32)
            writer.add(name, AlignedFrames(np.arange(length), here, here * 3))
        writer.close(
            {
                "name": "bench",
                "dataset": "bench",
                "dataset_key": data.key,
                "tool": "made-up",
                "version": "1",
                "estimate": False,
                "emits": sorted({au for au, _ in aus}),
                "notes": [],
            }
        )


def _decode(psi: np.ndarray, tokens: np.ndarray, levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    strength = np.array(LEVELS, np.float32)[levels]
    decoded = sum(psi[tokens[:, n]] * strength[:, n, None] for n in range(STAGES))
    return decoded + rng.standard_normal(decoded.shape, np.float32) * 0.02


def _recording(
    rng: np.random.Generator, length: int, aus: int, follows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blocks = -(-length // 15)  # half a second
    here = np.repeat(rng.random((blocks, aus)) < 0.07, 15, axis=0)[:length]
    tokens = np.repeat(rng.integers(1, CODEWORDS, (blocks, STAGES)), 15, axis=0)[:length].astype(np.uint16)
    tokens[np.repeat(rng.random((blocks, STAGES)) < 0.55, 15, axis=0)[:length]] = 0
    for stage in range(4):
        first = here.argmax(1)
        said = here.any(1) & (rng.random(length) < 0.8)
        tokens[said, stage] = follows[first[said], stage]
    levels = np.repeat(rng.integers(0, len(LEVELS), (blocks, STAGES)), 15, axis=0)[:length].astype(np.uint8)
    return here, tokens, levels


def _median(work) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _folder_mb(root: Path, key: str) -> float:
    return sum(p.stat().st_size for p in (root / "analyses" / keyed_name(COVERAGE, key)).iterdir()) / 1e6


if __name__ == "__main__":
    main()
