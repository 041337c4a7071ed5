"""Which change between sessions counts: the standard error of measurement from repeats, and the smallest change.

Repeats are recordings of one person in one session. With s² the variance within sessions, pooled over sessions, the
standard error of measurement is s, and the smallest change between means of n and m recordings that is outside of
error at 95 % is 1.96 · s · √(1/n + 1/m): for single recordings 1.96 · √2 · SEM, the MDC95 (Weir 2005, J Strength Cond
Res 19:231; Haley & Fragala-Pinkham 2006, Phys Ther 86:735). It says nothing of what matters to a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.text_enum import StrEnum

TRACKED = ("mean_share", "smile_weaker_mm", "sunnybrook_like", "eface_like")
"""Columns of the table of recordings that are followed over sessions."""
Z95 = 1.96
LEAST_DF = 3
"""Repeats less sessions; below it no error of measurement is given from them."""


class RepeatsOf(StrEnum):
    """Where the error of measurement is from."""

    SESSION = "recordings of one session"
    APEXES = "apexes within recordings"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class MeasurementError:
    """sem: standard error of measurement of one recording, in the measure's unit; NaN where nothing is repeated.
    df: degrees of freedom. source: of the repeats; apexes within recordings know nothing of how a tracker is put up
    again or of another attempt, and give a bound from below.
    """

    measure: str
    sem: float
    df: int
    source: RepeatsOf

    @property
    def mdc95(self) -> float:
        """Smallest change between two single recordings."""
        return self.smallest_change(1, 1)

    def smallest_change(self, before: int, after: int) -> float:
        """1.96 standard errors of a change between means of so many recordings: the smallest that counts, where
        sessions are repeated."""
        return float(Z95 * self.sem * np.sqrt(1 / before + 1 / after))


def session_error(table: pd.DataFrame, measure: str) -> MeasurementError:
    """The error of a measure from recordings of the same subject and session.

    Parameters
    ----------
    table: one row a recording, with subject, session and the measure. NaN of the measure are left out, and so are
    recordings without a session: they may be of any day.
    """
    known = table.dropna(subset=[measure])
    known = known[known["session"].astype(str).str.strip() != ""]
    groups = [np.asarray(part[measure], np.float64) for _, part in known.groupby(["subject", "session"])]
    repeated = [values for values in groups if len(values) > 1]
    df = sum(len(values) - 1 for values in repeated)
    if df < LEAST_DF:
        return MeasurementError(measure=measure, sem=float("nan"), df=df, source=RepeatsOf.NOTHING)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in repeated)
    return MeasurementError(measure=measure, sem=float(np.sqrt(squares / df)), df=df, source=RepeatsOf.SESSION)


def apex_error(table: pd.DataFrame, measure: str) -> MeasurementError:
    """The error from the standard errors over apexes, ``<measure>_se``: root mean square over recordings."""
    column = f"{measure}_se"
    known = table[column].dropna().to_numpy(np.float64) if column in table else np.empty(0)
    if not len(known):
        return MeasurementError(measure=measure, sem=float("nan"), df=0, source=RepeatsOf.NOTHING)
    return MeasurementError(
        measure=measure, sem=float(np.sqrt(np.mean(known**2))), df=len(known), source=RepeatsOf.APEXES
    )


def measurement_error(table: pd.DataFrame, measure: str) -> MeasurementError:
    """`session_error`, or `apex_error` where sessions hold too few repeats."""
    found = session_error(table, measure)
    return found if found.source == RepeatsOf.SESSION else apex_error(table, measure)


def session_order(sessions: pd.Series) -> list[str]:
    """The sessions, by number where all of them are numbers, else in order of appearance."""
    names = list(dict.fromkeys(sessions.astype(str)))
    try:
        return sorted(names, key=float)
    except ValueError:
        return names


def session_course(table: pd.DataFrame, error: MeasurementError) -> pd.DataFrame:
    """One row per subject and session, in order: subject, session, recordings, value (mean), change (since the first
    session with a value), least (1.96 standard errors of that change), beyond (whether the change is larger), counts
    (whether it is, by repeats of sessions: by apexes alone too many changes are beyond, and none is said to count).

    table: as of `session_error`.
    """
    rows = []
    for subject, own in table.groupby("subject", sort=False):
        first: tuple[float, int] | None = None
        for session in session_order(own["session"]):
            values = own.loc[own["session"].astype(str) == session, error.measure].dropna()
            if values.empty:
                continue
            value, count = float(values.mean()), len(values)
            first = first or (value, count)
            change, least = value - first[0], error.smallest_change(first[1], count)
            rows.append(
                {
                    "subject": str(subject),
                    "session": session,
                    "recordings": count,
                    "value": value,
                    "change": change,
                    "least": least,
                    "beyond": bool(abs(change) > least),
                    "counts": bool(abs(change) > least) and error.source == RepeatsOf.SESSION,
                }
            )
    columns = ["subject", "session", "recordings", "value", "change", "least", "beyond", "counts"]
    return pd.DataFrame(rows, columns=columns)
