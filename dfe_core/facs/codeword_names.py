"""The action units of a codeword: by its shape, confirmed or not by what was measured, and with how much of each.

A codeword's displacement field is fitted by a non-negative sum of the displacement fields of action units (and, on a
face with ARKit's coefficients, of the movements that FACS has no code for, so that none is taken for its nearest AU).
Only action units of the codeword's own side are tried: one that moves both sides alike is never named by one side.

Letters of the shapes: K codewords, A candidates, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.facs.settings import LEAST_PHI
from dfe_core.facs.templates import Templates, table_templates
from dfe_core.ontology import ACTION_UNITS, ACTIONS, COEFFICIENTS, SAME_DIRECTION
from dfe_core.tokenizer.geometry import ONE_SIDED, codeword_geometry, side_balance
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.composition import GAZE
from dfe_core.tokens.describe import CodewordDescription, codeword_descriptions
from dfe_core.tokens.parts import WEAKER, stronger_side

LIKE = 0.75**0.5
"""Cosine of displacement fields from which action units are said to be what a codeword shows. 0.866: three quarters of
the squared displacement are theirs, three times as much as everything else together. One side of a symmetric movement
reaches 0.707, and so does either of two action units of equal size; both lie below it."""

NEARLY = 0.95
"""Cosine that a sum of action units must reach where the strongest movement in a codeword has no code of its own: nine
tenths of the squared displacement."""

NAMED = 0.4
"""An action unit is named where its strength is at least this share of the strongest's …"""

FAINT = 0.1
"""… and at least this share of its full action: FACS scores no trace of a tenth."""

MOST = 3

CONFIRMED_PHI = LEAST_PHI
"""φ between presence of codeword and action unit that confirms a name, with an interval of the lift above 1."""

CONFIRMED_AUROC = 0.6
"""AUROC within subjects that confirms a name where it was measured so, with an interval above 0.5."""

AGREES = 0.5
"""The strongest action unit of a name is confirmed only where its association (φ, or AUROC above 0.5) is at least this
share of the largest that the codeword has with any action unit: what it goes with most is what it may be called."""

SOMETHING_ELSE_PHI = 0.3
"""φ from which a codeword that no action unit resembles is not called beyond FACS: it goes with one all the same."""


ONE_LIP = {"mouthRollLower": "AU28", "mouthRollUpper": "AU28"}
"""Coefficients of one lip that are an action unit by themselves: FACS scores a lip suck of one lip alone as 28B or 28T
(Ekman, Friesen & Hager 2002), so that it is not beyond FACS. The plain name says which lip it is."""


class Verdict(Enum):
    """What is known of a codeword in terms of FACS."""

    REST = "rest"
    CONTRAST = "contrast"
    CONFIRMED = "confirmed"
    """Its shape is that of action units, and they go with it in the data."""
    BY_SHAPE = "by shape"
    """Its shape is that of action units; whether they go with it was not measured, or only with estimates from the same
    coefficients."""
    NOT_CONFIRMED = "not confirmed"
    """Its shape is that of action units which do not go with it in the data: none is named."""
    BEYOND_FACS = "beyond FACS"
    """No action unit, nor a sum of up to three, moves the face as it does."""
    FAINT = "faint"
    """Less than a tenth of any action unit."""
    NO_MATCH = "no match"
    """None of the action units that were measured in these data; of the others nothing is known."""
    UNKNOWN = "unknown"
    """There is nothing to compare with: no coefficients with names and no action units of the data."""


@dataclass(frozen=True, kw_only=True)
class NamedActionUnit:
    """One action unit of a codeword: au and side (left, right, both) as in `ACTIONS`; strength: share of its full
    action at intensity 1, by shape; stronger: the side that does more where both do it; phi, auroc, lift, lift_low,
    lift_high: its measured association (NaN where there is none); confirmed: whether they agree, None where nothing
    was measured."""

    au: str
    side: str
    strength: float
    stronger: str = ""
    phi: float = float("nan")
    auroc: float = float("nan")
    lift: float = float("nan")
    lift_low: float = float("nan")
    lift_high: float = float("nan")
    confirmed: bool | None = None

    @property
    def label(self) -> str:
        """``AU12 left``; both sides are not written."""
        return self.au if self.side == "both" else f"{self.au} {self.side}"


@dataclass(frozen=True, kw_only=True)
class CodewordName:
    """A codeword as it is called: what it does, its verdict, and the action units that may be named.

    action_units: strongest first, those to show; rejected: named by shape and not confirmed by the data. cosine: of
    the codeword with the sum of action units nearest to it, NaN where nothing was compared. without_code: stems of
    ARKit movements in it that FACS has no code for.
    """

    description: CodewordDescription
    verdict: Verdict
    action_units: tuple[NamedActionUnit, ...] = ()
    rejected: tuple[NamedActionUnit, ...] = ()
    cosine: float = float("nan")
    without_code: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """``AU6 + AU12``, confirmed or not; empty where none may be named."""
        return " + ".join(unit.label for unit in self.in_facs_order)

    @property
    def confirmed_label(self) -> str:
        """``AU6 0.37 + AU12 0.35``: those that geometry and the measured action units agree on, with their strength."""
        return with_strength(unit for unit in self.in_facs_order if unit.confirmed)

    @property
    def in_facs_order(self) -> tuple[NamedActionUnit, ...]:
        """The action units in the order of FACS; codes that are none come last."""
        order = {code: at for at, code in enumerate(ACTION_UNITS)}
        return tuple(sorted(self.action_units, key=lambda unit: order.get(unit.au, len(order))))


@dataclass(frozen=True)
class Candidates:
    """What codewords are compared with: (au, side) of each of A, au empty for a movement without a code, whose stem
    is the side then; psi (A, E) float64 at full intensity; summed: whether a codeword may be a sum of them."""

    labels: tuple[tuple[str, str], ...]
    psi: np.ndarray
    summed: bool = True


def with_strength(units: Iterable[NamedActionUnit]) -> str:
    """``AU6 0.37 + AU12 0.35``."""
    return " + ".join(f"{unit.label} {unit.strength:.2f}" for unit in units)


def name_codewords(
    psi: np.ndarray,
    face: FaceModel,
    templates: Templates | None = None,
    pairs: pd.DataFrame | None = None,
    estimate: bool = False,
) -> list[CodewordName]:
    """Name codewords.

    Parameters
    ----------
    psi: (K, E) at intensity 1.
    templates: of the AUs on this face where its coefficients are not ARKit's (`observed_templates`); by the table
        else. Observed ones hold what comes with an AU and are not summed: each is compared by itself, and none is
        named unless `pairs` confirm it.
    pairs: measured association, one row a codeword and AU: codeword, au, side and either phi, lift_low, lift_high
        (`Coverage.pairs`) or auroc, auroc_low (`NameScores.pairs`). Rows with NaN were not measured.
    estimate: whether the action units of `pairs` were derived from the coefficients that the codewords are made of:
        they may deny a name and confirm none.
    """
    psi = np.asarray(psi, np.float32).reshape(-1, face.coefficients)
    described = codeword_descriptions(psi, face)
    candidates = action_candidates(face, templates)
    if candidates is None:
        names = [CodewordName(description=d, verdict=_without_shape(d)) for d in described]
    else:
        names = _by_shape(psi, face, candidates, described)
    by_codeword = dict(tuple(pairs.groupby("codeword"))) if pairs is not None else {}
    names = [confirm(name, by_codeword.get(k), estimate) for k, name in enumerate(names)]
    return [_only_confirmed(name) for name in names] if candidates is not None and not candidates.summed else names


def action_candidates(face: FaceModel, templates: Templates | None = None) -> Candidates | None:
    """AUs by the table with movements that have no code, else `templates`, else None."""
    try:
        table = table_templates(face, tuple(key for key in ACTIONS if key[0] not in SAME_DIRECTION))
    except DataError:
        if templates is None:
            return None
        return Candidates(templates.aus, np.asarray(templates.psi, np.float64), templates.source != "observed")
    labels, rows = list(table.aus), [np.asarray(row, np.float64) for row in table.psi]
    factor = mesh_factor(face.gram)
    for name, indices in au_coefficient_map(face.names).where.items():
        if name.startswith(GAZE):  # an eye that turns alone is part of a pair and makes sums ambiguous
            continue
        alone = np.zeros(face.coefficients)
        alone[list(indices)] = 1.0
        codes = (COEFFICIENTS[name].au, *COEFFICIENTS[name].also)
        units = [row for (au, _), row in zip(table.aus, table.psi, strict=True) if au in codes]
        if not _is_like(alone, units, factor):
            labels.append((ONE_LIP[name], "both") if name in ONE_LIP else ("", name))
            rows.append(alone)
    return Candidates(tuple(labels), np.stack(rows))


def _is_like(alone: np.ndarray, units: list[np.ndarray], factor: np.ndarray) -> bool:
    """Whether a coefficient alone moves the face as one of the action units that the table gives it."""
    if not units:
        return False
    field, rows = alone @ factor, np.asarray(units) @ factor
    size = np.linalg.norm(rows, axis=1) * np.linalg.norm(field)
    return bool((rows @ field / np.maximum(size, 1e-12)).max() >= LIKE)


def _by_shape(
    psi: np.ndarray, face: FaceModel, candidates: Candidates, described: list[CodewordDescription]
) -> list[CodewordName]:
    factor = mesh_factor(face.gram)
    placements, own = _placements(candidates.psi.astype(np.float32), face), _placements(psi, face)
    fields, rows = candidates.psi @ factor, psi.astype(np.float64) @ factor
    names = []
    for row, description, placement in zip(rows, described, own, strict=True):
        if description.rest or description.contrast:
            verdict = Verdict.REST if description.rest else Verdict.CONTRAST
            names.append(CodewordName(description=description, verdict=verdict))
            continue
        if candidates.summed:
            allowed = np.array([one in _compatible(placement) for one in placements])
            names.append(_fit(row, fields, candidates.labels, allowed, description))
        else:
            names.append(_nearest(row, fields, candidates.labels, description))
    return names


def _nearest(
    row: np.ndarray, fields: np.ndarray, labels: tuple[tuple[str, str], ...], description: CodewordDescription
) -> CodewordName:
    """The action units that one codeword is like, each by itself, at most `MOST`."""
    size, lengths = np.linalg.norm(row), np.linalg.norm(fields, axis=1)
    cosine = fields @ row / np.maximum(size * lengths, 1e-12)
    order = [i for i in np.argsort(-cosine) if cosine[i] >= LIKE][:MOST]
    units = tuple(
        NamedActionUnit(au=labels[i][0], side=labels[i][1], strength=float(cosine[i] * size / lengths[i]))
        for i in order
    )
    return CodewordName(
        description=description,
        verdict=Verdict.BY_SHAPE if units else Verdict.NO_MATCH,
        action_units=units,
        cosine=float(cosine.max(initial=0)),
    )


def _fit(
    row: np.ndarray,
    fields: np.ndarray,
    labels: tuple[tuple[str, str], ...],
    allowed: np.ndarray,
    description: CodewordDescription,
) -> CodewordName:
    """The non-negative least squares fit (Lawson & Hanson 1974) of one codeword, and what of it is named."""
    from scipy.optimize import nnls

    size, coded = float(np.linalg.norm(row)), np.array([bool(au) for au, _ in labels])
    usable = allowed & (np.linalg.norm(fields, axis=1) > 0)

    def fitted(which: np.ndarray) -> tuple[np.ndarray, float]:
        weights = np.zeros(len(fields))
        weights[which] = nnls(fields[which].T, row)[0] if which.any() else 0.0
        error = float(np.linalg.norm(row - weights @ fields)) / size
        return weights, float(np.sqrt(max(1.0 - error**2, 0.0)))

    (weights, whole), (units, cosine) = fitted(usable), fitted(usable & coded)
    if cosine >= NEARLY and weights.argmax() in np.flatnonzero(~coded):  # action units alone say as much
        weights = units
    order = [i for i in np.argsort(-weights) if weights[i] >= NAMED * weights.max() > 0]
    named = _units([(*labels[i], float(weights[i])) for i in order if coded[i] and weights[i] >= FAINT])
    if whole >= LIKE and weights.max() < FAINT:
        verdict, named = Verdict.FAINT, ()
    elif whole < LIKE or not named or not coded[order[0]]:
        verdict, named = Verdict.BEYOND_FACS, ()
    else:
        verdict = Verdict.BY_SHAPE
    return CodewordName(
        description=description,
        verdict=verdict,
        action_units=named,
        cosine=cosine,
        without_code=tuple(labels[i][1] for i in order if not coded[i]),
    )


def _units(fitted: list[tuple[str, str, float]]) -> tuple[NamedActionUnit, ...]:
    """The strongest of (au, side, weight), an action unit of both sides and more of it on one as one."""
    found: list[NamedActionUnit] = []
    for au in dict.fromkeys(au for au, _, _ in fitted):
        sides: dict[str, float] = {}
        for code, side, weight in fitted:
            if code == au:  # of both lips, and of one of them
                sides[side] = max(weight, sides.get(side, 0.0))
        both, left, right = (sides.get(side, 0.0) for side in ("both", "left", "right"))
        side = "both" if both or (left and right) else "left" if left else "right"
        more = stronger_side(both + left, both + right) if side == "both" else ""
        found.append(NamedActionUnit(au=au, side=side, strength=both + max(left, right), stronger=more))
    return tuple(sorted(found, key=lambda unit: -unit.strength)[:MOST])


def _without_shape(description: CodewordDescription) -> Verdict:
    if description.rest:
        return Verdict.REST
    return Verdict.CONTRAST if description.contrast else Verdict.UNKNOWN


@dataclass(frozen=True)
class _Placement:
    """How an expression is placed about the midline. form: ``one side``; ``more on`` one side, where the other takes
    part; ``towards`` one side, of what goes sideways as a whole; else as in `codeword_geometry` (``symmetric``,
    ``opposed``, …). side: left or right, empty where the form has none."""

    form: str
    side: str = ""


_SYMMETRIC = _Placement("symmetric")


def _placements(psi: np.ndarray, face: FaceModel) -> list[_Placement]:
    """The placement of each of (K, E) expressions."""
    table = codeword_geometry(psi, face)
    if face.has_mesh:
        balance = side_balance(face.displacement(psi), face)
    else:
        balance = np.where(table["side"] == "left", 1.0, np.where(table["side"] == "right", -1.0, 0.0))
    alone = (1 - WEAKER**2) / (1 + WEAKER**2)
    found = []
    for side, symmetry, share in zip(table["side"], table["symmetry"], np.abs(balance), strict=True):
        if side not in ("left", "right"):
            found.append(_Placement(side))
        elif share <= ONE_SIDED and symmetry < 0:
            found.append(_Placement("towards", side))
        else:
            found.append(_Placement("one side" if share > alone else "more on", side))
    return found


def same_kind(psi: np.ndarray, templates: np.ndarray, face: FaceModel) -> np.ndarray:
    """(K, E) codewords and (A, E) templates to (K, A) bool: whether their sides allow one to be named by the other."""
    own, others = (_placements(np.asarray(rows, np.float32), face) for rows in (psi, templates))
    return np.array([[one in _compatible(of) for one in others] for of in own], bool).reshape(len(own), len(others))


def _compatible(of: _Placement) -> tuple[_Placement, ...]:
    """The placements of action units that a codeword of this placement may be a sum of."""
    one, more, towards = (_Placement(form, of.side) for form in ("one side", "more on", "towards"))
    return {"one side": (one, towards), "more on": (_SYMMETRIC, one, more), "towards": (towards, _SYMMETRIC)}.get(
        of.form, (of,)
    )


def confirm(name: CodewordName, pairs: pd.DataFrame | None, estimate: bool = False) -> CodewordName:
    """Hold a name by shape, or one confirmed already, against measured association of its codeword.

    pairs: its rows of `Coverage.pairs` or `NameScores.pairs`. estimate: see `name_codewords`. Of a name held against
    two measurements, one after the other, only what both confirm stays confirmed.
    """
    if pairs is None or not len(pairs):
        return name
    if name.verdict is Verdict.BEYOND_FACS and "phi" in pairs and pairs["phi"].max() >= SOMETHING_ELSE_PHI:
        return replace(name, verdict=Verdict.NO_MATCH)
    if name.verdict not in (Verdict.BY_SHAPE, Verdict.CONFIRMED):
        return name
    units = [_measured(unit, pairs, first=i == 0) for i, unit in enumerate(name.action_units)]
    kept = tuple(unit for unit in units if unit.confirmed is not False)
    rejected = tuple(unit for unit in units if unit.confirmed is False)
    if not kept or kept[0] is not units[0]:  # what remains after the strongest is not what the codeword is
        return replace(name, verdict=Verdict.NOT_CONFIRMED, action_units=(), rejected=(*name.rejected, *units))
    if estimate:
        kept = tuple(replace(unit, confirmed=None) for unit in kept)
    verdict = Verdict.CONFIRMED if any(unit.confirmed for unit in kept) else Verdict.BY_SHAPE
    return replace(name, verdict=verdict, action_units=kept, rejected=(*name.rejected, *rejected))


def _measured(unit: NamedActionUnit, pairs: pd.DataFrame, first: bool) -> NamedActionUnit:
    """The unit with its association; of two sides measured apart, that of the weaker one. first: the strongest of the
    name, which must be among what the codeword goes with most."""
    figure = "phi" if "phi" in pairs else "auroc"
    bound = "lift_low" if figure == "phi" else "auroc_low"
    rows = pairs[(pairs["au"] == unit.au) & np.isfinite(pairs[figure])]
    own = rows[rows["side"] == unit.side]
    if not len(own):
        own = rows[rows["side"] == "both"] if unit.side != "both" else rows
    if not len(own) or not np.isfinite(own[bound]).all():
        return unit
    row = own.loc[own[figure].idxmin()]
    least, chance, none = (CONFIRMED_PHI, 1.0, 0.0) if figure == "phi" else (CONFIRMED_AUROC, 0.5, 0.5)
    if first:
        others = pairs.loc[pairs["au"] != unit.au, figure].max()
        least = max(least, none + AGREES * (float(np.nan_to_num(others, nan=none)) - none))
    values: dict[str, Any] = {
        name: float(row[name]) for name in ("phi", "auroc", "lift", "lift_low", "lift_high") if name in row
    }
    held = bool(row[figure] >= least and row[bound] > chance)
    return replace(unit, confirmed=held and unit.confirmed is not False, **values)


def _only_confirmed(name: CodewordName) -> CodewordName:
    """The name without action units that were not confirmed: by observed shape alone none is named."""
    if name.verdict is not Verdict.BY_SHAPE and name.verdict is not Verdict.CONFIRMED:
        return name
    kept = tuple(unit for unit in name.action_units if unit.confirmed)
    verdict = Verdict.CONFIRMED if kept else Verdict.NO_MATCH
    return replace(name, verdict=verdict, action_units=kept)


def facs_label(name: CodewordName) -> str:
    """What to print of a codeword in terms of FACS: its action units with their strength (``AU6 0.37 + AU12 0.35``),
    those that nothing independent confirms as ``shaped like AU12 0.35``, or why there are none; empty at rest and
    where nothing is known."""
    unconfirmed = with_strength(unit for unit in name.in_facs_order if not unit.confirmed)
    parts = (name.confirmed_label, f"shaped like {unconfirmed}" if unconfirmed else "")
    if any(parts):
        return "; ".join(part for part in parts if part)
    return "" if name.verdict in (Verdict.REST, Verdict.UNKNOWN) else name.verdict.value
