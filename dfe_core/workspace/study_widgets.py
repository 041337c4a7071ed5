"""Pictures of one codebook over one dataset for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.tokenizer.codebook import REST
from dfe_core.workspace.study_opened import OpenedStudy

if TYPE_CHECKING:
    from dfe_core.notebook.widgets import CodewordWidget, GalleryWidget, MapWidget, PlayerWidget


class StudyWidgets(OpenedStudy):
    """What a notebook shows of a codebook over a dataset; needs ``dfe[notebook]``."""

    def codeword_widget(self, codeword: int, *, height: int = 320) -> CodewordWidget:
        """Show a codeword in a notebook as a face that moves and can be turned; needs ``dfe[notebook]``.

        Parameters
        ----------
        codeword
            0 … K−1; the widget's ``codeword`` changes it.
        height
            Of the picture, CSS pixels.

        Returns
        -------
        CodewordWidget
            Displayed where it is the value of a cell.

        Raises
        ------
        DataError
            For another number, for a face without a mesh, and where anywidget is not installed.
        """
        widgets = _widgets()
        return widgets.CodewordWidget(self.codebook, self.face, codeword, height)

    def gallery_widget(self, codewords: Sequence[int] | None = None, *, height: int = 420) -> GalleryWidget:
        """Show codewords in a notebook as cards to click and select; needs ``dfe[notebook]``.

        Parameters
        ----------
        codewords
            Which, in their order (default: all but codeword 0, those of most frames first).
        height
            Of the box that scrolls, CSS pixels.

        Returns
        -------
        GalleryWidget
            ``codeword`` is the open card, ``chosen`` the selected ones.

        Raises
        ------
        DataError
            For a number that is no codeword, and where anywidget is not installed.
        """
        widgets, table = _widgets(), self.codebook.table
        if codewords is None:
            order = table.sort_values("uses", ascending=False, kind="stable") if "uses" in table else table
            codewords = [int(k) for k in order["codeword"] if k != REST]
        return widgets.GalleryWidget(self.codebook, self.face, list(codewords), height=height, root=self.root)

    def player_widget(
        self, recording: str | None = None, *, time_s: float = 0.0, part: int = 0, height: int = 320
    ) -> PlayerWidget:
        """Show a recording in a notebook beside what its tokens rebuild, with its timeline; needs ``dfe[notebook]``.

        Parameters
        ----------
        recording
            Its name (default: the first one).
        time_s
            Where the player begins, s.
        part
            Of recordings longer than five minutes at 30 frames a second, which part.
        height
            Of the pictures, CSS pixels.

        Returns
        -------
        PlayerWidget
            ``time_s`` is where it is, and ``recording`` can be set.

        Raises
        ------
        DataError
            For a recording that is not there or has no tokens, and where anywidget is not installed.
        """
        widgets = _widgets()
        name = recording or str(self.dataset.recordings["recording"].iloc[0])
        return widgets.PlayerWidget(
            self.codebook,
            self.face,
            self.dataset,
            self.token_cache,
            recording=name,
            time_s=time_s,
            part=part,
            height=height,
        )

    def map_widget(
        self, of: str = "codewords", *, by: str | None = None, method: str = "umap", height: int = 420
    ) -> MapWidget:
        """Show codewords or frames in a notebook as a map to click and draw around; needs ``dfe[notebook]``.

        Parameters
        ----------
        of
            ``codewords`` or ``frames``.
        by
            What makes two near each other, as in ``dfe map --by`` (default: the displacement, the face).
        method
            ``umap`` or ``pca``; the map is made where it is missing.
        height
            Of the picture, CSS pixels.

        Returns
        -------
        MapWidget
            ``chosen`` are the selected codewords, ``moments`` the selected points.

        Raises
        ------
        DataError
            For a map that there is not, and where anywidget is not installed.
        """
        from dfe_core.embedding.maps import MapSettings, build_map

        widgets, frames = _widgets(), of == "frames"
        settings = MapSettings(
            model=self.codebook.model,
            dataset=self.dataset.name if frames or by == "cooccurrence" else "",
            of=of,
            by=by or ("psi" if frames else "deformation"),
            method=method,
        )
        made = build_map(settings, root=self.root, face=self.face, progress=self.progress)
        return widgets.MapWidget(self.codebook, self.face, made, self.dataset if frames else None, height)


def _widgets() -> Any:
    """The module of widgets. Raises `DataError` where the package that runs them is not installed."""
    try:
        from dfe_core.notebook import widgets
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise DataError(str(error.name), "not installed", "pip install 'dfe[notebook]'") from None
    return widgets
