"""Every page opens from a link, names its data, and holds before axe-core in light and in dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.links import routes
from tests.browser.conftest import WRITTEN

try:
    import axe_playwright_python

    SCRIPT = Path(axe_playwright_python.__file__).parent / "axe.min.js"
except ImportError:
    SCRIPT = None
READY = {
    "codebook": ".dfe-gallery .card",
    "codebook?codeword=25": ".dfe-morph[data-state=drawn]",
    "recordings": ".dfe-player[data-state=drawn]",
    "syllables": ".dfe-strip[data-state=drawn]",
    "syllables?syllables_part=Transitions": ".dfe-diagram[data-state=drawn]",
    "syllables?syllable=1": ".dfe-reel[data-state=drawn]",
    "intervals": "[data-testid=stMain] [data-testid=stButton]",
    "map?method=PCA": ".dfe-scatter[data-state=drawn]",
    "motion?mix=25:1": ".dfe-morph[data-state=drawn]",
    "find?shape=jawOpen:0.8": ".dfe-strip[data-state=drawn]",
    "motion?motion_part=From+words": ".dfe-reel[data-state=drawn]",
    "coverage": ".js-plotly-plot",
    "probes": ".js-plotly-plot",
    "compare": ".dfe-morph[data-state=drawn]",
    "groups": "[data-testid=stMain] [data-testid=stSelectbox]",
    "micro": "[data-testid=stMain] [data-testid=stFileUploader]",
    "asymmetry": "[data-testid=stMain] [data-testid=stButton]",
    "conversations": "[data-testid=stMain] [data-testid=stSelectbox]",
    "live": "[data-testid=stMain] [data-testid=stExpander]",
    "raters": "[data-testid=stMain] [data-testid=stExpander]",
}
ENDLESS = "(animation) => animation.effect.getComputedTiming().iterations === Infinity"
OF_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules of axe-core that read colours: for the others a page is the same in light and in dark."""
LABELS, CACHE = "data?data_part=Labels", "data?data_part=Everything+in+the+cache"
PLACES = [*READY, *(name for name in ("data", LABELS, CACHE, "overview", "study"))]


def test_every_page_is_among_those_looked_at():
    assert {place.partition("?")[0] for place in PLACES} == {n for names in routes.GROUPS.values() for n in names}


def findings(there, place: str, rules: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical findings of the page as it stands, by all rules or some."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = there.page.evaluate("(options) => axe.run(options)", options)["violations"]
    return [
        f"{place}: {fault['id']} at {node['target']} {node['failureSummary']}"
        for fault in found
        for node in fault["nodes"]
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("place", PLACES)
def test_a_page_opens_from_a_link_with_its_data_named_and_no_serious_finding(visit, place):
    there = visit()
    there.page.emulate_media(color_scheme="light")
    there.open("/" if place == "overview" else f"/{place}", READY.get(place, "[data-testid=stCaptionContainer]"))
    there.page.get_by_text("Simulated data").first.wait_for()
    there.until("document.querySelector('[data-testid=stSkeleton]') === null")
    there.page.wait_for_selector(WRITTEN)  # what is written anew is pale meanwhile
    assert there.page.locator("[data-testid=stException]").count() == 0
    assert "Traceback" not in there.page.inner_text("body")
    if SCRIPT is None:
        pytest.skip("axe-playwright-python is not installed: `make test` installs it")
    there.page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    faults = findings(there, f"{place}, light")
    there.page.emulate_media(color_scheme="dark")
    there.until("getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === 'dark'")
    there.page.wait_for_selector(WRITTEN)
    there.until(f"document.getAnimations().every({ENDLESS})")  # colours of buttons change within tenths of a second
    assert faults + findings(there, f"{place}, dark", OF_COLOUR) == []
