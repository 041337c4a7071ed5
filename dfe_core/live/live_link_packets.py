"""The packets that Epic's app Live Link Face sends over UDP, one a frame, to port 11111.

Big-endian: a byte with the version; the device's id and the subject's name, each as a 4-byte length and its UTF-8
text; the frame as int32 with a float32 share of the next; the rate as two int32 (numerator, denominator); a byte with
the count of the values; then so many float32, the 52 coefficients and the angles of head and eyes in radians, in the
order of Unreal's EARFaceBlendShape, which has left before right throughout (the app's CSV has JawRight and MouthRight
first). Without a face the packet ends after the rate, or counts no values.
"""

from __future__ import annotations

import struct

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.live.source_frame import INDEX, PacketError, PacketFault, SourceFrame, arkit_place, checked_values

PORT = 11111
VERSION = 6
NAMES: tuple[str, ...] = tuple(
    """
    EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft
    EyeBlinkRight EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight
    JawForward JawLeft JawRight JawOpen
    MouthClose MouthFunnel MouthPucker MouthLeft MouthRight MouthSmileLeft MouthSmileRight MouthFrownLeft
    MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower MouthRollUpper
    MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight
    MouthUpperUpLeft MouthUpperUpRight
    BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight
    CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut
    HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll RightEyeYaw RightEyePitch RightEyeRoll
    """.split()
)
"""The values of a packet in their order."""
_MOST_TEXT = 255
_COEFFICIENTS = np.array([INDEX[ARKIT_NAMES[arkit_place(name)]] for name in NAMES[:52]])
_YAW, _PITCH, _ROLL = (NAMES.index(f"Head{axis}") for axis in ("Yaw", "Pitch", "Roll"))


def decode_live_link(data: bytes) -> SourceFrame:
    """The frame in a packet. Raises `PacketError` for anything else, however it is broken."""
    try:
        (version,) = struct.unpack_from(">B", data)
        _, at = _text(data, 1)
        subject, at = _text(data, at)
        frame, part, rate, base = struct.unpack_from(">ifii", data, at)
    except struct.error:
        raise PacketError(PacketFault.SHORT) from None
    if not 1 <= version <= VERSION:
        raise PacketError(PacketFault.VERSION)
    if rate <= 0 or base <= 0 or frame < 0 or not 0 <= part <= 1:
        raise PacketError(PacketFault.TIME)
    time_s, left = (frame + part) * base / rate, data[at + 16 :]
    if left in (b"", b"\0"):
        return SourceFrame(values=None, time_s=time_s, subject=subject)
    if left[0] != len(NAMES) or len(left) != 1 + 4 * len(NAMES):
        raise PacketError(PacketFault.SIZE)
    return _frame(np.frombuffer(left, ">f4", offset=1).astype(np.float32), time_s, subject)


def encode_live_link(frame: SourceFrame, number: int, rate: int = 60, device: str = "dfe") -> bytes:
    """A packet as the app sends it, of a frame by its number: for tests, and to play a recording to other tools."""
    texts = b"".join(struct.pack(">i", len(text)) + text for text in (device.encode(), frame.subject.encode()))
    head = struct.pack(">B", VERSION) + texts + struct.pack(">ifii", number, 0.0, rate, 1)
    if frame.values is None:
        return head + b"\0"
    values = np.zeros(len(NAMES), ">f4")
    values[:52] = frame.values[_COEFFICIENTS]
    if frame.pose is not None:
        values[[_PITCH, _YAW, _ROLL]] = frame.pose
    return head + bytes((len(NAMES),)) + values.tobytes()


def _frame(values: np.ndarray, time_s: float, subject: str) -> SourceFrame:
    found = np.zeros(len(ARKIT_NAMES), np.float32)
    found[_COEFFICIENTS] = values[:52]
    pose = (float(values[_PITCH]), float(values[_YAW]), float(values[_ROLL]))
    return SourceFrame(
        values=checked_values(found),
        time_s=time_s,
        pose=pose if np.isfinite(pose).all() else None,
        subject=subject,
    )


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text at a place, and where it ends."""
    (size,) = struct.unpack_from(">i", data, at)
    end = at + 4 + size
    if not 0 <= size <= _MOST_TEXT or end > len(data):
        raise PacketError(PacketFault.TEXT)
    try:
        return data[at + 4 : end].decode("utf-8"), end
    except UnicodeDecodeError:
        raise PacketError(PacketFault.TEXT) from None
