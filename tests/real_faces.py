"""The real faces for tests: the default one from the project's cache, or built once per session; ICT from shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.faces import FaceModel, open_face
from dfe_core.store import artefact_path, cache_root


@pytest.fixture(scope="session")
def anny(tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    """The default face; all workers of a parallel run share one build."""
    from dfe_core.faces.library import anny_id

    root = cache_root()
    if not artefact_path("faces", anny_id() + ".npz", root).is_file():
        base = tmp_path_factory.getbasetemp()
        root = (base.parent if base.name.startswith("popen-") else base) / "face-cache"
    return open_face("anny", root)


@pytest.fixture(scope="session")
def ict_source(shared: Path) -> Path:
    """The compact npz of ICT-FaceKit: face, head and neck."""
    return shared / "data" / "ict_facekit" / "ict_face_head_neck.npz"


@pytest.fixture(scope="session")
def ict(ict_source: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    """ICT-FaceKit as a face."""
    return open_face(f"ict:{ict_source}", tmp_path_factory.mktemp("ict"))


@pytest.fixture(scope="session", params=["anny", "ict"])
def face(request: pytest.FixtureRequest) -> FaceModel:
    """Both topologies in turn."""
    return request.getfixturevalue(request.param)


def composed(face: FaceModel, **weights: float) -> np.ndarray:
    """(E,) an expression by the names of its coefficients."""
    psi = np.zeros(face.coefficients)
    for name, value in weights.items():
        psi[face.names.index(name)] = value
    return psi
