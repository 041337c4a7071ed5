"""Still pictures and folders of numbered pictures, read as videos are: each still a recording of one frame, each
numbered folder a sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.store import content_key, file_sha256

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
LEAST_OF_SEQUENCE = 10
"""Fewer numbered pictures in a folder are stills."""
_MOST_PIXELS = 1 << 26
_MOST_GREY = (1 << 16) - 1


def is_picture(path: Path) -> bool:
    """By its ending."""
    return path.suffix.lower() in ENDINGS


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder itself, in the order of the numbers in their names, then by name."""
    found = [p for p in folder.iterdir() if is_picture(p) and not p.name.startswith(".") and p.is_file()]
    return sorted(found, key=lambda path: (_head(path), _number(path), path.name))


def is_sequence(pictures: Sequence[Path]) -> bool:
    """Whether pictures are called alike but for a number that no other has: the frames of one recording."""
    numbers = [_number(path) for path in pictures]
    alike = len({_head(path) for path in pictures}) == 1
    return len(pictures) >= LEAST_OF_SEQUENCE and alike and -1 not in numbers and len(set(numbers)) == len(numbers)


def _head(path: Path) -> str:
    return re.sub(r"\d+$", "", path.stem).lower()


def _number(path: Path) -> int:
    match = re.search(r"(\d+)$", path.stem)
    return int(match[1]) if match else -1


def frames_of(path: Path) -> list[Path]:
    """The pictures of a still or of a folder. Raises `DataError` for a folder without any."""
    found = pictures_in(path) if path.is_dir() else [path]
    if not found:
        raise DataError(path, "no pictures in this folder", ", ".join(ENDINGS))
    return found


def read_pictures(path: Path) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB of each frame, upright as its file says. Raises `DataError` for what is no picture."""
    for frame in frames_of(path):
        yield read_picture(frame)


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright. Raises `DataError` for what cannot be decoded or is too large."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(path, f"{image.width} x {image.height} pixels", f"at most {_MOST_PIXELS >> 20} million")
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
                grey = (np.asarray(upright).clip(0, _MOST_GREY) >> 8).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            return np.asarray(upright.convert("RGB"))
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(path, f"not readable as a picture ({str(error)[:80]})", ", ".join(ENDINGS)) from None


def content_of(path: Path) -> str:
    """The content key of a video or picture, or of the pictures of a folder in their order."""
    return content_key([file_sha256(frame) for frame in frames_of(path)], 64) if path.is_dir() else file_sha256(path)
