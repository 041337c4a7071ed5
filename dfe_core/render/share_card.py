"""One codeword as one file to hand on: the moving face, its numbers and its link, on a card.

A GIF plays wherever pictures do (slides, e-mail, chats); a page has text that can be copied and a link that can be
followed. Neither needs a server, a network or another file.
"""

from __future__ import annotations

import base64
import html
import io
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.render.animation import WHITE, pictures, there_and_back, write_gif
from dfe_core.render.palette import SHARED_SCALE_MM, heat_map
from dfe_core.render.studio import Shot
from dfe_core.store import atomic_file

SIZE = (960, 540)
"""Of a GIF card, pixels: a slide is 16:9."""

FACE = 480
"""Edge of the moving picture, pixels."""

FPS, FRAMES = 12, 24
_INK, _FAINT, _ACCENT = (24, 28, 38), (92, 98, 112), (49, 87, 196)
_TEXT_X, _RIGHT = 500, 920


@dataclass(frozen=True, kw_only=True)
class CardNumber:
    """One figure of a card: label, the figure with its unit, and what it is of."""

    label: str
    figure: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class CardText:
    """What stands beside the moving face.

    Attributes
    ----------
    title: what the codeword is called.
    words: what it does, in a sentence.
    numbers: its figures, in order of importance; at most six are shown.
    source: codebook, data, people.
    link: address of its page, empty for none.
    labels: short warnings that must not be lost, such as "Simulated data".
    """

    title: str
    words: str = ""
    numbers: tuple[CardNumber, ...] = ()
    source: str = ""
    link: str = ""
    labels: tuple[str, ...] = field(default_factory=tuple)


def write_share_card(
    face: FaceModel, psi: np.ndarray, text: CardText, path: Path, *, progress: Listener = silent
) -> Path:
    """Write the card of (E,) coefficients as ``.gif`` or ``.html``, by the suffix of `path`.

    The face goes from neutral to the expression and back, coloured on the scale of all pictures. Raises `DataError` for
    another suffix and for a face without a mesh.
    """
    path = Path(path)
    if path.suffix not in (".gif", ".html"):
        raise DataError(path, f"no share card as {path.suffix or 'a file without suffix'}", ".gif or .html")
    course = there_and_back(psi, FRAMES)
    faces = list(pictures(face, course, Shot(FACE, framing="head"), None, progress))
    with atomic_file(path) as temporary:
        if path.suffix == ".gif":
            card = _drawn(text)
            write_gif(temporary, (_with_face(card, one) for one in faces), FPS)
        else:
            temporary.write_text(_page(text, _webp(faces)), encoding="utf-8")
    return path


def _with_face(card: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """A card with the face in its place."""
    out, top = card.copy(), 16
    out[top : top + FACE, :FACE] = np.minimum(out[top : top + FACE, :FACE], picture)
    return out


def _drawn(text: CardText) -> np.ndarray:
    """(540, 960, 3) uint8 of a card without its face."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", SIZE, WHITE)
    draw = ImageDraw.Draw(image)
    y = 44
    for label in text.labels:
        width = draw.textlength(label, _font(17, bold=True)) + 22
        draw.rounded_rectangle((_TEXT_X, y, _TEXT_X + width, y + 30), 15, fill=(176, 80, 8))
        draw.text((_TEXT_X + 11, y + 15), label, WHITE, _font(17, bold=True), anchor="lm")
        y += 42
    y = _lines(draw, y, text.title, 27, _INK, bold=True, most=2) + 6
    y = _lines(draw, y, text.words, 18, _FAINT, most=3) + 16
    _figures(draw, y, text.numbers[:6])
    _scale(image, draw)
    _lines(draw, 468, text.source, 15, _FAINT, most=1)
    _lines(draw, 492, text.link, 15, _ACCENT, most=2)
    return np.array(image)


def _figures(draw, y: int, numbers: tuple[CardNumber, ...]) -> None:
    """Numbers in two columns."""
    for at, number in enumerate(numbers):
        x, row = _TEXT_X + (at % 2) * 216, y + (at // 2) * 76
        draw.text((x, row), _cut(draw, number.label, _font(15), 204), _FAINT, _font(15))
        draw.text((x, row + 19), _cut(draw, number.figure, _font(24, bold=True), 204), _INK, _font(24, bold=True))
        draw.text((x, row + 49), _cut(draw, number.note, _font(14), 204), _FAINT, _font(14))


def _scale(image, draw) -> None:
    """What the colours mean, below the face."""
    from PIL import Image

    colours = (heat_map() * 255).round().astype(np.uint8)[None].repeat(10, 0)
    x, y = 112, SIZE[1] - 26
    image.paste(Image.fromarray(colours).resize((150, 10)), (x, y - 5))
    draw.text((x - 8, y), "0", _FAINT, _font(14), anchor="rm")
    draw.text((x + 158, y), _scale_words(), _FAINT, _font(14), anchor="lm")


def _scale_words() -> str:
    return f"{SHARED_SCALE_MM:g} mm or more"


def _lines(draw, y: int, text: str, size: int, colour: tuple[int, int, int], *, bold: bool = False, most: int) -> int:
    """Text in at most so many lines; returns where it ends."""
    font, wide = _font(size, bold=bold), _RIGHT - _TEXT_X
    lines = _wrapped(draw, text, font, wide)
    if len(lines) > most:
        lines = [*lines[: most - 1], _cut(draw, " ".join(lines[most - 1 :]), font, wide)]
    for line in lines:
        draw.text((_TEXT_X, y), line, colour, font)
        y += round(size * 1.32)
    return y


def _wrapped(draw, text: str, font, wide: int) -> list[str]:
    """Lines no wider than `wide`; a word that is wider (an address) is broken."""
    letters = max(1, int(wide / max(draw.textlength("n", font), 1)))
    for width in range(2 * letters, 4, -1):
        lines = textwrap.wrap(text, width)
        if all(draw.textlength(line, font) <= wide for line in lines):
            return lines
    return [text]


def _cut(draw, text: str, font, wide: int) -> str:
    """A text that is no wider than `wide`."""
    short = text
    while len(short) > 2 and draw.textlength(short, font) > wide:
        short = f"{short[:-2].rstrip()}…"
    return short


def _font(size: int, *, bold: bool = False):
    """DejaVu Sans, which matplotlib brings along: the same letters on every machine."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def _webp(faces: list[np.ndarray]) -> bytes:
    """Pictures as an animated WebP that loops."""
    from PIL import Image

    first, *rest = [Image.fromarray(one) for one in faces]
    stream = io.BytesIO()
    first.save(
        stream, "WEBP", save_all=True, append_images=rest, duration=round(1000 / FPS), loop=0, quality=82, method=4
    )
    return stream.getvalue()


def _page(text: CardText, picture: bytes) -> str:
    """The card as a page. Everything that is not ours is escaped; no script, no request."""
    safe = {name: html.escape(getattr(text, name)) for name in ("title", "words", "source", "link")}
    numbers = "".join(
        f"<div><dt>{html.escape(one.label)}</dt><dd><b>{html.escape(one.figure)}</b> {html.escape(one.note)}</dd></div>"
        for one in text.numbers
    )
    labels = "".join(f"<span>{html.escape(label)}</span>" for label in text.labels)
    followed = f'<a href="{safe["link"]}">{safe["link"]}</a>' if text.link.startswith(("http://", "https://")) else ""
    colours = ",".join(f"rgb({r},{g},{b})" for r, g, b in (heat_map(13) * 255).round().astype(int).tolist())
    return _PAGE.format(
        **safe,
        labels=labels,
        numbers=numbers,
        followed=followed,
        colours=colours,
        most=_scale_words(),
        picture=base64.b64encode(picture).decode(),
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: #eef0f4; color: #181c26;
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
main {{ display: flex; flex-wrap: wrap; align-items: center; max-width: 980px; margin: 16px; background: #fff;
  border-radius: 14px; box-shadow: 0 2px 18px rgba(0, 0, 0, .12); }}
img {{ width: 480px; max-width: 100%; }}
section {{ flex: 1 1 340px; padding: 28px 32px 28px 16px; min-width: 0; }}
h1 {{ font-size: 27px; line-height: 1.2; margin: 8px 0; }}
p {{ margin: 6px 0; color: #5c6270; overflow-wrap: anywhere; }}
dl {{ display: grid; grid-template-columns: 1fr 1fr; gap: 12px 20px; margin: 18px 0; }}
dt {{ font-size: 13px; color: #5c6270; }} dd {{ margin: 0; font-size: 13px; color: #5c6270; }}
dd b {{ display: block; font-size: 22px; color: #181c26; }}
.labels span {{ background: #b05008; color: #fff; border-radius: 14px;
  padding: 3px 11px; font-size: 14px; font-weight: 600; }}
.scale {{ display: flex; align-items: center; gap: 8px; font-size: 13px; }}
.scale i {{ width: 150px; height: 9px; border-radius: 5px; background: linear-gradient(90deg, {colours}); }}
a {{ color: #3157c4; }}
</style></head>
<body><main><img alt="A face that moves from neutral to the codeword and back" src="data:image/webp;base64,{picture}">
<section><div class="labels">{labels}</div><h1>{title}</h1><p>{words}</p><dl>{numbers}</dl>
<p class="scale">0 <i></i> {most}</p><p>{source}</p><p>{followed}</p></section></main></body></html>
"""
