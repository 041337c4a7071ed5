"""One small intact file of every format, as bytes: what the broken ones are made from."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dfe_core.faces.arkit import ARKIT_NAMES

FRAMES = 60
FPS = 30.0


@dataclass(frozen=True)
class Good:
    """An intact file. face, fps: what `import_dataset` is told; cuts: byte offsets where its structure changes."""

    format: str
    filename: str
    content: bytes
    face: str
    cuts: tuple[int, ...] = ()
    fps: float | None = None


def arkit_values(frames: int = FRAMES) -> np.ndarray:
    """(T, 52) in 0 … 1 with three decimals, so that text and binary formats hold the same numbers."""
    time = np.arange(frames)[:, None] / FPS
    return np.round(0.4 + 0.4 * np.sin(time * (1 + np.arange(52) / 7)), 3)


def points(frames: int = FRAMES, count: int = 68, axes: int = 3) -> np.ndarray:
    """(T, V, D) of a face that nods a little and opens its lower half."""
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(count, 3)) * (40, 60, 10)
    time = np.arange(frames)[:, None, None] / FPS
    moving = rest + np.sin(4 * time) * (rest[:, 1:2] < 0) * (0, -5, 0) + np.cos(2 * time) * 2
    return np.round(moving[..., :axes], 3)


def lines_of(content: bytes) -> tuple[int, ...]:
    """Offsets around the first line ends and separators of a text table."""
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    header = content[: ends[0]]
    first = [i for i, byte in enumerate(header) if byte in b",\t"][:3]
    return tuple(
        sorted(
            {
                *first,
                *(i + 1 for i in first),
                ends[0] - 1,
                ends[0],
                ends[0] + 3,
                ends[1] - 1,
                ends[1],
                ends[1] + 20,
                ends[len(ends) // 2] + 40,
            }
        )
    )


def brackets_of(content: bytes) -> tuple[int, ...]:
    """Offsets around the first brackets, colons and commas of a JSON text, and its last ones."""
    marks = [i for i, byte in enumerate(content) if byte in b'{}[]:,"']
    return tuple(sorted({*marks[:14], *(i + 1 for i in marks[:14]), *marks[-6:]}))


def table(frame: pd.DataFrame, separator: str = ",") -> bytes:
    return frame.to_csv(index=False, sep=separator, lineterminator="\n").encode()


def arkit_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"time_s": np.round(np.arange(FRAMES) / FPS, 4), **dict(zip(ARKIT_NAMES, arkit_values().T, strict=True))}
    )


def live_link() -> Good:
    columns = {"Timecode": [f"10:00:{f // 30:02d}:{f % 30:02d}.500" for f in range(FRAMES)], "BlendShapeCount": 61}
    values = dict(zip((n[0].upper() + n[1:] for n in ARKIT_NAMES), arkit_values().T, strict=True))
    angles = dict.fromkeys(
        (
            "HeadYaw",
            "HeadPitch",
            "HeadRoll",
            "LeftEyeYaw",
            "LeftEyePitch",
            "LeftEyeRoll",
            "RightEyeYaw",
            "RightEyePitch",
            "RightEyeRoll",
        ),
        0.01,
    )
    content = table(pd.DataFrame({**columns, **values, **angles}))
    return Good("live-link-face", "take_iPhone_cal.csv", content, "toy-1", lines_of(content))


def face_cap() -> Good:
    rows = [
        ",".join(map(str, ["k", round(1000 * t / FPS), 0, 0, -0.4, 1.5, -2, 0, 1, 2, 3, 4, *row]))
        for t, row in enumerate(arkit_values().tolist())
    ]
    names = ",".join(
        (
            "bs",
            *(
                n.replace("Left", "_L").replace("Right", "_R")
                if n[-4:] in ("Left", "ight") and n not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
                else n
                for n in ARKIT_NAMES
            ),
        )
    )
    content = "\n".join(["info,Face Cap,1.9", names, *rows, ""]).encode()
    return Good("face-cap", "take.txt", content, "toy-1", lines_of(content))


def ifacialmocap() -> Good:
    packets = [
        "|".join(f"{n}-{round(100 * v)}" for n, v in zip(ARKIT_NAMES, row, strict=True))
        + "|=head#1.5,-2,0,0,0.1,-0.4|rightEye#1,2,0|leftEye#1,2,0|"
        for row in arkit_values().tolist()
    ]
    content = "\n".join([*packets, ""]).encode()
    return Good("ifacialmocap", "packets.txt", content, "toy-1", lines_of(content), FPS)


def arkit_csv() -> Good:
    content = table(arkit_frame())
    return Good("arkit-table", "take.csv", content, "toy-1", lines_of(content))


def arkit_tsv() -> Good:
    content = table(arkit_frame(), "\t")
    return Good("arkit-table", "take.tsv", content, "toy-1", lines_of(content))


def arkit_parquet() -> Good:
    out = io.BytesIO()
    arkit_frame().to_parquet(out, index=False)
    content = out.getvalue()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    cuts = (
        1,
        3,
        4,
        5,
        64,
        footer // 2,
        footer - 1,
        footer,
        footer + 7,
        len(content) - 9,
        len(content) - 8,
        len(content) - 5,
        len(content) - 4,
    )
    return Good("arkit-table", "take.parquet", content, "toy-1", cuts)


def _json(name: str, value: object) -> Good:
    content = json.dumps(value).encode()
    return Good("arkit-json", name, content, "toy-1", brackets_of(content))


def arkit_frames_json() -> Good:
    return _json(
        "frames.json",
        [
            {"time": t / FPS, "blendshapes": dict(zip(ARKIT_NAMES, row, strict=True))}
            for t, row in enumerate(arkit_values().tolist())
        ],
    )


def arkit_lists_json() -> Good:
    return _json("lists.json", {"fps": FPS, **dict(zip(ARKIT_NAMES, arkit_values().T.tolist(), strict=True))})


def beat_json() -> Good:
    return _json(
        "beat.json",
        {
            "names": list(ARKIT_NAMES),
            "frames": [
                {"weights": row, "time": t / FPS, "rotation": []} for t, row in enumerate(arkit_values().tolist())
            ],
        },
    )


def mediapipe_json() -> Good:
    names = ["_neutral", *ARKIT_NAMES[:-1]]
    rows = [[0.0, *row[:-1]] for row in arkit_values().tolist()]
    good = _json(
        "mediapipe.json",
        [
            {
                "timestamp_ms": int(1000 * t / FPS),
                "face_blendshapes": [
                    [
                        {"index": i, "score": s, "category_name": n}
                        for i, (n, s) in enumerate(zip(names, row, strict=True))
                    ]
                ],
            }
            for t, row in enumerate(rows)
        ],
    )
    return replace(good, format="mediapipe")


def mediapipe_csv() -> Good:
    content = table(arkit_frame().drop(columns="tongueOut").assign(_neutral=0.0))
    return Good("mediapipe", "mediapipe.csv", content, "toy-1", lines_of(content))


def mediapipe_npz() -> Good:
    out = io.BytesIO()
    scores = np.concatenate([np.zeros((FRAMES, 1)), arkit_values()[:, :-1]], 1)
    np.savez(
        out,
        blendshapes=scores,
        timestamps_ms=1000 * np.arange(FRAMES) / FPS,
        matrices=np.tile(np.eye(4), (FRAMES, 1, 1)),
    )
    return Good("mediapipe", "mediapipe.npz", out.getvalue(), "toy-1", zip_cuts(out.getvalue()))


def gltf_document(values: np.ndarray, times: np.ndarray, kind: str = "LINEAR") -> tuple[dict, bytes]:
    """A document with one animated mesh of ARKit targets, and its buffer."""
    binary = times.astype("<f4").tobytes() + values.astype("<f4").tobytes()
    split = 4 * len(times)
    return {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {}}], "extras": {"targetNames": list(ARKIT_NAMES)}}],
        "buffers": [{"byteLength": len(binary)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": split},
            {"buffer": 0, "byteOffset": split, "byteLength": len(binary) - split},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(times), "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": values.size, "type": "SCALAR"},
        ],
        "animations": [
            {
                "name": "take",
                "samplers": [{"input": 0, "output": 1, "interpolation": kind}],
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
            }
        ],
    }, binary


def glb_bytes(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def glb() -> Good:
    content = glb_bytes(*gltf_document(arkit_values(), np.arange(FRAMES) / FPS))
    text = struct.unpack_from("<I", content, 12)[0]
    return Good(
        "gltf",
        "take.glb",
        content,
        "toy-1",
        (4, 8, 11, 12, 16, 19, 20, 100, 20 + text - 1, 20 + text, 24 + text, 28 + text, 300 + text),
    )


def gltf() -> Good:
    document, binary = gltf_document(arkit_values(), np.arange(FRAMES) / FPS)
    document["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    content = json.dumps(document).encode()
    return Good("gltf", "take.gltf", content, "toy-1", brackets_of(content))


def flame_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "expcode": rng.normal(size=(FRAMES, 50)).astype(np.float32),
        "posecode": (0.1 * rng.normal(size=(FRAMES, 6))).astype(np.float32),
        "fps": np.array(FPS),
    }


def zip_cuts(content: bytes) -> tuple[int, ...]:
    """Offsets of a zip's local headers, central directory and end record."""
    marks = [i for magic in (b"PK\3\4", b"PK\1\2", b"PK\5\6") for i in _all(content, magic)]
    return tuple(sorted({2, 4, 30, *marks, *(m + 5 for m in marks), len(content) - 22, len(content) - 3}))


def _all(content: bytes, part: bytes) -> list[int]:
    found, at = [], content.find(part)
    while at >= 0:
        found.append(at)
        at = content.find(part, at + 1)
    return found


def flame_npz() -> Good:
    out = io.BytesIO()
    np.savez_compressed(out, **flame_arrays())
    return Good("flame", "emoca.npz", out.getvalue(), "flame-50+jaw", zip_cuts(out.getvalue()))


def flame_npy() -> Good:
    out = io.BytesIO()
    np.save(out, np.concatenate([flame_arrays()["expcode"], flame_arrays()["posecode"][:, 3:]], 1))
    return Good(
        "flame", "listener.npy", out.getvalue(), "flame-50+jaw", (1, 5, 6, 7, 8, 9, 10, 40, 127, 128, 129, 300), FPS
    )


def flame_mat() -> Good:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, flame_arrays(), do_compression=True)
    content = out.getvalue()
    return Good(
        "flame",
        "deca.mat",
        content,
        "flame-50+jaw",
        (4, 100, 124, 126, 128, 132, 136, 140, 200, len(content) - 40, len(content) - 1),
    )


def flame_json() -> Good:
    content = json.dumps({k: v.tolist() for k, v in flame_arrays().items()}).encode()
    return Good("flame", "smirk.json", content, "flame-50+jaw", brackets_of(content))


def flame_pt() -> Good:
    import torch

    out = io.BytesIO()
    torch.save({k: torch.as_tensor(v) for k, v in flame_arrays().items()}, out)
    return Good("flame", "emoca.pt", out.getvalue(), "flame-50+jaw", zip_cuts(out.getvalue()))


def openface_csv() -> Good:
    xyz = points()
    columns = {
        "frame": np.arange(1, FRAMES + 1),
        " face_id": 0,
        " timestamp": np.round(np.arange(FRAMES) / FPS, 3),
        " confidence": 0.98,
        " success": 1,
        " pose_Tx": 1.0,
        " pose_Ty": 2.0,
        " pose_Tz": 400.0,
        **{f" {a}_{i}": xyz[:, i, k] for k, a in enumerate("XYZ") for i in range(68)},
        **{f" AU{u:02d}_r": 0.5 for u in (1, 2, 4)},
        **{f" AU{u:02d}_c": 1 for u in (1, 2, 4)},
    }
    content = table(pd.DataFrame(columns))
    return Good("openface", "openface.csv", content, "learn", lines_of(content))


def landmarks_csv() -> Good:
    xy = points(count=48, axes=2)
    content = table(
        pd.DataFrame(
            {
                "time": np.arange(FRAMES) / FPS,
                **{f"{a}_{i}": xy[:, i, k] for k, a in enumerate("xy") for i in range(48)},
            }
        )
    )
    return Good("landmarks", "cat48.csv", content, "learn", lines_of(content))


def landmarks_npz() -> Good:
    out = io.BytesIO()
    np.savez_compressed(out, landmarks=points().astype(np.float32), fps=np.array(FPS))
    return Good("mesh-sequence", "points.npz", out.getvalue(), "learn", zip_cuts(out.getvalue()))


def landmarks_npy() -> Good:
    out = io.BytesIO()
    np.save(out, points())
    return Good(
        "mesh-sequence", "points.npy", out.getvalue(), "learn", (1, 6, 7, 8, 9, 10, 40, 127, 128, 129, 300), FPS
    )


def mediapipe_points_json() -> Good:
    xyz = np.round(points(12, 468) / 400 + 0.5, 4)
    frames = [
        {
            "timestamp_ms": 40 * (f // 2) + 20 * (f % 2),
            "face_landmarks": [[{"x": x, "y": y, "z": z} for x, y, z in xyz[f % 12].tolist()]],
        }
        for f in range(FRAMES)
    ]
    content = json.dumps({"width": 640, "height": 480, "frames": frames}).encode()
    return Good("mediapipe-landmarks", "mesh.json", content, "learn", brackets_of(content))


def bfm_arrays() -> dict[str, np.ndarray]:
    return {"coeff": np.random.default_rng(2).normal(size=(FRAMES, 257)).astype(np.float32), "fps": np.array([[FPS]])}


def bfm_mat() -> Good:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, bfm_arrays())
    size = len(out.getvalue())
    return Good("bfm", "deep3d.mat", out.getvalue(), "bfm-64", (4, 124, 126, 128, 132, 136, 144, 160, 200, size - 9))


def bfm_npz() -> Good:
    out = io.BytesIO()
    np.savez(out, **bfm_arrays())
    return Good("bfm", "deep3d.npz", out.getvalue(), "bfm-64", zip_cuts(out.getvalue()))


def ict_names() -> list[str]:
    """ICT-FaceKit's names of what ARKit has, with those it splits."""
    sides = {"browInnerUp": ("browInnerUp_L", "browInnerUp_R"), "cheekPuff": ("cheekPuff_L", "cheekPuff_R")}
    return [part for name in ARKIT_NAMES[:-1] for part in sides.get(name, (name,))]


def ict_csv() -> Good:
    names = ict_names()
    values = np.concatenate([arkit_values(), arkit_values()], 1)[:, : len(names)]
    content = table(pd.DataFrame(values, columns=names).assign(time_s=np.round(np.arange(FRAMES) / FPS, 4)))
    return Good("ict-weights", "ict.csv", content, "toy-1", lines_of(content))


def ict_npz() -> Good:
    names, out = ict_names(), io.BytesIO()
    values = np.concatenate([arkit_values(), arkit_values()], 1)[:, : len(names)]
    np.savez(out, expression_names=np.array(names), weights=values, fps=np.array(FPS))
    return Good("ict-weights", "ict.npz", out.getvalue(), "toy-1", zip_cuts(out.getvalue()))


def _mapped(module: str) -> Good:
    from importlib import import_module

    reader = import_module(f"dfe_core.expressions.readers.{module}")
    names = list(dict.fromkeys(name for theirs in reader.NAMES.values() for name in theirs))
    values = np.concatenate([arkit_values(), arkit_values()], 1)[:, : len(names)]
    content = table(pd.DataFrame(values, columns=names).assign(time_s=np.round(np.arange(FRAMES) / FPS, 4)))
    return Good(reader.FORMAT, f"{module}.csv", content, "toy-1", lines_of(content))


def quest_pro_csv() -> Good:
    return _mapped("quest_pro")


def faceshift_csv() -> Good:
    return _mapped("faceshift")


def sranipal_csv() -> Good:
    return _mapped("sranipal")


def audio2face_json() -> Good:
    content = json.dumps(
        {"exportFps": FPS, "numPoses": 52, "facsNames": list(ARKIT_NAMES), "weightMat": arkit_values().tolist()}
    ).encode()
    return Good("arkit-json", "a2f.json", content, "toy-1", brackets_of(content))


def imavatar_json() -> Good:
    values = arkit_values()
    frames = [
        {"expression": row[:50].tolist(), "pose": [0.0] * 6 + [float(row[51]) / 4, 0.0, 0.0] + [0.01] * 6}
        for row in values
    ]
    content = json.dumps({"fps": FPS, "frames": frames}).encode()
    return Good("flame", "imavatar.json", content, "flame-50+jaw", brackets_of(content))


BUILDERS: tuple[Callable[[], Good], ...] = (
    live_link,
    face_cap,
    ifacialmocap,
    arkit_csv,
    arkit_tsv,
    arkit_parquet,
    arkit_frames_json,
    arkit_lists_json,
    beat_json,
    mediapipe_json,
    mediapipe_csv,
    mediapipe_npz,
    glb,
    gltf,
    flame_npz,
    flame_npy,
    flame_mat,
    flame_json,
    flame_pt,
    openface_csv,
    landmarks_csv,
    landmarks_npz,
    landmarks_npy,
    mediapipe_points_json,
    bfm_mat,
    bfm_npz,
    ict_csv,
    ict_npz,
    quest_pro_csv,
    faceshift_csv,
    sranipal_csv,
    audio2face_json,
    imavatar_json,
)
