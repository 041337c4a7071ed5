"""How many people the next study needs: power of a comparison of groups, drawn from the chosen recordings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.groups.power import PowerSettings, Rates, codeword_rates, predict_power, summary_of_power

from ..data import artefact_cache
from ..views import figures, groups_figures

PEOPLE = (10, 20, 30, 40, 60, 80, 120)
DRAWS = 60


def show(choice: artefact_cache.Choice) -> None:
    """Power by number of people for a chosen effect and length of recording."""
    with st.expander("How many people does a difference need?", icon=":material/query_stats:"):
        a, b = st.columns(2)
        effect = a.slider(
            "Difference, standard deviations between people",
            0.2,
            2.0,
            0.8,
            0.1,
            key="power-effect",
            help="Between two groups, in the rate of one codeword that was chosen beforehand. After correction over "
            "many codewords more people are needed.",
        )
        minutes = b.slider(
            "Minutes recorded of each person", 0, 30, 0, key="power-minutes", help="0: as long as in these recordings."
        )
        try:
            rates = _rates(choice)
        except DataError as error:
            st.info(f"Power cannot be predicted from these recordings: {error.found}.", icon=":material/info:")
            return
        table = _power(choice.open_tokens().manifest["key"], effect, float(minutes), rates)
        figures.show(groups_figures.power_curve(table), "power", "Power by number of people")
        st.caption(
            f"Of both groups together, at p < 0.05, two-sided: median over {len(rates.codewords)} codewords and the "
            f"range of 80 % of them. {len(rates.people)} people of “{choice.dataset}” were drawn from, {DRAWS} times "
            "for each point, and the difference was added to one group. `dfe power` gives the table."
        )


def _rates(choice: artefact_cache.Choice) -> Rates:
    return codeword_rates(choice.open_dataset(), choice.open_intervals())


@st.cache_data(max_entries=64, show_spinner="Drawing people …")
def _power(tokens: str, effect: float, minutes: float, _rates: Rates) -> pd.DataFrame:
    asked = PowerSettings(effect=effect, people=PEOPLE, minutes=(minutes,), draws=DRAWS)
    return summary_of_power(predict_power(_rates, asked))
