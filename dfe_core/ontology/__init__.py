"""One FACS ontology: action units, ARKit coefficients and displays, with the source of every row.

The tables are data and import nothing of the library, below faces and simulation: whatever names an action (simulator,
descriptions, search, prompts, words for motion, action units of a codeword) takes its words and recipes from here.
`docs/action-units.md` is printed from them.
"""

from dfe_core.ontology.actions import (
    ACTION_UNITS,
    ACTIONS,
    AU_REGIONS,
    NO_COEFFICIENT,
    SAME_DIRECTION,
    SIDED,
    SIDES,
    WITHOUT_CODE,
    ActionUnit,
    action_label,
    columns,
    expand,
    facs_order,
    normalise_au,
    search_phrases,
    title,
)
from dfe_core.ontology.coefficients import (
    COEFFICIENTS,
    MOVEMENT_PHRASES,
    Coefficient,
    MovementPhrase,
    movement_phrase,
)
from dfe_core.ontology.displays import (
    DISPLAYS,
    EMOTIONS,
    Display,
    DisplayAction,
    Emotion,
    emotion_word,
    prototypes,
    showable_prototype,
)
from dfe_core.ontology.sources import SOURCES, Citation

__all__ = [
    "ACTIONS",
    "ACTION_UNITS",
    "AU_REGIONS",
    "COEFFICIENTS",
    "DISPLAYS",
    "EMOTIONS",
    "MOVEMENT_PHRASES",
    "NO_COEFFICIENT",
    "SAME_DIRECTION",
    "SIDED",
    "SIDES",
    "SOURCES",
    "WITHOUT_CODE",
    "ActionUnit",
    "Citation",
    "Coefficient",
    "Display",
    "DisplayAction",
    "Emotion",
    "MovementPhrase",
    "action_label",
    "columns",
    "emotion_word",
    "expand",
    "facs_order",
    "movement_phrase",
    "normalise_au",
    "prototypes",
    "search_phrases",
    "showable_prototype",
    "title",
]
