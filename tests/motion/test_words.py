"""Words, timelines and what they play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.motion.lexicon import IGNORED, NORMAL, PHRASES
from dfe_core.motion.timeline import (
    Timeline,
    Track,
    from_json,
    from_toml,
    minimum_jerk,
    play,
    to_json,
    to_toml,
    track_envelope,
)
from dfe_core.motion.transitions import between_frames, between_tokens
from dfe_core.motion.words import rules, timeline_from_words
from dfe_core.ontology import ACTIONS
from tests.hang_guard import ends_within
from tests.small_world import codeword_psi, write_model


def labels(text, **known):
    return [t.label for t in timeline_from_words(text, **known).tracks]


def test_the_sentence_of_the_issue_becomes_steps_over_two_seconds():
    made = timeline_from_words("neutral, then a one-sided smile, then brows up, over 2 s")
    assert made.duration_s == 2 and made.unread == ()
    assert [t.label for t in made.tracks] == ["AU12 left", "AU1", "AU2"]
    smile, brow, _ = made.tracks
    assert smile.onset_s == pytest.approx(2 / 3, abs=1e-3) and brow.onset_s == pytest.approx(4 / 3, abs=1e-3)
    assert smile.offset_s == brow.onset_s and smile.end_s == brow.apex_s and brow.offset_s == brow.end_s == 2
    assert "left" in smile.rule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smile", ["AU12"]),
        ("smile on the right", ["AU12 right"]),
        ("a smirk", ["AU12 left"]),
        ("a smirk on the right", ["AU12 right"]),
        ("raise the left eyebrow", ["AU2 left"]),
        ("raise both eyebrows", ["AU1", "AU2"]),
        ("jaw left", ["AD30 left"]),
        ("look left", ["AU61"]),
        ("look right and smile left", ["AU62", "AU12 left"]),
        ("wink", ["AU46 left"]),
        ("contempt", ["AU12 right", "AU14 right"]),
        ("AU12 left 50 %", ["AU12 left"]),
        ("au 4 and au06 right", ["AU4", "AU6 right"]),
        ("codeword 17", ["codeword 17"]),
        ("lip corners slightly down", ["AU15"]),
        ("open your mouth", ["AU26"]),
        ("a Duchenne smile", ["AU6", "AU12"]),
    ],
)
def test_phrases_become_actions(text, expected):
    assert labels(text) == expected


def test_the_labs_own_names_are_codewords():
    assert labels("sly fox, then SLY   FOX left", codewords={"Sly fox": 9}) == ["codeword 9", "codeword 9"]


def test_sizes_speeds_and_percentages_are_read():
    def intensity(text):
        return timeline_from_words(text).tracks[0].intensity

    assert (
        intensity("smile"),
        intensity("a slight smile"),
        intensity("a full smile"),
        intensity("smile at 30 %"),
    ) == pytest.approx((0.8, 0.4, 1.0, 0.3))
    apex = {text: timeline_from_words(text).tracks[0].apex_s for text in ("smile", "smile slowly", "smile quickly")}
    assert apex["smile quickly"] < apex["smile"] < apex["smile slowly"]


def test_a_step_keeps_the_one_before_only_when_told():
    assert timeline_from_words("smile, then brows up").tracks[0].end_s < 2
    kept = timeline_from_words("smile, then add brows up, then neutral")
    assert kept.tracks[0].offset_s == kept.tracks[1].offset_s == 2
    assert labels("smile, keep smiling while the left brow goes up") == ["AU12", "AU2 left"]


def test_a_blink_comes_and_goes_by_itself():
    blink = timeline_from_words("blink, then neutral").tracks[0]
    assert blink.end_s <= 0.31 and blink.intensity == 1


def test_times_of_steps_and_of_the_whole():
    made = timeline_from_words("smile for 0.5 s, then frown, over 3 seconds")
    assert made.duration_s == 3 and made.tracks[1].onset_s == 0.5
    assert timeline_from_words("smile, then frown for 250 ms").duration_s == 1.25
    with pytest.raises(DataError, match="time for every step"):
        timeline_from_words("smile for 3 s, then frown, over 2 s")


def test_words_no_rule_knows_are_told_and_alone_refused():
    assert timeline_from_words("a purple smile").unread == ("purple",)
    assert timeline_from_words("smile, then purple, then blink").unread == ("purple",)
    with pytest.raises(DataError, match="no rule knows 'purple rain'"):
        timeline_from_words("purple rain")
    with pytest.raises(DataError, match="empty"):
        timeline_from_words("  ")
    with pytest.raises(DataError, match="no coefficient shows"):
        timeline_from_words("AU99")


def test_neutral_alone_is_a_still_timeline():
    assert timeline_from_words("neutral").tracks == ()


def test_every_phrase_of_the_lexicon_can_be_written_and_played():
    for words, phrase in PHRASES.items():
        made = timeline_from_words(words)
        assert made.tracks and not made.unread, words
        assert [t.target for t in made.tracks] == [au for au, _, _ in phrase.actions], words
        assert np.abs(play(made, ARKIT_NAMES)[1]).max() > 0, words
    assert all((au, s) in ACTIONS for p in PHRASES.values() for au, side, _ in p.actions for s in [side] if s)
    assert not set(NORMAL) & set(PHRASES) and not IGNORED & set(PHRASES)
    assert len(rules()) > len(PHRASES)


def test_other_sentences_for_the_rules_change_nothing_but_the_sentences(monkeypatch):
    from dfe_core.motion import words

    text = "smirk on the right, then an angry face and a blink, then jaw left, over 3 s"
    before = timeline_from_words(text)
    monkeypatch.setattr(words, "phrase_rule", lambda spelled, phrase: "not; like -- AU99: (left)")
    after = timeline_from_words(text)
    assert [replace(t, rule="") for t in after.tracks] == [replace(t, rule="") for t in before.tracks]
    assert all("AU99" in t.rule and "AU99" not in old.rule for t, old in zip(after.tracks, before.tracks, strict=True))


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("smile", "smile is AU12, lip corner puller"),
        ("angry", "angry is AU4 + AU5 + AU7 + AU24 (FACS table 11-1)"),
        ("disgust", "disgust is AU9 + AU15 + AU16 (Wikipedia's table)"),
        ("squint", "squint is AU7 + 40% of AU6"),
        ("blink", "blink is AU45, blink, and brief"),
        ("contempt", "contempt is 50% of AU12 + AU14, on one side (Wikipedia's table)"),
        ("jaw left", "jaw left is AD30"),
    ],
)
def test_a_rule_is_shown_with_its_actions_and_source(words, rule):
    assert dict(rules())[words] == rule


def test_minimum_jerk_starts_and_ends_at_rest():
    x = np.linspace(-0.5, 1.5, 2001)
    y = minimum_jerk(x)
    assert y[0] == 0 and y[-1] == 1 and minimum_jerk(np.array([0.5]))[0] == 0.5
    speed = np.gradient(y, x)
    assert speed.max() == pytest.approx(1.875, abs=1e-3) and abs(speed[500]) < 1e-2 and (speed > -1e-9).all()


def test_an_envelope_passes_its_four_times():
    track = Track(kind="action", target="AU12", onset_s=0.5, apex_s=1.0, offset_s=2.0, end_s=3.0)
    assert track_envelope(track, np.array([0, 0.5, 0.75, 1, 1.7, 2, 2.5, 3, 9])) == pytest.approx(
        [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    )
    whole = Track(kind="action", target="AU12", onset_s=0, apex_s=0, offset_s=3, end_s=3)
    assert track_envelope(whole, np.array([0, 1.5, 3])) == pytest.approx([1, 1, 1])


def test_play_is_the_sum_of_its_tracks():
    tracks = (
        Track(kind="action", target="AU12", onset_s=0, apex_s=0, offset_s=1, end_s=1, intensity=0.5, side="left"),
        Track(kind="action", target="AU12", onset_s=0, apex_s=0, offset_s=1, end_s=1, intensity=0.25, side="both"),
    )
    time_s, psi = play(Timeline(duration_s=1, tracks=tracks, fps=10), ARKIT_NAMES)
    assert len(time_s) == 11 and psi.shape == (11, 52) and psi.dtype == np.float32
    assert psi[5, ARKIT_NAMES.index("mouthSmileLeft")] == pytest.approx(0.75)
    assert psi[5, ARKIT_NAMES.index("mouthSmileRight")] == pytest.approx(0.25)


def test_a_crossing_over_of_the_same_codeword_never_dips(tmp_path, toy_face):
    book = write_model(tmp_path, toy_face, codeword_psi(toy_face))
    made = between_tokens([(3, 0.5), (4, 1.0)], [(3, 0.5), (5, 1.0)], duration_s=1, hold_s=0.5)
    _time_s, psi = play(made, book.names, book)
    np.testing.assert_allclose(psi[0], 0.5 * book.psi[3] + book.psi[4], atol=1e-6)
    np.testing.assert_allclose(psi[-1], 0.5 * book.psi[3] + book.psi[5], atol=1e-6)
    middle = psi[len(psi) // 2]
    np.testing.assert_allclose(middle, 0.5 * book.psi[3] + 0.5 * book.psi[4] + 0.5 * book.psi[5], atol=1e-5)
    with pytest.raises(DataError, match="no codebook"):
        play(made, book.names)


def test_frames_are_passed_through_exactly(toy_face):
    faces = np.random.default_rng(0).normal(size=(3, 52))
    made = between_frames(faces, toy_face.names, duration_s=1, hold_s=0.5)
    time_s, psi = play(made, toy_face.names)
    for at, face in ((0.2, 0), (1.6, 1), (1.9, 1), (3.5, 2)):
        np.testing.assert_allclose(psi[np.argmin(np.abs(time_s - at))], faces[face], atol=1e-5)
    with pytest.raises(DataError):
        between_frames(faces[:1], toy_face.names)


@pytest.mark.parametrize(("write", "read"), [(to_json, from_json), (to_toml, from_toml)])
def test_a_timeline_survives_being_written_and_read(write, read):
    made = timeline_from_words('neutral, then "smile" at 35 %, then codeword 3, purple, over 2.5 s')
    frames = between_frames(np.eye(2, 52), ARKIT_NAMES, ['é "q"\n', "b"])
    for timeline in (made, frames):
        assert read(write(timeline)) == timeline


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apex_s": 9}, "track 1"),
        ({"onset_s": -1}, "track 1"),
        ({"kind": "dance"}, "kind"),
        ({"side": "top"}, "side"),
        ({"onset_s": "soon"}, "onset_s"),
        ({"surprise": 1}, "unknown field"),
        ({"kind": "codeword", "target": "x"}, "number"),
        ({"intensity": 99}, "intensity"),
        ({"psi": [1]}, "psi"),
        ({"onset_s": True}, "onset_s"),
    ],
)
def test_a_timeline_edited_wrongly_names_the_field(change, message):
    import json

    data = json.loads(to_json(timeline_from_words("smile")))
    data["tracks"][0] |= change
    with pytest.raises(DataError, match=message):
        from_json(json.dumps(data))


def test_what_is_no_timeline_is_refused():
    for text in (
        "[]",
        "{",
        '{"tracks": 3}',
        '{"tracks": [3], "duration_s": 1}',
        '{"tracks": []}',
        '{"tracks": [], "duration_s": 1e9}',
        '{"tracks": [], "duration_s": 1, "fps": 0}',
    ):
        with pytest.raises(DataError):
            from_json(text)
    with pytest.raises(DataError):
        from_toml("= 3")


@pytest.mark.parametrize("long", ["1" * 80_000, "smile" + " " * 80_000 + "x", " " * 120_000 + "over"])
def test_a_text_that_would_hold_everybody_up_is_refused_at_once(long):
    with (
        ends_within(),
        pytest.raises(DataError, match="characters"),
    ):  # where rules read it: minutes, with the lock held
        timeline_from_words(f"smile {long}")
