"""One ontology: every row has a source, every view takes its codes from it, and no other module says what anger is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.ontology import (
    ACTION_UNITS,
    ACTIONS,
    AU_REGIONS,
    COEFFICIENTS,
    DISPLAYS,
    EMOTIONS,
    MOVEMENT_PHRASES,
    SOURCES,
    WITHOUT_CODE,
    emotion_word,
    movement_phrase,
    normalise_au,
    prototypes,
    search_phrases,
    showable_prototype,
)

LIBRARY = Path(__file__).resolve().parents[2] / "dfe_core"
CODE = re.compile(r"\bA[UD][1-9][0-9]?\b")


@cache
def modules_with_codes() -> dict[Path, tuple[str, ast.Module]]:
    """Text and tree of every module in which something looks like a code; no other has one in its strings."""
    texts = {path: path.read_text(encoding="utf-8") for path in LIBRARY.rglob("*.py")}
    return {path: (text, ast.parse(text)) for path, text in texts.items() if re.search("A[UD][1-9]", text)}


def test_every_row_has_a_source_and_every_source_is_cited():
    cited = [unit.sources for unit in (*ACTION_UNITS.values(), *WITHOUT_CODE.values())]
    cited += [row.sources for row in COEFFICIENTS.values()]
    cited += [(display.source, display.after) if display.after else (display.source,) for display in DISPLAYS]
    assert all(keys and all(keys) for keys in cited)
    assert {key for keys in cited for key in keys} == set(SOURCES)
    assert all(source.citation and source.short for source in SOURCES.values())


def test_every_row_is_whole():
    for code, unit in ACTION_UNITS.items():
        assert unit.code == code == normalise_au(code) and unit.title and unit.region in AU_REGIONS and unit.section
        assert unit.sides in ("whole", "paired", "single")
        assert any("*" in name for name in unit.recipe) == (unit.sides != "whole")
        assert not unit.like or ACTION_UNITS[unit.like].recipe.keys() == unit.recipe.keys()
    assert {unit.region for unit in ACTION_UNITS.values()} == set(AU_REGIONS)


def test_recipes_and_coefficients_say_the_same():
    assert tuple(COEFFICIENTS) == ARKIT_NAMES
    for (au, _), parts in ACTIONS.items():
        assert all(au in (COEFFICIENTS[name].au, *COEFFICIENTS[name].also) for name in parts), au
    shown = {(au, name) for (au, _), parts in ACTIONS.items() for name in parts}
    assert all((row.au, name) in shown for name, row in COEFFICIENTS.items() if row.au)
    outside = {name for name, row in COEFFICIENTS.items() if not row.au}
    assert outside == {"mouthLeft", "mouthRight"}
    for (_, side), parts in ACTIONS.items():
        assert side == "both" or {COEFFICIENTS[name].side for name in parts} == {side}


def test_every_coefficient_but_gaze_has_words():
    assert {name for name in ARKIT_NAMES if movement_phrase(name) is None} == {n for n in ARKIT_NAMES if "Look" in n}
    assert movement_phrase("mouthSmileLeft").clause == movement_phrase("mouthSmile*").clause == "lip corner up"
    assert movement_phrase("jawLeft").clause == "jaw to the left" and movement_phrase("jawOpen").clause == "jaw drop"
    assert {name for name in MOVEMENT_PHRASES if name.endswith(("Left", "Right"))} == {
        "jawLeft",
        "jawRight",
        "mouthLeft",
        "mouthRight",
    }


def test_every_code_of_a_view_stands_in_the_ontology():
    from dfe_core.facs.action_units import EMISSIONS
    from dfe_core.facs.derive import make_deriver
    from dfe_core.facs.readers import headset, imotions
    from dfe_core.motion.lexicon import PHRASES
    from dfe_core.probes.prompts import ACTION_WORDS
    from dfe_core.simulate import repertoire
    from dfe_core.tokens.search import SYNONYMS

    codes = {au for display in DISPLAYS for au in display.aus} - set(WITHOUT_CODE)
    codes |= {au for emission in EMISSIONS.values() for au in emission.aus}
    codes |= {au for phrase in PHRASES.values() for au, _, _ in phrase.actions}
    codes |= {au for au, _ in make_deriver(ARKIT_NAMES).aus} | set(ACTION_WORDS)
    codes |= {action.code for action in repertoire.ACTIONS if action.in_facs}
    codes |= {part.upper() for phrases in SYNONYMS.values() for part in phrases if re.fullmatch(r"a[ud]\d+", part)}
    for module in (headset, imotions):
        codes |= set(CODE.findall(Path(module.__file__).read_text(encoding="utf-8")))
    assert codes <= set(ACTION_UNITS)
    assert {a.code for a in repertoire.ACTIONS if not a.in_facs} == set(WITHOUT_CODE)


def test_every_code_written_in_the_library_stands_in_the_ontology():
    for path, (_, tree) in modules_with_codes().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                assert node.value in ACTION_UNITS, f"{path.name}: {node.value}"


def test_a_display_stands_once_for_each_source():
    kinds = Counter((d.name, d.source) for d in DISPLAYS)
    assert kinds.most_common(1)[0][1] == 1
    words = Counter(word for d in DISPLAYS for word in d.words)
    words += Counter(word for unit in ACTION_UNITS.values() for word in unit.phrases)
    words += Counter(word for emotion in EMOTIONS.values() for word in emotion.words)
    assert words.most_common(1)[0][1] == 1, "a phrase stands for one thing"


def test_no_other_module_says_which_actions_make_an_emotion():
    words = {word for emotion in EMOTIONS.values() for word in emotion.words} | {"pain"}
    for path, (text, tree) in modules_with_codes().items():
        if path.parent.name == "ontology" or not any(word in text for word in words):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.Return, ast.Call, ast.Dict, ast.Tuple)):
                told = _written(node)
                found = {word for text in told for word in re.findall(r"[a-z]+", text)} & words
                codes = {code for text in told for code in CODE.findall(text)}
                assert not (found and len(codes) > 1), f"{path.name}, line {node.lineno}: {found} {codes}"


def _written(node: ast.AST) -> set[str]:
    """Strings and names of keywords in a node."""
    parts = list(ast.walk(node))
    return {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)} | {
        p.arg for p in parts if isinstance(p, ast.keyword) and p.arg
    }


def test_nothing_is_called_emfacs_that_is_not():
    for path in LIBRARY.rglob("*.py"):
        if "EMFACS" in path.read_text(encoding="utf-8"):
            assert path.name == "sources.py", path.name
    assert "not" in SOURCES["WIKIPEDIA"].note and "EMFACS" in SOURCES["WIKIPEDIA"].note


@pytest.mark.parametrize(
    ("name", "source", "aus"),
    [
        ("happiness", "WIKIPEDIA", "AU6 AU12"),
        ("sadness", "WIKIPEDIA", "AU1 AU4 AU15"),
        ("surprise", "WIKIPEDIA", "AU1 AU2 AU5 AU26"),
        ("fear", "WIKIPEDIA", "AU1 AU2 AU4 AU5 AU7 AU20 AU26"),
        ("anger", "FACS11-1", "AU4 AU5 AU7 AU24"),
        ("disgust", "WIKIPEDIA", "AU9 AU15 AU16"),
        ("contempt", "WIKIPEDIA", "AU12 AU14"),
        ("pain", "PSPI", "AU4 AU6 AU7 AU9 AU10 AU43"),
        ("Duchenne smile", "DUCHENNE", "AU6 AU12"),
    ],
)
def test_what_is_played_is_the_first_set_that_coefficients_can_show(name, source, aus):
    shown = showable_prototype(name)
    assert (shown.source, " ".join(shown.aus)) == (source, aus)


def test_the_sources_disagree_on_anger_and_each_set_is_kept():
    assert [(d.source, d.aus[-1]) for d in prototypes("anger")] == [
        ("WIKIPEDIA", "AU23"),
        ("OPENDBM", "AU23"),
        ("FACS11-1", "AU24"),
    ]


def test_the_sets_agree_with_the_shared_document(shared):
    text = (shared / "FACS.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", text.split("## Emotion prototypes")[1], re.MULTILINE
    )
    told = {row[0]: row[1:] for row in rows if row[0] in EMOTIONS}
    assert set(told) == set(EMOTIONS)
    for emotion, cells in told.items():
        for source, cell in zip(("WIKIPEDIA", "OPENDBM", "FACS11-1"), cells, strict=True):
            found = [d for d in prototypes(emotion) if d.source == source]
            numbers = [int(n) for n in re.findall(r"\d+", cell.split("(")[0])]
            assert [int(au[2:]) for d in found for au in d.aus] == numbers, (emotion, source)


def test_simulated_displays_hold_the_set_they_are_after():
    cannot = {"fear": {"AU25"}, "pain": {"AU43"}}
    for display in (d for d in DISPLAYS if d.after):
        name = "Duchenne smile" if display.name == "laughter" else display.name
        after = next(d for d in prototypes(name) if d.source == display.after)
        assert set(after.aus) - set(display.aus) == cannot.get(display.name, set()), display.name
        assert bool(display.note) == (display.name in cannot)


def test_words_come_back_as_the_actions_they_stand_for():
    from dfe_core.motion.words import timeline_from_words

    for display in (d for d in DISPLAYS if d.words):
        for words in display.words:
            tracks = timeline_from_words(f"full {words}").tracks
            assert [(t.target, t.intensity) for t in tracks] == [(a.code, a.share) for a in display.actions], words
    for unit in ACTION_UNITS.values():
        for words in unit.phrases:
            tracks = timeline_from_words(words.replace("*", "right")).tracks
            assert [t.target for t in tracks] == [unit.code] and (tracks[0].side == "right" or "*" not in words)
    for emotion in EMOTIONS.values():
        assert {emotion_word(word) for word in (*emotion.words, *emotion.class_names)} == {emotion.name}


def test_an_emotion_searched_for_is_found_by_actions_of_its_set():
    for word, phrases in search_phrases().items():
        if (emotion := emotion_word(word)) and word != "smile":
            assert {p.upper() for p in phrases} <= set(prototypes(emotion)[0].aus), word
    assert search_phrases()["smile"] == ("lip corner up", "au12")


def test_the_tables_load_without_numpy():
    code = "import sys, dfe_core.ontology; print(sorted({'numpy', 'pandas', 'dfe_core.faces'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=LIBRARY.parent, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_text_encoder_means_the_same_by_the_words_of_the_ontology():
    from dfe_core.errors import DataError
    from dfe_core.probes.prompts import ACTION_WORDS, action_words
    from dfe_core.probes.text import WordEncoder

    encoder = WordEncoder()
    codes = list(ACTION_WORDS)
    documents = encoder.encode([f"{code} {action_words(code)}" for code in codes])
    meant: dict[str, set[str]] = {}
    for unit in ACTION_UNITS.values():
        for word in (*unit.search_words, *unit.related_words, *unit.phrases):
            meant.setdefault(word, set()).add(unit.code)
    unknown, other = set(), set()
    for word, own in meant.items():
        try:
            nearest = codes[int((encoder.encode([word])[0] @ documents.T).argmax())]
        except DataError:
            unknown.add(word)
            continue
        if nearest not in own:
            other.add((word, nearest))
    assert unknown == {"duchenne", "pout", "funnel", "yawn"}
    assert other == {("mouth open", "AU25"), ("open mouth", "AU25"), ("jaw *", "AU26")}  # lips part; "jaw" alone
