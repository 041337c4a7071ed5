"""Sentences in one space: what means the same lies near, what means the opposite does not come first, no downloads."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.ontology import ACTION_UNITS
from dfe_core.probes.prompts import ACTION_WORDS, action_words, caption, class_prompt, class_prompts
from dfe_core.probes.text import PACKAGE, WordEncoder, open_encoder


@pytest.fixture(scope="module")
def words() -> WordEncoder:
    return WordEncoder()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a smile", "AU12"),
        ("eyebrows lowered", "AU4"),
        ("frowning brows", "AU4"),
        ("jaw drop", "AU26"),
        ("a wink", "AU46"),
        ("puffed cheeks", "AD34"),
        ("wrinkle the nose", "AU9"),
        ("looking up", "AU63"),
        ("AU 12", "AU12"),
        ("upper lip lifted", "AU10"),
        ("lower lip down", "AU16"),
        ("lip corners down", "AU15"),
        ("kiss", "AU18"),
    ],
)
def test_everyday_words_find_their_action(words, said, meant):
    near = words.encode([said])[0] @ words.encode([f"{au} {action_words(au)}" for au in ACTION_WORDS]).T
    assert list(ACTION_WORDS)[int(near.argmax())] == meant


def test_a_side_tells_two_captions_apart(words):
    left, right, query = words.encode([caption([("AU12", "left")]), caption([("AU12", "right")]), "smile on the left"])
    assert query @ left > query @ right


def test_an_emotion_is_near_what_it_looks_like(words):
    near = words.encode(["disgust"])[0] @ words.encode([class_prompt(e) for e in ("happy", "disgusted", "sad")]).T
    assert near.argmax() == 1 and words.encode(["disgust"])[0] @ words.encode(["a wrinkled nose"])[0] > 0.4


def test_another_sentence_for_a_class_changes_no_words_of_its_actions(monkeypatch):
    from dfe_core.probes import text

    text._emotion_words.cache_clear()
    before = text._emotion_words("happy")
    text._emotion_words.cache_clear()
    monkeypatch.setattr(text, "class_prompt", lambda name: "not a sentence")
    assert text._emotion_words("happy") == before and "smile" in before
    text._emotion_words.cache_clear()


def test_vectors_have_unit_length_and_do_not_depend_on_company(words):
    texts = ["a smile", "brows raised, jaw dropped"]
    assert np.linalg.norm(words.encode(texts), axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert np.array_equal(words.encode(texts)[1], words.encode(texts[1:])[0])


def test_words_that_say_nothing_of_a_face_are_refused(words):
    with pytest.raises(DataError, match="no word about a face"):
        words.encode(["quarterly earnings"])


def test_a_model_that_is_not_there_is_not_downloaded(tmp_path):
    with pytest.raises(DataError, match="nothing is downloaded"):
        open_encoder("sentence-transformers/all-MiniLM-L6-v2")
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(DataError, match="safetensors"):
        open_encoder(tmp_path)


def test_a_sentence_transformer_from_a_package_is_used_where_it_is_installed():
    pytest.importorskip("sentence_transformers", reason="optional: pip install sentence-transformers " + PACKAGE)
    pytest.importorskip(PACKAGE.replace("-", "_"), reason="optional: pip install " + PACKAGE)
    encoder = open_encoder(PACKAGE)
    smile, grin, jaw = encoder.encode(["a smile", "a broad grin", "jaw dropped"])
    assert smile @ grin > smile @ jaw and np.linalg.norm(smile) == pytest.approx(1, abs=1e-4)


def test_prompts_name_the_actions_of_the_emotion():
    assert class_prompt("Happy") == "a happy face, happiness: cheeks raised, lip corners pulled up, a smile"
    assert "nose wrinkled" in class_prompt("negative") and class_prompt("negative").count("; or ") == 4
    assert class_prompts(["happy", "odd", "mixed"], {"odd": "a face with one brow up"}, ("mixed",)) == {
        "happy": class_prompt("happy"),
        "odd": "a face with one brow up",
    }


def test_a_class_nobody_knows_needs_a_prompt_of_its_own():
    with pytest.raises(DataError, match="prompt of your own"):
        class_prompts(["happy", "condition B"])
    with pytest.raises(DataError, match="does not occur"):
        class_prompts(["happy"], {"sad": "x"})


def test_captions_tell_both_sides_once():
    assert (
        caption([("AU12", "left"), ("AU12", "right"), ("AU4", "left")])
        == "a face with lip corners pulled up, a smile, left brows lowered and drawn together"
    )
    assert caption([]) == "a neutral face: nothing moves"
    assert set(ACTION_WORDS) <= set(ACTION_UNITS)
