"""One codeword of a codebook: what it does to the face, in millimetres, words and a figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dfe_core.faces.figure import mesh_figure
from dfe_core.faces.model import FaceModel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False, kw_only=True)
class Codeword:
    """A codeword, as ``codebook[index]`` gives it.

    Attributes
    ----------
    codebook
        Name of the codebook.
    index
        0 … K−1; 0 deforms nothing.
    psi : (E,) float32
        The expression coefficients at intensity 1.
    face
        The face that it deforms.
    facts
        Its row of ``codebook.table``: region, side, peak_mm, uses, share_of_frames …
    """

    codebook: str
    index: int
    psi: np.ndarray
    face: FaceModel
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What moves, where and which way, in words; empty where the codebook has none."""
        return str(self.facts.get("description") or "")

    def displacement_mm(self, intensity: float = 1.0) -> np.ndarray:
        """Displacement of each vertex from neutral.

        Parameters
        ----------
        intensity
            Intensity of the codeword.

        Returns
        -------
        (V, 3) float32
            x, y, z in mm. V is 0 without a mesh.
        """
        return 1e3 * self.face.displacement(intensity * self.psi)

    def show(self, intensity: float = 1.0) -> Figure:
        """Draw the deformed face, coloured by displacement.

        Parameters
        ----------
        intensity
            Intensity of the codeword.

        Returns
        -------
        plotly.graph_objects.Figure
            Displayed where it is the value of a notebook's cell.

        Raises
        ------
        DataError
            For a face without a mesh.
        """
        title = f"{self.codebook}, codeword {self.index}: {self.description}".removesuffix(": ")
        return mesh_figure(self.face, self.face.displacement(intensity * self.psi), title)

    def __repr__(self) -> str:
        return f"Codeword({self.codebook!r}, {self.index}, {self.description!r})"
