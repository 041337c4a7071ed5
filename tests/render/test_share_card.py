"""The share card: one small file that moves, with its numbers and its link, and nothing that asks for anything."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.render import share_card
from dfe_core.render.share_card import CardNumber, CardText, write_share_card

TEXT = CardText(
    title="Codeword 7: <b>Jaw</b> & lips",
    words="The jaw falls by 12 mm. " * 12,
    numbers=tuple(
        CardNumber(label=f"Label {i}", figure=f"{i} mm", note="of a note that is rather long") for i in range(6)
    ),
    source="Codebook default · data simulated · 24 people",
    link="http://localhost:8501/codebook?codeword=7&model=default&dataset=" + "long-name-" * 20,
    labels=("Simulated data",),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four flat pictures instead of drawn ones."""
    greys = [np.full((share_card.FACE, share_card.FACE, 3), grey, np.uint8) for grey in (250, 200, 120, 200)]
    monkeypatch.setattr(share_card, "pictures", lambda *asked: iter(greys))


def test_the_gif_moves_loops_and_shows_text_beside_the_face(toy_face: FaceModel, tmp_path: Path, drawn: None) -> None:
    path = write_share_card(toy_face, np.zeros(toy_face.coefficients), TEXT, tmp_path / "card.gif")
    with Image.open(path) as card:
        assert card.size == share_card.SIZE and card.n_frames == 4 and card.info["loop"] == 0
        first = np.asarray(card.convert("RGB")).astype(int)
        card.seek(2)
        third = np.asarray(card.convert("RGB")).astype(int)
    assert np.abs(first - third)[100:400, :400].mean() > 60
    beside = first[:, share_card.FACE + 30 :]
    assert (beside.min(2) < 90).mean() > 0.01  # letters
    assert (np.abs(first[:, -8:] - 255) < 12).all()  # nothing runs over the edge
    assert path.stat().st_size < 2e6


def test_the_page_is_whole_escapes_and_asks_nobody(toy_face: FaceModel, tmp_path: Path, drawn: None) -> None:
    path = write_share_card(toy_face, np.zeros(toy_face.coefficients), TEXT, tmp_path / "card.html")
    text = path.read_text(encoding="utf-8")
    assert "<b>Jaw</b>" not in text and html.escape(TEXT.title) in text
    assert f'href="{html.escape(TEXT.link)}"' in text
    assert all(f"<b>{one.figure}</b>" in text for one in TEXT.numbers) and "Simulated data" in text
    assert re.findall(r'src="([^"]{22})', text) == ["data:image/webp;base64"]
    assert "default-src 'none'" in text and "<script" not in text
    assert path.stat().st_size < 2e6


def test_a_link_that_is_no_address_of_a_page_is_not_followed(toy_face: FaceModel, tmp_path: Path, drawn: None) -> None:
    text = CardText(title="A", link="javascript:alert(1)")
    path = write_share_card(toy_face, np.zeros(toy_face.coefficients), text, tmp_path / "card.html")
    assert "<a " not in path.read_text(encoding="utf-8")


def test_another_ending_is_refused(toy_face: FaceModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.gif or \.html"):
        write_share_card(toy_face, np.zeros(toy_face.coefficients), TEXT, tmp_path / "card.pdf")
