"""Arrays come out of pickles, and nothing in them ever runs."""

from __future__ import annotations

import os
import pickle
import random
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from dfe_core.errors import DataError
from dfe_core.faces.array_pickle import read_array_pickle


@pytest.fixture
def chumpy(monkeypatch):
    """The class that official releases wrap their arrays in."""
    module = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x):
            self.x, self._dirty_vars = x, {"x"}

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


def written(path: Path, content, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_protocol_come_out_as_they_went_in(tmp_path, chumpy, protocol):
    rng = np.random.default_rng(0)
    content = {
        "v_template": chumpy(rng.normal(size=(7, 3))),
        "f": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "big": np.arange(5, dtype=">f4"),
        "J_regressor": csc_matrix(np.eye(4) * [1, 0, 2, 3]),
        "rows": csr_matrix(np.eye(3)[:2]),
        "words": "text",
        "number": 3,
        "nested": [1, {"a": (2, None)}],
        "bytes": b"\xff\0",
    }
    found = read_array_pickle(written(tmp_path / "m.pkl", content, protocol))
    assert set(found) == {"v_template", "f", "fortran", "big", "J_regressor", "rows"}
    assert (found["v_template"] == content["v_template"].x).all() and found["f"].dtype == np.uint32
    assert (found["fortran"] == content["fortran"]).all() and (found["big"] == np.arange(5)).all()
    assert (found["J_regressor"] == content["J_regressor"].toarray()).all()
    assert (found["rows"] == content["rows"].toarray()).all()


class _Call:
    """Pickles to a call of something."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "args"),
    [
        (os.system, ("touch {}",)),
        (eval, ("open({!r}, 'w')",)),
        (exec, ("open({!r}, 'w')",)),
        (open, ("{}", "w")),
        (np.load, ("{}",)),
        (getattr, ("x", "upper")),
    ],
)
def test_a_pickle_that_would_run_something_is_refused_and_does_not(tmp_path, function, args, protocol):
    trace = tmp_path / "ran"
    call = _Call(function, *(a.format(str(trace)) for a in args))
    path = written(tmp_path / "evil.pkl", {"v_template": np.zeros((2, 3)), "x": call}, protocol)
    with pytest.raises(DataError, match=r"asks for \w+.*could run code elsewhere"):
        read_array_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (b"cos\nsystem\n(S'x'\ntR.", "os.system"),
        (b"\x80\x02cnumpy\nload\n.", "numpy.load"),
        (b"\x80\x02ccopy_reg\n__reduce_ex__\n.", "copy_reg.__reduce_ex__"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nK\x01R.", "calls something other"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"(S'x'\nios\nsystem\n.", "operation INST"),
        (b"\x80\x02P1\n.", "operation PERSID"),
        (b"\x80\x02\x82\x01.", "operation EXT1"),
        (b"\x80\x02}", "broken pickle|without its end"),
        (b"\x80\x02.", "broken pickle"),
        (b"\x80\x02]a.", "broken pickle|no list"),
        (b"not a pickle", "broken pickle"),
        (b"\x80\x02K\x01.", "no mapping"),
        (b"\x80\x02h\x05.", "broken pickle"),
        (b"\x80\x02t.", "broken pickle"),
    ],
)
def test_programs_are_refused_with_what_they_ask_for(tmp_path, program, found):
    (tmp_path / "p.pkl").write_bytes(program)
    with pytest.raises(DataError, match=found):
        read_array_pickle(tmp_path / "p.pkl")


def test_arrays_that_promise_more_than_they_hold_are_refused(tmp_path):
    honest = pickle.dumps({"a": np.zeros(3)}, 2)
    for shape in ((10**9, 10**9), (4,), (-3,)):
        forged = pickle.dumps({"a": _Forged(shape)}, 2)
        (tmp_path / "f.pkl").write_bytes(forged)
        with pytest.raises(DataError, match="bytes are not as many"):
            read_array_pickle(tmp_path / "f.pkl")
    (tmp_path / "h.pkl").write_bytes(honest)
    assert (read_array_pickle(tmp_path / "h.pkl")["a"] == 0).all()


class _Forged:
    def __init__(self, shape):
        self.shape = shape

    def __reduce__(self):
        real = np.zeros(3).__reduce__()
        return real[0], real[1], (1, self.shape, np.dtype("f8"), False, b"\0" * 24)


def test_objects_inside_arrays_are_left_out(tmp_path):
    content = {"objects": np.array([{"a": 1}, None], dtype=object), "numbers": np.ones(2)}
    assert set(read_array_pickle(written(tmp_path / "o.pkl", content))) == {"numbers"}


def test_damaged_pickles_end_in_a_message(tmp_path, chumpy):
    content = {"v": chumpy(np.arange(12.0).reshape(4, 3)), "j": csc_matrix(np.eye(3)), "f": np.arange(3)}
    whole = pickle.dumps(content, 2)
    rng, path = random.Random(0), tmp_path / "d.pkl"
    for trial in range(300):
        damaged = bytearray(whole[: rng.randrange(1, len(whole))] if trial % 3 == 0 else whole)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            read_array_pickle(path)
        except DataError:
            continue


def test_the_official_release_of_flame_is_read_as_an_npz_of_it_is(tmp_path, chumpy):
    from dfe_core.faces.flame import _read

    rng = np.random.default_rng(0)
    arrays = {
        "v_template": rng.normal(size=(9, 3)),
        "shapedirs": rng.normal(size=(9, 3, 400)),
        "weights": rng.uniform(size=(9, 5)),
        "posedirs": rng.normal(size=(9, 3, 36)),
        "f": rng.integers(0, 9, (12, 3)).astype(np.uint32),
    }
    regressor = csc_matrix(rng.uniform(size=(5, 9)) * (rng.uniform(size=(5, 9)) > 0.5))
    wrapped = {name: chumpy(array) for name, array in arrays.items() if name != "f"}
    written(tmp_path / "generic_model.pkl", {**wrapped, "f": arrays["f"], "J_regressor": regressor, "bs_style": "lbs"})
    np.savez(tmp_path / "flame.npz", **arrays, J_regressor=regressor.toarray())
    official, repacked = _read(tmp_path / "generic_model.pkl"), _read(tmp_path / "flame.npz")
    assert official.keys() == repacked.keys()
    assert all(np.array_equal(official[name], repacked[name]) for name in official)
