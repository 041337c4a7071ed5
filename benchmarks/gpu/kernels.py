"""Encoding on the device: the fused kernel beside eager PyTorch, the library, and what bounds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.agreement import compare, reference
from benchmarks.gpu.machine import bandwidth, instructions, seconds
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.tokenizer.fused import KernelShape, fits_kernel, triton_installed
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import RUN_FRAMES
from dfe_core.tokens.spanning_batches import BatchEncoder

SHIPPED = 4096
"""Frames of a batch before there was a kernel."""
SHAPES = tuple(KernelShape(stretch=s, together=r) for s in (128, 256, 512) for r in (2, 4, 8))
INSTRUCTIONS = 160
"""Of a warp, for one frame and one place that is chosen, among 64 codewords: 640 for 4 frames, counted in the inner
loop of the machine code that Triton 3.9 makes of `encode_stretches` for sm_90."""
PASSES = 5
"""Passes over the places of a frame in the full way: the greedy one, two sweeps, two of smoothing."""


def frames(model: Tokenizer, dataset: str, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """(T, E) ψ of the dataset's valid frames, repeated to `count`, in runs of 4,096: ψ, linked and run."""
    parts, total = [], 0
    for part in Dataset.open(dataset).iter_frames():
        parts.append(part.psi[part.valid])
        total += len(parts[-1])
        if total >= count:
            break
    psi = np.concatenate(parts)
    psi = np.concatenate([psi] * -(-count // len(psi)))[:count]
    at = torch.arange(count)
    return torch.as_tensor(psi), at % RUN_FRAMES != 0, (at // RUN_FRAMES).int()


def encoding(device: torch.device, dataset: str, count: int, repeats: int) -> dict[str, Any]:
    """Frames a second of every way, and what bounds the kernel."""
    model, config = load_model("default", device=str(device))
    gram = torch.as_tensor(open_face(config["face"]).gram * 1e6, dtype=torch.float32, device=device)
    psi, linked, run = (x.to(device) for x in frames(model, dataset, count))
    found: dict[str, Any] = {"frames": count, "codewords": model.quantizer.size, "places": model.quantizer.places}
    found["eager"] = _eager(model, psi, linked, device, repeats)
    if device.type == "cpu":
        found["compiled for CPUs, full"] = count / seconds(lambda: _whole(model, psi, linked), device, repeats)
    found["library"] = _library(model, psi, device, repeats)
    if not (triton_installed() and fits_kernel(model.quantizer)):
        return found | {
            "kernel": "Triton is not installed" if not triton_installed() else "a codebook that is too large"
        }
    if device.type == "cuda":
        found["kernel"] = _kernel(model, gram, (psi, linked, run), repeats)
    found["bounds"] = _bounds(model, psi, linked, device, repeats)
    return found


def _whole(model: Tokenizer, psi: Tensor, linked: Tensor) -> None:
    for _ in model.encode_batches(psi.cpu().numpy(), linked.cpu().numpy(), SHIPPED):
        pass


def _eager(model: Tokenizer, psi: Tensor, linked: Tensor, device: torch.device, repeats: int) -> dict[str, float]:
    """Frames a second of the PyTorch version, at the batch as it was shipped and at all frames at once."""
    found = {}
    for batch in sorted({min(SHIPPED, len(psi)), min(1 << 18, len(psi))}):
        latent, link = psi[:batch] @ model.frame, linked[:batch]
        found[f"full, batch {batch:,}"] = batch / seconds(
            lambda z=latent, k=link: reference(model, z, k), device, repeats
        )
        if device.type == "cuda":
            part = psi[:batch]
            found[f"fast, batch {batch:,}"] = batch / seconds(lambda p=part: model.encode_fast(p), device, repeats)
    return found


def _library(model: Tokenizer, psi: Tensor, device: torch.device, repeats: int) -> dict[str, float] | str:
    """Frames a second of ResidualVQ with our codewords as entries, at 8 stages and at as many as we have places."""
    try:
        from vector_quantize_pytorch import ResidualVQ
    except ImportError:
        return "vector-quantize-pytorch is not installed: pip install 'dfe[benchmark]'"
    found = {}
    batch = psi[: 1 << 18]
    for stages in (8, model.quantizer.places):
        theirs = ResidualVQ(
            dim=psi.shape[1], num_quantizers=stages, codebook_size=model.quantizer.size, shared_codebook=True
        ).eval()
        with torch.inference_mode():
            theirs.layers[0]._codebook.embed.copy_(model.quantizer.codewords[None].cpu())
            theirs = theirs.to(device)
            per_second = len(batch) / seconds(lambda t=theirs: t((batch @ model.frame)[None]), device, repeats)
        found[f"{stages} stages, batch {len(batch):,}"] = per_second
    return found


def _kernel(model: Tokenizer, gram: Tensor, given: tuple[Tensor, Tensor, Tensor], repeats: int) -> dict[str, float]:
    """Frames a second of each shape in the full way, from ψ in the GPU's memory to tokens and errors there; and of the
    fast way with the best."""
    device, found = given[0].device, {}
    for shape in SHAPES:
        encoder = BatchEncoder(model, gram, shape=shape)
        name = f"full, {shape.together} frames at a time, stretches of {shape.stretch}"
        found[name] = len(given[0]) / seconds(lambda e=encoder: e(*given), device, repeats)
    best = SHAPES[int(np.argmax(list(found.values())))]
    encoder = BatchEncoder(model, gram, fast=True, shape=best)
    found["fast, the best of these"] = len(given[0]) / seconds(lambda: encoder(*given), device, repeats)
    default = BatchEncoder(model, gram)
    found["full, as shipped"] = len(given[0]) / seconds(lambda: default(*given), device, repeats)
    return found


def _bounds(model: Tokenizer, psi: Tensor, linked: Tensor, device: torch.device, repeats: int) -> dict[str, float]:
    """Frames a second that memory and the schedulers would allow, and what they are reckoned from."""
    places, size, wide = model.quantizer.places, model.quantizer.size, psi.shape[1]
    least = 4 * wide + 3 * places + 4  # ψ in; tokens, levels, error out
    products, search = 4 * (4 * wide + 2 * size), 8 * size + 4 * places
    smoothing = 2 * (28 * size + 8 * places)  # each frame twice: held of three frames, residual products, codes
    moved = products + search + smoothing + 7 * places + 4 * (3 * size + 4 * wide)
    latent = psi[: 1 << 14] @ model.frame
    tokens = reference(model, latent, linked[: 1 << 14])[0]
    used = (tokens != 0).sum(1)
    together = max(1, 256 // max(16, size))
    last = used[: len(used) // together * together].reshape(-1, together).max(1).values.float()
    chosen = PASSES * float((last + 1).clamp_max(places).mean())
    speed, issued = bandwidth(device, repeats), instructions(device)
    bounds = {
        "bytes a frame in and out": least,
        "bytes a frame through memory, all passes": moved,
        "bytes/s of a copy": speed,
        "frames/s by bytes in and out": speed / least,
        "frames/s by bytes of all passes": speed / moved,
        "tokens a frame": float(used.float().mean()),
        "places chosen a frame": chosen,
    }
    if issued:
        bounds["warp instructions/s"] = issued
        bounds["frames/s by instructions, 64 codewords"] = issued / (chosen * INSTRUCTIONS)
    return bounds


def agreement(device: torch.device, codebook: str, dataset: str, count: int, every: int) -> dict[str, Any]:
    """With the PyTorch version on this device, from the same latents, over whole recordings until `count` frames; and
    what TF32 products would do to that one. every: one recording of so many."""
    model, config = load_model(codebook, device=str(device))
    gram = torch.as_tensor(open_face(config["face"]).gram * 1e6, dtype=torch.float32, device=device)
    shape = None if device.type == "cuda" else KernelShape(stretch=1016, together=512, ordered=1024)
    encoder = BatchEncoder(model, gram, shape=shape)
    counts: dict[str, int] = {}
    coarse_same = 0
    for psi, linked in _runs(model, dataset, every):
        latent = psi @ model.frame
        tokens, levels, _ = encoder(psi, linked, torch.zeros(len(psi), dtype=torch.int32, device=device))
        wanted = reference(model, latent, linked)
        found = compare(model, latent, linked, tokens.long(), levels.long(), wanted)
        for name, value in vars(found).items():
            counts[name] = counts.get(name, 0) + value
        coarse = reference(model, _tf32(psi) @ _tf32(model.frame), linked)
        coarse_same += int(((coarse[0] == wanted[0]) & (coarse[1] == wanted[1])).all(1).sum())
        if counts["frames"] >= count:
            break
    share = counts["same"] / counts["frames"]
    return {"codebook": codebook, **counts, "share the same": share, "with TF32": coarse_same / counts["frames"]}


def _runs(model: Tokenizer, dataset: str, every: int) -> Iterator[tuple[Tensor, Tensor]]:
    """ψ and links of the runs of one recording of so many, on the model's device."""
    data = Dataset.open(dataset)
    for part in data.iter_frames(data.recordings["recording"].tolist()[::every]):
        linked = linked_frames(part.frame[part.valid])
        psi = part.psi[part.valid]
        for first in range(0, len(psi), RUN_FRAMES):
            link = torch.as_tensor(linked[first : first + RUN_FRAMES].copy())
            link[0] = False
            rows = torch.as_tensor(psi[first : first + RUN_FRAMES].copy())
            yield rows.to(model.frame.device), link.to(model.frame.device)


def _tf32(values: Tensor) -> Tensor:
    """Rounded to the 10 bits of mantissa that TF32 products see."""
    return ((values.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)
