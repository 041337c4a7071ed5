"""Encoding beside vector-quantize-pytorch's ResidualVQ: ``python -m benchmarks.encoding`` (needs ``dfe[benchmark]``).

The library's quantizer takes 8 stages of so many entries; ours chooses the tokens that are worth their bits among 63
codewords at many intensities. Batches of 8,192 frames. ``full`` and ``fast`` are what `dfe encode` and
`dfe encode --fast` run on the default model; ``reference`` is the full way in PyTorch alone, as it runs without the
compiled kernel, and ``same_tokens`` the share of frames to which both give the same tokens. ``live`` is one frame of a
stream with everything it takes. ``parts`` of the full way are in µs a frame on one thread; ``command`` is the whole of
`dfe encode` into an empty folder. The peak is that of a square matrix product on as many threads. Times are medians of
`--repeats`; with ``--busy``, for a machine that others work on, the shortest on one thread, in seconds of the
processor.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from vector_quantize_pytorch import ResidualVQ

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.live.encoder import LiveEncoder
from dfe_core.store import cache_root
from dfe_core.tokenizer import fidelity, kernel, quantizer, temporal_smoothing
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokens.encoding import encode_dataset

STAGES, BATCH = 8, 8192
ENTRIES = (64, 256, 512, 1024)
HOW: dict[str, Callable] = {"clock": time.perf_counter, "of": np.median}


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Seconds of a call, warmed up."""
    call()
    times = []
    for _ in range(repeats):
        started = HOW["clock"]()
        call()
        times.append(HOW["clock"]() - started)
    return float(HOW["of"](times))


def peak_gflops(repeats: int) -> float:
    """Of a (2048, 2048) float32 product."""
    a = torch.randn(2048, 2048)
    return 2 * 2048**3 / seconds(lambda: a @ a, repeats) / 1e9


def frames(count: int) -> torch.Tensor:
    """The first `count` valid frames of the simulated data."""
    parts, total = [], 0
    for part in Dataset.open("simulated").iter_frames():
        parts.append(part.psi[part.valid])
        total += len(parts[-1])
        if total >= count:
            break
    return torch.as_tensor(np.concatenate(parts)[:count])


def against_library(psi: torch.Tensor, entries: int, repeats: int) -> dict[str, float]:
    """Frames a second of the library's ResidualVQ, 8 stages of `entries` codewords drawn from the frames."""
    model, _ = load_model("default")
    torch.manual_seed(0)
    latent = psi @ model.frame
    theirs = ResidualVQ(dim=latent.shape[1], num_quantizers=STAGES, codebook_size=entries, shared_codebook=True).eval()
    with torch.inference_mode():
        theirs.layers[0]._codebook.embed.copy_(latent[torch.randperm(len(latent))[:entries]][None])
        return {"entries": entries, "library_fps": len(psi) / seconds(lambda: theirs(psi @ model.frame), repeats)}


@contextmanager
def without_kernel():
    """PyTorch alone."""
    modules = (quantizer, temporal_smoothing)
    kept = [module.is_compiled for module in modules]
    for module in modules:
        module.is_compiled = lambda _frames: False
    try:
        yield
    finally:
        for module, function in zip(modules, kept, strict=True):
            module.is_compiled = function


def shipped(psi: torch.Tensor, repeats: int) -> dict[str, float]:
    """The default model's two ways, at the batch and for a single frame, with what fidelity each keeps."""
    model, config = load_model("default")
    face = open_face(config["face"])
    gram = fidelity.region_grams(face)["face"]
    linked, ways, kept = np.ones(len(psi), bool), {}, {}
    for name, more in (("full", {"linked": linked}), ("fast", {"fast": True})):

        def run(more=more):
            return next(model.encode_batches(psi.numpy(), batch=BATCH, **more))

        kept[name] = found = run()
        decoded = model.decode(found.tokens, found.intensities).numpy()
        ways |= {
            f"{name}_fps": len(psi) / seconds(run, repeats),
            f"{name}_explained_variance": fidelity.explained_variance(psi.numpy(), decoded, gram),
        }
    with without_kernel():
        started = HOW["clock"]()
        reference = next(model.encode_batches(psi.numpy(), batch=BATCH, linked=linked))
        ways["reference_fps"] = len(psi) / (HOW["clock"]() - started)
    same = (reference.tokens == kept["full"].tokens) & (reference.levels == kept["full"].levels)
    single, live = psi[:1], LiveEncoder(model, face)
    live.warm_up()
    ways |= {
        "same_tokens": float(same.all(1).float().mean()),
        "full_one_frame_ms": 1e3 * seconds(lambda: model.encode(single), 50),
        "fast_one_frame_ms": 1e3 * seconds(lambda: model.encode_fast(single), 50),
        "live_one_frame_ms": 1e3
        * seconds(lambda: [live.encode(row, 0.03 * i) for i, row in enumerate(psi[:200])], 5)
        / 200,
    }
    return ways | {
        "fast_to_full": ways["fast_fps"] / ways["full_fps"],
        "fidelity_kept": ways["fast_explained_variance"] / ways["full_explained_variance"],
    }


def parts(psi: torch.Tensor, repeats: int) -> dict[str, float]:
    """µs a frame of each part of the full way, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model, _ = load_model("default")
    codebook, tables, times = model.quantizer, model.quantizer.tables(), {}
    run = kernel.KernelRun(
        places=codebook.places,
        sweeps=codebook.sweeps,
        threads=1,
        weight=model.config.temporal_bits * model.config.rate_weight,
        smoothings=2,
        window=15,
    )
    linked = np.arange(len(psi)) > 0

    def timed(name: str, call: Callable[[], object]) -> object:
        times[name] = 1e6 * seconds(call, repeats) / len(psi)
        return call()

    with torch.inference_mode():
        latent = timed("latent", lambda: psi @ model.frame)
        products = timed("products", lambda: latent @ tables.codewords.T).numpy()
        timed("greedy", lambda: kernel.search_frames(products, products, tables, run.places, 0, 1))
        timed("searched", lambda: kernel.search_frames(products, products, tables, run.places, run.sweeps, 1))
        found = timed("linked", lambda: kernel.search_linked(products, products, tables, linked, run))
        timed("levels, intensities, error", lambda: kernel.finish_frames(*found, latent.numpy(), tables, 1))
        whole = timed("all", lambda: next(model.encode_batches(psi.numpy(), linked, len(psi))))
        timed("decoding (for the error in mm)", lambda: model.decode(whole.tokens, whole.intensities))
    torch.set_num_threads(threads)
    searched, linked_time = times.pop("searched"), times.pop("linked")
    return {**times, "sweeps": searched - times["greedy"], "smoothing, order": linked_time - searched}


def command() -> dict[str, float]:
    """The whole of `dfe encode default simulated` from Parquet to Parquet."""
    root = cache_root()
    with tempfile.TemporaryDirectory() as scratch:
        for kind in ("datasets", "models", "faces"):
            (Path(scratch) / kind).symlink_to(root / kind)
        started = HOW["clock"]()
        report = encode_dataset("default", "simulated", root=Path(scratch))
        return {"frames": report.frames, "fps": report.frames / (HOW["clock"]() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--busy", action="store_true", help="the shortest times of one thread, of the processor's clock"
    )
    given = parser.parse_args()
    repeats = given.repeats
    if given.busy:
        HOW.update(clock=time.process_time, of=np.min)
        torch.set_num_threads(1)
    psi = frames(BATCH)
    result = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "load": os.getloadavg()[0],
        "peak_gflops": peak_gflops(repeats),
        "against_library": [against_library(psi, k, repeats) for k in ENTRIES],
        "shipped": shipped(psi, repeats),
        "parts": parts(psi, repeats),
        "command": command(),
    }
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
