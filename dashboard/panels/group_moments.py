"""The moments that make a difference between groups: the strongest ones of a codeword in both, side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.groups.families import Family
from dfe_core.tokenizer.codebook import Codebook

from ..data import artefact_cache, codeword_facts
from ..theme.formatting import text
from ..views import groups_figures
from . import moment_strip
from .moment_strip import MomentPicture

PICKED = "groups_row"
"""Key of the row that is looked at, in the session and in the address."""
_SHOWN = 60


def label(row: pd.Series) -> str:
    """A row of the table in words, as the list and the address name it."""
    return f"{row['thing']} {row['measure']}, {row['a']} – {row['b']}"


def rows_with_moments(tested: pd.DataFrame) -> pd.DataFrame:
    """Rows of codewords and regions, the smallest p first: what recordings can show."""
    return tested[tested["family"].isin([Family.CODEWORDS, Family.REGIONS])].head(_SHOWN)


def pick(tested: pd.DataFrame, position: int) -> None:
    """Look at a row of the table, where its moments can be shown."""
    if position < len(tested):
        row = tested.iloc[position]
        if row["family"] in (Family.CODEWORDS, Family.REGIONS):
            st.session_state[PICKED] = label(row)


def show(choice: artefact_cache.Choice, by: str, tested: pd.DataFrame) -> None:
    """The chosen row, and the moments of both groups."""
    rows = rows_with_moments(tested)
    if rows.empty:
        return
    labels = rows.apply(label, axis=1).tolist()
    if st.session_state.get(PICKED) not in labels:  # a row further down that was clicked
        further = tested[tested.apply(label, axis=1) == st.session_state.get(PICKED)]
        rows = pd.concat([further.head(1), rows])
        labels = rows.apply(label, axis=1).tolist()
    st.subheader("Moments of both groups", anchor=False)
    picked = st.selectbox("Row", labels, key=PICKED, bind="query-params")
    row = rows.iloc[labels.index(picked)]
    number = codeword_of(row, tested, choice.open_codebook())
    if number is None:
        st.caption("No codeword of this region was tested.")
        return
    if row["family"] == Family.REGIONS:
        st.caption(f"Codeword {number}, the one of this region with the smallest p, stands for it.")
    for column, side in zip(st.columns(2, gap="medium"), ("a", "b"), strict=True):
        with column:
            mean = groups_figures.amount(row[f"mean_{side}"], str(row["measure"]))
            st.markdown(f"**{text(row[side])}**: {mean}")
            moments(choice, by, str(row[side]), number, f"group-moments-{side}")
    st.caption(
        "The strongest moments of each group, coloured by their movement. Click one to open the recording there."
    )


def codeword_of(row: pd.Series, tested: pd.DataFrame, codebook: Codebook) -> int | None:
    """The codeword of a row; of a region, its codeword with the smallest p."""
    if row["family"] == Family.CODEWORDS:
        return int(row["thing"])
    own = tested[tested["family"] == Family.CODEWORDS]
    own = own[codebook.table["region"].reindex(own["thing"].astype(int)).to_numpy() == row["thing"]]
    return None if own.empty else int(own["thing"].iloc[0])


def moments(choice: artefact_cache.Choice, by: str, level: str, number: int, key: str) -> None:
    """The strongest moments of a codeword in the recordings of one level."""
    found, psi = codeword_facts.moments_of_level(choice.open_intervals(), choice.open_dataset(), number, by, level)
    if not found:
        st.caption("No recording of this group shows it.")
        return
    face = choice.open_face()
    pictures = [
        MomentPicture(
            recording=moment.recording,
            peak_s=moment.peak_s,
            psi=values,
            note=f"{moment.peak:.2f}",
            words=f"intensity {moment.peak:.2f}",
        )
        for moment, values in zip(found, psi, strict=True)
    ]
    moment_strip.show(key, face, pictures, choice.open_dataset())
