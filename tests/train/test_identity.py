"""Identity trained against: a planted tell is taken out of the encoder, and a run that was stopped continues alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import save_face
from dfe_core.live.encoder import LiveEncoder
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.storage import load_model
from dfe_core.training.fit import fit_in_memory, train_model
from dfe_core.training.identity import reversed_gradient
from tests.small_world import write_dataset

SMALL = {
    "tokenizer.codewords": 16,
    "tokenizer.stages": 4,
    "train.steps": 120,
    "train.batch": 128,
    "train.encoder_batch": 64,
    "train.checkpoint_every": 10,
    "train.learning_rate": 2e-2,
}
PEOPLE, TELL = 6, 0


@pytest.fixture(scope="module")
def root(tmp_path_factory, toy_face) -> Path:
    """Twelve recordings of six people whom one coefficient gives away, which moves with nothing else."""
    path = tmp_path_factory.mktemp("people")
    save_face(toy_face, path)
    rng = np.random.default_rng(0)
    psi = {}
    for i in range(2 * PEOPLE):
        values = np.zeros((90, toy_face.coefficients))
        values[:, 10:16] = np.abs(rng.normal(0, 0.4, (90, 6)))
        values[:, TELL] = 0.1 + 0.15 * (i % PEOPLE) + 0.01 * rng.normal(size=90)
        psi[f"r{i}"] = values
    write_dataset(path, toy_face, psi, subjects=PEOPLE)
    write_dataset(path, toy_face, {name: psi[name] for name in ("r0", "r1", "r6", "r7")}, name="few", subjects=2)
    return path


def trained(root: Path, **settings: object):
    return fit_in_memory(Dataset.open("d", root), load_config(None, SMALL | settings), root)[0]


def told(model, root: Path) -> np.ndarray:
    """What tokens of every recording say of the coefficient that gives people away, in the mean."""
    found = []
    for part in Dataset.open("d", root).iter_frames():
        coded = model.encode(torch.from_numpy(part.psi))
        found.append(float(model.decode(coded.tokens, coded.intensities)[:, TELL].mean()))
    return np.array(found)


def test_a_reversed_gradient_is_the_same_value_and_the_opposite_slope():
    values = torch.tensor([1.0, -2.0], requires_grad=True)
    out = reversed_gradient(values, 3.0)
    assert torch.equal(out, values)
    (out * torch.tensor([1.0, 2.0])).sum().backward()
    assert values.grad.tolist() == [-3.0, -6.0]


@pytest.mark.parametrize("encoder", ["linear", "mlp"])
def test_what_gives_people_away_is_taken_out_and_the_codebook_stays_what_it_was(root, encoder):
    plain = trained(root, **{"tokenizer.encoder": encoder})
    hiding = trained(root, **{"tokenizer.encoder": encoder, "tokenizer.identity_reversal": 30.0})
    assert told(plain, root).std() > 0.2
    assert told(hiding, root).std() < 0.9 * told(plain, root).std()
    assert torch.equal(plain.inverse, hiding.inverse), "decoding is that of the face"
    if encoder == "linear":
        assert not list(hiding.correction.parameters()), "what was learned is in the frame"
        assert not torch.allclose(hiding.frame, plain.frame)


def test_tokens_stand_for_the_latent_even_when_they_are_found_fast(root):
    hiding = trained(root, **{"tokenizer.encoder": "mlp", "tokenizer.identity_reversal": 3.0, "train.steps": 20})
    psi = torch.from_numpy(Dataset.open("d", root).psi()[:300])
    with torch.no_grad():
        latent, plain = hiding.latent(psi)
        wanted, other = (hiding.quantizer.encode(one).tokens for one in (latent, plain))
        fast = hiding.quantizer.encode(latent, sweeps=0).tokens
    assert torch.equal(hiding.encode(psi).tokens, wanted) and not torch.equal(wanted, other)
    assert torch.equal(hiding.encode_fast(psi).tokens, fast)


def test_a_stopped_run_continues_as_it_would_have_gone_on(root, toy_face):
    config = load_config(None, SMALL | {"tokenizer.identity_reversal": 1.0, "train.steps": 40})

    def stop(report):
        if report.task == "training" and report.done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model("d", "stopped", config=config, root=root, progress=stop)
    train_model("d", "stopped", config=config, root=root, resume=True)
    train_model("d", "whole", config=config, root=root)
    one, other = (load_file(root / "models" / name / "model.safetensors") for name in ("stopped", "whole"))
    assert one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
    model, kept = load_model("whole", root)
    assert kept["tokenizer"]["identity_reversal"] == 1.0
    assert not np.allclose(model.frame.numpy() @ model.inverse.numpy(), np.eye(len(model.frame)), atol=0.01)
    LiveEncoder(model, toy_face)


def test_what_cannot_be_hidden_is_refused_in_words(root, toy_face):
    config = load_config(None, SMALL | {"tokenizer.identity_reversal": 1.0})
    with pytest.raises(DataError, match="1 training subjects .* 3 or more"):
        fit_in_memory(Dataset.open("few", root), config, root)
    with pytest.raises(DataError, match="identity_reversal"):
        load_config(None, {"tokenizer.identity_reversal": -1.0})
    quick = {"tokenizer.encoder": "mlp", "tokenizer.identity_reversal": 1.0, "train.steps": 2}
    with pytest.raises(DataError, match="mlp with identity_reversal"):
        LiveEncoder(trained(root, **quick), toy_face)
