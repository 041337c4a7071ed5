"""Facial actions and emotions in everyday words: what class prompts, captions and queries are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dfe_core.errors import DataError
from dfe_core.facs.prototypes import PROTOTYPES

ACTION_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "AU1": "inner brows raised",
        "AU2": "outer brows raised",
        "AU4": "brows lowered and drawn together",
        "AU5": "upper eyelids raised, eyes wide",
        "AU6": "cheeks raised",
        "AU7": "eyelids tightened, eyes narrowed",
        "AU8": "lips drawn toward each other",
        "AU9": "nose wrinkled",
        "AU10": "upper lip raised",
        "AU12": "lip corners pulled up, a smile",
        "AU14": "dimples, lip corners tightened",
        "AU15": "lip corners pulled down",
        "AU16": "lower lip pulled down",
        "AU17": "chin raised",
        "AU18": "lips puckered",
        "AD19": "tongue shown",
        "AU20": "lips stretched sideways",
        "AU22": "lips funneled forward",
        "AU23": "lips tightened",
        "AU24": "lips pressed together",
        "AU25": "lips parted",
        "AU26": "jaw dropped, mouth open",
        "AU27": "mouth stretched wide open",
        "AU28": "lips sucked in",
        "AD29": "jaw thrust forward",
        "AD30": "jaw moved sideways",
        "AD34": "cheeks puffed out",
        "AU43": "eyes closed",
        "AU45": "a blink",
        "AU46": "a wink, one eye closed",
        "AU61": "eyes turned left",
        "AU62": "eyes turned right",
        "AU63": "eyes turned up",
        "AU64": "eyes turned down",
        "AU65": "eyes turned apart",
        "AU66": "eyes crossed",
    }
)
"""What people see of each action unit. The wordings are ours, after the names that FACS gives them."""

EMOTION_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "happy": "happiness",
        "joy": "happiness",
        "smile": "happiness",
        "amusement": "happiness",
        "sad": "sadness",
        "surprised": "surprise",
        "fearful": "fear",
        "afraid": "fear",
        "scared": "fear",
        "angry": "anger",
        "disgusted": "disgust",
        "contemptuous": "contempt",
    }
)

_SIGNS = {
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "fearful",
    "anger": "angry",
    "disgust": "disgusted",
    "contempt": "contemptuous",
}
_NEUTRAL = ("neutral", "rest", "calm", "none")
_POLARITY = {"positive": ("happiness",), "negative": ("disgust", "sadness", "fear", "anger", "contempt")}
"""Classes of the composite micro-expression challenge (MEGC 2019), where negative is a list of alternatives."""


def emotion_of(name: str) -> str | None:
    """The emotion a class is called by (``Happy`` → ``happiness``); None where no prototype is known."""
    word = name.strip().lower()
    word = EMOTION_NAMES.get(word, word)
    return word if word in _SIGNS else None


def signs_of(emotion: str) -> str:
    """``happiness`` to ``happy``."""
    return _SIGNS[emotion]


def class_prompt(name: str) -> str:
    """One sentence for a class: the emotion's name and its facial actions (EMFACS), as D-FACE's EDCLIP writes them.

    Raises `DataError` for a class whose actions are not known, since a name alone says nothing of a face.
    """
    word = name.strip().lower()
    if word in _NEUTRAL:
        return f"a {word} face: nothing moves"
    if word in _POLARITY:
        return f"a {word} expression: " + "; or ".join(_actions(e) for e in _POLARITY[word])
    emotion = emotion_of(name)
    if emotion is None:
        raise DataError(
            f"class {name!r}",
            "no facial actions are known for it",
            "a prompt of your own for this class, or the class named among the others",
        )
    return f"a {_SIGNS[emotion]} face, {emotion}: {_actions(emotion)}"


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


def _actions(emotion: str) -> str:
    aus = next(p.aus for p in PROTOTYPES if p.emotion == emotion)
    words = ", ".join(action_words(au) for au in aus)
    return words + " on one side" if emotion == "contempt" else words
