"""Encoding beside vector-quantize-pytorch's ResidualVQ: ``python -m benchmarks.encoding`` (needs ``dfe[benchmark]``).

Both get the shipped encoder with the same weights, the same codewords and a greedy search, so that their tokens ought
to be the same; 8 stages, batches of 8,192 frames. The first row is as shipped: our 63 codewords at 8 intensities and
rest, which the library holds as 505 entries; the others have one intensity. ``full`` and ``fast`` are what `dfe encode`
and `dfe encode --fast` run on the default model. The peak is that of a square matrix product on as many threads.
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
from dfe_core.tokenizer.config import Config
from dfe_core.tokenizer.encoder import build_correction
from dfe_core.tokenizer.quantizer import ResidualQuantizer
from dfe_core.tokenizer.storage import load_model

STAGES, BATCH = 8, 8192
ROWS = ((64, Config().tokenizer.levels), (64, (1.0,)), (512, (1.0,)), (1024, (1.0,)))


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


def against_library(psi: torch.Tensor, codewords: int, levels: tuple[float, ...], repeats: int) -> dict[str, float]:
    """One row: the same encoder in front of both; the library's codebook holds every codeword at every level."""
    model, _ = load_model("default")
    torch.manual_seed(0)
    correction, latent = build_correction(psi.shape[1], Config().tokenizer).eval(), psi @ model.frame
    ours = ResidualQuantizer(STAGES, codewords, latent.shape[1], levels)
    scale = 0.5 ** torch.randint(0, 5, (codewords, 1))
    book = latent[torch.randperm(len(latent))[:codewords]] * scale  # frames of all sizes: later stages have work to do
    book[0] = 0
    entries = torch.cat([book[:1], (book[1:, None] * torch.tensor(levels)[:, None]).flatten(0, 1)])
    theirs = ResidualVQ(dim=latent.shape[1], num_quantizers=STAGES, codebook_size=len(entries),
                        shared_codebook=True).eval()
    with torch.no_grad():
        ours.codewords.copy_(book)
        theirs.layers[0]._codebook.embed.copy_(entries[None])

    def run_ours() -> tuple[torch.Tensor, torch.Tensor]:
        plain = psi @ model.frame
        found = ours.encode(plain + correction(plain), beam=1, sweeps=0, compiled=True)
        return found.tokens, found.levels

    def run_theirs() -> torch.Tensor:
        plain = psi @ model.frame
        return theirs(plain + correction(plain))[1]
    with torch.inference_mode():
        tokens, chosen = run_ours()
        entry = torch.where(tokens > 0, (tokens - 1) * len(levels) + chosen + 1, 0)
        same = (entry == run_theirs()).all(1).float().mean()
        fast, slow = (len(psi) / seconds(call, repeats) for call in (run_ours, run_theirs))
        alone = len(psi) / seconds(lambda: correction(psi @ model.frame), repeats)
    flops = 2 * latent.shape[1] * codewords
    return {"codewords": codewords, "levels": len(levels), "entries": len(entries), "ours_fps": fast,
            "library_fps": slow, "ratio": fast / slow, "encoder_alone_fps": alone, "ratio_bound": alone / slow,
            "same_tokens": float(same), "search_gflops": flops * fast / 1e9}


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
        ways |= {f"{name}_fps": len(psi) / seconds(run, repeats),
                 f"{name}_explained_variance": fidelity.explained_variance(psi.numpy(), decoded, gram)}
    single = psi[:1]
    ways |= {"full_one_frame_ms": 1e3 * seconds(lambda: model.encode(single), 50),
             "fast_one_frame_ms": 1e3 * seconds(lambda: model.encode_fast(single), 50)}
    return ways | {"fast_to_full": ways["fast_fps"] / ways["full_fps"],
                   "fidelity_kept": ways["fast_explained_variance"] / ways["full_explained_variance"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    psi = frames(BATCH)
    result = {"torch": torch.__version__, "threads": torch.get_num_threads(), "cores": os.cpu_count(),
              "machine": platform.machine(), "load": os.getloadavg()[0], "peak_gflops": peak_gflops(repeats),
              "against_library": [against_library(psi, k, levels, repeats) for k, levels in ROWS],
              "shipped": shipped(psi, repeats)}
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
