"""Run SMIRK's encoder over a video, inside its own checkout: ``python smirk_driver.py VIDEO CODES.npz``.

SMIRK's demonstration draws a video and keeps no coefficients, so that this short program asks its encoder for them.
It is run by path with the interpreter of the lab's environment and the checkout as working folder: nothing of dfe is
there, and torch, OpenCV and SMIRK's modules are imported when it runs. Written is an npz with SMIRK's own names, a row
a frame, NaN where no face was found, and the video's rate.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import numpy as np

NAMES = {"expression_params": 50, "jaw_params": 3, "eyelid_params": 2, "pose_params": 3}
"""What is kept of the encoder's output, and how many numbers each is."""
_SIZE, _SCALE = 224, 1.4
"""Pixels of the encoder's picture, and its width over that of the face's landmarks."""
_FALLBACK_FPS = 25.0


def main(video_path: str, out: str, checkpoint: str = "trained_models/SMIRK_em1.pt") -> None:
    """Read the video, write the npz. checkpoint: of the encoder, from the checkout."""
    sys.path[0] = ""  # the checkout, which is the working folder, in the place of the folder of this program
    cv2, torch = import_module("cv2"), import_module("torch")
    landmarks = import_module("utils.mediapipe_utils").run_mediapipe
    asked = os.environ.get("DFE_DEVICE", "").strip().lower()
    device = asked if asked not in ("", "auto") else "cuda" if torch.cuda.is_available() else "cpu"
    encoder = _encoder(torch, checkpoint, device)
    video = cv2.VideoCapture(video_path)
    rows: list[dict[str, np.ndarray] | None] = []
    while True:
        whole, picture = video.read()
        if not whole:
            break
        points = landmarks(picture)
        rows.append(None if points is None else _encoded(torch, encoder, _cut(cv2, picture, points[:, :2]), device))
    fps = float(video.get(cv2.CAP_PROP_FPS))
    video.release()
    if not rows:
        sys.exit(f"{video_path}: no frame that can be decoded")
    table: dict[str, Any] = {name: np.stack([_row(row, name, width) for row in rows]) for name, width in NAMES.items()}
    np.savez_compressed(out, fps=fps if 1 <= fps <= 960 else _FALLBACK_FPS, **table)


def _encoder(torch: Any, checkpoint: str, device: str) -> Any:
    encoder = import_module("src.smirk_encoder").SmirkEncoder().to(device)
    prefix = "smirk_encoder."
    held = torch.load(checkpoint, map_location=device)
    encoder.load_state_dict({k[len(prefix) :]: v for k, v in held.items() if k.startswith(prefix)})
    encoder.eval()
    return encoder


def _cut(cv2: Any, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(224, 224, 3) uint8 RGB: the square around the landmarks."""
    low, high = points.min(0), points.max(0)
    centre, half = (low + high) / 2, _SCALE * float((high - low).mean()) / 2
    corners = centre + half * np.array([[-1, -1], [-1, 1], [1, -1]])
    target = (_SIZE - 1) * np.array([[0, 0], [0, 1], [1, 0]])
    turn = cv2.getAffineTransform(corners.astype(np.float32), target.astype(np.float32))
    return cv2.cvtColor(cv2.warpAffine(picture, turn, (_SIZE, _SIZE)), cv2.COLOR_BGR2RGB)


def _encoded(torch: Any, encoder: Any, picture: np.ndarray, device: str) -> dict[str, np.ndarray]:
    image = torch.tensor(picture).permute(2, 0, 1).unsqueeze(0).float() / 255
    with torch.no_grad():
        found = encoder(image.to(device))
    return {name: found[name].reshape(-1).cpu().numpy() for name in NAMES}


def _row(row: dict[str, np.ndarray] | None, name: str, width: int) -> np.ndarray:
    return np.full(width, np.nan, np.float32) if row is None else row[name].astype(np.float32)


if __name__ == "__main__":
    main(*sys.argv[1:])
