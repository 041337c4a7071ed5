"""Many short recordings are encoded with the compiled kernel, as one long one is."""

from __future__ import annotations

import sys

from dfe_core.tokenizer.quantizer import COMPILED_FROM, is_compiled, load_kernel

KERNEL = "dfe_core.tokenizer.kernel"


def test_the_kernel_is_loaded_where_enough_frames_are_to_come(monkeypatch):
    loaded = []

    def load(name):
        loaded.append(name)
        monkeypatch.setitem(sys.modules, name, object())

    monkeypatch.delitem(sys.modules, KERNEL, raising=False)
    monkeypatch.setattr("importlib.import_module", load)
    load_kernel(COMPILED_FROM - 1)
    assert not loaded
    assert not is_compiled(10)
    load_kernel(COMPILED_FROM)
    load_kernel(COMPILED_FROM)
    assert loaded == [KERNEL]
    assert is_compiled(10)
