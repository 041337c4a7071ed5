"""The temporal encoder sees a frame's neighbours, and nothing beyond the recording or behind what is hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.region_graph import FEATURES, region_graph
from dfe_core.tokenizer.config import TokenizerConfig, load_config
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokenizer.temporal_encoder import CONTEXT, WINDOW, TemporalCorrection, between_seen, temporal_correction
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model
from tests.small_world import write_dataset

FRAMES = 150


@pytest.fixture(scope="module")
def encoder(toy_face) -> TemporalCorrection:
    """One whose last layer says something."""
    torch.manual_seed(0)
    config = TokenizerConfig(encoder="temporal", width=8, heads=2)
    found = temporal_correction(config, region_graph(toy_face, np.eye(52)), np.eye(52), np.ones(52))
    torch.nn.init.normal_(found.leave.weight, std=0.1)
    return found.eval()


@pytest.fixture
def latent() -> torch.Tensor:
    """(T, D) of two recordings."""
    return torch.randn(FRAMES, 52, generator=torch.Generator().manual_seed(1))


def linked() -> torch.Tensor:
    """Two recordings of 75 frames."""
    out = torch.ones(FRAMES, dtype=torch.bool)
    out[[0, 75]] = False
    return out


@torch.no_grad()
def test_no_frame_sees_another_recording(encoder: TemporalCorrection, latent: torch.Tensor):
    other = torch.cat([latent[:75], torch.randn(75, 52)])
    before, after = encoder(latent, linked()), encoder(other, linked())
    assert torch.allclose(before[:75], after[:75], atol=1e-5)
    assert not torch.allclose(before[75:], after[75:], atol=1e-2)


@torch.no_grad()
def test_a_frame_sees_those_around_it_as_far_as_the_window(encoder: TemporalCorrection, latent: torch.Tensor):
    moved = latent.clone()
    moved[70] += 30
    changed = (encoder(latent, linked()) - encoder(moved, linked())).abs().max(1).values > 1e-7
    assert changed[70 - CONTEXT : 75].all() and not changed[: 70 - WINDOW + CONTEXT].any() and not changed[75:].any()
    alone = (encoder(latent) - encoder(moved)).abs().max(1).values > 1e-7
    assert alone.nonzero().flatten().tolist() == [70]


def test_what_is_hidden_is_not_looked_at(latent: torch.Tensor):
    hidden = torch.zeros(FRAMES, dtype=torch.bool)
    hidden[20:30] = True
    other = torch.where(hidden[:, None], 9.0, latent)
    first, second = (between_seen(one, linked(), hidden) for one in (latent, other))
    assert torch.equal(first, second) and torch.equal(first[~hidden], latent[~hidden])
    assert torch.allclose(first[20], latent[19] + (latent[30] - latent[19]) / 11, atol=1e-6)
    ends = torch.zeros(FRAMES, dtype=torch.bool)
    ends[70:80] = True  # the end of one recording and the beginning of the next
    held = between_seen(latent, linked(), ends)
    assert torch.equal(held[70:75], latent[69].expand(5, -1)) and torch.equal(held[75:80], latent[80].expand(5, -1))


def test_regions_are_a_graph_of_what_lies_side_by_side(toy_face):
    moment = np.diag(np.random.default_rng(0).uniform(0.1, 1, 52))
    graph = region_graph(toy_face, moment)
    rows = dict(zip(graph.names, graph.adjacency, strict=True))
    brow, jaw = graph.names.index("brow"), graph.names.index("jaw")
    assert rows["eye"][brow] > 0 and rows["eye"][jaw] == 0
    np.testing.assert_allclose(graph.adjacency.sum(1), 1, atol=1e-6)
    energy = np.einsum("red,ef,rfd->r", graph.features, moment, graph.features)
    assert graph.features.shape == (8, 52, FEATURES) and (energy > 0.5).all() and (energy <= 1 + 1e-5).all()


def test_a_model_is_trained_saved_loaded_and_fills_what_it_does_not_see(tmp_path: Path, toy_face):
    from dfe_core.faces import save_face

    save_face(toy_face, tmp_path)
    rng, time = np.random.default_rng(0), np.arange(200)[:, None] / 10
    mixing = rng.uniform(0, 0.5, (3, 52))
    psi = {f"r{i}": np.sin(time + rng.uniform(0, 6, 3)).clip(0) @ mixing for i in range(6)}
    data = write_dataset(tmp_path, toy_face, psi, subjects=6)
    small = {"tokenizer.encoder": "temporal", "tokenizer.width": 16, "tokenizer.codewords": 16, "tokenizer.stages": 4}
    config = load_config(
        None, {**small, "train.steps": 15, "train.batch": 128, "train.encoder_batch": 128, "train.learning_rate": 5e-3}
    )
    train_model("d", "t", config=config, root=tmp_path)
    model, _ = load_model("t", tmp_path)
    frames = torch.as_tensor(data.frames("r0").psi)
    hidden = torch.zeros(200, dtype=torch.bool)
    hidden[100:105] = True
    follows = torch.arange(200) > 0
    with torch.no_grad():
        filled = model.latent(frames, follows, hidden)[0][100:105]
    truth = frames[100:105] @ model.frame
    assert (filled - truth).square().sum() < 0.5 * truth.square().sum()
    tokens = encode_dataset("t", "d", root=tmp_path)
    assert tokens.frames == 1200 and Dataset.open("d", tmp_path).frame_count == 1200


def test_an_unknown_encoder_is_refused():
    with pytest.raises(DataError, match="temporal"):
        TokenizerConfig(encoder="lstm")
