"""A live session: clocks, faces that come and go, a resting face, a take that is imported as any other."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.sources import read_recordings
from dfe_core.live.encoder import LiveEncoder
from dfe_core.live.live_link_packets import decode_live_link, encode_live_link
from dfe_core.live.rest import coefficient_sizes
from dfe_core.live.session import LiveSession, SourceClock
from dfe_core.live.source_frame import SourceFrame
from dfe_core.live.sources import UDP_SOURCES, udp_packets
from dfe_core.live.take import LAYOUTS, TakeWriter
from tests.ports import free_port
from tests.tiny_tokenizer import moving_face, tiny_tokenizer


@pytest.fixture(scope="module")
def parts(toy_face) -> tuple:
    """An encoder's model and face, and the sizes of its coefficients."""
    model = tiny_tokenizer(toy_face)
    return model, toy_face, coefficient_sizes(toy_face, LiveEncoder(model, toy_face).matrix)


def session(parts: tuple, **options) -> LiveSession:
    model, face, sizes = parts
    return LiveSession(LiveEncoder(model, face), sizes, **options)


def packets(psi: np.ndarray, start: int = 1000, subject: str = "Ann") -> list[bytes]:
    return [encode_live_link(SourceFrame(values=row, subject=subject), start + i) for i, row in enumerate(psi)]


def receive(live: LiveSession, sent: list[bytes]) -> list:
    return [m for i, data in enumerate(sent) for m in live.receive(lambda d: [decode_live_link(d)], data, i / 60)]


def test_times_are_the_sources_and_rise():
    clock = SourceClock()
    assert clock.place(500.0, 10.0) == pytest.approx(0, abs=0.01)
    assert clock.place(500.1, 10.2) == pytest.approx(0.1, abs=0.01)
    assert clock.place(500.1, 10.2) is None  # twice
    assert clock.place(500.05, 10.3) is None  # late
    assert clock.place(3.0, 10.4) == pytest.approx(0.4, abs=0.01)  # the phone's clock began again
    assert clock.place(3.5, 10.9) == pytest.approx(0.9, abs=0.01)
    plain = SourceClock()
    assert [plain.place(None, t) for t in (4.0, 4.5, 4.5)] == [0.0, 0.5, None]


def test_tokens_are_those_of_the_encoder_and_what_does_not_count_is_counted(parts):
    psi, live = moving_face(30), session(parts)
    sent = packets(psi)
    sent[10:10] = [
        b"noise",
        sent[9],
        packets(psi[:1], 2000, "Bob")[0],
        encode_live_link(SourceFrame(values=None, subject="Ann"), 1009),
    ]
    moments = receive(live, sent)
    counts = live.counts
    assert (counts.frames, counts.late, counts.others, counts.broken.total()) == (30, 2, 1, 1)
    encoder = LiveEncoder(*parts[:2])
    expected = [encoder.encode(row, i / 60) for i, row in enumerate(psi)]
    for moment, frame in zip(moments, expected, strict=True):
        np.testing.assert_array_equal(moment.found.tokens, frame.tokens)
    assert counts.frames_per_second() == pytest.approx(60, rel=0.01)
    assert counts.latency_ms(0.5) > 0 or counts.latency_s[0] < 0  # arrival is of another clock here


def test_the_first_seconds_find_the_resting_face(parts):
    rest = np.linspace(0, 0.2, 52, dtype=np.float32)
    live = session(parts, rest_s=0.5)
    moments = receive(live, packets(np.concatenate([np.tile(rest, (30, 1)), np.tile(rest, (30, 1))])))
    assert [m.resting for m in moments] == [True] * 30 + [False] * 30 and live.has_rest
    np.testing.assert_allclose(live.encoder.rest, rest, atol=1e-6)
    assert not any(m.found.tokens.any() for m in moments[30:])
    few = session(parts, rest_s=0.04)
    receive(few, packets(moving_face(20)))
    assert not few.has_rest and few.counts.frames == 17


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_take_is_read_as_any_other_recording(parts, tmp_path: Path, layout: str):
    psi = moving_face(90)
    if layout == "mediapipe":
        psi[:, -1] = 0  # it has no tongue
    path = tmp_path / "take.csv"
    with TakeWriter(path, layout) as take:
        live = session(parts, take=take)
        for i, row in enumerate(psi):
            lost = i in (40, 41)
            pose = None if layout == "arkit" else (0.01 * i, 0.02, 0.03)
            live.push(SourceFrame(values=None if lost else row, time_s=5 + i / 30, pose=None if lost else pose), i / 30)
    from dfe_core.expressions.readers.registry import find_reader

    reader = find_reader(path)[0]
    (recording,) = read_recordings(path, reader, ReadOptions())
    assert recording.extractor == layout
    assert recording.fps == pytest.approx(30, rel=0.02)
    assert recording.valid.sum() == 88 and not recording.valid[40:42].any()
    order = [recording.names.index(name) for name in live.encoder.names if name in recording.names]
    np.testing.assert_allclose(
        recording.psi[recording.valid][:, order], psi[recording.valid][:, : len(order)], atol=1e-6
    )
    if layout != "arkit":
        np.testing.assert_allclose(recording.extras["HeadPitch"][30], 0.3, atol=1e-6)


def test_a_take_never_writes_over_a_file(tmp_path: Path):
    (tmp_path / "take.csv").write_text("mine")
    with pytest.raises(DataError, match="a file of this name"), TakeWriter(tmp_path / "take.csv", "arkit"):
        pass
    with pytest.raises(DataError, match="cannot be written"), TakeWriter(tmp_path / "no" / "take.csv", "arkit"):
        pass


def test_packets_come_over_udp(parts):
    source, psi = UDP_SOURCES["arkit"], moving_face(5)
    port = free_port(socket.SOCK_DGRAM)
    waiting = udp_packets("127.0.0.1", port)
    assert next(waiting) is None  # it listens from here on
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        threading.Thread(target=lambda: [sender.sendto(p, ("127.0.0.1", port)) for p in packets(psi)]).run()
        live, decode = session(parts), source.decoder()
        got = [m for packet in (next(waiting) for _ in range(5)) if packet for m in live.receive(decode, *packet)]
    assert len(got) == 5 and live.counts.latency_ms(0.5) > 0
    with pytest.raises(DataError, match="cannot be listened at"):
        next(udp_packets("127.0.0.1", port))
