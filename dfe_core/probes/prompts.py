"""Facial actions and emotions in everyday words: what class prompts, captions and queries are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dfe_core.errors import DataError
from dfe_core.ontology import ACTION_UNITS, EMOTIONS, emotion_word, prototypes

ACTION_WORDS: Mapping[str, str] = MappingProxyType(
    {code: unit.appearance for code, unit in ACTION_UNITS.items() if unit.appearance}
)
"""What people see of each action unit, in the ontology's words."""

_NEUTRAL = ("neutral", "rest", "calm", "none")
_POLARITY = {"positive": ("happiness",), "negative": ("disgust", "sadness", "fear", "anger", "contempt")}
"""Classes of the composite micro-expression challenge (MEGC 2019), where negative is a list of alternatives."""


def emotion_of(name: str) -> str | None:
    """The emotion a class is called by (``Happy`` → ``happiness``); None where no prototype is known."""
    return emotion_word(name.strip().lower())


def emotion_adjective(emotion: str) -> str:
    """``happiness`` to ``happy``."""
    return EMOTIONS[emotion].adjective


def class_prompt(name: str) -> str:
    """One sentence for a class: the emotion's name and its facial actions (the first of its
    `prototypes`), as D-FACE's EDCLIP writes them.

    Raises `DataError` for a class whose actions are not known, since a name alone says nothing of a face.
    """
    word = name.strip().lower()
    if word in _NEUTRAL:
        return f"a {word} face: nothing moves"
    if word in _POLARITY:
        return f"a {word} expression: " + "; or ".join(emotion_actions(e) for e in _POLARITY[word])
    emotion = emotion_of(name)
    if emotion is None:
        raise DataError(
            f"class {name!r}",
            "no facial actions are known for it",
            "a prompt of your own for this class, or the class named among the others",
        )
    return f"a {emotion_adjective(emotion)} face, {emotion}: {emotion_actions(emotion)}"


def class_prompts(
    classes: Sequence[str], own: Mapping[str, str] | None = None, others: Sequence[str] = ()
) -> dict[str, str]:
    """Class to prompt, own ones first; classes among `others` have none and are left out."""
    own = own or {}
    unknown = sorted((set(own) | set(others)) - set(classes))
    if unknown:
        raise DataError("prompts", f"class {unknown[0]!r} does not occur", ", ".join(classes))
    return {name: own.get(name) or class_prompt(name) for name in classes if name not in others}


def action_words(au: str, side: str = "both") -> str:
    """``AU12``, ``left`` to ``left lip corners pulled up, a smile``; the code itself where no words are known."""
    words = ACTION_WORDS.get(au, au)
    return words if side == "both" else f"{side} {words}"


def caption(actions: Sequence[tuple[str, str]]) -> str:
    """A sentence for the (AU, side) of a moment; both sides of one AU are told once."""
    sides: dict[str, list[str]] = {}
    for au, side in actions:
        sides.setdefault(au, []).append(side)
    told = [action_words(au, own[0] if len(set(own)) == 1 else "both") for au, own in sides.items()]
    return "a face with " + ", ".join(told) if told else "a neutral face: nothing moves"


def emotion_actions(emotion: str) -> str:
    """The words for an emotion's facial actions: ``cheeks raised, lip corners pulled up, a smile``."""
    display = prototypes(emotion)[0]
    words = ", ".join(action_words(au) for au in display.aus)
    one_sided = all(action.side != "both" for action in display.actions)
    return words + " on one side" if one_sided else words
