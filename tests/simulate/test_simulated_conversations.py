"""Simulated conversations: pairs on one clock, the share of displays that is answered, and turns that alternate."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.conversations.members import conversation_columns, find_conversations, role_columns
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.simulate.conversations import simulate_conversations


def made(root, face, name="talks", **settings) -> Dataset:
    return simulate_conversations(name, face, root=root, conversations=2, minutes=2, fps=10, **settings)


@pytest.fixture(scope="module")
def talks(tmp_path_factory, toy_face) -> Dataset:
    return made(tmp_path_factory.mktemp("talks"), toy_face, lag_s=1.0, jitter_s=0.0, strength=1.0)


def onsets(data: Dataset, recording: str, action: str) -> np.ndarray:
    own = data.truth[(data.truth["recording"] == recording) & (data.truth["action"] == action)]
    return np.sort(own["onset_s"].to_numpy())


def test_every_smile_of_the_first_comes_again_in_the_second_after_the_lag(talks: Dataset):
    for dyad in ("d01", "d02"):
        first, second = (onsets(talks, f"{dyad}-{part}", "AU12") for part in "ab")
        first = first[first < 110]
        late = np.abs(second[None, :] - first[:, None] - 1.0).min(1)
        assert len(first) > 5 and (late < 1e-6).mean() > 0.9


def test_labels_name_the_conversations_and_who_is_first(talks: Dataset):
    assert talks.simulated and conversation_columns(talks.recordings)[0] == "dyad"
    assert role_columns(talks.recordings, "dyad") == ["part"]
    found = find_conversations(talks.recordings, ConversationSettings(by="dyad", role="part"))
    assert [[m.recording for m in one.members] for one in found] == [["d01-a", "d01-b"], ["d02-a", "d02-b"]]


def test_both_speak_in_turn(talks: Dataset):
    grid = np.zeros((2, 1200), bool)
    for row, part in enumerate("ab"):
        own = talks.truth[(talks.truth["recording"] == f"d01-{part}") & (talks.truth["action"] == "AU26")]
        for start, end in zip(own["onset_s"], own["offset_s"], strict=True):
            grid[row, int(start * 10) : int(end * 10) + 1] = True
    both, each = (grid[0] & grid[1]).mean(), grid.mean(1)
    assert each.min() > 0.2 and both < 0.4 * each.prod() * 2


def test_strength_is_how_many_displays_are_answered_and_the_seed_gives_the_frames(tmp_path, toy_face):
    none = made(tmp_path, toy_face, "none", strength=0.0)
    assert none.manifest["simulation"]["answers"] == 0
    again = made(tmp_path, toy_face, "again", strength=0.0)
    assert again.key == none.key != made(tmp_path, toy_face, "other", strength=0.0, seed=1).key


def test_a_share_above_one_is_refused(tmp_path, toy_face):
    with pytest.raises(DataError, match="strength"):
        made(tmp_path, toy_face, "x", strength=1.5)
