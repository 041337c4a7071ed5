"""The one thread that draws: VTK windows leak when each thread opens its own, and belong to the thread that did."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dfe_core.faces.model import FaceModel
from dfe_core.render.studio import Shot, Studio

Result = TypeVar("Result")
STUDIOS = 3  # windows kept open, the least used is closed for the next

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dfe-render")
_open: OrderedDict[tuple, Studio] = OrderedDict()


def with_studio(face: FaceModel, shot: Shot, work: Callable[[Studio], Result]) -> Result:
    """Run `work` on the render thread with the studio of a face and shot, opened once and kept; wait for its result.

    Safe from any thread; calls take turns, so keep `work` short (one picture, not a gallery).
    """
    return _thread.submit(lambda: work(_studio(face, shot))).result()


def _studio(face: FaceModel, shot: Shot) -> Studio:
    key = (face.look_key, face.template.shape, float(face.template.sum()), float(face.basis.sum()), shot)
    if key not in _open:
        while len(_open) >= STUDIOS:
            _open.popitem(last=False)[1].close()
        _open[key] = Studio(face, shot)
    _open.move_to_end(key)
    return _open[key]
