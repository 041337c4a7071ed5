"""Networks of probes on the device ``meta``, which has no values: what waits for one fails, and so does a mixture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dfe_core.probes.sequence import ClassAnchors, _aligned_with, _loss_of, _Objective, _train_epoch
from dfe_core.probes.sequence_model import SequenceNet, make_chunks
from dfe_core.probes.sequence_settings import POOLINGS
from tests.probes.test_sequence_probe import QUICK, codebook, sequences_of, target_of

__all__ = ["codebook"]  # a fixture


@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_network_is_trained_where_it_lies_and_nothing_waits_for_it(codebook, pooling: str, task: str):
    sequences = sequences_of([[1, 2, 3], [], [4] * 40, [5, 6]])
    target = target_of(np.array([0, 1, 0, 1]) if task == "classify" else np.arange(4.0), task)
    settings = replace(QUICK, pooling=pooling, batch=4, dropout=0.1)
    rng = np.random.default_rng(0)
    net = SequenceNet(codebook.psi, codebook.stages, 2 if task == "classify" else 1, settings).to("meta")
    optimizer = torch.optim.AdamW(net.parameters())
    _train_epoch(net, sequences, np.arange(4), _Objective(_loss_of(target, target.y)), optimizer, settings, rng)
    assert net.head[1].weight.grad.device.type == "meta"
    values, _, weights = net(make_chunks(sequences, np.arange(4), settings).to(torch.device("meta")))
    assert values.device.type == weights.device.type == "meta"
    with pytest.raises((RuntimeError, NotImplementedError)):
        float(values.sum())


def test_texts_come_to_the_device_of_the_network():
    anchors = ClassAnchors(vectors=np.eye(2, 6, dtype=np.float32), of_class=np.array([0, 1]))
    loss = _aligned_with(torch.nn.Linear(4, 6).to("meta"), target_of(np.array([0, 1])), anchors)
    assert loss(torch.zeros(2, 4, device="meta"), np.array([0, 1])).device.type == "meta"
