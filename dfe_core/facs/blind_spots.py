"""What a tool cannot see: coefficients and AUs that never move, sit at the end of their scale or move with the head, by
extractor and dataset.

Found from the data alone. A coefficient that never moves in any recording is no evidence that no face moved:
MediaPipe's cheekSquint, noseSneer and mouthFrown stand still in smiling and frowning people.

Letters of the shapes: T frames, E coefficients, A AUs, R recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact import source_labels
from dfe_core.artefact_names import BLIND_SPOTS, MANIFEST, keyed_name
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose, quadratic
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.facs.aggregates import load_or_none
from dfe_core.facs.store import AlignedAus
from dfe_core.ontology import COEFFICIENTS
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.text_enum import StrEnum

VERSION = 1
LEAST_RANGE, LEAST_EXTREMES = 0.01, 0.1
"""A coefficient never moves when its 1st and 99th percentile lie closer than the first of these shares of the scale,
and its least and largest of a thousand frames closer than the second: what is rare does move. The scale is 1 for
ARKit's coefficients, else the median range of all coefficients."""
TOP, TOP_SHARE = 0.99, 0.05
"""A coefficient of ARKit's sits at the end of its scale when more than this share of frames reach `TOP`."""
WITH_POSE = 0.5
"""A coefficient (or AU) moves with the head when a quadratic of its rotation explains more than this share of its
variance within recordings, above the share under circular shifts."""

_MOST_FRAMES = 200_000
_SHIFTS = 4
_FEWEST_FRAMES = 100


class Sight(StrEnum):
    """What became of a coefficient or an AU."""

    MOVES = "moves"
    NEVER_MOVES = "never moves"
    SATURATES = "saturates"
    MOVES_WITH_POSE = "moves with pose"


@dataclass(frozen=True, kw_only=True, eq=False)
class BlindSpots:
    """What `find_blind_spots` found.

    coefficients: extractor, coefficient, low, high (1st and 99th percentile), top_share, pose_share (NaN without pose),
    sight (`Sight`), aus (the AU that it shows, by the ARKit table). recordings, frames: looked at.
    """

    coefficients: pd.DataFrame
    recordings: int
    frames: int

    @property
    def blind(self) -> pd.DataFrame:
        """The rows that do not simply move."""
        return self.coefficients[self.coefficients["sight"] != Sight.MOVES]

    def of_codeword(self, psi: np.ndarray) -> Sight | None:
        """What the coefficient that moves most in `psi` (E,) does in these data, where it does not simply move;
        None else."""
        table = self.coefficients
        own = table[table["coefficient"] == table["coefficient"].iloc[int(np.abs(psi).argmax())]]
        return None if (own["sight"] == Sight.MOVES).any() else Sight(own["sight"].iloc[0])

    def aus(self, extractor: str | None = None) -> dict[str, Sight]:
        """AUs that the extractor (default: any) cannot show: every coefficient of theirs is blind."""
        table = (
            self.coefficients if extractor is None else self.coefficients[self.coefficients["extractor"] == extractor]
        )
        found: dict[str, list[Sight]] = {}
        named = table[table["aus"] != ""]
        for au, sight in zip(named["aus"], named["sight"], strict=True):
            found.setdefault(str(au), []).append(Sight(sight))
        return {au: sights[0] for au, sights in found.items() if Sight.MOVES not in sights}


def known_blind_spots(dataset: Dataset, root: Path | None = None) -> BlindSpots | None:
    """The blind spots of a dataset's extractors where they have been looked for, else None."""
    return load_or_none(_load, _folder(dataset, root))


def _folder(dataset: Dataset, root: Path | None) -> Path:
    key = content_key(["blind spots", VERSION, dataset.key])
    return artefact_path("analyses", keyed_name(BLIND_SPOTS, key), root or dataset.path.parent.parent)


def find_blind_spots(dataset: Dataset, root: Path | None = None) -> BlindSpots:
    """The blind spots of a dataset's extractors: from the cache, or looked for now and cached."""
    if (held := known_blind_spots(dataset, root)) is not None:
        return held
    folder = _folder(dataset, root)
    result = _find(dataset)
    with atomic_directory(folder) as temporary:
        result.coefficients.to_parquet(temporary / "coefficients.parquet", index=False)
        write_json(
            temporary / MANIFEST,
            {
                "version": VERSION,
                **source_labels(dataset.id),
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "recordings": result.recordings,
                "frames": result.frames,
            },
        )
    return result


def _load(folder: Path) -> BlindSpots:
    manifest = read_json(folder / MANIFEST)
    return BlindSpots(
        coefficients=pd.read_parquet(folder / "coefficients.parquet"),
        recordings=manifest["recordings"],
        frames=manifest["frames"],
    )


def _find(dataset: Dataset) -> BlindSpots:
    rows, frames = [], 0
    owners = dataset.recordings.groupby("extractor", sort=True)["recording"]
    step = max(1, dataset.frame_count // _MOST_FRAMES)
    for extractor, names in owners:
        values, explained = _read(dataset, list(names), step)
        frames += len(values)
        rows.append(_judge(str(extractor), dataset.names, values, explained))
    return BlindSpots(
        coefficients=pd.concat(rows, ignore_index=True), recordings=len(dataset.recordings), frames=frames
    )


def _read(dataset: Dataset, names: list[str], step: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, E) thinned ψ of the recordings, and (E,) share that pose explains (NaN without pose)."""
    values, pose = [], []
    for name in names:
        frames = dataset.frames(name)
        psi = frames.psi[frames.valid]
        values.append(psi[::step])
        head = head_pose(dataset.extras(name)) if dataset.has_extras else None
        if head is not None and len(psi) >= _FEWEST_FRAMES:
            pose.append((psi, head.angles[frames.valid]))
    return np.concatenate(values), explained_by_pose(pose, len(dataset.names))


def explained_by_pose(parts: list[tuple[np.ndarray, np.ndarray]], columns: int) -> np.ndarray:
    """(n,) share of the variance within recordings that a quadratic of head rotation explains, less its mean under
    circular shifts. parts: (T, n) values and (T, 3) angles of each recording. NaN without any."""
    total, share, chance = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for values, angles in parts:
        known = np.isfinite(angles).all(1) & np.isfinite(values).all(1)
        if known.sum() < _FEWEST_FRAMES:
            continue
        y, x = values[known].astype(np.float64), quadratic(angles[known])
        y, x = y - y.mean(0), x - x.mean(0)
        total += (y**2).sum(0)
        share += _explained(x, y)
        for i in range(_SHIFTS):
            chance += _explained(np.roll(x, (i + 1) * len(x) // (_SHIFTS + 1), axis=0), y) / _SHIFTS
    return np.divide(share - chance, total, out=np.full(columns, np.nan), where=total > 1e-12)


def _explained(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inner = x.T @ x
    weights = np.linalg.solve(inner + 1e-6 * max(np.trace(inner), 1e-12) * np.eye(len(inner)), x.T @ y)
    return (y**2).sum(0) - ((y - x @ weights) ** 2).sum(0)


def _judge(extractor: str, names: tuple[str, ...], values: np.ndarray, explained: np.ndarray) -> pd.DataFrame:
    least, low, high, most = np.nanquantile(values, [0.001, 0.01, 0.99, 0.999], axis=0)
    arkit = {i: name for name, places in au_coefficient_map(names).where.items() for i in places}
    scale = 1.0 if len(arkit) > len(names) / 2 else max(float(np.median(high - low)), 1e-9)
    top = (values >= TOP).mean(0) if scale == 1.0 else np.zeros(len(names))
    still = (high - low < LEAST_RANGE * scale) & (most - least < LEAST_EXTREMES * scale)
    sight = np.where(
        still,
        Sight.NEVER_MOVES,
        np.where(
            top > TOP_SHARE,
            Sight.SATURATES,
            np.where(np.nan_to_num(explained) > WITH_POSE, Sight.MOVES_WITH_POSE, Sight.MOVES),
        ),
    )
    aus = [COEFFICIENTS[arkit[i]].au or "" if i in arkit else "" for i in range(len(names))]
    return pd.DataFrame(
        {
            "extractor": extractor,
            "coefficient": names,
            "low": low,
            "high": high,
            "top_share": top,
            "pose_share": explained,
            "sight": [str(s) for s in sight],
            "aus": aus,
        }
    )


def pose_shares(aus: AlignedAus, dataset: Dataset) -> np.ndarray:
    """(A,) share of every AU's variance within recordings that head rotation explains above chance; NaN without it."""
    parts = []
    for name, found in aus.iter_recordings() if dataset.has_extras else ():
        head = head_pose(dataset.extras(name))
        if head is not None:
            rows = dataset.frames(name).rows(found.frame)
            parts.append((np.nan_to_num(found.level), head.angles[rows]))
    return explained_by_pose(parts, len(aus.aus))


def lines(coefficients: pd.DataFrame, most: int = 14) -> Iterator[str]:
    """One line an extractor and kind, of `BlindSpots.coefficients`: ``mediapipe: 12 of 52 coefficients never move:
    cheekSquintLeft, …``."""
    blind = coefficients[coefficients["sight"] != Sight.MOVES]
    for (extractor, sight), part in blind.groupby(["extractor", "sight"], sort=False):
        total = (coefficients["extractor"] == extractor).sum()
        names = list(part["coefficient"])
        more = f" and {len(names) - most} more" if len(names) > most else ""
        kind = _PLURAL[Sight(sight)]
        yield f"{extractor}: {len(names)} of {total} coefficients {kind}: {', '.join(names[:most])}{more}."


_PLURAL = {
    Sight.NEVER_MOVES: "never move",
    Sight.SATURATES: "sit at the end of their scale",
    Sight.MOVES_WITH_POSE: "move with the head",
}
