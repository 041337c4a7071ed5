"""The rows of the tokenizer table: ours, ours with one thing changed, and the rivals.

Every method learns from the same training frames (ours from all of them, rivals from up to 40,000 drawn at random) and
encodes the same held-out stretches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import FastICA, MiniBatchDictionaryLearning

from dfe_core.evaluation import baselines
from dfe_core.evaluation.coded_bits import raw_bits
from dfe_core.evaluation.encoded_part import code_lengths
from dfe_core.evaluation.recovery import codeword_activations
from dfe_core.progress import Progress
from dfe_core.tokenizer.config import Config, load_config
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.encoding_stream import encode_frames
from dfe_core.training.fit import fit_in_memory

from .sample import Sample


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What a method gives back.

    decoded: (T, E) of the test stretch. bits: per frame, NaN where intensities are not quantised. seconds: of training.
    dictionary: (K, E) ψ of its atoms. train_use, test_use: (N | T, K) activation of each atom. tokens: (T, N) of the
    test stretch, 1 … `atoms`, 0 where a stage rests; symbols: (T, N) what is sent, token and level. None where a
    method has no such thing. rates: frames a second of encoding and decoding. entropy_bits: of the tokens by code
    lengths of training frames, where they are known.
    """

    decoded: np.ndarray
    bits: float
    seconds: float
    dictionary: np.ndarray | None = None
    train_use: np.ndarray | None = None
    test_use: np.ndarray | None = None
    tokens: np.ndarray | None = None
    symbols: np.ndarray | None = None
    atoms: int = 0
    parameters: int = 0
    seconds_to_final: float | None = None
    rates: dict[str, float] = field(default_factory=dict)
    entropy_bits: float | None = None


Method = Callable[[Sample], Outcome | None]


def ours(**overrides: Any) -> Method:
    """Our tokenizer with these configuration overrides (dots written as ``__``)."""

    def run(sample: Sample) -> Outcome:
        config = load_config(None, {k.replace("__", "."): v for k, v in overrides.items()}, sample.seed)
        return _tokenized(sample, config)

    return run


def _tokenized(sample: Sample, config: Config) -> Outcome:
    import torch

    started = time.perf_counter()
    trace: list[tuple[float, float]] = []

    def watch(report: Progress) -> None:
        error = report.figures.get("rmse_mm") if report.task == "training" else None
        if error is not None and (not trace or trace[-1][1] != error):  # figures stand until the next are read
            trace.append((time.perf_counter() - started, error))

    model, _ = fit_in_memory(sample.dataset, config, sample.root, watch)
    seconds, size = time.perf_counter() - started, len(model.quantizer.codewords)
    blind = torch.zeros_like(model.frame)
    train, test = (
        encode_frames(model, part.psi.astype(np.float32), blind, part.linked) for part in (sample.train, sample.test)
    )
    uses = [codeword_activations(found[0], found[2], size, "intensity") for found in (train, test)]
    dictionary = model.codeword_psi()
    tokens = test[0].astype(np.int64)
    return Outcome(
        decoded=uses[1] @ dictionary,
        bits=raw_bits(tokens, model.quantizer.tables().top.numpy()),
        seconds=seconds,
        dictionary=dictionary,
        train_use=uses[0],
        test_use=uses[1],
        tokens=tokens,
        symbols=None,
        atoms=size - 1,
        parameters=sum(p.numel() for p in model.parameters()),
        seconds_to_final=_time_to_final(trace),
        rates=_rates(model, sample.test.psi.astype(np.float32), test[0], test[2]),
        entropy_bits=float(code_lengths(model, test[0], test[1]).mean()),
    )


def _rates(model: Any, psi: np.ndarray, tokens: np.ndarray, intensities: np.ndarray) -> dict[str, float]:
    """Frames a second: encoding at batches of 1, 256 and 8,192, decoding at 8,192; the best of three, warmed up."""
    import torch

    rates = {}
    for batch in (1, 256, 8192):
        part = torch.as_tensor(np.resize(psi, (batch, psi.shape[1])), device=model.frame.device)
        rates[f"encode_fps_{batch}"] = batch / _seconds(partial(model.encode, part))
    sent = [
        torch.as_tensor(np.resize(x, (8192, x.shape[1])), device=model.frame.device)
        for x in (tokens.astype(np.int64), intensities)
    ]
    return rates | {"decode_fps": 8192 / _seconds(partial(model.decode, *sent))}


def _seconds(call: Callable[[], object]) -> float:
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else list
    call()
    times = []
    for _ in range(3):
        wait()
        started = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - started)
    return min(times)


def _time_to_final(trace: list[tuple[float, float]]) -> float | None:
    """Seconds until the training error, a running median of three readings, is within 1.05 of where it ends."""
    if len(trace) < 3:
        return None
    seconds, errors = np.array(trace).T
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(errors, 3), axis=1)
    return float(seconds[2 + np.flatnonzero(smooth <= 1.05 * smooth[-1])[0]])


def residual_kmeans(bits: float, stages: int, in_mesh_frame: bool = False) -> Method:
    """Residual k-means at `bits` over `stages`, on whitened ψ or in the mesh's own frame (a stronger rival)."""

    def run(sample: Sample) -> Outcome:
        started, size = time.perf_counter(), round(2 ** (bits / stages))
        frame = (
            mesh_factor(sample.gram + 1e-6 * np.trace(sample.gram) * np.eye(len(sample.gram)))
            if in_mesh_frame
            else None
        )
        found = baselines.residual_kmeans(sample.fit, sample.test.psi, stages, size, sample.seed, frame)
        seconds, atoms = time.perf_counter() - started, found.atoms()
        first = np.cumsum([0, *(len(book) for book in found.books[:-1])])
        tokens = [found.encode(sample.train.psi) + first, found.tokens + first]
        uses = [codeword_activations(t, np.ones_like(t), len(atoms), "intensity") for t in tokens]
        return Outcome(
            decoded=found.decoded,
            bits=bits,
            seconds=seconds,
            dictionary=atoms,
            train_use=uses[0],
            test_use=uses[1],
            tokens=tokens[1] + 1,
            symbols=found.tokens,
            atoms=len(atoms),
        )

    return run


def product_quantisation(bits: float) -> Method:
    """ψ cut into pieces of a few coefficients, each with its own k-means (Jégou et al. 2011)."""

    def run(sample: Sample) -> Outcome:
        started, count = time.perf_counter(), max(1, round(bits / 9))
        decoded = np.zeros_like(sample.test.psi)
        for piece in np.array_split(np.arange(sample.fit.shape[1]), count):
            means = MiniBatchKMeans(
                2 ** int(bits // count), batch_size=4096, n_init=1, max_iter=30, random_state=sample.seed
            ).fit(sample.fit[:, piece])
            decoded[:, piece] = means.cluster_centers_[means.predict(np.ascontiguousarray(sample.test.psi[:, piece]))]
        return Outcome(decoded=decoded, bits=bits, seconds=time.perf_counter() - started)

    return run


def quantised_pca(bits: float) -> Method:
    """PCA of the displacement, each component on its own scale."""

    def run(sample: Sample) -> Outcome:
        started = time.perf_counter()
        decoded = baselines.quantised_pca(sample.fit, sample.test.psi, mesh_factor(sample.gram), bits, sample.seed)
        return Outcome(decoded=decoded, bits=bits, seconds=time.perf_counter() - started)

    return run


def dictionary_learning(atoms: int, active: int) -> Method:
    """Sparse dictionary learning (Mairal et al. 2009) with as many active atoms; its intensities are not quantised."""

    def run(sample: Sample) -> Outcome:
        started = time.perf_counter()
        factor = mesh_factor(sample.gram) + 1e-6 * np.eye(len(sample.gram))
        scale = np.sqrt(np.mean((sample.fit @ factor) ** 2))
        learner = MiniBatchDictionaryLearning(
            atoms,
            alpha=1.0,
            max_iter=20,
            batch_size=512,
            transform_algorithm="omp",
            transform_n_nonzero_coefs=active,
            random_state=sample.seed,
        )
        learner.fit(sample.fit @ factor / scale)
        seconds = time.perf_counter() - started
        uses = [learner.transform(part.psi @ factor / scale) for part in (sample.train, sample.test)]  # OMP is signed
        dictionary = learner.components_ @ np.linalg.pinv(factor) * scale
        return Outcome(
            decoded=uses[1] @ dictionary,
            bits=math.nan,
            seconds=seconds,
            dictionary=dictionary,
            train_use=uses[0],
            test_use=uses[1],
        )

    return run


def independent_components(sample: Sample) -> Outcome:
    """FastICA of ψ with every component, none quantised or left out: a dense dictionary."""
    started = time.perf_counter()
    ica = FastICA(random_state=sample.seed, max_iter=200, tol=1e-3, whiten="unit-variance").fit(sample.fit)
    seconds = time.perf_counter() - started
    uses = [np.abs(ica.transform(part.psi)) for part in (sample.train, sample.test)]
    decoded = ica.inverse_transform(ica.transform(sample.test.psi))
    return Outcome(
        decoded=decoded, bits=math.nan, seconds=seconds, dictionary=ica.mixing_.T, train_use=uses[0], test_use=uses[1]
    )


def action_units(sample: Sample) -> Outcome | None:
    """Ridge from AUs derived without sides; intensities cost no bits. None for coefficients that are not ARKit's."""
    started = time.perf_counter()
    decoded = baselines.from_action_units(sample.fit, sample.test.psi, sample.names)
    return None if decoded is None else Outcome(decoded=decoded, bits=math.nan, seconds=time.perf_counter() - started)


RIVAL_BITS, RIVAL_STAGES = 64.0, 8
"""Raw bits of a frame that rivals get, about as many as our tokens take, and the stages of residual quantizers."""


def rows(quick: bool) -> dict[str, Method]:
    """Row name → method. `dfe evaluate` has PCA and k-means at exactly equal bits, raw and entropy-coded."""
    from .library_rivals import finite_scalar, library_residual, published

    default, bits, stages = Config().tokenizer, RIVAL_BITS, RIVAL_STAGES
    table: dict[str, Method] = {
        "ours": ours(),
        "residual k-means, whitened ψ": residual_kmeans(bits, stages),
        "residual k-means, mesh frame": residual_kmeans(bits, stages, in_mesh_frame=True),
        "product quantisation of ψ": product_quantisation(bits),
        "PCA, quantised": quantised_pca(bits),
        "dictionary learning, unquantised": dictionary_learning(default.codewords, stages),
        "ICA, unquantised": independent_components,
        "RVQ-VAE as published, vector-quantize-pytorch": published(bits, stages),
        "vector-quantize-pytorch, residual VQ": library_residual(bits, stages),
        "vector-quantize-pytorch, FSQ": finite_scalar(bits),
        "FACS: 20 AUs, unquantised": action_units,
        "ours, no intensities": ours(tokenizer__level_step=1.0, tokenizer__level_max=1.0),
        "ours, coefficients count too": ours(tokenizer__psi_weight=0.3),
        "ours, regions count alike": ours(tokenizer__region_weight=0.3),
        "ours, no replacement": ours(train__dead_share=0.0, train__merge_cosine=1.0),
        "ours, MLP encoder": ours(tokenizer__encoder="mlp"),
        "ours, transformer encoder": ours(tokenizer__encoder="transformer"),
        "ours, no mirroring": ours(train__mirror_share=0.0),
        "ours, greedy search": ours(tokenizer__sweeps=0),
        "ours, frames alone": ours(tokenizer__temporal_bits=0.0),
    }
    if not quick:
        for weight in (1e-4, 1e-3, 3e-3, 1e-2):
            table[f"ours, rate weight {weight:g}"] = ours(tokenizer__rate_weight=weight)
        for n in (1, 2, 4, 16):
            table |= {
                f"residual k-means, mesh frame, N = {n}": residual_kmeans(bits * n / stages, n, True),
                f"PCA, quantised, bits of N = {n}": quantised_pca(bits * n / stages),
            }
        table |= {f"ours, K = {k}": ours(tokenizer__codewords=k) for k in (32, 128)}
    return table
