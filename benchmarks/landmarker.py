"""How much MediaPipe's scores change with the size of the face: followed by its landmarks, or placed by its detector.

``python -m benchmarks.landmarker VIDEO --model face_landmarker.task [--frames 150]`` takes a video of one face (needs
``dfe[video]``). The same frames are run as they are and with all of it smaller, in pictures of the same size; the face
is the same, so whatever changes is error. Beside dfe's way stands the task as it is made for four faces. Printed: the
mean absolute change of the 52 scores and of the score from frame to frame, for one face at half the size and for two
beside each other (the other one mirrored) at two thirds. No seed: nothing is random.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np

from dfe_core.video.frames import read_frames
from dfe_core.video.landmarker import count_faces, open_landmarker, usual_count

_GREY, _LOOK, _MOST = 60, 12, 4


def main() -> None:
    """Print one line for each way and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=150)
    asked = parser.parse_args()
    whole = [frame.picture for frame in islice(read_frames(asked.video), asked.frames)]
    for title, faces, factor in (("one face", 1, 2.0), ("two faces", 2, 1.5)):
        full, small = ([_scene(picture, faces, size) for picture in whole] for size in (1.0, factor))
        follow = usual_count(count_faces(asked.model, full[::_LOOK], _MOST))
        for way, at_once in ((f"dfe (for {follow or _MOST})", follow or _MOST), (f"made for {_MOST}", _MOST)):
            one, other = (_scores(pictures, faces, asked.model, at_once) for pictures in (full, small))
            both = ~np.isnan(one + other).any((1, 2))
            change, step = np.abs(one - other)[both].mean(), np.nanmean(np.abs(np.diff(one, axis=0)))
            print(
                f"{title}, 1 / {factor:g} of the size, {way}: scores change by {change:.4f}; from frame to frame by "
                f"{step:.4f}; in {both.sum()} of {len(full)} frames"
            )


def _scene(picture: np.ndarray, faces: int, factor: float) -> np.ndarray:
    """So many copies beside each other, every second one mirrored, each smaller in a grey field of its own size."""
    import cv2

    height, width = picture.shape[:2]
    inner = round(height / factor), round(width / factor)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    fields = []
    for number in range(faces):
        field = np.full_like(picture, _GREY)
        turned = picture[:, ::-1] if number % 2 else picture
        field[top : top + inner[0], left : left + inner[1]] = cv2.resize(
            turned, inner[::-1], interpolation=cv2.INTER_AREA
        )
        fields.append(field)
    return np.concatenate(fields, axis=1)


def _scores(pictures: list[np.ndarray], faces: int, model: Path, at_once: int) -> np.ndarray:
    """(T, faces, 52) of the face in each field, NaN where there is none."""
    found = np.full((len(pictures), faces, 52), np.nan)
    field = pictures[0].shape[1] / faces
    with open_landmarker(model, at_once) as landmarker:
        for row, picture in enumerate(pictures):
            for face in landmarker.detect(picture, row / 25):
                found[row, min(faces - 1, int((face.box[0] + face.box[2]) / 2 / field))] = face.scores
    return found


if __name__ == "__main__":
    main()
