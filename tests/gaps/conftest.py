"""Twelve people whose two halves of the face move together, with known frames taken away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.gaps.settings import GapSettings
from dfe_core.gaps.store import GapModelFile, find_gap_model

PEOPLE, FRAMES, FPS = 12, 240, 20.0
LOST = slice(100, 104)
SETTINGS = GapSettings(steps=20, batch=8, width=8, each=1)


@dataclass(frozen=True)
class GapWorld:
    """psi: of each recording before frames were lost. dataset: with `LOST` lost in every recording; fitted: to it."""

    root: Path
    face: FaceModel
    psi: dict[str, np.ndarray]
    dataset: Dataset
    fitted: GapModelFile


def performance(face: FaceModel, person: int) -> np.ndarray:
    """(T, E) of smooth movements that both sides share, with a little noise, about the person's own rest."""
    rng = np.random.default_rng(person)
    mixing = np.random.default_rng(99).uniform(0, 0.5, (4, face.coefficients)) ** 2
    time = np.arange(FRAMES)[:, None] / FPS
    drive = np.sin(2 * np.pi * (time * rng.uniform(0.2, 0.9, 4) + rng.uniform(0, 1, 4))).clip(0)
    return (0.1 * rng.uniform(0, 1, face.coefficients) + drive @ mixing + rng.normal(0, 0.003, (FRAMES, 52))).clip(0)


def recording_of(face: FaceModel, psi: np.ndarray, name: str, subject: str) -> Recording:
    """A recording in which `LOST` is lost."""
    valid = np.ones(len(psi), bool)
    valid[LOST] = False
    rows = np.arange(len(psi))
    return Recording(
        name=name,
        names=face.names,
        psi=np.where(valid[:, None], psi, 0).astype(np.float32),
        time_s=rows / FPS,
        frame=rows,
        valid=valid,
        fps=FPS,
        space="arkit",
        extractor="test",
        subject=subject,
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory, toy_face: FaceModel) -> GapWorld:
    """The recordings with a gap of 0.2 s each, and a model fitted to them."""
    from dfe_core.faces import save_face

    root = tmp_path_factory.mktemp("gaps") / "cache"
    face = replace(toy_face)
    save_face(face, root)
    psi = {f"r{i:02d}": performance(face, i) for i in range(PEOPLE)}
    with open_writer("d", face.names, root) as writer:
        for i, (name, values) in enumerate(psi.items()):
            writer.add(recording_of(face, values, name, f"s{i:02d}"))
        writer.close({"name": "d", "face": face.id, "simulated": True})
    dataset = Dataset.open("d", root)
    return GapWorld(root, face, psi, dataset, find_gap_model(dataset, face, SETTINGS, blind=("cheekPuff", "jawOpen")))
