"""One small rating study, without a picture drawn."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dfe_core.ratings import making
from dfe_core.ratings.design import RatingSettings, Task
from dfe_core.ratings.store import RatingStudy
from tests.small_world import make_world


@pytest.fixture(scope="session")
def study_template(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache with the study ``s`` of the model ``m``."""
    from dfe_core.faces import save_face

    root = tmp_path_factory.mktemp("ratings") / "cache"
    (root / "faces").mkdir(parents=True)
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=3, frames=60)
    settings = RatingSettings(model="m", tasks=tuple(Task), items=4, checks=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_render", lambda face, psi, path: path.write_bytes(b"picture"))
        making.make_ratings(settings, "s", root=root)
    return root


@pytest.fixture
def study(study_template: Path, cache: Path) -> RatingStudy:
    """The study in $DFE_CACHE."""
    shutil.copytree(study_template, cache)
    return RatingStudy.open("s")
