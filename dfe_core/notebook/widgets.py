"""Widgets of a notebook (anywidget): they run in Jupyter, VS Code and marimo, from the dashboard's own JavaScript.

Needs ``pip install 'dfe[notebook]'``. A `dfe_core.workspace.study.Study` makes them; their traits can be read, set,
observed and linked like those of any other widget.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from dfe_core.embedding.maps import MapArtefact
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.notebook import facts as facts_of
from dfe_core.notebook import still_pictures
from dfe_core.notebook.facts import ViewFacts
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

_SCRIPT = (Path(__file__).parent / "static" / "widget.js").read_text(encoding="utf-8")
NO_POINT = -1


class FaceWidget(anywidget.AnyWidget):
    """What the widgets share: the script, what it draws, and the picture in its place where no widget runs."""

    _esm = _SCRIPT
    kind = traitlets.Unicode().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    packs = traitlets.Dict().tag(sync=True)
    codeword = traitlets.Int(0, help="The open codeword; 0 for none.").tag(sync=True)

    def __init__(self, kind: str, made: ViewFacts, **state: Any) -> None:
        super().__init__(kind=kind, facts=made.facts, packs=made.packs, **state)

    def still(self) -> bytes:
        """The widget as it is, as a PNG file: each kind of widget draws its own."""
        raise NotImplementedError(self.kind)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        if data is None:
            return bundle
        try:
            picture = base64.b64encode(self.still()).decode()
        except (DataError, RuntimeError, OSError):  # no picture can be drawn here: the widget still can
            return bundle
        made = {**data, "image/png": picture}
        return (made, *rest) if rest else made

    def _give(self, made: ViewFacts) -> None:
        """Other facts; the bytes are there before the facts that name them."""
        self.packs = made.packs
        self.facts = made.facts


class CodewordWidget(FaceWidget):
    """A face that moves from neutral to a codeword and back: turned, slowed and coloured by hand.

    Attributes
    ----------
    codeword
        The codeword that is shown.
    """

    def __init__(self, codebook: Codebook, face: FaceModel, codeword: int, height: int = 320) -> None:
        self._of = codebook, face
        facts_of.checked_codewords(codebook, [codeword])
        super().__init__("codeword", facts_of.codeword_facts(codebook, face, height), codeword=codeword)

    def still(self) -> bytes:
        return still_pictures.codeword_still(*self._of, self.codeword)


class GalleryWidget(FaceWidget):
    """Codewords as cards: a click opens one, Ctrl and a click selects it beside others, arrow keys walk.

    Attributes
    ----------
    codeword
        The card that is open.
    chosen
        The cards that are selected.
    """

    chosen = traitlets.List(traitlets.Int(), help="The selected codewords.").tag(sync=True)

    def __init__(
        self,
        codebook: Codebook,
        face: FaceModel,
        codewords: list[int],
        *,
        height: int = 420,
        root: Path | None = None,
    ) -> None:
        if not codewords:
            raise DataError(codebook.model, "no codeword to show", "one or more")
        self._of, self._codewords, self._root = (codebook, face), codewords, root
        super().__init__("gallery", facts_of.gallery_facts(codebook, face, codewords, height))

    def still(self) -> bytes:
        return still_pictures.gallery_still(*self._of, self._codewords, self._root)


class PlayerWidget(FaceWidget):
    """A recording beside the face that its tokens rebuild, with the timeline of its codewords.

    Attributes
    ----------
    recording
        The recording that is shown; another one can be set.
    time_s
        Where the player is, s.
    stages
        How many stages the reconstruction sums.
    codeword
        The codeword that was clicked beside the faces.
    chosen
        The codewords that are highlighted on the timeline.
    """

    recording = traitlets.Unicode(help="The recording that is shown.")
    chosen = traitlets.List(traitlets.Int(), help="The highlighted codewords.").tag(sync=True)
    time_s = traitlets.Float(0.0, help="Where the player is, s.").tag(sync=True)
    stages = traitlets.Int(0, help="Stages of the reconstruction.").tag(sync=True)

    def __init__(
        self,
        codebook: Codebook,
        face: FaceModel,
        dataset: Dataset,
        tokens: TokenCache,
        *,
        recording: str,
        time_s: float = 0.0,
        part: int = 0,
        height: int = 320,
    ) -> None:
        self._of, self._data, self._height = (codebook, face), (dataset, tokens), height
        self._part = facts_of.recording_part(codebook, face, dataset, tokens, recording, part)
        super().__init__("player", self._facts(), recording=recording, time_s=time_s, stages=codebook.stages)
        self.observe(self._opened, "recording")

    def mark(self, moments: pd.DataFrame) -> None:
        """Mark frames on the timeline.

        Parameters
        ----------
        moments
            recording and frame of each; those of other recordings are passed over.
        """
        here = moments.loc[moments["recording"].astype(str) == self.recording, "frame"]
        self._give(self._facts(np.flatnonzero(np.isin(self._part.frame, here.to_numpy()))))

    def still(self) -> bytes:
        return still_pictures.player_still(*self._of, self._part, self.time_s)

    def _facts(self, marks: Any = ()) -> ViewFacts:
        return facts_of.player_facts(*self._of, self._part, self._data[1].levels, self._height, marks)

    def _opened(self, change: Any) -> None:
        self._part = facts_of.recording_part(*self._of, *self._data, str(change["new"]))
        self._give(self._facts())


class MapWidget(FaceWidget):
    """Codewords or frames as points, near each other where they are alike: hovered, clicked, drawn around.

    Attributes
    ----------
    codeword
        The codeword that was clicked; of a map of frames, the one that moves the clicked frame most.
    chosen
        The codewords that were drawn around, or clicked with Ctrl; of a map of frames, those of the selected frames.
    point
        Of a map of frames, the row of `points` that was clicked; −1 for none.
    frames
        Of a map of frames, the rows of `points` that were drawn around.
    """

    chosen = traitlets.List(traitlets.Int(), help="The selected codewords.").tag(sync=True)
    point = traitlets.Int(NO_POINT, help="The clicked row of points.").tag(sync=True)
    frames = traitlets.List(traitlets.Int(), help="The selected rows of points.").tag(sync=True)

    def __init__(
        self, codebook: Codebook, face: FaceModel, of: MapArtefact, dataset: Dataset | None, height: int = 420
    ) -> None:
        self.points = of.points
        self._regions = codebook.table["region"].astype(str).to_numpy()[of.points["codeword"]]
        super().__init__("map", facts_of.map_facts(codebook, face, of, dataset, height))
        if dataset is not None:
            self.observe(self._clicked, "point")
            self.observe(self._selected, "frames")

    @property
    def moments(self) -> pd.DataFrame:
        """The selected rows of `points`; of a map of frames recording, frame and time_s (s) are among the columns."""
        if self.facts["of"] == "codewords":
            return self.points[self.points["codeword"].isin(self.chosen)]
        return self.points.iloc[self.frames]

    def still(self) -> bytes:
        places = self.points[[axis for axis in ("x", "y") if axis in self.points]].to_numpy(np.float32)
        return still_pictures.map_still(ViewFacts(facts=self.facts), places, self._regions.tolist())

    def _clicked(self, change: Any) -> None:
        if 0 <= change["new"] < len(self.points):
            self.codeword = int(self.points["codeword"].iloc[change["new"]])

    def _selected(self, change: Any) -> None:
        counts = self.points.iloc[change["new"]]["codeword"].value_counts()
        self.chosen = [int(k) for k in counts.index if k][:_STRONGEST]


_STRONGEST = 12
"""Codewords of selected frames that are selected with them, the most frequent."""


def link_selection(*widgets: FaceWidget) -> Callable[[], None]:
    """Let widgets of one codebook share the open and the selected codewords.

    A player also follows a map of frames: the clicked frame opens in it, and selected frames are marked on its
    timeline.

    Parameters
    ----------
    *widgets
        Two or more.

    Returns
    -------
    callable
        Ends it.
    """
    ends: list[Callable[[], None]] = []
    for trait in ("codeword", "chosen"):
        sharing = [widget for widget in widgets if widget.has_trait(trait)]
        ends += [traitlets.link((sharing[0], trait), (one, trait)).unlink for one in sharing[1:]]
    for chart in (one for one in widgets if isinstance(one, MapWidget) and one.facts["of"] == "frames"):
        ends += [_follow(chart, player) for player in widgets if isinstance(player, PlayerWidget)]

    def end() -> None:
        for unlink in ends:
            unlink()

    return end


def _follow(chart: MapWidget, player: PlayerWidget) -> Callable[[], None]:
    def clicked(change: Any) -> None:
        if 0 <= change["new"] < len(chart.points):
            row = chart.points.iloc[change["new"]]
            player.recording = str(row["recording"])
            player.time_s = float(row["time_s"])

    def selected(_: Any) -> None:
        player.mark(chart.moments)

    chart.observe(clicked, "point")
    chart.observe(selected, "frames")

    def end() -> None:
        chart.unobserve(clicked, "point")
        chart.unobserve(selected, "frames")

    return end
