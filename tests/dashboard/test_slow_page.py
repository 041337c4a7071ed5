"""One person's slow page keeps nobody else waiting."""

from __future__ import annotations

import threading
from pathlib import Path

from dashboard.data import artefact_cache
from tests.dashboard.test_pages import opened


def test_while_one_session_waits_for_a_long_computation_others_open_pages(filled: Path, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()
    build = artefact_cache.build_runs

    def slow(*given, **rule):
        begun.set()
        assert may_end.wait(300)
        return build(*given, **rule)

    monkeypatch.setattr(artefact_cache, "build_runs", slow)
    made = []
    choice = artefact_cache.Choice(root=filled, model="default", dataset="simulated")
    one = threading.Thread(target=lambda: made.append(choice.open_intervals()))
    one.start()
    try:
        assert begun.wait(60)
        other = opened("data")  # the same codebook and dataset, through the same caches
        assert not other.exception and not other.error and other.get("dataframe")
        assert one.is_alive() and not made
    finally:
        may_end.set()
        one.join(60)
    assert len(made) == 1
