"""The page in a browser: what it shows, and that it shows what was measured.

A set of its own: ``python -m pytest -m browser``.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import Variant
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

MAIN = "#ranking details table"

Open = Callable[..., Chrome]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def open_page(browser: Chrome) -> Iterator[Open]:
    """Opens a run's page at a fragment, anew; the console must stay silent to the end."""

    def open_at(
        folder: Path,
        fragment: str = "",
        *,
        width: int = WIDE,
        scheme: str = "light",
        medium: str = "screen",
    ) -> Chrome:
        address = f"{(folder / 'index.html').as_uri()}{fragment}"
        return show(browser, address, width=width, scheme=scheme, medium=medium)

    yield open_at
    assert browser.get_log("browser") == []


@pytest.fixture
def page(open_page: Open, reported: Path) -> Open:
    return partial(open_page, reported)


@pytest.fixture
def open_of_both(open_page: Open, of_both: Path) -> Open:
    return partial(open_page, of_both)


def elements(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return where.find_elements(By.CSS_SELECTOR, selector)


def visible(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return [one for one in elements(where, selector) if one.is_displayed()]


def opened(chrome: Chrome) -> Chrome:
    """With everything open that opens by a click."""
    chrome.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    return chrome


def sort(chrome: Chrome, table: str, heading: str) -> tuple[str, list[str]]:
    """Click a heading; the order of its column, and the column."""
    heads = elements(chrome, f"{table} thead th")
    position = next(i for i, one in enumerate(heads) if one.text.startswith(heading))
    chrome.execute_script("arguments[0].click()", elements(heads[position], "button")[0])
    rows = visible(chrome, f"{table} tbody tr")
    column = [elements(row, "th, td")[position].text for row in rows]
    return str(heads[position].get_attribute("aria-sort")), column


def test_nothing_is_fetched_and_every_section_is_in_the_bar(page: Open) -> None:
    chrome = page()
    assert chrome.execute_script(FETCHED) == []
    assert chrome.title == "Which uncertainty method should you trust?"
    assert len(visible(chrome, "h2")) == len(elements(chrome, "nav li"))


def test_numbers_of_the_ranking_are_those_of_the_measurements(page: Open, reported: Path) -> None:
    chrome = page()
    measurements = read_table(reported, "measurements.csv")
    rows = measurements[measurements["condition"] == "clean"]
    means = rows.groupby(["method", "members", "metric"])["value"].mean().to_dict()
    names = {NAMES.label(Variant(*key[:2])): key[:2] for key in means}
    heads = [one.text.replace("\n", " ") for one in elements(chrome, "#ranking thead th")]
    for metric in ("accuracy", "nll"):
        printed = NAMES.printed(metric).name
        position = next(i for i, t in enumerate(heads) if t.startswith(printed) and "Clean" in t)
        shown = elements(elements(chrome, "#ranking table")[0], "tbody tr")
        assert shown
        for row in shown:
            method, *cells = elements(row, "th, td")
            text = cells[position - 1].text.split()[0]
            value = means[*names[method.text], metric]
            assert text == f"{value:.{len(text.partition('.')[2])}f}"


def test_a_heading_sorts_best_first_and_then_the_other_way(page: Open) -> None:
    chrome = opened(page())
    order, column = sort(chrome, "#ranking > .wide", "Accuracy")
    values = [float(text.split()[0]) for text in column]
    assert (order, values) == ("descending", sorted(values, reverse=True))
    order, column = sort(chrome, "#ranking > .wide", "Accuracy")
    assert order == "ascending"
    assert [float(text.split()[0]) for text in column] == values[::-1]


def test_what_is_infinite_is_sorted_as_the_worst(
    open_page: Open, reported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reported, folder, ignore=shutil.ignore_patterns("predictions", "figures"))
    summary = read_table(folder, "summary.csv")
    rows = (summary["method"] == "softmax") & (summary["metric"] == "nll")
    summary.loc[rows, ["value", "lower", "upper"]] = math.inf
    write_table(summary, folder, "summary.csv")
    page_of(folder)
    _, ascending = sort(open_page(folder), "#ranking > .wide", "NLL")
    assert ascending[-1].startswith("∞")


def test_a_recipe_is_chosen_for_tables_and_figures_alike(open_of_both: Open) -> None:
    chrome = open_of_both()
    every = len(visible(chrome, "#ranking > .wide tbody tr"))
    Select(chrome.find_element(By.ID, "recipe")).select_by_visible_text("article")
    rows = visible(chrome, "#ranking > .wide tbody tr")
    assert 0 < len(rows) < every
    assert {elements(row, "td")[0].text for row in rows} == {"article"}
    assert {one.get_attribute("data-recipe") for one in visible(chrome, "figure")} <= {"article"}
    Select(chrome.find_element(By.ID, "recipe")).select_by_visible_text("standard")
    assert visible(chrome, "figure")


def test_filters_leave_the_images_that_they_name(page: Open, reported: Path) -> None:
    chrome = page()
    rows = read_table(reported / "curves", "image_votes.csv")
    every = rows["rank"].nunique()
    assert chrome.find_element(By.ID, "count").text == f"{every} images"
    Select(chrome.find_element(By.NAME, "condition")).select_by_visible_text("30°")
    of_condition = rows[rows["condition"] == "rotated-030"]["rank"].nunique()
    told = chrome.find_element(By.ID, "count").text
    assert told == f"{of_condition} of {every} images"
    Select(chrome.find_element(By.NAME, "condition")).select_by_visible_text("any")
    apart = Select(chrome.find_element(By.NAME, "apart"))
    method = apart.options[1].text
    apart.select_by_visible_text(method)
    shown = [one for one in elements(chrome, ".images > li") if not one.get_attribute("hidden")]
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
    code = [one.text for one in visible(chrome, "#metric-auroc code")]
    assert code == ["Detection", "benchmarks/metrics/detection.py"]


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(open_of_both: Open, width: int) -> None:
    chrome = opened(open_of_both(width=width))
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width


def test_letters_of_figures_can_be_read_on_a_phone(page: Open) -> None:
    chrome = opened(page(width=NARROW))
    heights = chrome.execute_script(
        "return [...document.querySelectorAll('figure svg text')]"
        ".map(one => [parseFloat(getComputedStyle(one).fontSize), one.getScreenCTM()])"
        ".map(([size, at]) => size * Math.hypot(at.a, at.b))"
    )
    assert heights
    assert min(heights) > 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_background(page: Open, scheme: str) -> None:
    chrome = page(scheme=scheme)
    colours = {
        name: chrome.execute_script(
            "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])",
            f"--{name}",
        )
        for name in ("paper", "panel", "text", "soft", "link", "good", "middle", "bad")
    }
    assert (luminance(colours["paper"]) > 0.5) is (scheme == "light")
    for ground in ("paper", "panel"):
        for name in ("text", "soft", "link", "good", "middle", "bad"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminances."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour.strip().removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_control_and_image_has_a_name(browser: Chrome, page: Open) -> None:
    page()
    tree: dict[str, Any] = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    nameless = [
        json.dumps(node["role"])
        for node in tree["nodes"]
        if not node.get("ignored")
        and node["role"].get("value") in ("button", "link", "combobox", "image", "img", "table")
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (WIDE, "light"), (WIDE, "dark")])
def test_everybody_can_use_it(open_of_both: Open, width: int, scheme: str) -> None:
    assert violations(open_of_both(width=width, scheme=scheme)) == []
    assert violations(opened(open_of_both(width=width, scheme=scheme))) == []
