"""Simulated cats of 48 landmarks with known movements, and a drawing of one, made here: no animal was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SIZE = (480, 440)
"""Width and height of the drawing, px."""
FPS = 30.0


def _mirrored(points: np.ndarray) -> np.ndarray:
    return points * (-1, 1)


def resting_cat() -> np.ndarray:
    """(48, 2) px about (240, 220), y down: ears (0 to 9), eyes (10 to 25), nose (26 to 31), mouth (32 to 39), cheeks
    and chin (40 to 47); of each pair the one at the left of the picture first."""
    ear = np.array([[-150, -60], [-160, -120], [-150, -180], [-100, -150], [-60, -110]])
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    eye = np.stack([-75 + 34 * np.cos(angle), -30 + 22 * np.sin(angle)], 1)
    nose = np.array([[-16, 40], [16, 40], [0, 60], [0, 46], [-22, 8], [22, 8]])
    mouth = np.array([[-48, 84], [48, 84], [-24, 92], [24, 92], [0, 78], [-20, 104], [20, 104], [0, 108]])
    outline = np.array([[-158, 0], [158, 0], [-140, 70], [140, 70], [-96, 130], [96, 130], [-40, 160], [40, 160]])
    return np.concatenate([ear, _mirrored(ear), eye, _mirrored(eye), nose, mouth, outline]).astype(float)


def cat_movements() -> np.ndarray:
    """(3, 48, 2) px: the ears go back, the eyes close, the mouth opens."""
    rest, fields = resting_cat(), np.zeros((3, 48, 2))
    for first, side in ((0, -1), (5, 1)):
        fields[0, first + 1 : first + 4] = [[22 * side, 14], [38 * side, 34], [20 * side, 18]]
    for first in (10, 18):
        middle = rest[first : first + 8, 1].mean()
        fields[1, first : first + 8, 1] = 0.85 * (middle - rest[first : first + 8, 1])
    fields[2, [37, 38, 39], 1], fields[2, [34, 35], 1], fields[2, 44:48, 1] = 34, 6, [8, 8, 22, 22]
    return fields


def cat_points(animal: int, frames: int = 150, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """(T, 48, 2) px of one recording, the head shifting a little, and (T, 3) how far each movement goes, 0 to 1."""
    rng = np.random.default_rng([7, animal])
    own = resting_cat() * (1 + rng.normal(0, 0.04, 2)) + rng.normal(0, 1.5, (48, 2))
    time = np.arange(frames) / FPS
    wave = np.sin(2 * np.pi * (time[:, None] * rng.uniform(0.2, 0.5, 3) + rng.uniform(0, 1, 3)))
    weights = np.clip(2 * wave - 0.6, 0, 1)
    shift = 240 + 12 * np.sin(time[:, None] * rng.uniform(0.3, 1, 2)), 0
    moving = own + np.tensordot(weights, cat_movements(), 1) + shift[0][:, None] - (0, 20)
    return moving + rng.normal(0, noise, moving.shape), weights


def write_cats(folder: Path, animals: int = 4, frames: int = 150) -> list[Path]:
    """A table of landmarks for each animal, ``cat0_1.csv`` …, as `dfe import` takes it."""
    columns = [f"{axis}_{i}" for i in range(48) for axis in "xy"]
    for animal in range(animals):
        table = pd.DataFrame(cat_points(animal, frames)[0].reshape(frames, -1), columns=columns)
        table.insert(0, "time", np.arange(frames) / FPS)
        table.to_csv(folder / f"cat{animal}_1.csv", index=False)
    return sorted(folder.glob("cat*_1.csv"))


def marked_points() -> np.ndarray:
    """(48, 2) px: the landmarks in the drawing."""
    return resting_cat() + np.array(SIZE) / 2


def write_points(path: Path, points: np.ndarray | None = None) -> Path:
    """The landmarks of the drawing as a table ``point,x,y``."""
    marked = marked_points() if points is None else points
    table = pd.DataFrame(marked, columns=["x", "y"])
    table.insert(0, "point", np.arange(len(marked)))
    table.to_csv(path, index=False)
    return path


def draw_cat(path: Path) -> Path:
    """A line drawing of the resting cat as PNG or JPEG."""
    from PIL import Image, ImageDraw

    scale = 2
    image = Image.new("RGB", (SIZE[0] * scale, SIZE[1] * scale), (252, 250, 245))
    pen = ImageDraw.Draw(image)
    points = marked_points()
    ink, fur = (45, 40, 38), (236, 205, 160)

    def at(*which: int) -> list[tuple[float, float]]:
        return [tuple(scale * points[i]) for i in which]

    def line(*which: int, wide: int = 5) -> None:
        pen.line(at(*which), fill=ink, width=wide, joint="curve")

    outline = (40, 0, 1, 2, 3, 4, 9, 8, 7, 6, 5, 41, 43, 45, 47, 46, 44, 42, 40)
    pen.polygon(at(*outline), fill=fur)
    line(*outline, wide=7)
    for side in (-1, 1):
        for row in range(3):  # whiskers
            start = (240 + side * 60, 290 + 9 * row)
            pen.line([scale * start[0], scale * start[1], scale * (240 + side * 190), scale * (268 + 26 * row)], ink, 3)
        for row in range(3):  # stripes
            pen.line(
                [scale * (240 + side * 16 * row), scale * 100, scale * (240 + side * 12 * row), scale * 140], ink, 6
            )
    for first in (10, 18):
        ring = tuple(range(first, first + 8))
        pen.polygon(at(*ring), fill=(214, 226, 140))
        line(*ring, ring[0])
        x, y = scale * points[list(ring)].mean(0)
        pen.ellipse([x - 9, y - 34, x + 9, y + 34], fill=ink)
    pen.polygon(at(26, 27, 28), fill=(214, 120, 120))
    line(26, 27, 28, 26, wide=4)
    line(28, 36, 34, 32)
    line(36, 35, 33)
    line(34, 37, 39, 38, 35, wide=4)
    image.resize(SIZE, Image.Resampling.LANCZOS).save(path)
    return path


CAT_REGIONS = ["ear"] * 10 + ["eye"] * 16 + ["nose"] * 6 + ["muzzle"] * 8 + ["cheek"] * 6 + ["chin pad"] * 2
"""Of each landmark, those of a cat beside those that people have too."""


def write_regions(path: Path, sides: bool = True, mirrored: bool = False) -> Path:
    """The table of a lab's own landmarks: point, region and side, and where they are in the drawing."""
    marked = marked_points()
    table = pd.DataFrame({"point": range(48), "x": marked[:, 0], "y": marked[:, 1], "region": CAT_REGIONS})
    if sides:  # the face's own left is on the right of the picture
        right, left = ("left", "right") if mirrored else ("right", "left")
        x = resting_cat()[:, 0]
        table["side"] = np.where(x < -0.5, right, np.where(x > 0.5, left, "centre"))
    table.to_csv(path, index=False)
    return path
