"""Displays: sets of actions that people give one name, each after one source: rows of displays.csv.

An emotion, pain and a Duchenne smile are sets that a publication gives; everyday ones (a grin, a pout) and those that
simulated subjects make are judged by hand here. The sets that publications give for one emotion disagree: name the
source beside any score, and say that people vary. No other module says which actions make up a display.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dfe_core.ontology.actions import ACTION_UNITS, SIDES
from dfe_core.ontology.table import parts, read_rows


@dataclass(frozen=True, kw_only=True)
class DisplayAction:
    """One action of a display: its code, side, and share of the display's intensity."""

    code: str
    side: str = "both"
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Display:
    """A set of actions under one name, after one source.

    Attributes
    ----------
    kind: ``emotion``, ``pain``, ``smile``, ``everyday`` or ``simulated``.
    source: key of `SOURCES`. after: for a simulated display, the source whose set it adds companions to.
    words: everyday phrases that stand for it. note: what it leaves out, or where its shares come from.
    """

    name: str
    kind: str
    source: str
    actions: tuple[DisplayAction, ...]
    after: str = ""
    words: tuple[str, ...] = ()
    note: str = ""

    @property
    def aus(self) -> tuple[str, ...]:
        """Its codes."""
        return tuple(action.code for action in self.actions)

    @property
    def showable(self) -> bool:
        """Whether ARKit coefficients can show every action of it."""
        return all(code in ACTION_UNITS and ACTION_UNITS[code].recipe for code in self.aus)


@dataclass(frozen=True, kw_only=True)
class Emotion:
    """Words for one emotion: name (a noun), adjective, synonyms of either, and names that data sets give a class."""

    name: str
    adjective: str
    synonyms: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that means it."""
        return tuple(dict.fromkeys((self.name, self.adjective, *self.synonyms)))


EMOTIONS = MappingProxyType(
    {
        emotion.name: emotion
        for emotion in (
            Emotion(name="happiness", adjective="happy", synonyms=("joy",), class_names=("smile", "amusement")),
            Emotion(name="sadness", adjective="sad"),
            Emotion(name="surprise", adjective="surprised"),
            Emotion(name="fear", adjective="fearful", synonyms=("afraid", "scared")),
            Emotion(name="anger", adjective="angry"),
            Emotion(name="disgust", adjective="disgusted"),
            Emotion(name="contempt", adjective="contemptuous"),
        )
    }
)


def _action(cell: str) -> DisplayAction:
    """``AU12``, ``AU5 0.5`` or ``AU12 right 0.5``: a code, its side and its share."""
    code, *rest = cell.split()
    side = rest.pop(0) if rest and rest[0] in SIDES else "both"
    return DisplayAction(code=code, side=side, share=float(rest[0]) if rest else 1.0)


def _display(row: dict[str, str]) -> Display:
    actions = tuple(map(_action, parts(row["actions"])))
    return Display(**{**row, "actions": actions, "words": parts(row["words"])})  # type: ignore[arg-type]


DISPLAYS: tuple[Display, ...] = tuple(map(_display, read_rows("displays")))
"""Every display; a name stands once for each source."""


def prototypes(name: str) -> tuple[Display, ...]:
    """The sets that publications give under a name, in the order of `DISPLAYS`."""
    return tuple(d for d in DISPLAYS if d.name == name and d.kind in ("emotion", "pain", "smile"))


def showable_prototype(name: str) -> Display:
    """The first of `prototypes` that ARKit coefficients can show: anger after FACS table 11-1, since the others hold
    AU23, which no coefficient shows."""
    return next(display for display in prototypes(name) if display.showable)


def emotion_word(word: str) -> str | None:
    """The emotion that a word means (``happy`` → ``happiness``), None for none."""
    return next((e.name for e in EMOTIONS.values() if word in (*e.words, *e.class_names)), None)
