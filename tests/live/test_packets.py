"""Packets of phones and trackers: bytes written by hand are read, broken ones are counted, and none ends a session."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.live.live_link_packets import NAMES, decode_live_link, encode_live_link
from dfe_core.live.openseeface_packets import FEATURES, SIZE, decode_openseeface
from dfe_core.live.osc_packets import OscFaces, decode_osc, encode_osc
from dfe_core.live.source_frame import INDEX, PacketError, PacketFault, SourceFrame

DEVICE = b"01234567-89AB-CDEF-0123-456789ABCDEF"


def live_link(
    values: list[float], name: bytes = b"iPhone", frame: int = 7200, part: float = 0.5, count: int = 61
) -> bytes:
    """A packet by its layout, field by field."""
    head = b"\x06" + struct.pack(">i", len(DEVICE)) + DEVICE + struct.pack(">i", len(name)) + name
    return head + struct.pack(">ifii", frame, part, 60, 1) + bytes((count,)) + struct.pack(f">{len(values)}f", *values)


def test_a_live_link_packet_is_read_value_by_value():
    values = [i / 100 for i in range(61)]
    frame = decode_live_link(live_link(values))
    assert frame.subject == "iPhone"
    assert frame.time_s == pytest.approx(7200.5 / 60)
    assert frame.pose == pytest.approx((0.53, 0.52, 0.54))  # pitch, yaw, roll
    for place, name in ((0, "eyeBlinkLeft"), (15, "jawLeft"), (16, "jawRight"), (21, "mouthLeft"), (51, "tongueOut")):
        assert frame.values[INDEX[name]] == pytest.approx(place / 100)
    assert {name.lower() for name in NAMES[:52]} == {name.lower() for name in ARKIT_NAMES}


def test_without_a_face_the_packet_ends_after_the_rate():
    packet = live_link([])
    assert decode_live_link(packet[:-1]).values is None
    assert decode_live_link(live_link([], count=0)).values is None


def test_what_is_written_is_read_again():
    values = np.linspace(0, 1, 52, dtype=np.float32)
    frame = SourceFrame(values=values, pose=(0.1, -0.2, 0.3), subject="Ann")
    back = decode_live_link(encode_live_link(frame, 90, rate=30))
    np.testing.assert_array_equal(back.values, values)
    assert (back.subject, back.time_s) == ("Ann", 3.0)
    assert back.pose == pytest.approx(frame.pose)
    assert decode_live_link(encode_live_link(SourceFrame(values=None), 0)).values is None


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (b"", PacketFault.SHORT),
        (b"\x09" + live_link([0.0] * 61)[1:], PacketFault.VERSION),
        (live_link([0.0] * 60), PacketFault.SIZE),
        (live_link([0.0] * 61, count=52), PacketFault.SIZE),
        (live_link([0.0] * 60 + [0.0, 0.0]), PacketFault.SIZE),
        (live_link([float("nan")] * 61), PacketFault.VALUE),
        (live_link([2.0] * 61), PacketFault.VALUE),
        (live_link([0.0] * 61, frame=-1), PacketFault.TIME),
        (live_link([0.0] * 61, part=float("nan")), PacketFault.TIME),
        (live_link([0.0] * 61, name=b"\xff\xfe"), PacketFault.TEXT),
        (live_link([0.0] * 61, name=b"n" * 300), PacketFault.TEXT),
        (b"\x06\x7f\xff\xff\xff" + b"x" * 40, PacketFault.TEXT),
    ],
)
def test_a_broken_live_link_packet_says_what_is_wrong(packet, fault):
    with pytest.raises(PacketError) as raised:
        decode_live_link(packet)
    assert raised.value.fault == fault


def bundle(*messages: bytes) -> bytes:
    return b"#bundle\0" + b"\0" * 8 + b"".join(struct.pack(">i", len(m)) + m for m in messages)


def test_osc_messages_are_read_with_their_types():
    assert encode_osc("/a", "xy", 0.5) == b"/a\0\0,sf\0xy\0\0\x3f\0\0\0"
    packet = b"/b\0\0,iTFhb\0\0" + struct.pack(">iqi", 7, -1, 2) + b"zz\0\0"
    assert decode_osc(packet) == [("/b", (7, True, False, -1, b"zz"))]
    assert decode_osc(bundle(packet, bundle(encode_osc("/c")))) == [*decode_osc(packet), ("/c", ())]


def test_a_vmc_face_ends_with_apply():
    faces, blink = OscFaces(), encode_osc("/VMC/Ext/Blend/Val", "EyeBlinkLeft", 0.75)
    assert faces.decode(blink) == []
    assert faces.decode(encode_osc("/VMC/Ext/OK", 1.0)) == []
    (frame,) = faces.decode(encode_osc("/VMC/Ext/Blend/Apply"))
    assert frame.values[INDEX["eyeBlinkLeft"]] == 0.75 and np.count_nonzero(frame.values) == 1
    (frame,) = faces.decode(
        bundle(encode_osc("/VMC/Ext/Blend/Val", "jawOpen", 0.5), encode_osc("/VMC/Ext/Blend/Apply"))
    )
    assert frame.values[INDEX["eyeBlinkLeft"]] == 0.75  # what was not said stays
    assert frame.values[INDEX["jawOpen"]] == 0.5


def test_an_avatars_parameters_are_a_frame_when_one_comes_again():
    faces = OscFaces()
    assert faces.decode(encode_osc("/avatar/parameters/v2/JawOpen", 0.25)) == []
    assert faces.decode(encode_osc("/avatar/parameters/v2/MouthSmileLeft", 0.5)) == []
    assert faces.decode(encode_osc("/avatar/parameters/Gesture", 1.0)) == []
    (frame,) = faces.decode(encode_osc("/avatar/parameters/v2/JawOpen", 0.75))
    assert (frame.values[INDEX["jawOpen"]], frame.values[INDEX["mouthSmileLeft"]]) == (0.25, 0.5)
    (frame,) = OscFaces().decode(bundle(encode_osc("/x/JawOpen", 0.25)))
    assert frame.values[INDEX["jawOpen"]] == 0.25


def openseeface(features: list[float], success: int = 1) -> bytes:
    packet = bytearray(SIZE)
    struct.pack_into("<diffffB", packet, 0, 12.5, 0, 640, 480, 1, 1, success)
    struct.pack_into("<3f", packet, 49, 10, 20, 30)
    struct.pack_into(f"<{len(features)}f", packet, SIZE - 4 * len(features), *features)
    return bytes(packet)


def test_openseefaces_features_drive_coefficients():
    features = dict.fromkeys((name for name, _, _ in FEATURES), 0.0)
    features |= {"eye_l": -0.8, "eyebrow_updown_r": 0.5, "mouth_open": 0.6, "mouth_corner_updown_l": -0.25}
    frame = decode_openseeface(openseeface(list(features.values())))
    found = {ARKIT_NAMES[i]: round(float(frame.values[i]), 3) for i in np.flatnonzero(frame.values)}
    assert found == {
        "eyeBlinkLeft": 0.8, "browOuterUpRight": 0.5, "browInnerUp": 0.5, "jawOpen": 0.6, "mouthFrownLeft": 0.25,
    }  # fmt: skip
    assert frame.time_s == 12.5 and frame.pose == pytest.approx(np.radians((10, 20, 30)))
    assert decode_openseeface(openseeface([0.0] * 14, success=0)).values is None


def test_no_bytes_whatever_raise_anything_but_a_packet_error():
    rng, faces = np.random.default_rng(0), OscFaces()
    whole = (live_link([0.1] * 61), bundle(encode_osc("/VMC/Ext/Blend/Val", "JawOpen", 0.5)), openseeface([0.1] * 14))
    read = 0
    for turn in range(1500):
        packet = bytearray(whole[turn % 3])
        for _ in range(rng.integers(1, 6)):
            packet[rng.integers(len(packet))] = rng.integers(256)
        packet = bytes(packet[: rng.integers(len(packet) + 1)] if turn % 2 else packet)
        for decode in (decode_live_link, decode_openseeface, faces.decode):
            try:
                decode(packet)
                read += 1
            except PacketError as error:
                assert error.fault in PacketFault
    assert read > 50
