"""The page in a browser: what it shows, and that it shows what was measured.

A set of its own: ``python -m pytest -m browser``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from benchmarks.metrics import METRICS
from benchmarks.report.page import OF_A_CONDITION
from benchmarks.schema import read_table
from tests.browsers import FETCHED, chromium, show, violations

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import visibility_of_element_located
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 390

Open = Callable[..., Chrome]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def open_page(browser: Chrome) -> Iterator[Open]:
    """Opens a run's page at a fragment, anew; the console must stay silent to the end."""

    def open_at(folder: Path, fragment: str = "", *, width: int = WIDE, **how: str) -> Chrome:
        return show(browser, f"{(folder / 'index.html').as_uri()}{fragment}", width=width, **how)

    yield open_at
    assert browser.get_log("browser") == []


@pytest.fixture
def page(open_page: Open, made_up_run: Path) -> Open:
    return partial(open_page, made_up_run)


def elements(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return where.find_elements(By.CSS_SELECTOR, selector)


def visible(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return [element for element in elements(where, selector) if element.is_displayed()]


def opened(chrome: Chrome) -> Chrome:
    """With everything open that opens by a click."""
    chrome.execute_script(
        "document.querySelectorAll('details').forEach(details => details.open = true)"
    )
    return chrome


def sort(chrome: Chrome, table: str, heading: str) -> tuple[str, list[str]]:
    """Click a heading; the order of its column, and the column."""
    heads = elements(chrome, f"{table} thead th")
    position = next(i for i, head in enumerate(heads) if head.text.startswith(heading))
    chrome.execute_script("arguments[0].click()", elements(heads[position], "button")[0])
    rows = visible(chrome, f"{table} tbody tr")
    column = [elements(row, "th, td")[position].text for row in rows]
    return str(heads[position].get_attribute("aria-sort")), column


def test_nothing_is_fetched_and_every_section_is_in_the_bar(page: Open) -> None:
    chrome = page()
    assert chrome.execute_script(FETCHED) == []
    assert chrome.title == "MNIST, article: which uncertainty method should you trust?"
    assert len(visible(chrome, "h2")) == len(elements(chrome, "nav li"))


def test_a_heading_sorts_best_first_and_then_the_other_way(page: Open) -> None:
    chrome = opened(page())
    order, column = sort(chrome, "#ranking > .wide", "Accuracy")
    values = [float(text.split()[0]) for text in column]
    assert (order, values) == ("descending", sorted(values, reverse=True))
    order, column = sort(chrome, "#ranking > .wide", "Accuracy")
    assert order == "ascending"
    assert [float(text.split()[0]) for text in column] == values[::-1]


def test_filters_leave_the_images_that_they_name(page: Open, made_up_run: Path) -> None:
    chrome = opened(page())
    rows = read_table(made_up_run / "curves", "image_votes.csv")
    ranks = rows.drop_duplicates("rank").groupby("condition")["rank"].count()
    every, of_condition = (
        own.clip(upper=OF_A_CONDITION).sum() for own in (ranks, ranks[["rotated-030"]])
    )
    count = chrome.find_element(By.ID, "count")
    assert count.get_property("textContent") == f"{every} images"
    # A busy machine draws later what has just been opened.
    condition = WebDriverWait(chrome, 10).until(
        visibility_of_element_located((By.NAME, "condition"))
    )
    Select(condition).select_by_visible_text("30°")
    assert count.get_property("textContent") == f"{of_condition} of {every} images"
    assert len(visible(chrome, ".images > li")) == of_condition


def test_nothing_is_closed_on_paper(page: Open) -> None:
    chrome = page(medium="print")
    assert not visible(chrome, "#definitions dl")
    chrome.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(visible(chrome, "#definitions details > dl")) == len(METRICS)
    chrome.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not visible(chrome, "#definitions dl")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(page: Open, width: int) -> None:
    chrome = opened(page(width=width))
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (WIDE, "light"), (WIDE, "dark")])
def test_everybody_can_use_it(page: Open, width: int, scheme: str) -> None:
    assert violations(opened(page(width=width, scheme=scheme))) == []
