"""What is said of how well words find moments: by hand, and where nothing is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.probes.retrieval import classified, notes, retrieval
from dfe_core.probes.text import WordEncoder

HELD = pd.DataFrame({"part": ["train"] * 5 + ["test"] * 20, "subject": ["a"] * 5 + ["b", "c"] * 10})


def test_windows_that_lie_on_their_words_are_found_and_scattered_ones_are_not():
    encoder, part = WordEncoder(), HELD["part"].to_numpy()
    shown = np.zeros((25, 2), bool)
    shown[5:12, 0] = shown[0:3, 1] = True  # the second is never shown by who is held out
    words = encoder.encode(["jaw dropped, mouth open", "a neutral face: nothing moves"])
    vectors = words[np.where(shown[:, 0], 0, 1)]
    found = retrieval(encoder, vectors, part, shown, [("AU26", "both"), ("AU9", "left")])
    assert [row["au"] for row in found["retrieval"]] == ["AU26"]
    assert found["retrieval_auroc"] == 1 and found["retrieval"][0]["precision_at_10"] == pytest.approx(0.7)
    wrong = retrieval(encoder, words[np.where(shown[:, 0], 1, 0)], part, shown, [("AU26", "both"), ("AU9", "left")])
    assert wrong["retrieval_auroc"] == 0


def test_the_nearest_prompt_is_judged_by_class_on_held_out_windows_alone():
    anchor = np.array([0, 1, 0, 0, 0, 1, -1])
    part = np.array(["train", "train", *["test"] * 5], object)
    vectors = np.eye(2)[[1, 0, 0, 0, 1, 1, 0]]  # two of three of the first class, and the one of the second
    told = classified(vectors, np.eye(2), anchor, part)
    assert told["uar"] == pytest.approx((2 / 3 + 1) / 2) and told["windows"] == 4 and told["chance"] == 0.5


def test_a_failure_is_said_first_and_limits_always():
    bad = notes(False, "time", HELD, True, "derived", 0.45)
    assert "not found better than by chance" in bad[0] and "(20)" in bad[0]
    assert any("stretches of the same recordings" in line for line in bad)
    good = " ".join(notes(True, "subject", HELD, False, "openface", 0.9))
    assert "chance" not in good and "2 people" in good and "“openface”" in good and "Simulated" in good
    assert "negation" in " ".join(bad) and "negation" not in good
