"""Small intact files of every AU tool, and of the readers of recordings that `good_files` has none of: what is damaged
by `fuzz --pool aus` and `--pool new`."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd

from dfe_core.expressions.readers import unified
from dfe_core.facs.readers.headset import AUS as HEADSET
from dfe_core.facs.readers.imotions import AFFDEX

FRAMES = 30
Content = tuple[str, bytes]
"""The ending of a file, and what is in it."""


def _csv(columns: dict, above: str = "", sep: str = ",") -> bytes:
    return (above + pd.DataFrame(columns).to_csv(index=False, sep=sep)).encode()


def _values(seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(0, 1, FRAMES), 3)


def au_files() -> list[Content]:
    """One file or more of each AU reader."""
    at, time = np.arange(FRAMES), np.round(np.arange(FRAMES) / 30, 3)
    seen = {"frame": at + 1, "timestamp": time, "confidence": 0.98, "success": 1}
    openface = seen | {"AU01_r": 5 * _values(1), "AU12_r": 5 * _values(2), "AU12_c": at % 2, "AU45_c": 1}
    feat = {"FaceRectX": 9.5, "FaceScore": 0.99, "AU01": _values(3), "AU02": _values(4), "AU12": _values(5)}
    feat |= {"input": np.where(at < 15, "a.mp4", "b.mp4"), "frame": at % 15, "Identity": "Person_0"}
    parquet = io.BytesIO()
    pd.DataFrame(openface).to_parquet(parquet)
    pyafar = {"Frame": at, "Person_ID": 0, "Occ_au_1": _values(6), "Int_au_6": 5 * _values(7)}
    libre = {"frame_idx": at, "frame_time_in_ms": at * 33.3, "au_1_intensity": 5 * _values(8), "au_6": at % 2}
    facet = {"StudyName": "s", "Timestamp": at * 40, "AU1 Evidence": _values(9) - 0.5, "AU2 Evidence": 0.1}
    reader = {"Video Time": [f"00:00:{t:06.3f}" for t in time], "Neutral": 0.2, "Happy": 0.3, "Sad": 0.0}
    reader |= {"Action Unit 12 - Lip Corner Puller": "A", "Action Unit 01 - Inner Brow Raiser": "NotActive"}
    elan = {
        "Tier": ["AU12", "AU4"],
        "Begin Time - ss.msec": [0.5, 2],
        "End Time - ss.msec": [1.5, 3],
        "Annotation": "C",
    }
    eaf = (
        '<?xml version="1.0"?><ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds">'
        '<MEDIA_DESCRIPTOR TIME_ORIGIN="100"/></HEADER><TIME_ORDER>'
        '<TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="100"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="900"/></TIME_ORDER>'
        '<TIER TIER_ID="AU12 left"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="x" TIME_SLOT_REF1="a" '
        'TIME_SLOT_REF2="b"><ANNOTATION_VALUE>C</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>'
        "</ANNOTATION_DOCUMENT>"
    )
    return [
        (".csv", _csv(openface)),
        (".csv", _csv(openface, sep=";").replace(b".", b",")),
        (".parquet", parquet.getvalue()),
        (".csv", _csv(seen | {f"AU0{i}_r": _values(i) for i in range(1, 9)})),
        (".csv", _csv(feat)),
        (".csv", _csv(pyafar)),
        (".csv", _csv(libre)),
        (".csv", _csv({"UnixTimestampMs": 1.7e12 + at * 14} | {name: _values(20) for name in HEADSET})),
        (".txt", _csv(facet | {"AU4 Evidence": -1.0}, "iMotions\tVersion 6\n#a\n\n", "\t")),
        (".csv", _csv({"Timestamp": at * 33.0} | {name.title(): 100 * _values(21) for name in AFFDEX})),
        (".txt", _csv(reader, "Video analysis detailed log\nFace Model:\tGeneral\n\n", "\t")),
        (".txt", _csv(elan, sep="\t")),
        (".csv", b"au,onset,apex,offset,intensity,side\nAU12,0.5,0.8,1.5,C,left\n4,1.0,,2.0,,\n"),
        (".eaf", eaf.encode()),
    ]


def new_recordings() -> list[Content]:
    """Files of the readers that `good_files` does not build."""
    rng = np.random.default_rng(5)
    names = list(dict.fromkeys(name for theirs in unified.NAMES.values() for name in theirs))
    vrc = {f"/avatar/parameters/v2/{name}": _values(i) for i, name in enumerate(names)}
    points = np.round(300 + 99 * rng.random((FRAMES, 68, 2)), 1)
    tfjs = [{"time": 33 * i, "faces": [{"keypoints": [{"x": x, "y": y} for x, y in f]}]} for i, f in enumerate(points)]
    gazer = [{"timestamp": f"2025-01-01T00:00:{i / 20:06.3f}Z", "landmarks": f.tolist()} for i, f in enumerate(points)]
    api = [
        {"landmarks": {"_positions": [{"_x": x, "_y": y} for x, y in f]}, "time": i / 25} for i, f in enumerate(points)
    ]
    still = {"face": [0, 1], "confidence": 0.9} | {f"{a}_{i}": rng.random(2) for a in "XYZ" for i in range(68)}
    seeface = {"Time": np.arange(FRAMES) / 25} | {f"Landmark[{i}].{a}": _values(i) for i in range(66) for a in "XY"}
    return [
        (".csv", _csv(vrc | {"time_s": np.arange(FRAMES) / 20})),
        *((".json", json.dumps(log).encode()) for log in (tfjs, gazer, api, points.tolist())),
        (".csv", _csv(still).replace(b",", b", ")),
        (".csv", _csv(seeface)),
    ]
