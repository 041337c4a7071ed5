"""FLAME's jaw: linear blend skinning with pose correctives (Li et al. 2017, eq. 2 to 5), and the nearest linear
coefficients, for the decoder adds what its codewords do.

Opening goes one way, so that ``jaw_x`` is the chord of the turn at `CHORD` radians: exact there, and off by what a
straight line misses of an arc elsewhere. ``jaw_y`` and ``jaw_z`` go both ways: the odd part of their turns at `CHORD`,
so that left and right stay mirror images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

CHORD = 0.2
"""Radians; a jaw that is well open in speech."""
ANGLES = (0.1, 0.2, 0.3, 0.4)
"""Radians at which what is missed is measured."""
FEATURES = 18
"""Pose features that a file of correctives has at least: nine a joint, the neck's and then the jaw's."""
_JOINT = 2  # root, neck, jaw, left eye, right eye
_OWN = slice(9, 18)


@dataclass(frozen=True, eq=False, kw_only=True)
class Jaw:
    """The jaw of a FLAME model.

    template: (V, 3) m. regressor: (5, V). weights: (V, 5). correctives: (V, 3, P ≥ 18), None where the file has none.
    """

    template: np.ndarray
    regressor: np.ndarray
    weights: np.ndarray
    correctives: np.ndarray | None = None

    @cached_property
    def joint(self) -> np.ndarray:
        """(3,) m, the place that it turns about."""
        return (self.regressor @ self.template)[_JOINT]

    def displacement(self, turn: np.ndarray) -> np.ndarray:
        """(3,) axis-angle, radians, to (V, 3) m: as FLAME moves the template. No other joint hangs on the jaw."""
        rotation = _rotation(np.asarray(turn, np.float64))
        shaped = (
            self.template
            if self.correctives is None
            else self.template + self.correctives[..., _OWN] @ (rotation - np.eye(3)).ravel()
        )
        offset = shaped - self.joint
        return shaped + self.weights[:, _JOINT, None] * (offset @ rotation.T - offset) - self.template

    def directions(self) -> np.ndarray:
        """(3, V, 3) m per radian: the linear coefficients ``jaw_x``, ``jaw_y``, ``jaw_z``."""
        there = [self.displacement(CHORD * axis) for axis in np.eye(3)]
        back = [self.displacement(-CHORD * axis) for axis in np.eye(3)]
        return np.stack([there[0], *((t - b) / 2 for t, b in zip(there[1:], back[1:], strict=True))]) / CHORD

    def missed_mm(self, angle: float) -> tuple[float, float]:
        """What ``jaw_x`` misses of the jaw opened by so many radians: root mean square over the vertices that move
        (by 0.1 mm or more), and the largest."""
        exact = self.displacement(np.array([angle, 0, 0]))
        off = 1e3 * np.linalg.norm(exact - angle * self.directions()[0], axis=1)
        moved = np.linalg.norm(exact, axis=1) >= 1e-4
        return (float(np.sqrt((off[moved] ** 2).mean())), float(off.max())) if moved.any() else (0.0, 0.0)

    def notes(self) -> tuple[str, ...]:
        """What to know of it, with its figures."""
        figures = ", ".join(
            f"{rms:.1f} (largest {most:.1f}) mm at {angle:g}"
            for angle in ANGLES
            for rms, most in (self.missed_mm(angle),)
        )
        how = "with" if self.correctives is not None else "without"
        return (
            f"The jaw is a linear coefficient, true to linear blend skinning {how} pose correctives at {CHORD:g} "
            f"rad; a jaw opened by other angles is off by {figures} rad, root mean square over what moves.",
        )


def _rotation(turn: np.ndarray) -> np.ndarray:
    """(3, 3) of an axis-angle vector (Rodrigues)."""
    angle = float(np.linalg.norm(turn))
    x, y, z = turn / angle if angle else (0.0, 0.0, 0.0)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
