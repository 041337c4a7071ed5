"""Recordings that are coefficients already: onto the coefficients of a face that is there."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.adjusting import adjust
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import DatasetWriter, open_writer
from dfe_core.expressions.extractor_scales import common_scales, extractor_note, rescaled, tool
from dfe_core.expressions.growing import grow
from dfe_core.expressions.import_job import ImportAborted, ImportJob
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.resample import MAX_BRIDGED_GAP_S, resample
from dfe_core.faces import open_face
from dfe_core.faces.coefficients import BFM_ID, flame_id
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.progress import Progress
from dfe_core.store import cache_root

SPACES = ("arkit", "flame", "bfm", "landmarks", "mesh")
"""Families of coefficients that faces share; those of any other space are of the one face that it names."""
_OWN_MODELS = ("flame", "bfm")
"""Families whose face is the user's own file."""


class CoefficientImport:
    """The strategy of recordings that hold coefficients (`importing.ImportStrategy`): each is written as it is read, so
    that memory is one recording.

    With ``rest`` or ``pose_correction`` asked for, a staged dataset is written first, and `adjust` makes the final one.
    """

    task = "import"

    def __init__(self, job: ImportJob, files: Sequence[Path], stack: contextlib.ExitStack) -> None:
        self.job, self._stack = job, stack
        self.model: FaceModel | None = None
        if job.options.face != "anny":
            self.model = open_face(job.options.face, job.root)  # a wrong face is refused before an hour of reading
        mixed = job.options.mix_extractors
        self.scales = common_scales(self._each_recording(files)) if mixed else None
        self._writer: DatasetWriter | None = None
        self._first: tuple[Path, Recording] | None = None
        self._simulated = False
        self._extractors: dict[str, str] = {}
        self._tools: dict[str, Path] = {}

    def prepare(self, path: Path, recording: Recording, name: str) -> Recording:
        """The recording as the dataset takes it: named, on the face's coefficients, at the rate asked for."""
        recording = rescaled(recording, self.scales or {})
        self._check_space(path, recording)
        if self.model is None:
            self.model = self._open_face_of(recording)
        subject, session = self.job.person(path, recording, name)
        prepared = on_face(path, replace(recording, name=name, subject=subject, session=session), self.model)
        fps = self.job.options.fps
        return prepared if fps is None else resample(prepared, fps)

    def keep(self, path: Path, prepared: Recording) -> None:
        if self._writer is None:
            self._first = path, prepared
            self._writer = self._stack.enter_context(self._open_writer(prepared.names))
        self._simulated |= bool(prepared.source.get("simulated"))
        labels = self.job.labels.of(prepared.name, prepared.subject)
        self._writer.add(prepared, prepared.source.get("labels", {}) | labels)
        self._extractors.setdefault(prepared.extractor, path.name)
        if made_by := tool(prepared.space, prepared.extractor):
            self._tools.setdefault(made_by, path)
        self.job.add_imported(prepared)

    def finish(self) -> str:
        job, options = self.job, self.job.options
        if self._writer is None or self.model is None:
            raise DataError(job.name, "no recording to write", "one that can be read")
        job.notes += job.labels.unused()
        if len(self._extractors) > 1:
            job.notes.append(extractor_note(self.scales or {}, self._extractors))
        settings = {
            "rest": options.rest,
            "pose_correction": options.pose_method,
            "max_bridged_gap_s": MAX_BRIDGED_GAP_S,
            "time": None if job.read_options.time is None else asdict(job.read_options.time),
            "extractor": options.extractor,
            "extractor_scales": self.scales,
        }
        self._writer.close(job.manifest(self.model.id, settings, simulated=self._simulated))
        if job.growing is not None:
            staged = Dataset(self._writer.folder, excluding=False)
            grow(job.growing, staged, staged.manifest, job.root)
        elif self._adjusted:
            job.notes += adjust(
                Dataset(self._writer.folder, excluding=False),
                job.name,
                self.model,
                rest=options.rest,
                pose=options.pose_method,
                root=job.root,
                progress=job.progress,
            )
        return self.model.id

    def _each_recording(self, files: Sequence[Path]) -> Iterator[Recording]:
        """Every recording that can be read; the import itself will name the others."""
        found = self.job.read(files)
        for i, path in enumerate(files):
            self.job.progress(Progress(task="compare extractors", done=i, total=len(files), detail=path.name))
            yield from next(found).recordings

    @property
    def _adjusted(self) -> bool:
        """Whether ψ change once everything is read."""
        return self.job.options.rest != "keep" or self.job.options.pose_method != "none"

    @contextlib.contextmanager
    def _open_writer(self, names: tuple[str, ...]) -> Iterator[DatasetWriter]:
        """The writer of the dataset, or of the staged one that `adjust` makes the dataset of, or `grow` adds."""
        if not self._adjusted and self.job.growing is None:
            with open_writer(self.job.name, names, self.job.root) as writer:
                yield writer
            return
        root = self.job.root or cache_root()
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".importing-", dir=root) as folder:
            yield DatasetWriter(Path(folder), names, self.job.root)

    def _check_space(self, path: Path, recording: Recording) -> None:
        """Refuse what would make one coefficient mean two things in one dataset."""
        if self._first is None:
            return
        other, first = self._first
        if recording.space != first.space:
            raise ImportAborted(
                path,
                f"{recording.space} coefficients, but {other} holds {first.space} coefficients",
                "one kind a dataset: import them under two names",
            )
        self._check_tool(path, recording)
        own_space = self.job.options.face == "anny" and recording.space == "flame"
        if own_space and recording.names != first.names:
            raise ImportAborted(
                path,
                f"{_expressions(recording)} expression components, but {other} has {_expressions(first)}",
                "one number of components a dataset",
            )

    def _check_tool(self, path: Path, recording: Recording) -> None:
        made_by = tool(recording.space, recording.extractor)
        if not made_by or not self._tools or made_by in self._tools or self.scales is not None:
            return
        known, other = next(iter(self._tools.items()))
        how = "takes them as they are" if recording.space == "arkit" else "brings them to one range"
        raise ImportAborted(
            path,
            f"made by {made_by}, but {other} by {known}, and extractors differ in scale",
            f"one extractor a dataset, or --mix-extractors, which {how}",
        )

    def _open_face_of(self, recording: Recording) -> FaceModel:
        """The face asked for; for FLAME's or BFM's data and the default face, their coefficients without a mesh."""
        job, face, space = self.job, self.job.options.face, recording.space
        try:
            if space not in SPACES and face == "anny":
                return open_face(space, job.root, job.progress)
            if space not in _OWN_MODELS or face != "anny":
                return open_face(face, job.root, job.progress)
        except DataError as error:
            raise ImportAborted(error.where, error.found, error.expected) from None
        job.notes.append(
            f"{space.upper()} coefficients: trained and tokenised without a mesh. To see faces, "
            f"give your own licensed {space.upper()} file: --face {space}:PATH."
        )
        return open_face(BFM_ID if space == "bfm" else flame_id(_expressions(recording)), job.root)


def _expressions(recording: Recording) -> int:
    return sum(name.startswith("exp_") for name in recording.names)


def on_face(path: Path, recording: Recording, model: FaceModel) -> Recording:
    """ψ in the face's coefficients. Raises `DataError` when the face answers to none of the names."""
    if recording.space not in SPACES and recording.space != model.id:
        raise DataError(
            path,
            f"coefficients of the face {recording.space}, which mean nothing on {model.id}",
            "the face they were made for, its npz under faces/ of the cache",
        )
    if recording.names == model.names:
        return recording
    if recording.space in ("landmarks", "mesh"):
        raise DataError(
            path,
            f"positions of a {recording.space.removesuffix('s')} sequence, no coefficients",
            "--face learn, which makes a face of them, or --fit",
        )
    matrix, missing = coefficient_map(recording.names, model)
    if len(missing) == len(recording.names):
        raise DataError(
            path,
            f"{recording.space} coefficients, to which the face {model.id} does not answer",
            "--face flame:PATH or bfm:PATH (or none) for their own data, anny or ict:PATH for ARKit data",
        )
    lost = (f"The face {model.id} does not have: {', '.join(missing)}.",) if missing else ()
    permuted = np.array_equal(matrix, matrix.astype(bool)) and (matrix.sum(0) <= 1).all()
    psi = _gather(recording.psi, matrix) if permuted else recording.psi @ matrix
    return replace(
        recording, names=model.names, psi=psi.astype(np.float32, copy=False), notes=(*recording.notes, *lost)
    )


def _gather(psi: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``psi @ matrix`` where each column takes one coefficient or none: exact, and without the product."""
    out = np.zeros((len(psi), matrix.shape[1]), np.float32)
    filled = np.flatnonzero(matrix.any(0))
    out[:, filled] = psi[:, matrix[:, filled].argmax(0)]
    return out
