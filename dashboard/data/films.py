"""Videos of recordings for the player: streamed from where they lie, with the time of every frame and the sound wave.

A video has an address that cannot be guessed, and only as long as the recording is linked to it.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.video.film import Film, recording_film
from dfe_core.video.frames import ENDINGS
from dfe_core.video.links import links
from dfe_core.video.sound import BIN_S, spans

from . import media
from .packs import pack

FOLDER = f"{media.FOLDER}/film"
_KEPT = 4096
_SECRET = secrets.token_bytes(32)


@dataclass(frozen=True, eq=False)
class _Shown:
    dataset: Dataset
    recording: str


_lock = threading.Lock()
_shown: OrderedDict[str, _Shown] = OrderedDict()


def film_of(dataset: Dataset, recording: str) -> Film | None:
    """The film of a recording, where pages may show it: a file with the ending of a video that is one."""
    one = links(dataset).get(recording)
    return recording_film(dataset, recording) if one is not None and one.video.suffix.lower() in ENDINGS else None


def film_data(dataset: Dataset, recording: str, film: Film, frame: np.ndarray) -> dict[str, Any]:
    """The player's ``film``: addresses of the video and of its times and sound. frame: (T,) frame numbers that are
    shown."""
    part = dataset.frames(recording).at(frame)
    whole = dataset.frames(recording)
    found = film.frame_of(whole)[whole.rows(part.frame)]
    data = pack(
        {"bin_s": BIN_S, "voice": spans(film.sound.voice).round(2).tolist()},
        shown=film.shown_s.astype(np.float32),
        frame=found,
        low=film.sound.low,
        high=film.sound.high,
    )
    return {
        "video": video_address(dataset, recording),
        "times": media.address(data, "application/octet-stream"),
        "name": film.video.name,
    }


def video_address(dataset: Dataset, recording: str) -> str:
    """Where the browser finds the video of a recording."""
    text = f"{dataset.path}\0{recording}".encode()
    key = hashlib.blake2b(text, key=_SECRET, digest_size=24).hexdigest()
    with _lock:
        _shown[key] = _Shown(dataset, recording)
        _shown.move_to_end(key)
        while len(_shown) > _KEPT:
            _shown.popitem(last=False)
    return f"{FOLDER}/{key}"


def video_at(key: str) -> Path | None:
    """The file at an address; None where the address is unknown, or the video gone or unlinked since."""
    shown = _shown.get(key)
    one = None if shown is None else links(shown.dataset).get(shown.recording)
    return one.video if one is not None and one.video.is_file() else None
