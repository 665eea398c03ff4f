"""The page in a browser: what it shows, and that it shows what was measured.

A set of its own: ``python -m pytest -m browser``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import METHOD_COLUMNS, Contestant
from benchmarks.report.page import OF_A_CONDITION
from benchmarks.schema import read_table, write_table
from tests.browsers import FETCHED, chromium, show, violations
from tests.report.support import NAMES, page_of

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

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


def test_numbers_of_the_leaderboard_are_those_of_the_measurements(
    page: Open, made_up_run: Path
) -> None:
    chrome = page()
    measurements = read_table(made_up_run, "measurements.csv")
    rows = measurements[measurements["condition"] == "clean"]
    means = rows.groupby([*METHOD_COLUMNS, "metric"])["value"].mean().to_dict()
    names = {NAMES.label(Contestant(*key[:3])): key[:3] for key in means}
    heads = [head.text.replace("\n", " ") for head in elements(chrome, ".board thead th")]
    for metric in ("accuracy", "nll"):
        printed = NAMES.printed(metric).name
        position = next(i for i, t in enumerate(heads) if t.startswith(printed) and "Clean" in t)
        shown = elements(chrome, ".board tbody tr")
        assert shown
        for row in shown:
            cells = [cell.text for cell in elements(row, "th, td")]
            method, text = cells[heads.index("Method")], cells[position].split()[0]
            if method in names:  # no further score of a network
                value = means[*names[method], metric]
                assert text == f"{value:.{len(text.partition('.')[2])}f}"


def test_a_heading_sorts_best_first_and_then_the_other_way(page: Open) -> None:
    chrome = opened(page())
    order, column = sort(chrome, ".board", "Accuracy")
    values = [float(text.split()[0]) for text in column]
    assert (order, values) == ("descending", sorted(values, reverse=True))
    order, column = sort(chrome, ".board", "Accuracy")
    assert order == "ascending"
    assert [float(text.split()[0]) for text in column] == values[::-1]


def test_what_is_infinite_is_sorted_as_the_worst(open_page: Open, made_up_copy: Path) -> None:
    summary = read_table(made_up_copy, "summary.csv")
    rows = (summary["method"] == "softmax") & (summary["metric"] == "nll")
    summary.loc[rows, ["value", "lower", "upper"]] = math.inf
    write_table(summary, made_up_copy, "summary.csv")
    page_of(made_up_copy)
    _, ascending = sort(open_page(made_up_copy), ".board", "NLL")
    assert ascending[-1].startswith("∞")


def test_filters_leave_the_images_that_they_name(page: Open, made_up_run: Path) -> None:
    chrome = opened(page())
    rows = read_table(made_up_run / "curves", "image_votes.csv")
    ranks = rows.drop_duplicates("rank").groupby("condition")["rank"]
    every = int(ranks.count().clip(upper=OF_A_CONDITION).sum())
    assert chrome.find_element(By.ID, "count").text == f"{every} images"
    Select(chrome.find_element(By.NAME, "condition")).select_by_visible_text("30°")
    of_condition = min(OF_A_CONDITION, ranks.count()["rotated-030"])
    count = chrome.find_element(By.ID, "count").text
    assert count == f"{of_condition} of {every} images"
    Select(chrome.find_element(By.NAME, "condition")).select_by_visible_text("any")
    apart = Select(chrome.find_element(By.NAME, "apart"))
    method = apart.options[1].text
    apart.select_by_visible_text(method)
    shown = visible(chrome, ".images > li")
    assert 0 < len(shown) < every
    for image in shown:
        assert method in json.loads(str(image.get_attribute("data-apart")))


def test_nothing_is_closed_on_paper(page: Open) -> None:
    chrome = page(medium="print")
    assert not visible(chrome, "#definitions dl")
    chrome.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(visible(chrome, "#definitions details > dl")) == len(METRICS)
    chrome.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not visible(chrome, "#definitions dl")


def test_link_to_a_definition_opens_it(page: Open) -> None:
    chrome = page("#metric-auroc")
    code = [element.text for element in visible(chrome, "#metric-auroc code")]
    assert code == ["auroc", "benchmarks/metrics/detection.py"]


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(page: Open, width: int) -> None:
    chrome = opened(page(width=width))
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width


def test_letters_of_figures_can_be_read_on_a_phone(page: Open) -> None:
    chrome = opened(page(width=NARROW))
    heights = chrome.execute_script(
        "return [...document.querySelectorAll('figure svg text')]"
        ".map(text => [parseFloat(getComputedStyle(text).fontSize), text.getScreenCTM()])"
        ".map(([size, at]) => size * Math.hypot(at.a, at.b))"
    )
    assert heights
    assert min(heights) > 6


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (WIDE, "light"), (WIDE, "dark")])
def test_everybody_can_use_it(page: Open, width: int, scheme: str) -> None:
    assert violations(opened(page(width=width, scheme=scheme))) == []
