"""Write the page of action units from the ontology, and draw its pictures.

python tools/ontology_page.py              write docs/action-units.md
python tools/ontology_page.py --check      exit with 1 where the page is not what the ontology gives now
python tools/ontology_page.py --pictures   draw docs/action-units/*.webp on the default face, too
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "action-units.md"
PICTURES = PROJECT / "docs" / "action-units"
sys.path.insert(0, str(PROJECT))

from dfe_core.ontology import (  # noqa: E402
    ACTION_UNITS,
    ACTIONS,
    AU_REGIONS,
    COEFFICIENTS,
    DISPLAYS,
    EMOTIONS,
    SOURCES,
    WITHOUT_CODE,
    ActionUnit,
    Display,
    expand,
)

HEIGHT, WIDTH = 220, 184
"""Of a picture in pixels; the page shows it at half of that."""

WARMTH = 1.8
"""The hot end of a picture's colours, in largest displacements of its action: the form below stays visible."""

FROM_THE_SIDE = ("AU18", "AD19", "AU22", "AD29")
"""What moves forward is seen from the side."""

JAW_OPEN = ("AU8",)
"""What holds the lips together while the jaw is down is drawn with the jaw down."""

_HEAD = """# Action units and displays

The vocabulary of this project: every action unit (AU) and action descriptor (AD) of the Facial Action Coding System
that it names, the ARKit coefficients that show it, and the sets of actions that go by the name of an emotion or another
display, each row with its source. The page is written by `tools/ontology_page.py` from `dfe_core.ontology`; simulator,
descriptions of codewords, search, text prompts, words for motion and action units of codewords take theirs from there.

The correspondence of ARKit coefficients to FACS is anatomical and judged by hand, not peer reviewed and not from Apple:
it serves naming, templates and estimates, never as a measurement.

Pictures show the default face at full intensity, on both sides where an action has two (AD30, AU46 and AU65 on the
left; AU8 with the jaw down, as it is meant to be read). Colour marks where the skin moves, from each action's own
largest displacement down. Left and right are the face's own.
"""
_SIDES = {"whole": "both sides alike", "paired": "left, right or both", "single": "left or right"}
_KINDS = (
    (
        "emotion",
        "Emotions",
        "Sets that publications give. They disagree: name the source beside any score. People vary.",
    ),
    ("pain", "Pain", "The actions of the pain score; its formula takes the larger of two in two places."),
    ("smile", "Smiles", ""),
    ("everyday", "Everyday expressions", "Words for motion that stand for several actions."),
    (
        "simulated",
        "Displays of simulated subjects",
        "What `dfe simulate` draws: a published set with weaker companions (shares of the display's intensity), or one "
        "of everyday life.",
    ),
)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for region in AU_REGIONS:
        parts += _region(region)
    parts += _without_code()
    parts += _displays()
    parts += _words()
    parts += _coefficients()
    parts += _sources()
    return "\n".join(parts)


def _region(region: str) -> Iterator[str]:
    yield f"## {region[:1].upper()}{region[1:]}\n"
    yield _table(
        ("", "action", "muscle", "ARKit coefficients", "source"),
        (_action(unit) for unit in ACTION_UNITS.values() if unit.region == region),
    )


def _action(unit: ActionUnit) -> Iterator[str]:
    yield _picture(unit.code, unit.title) if unit.recipe else ""
    yield f"**{unit.code}** {unit.title}"
    yield unit.muscle or "—"
    yield "<br>".join(filter(None, (recipe_text(unit), _SIDES[unit.sides] if unit.recipe else "", unit.note)))
    muscles = f"<br>muscle: {_cited(unit.sources[1:])}" if unit.sources[1:] else ""
    yield f"{_cited(unit.sources[:1])}, {unit.section}{muscles}"


def _words() -> Iterator[str]:
    yield "## Words\n"
    yield "Everyday phrases that stand for an action or a display where movement is made from words.\n"
    rows = [(unit.code, ", ".join(unit.phrases)) for unit in ACTION_UNITS.values() if unit.phrases]
    rows += [(display.name, ", ".join(display.words)) for display in DISPLAYS if display.words]
    rows += [(emotion.name, ", ".join(emotion.words)) for emotion in EMOTIONS.values()]
    yield _table(("stands for", "phrases"), ((f"**{name}**", text.replace("*", "left/right")) for name, text in rows))


def recipe_text(unit: ActionUnit) -> str:
    """``mouthSmile*``; weights other than 1 before the name, ``—`` where no coefficient shows it."""
    return " + ".join(f"{_times(weight)}`{name}`" for name, weight in unit.recipe.items()) or "—"


def _times(weight: float) -> str:
    return "" if weight == 1 else f"{weight:g} × "


def _without_code() -> Iterator[str]:
    yield "## Movements without a code\n"
    yield "FACS has no code for these; codewords that show them are called by their movement.\n"
    yield _table(
        ("name", "sides", "ARKit coefficients", "source"),
        ((u.title, _SIDES[u.sides], recipe_text(u), _cited(u.sources)) for u in WITHOUT_CODE.values()),
    )


def _displays() -> Iterator[str]:
    yield "## Emotions and other displays\n"
    yield (
        "Where words ask for an emotion, the first set that ARKit coefficients can show is played: anger after FACS "
        "table 11-1, since no coefficient shows AU23.\n"
    )
    for kind, heading, text in _KINDS:
        yield f"### {heading}\n"
        if text:
            yield f"{text}\n"
        yield _table(("", "display", "actions", "source", "note"), map(_display, displays_of(kind)))


def displays_of(kind: str) -> list[Display]:
    """Displays of a kind, those of one name beside each other."""
    found = [display for display in DISPLAYS if display.kind == kind]
    names = list(dict.fromkeys(display.name for display in found))
    return sorted(found, key=lambda display: names.index(display.name))


def _display(display: Display) -> Iterator[str]:
    yield _picture(picture_name(display), display.name) if picture_name(display) in pictures() else ""
    yield f"**{display.name}**"
    yield " + ".join(
        f"{_times(a.share)}{WITHOUT_CODE[a.code].title if a.code in WITHOUT_CODE else a.code}"
        f"{f' {a.side}' if a.side != 'both' else ''}"
        for a in display.actions
    )
    yield _cited((display.source,)) + (f", after {_cited((display.after,))}" if display.after else "")
    yield display.note or "—"


def _coefficients() -> Iterator[str]:
    yield "## ARKit coefficients\n"
    yield "In the order of ψ on the default face.\n"
    yield _table(
        ("coefficient", "side", "shows", "can show", "note", "source"),
        (
            (f"`{c.name}`", c.side, c.au or "no code", ", ".join(c.also) or "—", c.note or "—", _cited(c.sources))
            for c in COEFFICIENTS.values()
        ),
    )


def _sources() -> Iterator[str]:
    yield "## Sources\n"
    yield _table(
        ("called", "work", "how it was read"),
        ((f"**{s.short}**", s.citation, s.note or "—") for s in SOURCES.values()),
    )


def _cited(keys: Iterable[str]) -> str:
    return ", ".join(SOURCES[key].short for key in keys)


def _picture(name: str, alt: str) -> str:
    width, height = WIDTH // 2, HEIGHT // 2
    size = f'width="{width}" height="{height}" style="min-width: {width}px"'
    return f'<img src="action-units/{name}.webp" alt="{alt}" {size} loading="lazy">'


def _table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def picture_name(display: Display) -> str:
    """``contempt-wikipedia``; file name of its picture without the ending."""
    return f"{display.name}-{display.source}".lower().replace(" ", "-")


def _composed(display: Display) -> dict[str, float]:
    """The coefficients of its actions, the larger value where two need the same."""
    psi: dict[str, float] = {}
    for action in display.actions:
        for name, weight in ACTIONS[action.code, action.side].items():
            psi[name] = max(psi.get(name, 0.0), weight * action.share)
    return psi


@cache
def pictures() -> dict[str, dict[str, float]]:
    """File name without ending → ARKit coefficients of every picture on the page: of all actions, and of published
    and everyday displays that coefficients can show, none twice."""
    sides = {"single": "left"}
    found = {u.code: expand(u.recipe, sides.get(u.sides, "both")) for u in ACTION_UNITS.values() if u.recipe}
    for code in JAW_OPEN:
        found[code] = {**found[code], "jawOpen": 1.0}
    displays: dict[str, dict[str, float]] = {}
    for display in DISPLAYS:
        if display.kind != "simulated" and display.showable and _composed(display) not in displays.values():
            displays[picture_name(display)] = _composed(display)
    return found | displays


def draw(folder: Path = PICTURES) -> None:
    """Draw every picture of the page."""
    import numpy as np
    from PIL import Image

    from dfe_core.expressions.columns import arkit_columns
    from dfe_core.faces.library import open_face
    from dfe_core.render.pictures import heat_scales_mm, render_picture
    from dfe_core.render.studio import Shot

    face = open_face()
    where = arkit_columns(face.names)
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in sorted(pictures().items(), key=lambda item: item[0] in FROM_THE_SIDE):
        psi = np.zeros(face.coefficients, np.float32)
        for coefficient, weight in parts.items():
            psi[list(where[coefficient])] = weight
        shot = Shot(HEIGHT, "left" if name in FROM_THE_SIDE else "front")
        scale = WARMTH * float(heat_scales_mm(face, psi)[0])
        picture = render_picture(face, psi, scale, shot)
        middle = int(np.flatnonzero((picture[..., 3] > 0).any(0))[[0, -1]].mean())
        left = min(max(middle - WIDTH // 2, 0), HEIGHT - WIDTH)
        Image.fromarray(picture[:, left : left + WIDTH]).save(folder / f"{name}.webp", quality=82, method=6)
    for path in folder.glob("*.webp"):
        if path.stem not in pictures():
            path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--pictures", action="store_true", help="draw the pictures, too")
    arguments = parser.parse_args()
    if arguments.check:
        same = PAGE.read_text(encoding="utf-8") == page()
        print("the page is what the ontology gives" if same else f"{PAGE.name} is outdated: run tools/ontology_page.py")
        return not same
    PAGE.write_text(page(), encoding="utf-8")
    if arguments.pictures:
        draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
