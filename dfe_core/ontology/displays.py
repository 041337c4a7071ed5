"""Displays: sets of actions that people give one name, each after one source.

An emotion, pain and a Duchenne smile are sets that a publication gives; everyday ones (a grin, a pout) and those that
simulated subjects make are judged by hand here. The sets that publications give for one emotion disagree: name the
source beside any score, and say that people vary. No other module says which actions make up a display.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dfe_core.ontology.actions import ACTION_UNITS


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


def _set(*codes: str, **shares: float) -> tuple[DisplayAction, ...]:
    """Actions on both sides: codes at full share, then those with a share of their own."""
    return tuple(DisplayAction(code=c) for c in codes) + tuple(
        DisplayAction(code=c, share=s) for c, s in shares.items()
    )


def _emotion(name: str, source: str, actions: tuple[DisplayAction, ...], note: str = "") -> Display:
    return Display(name=name, kind="emotion", source=source, actions=actions, note=note)


def _simulated(name: str, actions: tuple[DisplayAction, ...], after: str = "", note: str = "") -> Display:
    return Display(name=name, kind="simulated", source="DFE", actions=actions, after=after, note=note)


def _everyday(name: str, actions: tuple[DisplayAction, ...], *words: str) -> Display:
    return Display(name=name, kind="everyday", source="DFE", actions=actions, words=words or (name,))


_HALF = "a share of 0.5 is judged by hand"
_EMOTIONS = (
    _emotion("happiness", "WIKIPEDIA", _set("AU6", "AU12")),
    _emotion("sadness", "WIKIPEDIA", _set("AU1", "AU4", "AU15")),
    _emotion(
        "surprise",
        "WIKIPEDIA",
        (*_set("AU1", "AU2"), *_set(AU5=0.5), *_set("AU26")),
        "AU5 at intensity B; its share of 0.5 is judged by hand",
    ),
    _emotion("fear", "WIKIPEDIA", _set("AU1", "AU2", "AU4", "AU5", "AU7", "AU20", AU26=0.5), _HALF),
    _emotion("anger", "WIKIPEDIA", _set("AU4", "AU5", "AU7", "AU23")),
    _emotion("disgust", "WIKIPEDIA", _set("AU9", "AU15", "AU16")),
    _emotion(
        "contempt",
        "WIKIPEDIA",
        (DisplayAction(code="AU12", side="right", share=0.5), DisplayAction(code="AU14", side="right")),
        "one side, R12A + R14A; a share of 0.5 is judged by hand",
    ),
    _emotion("happiness", "OPENDBM", _set("AU6", "AU12")),
    _emotion("sadness", "OPENDBM", _set("AU1", "AU4", "AU15")),
    _emotion("surprise", "OPENDBM", _set("AU1", "AU2", "AU5", "AU26")),
    _emotion("fear", "OPENDBM", _set("AU1", "AU2", "AU4", "AU5", "AU7", "AU20", "AU26")),
    _emotion("anger", "OPENDBM", _set("AU4", "AU5", "AU7", "AU23")),
    _emotion("disgust", "OPENDBM", _set("AU9", "AU15", "AU16")),
    _emotion("contempt", "OPENDBM", _set("AU12", "AU14")),
    _emotion("happiness", "FACS11-1", _set("AU6", "AU12", "AU25")),
    _emotion("sadness", "FACS11-1", _set("AU1", "AU4", "AU15")),
    _emotion("surprise", "FACS11-1", _set("AU1", "AU2", "AU5", "AU26")),
    _emotion("fear", "FACS11-1", _set("AU1", "AU2", "AU4", "AU5", "AU20", "AU25")),
    _emotion("anger", "FACS11-1", _set("AU4", "AU5", "AU7", "AU24")),
    _emotion("disgust", "FACS11-1", _set("AU4", "AU10", "AU17")),
)

_NAMED = (
    Display(
        name="pain",
        kind="pain",
        source="PSPI",
        actions=_set("AU4", "AU6", "AU7", "AU9", "AU10", "AU43"),
        note="PSPI = AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43",
    ),
    Display(
        name="Duchenne smile",
        kind="smile",
        source="DUCHENNE",
        actions=_set("AU6", "AU12"),
        words=("duchenne smile", "genuine smile"),
        note="AU12 without AU6 is none",
    ),
    _everyday("smirk", (DisplayAction(code="AU12", side="left", share=0.6),)),
    _everyday("grin", _set("AU12", AU16=0.5)),
    _everyday("frown", _set("AU4", "AU15")),
    _everyday(
        "brow raise",
        _set("AU1", "AU2"),
        "brows up",
        "brow up",
        "brows raised",
        "raised brows",
        "raise brows",
        "raise brow",
        "raised brow",
        "brow raise",
        "brow raised",
    ),
    _everyday("squint", _set("AU7", AU6=0.4)),
    _everyday("sneer", (*_set(AU9=0.7), *_set("AU10"))),
    _everyday("pout", _set("AU17", AU22=0.4)),
    _everyday("yawn", _set("AU27", AU43=0.6)),
)

_SIMULATED = (
    _simulated("happiness", _set(AU12=1.0, AU6=0.8, AU7=0.3, AU10=0.2, AU16=0.3), "WIKIPEDIA"),
    _simulated("laughter", _set(AU12=1.0, AU6=1.0, AU26=0.7, AU7=0.5, AU10=0.4, AU16=0.5, AU9=0.3), "DUCHENNE"),
    _simulated("polite smile", _set(AU12=0.6, AU14=0.5, AU24=0.3)),
    _simulated("sadness", _set(AU1=1.0, AU15=1.0, AU4=0.6, AU17=0.5, AU7=0.3, AU24=0.2), "WIKIPEDIA"),
    _simulated("surprise", _set(AU1=1.0, AU2=1.0, AU5=1.0, AU26=0.8), "WIKIPEDIA"),
    _simulated(
        "fear",
        _set(AU1=1.0, AU2=0.9, AU4=0.6, AU5=1.0, AU20=0.8, AU26=0.4, AU16=0.3),
        "FACS11-1",
        "AU26 and AU16 part the lips (AU25 has no coefficient)",
    ),
    _simulated("anger", _set(AU4=1.0, AU5=0.4, AU7=0.8, AU24=0.8, AU9=0.3, AU17=0.4), "FACS11-1"),
    _simulated("disgust", _set(AU9=1.0, AU10=0.8, AU17=0.6, AU4=0.5, AU7=0.5, AU15=0.3), "FACS11-1"),
    _simulated(
        "pain", _set(AU4=0.9, AU6=0.8, AU7=1.0, AU9=0.6, AU10=0.6, AU20=0.4), "PSPI", "the eyes are not closed (AU43)"
    ),
    _simulated(
        "contempt",
        (
            DisplayAction(code="AU14", side="left"),
            DisplayAction(code="AU12", side="left", share=0.5),
            DisplayAction(code="AU7", share=0.2),
        ),
        "WIKIPEDIA",
    ),
    _simulated(
        "thinking",
        (*_set(AU63=0.8, AU4=0.5, AU24=0.4), DisplayAction(code="mouthSideways", side="left", share=0.8)),
    ),
    _simulated(
        "wondering",
        (*_set(AU63=0.8, AU1=0.5, AU18=0.3), DisplayAction(code="mouthSideways", side="right", share=0.8)),
    ),
    _simulated("chewing", _set(AU26=0.6, AU8=0.3, AU24=0.2)),
    _simulated("doubt", _set(AU2=0.8, AU1=0.4, AU15=0.6, AU17=0.8, AU24=0.3)),
    _simulated("one brow", (DisplayAction(code="AU2", side="right"), *_set(AU15=0.6, AU17=0.8))),
)

DISPLAYS: tuple[Display, ...] = (*_EMOTIONS, *_NAMED, *_SIMULATED)
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
