"""Encoding beside vector-quantize-pytorch's ResidualVQ: ``python -m benchmarks.encoding`` (needs ``dfe[benchmark]``).

The library's quantizer takes 8 stages of so many entries; ours chooses the tokens that are worth their bits among 63
codewords at many intensities. Batches of 8,192 frames. ``full`` and ``fast`` are what `dfe encode` and
`dfe encode --fast` run on the default model. The peak is that of a square matrix product on as many threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from vector_quantize_pytorch import ResidualVQ

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.storage import load_model

STAGES, BATCH = 8, 8192
ENTRIES = (64, 256, 512, 1024)


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, warmed up."""
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


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


def shipped(psi: torch.Tensor, repeats: int) -> dict[str, float]:
    """The default model's two ways, at the batch and for a single frame, with what fidelity each keeps."""
    model, config = load_model("default")
    gram = fidelity.region_grams(open_face(config["face"]))["face"]
    linked, ways = np.ones(len(psi), bool), {}
    for name, more in (("full", {"linked": linked}), ("fast", {"fast": True})):

        def run(more=more):
            return next(model.encode_batches(psi.numpy(), batch=BATCH, **more))

        found = run()
        decoded = model.decode(found.tokens, found.intensities).numpy()
        ways |= {
            f"{name}_fps": len(psi) / seconds(run, repeats),
            f"{name}_explained_variance": fidelity.explained_variance(psi.numpy(), decoded, gram),
        }
    single = psi[:1]
    ways |= {
        "full_one_frame_ms": 1e3 * seconds(lambda: model.encode(single), 50),
        "fast_one_frame_ms": 1e3 * seconds(lambda: model.encode_fast(single), 50),
    }
    return ways | {
        "fast_to_full": ways["fast_fps"] / ways["full_fps"],
        "fidelity_kept": ways["fast_explained_variance"] / ways["full_explained_variance"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
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
    }
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
