"""A rater answers by keyboard, comes back after a reload, and no serious finding of axe-core is on any question."""

from __future__ import annotations

import pytest

from dfe_core.ratings import making
from dfe_core.ratings.design import RatingSettings, Task
from dfe_core.ratings.store import invite, pseudonym
from dfe_core.render.pictures import png
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_accessibility import SCRIPT


@pytest.fixture(scope="module")
def study(small_cache):
    import numpy as np

    picture = png(np.full((320, 320, 4), 160, np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_render", lambda face, psi, path: path.write_bytes(picture))
        settings = RatingSettings(model="default", tasks=tuple(Task), items=1, checks=0)
        return making.make_ratings(settings, "browser", root=small_cache)


def serious(page, scheme: str) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    if SCRIPT is None:
        return []
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [f"{f['id']}: {n['target']}" for f in found for n in f["nodes"] if f["impact"] in ("serious", "critical")]


def test_a_rater_walks_the_study_by_keyboard(browser, server, study):
    link = f"{server}/rate/{invite(study)[1]}"
    context = browser.new_context(bypass_csp=True)  # axe-core comes from outside
    context.set_default_timeout(PATIENCE_MS)
    page, faults = context.new_page(), []
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(link)
    faults += serious(page, "light") + serious(page, "dark")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    for done in range(len(study.items)):
        assert page.get_by_text(f"{done} of {len(study.items)} answered").is_visible()
        faults += serious(page, "light") + serious(page, "dark")
        number = page.locator("input[name=item]").get_attribute("value")
        page.reload()
        assert page.locator("input[name=item]").get_attribute("value") == number
        if study.items[int(number)].task is Task.WORDS:
            page.keyboard.type("brows up")
        else:
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.name") == "choice"
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert page.get_by_text("Thank you").is_visible()
    cookie = next(c for c in context.cookies(link) if c["name"] == "dfe-rater")
    assert cookie["httpOnly"] and len(study.rater(pseudonym(cookie["value"])).answers) == len(study.items)
    context.close()
    assert faults == [] and said == []
