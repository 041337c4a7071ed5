"""A model that fills gaps: what it knows of a face and its people, the network, and the ways it is compared with.

Letters of the shapes: T frames, E coefficients, S states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from dfe_core.faces.model import FaceModel
from dfe_core.faces.region_graph import region_graph
from dfe_core.gaps.network import GapNetwork
from dfe_core.gaps.observation import HALVES, Observation, hide_coefficients, hide_half, see_all, see_nothing
from dfe_core.gaps.planting import COEFFICIENTS, GapKind, kinds_of
from dfe_core.gaps.rivals import GapRidge
from dfe_core.gaps.series import LOST, Bases, Stretch, bases
from dfe_core.gaps.settings import FillScore


@dataclass(frozen=True, eq=False, kw_only=True)
class GapModel:
    """What fills the gaps of a face's recordings.

    scale (E,): spread of a coefficient about each person's mean. straying (L, E): `own_spread.straying` of all people.
    covariance (E, E): of ψ about each person's mean. observations: of each kind of part that is hidden, by name, in the
    order of their states from 1. quantiles: by kind, what the
    network's spread is multiplied with for a 90 % interval. methods: the way chosen for a kind. verdicts: the table
    behind the choice.
    """

    scale: np.ndarray
    straying: np.ndarray
    covariance: np.ndarray
    observations: Mapping[str, Observation]
    network: GapNetwork
    ridge: GapRidge
    methods: Mapping[str, str] = field(default_factory=dict)
    quantiles: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    verdicts: tuple[FillScore, ...] = ()

    @property
    def kinds(self) -> tuple[GapKind, ...]:
        """The kinds of gaps that it was calibrated on, or will be."""
        return kinds_of(dict(self.observations))

    def state_of(self, hides: str) -> int:
        """The number of what is hidden: ``frames`` are lost, others are partly seen."""
        return LOST if hides == "frames" else 1 + list(self.observations).index(hides)

    def bases(self, stretch: Stretch, extra: Observation | None = None) -> Bases:
        """What a stretch's frames are taken for before the network; `extra` is an observation more."""
        parts = [*self.observations.values(), *([extra] if extra is not None else [])]
        count = len(self.scale)
        all_parts = [see_all(count), *parts, see_nothing(count)]
        return bases(stretch, np.stack([p.weights for p in all_parts]), np.stack([p.unknown for p in all_parts]))

    def predict(self, stretch: Stretch, method: str, found: Bases | None = None) -> np.ndarray:
        """(T, E) ψ about the person's mean by one of `METHODS`."""
        found = found or self.bases(stretch)
        if method == "linear":
            return found.interpolated
        if method == "mean":
            return np.zeros_like(found.interpolated)
        if method == "ridge":
            return self.ridge.fill(np.asarray(stretch.psi, np.float32), stretch.state, stretch.rate, found)
        return self.correct(stretch, found)[0]

    def correct(self, stretch: Stretch, found: Bases) -> tuple[np.ndarray, np.ndarray]:
        """(T, E) ψ by the network, and (T, E) the spread that it expects of what is left."""
        with torch.inference_mode():
            parts = [torch.as_tensor(part)[None] for part in inputs_of(found, stretch.activity)]
            correction, spread = self.network(*parts)
        return found.estimate + correction[0].numpy(), np.exp(spread[0].numpy())


def inputs_of(found: Bases, activity: float) -> tuple[np.ndarray, ...]:
    """The network's inputs of one stretch, float32."""
    moments = np.stack([found.since, found.until, np.full_like(found.since, activity)], 1)
    return found.estimate, found.from_rest, found.interpolated, found.unknown, found.spread, moments


def parts_of(face: FaceModel, covariance: np.ndarray, blind: np.ndarray | None = None) -> dict[str, Observation]:
    """The parts of a face that can be hidden, by name: halves, and the coefficients that are `blind` (E,) bool."""
    found = {half: hide_half(face, covariance, half) for half in HALVES}
    parts = {name: part for name, part in found.items() if part is not None}
    return parts | ({COEFFICIENTS: hide_coefficients(covariance, blind)} if blind is not None and blind.any() else {})


def new_network(face: FaceModel, covariance: np.ndarray, width: int, seed: int) -> GapNetwork:
    """An untrained network of a face, which corrects nothing."""
    graph = region_graph(face, covariance)
    torch.manual_seed(seed)
    scale = torch.as_tensor(spread_of(covariance), dtype=torch.float32)
    return GapNetwork(torch.as_tensor(graph.features), torch.as_tensor(graph.adjacency), scale, width)


def spread_of(covariance: np.ndarray) -> np.ndarray:
    """(E,) spread of each coefficient, those that hardly move counting as a hundredth of the mean energy."""
    own = np.diag(covariance)
    return np.sqrt(np.maximum(own, 0.01 * own.mean()) + 1e-12)
