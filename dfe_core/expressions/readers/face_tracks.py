"""Which face is which from frame to frame, by where it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def follow_faces(places: Sequence[np.ndarray]) -> list[list[int]]:
    """The number of each face of each frame, 0 the first one seen.

    Parameters
    ----------
    places: per frame (n, 3), where each of its n faces is, in any unit.

    Faces keep the numbers that move all of them least in total (Kuhn 1955). A frame with more faces than were ever
    seen together gives new numbers to those that are furthest; a face that is lost keeps its number and its place.
    """
    from scipy.optimize import linear_sum_assignment

    known = np.empty((0, 3))
    owners: list[list[int]] = []
    for frame in places:
        own = [-1] * len(frame)
        if len(frame) and len(known):
            distance = np.linalg.norm(np.nan_to_num(frame)[:, None] - known[None], axis=2)
            for face, number in zip(*linear_sum_assignment(distance), strict=True):
                own[face] = int(number)
        for face, number in enumerate(own):
            if number < 0:
                own[face] = len(known)
                known = np.concatenate([known, np.nan_to_num(frame[face : face + 1])])
            else:
                known[number] = np.nan_to_num(frame[face])
        owners.append(own)
    return owners
