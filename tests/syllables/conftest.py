"""A small world in which two displays of two codewords each are shown in turn, with rest between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dfe_core.syllables.store import SyllableInputs, SyllableSet, SyllableSettings, find_syllables
from tests.small_world import World, codeword_psi, write_dataset, write_model, write_tokens

SETTINGS = SyllableSettings(count=2, duration_s=1.5, steps=3)
WORDS = {1: (1, 2), 2: (3, 4)}
"""Display to its codewords."""
ONSET, APEX, OFFSET = 4, 7, 4
"""Frames; 10 a second."""


@dataclass(frozen=True)
class Planted:
    """A world, and of each recording the display (T,) of every frame, 0 for rest."""

    world: World
    shown: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def planted(tmp_path_factory, toy_face) -> Planted:
    """Four recordings of four people, 30 s each."""
    root, rng = tmp_path_factory.mktemp("planted") / "cache", np.random.default_rng(0)
    codebook = write_model(root, toy_face, 1.5 * codeword_psi(toy_face, 3, codewords=5))
    held, psi, shown = {}, {}, {}
    for i in range(4):
        tokens, levels, display = _performed(rng, codebook.stages)
        held[f"r{i}"], shown[f"r{i}"] = (tokens, levels), display
        psi[f"r{i}"] = codebook.decode(tokens, np.asarray((0.5, 1.0), np.float32)[levels])
    dataset = write_dataset(root, toy_face, psi, subjects=4)
    return Planted(World(root, toy_face, codebook, dataset, write_tokens(root, codebook, dataset, held)), shown)


def _performed(rng: np.random.Generator, stages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames = 300
    tokens, levels = np.zeros((frames, stages), int), np.zeros((frames, stages), int)
    display, at = np.zeros(frames, int), 5
    while at + ONSET + APEX + OFFSET + 12 < frames:
        kind = int(rng.integers(1, 3))
        end = at + ONSET + APEX + OFFSET
        tokens[at:end, :2] = WORDS[kind]
        levels[at + ONSET : end - OFFSET, :2] = 1
        display[at:end] = kind
        at = end + int(rng.integers(8, 13))
    return tokens, levels, display


@pytest.fixture(scope="session")
def inputs(planted: Planted) -> SyllableInputs:
    """What syllables are found in."""
    world = planted.world
    return SyllableInputs(codebook=world.codebook, face=world.face, dataset=world.dataset, tokens=world.tokens)


@pytest.fixture(scope="session")
def found(inputs: SyllableInputs) -> SyllableSet:
    """The syllables of the small world."""
    return find_syllables(inputs, SETTINGS)
