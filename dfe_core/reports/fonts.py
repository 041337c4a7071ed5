"""Fonts for what people are called: the characters that the font of printed pages lacks, and who has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
"""Of printed pages; matplotlib brings them."""
_NO_LETTERS = ("lastresort", "stixnonuni", "emoji")
"""Names of fonts with a box for every character, with letters at code points of their own, or of pictures alone."""
_SLANTED_OR_HEAVY = ("bold", "oblique", "italic", "black", "mono", "serif")


def bundled_font(name: str) -> Path:
    """A font file that comes with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", name)


def unprintable(text: str) -> str:
    """The characters of a text that no installed font prints, each once, in order."""
    return fallback_fonts(lacking(text))[1]


def lacking(text: str) -> str:
    """The visible characters of a text that the font of printed pages lacks, each once, in order."""
    known = _characters(bundled_font(REGULAR))
    return "".join(sorted({c for c in text if ord(c) not in known and c.isprintable() and not c.isspace()}))


@cache
def fallback_fonts(characters: str) -> tuple[tuple[Path, ...], str]:
    """Installed fonts that together have the characters, as few as are found, and the characters that none has."""
    chosen: list[Path] = []
    missing = set(characters)
    if missing:
        found = {path: {c for c in characters if ord(c) in _characters(path)} for path in installed_fonts()}
        usable = sorted((path for path, has in found.items() if has), key=_preference)
        while usable and missing:
            best = max(usable, key=lambda path: len(found[path] & missing))  # of equal ones the first
            usable.remove(best)
            if found[best] & missing and _is_taken(best):
                chosen.append(best)
                missing -= found[best]
    return tuple(chosen), "".join(sorted(missing))


def installed_fonts() -> Iterator[Path]:
    """Every font file of the system and of matplotlib that holds letters."""
    from matplotlib.font_manager import findSystemFonts

    bundled = sorted(bundled_font(REGULAR).parent.glob("*.ttf"))
    for path in dict.fromkeys([*map(Path, sorted(findSystemFonts())), *bundled]):
        if not any(part in path.name.lower() for part in _NO_LETTERS):
            yield path


def _preference(path: Path) -> tuple[int, str]:
    return sum(part in path.name.lower() for part in _SLANTED_OR_HEAVY), path.name


@cache
def _characters(path: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError):  # a file that FreeType does not read
        return frozenset()


def _is_taken(path: Path) -> bool:
    """Whether fpdf2 takes the file; of some formats it does not."""
    from fpdf import FPDF

    try:
        FPDF().add_font("a", "", path)
    except Exception:  # noqa: BLE001 - whatever its readers raise
        return False
    return True
