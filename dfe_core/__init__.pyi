from collections.abc import Sequence
from pathlib import Path

from dfe_core.errors import DataError as DataError
from dfe_core.expressions.dataset import Dataset as Dataset
from dfe_core.faces.library import open_face as open_face
from dfe_core.faces.model import FaceModel as FaceModel
from dfe_core.progress import Listener
from dfe_core.tokenizer.codebook import Codebook as Codebook
from dfe_core.tokenizer.codeword import Codeword as Codeword
from dfe_core.workspace.functions import encode as encode
from dfe_core.workspace.functions import evaluate as evaluate
from dfe_core.workspace.functions import open_codebook as open_codebook
from dfe_core.workspace.functions import open_dataset as open_dataset
from dfe_core.workspace.functions import train as train
from dfe_core.workspace.study import Study as Study
from dfe_core.workspace.workspace import Workspace as Workspace

__version__: str
__all__: list[str]

def simulate(
    name: str = "simulated",
    *,
    subjects: int = 24,
    minutes_per_subject: float = 4.0,
    seed: int = 0,
    effect: str | Path | None = None,
    root: Path | None = None,
    progress: Listener = ...,
) -> Dataset: ...
def import_recordings(
    paths: str | Path | Sequence[str | Path],
    *,
    name: str,
    face: str = "anny",
    labels: str | Path | None = None,
    events: str | Path | None = None,
    format: str = "auto",
    subject_pattern: str | None = None,
    fps: float | None = None,
    time: str | None = None,
    extractor: str | None = None,
    mix_extractors: bool = False,
    pose_correction: str | None = None,
    stills: bool = False,
    rest: str = "keep",
    add: bool = False,
    normaliser: str | None = None,
    point_regions: str | Path | None = None,
    landmark_layout: str = "auto",
    simulated: bool = False,
    root: str | Path | None = None,
    progress: Listener = ...,
) -> Dataset: ...
