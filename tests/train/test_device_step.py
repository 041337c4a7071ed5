"""The step of training as a GPU runs it: the same numbers as the CPU's way, and nothing in it that reads the device."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dfe_core.tokenizer.config import Config, TokenizerConfig, TrainConfig
from dfe_core.tokenizer.fused import FusedEncoder, table_sizes
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.training import refit as refit_module
from dfe_core.training import step as step_module
from dfe_core.training.batches import Batches, drawn
from dfe_core.training.dictionary import refit_codewords
from dfe_core.training.processes import ALONE, Processes
from dfe_core.training.refit import descended, refit_variables, refitted
from dfe_core.training.step import CodebookStep

WIDTH, CODEWORDS, BATCH = 10, 9, 300


@dataclasses.dataclass
class Small:
    """A run and its state on a device, over invented frames."""

    run: Any
    state: Any


def small(processes: Processes = ALONE, batch: int = BATCH) -> Small:
    rng = np.random.default_rng(0)
    config = Config(
        tokenizer=TokenizerConfig(stages=4, codewords=CODEWORDS), train=TrainConfig(batch=batch, mirror_share=0.5)
    )
    frame = np.eye(WIDTH) + 0.2 * rng.normal(size=(WIDTH, WIDTH))
    support = rng.random((CODEWORDS, WIDTH)) < 0.3
    support[0] = False
    moved = support * rng.uniform(0.3, 1, support.shape)
    uses = rng.random((700, CODEWORDS)) * (rng.random((700, CODEWORDS)) < 0.3)
    psi = (uses @ moved + 0.02 * rng.random((700, WIDTH))).astype(np.float32)
    torch.manual_seed(0)
    model = Tokenizer(config.tokenizer, frame, np.linalg.inv(frame))
    started = moved * rng.uniform(0.5, 1.5, moved.shape)
    model.quantizer.set_codewords_(torch.as_tensor(started @ frame, dtype=torch.float32))
    run = SimpleNamespace(
        config=config,
        frames=SimpleNamespace(psi=psi[:600]),
        simulated=psi[600:],
        processes=processes,
        device=torch.device("cpu"),
        frame=frame,
        activations=True,
        mirror=torch.eye(WIDTH)[torch.arange(WIDTH - 1, -1, -1)],
        linked=None,
    )
    state = SimpleNamespace(
        model=model,
        support=torch.as_tensor(support),
        generator=torch.Generator().manual_seed(0),
        step=0,
    )
    return Small(run=run, state=state)


def problem() -> dict[str, Any]:
    """Codewords, statistics and supports: one codeword that no frame used, and one that would become zero."""
    rng = np.random.default_rng(1)
    frame = rng.normal(size=(WIDTH, WIDTH))
    support = rng.random((CODEWORDS, WIDTH)) < 0.35
    support[3] = np.arange(WIDTH) == 2
    psi = np.abs(rng.normal(size=support.shape)) * support
    uses = rng.random((300, CODEWORDS)) * (rng.random((300, CODEWORDS)) < 0.3)
    uses[:, 5] = 0
    shown = psi * rng.uniform(0.5, 2, psi.shape)
    shown[3] *= -1
    latent = uses @ shown @ frame
    return {
        "codewords": torch.as_tensor(psi @ frame, dtype=torch.float32),
        "overlap": torch.as_tensor(uses.T @ uses / 300, dtype=torch.float32),
        "target": torch.as_tensor(uses.T @ latent / 300, dtype=torch.float32),
        "frame": frame,
        "support": support,
        "psi": psi,
    }


def refitted_on_host(given: dict[str, Any]) -> np.ndarray:
    psi = (given["codewords"].double().numpy() @ np.linalg.inv(given["frame"])) * given["support"]
    found = refit_codewords(psi, given["overlap"].numpy(), given["target"].numpy(), given["frame"], given["support"])
    return found @ given["frame"]


def refitted_on_device(given: dict[str, Any]) -> np.ndarray:
    inverse = torch.as_tensor(np.linalg.inv(given["frame"]), dtype=torch.float32)
    variables = refit_variables(torch.as_tensor(given["support"]), given["frame"], inverse)
    return refitted(given["codewords"], given["overlap"], given["target"], variables).numpy()


def test_the_refit_of_a_device_gives_the_codewords_of_the_refit_of_a_cpu():
    given = problem()
    expected, found = refitted_on_host(given), refitted_on_device(given)
    assert np.abs(expected - given["codewords"].numpy()).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=3e-6)
    for kept in (3, 5):  # would be zero; was not used
        np.testing.assert_allclose(found[kept], given["codewords"][kept], atol=1e-5)


def test_the_refit_in_one_program_does_so_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    pytest.importorskip("triton")
    from dfe_core.training.triton_refit import descended_in_one_program

    monkeypatch.setattr(refit_module, "descended", descended_in_one_program)
    given = problem()
    np.testing.assert_allclose(refitted_on_device(given), refitted_on_host(given), atol=3e-6)
    assert refit_module.descended is not descended


def test_a_step_reads_nothing_from_its_device():
    """On the device ``meta`` there are no values: whatever waits for one (item, float, cpu, numpy, nonzero) fails."""
    made = small()
    made.state.model.to("meta")
    made.run.device, made.run.mirror = torch.device("meta"), made.run.mirror.to("meta")
    batches = Batches(made.run, resident=True)
    step = CodebookStep(made.state, made.run, batches, captured=False)
    batches.ahead(2, made.state.generator)
    for _ in range(2):
        batches.next_()
        step.look_()
        step.learn_()
        step.count_()
    with pytest.raises((RuntimeError, NotImplementedError)):
        float(made.state.model.quantizer.overlap.sum())


@pytest.mark.parametrize("kernel", [False, True])
def test_the_ways_of_a_cpu_and_of_a_gpu_learn_the_same_codebook(kernel: bool, monkeypatch: pytest.MonkeyPatch):
    if kernel:
        pytest.importorskip("triton")
    batch, steps = (40, 1) if kernel else (BATCH, 6)
    host, device = small(batch=batch), small(batch=batch)
    for made in (host, device):
        batches, quantizer = Batches(made.run, resident=made is device), made.state.model.quantizer
        step = CodebookStep(made.state, made.run, batches)
        if made is device:
            step._variables = refit_variables(made.state.support, made.run.frame, made.state.model.inverse)
            step._sizes = table_sizes(quantizer.tables()) if kernel else None
            monkeypatch.setattr(
                quantizer, "tokens_of", lambda z, sweeps, q=quantizer: q.encode(z, sweeps, compiled=False)
            )
        for _ in range(steps):
            batches.ahead(1, made.state.generator)
            batches.next_()
            step.look_()
            seen = step.seen()
            step.learn_()
            step.count_()
    ours, theirs = (made.state.model.quantizer for made in (host, device))
    np.testing.assert_allclose(theirs.codewords.detach(), ours.codewords.detach(), atol=1e-4)
    np.testing.assert_allclose(theirs.bits[:, 1:4], ours.bits[:, 1:4], atol=1e-3)
    assert float(seen.residual.square().mean()) < 0.5 * float(step._plain.square().mean())


def test_capturing_a_step_leaves_the_model_as_it_was(monkeypatch: pytest.MonkeyPatch):
    """Graphs need a GPU; all around them is run here: what ran before a capture has left no trace."""
    captured: list[str] = []

    def capture(work, pool):
        captured.append(work.__name__)
        return work, pool or "pool"

    monkeypatch.setattr(step_module, "_run_aside", lambda work: work())
    monkeypatch.setattr(step_module, "_captured", capture)
    found = []
    for graphs in (False, True):
        made = small()
        batches = Batches(made.run)
        step = CodebookStep(made.state, made.run, batches, captured=graphs)
        for number in range(6):
            batches.ahead(1, made.state.generator)
            batches.next_()
            step.look_()
            step.learn_()
            step.count_()
            if number == 2:
                made.state.model.quantizer.set_codewords_(made.state.model.quantizer.codewords.detach().clone())
                step.renew_()
        found.append(made.state.model.state_dict())
    assert captured == 2 * ["_look_", "_learn_", "_count_"], "again after the codewords were set"
    assert int(found[0]["quantizer.updates"]) == 3
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_the_tables_of_the_kernel_are_made_without_reading_the_device():
    quantizer = small().state.model.quantizer
    sizes = table_sizes(quantizer.tables())
    there = FusedEncoder(quantizer.to("meta"), sizes=sizes)
    assert there.tables.gram.device.type == "meta"
    with pytest.raises((RuntimeError, NotImplementedError)):
        table_sizes(quantizer.tables())


def test_frames_on_the_device_are_those_that_the_host_would_gather():
    made = small()
    resident, gathered = Batches(made.run, resident=True), Batches(made.run, resident=False)
    for batches in (resident, gathered):
        batches.ahead(3, torch.Generator().manual_seed(5))
    for _ in range(3):
        resident.next_()
        gathered.next_()
        assert torch.equal(resident.frames(), gathered.frames())
    share = float(np.isin(gathered._taken[:, 0], made.run.simulated[:, 0]).mean())
    assert share == pytest.approx(made.run.config.train.simulated_share, abs=0.03)


def test_processes_share_out_the_batch_of_one():
    whole = drawn(small().run, torch.Generator().manual_seed(7))
    parts = [drawn(small(processes=Processes(rank=r, count=3)).run, torch.Generator().manual_seed(7)) for r in range(3)]
    assert sum(len(part.rows) for part in parts) == BATCH
    for r, part in enumerate(parts):
        assert torch.equal(part.rows, whole.rows[r::3]) and torch.equal(part.turned, whole.turned[r::3])
