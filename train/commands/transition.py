"""`dfe transition`: from one expression to another, as a timeline or a movement."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts

if TYPE_CHECKING:
    import numpy as np

    from dfe_core.expressions.dataset import Dataset, Frames
    from dfe_core.faces.model import FaceModel

DESCRIPTION = (
    "From one expression to another, through others where named. An expression is `rest`, words, a picture (with "
    "dfe[video]), a file of its coefficients, or a moment RECORDING@SECONDS of the dataset of --timing. With --timing, "
    "each part of the face moves when it does in the transitions of that dataset that are like this one; without, all "
    "move at once with minimum jerk."
)
EXAMPLES = (
    'dfe transition default --from rest --to "a broad smile and brows up" --timing study1 --out smile.json',
    'dfe transition default --from photo.json --via "brows up" --to rest --seconds 0.8 --out back.toml',
    'dfe transition anny --from rest --to "lip corners down" --out sad.csv',
)
_NEAR_S = 0.5
"""How far a frame with a face may be from the moment that was asked for, s."""
_ROUNDED_S = 0.01
"""How far over the end of a recording a time may be, written with two decimals."""
_ENDINGS = (".json", ".toml", ".csv", ".npz", ".gif", ".mp4", ".glb")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("on", metavar="MODEL|FACE", help="one that `dfe list` shows: the face it is played on")
    parser.add_argument("--from", dest="start", default="rest", metavar="EXPRESSION", help="(default: rest)")
    parser.add_argument(
        "--via", action="append", default=[], metavar="EXPRESSION", help="an expression on the way; may be repeated"
    )
    parser.add_argument("--to", dest="stop", required=True, metavar="EXPRESSION", help="where it ends")
    parser.add_argument(
        "--seconds", type=float, default=1.0, metavar="S", help="from each expression to the next (default: 1)"
    )
    parser.add_argument("--timing", metavar="DATASET", help="take the timing of this dataset's transitions")
    parser.add_argument(
        "--model-task", type=Path, metavar="TASK", help="MediaPipe's face_landmarker.task, for pictures"
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="a timeline to edit (.json, .toml), coefficients over time (.csv, .npz), or the moving face "
        "(.gif, .mp4, .glb)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    import numpy as np

    from dfe_core.expressions.dataset import Dataset
    from dfe_core.motion.transition_timing import find_timing
    from dfe_core.motion.transitions import by_parts

    if args.out.suffix not in _ENDINGS:
        raise DataError(args.out, f"ending {args.out.suffix or 'none'}", ", ".join(_ENDINGS))
    if not 0.05 <= args.seconds <= 60:
        raise DataError("--seconds", f"{args.seconds:g}", "0.05 to 60")
    face = _face(args.on, progress)
    dataset = None if args.timing is None else Dataset.open(args.timing)
    if dataset is not None and dataset.face_id != face.id:
        raise DataError(f"--timing {args.timing}", f"a dataset on {dataset.face_id}", f"one on {face.id}")
    named = [args.start, *args.via, args.stop]
    psi = np.stack([expression_of(text, face, dataset, args.model_task) for text in named])
    timing = None if dataset is None else find_timing(dataset, face)
    labels = [Path(text).stem if Path(text).suffix and Path(text).is_file() else text for text in named]
    made = by_parts(psi, face, timing, seconds=[args.seconds], labels=labels)
    _write(made, face, args.out)
    used = "minimum jerk, all parts at once"
    if timing is not None and dataset is not None:
        data = " (simulated)" if dataset.simulated else ""
        used = f"{len(timing.seconds):,} transitions of {len(set(timing.subjects)):,} people of {dataset.name}{data}"
    print(
        facts(
            [
                ("file", args.out),
                ("face", face.id),
                ("through", made.text),
                ("seconds", made.duration_s),
                ("tracks", len(made.tracks)),
                ("timing", used),
            ]
        )
    )


def expression_of(text: str, face: FaceModel, dataset: Dataset | None, landmarker: Path | None) -> np.ndarray:
    """(E,) ψ of what a user named: ``rest``, a file, a moment ``RECORDING@SECONDS``, or words. Raises `DataError`."""
    import numpy as np

    from dfe_core.motion.photo import photo_expression
    from dfe_core.motion.transitions import described
    from dfe_core.video.pictures import is_picture

    if text == "rest":
        return np.zeros(face.coefficients, np.float32)
    path = Path(text)
    if path.suffix and path.is_file():
        photo = photo_expression(path, face, landmarker=landmarker)
        if photo.faces > 1:
            print(f"note: {path.name}: the largest of {photo.faces} faces counts", file=sys.stderr)
        return photo.psi
    recording, at, seconds = text.rpartition("@")
    if at and dataset is not None:
        if recording not in set(dataset.recordings["recording"]):
            raise DataError(text, f"no recording {recording!r} in {dataset.name}", "one that its page Data lists")
        return _moment(text, dataset.frames(recording), seconds)
    if at:
        raise DataError(text, "a moment, and no dataset to take it from", "--timing DATASET")
    if path.suffix.lower() in (".json", ".csv", ".npz", ".parquet") or is_picture(path):
        raise DataError(text, "no such file", "rest, words, a file that is there, or RECORDING@SECONDS with --timing")
    return described(text, face.names)


def _moment(text: str, frames: Frames, seconds: str) -> np.ndarray:
    """ψ of the frame with a face that is nearest to a time; `text` is how the user named it."""
    import numpy as np

    time_s = frames.time_s - frames.time_s[0]
    expected = f"RECORDING@SECONDS, with 0 to {time_s[-1]:.2f} s"
    try:
        wanted = float(seconds)
    except ValueError:
        raise DataError(text, f"{seconds!r} for a time", expected) from None
    if not 0 <= wanted <= time_s[-1] + _ROUNDED_S:
        raise DataError(text, f"{seconds} s for a time", expected)
    shown = np.flatnonzero(frames.valid)
    if not len(shown):
        raise DataError(text, "no frame in which a face was found", "another recording")
    nearest = shown[int(np.abs(time_s[shown] - wanted).argmin())]
    if abs(time_s[nearest] - wanted) > _NEAR_S:
        raise DataError(text, f"no face there, the nearest one at {time_s[nearest]:.2f} s", "a moment with a face")
    return frames.psi[nearest]


def _face(name: str, progress: Listener) -> FaceModel:
    from dfe_core.faces import list_faces, open_face
    from dfe_core.store import cache_root
    from dfe_core.tokenizer.codebook import Codebook

    if name in list_faces(cache_root()) or name == "anny" or ":" in name:
        return open_face(name, progress=progress)
    return open_face(Codebook.open(name).face_id, progress=progress)


def _write(made: object, face: FaceModel, out: Path) -> None:
    from dfe_core.motion.export import write_coefficients
    from dfe_core.motion.timeline import Timeline, play, to_json, to_toml
    from dfe_core.render.animation import animate
    from dfe_core.render.gltf import export_animation
    from dfe_core.store import atomic_file

    assert isinstance(made, Timeline)
    if out.suffix in (".json", ".toml"):
        with atomic_file(out) as temporary:
            temporary.write_text(to_json(made) if out.suffix == ".json" else to_toml(made), encoding="utf-8")
        return
    time_s, psi = play(made, face.names)
    if out.suffix in (".csv", ".npz"):
        write_coefficients(out, time_s, psi, face.names)
    elif out.suffix == ".glb":
        export_animation(face, psi, time_s, out)
    else:
        animate(face, psi, out, made.fps)
