"""The site in Chromium, from files: no requests, no errors, nothing wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import text_to_be_present_in_element
from selenium.webdriver.support.wait import WebDriverWait

from tests.browsers import FETCHED, chromium, show

pytestmark = pytest.mark.browser

PAGES = ("index.html", "docs/architecture.html", "api/metrics.html", "results/index.html")

BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_and_request_nothing(browser: Chrome, site: Path, page: str, width: int) -> None:
    show(browser, (site / page).as_uri(), width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    fetched = browser.execute_script(FETCHED)  # here, files are not counted
    assert [name for name in fetched if not name.startswith("file:")] == []
    assert browser.get_log("browser") == []


def test_pages_are_dark_where_the_system_is(browser: Chrome, site: Path) -> None:
    colours = [
        show(browser, (site / "index.html").as_uri(), width=1200, scheme=scheme).execute_script(
            BACKGROUND
        )
        for scheme in ("light", "dark")
    ]
    assert colours == ["rgb(255, 255, 255)", "rgb(30, 33, 41)"]


def test_search_works_from_files(browser: Chrome, site: Path) -> None:
    show(browser, (site / "docs/running.html").as_uri(), width=1200)
    field = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
    field.click()
    field.send_keys("score_predictions")
    found = (By.CSS_SELECTOR, ".md-search-result__list")
    WebDriverWait(browser, 20).until(text_to_be_present_in_element(found, "score_predictions"))
    first = browser.find_element(By.CSS_SELECTOR, ".md-search-result__link")
    assert first.get_attribute("href").startswith(site.as_uri())
    assert all(name.startswith("file:") for name in browser.execute_script(FETCHED))
