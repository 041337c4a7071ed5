"""axe-core on every page, light and dark: no serious and no critical finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.components import routes

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: `make test` does")

SCRIPT = Path(axe.__file__).parent / "axe.min.js"
READY = {"codebook": ".dfe-gallery .card", "codebook?codeword=25": ".dfe-morph[data-state=drawn]",
         "recordings": ".dfe-player[data-state=drawn]", "map?method=PCA": ".dfe-scatter[data-state=drawn]",
         "motion?mix=25:1": ".dfe-morph[data-state=drawn]", "find?shape=jawOpen:0.8": ".dfe-strip[data-state=drawn]",
         "motion?motion_part=From+words": ".dfe-reel[data-state=drawn]", "coverage": ".js-plotly-plot",
         "probes": ".js-plotly-plot", "compare": ".dfe-morph[data-state=drawn]"}
PLACES = [*READY, *(name for name in ("data", "overview"))]


def test_every_page_is_among_those_looked_at():
    assert {place.partition("?")[0] for place in PLACES} == {n for names in routes.GROUPS.values() for n in names}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(visit, scheme):
    there, faults = visit(color_scheme=scheme), []
    for place in PLACES:
        there.open("/" if place == "overview" else f"/{place}", READY.get(place, "[data-testid=stCaptionContainer]"))
        there.page.wait_for_timeout(500)
        there.page.evaluate(SCRIPT.read_text(encoding="utf-8"))
        found = there.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        faults += [f"{place}: {fault['id']} at {node['target']} {node['failureSummary']}" for fault in found
                   for node in fault["nodes"] if fault["impact"] in ("serious", "critical")]
    assert faults == []
