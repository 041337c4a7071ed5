"""Maps of codewords and of frames: jobs whose result is cached, seeded and comes with its quality; never live.

``analyses/map-<key>/`` holds points.parquet (what each point is, and x, y, z), for frames tokens.npz (of each point)
density.npz (of all frames), and, last, manifest.json: settings, sample size, quality, versions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, OpenedArtefact, newest_first, source_labels, sources_of_tokens
from dfe_core.artefact_names import MANIFEST, MAP, MODELS, keyed_name
from dfe_core.embedding import features as features_of
from dfe_core.embedding.clusters import cluster_places, middle_points
from dfe_core.embedding.cuml_ways import cuml_for
from dfe_core.embedding.extend import Density, Placer, density_of, density_of_all, held_out_error, nearest_place
from dfe_core.embedding.features import Features, FrameVectors
from dfe_core.embedding.quality import MapQuality, map_quality
from dfe_core.embedding.umap_layout import umap_layout
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import build_runs

VERSION = {"codewords": 3, "frames": 4}
AXES = ("x", "y", "z")
KINDS = {"codewords": ("deformation", "geodesic", "cooccurrence"), "frames": ("psi", "tokens")}
METHODS = ("umap", "pca", "umap-learn")
METHOD_NAMES = {"umap": "UMAP", "pca": "PCA", "umap-learn": "UMAP (umap-learn)"}
STEPS = 5
FEWEST = 5
NEIGHBOURS, MIN_DISTANCE = 15, 0.1


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """What is mapped and how.

    Attributes
    ----------
    dataset: may be empty for codewords by deformation: no recording is looked at.
    of, by: codewords by ``deformation`` (cosine of displacement fields), ``geodesic`` (the same, spread over the
        skin) or ``cooccurrence`` (sharing frames); frames by ``psi`` (distance of the faces) or ``tokens`` (bags).
    method: ``umap`` (McInnes, Healy & Melville 2018, `umap_layout`), ``pca``, the baseline, or ``umap-learn``, the
        authors' package, in one thread so that a seed repeats: the same graph, several times as long.
    sample: frames mapped at most, drawn at random.

    Raises `DataError` for a map that there is not.
    """

    model: str
    dataset: str = ""
    of: str = "codewords"
    by: str = "deformation"
    method: str = "umap"
    dimensions: int = 2
    seed: int = 0
    sample: int = 20000

    def __post_init__(self) -> None:
        if self.of not in KINDS or self.by not in KINDS[self.of]:
            raise DataError(
                f"map of {self.of} by {self.by}",
                "no such map",
                "; ".join(f"{of} by {', '.join(by)}" for of, by in KINDS.items()),
            )
        if self.method not in METHODS or self.dimensions not in (2, 3):
            raise DataError(
                f"map by {self.method} in {self.dimensions} dimensions",
                "no such map",
                f"{', '.join(METHODS)} in 2 or 3 dimensions",
            )
        if self.needs_tokens and not self.dataset:
            raise DataError(f"map of {self.of} by {self.by}", "no dataset named", "the dataset that was encoded")

    @property
    def needs_tokens(self) -> bool:
        """Whether the map is made from recordings."""
        return self.of == "frames" or self.by == "cooccurrence"


@dataclass(frozen=True)
class MapArtefact(OpenedArtefact):
    """A finished map.

    Its manifest holds settings, points, total, sampled, left_out, middles, quality, explained_variance, density,
    versions, cuml (its version where it computed on a GPU), seconds and statement.
    """

    path: Path

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row a point. Codewords: codeword, x, y (z) and the model's codeword table. Frames: recording, frame,
        time_s, x, y (z), codeword (the one that moves most), stage (its stage from 0, −1 at rest), error_mm, subject
        and label columns. Of both, last, cluster (`cluster_places`)."""
        return pd.read_parquet(self.path / "points.parquet")

    @property
    def middles(self) -> list[int]:
        """The point in the middle of each cluster, those of the largest cluster first."""
        return self.manifest["middles"]

    @property
    def quality(self) -> dict[str, Any]:
        """`MapQuality` as JSON."""
        return self.manifest["quality"]

    @property
    def statement(self) -> str:
        """The line to print under the map: what it shows, of how many, how far to believe it."""
        return self.manifest["statement"]

    @cached_property
    def density(self) -> dict[str, np.ndarray] | None:
        """Of all frames: counts (ny, nx) or (nz, ny, nx) int64, x_edges, y_edges and, in space, z_edges; None for
        codewords. How they came to be placed: ``manifest["density"]``, `Density`."""
        return self._arrays("density.npz")

    @cached_property
    def tokens(self) -> dict[str, np.ndarray] | None:
        """tokens (n, N) uint16 and intensities (n, N) float32 of the points of a map of frames, else None."""
        return self._arrays("tokens.npz")

    def _arrays(self, name: str) -> dict[str, np.ndarray] | None:
        path = self.path / name
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)


def open_map(settings: MapSettings, root: Path | None = None) -> MapArtefact | None:
    """The finished map of these settings and of the model and data as they are now, if there is one."""
    path = _path(settings, root)
    return MapArtefact(path) if is_whole(path) else None


def list_maps(model: str, root: Path | None = None) -> list[MapArtefact]:
    """Every finished map of a model, whatever the state of the model it was made from, newest first."""
    folder = artefact_path("analyses", "map", root).parent
    found = [MapArtefact(p) for p in newest_first(folder, MAP)]
    return [m for m in found if m.manifest["settings"]["model"] == model]


def build_map(
    settings: MapSettings, *, root: Path | None = None, progress: Listener = silent, face: FaceModel | None = None
) -> MapArtefact:
    """Make a map, or open it when it has been made before.

    face: the model's face; opened from the cache when None. Raises `DataError` for a missing model or dataset, or fewer
    than five points.
    """
    if (found := open_map(settings, root)) is not None:
        return found
    started = time.perf_counter()
    progress(Progress(task="map", done=0, total=STEPS, detail="reading"))
    vectors, features = _features(settings, root, face, progress)
    if len(features.vectors) < FEWEST:
        raise DataError(settings.model, f"{len(features.vectors)} points to map", f"at least {FEWEST}")
    progress(Progress(task="map", done=1, total=STEPS, detail=f"{settings.method} of {len(features.vectors):,} points"))
    places, explained, project = _place(features, settings, progress)
    progress(Progress(task="map", done=2, total=STEPS, detail="measuring the map"))
    quality = map_quality(features.vectors, places, features.metric, seed=settings.seed)
    progress(Progress(task="map", done=3, total=STEPS, detail="placing all frames"))
    density = None if vectors is None else _density(settings, vectors, features, places, project, root, progress)
    progress(Progress(task="map", done=4, total=STEPS, detail="writing"))
    told = _Told(
        quality=quality,
        explained=explained,
        total=_total(settings, root),
        cuml=cuml_for(len(features.vectors)) if settings.method == "umap" else None,
    )
    with atomic_directory(_path(settings, root)) as folder:
        _write(folder, settings, features, places, density, told, started)
    progress(Progress(task="map", done=STEPS, total=STEPS, detail="done"))
    return MapArtefact(_path(settings, root))


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What is said about a map: its quality, the variance its axes hold, how many points there could be, and the
    version of cuML where that computed it."""

    quality: MapQuality
    explained: float | None
    total: int
    cuml: str | None


def _features(
    settings: MapSettings, root: Path | None, face: FaceModel | None, progress: Listener
) -> tuple[FrameVectors | None, Features]:
    codebook = Codebook.open(settings.model, root)
    if face is None:
        from dfe_core.faces import open_face

        face = open_face(codebook.face_id, root)
    if settings.by in ("deformation", "geodesic"):
        return None, getattr(features_of, f"by_{settings.by}")(codebook, face)
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    if settings.by == "cooccurrence":
        return None, features_of.by_cooccurrence(codebook, build_runs(tokens, progress), seed=settings.seed)
    vectors = FrameVectors(by=settings.by, codebook=codebook, face=face, dataset=Dataset.open(settings.dataset, root))
    return vectors, features_of.of_frames(vectors, tokens, settings.sample, settings.seed)


def _place(
    features: Features, settings: MapSettings, progress: Listener
) -> tuple[np.ndarray, float | None, Placer | None]:
    """Places, the variance that the axes hold, and, where there is one, the projection that made them."""
    if settings.method == "pca":
        return _pca(features.vectors, settings)
    if settings.method == "umap-learn":
        return _umap_learn(features, settings), None, None
    places = umap_layout(
        _reducer(features.vectors, settings.seed)(features.vectors),
        metric=features.metric,
        dimensions=settings.dimensions,
        neighbours=min(NEIGHBOURS, len(features.vectors) - 1),
        seed=settings.seed,
        progress=progress,
    )
    return places, None, None


def _density(
    settings: MapSettings,
    vectors: FrameVectors,
    features: Features,
    places: np.ndarray,
    project: Placer | None,
    root: Path | None,
    progress: Listener,
) -> Density:
    """The density of all frames: by the map's own projection, or by the drawn frames most like them."""
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    if len(places) == tokens.frames:
        return density_of(places)
    if project is not None:
        return density_of_all(tokens, vectors, places, project, "projected", progress=progress)
    reduce = _reducer(features.vectors, settings.seed)
    known = reduce(features.vectors)
    error, held_out = held_out_error(known, places, features.metric, settings.seed)
    place = nearest_place(known, places, features.metric)
    return density_of_all(
        tokens,
        vectors,
        places,
        lambda asked: place(reduce(asked)),
        "nearest",
        error=error,
        held_out=held_out,
        progress=progress,
    )


def _pca(vectors: np.ndarray, settings: MapSettings) -> tuple[np.ndarray, float, Placer]:
    """Places on the first principal components, the share of variance they hold, and the projection."""
    from sklearn.decomposition import PCA

    dimensions = min(settings.dimensions, *vectors.shape)
    pca = PCA(dimensions, random_state=settings.seed)
    places = pca.fit_transform(vectors)
    spread = np.nan_to_num(pca.explained_variance_ratio_)
    missing = ((0, 0), (0, settings.dimensions - dimensions))
    return np.pad(places, missing), float(spread.sum()), lambda asked: np.pad(pca.transform(asked), missing)


def _umap_learn(features: Features, settings: MapSettings) -> np.ndarray:
    import warnings

    from umap import UMAP

    vectors = _reducer(features.vectors, settings.seed)(features.vectors)
    count = len(vectors)
    mapper = UMAP(
        n_components=settings.dimensions,
        metric=features.metric,
        random_state=settings.seed,
        n_neighbors=min(NEIGHBOURS, count - 1),
        min_dist=MIN_DISTANCE,
        n_jobs=1,
        init="spectral" if count > 4 * settings.dimensions + 8 else "random",
    )
    with _threads_kept(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(Spectral|spectral|connected components).*")
        return np.asarray(mapper.fit_transform(vectors), np.float64)


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Keep torch's number of threads: Numba's pool, begun by umap-learn, sets that of the OpenMP library they share,
    and what torch does later in the process would be a dozen times slower where others are at work."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _reducer(vectors: np.ndarray, seed: int, dimensions: int = 60) -> Placer:
    """Bags of hundreds of codewords on their first components, so that neighbours are found in seconds; the map's
    quality is measured against the whole bags."""
    if vectors.shape[1] <= 2 * dimensions:
        return np.asarray
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(min(dimensions, len(vectors) - 1), random_state=seed).fit(vectors).transform


def _write(
    folder: Path,
    settings: MapSettings,
    features: Features,
    places: np.ndarray,
    density: Density | None,
    told: _Told,
    started: float,
) -> None:
    table = features.rows.copy()
    for i in range(settings.dimensions):
        table.insert(min(1 + i, len(table.columns)), AXES[i], places[:, i].astype(np.float32))
    table["cluster"] = cluster_places(places).astype(np.int32)
    table.to_parquet(folder / "points.parquet", index=False)
    if features.tokens is not None and features.intensities is not None:
        np.savez_compressed(
            folder / "tokens.npz",
            tokens=features.tokens.astype(np.uint16),
            intensities=features.intensities.astype(np.float32),
        )
    if density is not None:
        edges: dict[str, Any] = {f"{axis}_edges": at for axis, at in zip(AXES, density.edges, strict=False)}
        np.savez_compressed(folder / "density.npz", counts=density.counts, **edges)
    sampled = settings.of == "frames" and len(table) < told.total
    said = statement(settings, len(table), told.total, len(features.left_out), told.quality, told.explained)
    write_json(
        folder / MANIFEST,
        {
            "version": VERSION[settings.of],
            **source_labels(*_sources(settings)),
            "settings": asdict(settings),
            "points": len(table),
            "total": told.total,
            "sampled": sampled,
            "left_out": features.left_out,
            "middles": middle_points(places, table["cluster"].to_numpy()).tolist(),
            "metric": features.metric,
            "quality": told.quality.as_json(),
            "explained_variance": told.explained,
            "density": None if density is None else density.as_json(),
            "seconds": round(time.perf_counter() - started, 2),
            "versions": dict(_versions()),
            "cuml": told.cuml,
            "statement": " ".join(
                [
                    said,
                    *([f"{density.statement}."] if density is not None else []),
                    *([f"Computed on a GPU by cuML {told.cuml}."] if told.cuml else []),
                ]
            ),
        },
    )


def statement(
    settings: MapSettings, points: int, total: int, left_out: int, quality: MapQuality, explained: float | None
) -> str:
    """One or two sentences for under the map."""
    what = (
        f"{points:,} {settings.of}"
        if points == total or settings.of == "codewords"
        else f"{points:,} of {total:,} frames, drawn at random (seed {settings.seed})"
    )
    parts = [f"{METHOD_NAMES[settings.method]} of {what} by {_BY[settings.by]}"]
    if left_out:
        parts[0] += f"; {left_out} that move nothing or never occur are left out"
    if explained is not None:
        parts.append(f"the axes hold {explained:.0%} of the variance")
    if quality.trustworthiness == quality.trustworthiness:
        over = "" if quality.points == points else f", measured on {quality.points:,} of the points"
        parts.append(
            f"trustworthiness {quality.trustworthiness:.2f}, {quality.neighbour_preservation:.0%} of "
            f"{quality.neighbours} neighbours preserved (chance {quality.chance:.1%}){over}"
        )
    return ". ".join(p[0].upper() + p[1:] for p in parts) + "."


_BY = {
    "deformation": "the cosine of their deformation",
    "geodesic": "their deformation spread over 10 mm of skin",
    "cooccurrence": "their co-occurrence",
    "psi": "the distance between faces",
    "tokens": "their tokens",
}


def _total(settings: MapSettings, root: Path | None) -> int:
    if settings.of == "frames":
        return TokenCache.open(settings.model, settings.dataset, root).frames
    return Codebook.open(settings.model, root).size


def _versions() -> Iterator[tuple[str, str]]:
    for package in ("umap-learn", "scikit-learn", "numpy"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "none"


def _path(settings: MapSettings, root: Path | None) -> Path:
    stamp = [VERSION[settings.of], _settings_that_matter(settings), Codebook.open(settings.model, root).key]
    if settings.needs_tokens:
        stamp.append(content_key(TokenCache.open(settings.model, settings.dataset, root).manifest))
    return artefact_path("analyses", keyed_name(MAP, content_key(stamp)), root)


def _sources(settings: MapSettings) -> tuple[ArtefactId, ...]:
    """What a map is made from: the codebook, and the tokens of a dataset where it shows or counts them."""
    if settings.needs_tokens and settings.dataset:
        return sources_of_tokens(settings.model, settings.dataset)
    return (ArtefactId(MODELS, settings.model),)


def _settings_that_matter(settings: MapSettings) -> dict[str, Any]:
    ignored = {"sample"} if settings.of == "codewords" else set()
    ignored |= set() if settings.needs_tokens else {"dataset"}
    return {name: value for name, value in asdict(settings).items() if name not in ignored}
