"""Broken files of every format, made from intact ones. Each is small; the large ones are in test_bombs."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from dfe_core.faces.arkit import ARKIT_NAMES
from tests.hostile.good_files import (
    BUILDERS,
    FPS,
    FRAMES,
    Good,
    arkit_frame,
    arkit_parquet,
    arkit_values,
    flame_arrays,
    glb_bytes,
    gltf_document,
    openface_csv,
    table,
)


@dataclass(frozen=True)
class Case:
    """A broken file. refused: it must be; otherwise it may also be read, with finite values and a note on the loss."""

    name: str
    filename: str
    content: bytes
    face: str
    refused: bool = True
    fps: float | None = None


def cases() -> list[Case]:
    """The corpus, always the same."""
    return [case for part in PARTS for case in cases_of(part)]


@cache
def cases_of(part: str) -> tuple[Case, ...]:
    """The files of a part of it."""
    return tuple(PARTS[part]())


def _of_format(build: Callable[[], Good]) -> Iterator[Case]:
    good = build()
    yield from _truncated(good)
    yield from _mangled(good)


def _truncated(good: Good) -> Iterator[Case]:
    """Cut off where the structure changes. Text may lose its end and still be whole frames."""
    size, text = len(good.content), good.filename.endswith((".csv", ".tsv", ".txt"))
    second_row = good.content.find(b"\n", good.content.find(b"\n") + 1) if text and good.fps is None else 0
    for cut in sorted({1, *good.cuts, size // 2, size - 1}):
        if 0 < cut < size:
            keep = text and cut > second_row
            yield Case(
                f"{good.filename} cut at {cut} of {size}",
                good.filename,
                good.content[:cut],
                good.face,
                not keep,
                good.fps,
            )


def _mangled(good: Good) -> Iterator[Case]:
    """The same damage done to every format."""

    def case(how: str, broken: bytes, refused: bool = True) -> Case:
        return Case(f"{name} {how}", name, broken, good.face, refused, good.fps)

    name, content = good.filename, good.content
    rng = random.Random(name)
    noise = rng.randbytes(4096)
    middle = len(content) // 2
    yield case("empty", b"")
    yield case("of zeros", bytes(5000))
    yield case("of noise", noise)
    yield case("of blanks and line ends", b" \r\n" * 500)
    yield case("with another magic", b"GIF89a" + content[6:], not name.endswith(("sv", ".mat", ".txt")))
    yield case("with a picture's head", b"\x89PNG\r\n\x1a\n" + noise)
    yield case("as a web page", b"<!DOCTYPE html><html><body>Sign in</body></html>")
    yield case("as a pickle", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.")
    yield case(
        "as a Git LFS pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n",
    )
    yield case("with noise in the middle", content[:middle] + noise[:64] + content[middle + 64 :], False)
    yield case("with zeros in the middle", content[:middle] + bytes(64) + content[middle + 64 :], False)
    yield case("with bytes left out", content[:middle] + content[middle + 37 :], False)


def _row(frame: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    out = frame.astype({column: object})
    out.loc[row, column] = value
    return out


def _tables() -> Iterator[Case]:
    frame, face = arkit_frame(), "toy-1"
    good = table(frame)
    lines = good.split(b"\n")

    def case(name: str, content: bytes, refused: bool = True, filename: str = "take.csv") -> Case:
        return Case(f"table {name}", filename, content, face, refused)

    yield case("with a header alone", lines[0])
    yield case("with a header alone and a line end", lines[0] + b"\n")
    yield case("without a header", b"\n".join(lines[1:]))
    yield case("of one frame", b"\n".join(lines[:2]))
    yield case("with wrong columns", b"a,b,c\n1,2,3\n4,5,6\n")
    yield case("with half of the names", table(frame[["time_s", *ARKIT_NAMES[:20]]]))
    yield case("with a column twice", table(frame).replace(b"browDownRight", b"browDownLeft", 1))
    yield case("with a column in two spellings", table(frame).replace(b"jawForward", b"Jaw_Open", 1))
    yield case("with text in a column", table(_row(frame, "jawOpen", 9, "open")), refused=False)
    yield case("with a date in a column", table(_row(frame, "jawOpen", 9, "2024-01-01")), refused=False)
    yield case("with a formula", table(_row(frame, "jawOpen", 9, "=cmd|' /C calc'!A0")), refused=False)
    yield case("with a percent sign", table(_row(frame, "jawOpen", 9, "12%")), refused=False)
    yield case("in percent", table(frame.assign(**{n: 100 * frame[n] for n in ARKIT_NAMES})))
    yield case("of huge values", table(frame.assign(**{n: 1e30 * frame[n] for n in ARKIT_NAMES})))
    yield case("of beyond float values", table(_row(frame, "jawOpen", 4, "1e999")), refused=False)
    yield case("of NaN alone", table(frame.assign(jawOpen=np.nan)))
    yield case("of infinity alone", table(frame.assign(jawOpen=np.inf)))
    yield case("with one NaN", table(_row(frame, "jawOpen", 3, "nan")), refused=False)
    yield case("with one infinity", table(_row(frame, "jawOpen", 3, "-inf")), refused=False)
    yield case("with a short row", b"\n".join([*lines[:9], lines[9][:40], *lines[10:]]))
    yield case("with a long row", b"\n".join([*lines[:9], lines[9] + b",1,2", *lines[10:]]))
    yield case("with an open quote", b"\n".join([*lines[:9], b'"' + lines[9], *lines[10:]]))
    yield case("with mixed separators", b"\n".join([*lines[:9], lines[9].replace(b",", b";"), *lines[10:]]))
    yield case("with another separator in the header", b"\n".join([lines[0].replace(b",", b";"), *lines[1:]]))
    yield case(
        "with decimal commas and commas between",
        b"\n".join([lines[0], *(line.replace(b".", b",") for line in lines[1:])]),
    )
    yield case("with decimal commas", table(frame, ";").replace(b".", b","), refused=False)
    yield case("in UTF-16", good.decode().encode("utf-16"), refused=False)
    yield case("in UTF-16 without its mark", good.decode().encode("utf-16-le"))
    yield case("in UTF-32", good.decode().encode("utf-32"))
    yield case("with Latin-1 in a header", good.replace(b"time_s", "zeit_\u00e4".encode("latin-1"), 1), refused=False)
    yield case("with bytes that are no text in a row", b"\n".join([*lines[:9], b"\xff\xfe" + lines[9], *lines[10:]]))
    yield case("with a NUL in a row", b"\n".join([*lines[:9], lines[9][:4] + b"\0" + lines[9][5:], *lines[10:]]))
    yield case("with carriage returns alone", good.replace(b"\n", b"\r"), refused=False)
    yield case("with blank lines", good.replace(b"\n", b"\n\n"), refused=False)
    yield case("with the header again in the middle", b"\n".join([*lines[:9], lines[0], *lines[9:]]), refused=False)
    yield case("with a Windows path as its header", b"C:\\data\\take.csv,1\n" + good, refused=False)
    yield case("of 20,000 columns", ",".join(f"c{i}" for i in range(20_000)).encode() + b"\n" + b"1," * 19_999 + b"1\n")
    yield case("with two faces", table(pd.concat([frame.assign(face=0), frame.assign(face=1)])), False)
    yield case("with two faces row by row", table(pd.concat([frame, frame]).sort_values("time_s", kind="stable")))
    yield case("with an ending of another format", good, refused=False, filename="take.json")
    yield case("with no ending", good, refused=False, filename="take")
    yield case("zipped", _zip({"take.csv": good}), filename="take.csv")
    yield case("zipped with its ending", _zip({"take.csv": good}), filename="take.zip")


def _times() -> Iterator[Case]:
    frame, face = arkit_frame(), "toy-1"
    clock = frame["time_s"].to_numpy()

    def case(name: str, times: object, refused: bool = True) -> Case:
        return Case(f"times {name}", "take.csv", table(frame.assign(time_s=times)), face, refused)

    yield case("that stand still", 0.0)
    yield case("that run backwards", clock[::-1], refused=False)
    yield case("unsorted", np.random.default_rng(0).permutation(clock), refused=False)
    yield case("with one twice", np.where(np.arange(len(clock)) == 7, clock[6], clock), refused=False)
    yield case("with one missing", np.where(np.arange(len(clock)) == 7, np.nan, clock), refused=False)
    yield case("with one infinite", np.where(np.arange(len(clock)) == 7, np.inf, clock), refused=False)
    yield case("of words", "now")
    yield case("with a jump of a year", np.where(np.arange(len(clock)) > 7, clock + 3e7, clock), refused=False)
    yield case("with a jump of an age", np.where(np.arange(len(clock)) > 7, clock + 1e300, clock))
    yield case("of 0.1 frames a second", np.arange(len(clock)) * 10.0, refused=False)
    yield case("of a frame a day", np.arange(len(clock)) * 86400.0, refused=False)
    yield case("of a femtosecond", np.arange(len(clock)) * 1e-15)
    for name, codes in (
        ("of words", "now"),
        ("of another form", "10-00-00-01"),
        ("that stand still", "10:00:00:01.000"),
        ("out of the clock", "10:00:00:0x"),
        ("missing", ""),
        ("of only hours", "10"),
    ):
        out = frame.drop(columns="time_s")
        out.insert(0, "BlendShapeCount", 61)
        out.insert(0, "Timecode", codes)
        yield Case(f"timecodes {name}", "take_cal.csv", table(out), face)
    bare = table(frame.drop(columns="time_s"))
    yield Case("times: none", "take.csv", bare, face)
    for stated in (0, -5, 1e9, "fast", None, [30], True, float("nan"), float("inf")):
        lists = {n: frame[n].tolist() for n in ARKIT_NAMES}
        yield Case(
            f"JSON at {stated!r} frames a second", "lists.json", json.dumps({"fps": stated, **lists}).encode(), face
        )


def _json_shapes() -> Iterator[Case]:
    face, rows = "toy-1", arkit_frame()[list(ARKIT_NAMES)].to_numpy().tolist()
    named = [dict(zip(ARKIT_NAMES, row, strict=True)) for row in rows]

    def case(name: str, value: object, refused: bool = True, filename: str = "x.json") -> Case:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        return Case(f"JSON {name}", filename, content, face, refused)

    for value in (
        None,
        True,
        3,
        "text",
        [],
        {},
        [[]],
        [{}],
        {"frames": []},
        {"frames": None},
        {"frames": {}},
        {"names": []},
        {"names": None, "frames": [1]},
        {"names": [1, 2], "frames": [{"weights": [1, 2]}]},
    ):
        yield case(f"of {json.dumps(value)}", value)
    yield case("with names alone", {"names": list(ARKIT_NAMES)})
    yield case("with names and no frame", {"names": list(ARKIT_NAMES), "frames": []})
    yield case("of numbers", rows)
    yield case("with a frame that is none", {"fps": FPS, "frames": [*named[:5], None, *named[6:]]})
    yield case("with a frame that is a list", {"fps": FPS, "frames": [*named[:5], [], *named[6:]]})
    yield case(
        "with a name missing in a frame",
        {"fps": FPS, "frames": [*named[:5], {k: v for k, v in named[5].items() if k != "jawOpen"}, *named[6:]]},
    )
    yield case("with words for numbers", {"fps": FPS, "frames": [{**f, "jawOpen": "wide"} for f in named]})
    yield case("with lists for numbers", {"fps": FPS, "frames": [{**f, "jawOpen": [1]} for f in named]})
    yield case("with mappings for numbers", {"fps": FPS, "frames": [{**f, "jawOpen": {}} for f in named]})
    yield case("with null for one number", {"fps": FPS, "frames": [{**named[0], "jawOpen": None}, *named[1:]]}, False)
    yield case("with integers beyond floats", {"fps": FPS, "frames": [{**named[0], "jawOpen": 10**400}, *named[1:]]})
    yield case("with lists of two lengths", {"fps": FPS, **{n: [0.1] * (9 + (n == "jawOpen")) for n in ARKIT_NAMES}})
    yield case(
        "with weights too few",
        {"names": list(ARKIT_NAMES), "frames": [{"weights": row[:50], "time": t / FPS} for t, row in enumerate(rows)]},
    )
    yield case(
        "with weights of two lengths",
        {
            "names": list(ARKIT_NAMES),
            "frames": [{"weights": row[: 52 - (t == 5)], "time": t / FPS} for t, row in enumerate(rows)],
        },
    )
    yield case(
        "with names twice",
        {
            "names": [*ARKIT_NAMES[:51], "jawOpen"],
            "frames": [{"weights": row, "time": t / FPS} for t, row in enumerate(rows)],
        },
    )
    yield case(
        "with a time missing",
        {
            "names": list(ARKIT_NAMES),
            "frames": [{"weights": row, **({"time": t / FPS} if t != 5 else {})} for t, row in enumerate(rows)],
        },
    )
    yield case(
        "with a time of null",
        {
            "names": list(ARKIT_NAMES),
            "frames": [{"weights": row, "time": t / FPS if t != 5 else None} for t, row in enumerate(rows)],
        },
        refused=False,
    )
    yield case(
        "with two faces in each frame",
        [
            {
                "timestamp_ms": 33 * t,
                "face_blendshapes": [[{"category_name": n, "score": 0.1} for n in ARKIT_NAMES]] * 2,
            }
            for t in range(9)
        ],
        refused=False,
    )
    text = json.dumps({"fps": FPS, "frames": named})
    yield case("with a comma too many", text[:-2].encode() + b",]}")
    yield case("with NaN", text.replace("0.4,", "NaN,", 3).encode(), refused=False)
    yield case("with Infinity", text.replace("0.4,", "Infinity,", 3).encode(), refused=False)
    yield case("with single quotes", text.replace('"', "'").encode())
    yield case("with a comment", b"// exported\n" + text.encode())
    yield case("with another after it", text.encode() * 2)
    yield case("with a mark at its start", b"\xef\xbb\xbf" + text.encode(), refused=False)
    yield case("in UTF-16", text.encode("utf-16"), refused=False)
    yield case("with bytes that are no text", text.encode().replace(b"jawOpen", b"jaw\xff\xfeOpen", 3))
    yield case("with a lone surrogate", text.replace("jawOpen", "jaw\\ud800Open").encode(), refused=False)
    for depth in (1_000, 100_000):
        yield case(f"of {depth:,} brackets", b"[" * depth)
        yield case(f"of {depth:,} nested lists", b"[" * depth + b"]" * depth)
        yield case(f"of {depth:,} nested mappings", b'{"frames":' * depth + b"1" + b"}" * depth)
        yield case(
            f"of {depth:,} nested lists in a frame",
            b'{"fps":30,"frames":[{"jawOpen":' + b"[" * depth + b"]" * depth + b"}]}",
        )
    yield case("as lines of JSON", "\n".join(map(json.dumps, named)).encode(), refused=False, filename="x.jsonl")
    yield case("with an integer of 5,000 digits", b'{"fps":' + b"9" * 5_000 + b',"frames":[1]}')


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npy_header(description: str, body: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An .npy with the header given as text."""
    text = description.encode() + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + body


def _archives() -> Iterator[Case]:
    face = "flame-50+jaw"
    arrays = {f"{k}.npy": npy(v) for k, v in flame_arrays().items()}

    def case(name: str, content: bytes, refused: bool = True, filename: str = "x.npz") -> Case:
        return Case(f"archive {name}", filename, content, face, refused)

    yield case("with nothing in it", _zip({}))
    yield case("with other arrays", _zip({"shape.npy": npy(np.zeros(3))}))
    yield case("with text for an array", _zip({**arrays, "expcode.npy": b"hello"}))
    yield case("with an empty array", _zip({**arrays, "expcode.npy": npy(np.zeros((0, 50)))}))
    yield case("with an empty member", _zip({**arrays, "expcode.npy": b""}))
    yield case("with names out of its folder", _zip({f"../../{k}": v for k, v in arrays.items()}))
    yield case("with absolute names", _zip({f"/etc/{k}": v for k, v in arrays.items()}))
    yield case("with Windows names", _zip({f"C:\\x\\{k}": v for k, v in arrays.items()}))
    yield case(
        "with names of the file system beside its arrays",
        _zip({**arrays, "../../evil.npy": npy(np.zeros(3))}),
        refused=False,
    )
    yield case(
        "with objects",
        _zip(
            {
                **arrays,
                "expcode.npy": npy_header(
                    "{'descr': '|O', 'fortran_order': False, 'shape': (3, 50), }", b"\x80\x04N." * 50
                ),
            }
        ),
    )
    yield case("with a wrong checksum", _patched(_zip(arrays, zipfile.ZIP_STORED)))
    yield case("with an unknown compression", _method(_zip(arrays), 99))
    yield case("with an encrypted member", _flag(_zip(arrays), 1))
    packed = _zip(arrays, zipfile.ZIP_LZMA)
    yield case("with members in lzma", packed)
    yield case("with damaged members in lzma", packed[:400] + bytes(200) + packed[600:])
    content = _zip(arrays)
    parquet = arkit_parquet().content
    yield Case(
        "archive of columns with names that are no text",
        "x.parquet",
        parquet.replace(b"jawOpen", b"jaw\xffpen"),
        "toy-1",
    )
    yield case("behind other bytes", b"MZ" + bytes(100) + content, refused=False)
    yield case("with sizes that lie", _sizes(content, 1 << 31))
    yield case("with a central directory that points outside", content[:-6] + struct.pack("<I", 1 << 30) + content[-2:])
    yield case("with a count of members that lies", content[:-12] + struct.pack("<H", 60000) + content[-10:], False)
    yield case("of torch, without its tensors", _zip({"archive/data.pkl": b"\x80\x02}."}), filename="x.pt")
    yield case(
        "of torch, with a pickle that runs code",
        _zip({"archive/data.pkl": b"cos\nsystem\n(S'true'\ntR.", "archive/version": b"3\n"}),
        filename="x.pt",
    )
    yield case("of torch, in the old form", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", filename="x.pt")
    yield case("of torch, with an npz's arrays", content, filename="x.pth")


def _patched(content: bytes) -> bytes:
    at = content.find(b"\x93NUMPY") + 400
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def _each(content: bytes, local: int, central: int, value: bytes) -> bytes:
    out = bytearray(content)
    for magic, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
        at = content.find(magic)
        while at >= 0:
            out[at + offset : at + offset + len(value)] = value
            at = content.find(magic, at + 1)
    return bytes(out)


def _method(content: bytes, method: int) -> bytes:
    return _each(content, 8, 10, struct.pack("<H", method))


def _flag(content: bytes, flag: int) -> bytes:
    return _each(content, 6, 8, struct.pack("<H", flag))


def _sizes(content: bytes, size: int) -> bytes:
    return _each(content, 22, 24, struct.pack("<I", size))


def _headers() -> Iterator[Case]:
    face, body = "flame-50+jaw", bytes(53 * 4 * 30)
    good = "{'descr': '<f4', 'fortran_order': False, 'shape': (30, 53), }"
    for name, header in (
        ("of 10⁹ × 10⁹", good.replace("(30, 53)", "(1000000000, 1000000000)")),
        ("of 10⁹ × 53", good.replace("(30, 53)", "(1000000000, 53)")),
        ("of more numbers than an integer holds", good.replace("(30, 53)", f"({10**30}, 53)")),
        ("of a negative length", good.replace("(30, 53)", "(-30, 53)")),
        ("of twice negative length", good.replace("(30, 53)", "(-30, -53)")),
        ("of no length", good.replace("(30, 53)", "(0, 53)")),
        ("of no shape", good.replace("(30, 53)", "()")),
        ("of a shape that is a word", good.replace("(30, 53)", "'big'")),
        ("of a shape of words", good.replace("(30, 53)", "('a', 'b')")),
        ("of a shape of truths", good.replace("(30, 53)", "(True, True)")),
        ("of fractions", good.replace("(30, 53)", "(30.5, 53)")),
        ("with a length of true", good.replace("(30, 53)", "(True, 53)")),
        ("of 90 axes", good.replace("(30, 53)", str((1,) * 89 + (53,)))),
        ("of nothing times 10³⁰", good.replace("(30, 53)", f"(0, {10**30})")),
        ("of 40 axes", good.replace("(30, 53)", str((1,) * 39 + (53,)))),
        ("of 52 columns", good.replace("(30, 53)", "(30, 52)")),
        ("of objects", good.replace("<f4", "|O")),
        ("of text", good.replace("<f4", "<U4")),
        ("of complex numbers", good.replace("<f4", "<c8")),
        ("of dates", good.replace("<f4", "<M8[s]")),
        ("of records", good.replace("'<f4'", "[('a', '<f4'), ('b', '|O')]")),
        ("of records in records", good.replace("'<f4'", "[('a', [('b', '<f4')])]")),
        ("of an unknown type", good.replace("<f4", "<q9")),
        ("of a type of no size", good.replace("<f4", "|V0")),
        ("of a type of huge size", good.replace("<f4", "|V2147483647")),
        ("that runs code", "__import__('os').system('true')"),
        ("that is no mapping", "[1, 2, 3]"),
        ("without a type", "{'fortran_order': False, 'shape': (30, 53), }"),
        ("with more than it needs", good.replace("{", "{'x': 1, ")),
        ("that nests", "(" * 200 + ")" * 200),
        ("that nests deeply", "[" * 5_000 + "]" * 5_000),
        ("that is text", "hello"),
        ("that is nothing", ""),
    ):
        yield Case(f"npy with a header {name}", "x.npy", npy_header(header, body), face, fps=FPS)
    for version in ((2, 0), (3, 0), (9, 9)):
        yield Case(
            f"npy of version {version}",
            "x.npy",
            npy_header(good, body, version),
            face,
            refused=version == (9, 9),
            fps=FPS,
        )
    yield Case(
        "npy with a header longer than the file", "x.npy", b"\x93NUMPY\1\0\xff\xff" + good.encode(), face, fps=FPS
    )
    yield Case("npy with a header of 4 GB", "x.npy", b"\x93NUMPY\2\0\xff\xff\xff\xff" + good.encode(), face, fps=FPS)
    yield Case("npy of NaN", "x.npy", npy(np.full((30, 53), np.nan)), face, fps=FPS)
    yield Case("npy of infinity", "x.npy", npy(np.full((30, 53), np.inf)), face, fps=FPS)
    yield Case("npy of 1e30", "x.npy", npy(np.full((30, 53), 1e30)), face, fps=FPS)


def _flame() -> Iterator[Case]:
    good, face = flame_arrays(), "flame-50+jaw"

    def case(name: str, refused: bool = True, **changed: object) -> Case:
        arrays = {k: v for k, v in {**good, **changed}.items() if v is not None}
        return Case(
            f"FLAME {name}", "x.npz", _zip({f"{k}.npy": npy(np.asarray(v)) for k, v in arrays.items()}), face, refused
        )

    yield case("without expression", expcode=None)
    yield case("without a jaw", refused=False, posecode=None)
    yield case("without a rate", fps=None)
    yield case("transposed", expcode=good["expcode"].T)
    yield case("of 49 components", expcode=good["expcode"][:, :49])
    yield case("with poses of other frames", posecode=good["posecode"][:-1])
    yield case("with poses of 5 columns", posecode=good["posecode"][:, :5])
    yield case("with poses of three axes", posecode=np.zeros((60, 3, 3)), refused=False)
    yield case("of two faces", expcode=np.zeros((60, 2, 50)))
    yield case("of four axes", expcode=np.zeros((2, 3, 5, 50)))
    yield case("of words", expcode=np.full((60, 50), "x"))
    yield case("of truths", refused=False, expcode=np.ones((60, 50), bool))
    yield case("of huge values", expcode=good["expcode"] * 1e9)
    yield case("with NaN in every frame", expcode=np.where(np.arange(50) == 3, np.nan, good["expcode"]))
    yield case(
        "with NaN in a frame", refused=False, expcode=np.where(np.arange(60)[:, None] == 3, np.nan, good["expcode"])
    )
    for fps in (0.0, -1.0, 1e6, np.nan, np.inf, np.array([30.0, 25.0]), np.array([])):
        yield case(f"at {fps} frames a second", fps=fps)


def _openface() -> Iterator[Case]:
    frame = pd.read_csv(io.BytesIO(openface_csv().content))

    def case(name: str, changed: pd.DataFrame, refused: bool = True) -> Case:
        return Case(f"OpenFace {name}", "of.csv", table(changed), "learn", refused)

    yield case("where nobody was seen", frame.assign(**{" success": 0}))
    yield case("without landmarks", frame[[c for c in frame if c.strip()[0] not in "XYZ"]])
    yield case("without a landmark", frame.drop(columns=[" X_30"]))
    yield case("with all points at one place", frame.assign(**{c: 1.5 for c in frame if c.strip()[0] in "XYZ"}))
    yield case("that never moves", frame.assign(**{c: frame[c][0] for c in frame if c.strip()[0] in "XYZ"}))
    yield case("of NaN", frame.assign(**{" X_3": np.nan}))
    yield case("of infinity", frame.assign(**{" X_3": np.inf}))
    yield case("at a point", frame.assign(**{c: 0.0 for c in frame if c.strip()[0] in "XYZ"}))
    yield case("with times that are a counter", frame.assign(**{" timestamp": np.arange(len(frame)) * 1e-3 / 2}))
    yield case("with frames in disorder", frame.iloc[::-1], refused=False)
    yield case("of one frame", frame.iloc[:1])
    yield case("with two faces", pd.concat([frame, frame.assign(**{" face_id": 1})]), refused=False)


def _gltf() -> Iterator[Case]:
    values, times = arkit_values(), np.arange(FRAMES) / FPS

    def case(name: str, refused: bool = True, **changes: object) -> Case:
        """changes: a path in the document, with __ between, and the value there (None: taken away)."""
        document, binary = gltf_document(values, times)
        for path, value in changes.items():
            *way, last = path.split("__")
            holder = document
            for step in way:
                holder = holder[int(step)] if step.isdigit() else holder[step]
            holder[int(last) if last.isdigit() else last] = value
        return Case(f"glTF {name}", "x.glb", glb_bytes(document, binary), "toy-1", refused)

    yield case("of another version of itself", asset=None)
    yield case("without animations", animations=[])
    yield case("with animations that are none", animations={"a": 1})
    yield case("with an animation of null", animations=[None])
    yield case("without nodes", nodes=[])
    yield case("with a node of another mesh", nodes__0__mesh=7)
    yield case("with a node of mesh -1", nodes__0__mesh=-1)
    yield case("with a node of mesh true", nodes__0__mesh=True)
    yield case("with a sampler outside", animations__0__channels__0__sampler=3)
    yield case("with a channel of null", animations__0__channels__0=None)
    yield case("with an unknown interpolation", animations__0__samplers__0__interpolation="BEZIER")
    yield case("that says cubic and is linear", animations__0__samplers__0__interpolation="CUBICSPLINE")
    yield case("with other targets", meshes__0__extras__targetNames=[f"t{i}" for i in range(52)])
    yield case("with targets twice", meshes__0__extras__targetNames=["jawOpen"] * 52)
    yield case("with targets of numbers", meshes__0__extras__targetNames=[1] * 52)
    yield case("with targets too few", meshes__0__extras__targetNames=list(ARKIT_NAMES[:50]))
    yield case("with 10⁹ keys", accessors__0__count=10**9)
    yield case("with 10³⁰ keys", accessors__0__count=10**30)
    yield case("with -1 keys", accessors__0__count=-1)
    yield case("with no keys", accessors__0__count=0)
    yield case("with keys of words", accessors__0__count="many")
    yield case("with keys outside its buffer", accessors__0__byteOffset=10**9)
    yield case("with an offset below 0", bufferViews__0__byteOffset=-8)
    yield case("with a stride of 1", bufferViews__0__byteStride=1)
    yield case("with a stride beyond the buffer", bufferViews__0__byteStride=10**6)
    yield case("with vectors for keys", accessors__0__type="VEC3")
    yield case("with sparse keys", accessors__0__sparse={"count": 1})
    yield case("with keys of an unknown type", accessors__0__componentType=1)
    yield case("with keys of a list's type", accessors__0__componentType=[5126])
    yield case("with weights of bytes that are not shares", accessors__1__componentType=5121)
    yield case("with a packed buffer", bufferViews__1__extensions={"EXT_meshopt_compression": {}})
    yield case("with a buffer above its folder", buffers__0__uri="../../../../etc/hostname")
    yield case("with a buffer at an absolute place", buffers__0__uri="/etc/hostname")
    yield case("with a buffer on a Windows drive", buffers__0__uri="C:\\x.bin")
    yield case("with a buffer on the web", buffers__0__uri="http://localhost:1/x.bin")
    yield case("with a buffer that is a device", buffers__0__uri="/dev/zero")
    yield case("with a buffer that is itself a folder", buffers__0__uri=".")
    yield case("with a buffer with a NUL in its name", buffers__0__uri="a\0b")
    yield case("with a buffer that is no base64", buffers__0__uri="data:application/octet-stream;base64,@@@@")
    yield case("with a buffer of a number", buffers__0__uri=7)
    for name, changed in (
        ("that stand still", times * 0),
        ("backwards", times[::-1]),
        ("of NaN", np.where(times > 0.5, np.nan, times)),
        ("of ages", times * 1e9),
    ):
        yield Case(f"glTF with keys {name}", "x.glb", glb_bytes(*gltf_document(values, changed)), "toy-1")
    yield Case("glTF of NaN", "x.glb", glb_bytes(*gltf_document(values * np.nan, times)), "toy-1")
    content = glb_bytes(*gltf_document(values, times))
    yield Case("glTF 1", "x.glb", content[:4] + struct.pack("<I", 1) + content[8:], "toy-1")
    yield Case("glTF longer than it is", "x.glb", content[:8] + struct.pack("<I", 1 << 31) + content[12:], "toy-1")
    yield Case(
        "glTF with a chunk longer than it is",
        "x.glb",
        content[:12] + struct.pack("<I", 1 << 31) + content[16:],
        "toy-1",
    )
    yield Case("glTF whose first chunk is binary", "x.glb", content[:16] + b"BIN\0" + content[20:], "toy-1")


PARTS: dict[str, Callable[[], Iterator[Case]]] = {
    **{build.__name__: partial(_of_format, build) for build in BUILDERS},
    "tables": _tables,
    "times": _times,
    "shapes of JSON": _json_shapes,
    "archives": _archives,
    "headers": _headers,
    "flame": _flame,
    "openface": _openface,
    "gltf": _gltf,
}
"""What the corpus is made of: one part a format, and what is wrong in ways of its own."""
