"""A face of landmarks alone, whose every coefficient moves one side by 10 mm along one movement's direction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.asymmetry.movements import LEFT_RIGHT, MOVEMENTS
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.archive import save_face
from dfe_core.faces.model import REGIONS, FaceModel

MARKS = ("inner brow", "outer brow", "upper lid centre", "lower lid centre", "mouth corner", "upper lip")
FULL_MM = 10.0


def two_sided_face() -> FaceModel:
    """Coefficients ``<movement> left`` and ``<movement> right``; the upper lip is one vertex a side."""
    places = {"upper lid centre": (0.03, 0.005, 0.0), "lower lid centre": (0.03, -0.005, 0.0)}
    template = [places.get(mark, (0.02, 0.01 * i, 0.0)) for i, mark in enumerate(MARKS)]
    left = np.array(template, np.float32)
    vertices = np.concatenate([left, left * [-1, 1, 1], [[0, -0.06, 0]]]).astype(np.float32)  # the last one the chin
    vertex = {f"{mark} {side}": i + s * len(MARKS) for s, side in enumerate(LEFT_RIGHT) for i, mark in enumerate(MARKS)}
    names, basis = [], []
    for movement in MOVEMENTS:
        for s, side in enumerate(LEFT_RIGHT):
            field = np.zeros((len(vertices), 3))
            for mark in movement.landmarks or (movement.area,):
                field[vertex[f"{mark} {side}"]] = np.array(movement.direction) * [-1 if s else 1, 1, 1] * FULL_MM / 1000
            names.append(f"{movement.name} {side}")
            basis.append(field)
    regions = np.full(len(vertices), REGIONS.index("other"), np.uint8)
    for mark, region in (("upper lip", "upper lip"), ("inner brow", "brow"), ("outer brow", "brow")):
        regions[[vertex[f"{mark} {side}"] for side in LEFT_RIGHT]] = REGIONS.index(region)
    return FaceModel(
        id="two-sided-1",
        title="Two sides",
        names=tuple(names),
        template=vertices,
        triangles=np.array([[0, 1, 2]], np.int32),
        basis=np.array(basis, np.float32),
        mirror=np.append(np.roll(np.arange(2 * len(MARKS)), len(MARKS)), 2 * len(MARKS)).astype(np.int32),
        regions=regions,
        sides=np.append(np.repeat([1, 2], len(MARKS)), 0).astype(np.uint8),
        materials=np.zeros(len(vertices), np.uint8),
        landmarks={**vertex, "chin": 2 * len(MARKS)},
    )


def performed(
    face: FaceModel, left: dict[str, float], right: dict[str, float], fps: float = 30.0, repeats: int = 3
) -> np.ndarray:
    """(T, E) float32: every movement in turn, `repeats` times, a hump of 1 s with 1 s of rest before and after."""
    rows, still, hump = [], int(fps), np.sin(np.linspace(0, np.pi, int(fps))) ** 2
    for movement in MOVEMENTS:
        for _ in range(repeats):
            block = np.zeros((2 * still + len(hump), face.coefficients), np.float32)
            for side, size in (("left", left), ("right", right)):
                column = face.names.index(f"{movement.name} {side}")
                block[still : still + len(hump), column] = hump * size.get(movement.name, 0)
            rows.append(block)
    return np.concatenate(rows)


def everywhere(size: float) -> dict[str, float]:
    """The same size in every movement."""
    return {movement.name: size for movement in MOVEMENTS}


def recovering_people(root: Path, mirrored: bool = False) -> Dataset:
    """datasets/d: p1, whose left side (mirrored: right) recovers over three sessions of two recordings, and p2, who is
    nearly equal."""
    face, rng = two_sided_face(), np.random.default_rng(0)
    takes: dict[tuple[str, str], list[np.ndarray]] = {}
    for subject, shares in {"p1": (0.1, 0.5, 0.95), "p2": (0.98, 1.0, 1.0)}.items():
        for session, share in enumerate(shares, 1):
            for _ in "ab":
                own = max(0.0, share + rng.normal(0, 0.01))
                sides = (everywhere(1.0), everywhere(own)) if mirrored else (everywhere(own), everywhere(1.0))
                takes.setdefault((subject, str(session)), []).append(performed(face, *sides, repeats=2))
    return people_with(takes, root)


def people_with(takes: dict[tuple[str, str], list[np.ndarray]], root: Path, fps: float = 30.0) -> Dataset:
    """datasets/d of the recordings, each psi (T, E), of every subject and session: ``p1-1a``, ``p1-1b``."""
    face = two_sided_face()
    save_face(face, root)
    with open_writer("d", face.names, root) as writer:
        for (subject, session), many in takes.items():
            for repeat, psi in zip("abcdef", many, strict=False):
                rows = np.arange(len(psi))
                recording = Recording(
                    name=f"{subject}-{session}{repeat}",
                    names=face.names,
                    psi=psi,
                    time_s=rows / fps,
                    frame=rows,
                    valid=np.ones(len(psi), bool),
                    fps=fps,
                    space="arkit",
                    extractor="test",
                )
                writer.add(replace(recording, subject=subject, session=session), {})
        writer.close({"name": "d", "face": face.id, "simulated": True, "sources": [], "dropped": []})
    return Dataset.open("d", root)
