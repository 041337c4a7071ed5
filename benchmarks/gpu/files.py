"""`dfe encode` from Parquet to Parquet, and its parts alone: what bounds it."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from dfe_core.engines import EngineOptions, open_engine
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.store import cache_root
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokens import spanning_batches
from dfe_core.tokens.cache import TokenCache, TokenWriter
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.tokens.intervals import build_runs

NAME, WARM = "repeated", "warm"


def from_file_to_file(device: torch.device, dataset: str, count: int) -> dict[str, Any]:
    """Frames a second of `encode_dataset` on recordings repeated to `count` frames, and of what it is made of."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for kind in ("models", "faces"):
            shutil.copytree(cache_root() / kind, root / kind)
        _repeated(WARM, dataset, 1, root)
        encode_dataset("default", WARM, root=root)  # compiles
        written = _repeated(NAME, dataset, count, root)
        started = time.perf_counter()
        report = encode_dataset("default", NAME, root=root)
        took = time.perf_counter() - started
        indexed = _indexing(root)
        model, _ = load_model("default", root, str(device))
        threads = spanning_batches.threads_of_encoding(model) if device.type == "cuda" else 1
        return {
            "frames": report.frames,
            "recordings": written,
            "threads": threads,
            "end to end": report.frames / took,
            "end to end, with the index of presence that the command makes": report.frames / (took + indexed),
            "that index alone, in a process a core": report.frames / indexed,
            "reading alone": report.frames / _reading(root, threads),
            "writing parts alone": report.frames / _writing(root, threads),
        }


def _repeated(name: str, dataset: str, count: int, root: Path) -> int:
    """A dataset of the recordings of another, again and again under new names; how many they are."""
    source = Dataset.open(dataset)
    names = source.recordings["recording"].tolist()
    done, number = 0, 0
    with open_writer(name, source.names, root) as writer:
        while done < count:
            recording = source.recording(names[number % len(names)])
            writer.add(replace(recording, name=f"r{number:06d}", extras={}))
            done += len(recording.psi)
            number += 1
        writer.close({"name": name, "face": source.face_id, "simulated": source.simulated})
    return number


def _indexing(root: Path) -> float:
    """Seconds of what `dfe encode` does after the tokens are there, for the dashboard."""
    with open_engine(EngineOptions(engine="processes")) as engine:
        started = time.perf_counter()
        build_runs(TokenCache.open("default", NAME, root), engine=engine)
        return time.perf_counter() - started


def _reading(root: Path, threads: int) -> float:
    """Seconds to read all frames, each thread its own share."""
    names = Dataset.open(NAME, root).recordings["recording"].tolist()

    def read(share: list[str]) -> None:
        for _ in Dataset.open(NAME, root).iter_frames(share):
            pass

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, [names[i::threads] for i in range(threads)]))
    return time.perf_counter() - started


def _writing(root: Path, threads: int) -> float:
    """Seconds to write the tokens that are there as parts, each thread its own."""
    tokens = TokenCache.open("default", NAME, root)
    names = Dataset.open(NAME, root).recordings["recording"].tolist()[:64]
    held = [tokens.recording(name) for name in names]
    levels = np.asarray(tokens.manifest["levels"], np.float32)

    def write(number: int) -> None:
        with TemporaryDirectory() as folder:
            writer = TokenWriter(
                Path(folder), stages=tokens.stages, codewords=tokens.codewords, levels=tokens.manifest["levels"]
            )
            for found in held[number::threads]:
                writer.add(
                    found.recording,
                    frame=found.frame,
                    time_s=found.time_s,
                    tokens=found.tokens,
                    levels=np.searchsorted(levels, found.intensities).clip(0, len(levels) - 1).astype(np.uint8),
                    error_mm=found.error_mm,
                )
            writer.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(min(threads, len(held)))))
    share = sum(len(h.frame) for h in held) / tokens.frames
    return (time.perf_counter() - started) / share
