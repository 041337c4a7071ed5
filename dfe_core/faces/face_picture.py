"""A picture of a lab's own that a learned face is drawn as: read from a file, checked against the face's landmarks.

A picture is no part of what was learned: the face keeps its id, and codebooks and datasets on it stay as they are.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg"}
"""Formats of pictures that are taken, by Pillow's names, and their media types."""
MOST_FILE_BYTES = 64 << 20
MOST_PIXELS = 1 << 26
MOST_POINTS = 2000
"""Faces of more points are meshes, which have a surface of their own."""
FEWEST_PIXELS = 32
LONGEST_EDGE = 1024
"""Larger pictures are kept at this size, px: a page draws a hundred of them."""
_EDGE_PX = 1.0  # from the edge of the picture, which does not move
_APART_PX = 0.5
_MIRRORED = 0.6  # the mirror image fits with so small a share of the misfit
_MISFIT = 0.5  # of the spread of the points: what fits worse is in another order
_QUALITY = 92


@dataclass(frozen=True, eq=False, kw_only=True)
class FacePicture:
    """A picture and where the landmarks of a face are in it.

    Attributes
    ----------
    image : bytes
        A PNG or JPEG file, its longer edge at most `LONGEST_EDGE`.
    kind
        The media type.
    size : (int, int)
        Width and height, px.
    points : (V, 2) float32
        Place of each landmark, px, x to the right, y down from the upper left corner.
    source
        Name of the file that it was made from.
    """

    image: bytes
    kind: str
    size: tuple[int, int]
    points: np.ndarray
    source: str = ""

    @cached_property
    def key(self) -> str:
        """Hash of picture and points."""
        return hashlib.sha256(self.image + np.ascontiguousarray(self.points, np.float32).tobytes()).hexdigest()[:16]

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8 sRGB."""
        from PIL import Image

        with Image.open(io.BytesIO(self.image), formats=list(KINDS)) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where a picture lies in the plane of a face: place (m) = scale · rotation @ (x, −y) + shift; misfit: the root
    mean square distance to the template's landmarks, as a share of their spread."""

    scale: float
    rotation: np.ndarray
    shift: np.ndarray
    misfit: float

    def metres(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 2) px to (N, 2) m."""
        return self.scale * (np.asarray(pixels, np.float64) * (1, -1)) @ self.rotation.T + self.shift


def open_picture_file(path: str | Path, points: np.ndarray) -> FacePicture:
    """Read a picture, with the points that were marked in it.

    Parameters
    ----------
    path
        A PNG or JPEG file. What else is in it (place, camera, comments) is not kept, a transparent ground becomes
        white, and a picture that its file says to turn is turned.
    points : (V, 2) float
        The landmarks in the picture as viewers show it, px.

    Returns
    -------
    FacePicture
        The picture at `LONGEST_EDGE` px at most.

    Raises
    ------
    DataError
        For what is no such picture, and where it or what it unfolds to is too large.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    expected = "a PNG or JPEG picture"
    if not path.is_file():
        raise DataError(path, "no such file", expected)
    if (held := path.stat().st_size) > MOST_FILE_BYTES:
        raise DataError(path, f"{held >> 20} MB", f"at most {MOST_FILE_BYTES >> 20} MB")
    try:
        with Image.open(path, formats=list(KINDS)) as image:
            wide, high, kind = image.width, image.height, str(image.format)
            if wide * high > MOST_PIXELS:
                raise DataError(path, f"{wide:,} x {high:,} pixels", f"at most {MOST_PIXELS >> 20} million")
            if min(wide, high) < FEWEST_PIXELS:
                raise DataError(path, f"{wide} x {high} pixels", f"at least {FEWEST_PIXELS} x {FEWEST_PIXELS}")
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(path, f"not readable as a picture ({str(error)[:80]})", expected) from None
    shrunk = min(1.0, LONGEST_EDGE / max(upright.size))
    size = (max(1, round(upright.width * shrunk)), max(1, round(upright.height * shrunk)))
    flat = Image.new("RGB", upright.size, (255, 255, 255))
    flat.paste(upright, mask=upright.getchannel("A"))
    if size != upright.size:
        flat = flat.resize(size, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    flat.save(stream, kind, **({"quality": _QUALITY} if kind == "JPEG" else {"optimize": True}))
    marked = np.asarray(points, np.float64) * (np.array(size) / upright.size)
    return FacePicture(
        image=stream.getvalue(), kind=KINDS[kind], size=size, points=marked.astype(np.float32), source=path.name
    )


def check_picture(face: FaceModel, picture: FacePicture, where: str | Path) -> Placed:
    """Whether the points of a picture are the landmarks of a face, and where the picture lies on it.

    Parameters
    ----------
    face
        A face learned from landmarks.
    picture
        Picture and points.
    where
        The file of the points, for errors.

    Returns
    -------
    Placed
        The similarity that lays the picture onto the face.

    Raises
    ------
    DataError
        For a face that was not learned from landmarks, for another number of points, and for points that lie outside
        of the picture, in one place, in the mirror, upside down or in another order; it names the row.
    """
    check_may_have_picture(face)
    count, points = len(face.template), np.asarray(picture.points, np.float64)
    if len(points) != count:
        raise DataError(where, f"{len(points)} points", f"{count}, one for each landmark of {face.id}")
    wide, high = picture.size
    limit = np.array([wide, high]) - _EDGE_PX
    out = ~((points >= _EDGE_PX) & (points <= limit)).all(1)
    if out.any():
        i = int(np.argmax(out))
        raise DataError(
            f"{where}, point {i}",
            f"({points[i, 0]:.1f}, {points[i, 1]:.1f}), outside of the picture or on its edge",
            f"a place within {picture.source}, here {wide} x {high} pixels",
        )
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    if distance.min() < _APART_PX:
        a, b = sorted(map(int, np.unravel_index(np.argmin(distance), distance.shape)))
        raise DataError(f"{where}, point {b}", f"in the place of point {a}", "points a pixel or more apart")
    place = face.template[:, :2].astype(np.float64)
    found, mirrored = _placed(points, place), _placed(points, place, mirror=True)
    if mirrored.misfit < _MIRRORED * found.misfit:
        raise DataError(
            where,
            f"the points in the mirror (misfit {found.misfit:.0%} as they are, {mirrored.misfit:.0%} mirrored)",
            f"left and right, up and down as in the recordings of {face.id}: x to the right and y down in the picture",
        )
    if found.misfit > _MISFIT:
        raise DataError(
            where,
            f"points that are laid out in another way (misfit {found.misfit:.0%} of their spread)",
            f"the landmarks in the order of the recordings of {face.id}",
        )
    if found.rotation[0, 0] < 0:
        turned = np.degrees(np.arctan2(found.rotation[1, 0], found.rotation[0, 0]))
        raise DataError(where, f"a picture turned by {abs(turned):.0f} degrees", "one that is upright")
    return found


def check_may_have_picture(face: FaceModel) -> None:
    """Raise `DataError` for a face that was not learned from landmarks."""
    if not face.id.startswith("learned-"):
        raise DataError(face.id, "a face with a surface of its own", "a face learned from landmarks (learned-…)")
    if not 3 <= len(face.template) <= MOST_POINTS:
        raise DataError(face.id, f"{len(face.template):,} points, a mesh", f"landmarks, 3 to {MOST_POINTS:,} of them")


def _placed(pixels: np.ndarray, place: np.ndarray, mirror: bool = False) -> Placed:
    """The similarity (Umeyama 1991) of points of a picture onto those of a face, or of their mirror image."""
    own = pixels * ((-1, -1) if mirror else (1, -1))
    at, middle = own - own.mean(0), place.mean(0)
    wanted = place - middle
    left, strength, right = np.linalg.svd(wanted.T @ at)
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = left @ np.diag(sign) @ right
    scale = float((strength * sign).sum() / max((at**2).sum(), 1e-12))
    off = scale * at @ rotation.T - wanted
    return Placed(
        scale=scale,
        rotation=rotation,
        shift=middle - scale * rotation @ own.mean(0),
        misfit=float(np.sqrt((off**2).sum() / max((wanted**2).sum(), 1e-24))),
    )
