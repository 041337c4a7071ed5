"""Where live frames come from: UDP packets of phones and trackers, or a video or camera through MediaPipe's
landmarker."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.mediapipe import mediapipe_head_pose
from dfe_core.live import live_link_packets, openseeface_packets, osc_packets
from dfe_core.live.source_frame import SourceFrame
from dfe_core.live.take import take_values

EVERYWHERE, HERE = "0.0.0.0", "127.0.0.1"
_DATAGRAM = 65_535
_WAIT_S = 0.25


@dataclass(frozen=True, kw_only=True)
class UdpSource:
    """A kind of packets. host: where they are waited for unless asked otherwise: phones send from another machine,
    trackers from this one. layout: of a take (`take.LAYOUTS`). decoder: makes a function from bytes to frames."""

    port: int
    host: str
    layout: str
    decoder: Callable[[], Callable[[bytes], list[SourceFrame]]]


def _each(decode: Callable[[bytes], SourceFrame]) -> Callable[[], Callable[[bytes], list[SourceFrame]]]:
    return lambda: lambda data: [decode(data)]


UDP_SOURCES = {
    "arkit": UdpSource(
        port=live_link_packets.PORT,
        host=EVERYWHERE,
        layout="live-link-face",
        decoder=_each(live_link_packets.decode_live_link),
    ),
    "osc": UdpSource(port=osc_packets.PORT, host=HERE, layout="arkit", decoder=lambda: osc_packets.OscFaces().decode),
    "openseeface": UdpSource(
        port=openseeface_packets.PORT, host=HERE, layout="arkit", decoder=_each(openseeface_packets.decode_openseeface)
    ),
}
"""Sources of packets by the name that ``dfe live --source`` has for them."""


def udp_packets(host: str, port: int) -> Iterator[tuple[bytes, float] | None]:
    """Packets as they come, each with its time of `perf_counter`; None from time to time while nothing comes.

    Raises `DataError` where the port cannot be listened at.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind((host, port))
        except (OSError, OverflowError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise DataError(
                f"{host}:{port}", f"cannot be listened at ({why})", "--host and --port of this machine"
            ) from None
        listening.settimeout(_WAIT_S)
        while True:
            try:
                data = listening.recv(_DATAGRAM)
            except TimeoutError:
                yield None
                continue
            yield data, perf_counter()


def video_frames(video: Path | int, model: Path) -> Iterator[tuple[SourceFrame, float]]:
    """Frames of a video file, as fast as they are computed, or of a camera by its number, each with the time of
    `perf_counter` at which its picture was there.

    model: MediaPipe's face_landmarker.task. Raises `DataError` for a missing extra, model, video or camera.
    """
    from dfe_core.video.landmarker import open_landmarker

    pictures = _camera(video) if isinstance(video, int) else _file(video)
    with open_landmarker(model, faces=1) as landmarker:
        for picture, time_s in pictures:
            arrival_s = perf_counter()
            faces = landmarker.detect(picture, time_s)
            yield _frame(faces, landmarker.names, time_s), arrival_s


def _frame(faces: list, names: tuple[str, ...], time_s: float) -> SourceFrame:
    if not faces:
        return SourceFrame(values=None, time_s=time_s)
    pose = mediapipe_head_pose([faces[0].matrix])
    angles = (float(pose["HeadPitch"][0]), float(pose["HeadYaw"][0]), float(pose["HeadRoll"][0]))
    return SourceFrame(values=take_values(faces[0].scores, names), time_s=time_s, pose=angles)


def _file(video: Path) -> Iterator[tuple[np.ndarray, float]]:
    from dfe_core.video.frames import read_frames

    for frame in read_frames(video):
        yield frame.picture, frame.time_s


def _camera(number: int) -> Iterator[tuple[np.ndarray, float]]:
    from dfe_core.video.extra import load

    cv2, start = load("cv2"), perf_counter()
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise DataError(f"camera {number}", "cannot be opened", "the number of a camera, 0 for the first")
        while True:
            whole, picture = capture.read()
            if not whole:
                return
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), perf_counter() - start
    finally:
        capture.release()
