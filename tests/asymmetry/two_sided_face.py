"""A face of landmarks alone, whose every coefficient moves one side by 10 mm along one movement's direction."""

from __future__ import annotations

import numpy as np

from dfe_core.asymmetry.movements import LEFT_RIGHT, MOVEMENTS
from dfe_core.faces.model import REGIONS, FaceModel

MARKS = ("inner brow", "outer brow", "upper lid centre", "lower lid centre", "mouth corner", "upper lip")
FULL_MM = 10.0


def two_sided_face() -> FaceModel:
    """Coefficients ``<movement> left`` and ``<movement> right``; the upper lip is one vertex a side."""
    places = {"upper lid centre": (0.03, 0.005, 0.0), "lower lid centre": (0.03, -0.005, 0.0)}
    template = [places.get(mark, (0.02, 0.01 * i, 0.0)) for i, mark in enumerate(MARKS)]
    left = np.array(template, np.float32)
    vertices = np.concatenate([left, left * [-1, 1, 1]]).astype(np.float32)
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
    regions[[vertex["upper lip left"], vertex["upper lip right"]]] = REGIONS.index("upper lip")
    return FaceModel(
        id="two-sided-1",
        title="Two sides",
        names=tuple(names),
        template=vertices,
        triangles=np.array([[0, 1, 2]], np.int32),
        basis=np.array(basis, np.float32),
        mirror=np.roll(np.arange(len(vertices)), len(MARKS)).astype(np.int32),
        regions=regions,
        sides=np.repeat([1, 2], len(MARKS)).astype(np.uint8),
        materials=np.zeros(len(vertices), np.uint8),
        landmarks=vertex,
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
