"""Broken recordings: what each is, its file name and its bytes. Every one must be refused in one line; `SLIPS` are read
without the row concerned."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import LIVE_LINK_NAMES, beat_json, live_link, performance, table

PSI = performance(40)


def _lines(text: str, change: Callable[[list[str]], list[str]]) -> str:
    return "\n".join(change(text.splitlines())) + "\n"


def _cell(text: str, row: int, column: int, value: str) -> str:
    lines = [line.split(",") for line in text.splitlines()]
    lines[row][column] = value
    return "\n".join(map(",".join, lines)) + "\n"


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _lying_npy(shape: str, data: bytes = b"\0" * 64, dtype: str = "<f8") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def _npz(**arrays: bytes | np.ndarray) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            archive.writestr(f"{name}.npy", value if isinstance(value, bytes) else _npy(value))
    return stream.getvalue()


def _bomb() -> bytes:
    """An npz whose member says, truly, that it unfolds to 3 GB; written as stored runs of one compressed block."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("exp.npy", _lying_npy("(7864320, 50)", b"\0" * (1 << 20)))
    blob = bytearray(stream.getvalue())
    central = blob.rfind(b"PK\x01\x02")
    blob[central + 24 : central + 28] = struct.pack("<I", 3_145_728_128 & 0xFFFFFFFF)
    return bytes(blob)


def mat_bomb(megabytes: int) -> bytes:
    """A MATLAB file of one compressed variable that unfolds to so many megabytes of zeros."""
    squeeze = zlib.compressobj(9)
    data = b"".join([squeeze.compress(b"\0" * (1 << 20)) for _ in range(megabytes)] + [squeeze.flush()])
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    return head + struct.pack("<II", 15, len(data)) + data


def _mat(**arrays: np.ndarray) -> bytes:
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, arrays)
    return stream.getvalue()


def _parquet(columns: dict[str, np.ndarray]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def _arkit_columns(psi: np.ndarray = PSI) -> dict[str, np.ndarray]:
    return {name: psi[:, i] for i, name in enumerate(ARKIT_NAMES)}


LIVE, TABLE, BEAT = live_link(PSI), table(PSI), beat_json(PSI)


def _beat(change: Callable[[dict], None]) -> str:
    content = json.loads(BEAT)
    change(content)
    return json.dumps(content)


BROKEN: dict[str, tuple[str, str | bytes]] = {
    "empty": ("a.csv", ""),
    "empty json": ("a.json", ""),
    "empty npz": ("a.npz", b""),
    "blank lines": ("a.csv", "\n\n\n"),
    "only a byte order mark": ("a.csv", b"\xef\xbb\xbf"),
    "a header alone": ("a.csv", LIVE.splitlines()[0]),
    "a header and a line end": ("a.csv", LIVE.splitlines()[0] + "\n"),
    "a header cut off": ("a.csv", LIVE[:300]),
    "one frame": ("a.csv", "\n".join(LIVE.splitlines()[:2])),
    "cut off in the first frame": ("a.csv", LIVE[: len(LIVE.splitlines()[0]) + 80]),
    "a short line in the middle": ("a.csv", _lines(LIVE, lambda x: [*x[:9], x[9][:60], *x[10:]])),
    "a long line in the middle": ("a.csv", _lines(LIVE, lambda x: [*x[:9], x[9] + ",1,2", *x[10:]])),
    "a long last line": ("a.csv", _lines(LIVE, lambda x: [*x[:-1], x[-1] + ",1"])),
    "two short lines": ("a.csv", _lines(LIVE, lambda x: [*x[:9], x[9][:60], x[10][:60], *x[11:]])),
    "random bytes": ("a.csv", np.random.default_rng(0).bytes(5000)),
    "zeros": ("a.csv", b"\0" * 5000),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + np.random.default_rng(1).bytes(4000)),
    "a pickle named csv": ("a.csv", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94."),
    "binary in the middle": ("a.csv", LIVE[:4000].encode() + bytes(range(256)) * 4 + LIVE[4000:].encode()),
    "prose": ("a.csv", "Dear colleague,\nplease find the data attached.\n"),
    "other columns": ("a.csv", "frame,AU01_r,AU02_r\n0,1,2\n1,1,2\n"),
    "half the coefficients missing": ("a.csv", table(PSI[:, :20], names=ARKIT_NAMES[:20])),
    "a column twice": (
        "a.csv",
        table(np.hstack([PSI, PSI[:, :1]]), names=(*ARKIT_NAMES, "EyeBlink_L")).replace(
            "browDownLeft", "EyeBlinkLeft", 1
        ),
    ),
    "a coefficient in two spellings": (
        "a.csv",
        table(np.hstack([PSI, PSI[:, :1]]), names=(*ARKIT_NAMES, "BrowDown_L")),
    ),
    "text in all of a column": ("a.csv", table(PSI).replace("0.", "zero")),
    "broken timecodes": ("a.csv", LIVE.replace(":00.000,", ":xx.000,").replace("10:00:00:", "10:00:xx:")),
    "one time for all": ("a.csv", live_link(PSI, counts=np.zeros(40))),
    "every time twice": ("a.csv", live_link(PSI, counts=np.repeat(np.arange(20.0), 2))),
    "0 fps": ("a.csv", table(PSI, fps=1e-3)),
    "5000 fps": ("a.csv", table(PSI, fps=5000)),
    "no times": ("a.csv", table(PSI, time=None)),
    "no number at all": ("a.csv", table(PSI * np.nan)),
    "infinite throughout": ("a.csv", table(PSI + np.inf)),
    "percent": ("a.csv", table(PSI * 100)),
    "degrees": ("a.csv", table(PSI * 90 - 45)),
    "decimal commas between commas": ("a.csv", table(PSI, decimal=",")),
    "utf-16 without its mark": ("a.csv", LIVE.encode("utf-16-le")),
    "utf-16 cut in a character": ("a.csv", LIVE[:3000].encode("utf-16")[:-1] + b"\xd8"),
    "latin-1 among the timecodes": ("a.csv", _cell(LIVE, 12, 0, "10:00:00:1ß").encode("latin-1")),
    "an endless line": ("a.csv", "1," * (3 << 20)),
    "an endless line after a header": ("a.csv", LIVE.splitlines()[0] + "\n" + "1," * (3 << 20)),
    "an open quote": ("a.csv", _cell(LIVE, 5, 3, '"0.1')),
    "cut off json": ("a.json", BEAT[: len(BEAT) // 2]),
    "json of nothing": ("a.json", "{}"),
    "an empty list": ("a.json", "[]"),
    "null": ("a.json", "null"),
    "a number": ("a.json", "17"),
    "deep json": ("a.json", "[" * 200_000),
    "deep json under a key": ("a.json", '{"frames":' * 50_000),
    "json after the names": ("a.json", BEAT[:1500] + "]" * 3),
    "json in latin-1": ("a.json", BEAT.replace("names", "nämes").encode("latin-1")),
    "a huge whole number": ("a.json", BEAT.replace('"rotation": []', '"rotation": ' + "9" * 6000, 1)),
    "names without frames": ("a.json", json.dumps({"names": list(ARKIT_NAMES)})),
    "frames without weights": ("a.json", _beat(lambda c: c["frames"][0].pop("weights"))),
    "a frame without weights": ("a.json", _beat(lambda c: c["frames"][7].pop("weights"))),
    "a frame with too few weights": ("a.json", _beat(lambda c: c["frames"][7]["weights"].pop())),
    "too few names": ("a.json", _beat(lambda c: c["names"].pop())),
    "text for a weight": ("a.json", _beat(lambda c: c["frames"][7]["weights"].__setitem__(3, "x"))),
    "a list for a weight": ("a.json", _beat(lambda c: c["frames"][7]["weights"].__setitem__(3, [1]))),
    "a frame that is null": ("a.json", _beat(lambda c: c["frames"].__setitem__(7, None))),
    "a time that is text": ("a.json", _beat(lambda c: c["frames"][7].update(time="now"))),
    "lists of two lengths": (
        "a.json",
        json.dumps({**{n: PSI[:, i].tolist() for i, n in enumerate(ARKIT_NAMES)}, "jawOpen": [0.1], "fps": 30}),
    ),
    "a rate that is text": ("a.json", json.dumps({"fps": "fast", "names": list(ARKIT_NAMES), "weights": PSI.tolist()})),
    "a rate of 0": ("a.json", json.dumps({"fps": 0, "names": list(ARKIT_NAMES), "weights": PSI.tolist()})),
    "a rate of 1e6": ("a.json", json.dumps({"fps": 1e6, "names": list(ARKIT_NAMES), "weights": PSI.tolist()})),
    "one mapping of numbers": ("a.json", json.dumps(dict(zip(ARKIT_NAMES, PSI[0].tolist(), strict=True)))),
    "two faces in a frame": (
        "a.json",
        json.dumps(
            [
                {"time": i / 30, "faceBlendshapes": [[{"categoryName": n, "score": 0.5} for n in ARKIT_NAMES]] * 2}
                for i in range(5)
            ]
        ),
    ),
    "an npz cut off": ("a.npz", _npz(exp=np.zeros((40, 50)))[:200]),
    "an npz of pickles": ("a.npz", _npz(exp=_lying_npy("(1,)", b"\x80\x04N.", "|O"))),
    "an npz whose header lies": ("a.npz", _npz(exp=_lying_npy("(1000000, 50)"))),
    "an npz of endless shape": ("a.npz", _npz(exp=_lying_npy("(99999999999, 50)"))),
    "an npz of negative shape": ("a.npz", _npz(exp=_lying_npy("(-2, 50)"))),
    "an npz that unfolds to 3 GB": ("a.npz", _bomb()),
    "an npz of text": ("a.npz", _npz(exp=np.array([["a"] * 50] * 3))),
    "an npz of other arrays": ("a.npz", _npz(foo=np.zeros((40, 50)))),
    "an npz of no arrays": ("a.npz", _npz()),
    "an npz of the wrong width": ("a.npz", _npz(exp=np.zeros((40, 33)))),
    "an npz without a rate": ("a.npz", _npz(exp=np.zeros((40, 50)))),
    "an npz of a rate of 0": ("a.npz", _npz(exp=np.zeros((40, 50)), fps=np.array(0.0))),
    "an npz of four axes": ("a.npz", _npz(exp=np.zeros((4, 5, 50, 2)))),
    "an npz of complex numbers": ("a.npz", _npz(exp=np.zeros((40, 50), complex))),
    "an npz whose jaw is shorter": ("a.npz", _npz(exp=np.zeros((40, 50)), pose=np.zeros((3, 6)), fps=np.array(30.0))),
    "an npy of a pickle": ("a.npy", _lying_npy("(40, 53)", b"\x80\x04N." * 99, "|O")),
    "an npy whose header lies": ("a.npy", _lying_npy("(1000000000, 53)")),
    "an npy cut off": ("a.npy", _npy(np.zeros((40, 53)))[:900]),
    "an npy header cut off": ("a.npy", _npy(np.zeros((40, 53)))[:30]),
    "an npy header of code": ("a.npy", b"\x93NUMPY\x01\x00\x40\x00" + b"__import__('os').getcwd()".ljust(63) + b"\n"),
    "an npy of another width": ("a.npy", _npy(np.zeros((40, 7)))),
    "an npy of infinities": ("a.npy", _npy(np.full((40, 53), np.inf))),
    "a mat cut off": ("a.mat", _mat(exp=np.zeros((40, 50)))[:300]),
    "a mat of nothing": ("a.mat", _mat(x=np.zeros(3))),
    "a mat of zeros": ("a.mat", b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"\0" * 4000),
    "a mat of noise": (
        "a.mat",
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + np.random.default_rng(2).bytes(3000),
    ),
    "a mat of version 7.3": ("a.mat", b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + b"\0" * 100),
    "a torch file of code": ("a.pt", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."),
    "a torch file of noise": ("a.pt", _npz(exp=np.zeros((3, 50)))),
    "a parquet cut off": ("a.parquet", _parquet(_arkit_columns())[:-100]),
    "a parquet of other columns": ("a.parquet", _parquet({"a": np.zeros(3)})),
    "a parquet of text": (
        "a.parquet",
        _parquet({**_arkit_columns(), "jawOpen": np.array(["x"] * 40), "time": np.arange(40) / 30}),
    ),
    "a parquet of no rows": ("a.parquet", _parquet({**_arkit_columns(PSI[:0]), "time": np.zeros(0)})),
    "a parquet of noise": ("a.parquet", b"PAR1" + np.random.default_rng(3).bytes(500) + b"PAR1"),
}
SLIPS: dict[str, tuple[str, str | bytes, int, str]] = {
    "text for a number": ("a.csv", _cell(LIVE, 12, 20, "abc"), 39, "1 cell with text"),
    "a number with a unit": ("a.csv", _cell(LIVE, 12, 20, "0.5%"), 39, "1 cell with text"),
    "a broken timecode": ("a.csv", _cell(LIVE, 12, 0, "10:00:xx:00.000"), 39, "without a time left out"),
    "no timecode": ("a.csv", _cell(LIVE, 12, 0, ""), 39, "without a time left out"),
    "a timecode of another kind": ("a.csv", _cell(LIVE, 12, 0, "frame 12"), 39, "without a time left out"),
    "frame counts beyond the base": (
        "a.csv",
        _cell(live_link(performance(200)), 12, 0, "10:00:00:75.000"),
        199,
        "without a time left out (the first: line 13)",
    ),
    "a timecode twice": ("a.csv", _lines(LIVE, lambda x: [*x[:9], x[8], *x[9:]]), 40, "time of another left out"),
    "frames swapped": ("a.csv", _lines(LIVE, lambda x: [*x[:9], x[10], x[9], *x[11:]]), 40, "sorted"),
    "frames backwards": ("a.csv", _lines(LIVE, lambda x: [x[0], *x[:0:-1]]), 40, "sorted"),
    "times out of order": ("a.csv", _cell(TABLE, 5, 0, "99"), 39, "out of line"),
    "times that are no numbers": ("a.csv", _cell(TABLE, 5, 0, "soon"), 39, "without a time left out"),
    "a time missing": ("a.csv", _cell(TABLE, 5, 0, ""), 39, "without a time left out"),
    "an infinite time": ("a.csv", _cell(TABLE, 5, 0, "inf"), 39, "without a time left out"),
    "frames out of order": ("a.json", _beat(lambda c: c["frames"].reverse()), 40, "sorted"),
    "a frame twice": ("a.json", _beat(lambda c: c["frames"].insert(7, c["frames"][7])), 40, "time of another"),
}
"""What is wrong with a row and not with a file: name, content, the frames that are valid, and what the note says."""
assert len(LIVE_LINK_NAMES) == 52
