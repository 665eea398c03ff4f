"""The page in a browser: what it shows, and that it shows what was measured.

A set of its own: ``python -m pytest -m browser``.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import Names, Variant
from benchmarks.report.page import write_page
from benchmarks.report.results import Results
from benchmarks.schema import read_table, write_table
from tests.browsers import chromium, show, violations
from tests.report.support import NAMES

pytest.importorskip("selenium", reason="selenium drives the browser")

from matplotlib.figure import Figure
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 400

TOP_OF = "(id => document.getElementById(id).querySelector('h2').getBoundingClientRect().top)"
BAR = "document.querySelector('nav').getBoundingClientRect().bottom"

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


def until(chrome: Chrome, script: str) -> None:
    """Wait for what follows a change of the fragment."""
    WebDriverWait(chrome, 5).until(lambda _: chrome.execute_script(script))


def elements(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return where.find_elements(By.CSS_SELECTOR, selector)


def visible(where: Chrome | WebElement, selector: str) -> list[WebElement]:
    return [one for one in elements(where, selector) if one.is_displayed()]


def press(chrome: Chrome, selector: str, text: str) -> WebElement:
    """Click the visible element of this text, by script: the bar at the top may lie over it."""
    one = next(e for e in visible(chrome, selector) if e.text.strip().startswith(text))
    chrome.execute_script("arguments[0].click()", one)
    return one


def opened(chrome: Chrome) -> Chrome:
    """With everything behind "More" open."""
    chrome.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    return chrome


def column(chrome: Chrome, position: int) -> list[str]:
    return [
        row.find_elements(By.CSS_SELECTOR, "th, td")[position].text
        for row in visible(chrome, "#leaderboard tbody tr")
    ]


def explored(folder: Path) -> pd.DataFrame:
    return read_table(folder / "curves", "explorer.csv")


def test_nothing_is_fetched_and_the_console_is_silent(page: Open) -> None:
    chrome = page()
    fetched = chrome.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(name => !name.startsWith('data:'))"
    )
    assert fetched == []
    assert chrome.title == "Which uncertainty method should you trust?"
    titles = [one.text for one in visible(chrome, "h2")]
    assert titles[0] == "Which method to use"
    assert len(titles) == len(elements(chrome, "nav li"))


def test_numbers_of_the_leaderboard_are_those_of_the_measurements(
    page: Open, reported: Path
) -> None:
    chrome = opened(page())
    measurements = read_table(reported, "measurements.csv")
    means = measurements.groupby(["method", "members", "condition", "metric", "score"])["value"]
    expected = means.mean().to_dict()
    names = {NAMES.label(Variant(*key[:2])): key[:2] for key in expected}
    metrics = {NAMES.printed(name).heading.replace("\n", " "): name for name in METRICS}
    conditions = {NAMES.condition(name).label: name for name in set(measurements["condition"])}
    compared = 0
    for view in [one.text for one in visible(chrome, "#leaderboard .switch button")]:
        press(chrome, "#leaderboard .switch button", view)
        if view not in conditions:
            continue  # the mean over rotations is no condition of the measurements
        headings = [one.text for one in visible(chrome, "#leaderboard thead th")]
        for row in visible(chrome, "#leaderboard tbody tr"):
            variant = names[row.find_element(By.CSS_SELECTOR, "th").text.strip()]
            for heading, cell in zip(headings[1:], elements(row, "td"), strict=True):
                if not cell.get_attribute("data-value"):
                    assert cell.text.startswith(("—", "n/a"))
                    continue
                metric = metrics[heading]
                score = "predictive_entropy" if metric == "auroc" else ""
                shown = cell.text.split()[0]
                decimals = len(shown.partition(".")[2])
                value = expected[*variant, conditions[view], metric, score]
                assert shown == f"{value:.{decimals}f}"
                compared += 1
    assert compared > 50


def test_a_heading_sorts_best_first_and_then_the_other_way(page: Open) -> None:
    chrome = opened(page())
    heading = press(chrome, "#leaderboard thead button", "Accuracy")
    position = [one.text for one in visible(chrome, "#leaderboard thead th")].index(
        next(t.text for t in visible(chrome, "#leaderboard thead th") if "Accuracy" in t.text)
    )
    descending = [float(text.split()[0]) for text in column(chrome, position)]
    assert descending == sorted(descending, reverse=True)
    sort = heading.find_element(By.XPATH, "..").get_attribute("aria-sort")
    assert sort == "descending"
    press(chrome, "#leaderboard thead button", "Accuracy")
    assert [float(text.split()[0]) for text in column(chrome, position)] == descending[::-1]
    press(chrome, "#leaderboard thead button", "ECE")
    assert heading.find_element(By.XPATH, "..").get_attribute("aria-sort") == "none"
    press(chrome, "#leaderboard thead button", "Disagreement")
    last = len(visible(chrome, "#leaderboard thead th")) - 1
    assert column(chrome, last)[-1] == "—"  # softmax has none, and stays last
    press(chrome, "#leaderboard thead button", "Disagreement")
    assert column(chrome, last)[-1] == "—"


def test_what_is_infinite_is_sorted_as_the_worst(
    open_page: Open, reported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reported, folder, ignore=shutil.ignore_patterns("predictions", "figures"))
    summary = read_table(folder, "summary.csv")
    rows = (summary["method"] == "softmax") & (summary["metric"] == "nll")
    summary.loc[rows, ["value", "lower", "upper"]] = math.inf
    write_table(summary, folder, "summary.csv")
    write_page(Results.load(folder), folder)
    chrome = opened(open_page(folder))
    headings = [one.text for one in visible(chrome, "#leaderboard thead th")]
    position = next(i for i, text in enumerate(headings) if text.startswith("NLL"))
    press(chrome, "#leaderboard thead button", "NLL")
    ascending = column(chrome, position)
    assert ascending[-1].startswith("∞")
    press(chrome, "#leaderboard thead button", "NLL")
    assert column(chrome, position) == ascending[::-1]


def test_a_switch_leads_to_a_state_that_a_link_leads_to_as_well(page: Open) -> None:
    chrome = opened(page())
    press(chrome, "#leaderboard .switch button", "Uniform noise")
    captions = [one.text for one in visible(chrome, "#leaderboard caption")]
    assert captions == ["Uniform noise"]
    fragment = unquote(chrome.current_url.partition("#")[2])
    assert fragment == "ranking?images=Uniform+noise"
    again = opened(page(f"#{fragment}"))
    assert [one.text for one in visible(again, "#leaderboard caption")] == ["Uniform noise"]


@pytest.fixture
def open_of_both(open_page: Callable[..., Chrome], of_both: Path) -> Open:
    return partial(open_page, of_both)


def follow(chrome: Chrome, link: str) -> str:
    """Click the link, seen or not; the section that the page is then at."""
    chrome.execute_script("arguments[0].click()", elements(chrome, link)[0])
    section = chrome.current_url.partition("#")[2].partition("?")[0]
    until(chrome, f"return Math.abs({TOP_OF}('{section}') - {BAR}) < 12")
    return section


def recipe_shown(chrome: Chrome) -> str:
    return visible(chrome, "#leaderboard .recipe b")[0].text


def test_links_to_a_section_keep_what_was_chosen(open_of_both: Open) -> None:
    chrome = opened(open_of_both("#explorer?sort=confidence&condition=clean"))
    press(chrome, "nav .switch button", "article")
    press(chrome, "#leaderboard .switch button", "Uniform noise")
    for link, section in (
        ("nav li:nth-child(4) a", "group-rotated"),
        ("dl a:last-child", "claims"),
    ):
        assert follow(chrome, link) == section
        assert recipe_shown(chrome) == "article"
        assert visible(chrome, "#leaderboard caption")[0].text == "Uniform noise"
        chosen = Select(chrome.find_element(By.NAME, "sort")).first_selected_option
        assert chosen.text == "Confidence"
    for _ in range(2):  # the second time without a change of the hash
        chrome.execute_script("scrollTo(0, 9999)")
        assert follow(chrome, ".skip") == "summary"
    assert chrome.switch_to.active_element.get_attribute("id") == "summary"


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("state", ["", "?recipe=article"])
def test_the_bar_covers_no_heading_that_a_link_leads_to(
    open_of_both: Open, width: int, state: str
) -> None:
    chrome = open_of_both(f"#group-rotated{state}", width=width)
    until(chrome, f"return {TOP_OF}('group-rotated') >= {BAR}")
    assert follow(chrome, "nav li:nth-child(3) a") == "calibration"


def test_a_method_switched_off_is_drawn_nowhere(page: Open) -> None:
    chrome = page()
    assert visible(chrome, "#group-rotated [data-series='softmax-1']")
    button = press(chrome, "#group-rotated .legend button", "Softmax")
    assert button.get_attribute("aria-pressed") == "false"
    assert not visible(chrome, "[data-series='softmax-1']")
    assert visible(chrome, "#group-rotated [data-series='deep_ensemble-4']")
    assert not visible(page("#calibration?off=softmax-1"), "[data-series='softmax-1']")


def test_arrow_keys_step_through_the_values_of_a_chart(page: Open, reported: Path) -> None:
    chrome = page()
    drawing = elements(chrome, "#group-rotated .chart svg")[0]
    chrome.execute_script("arguments[0].focus()", drawing)
    drawing.send_keys(Keys.ARROW_RIGHT)
    tip = chrome.find_element(By.ID, "tip").text
    summary = read_table(reported, "summary.csv").set_index(["method", "condition", "metric"])
    value = float(summary.loc[("softmax", "clean", "accuracy"), "value"])
    shown = tip.split()[2]
    assert tip.startswith("Softmax, Clean: ")
    assert shown == f"{value:.{len(shown.partition('.')[2])}f}"
    drawing.send_keys(Keys.ARROW_RIGHT)
    assert chrome.find_element(By.ID, "tip").text.startswith("Softmax, 30°: ")
    drawing.send_keys(Keys.ESCAPE)
    assert not chrome.find_element(By.ID, "tip").is_displayed()


def test_filters_leave_the_images_that_they_name(page: Open, reported: Path) -> None:
    chrome = page()
    rows = explored(reported)
    images = rows.drop_duplicates(["condition", "index"])
    assert chrome.find_element(By.ID, "count").text == f"{len(images)} of {len(images)} images"
    Select(chrome.find_element(By.NAME, "condition")).select_by_visible_text("30°")
    Select(chrome.find_element(By.NAME, "method")).select_by_value("mc_dropout-8")
    Select(chrome.find_element(By.NAME, "outcome")).select_by_value("wrong")
    Select(chrome.find_element(By.NAME, "sort")).select_by_value("predictive_entropy")
    of_method = rows[(rows["method"] == "mc_dropout") & (rows["condition"] == "rotated-030")]
    means = of_method[[f"mean_probability_{c}" for c in range(10)]].to_numpy()
    wrong = of_method[means.argmax(axis=1) != of_method["label"]]
    assert chrome.find_element(By.ID, "count").text == f"{len(wrong)} of {len(images)} images"
    shown = [float(one.text.rpartition(": ")[2]) for one in visible(chrome, ".card-value")]
    expected = wrong["predictive_entropy"].sort_values(ascending=False).head(len(shown))
    assert shown == pytest.approx(expected.tolist(), abs=5.1e-4)
    assert all("30°" in one.text for one in visible(chrome, ".card-title"))


def test_one_particular_image_is_found_by_its_number(page: Open, reported: Path) -> None:
    chrome = page()
    number = int(explored(reported)["number"].iloc[-1])
    chrome.find_element(By.NAME, "number").send_keys(str(number), Keys.TAB)
    shown = [one.text for one in visible(chrome, ".card-title")]
    assert shown
    assert all(f"image {number}" in title for title in shown)
    assert f"number={number}" in chrome.current_url


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("number=591", "0 of {} images. Image 591 is not among the images of this run"),
        ("image=clean/61", "{0} of {0} images. Image 61 is not among the images of this run"),
        ("number=9999", "0 of {} images. Image 9999 is not among those shown here"),
        ("image=clean/9999", "{0} of {0} images. Image clean/9999 is not among those shown here"),
    ],
)
def test_absence_of_an_image_is_explained(
    page: Open, reported: Path, state: str, text: str
) -> None:
    chrome = page(f"#explorer?{state}")
    images = len(explored(reported).drop_duplicates(["condition", "index"]))
    assert chrome.find_element(By.ID, "count").text.startswith(text.format(images))
    assert (
        "article's images, none is included; a run on all test images includes 61 and 591."
        in elements(chrome, "#explorer p")[0].text
    )


def test_measures_of_several_members_sort_or_explain_why_not(page: Open, reported: Path) -> None:
    chrome = page("#explorer?sort=mutual_information")
    shown = [one.text.rpartition(": ")[2] for one in visible(chrome, ".card-value")]
    values = [float(value) for value in shown if value != "—"]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0
    assert "Not sorted" not in chrome.find_element(By.ID, "count").text
    Select(chrome.find_element(By.NAME, "method")).select_by_visible_text("Softmax")
    text = chrome.find_element(By.ID, "count").text
    assert "Not sorted by mutual information (nats): it needs more than one member" in text


def test_keyboard_continues_where_an_image_was_closed(page: Open) -> None:
    chrome = page("#explorer")
    card = visible(chrome, "#cards a")[3]
    name = card.find_element(By.CSS_SELECTOR, ".card-title").text
    card.send_keys(Keys.ENTER)
    until(chrome, "return document.activeElement.id === 'detail'")
    chrome.find_element(By.LINK_TEXT, "Close").send_keys(Keys.ENTER)
    until(chrome, "return document.activeElement.matches('#cards a')")
    assert chrome.switch_to.active_element.text.startswith(name)


def test_filters_follow_what_is_typed_and_close_an_image_that_they_leave_out(page: Open) -> None:
    chrome = page("#explorer")
    press(chrome, "#cards a", visible(chrome, "#cards a")[0].text)
    until(chrome, "return !document.getElementById('detail').hidden")
    chrome.find_element(By.NAME, "number").send_keys("9999")
    assert chrome.find_element(By.ID, "count").text.startswith("0 of ")
    assert not chrome.find_element(By.ID, "detail").is_displayed()


def test_the_explorer_obeys_the_recipe(open_of_both: Open, of_both: Path) -> None:
    chrome = open_of_both("#explorer")
    rows = explored(of_both).drop_duplicates(["recipe", "condition", "index"])
    counts = rows["recipe"].value_counts()
    assert (
        chrome.find_element(By.ID, "count").text
        == f"{counts['standard']} of {counts['standard']} images"
    )
    press(chrome, "nav .switch button", "article")
    assert chrome.find_element(By.ID, "count").text.startswith(
        "0 of 0 images. Images were chosen by the recipe standard, not by article"
    )
    assert not visible(chrome, "#cards li")


def test_the_marker_next_to_a_finger_is_told(page: Open) -> None:
    chrome = page(width=NARROW)
    drawing = elements(chrome, "#group-rotated .chart svg")[0]
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", drawing)
    mark = visible(drawing, "[data-series='softmax-1'] use[data-tip]")[0]
    touch = (
        "const at = arguments[0].getBoundingClientRect(), x = (at.left + at.right) / 2;"
        "const where = {bubbles: true, clientX: x - arguments[2], clientY: at.bottom};"
        "arguments[1].dispatchEvent(new PointerEvent('pointerdown', where))"
    )
    chrome.execute_script(touch, mark, drawing, 10)
    tip = chrome.find_element(By.ID, "tip")
    assert tip.is_displayed()
    assert ", Clean: " in tip.text
    chrome.execute_script(touch, mark, drawing, 200)
    assert not tip.is_displayed()


def test_charts_of_another_recipe_are_unpacked_and_tell_their_values(
    open_of_both: Open, of_both: Path
) -> None:
    chrome = open_of_both()
    drawn = len(visible(chrome, ".chart svg"))
    assert len(elements(chrome, ".chart svg")) == drawn > 0
    press(chrome, "nav .switch button", "article")
    until(chrome, "return document.querySelector('[data-packed=cost-article]:empty') === null")
    assert len(visible(chrome, ".chart svg")) == drawn
    drawing = visible(chrome, "#group-rotated .chart svg")[0]
    chrome.execute_script("arguments[0].focus()", drawing)
    drawing.send_keys(Keys.ARROW_RIGHT)
    tip = chrome.find_element(By.ID, "tip").text
    summary = read_table(of_both, "summary.csv").set_index(
        ["recipe", "method", "condition", "metric"]
    )["value"]
    shown = tip.split()[2]
    value = float(summary.loc[("article", "softmax", "clean", "accuracy")])
    assert tip.startswith("Softmax, Clean: ")
    assert shown == f"{value:.{len(shown.partition('.')[2])}f}"
    press(chrome, "#group-rotated .legend button", "Softmax")
    assert not visible(chrome, "[data-series='softmax-1']")
    assert visible(chrome, "#group-rotated [data-series='deep_ensemble-4']")


def test_the_figure_of_a_claim_has_the_colours_of_the_page(
    open_page: Open, of_both: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(of_both, folder, ignore=shutil.ignore_patterns("predictions"))
    (folder / "figures").mkdir(exist_ok=True)
    for suffix in ("png", "svg"):
        Figure().savefig(folder / "figures" / f"claims-count-plots-article.{suffix}")
    write_page(Results.load(folder), folder)
    for scheme, fill in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 23, 26)")):
        chrome = open_page(folder, scheme=scheme)
        assert not elements(chrome, ".claims svg")
        opened(chrome)
        until(chrome, "return document.querySelector('.claims svg path') !== null")
        (drawing,) = elements(chrome, ".claims svg path")
        assert drawing.value_of_css_property("fill") == fill


def test_switches_say_what_they_switch(open_of_both: Open) -> None:
    chrome = opened(open_of_both())
    labels = [one.text for one in visible(chrome, ".switch .switch-label")]
    assert labels[:2] == ["Recipe", "Images"]
    assert len(labels) == len(visible(chrome, ".switch"))


def test_nothing_is_closed_or_switched_away_on_paper(open_of_both: Open) -> None:
    chrome = open_of_both("#leaderboard?recipe=article", medium="print")
    rule = chrome.find_element(By.CSS_SELECTOR, "#claims dd")
    assert not rule.is_displayed()
    chrome.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert rule.is_displayed()
    tables = visible(chrome, "#leaderboard table")
    assert len(tables) == len(elements(chrome, "#leaderboard table")) / 2  # those of one recipe
    assert len(visible(chrome, "#metrics details > dl")) == len(METRICS)
    chrome.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not rule.is_displayed()


def test_a_card_leads_to_an_image_whose_numbers_are_those_written(
    page: Open, reported: Path
) -> None:
    chrome = page()
    card = visible(chrome, "#cards a")[0]
    title = card.find_element(By.CSS_SELECTOR, ".card-title").text
    chrome.execute_script("arguments[0].click()", card)
    detail = chrome.find_element(By.ID, "detail")
    assert detail.is_displayed()
    assert detail.find_element(By.CSS_SELECTOR, "h3").text == title
    fragment = unquote(chrome.current_url.partition("#")[2])
    condition, number = fragment.partition("image=")[2].split("/")[:2]
    rows = explored(reported)
    rows = rows[(rows["condition"] == condition) & (rows["number"] == int(number))]
    variants = zip(rows["method"], rows["members"], strict=True)
    rows = rows.assign(label=[NAMES.label(Variant(*variant)) for variant in variants])
    heads = [one.text for one in elements(detail, "thead th")][1:]
    assert sorted(heads) == sorted(rows["label"])
    measures = ["confidence", "predictive_entropy", "expected_entropy", "mutual_information"]
    for line, measure in zip(elements(detail, "tbody tr"), measures, strict=False):
        cells = [cell.text for cell in elements(line, "td")]
        for head, text in zip(heads, cells, strict=True):
            value = rows.loc[rows["label"] == head, measure].iloc[0]
            assert text == ("—" if pd.isna(value) else f"{value:.3f}")
    chrome.back()
    assert not chrome.find_element(By.ID, "detail").is_displayed()
    again = page(f"#{fragment}")
    assert again.find_element(By.CSS_SELECTOR, "#detail h3").text == title


def test_link_to_a_definition_opens_it(page: Open) -> None:
    chrome = page("#metric-auroc")
    assert chrome.find_element(By.CSS_SELECTOR, "#metric-auroc details").get_property("open")
    code = [one.text for one in elements(chrome, "#metric-auroc code")]
    assert code == ["Detection", "benchmarks/metrics/detection.py"]


def test_every_relative_link_leads_to_a_file(page: Open, reported: Path) -> None:
    chrome = page()
    links = [one.get_dom_attribute("href") for one in elements(chrome, "main a")]
    files = [link for link in links if not link.startswith("#")]
    assert {"summary.csv", "measurements.csv", "tables/", "curves/explorer.csv"} <= set(files)
    assert [link for link in files if not (reported / link).exists()] == []


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(open_of_both: Open, width: int) -> None:
    chrome = opened(open_of_both("#explorer?condition=clean", width=width))
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    tables, clipped = "document.querySelectorAll('.wide')", "one.scrollWidth > one.clientWidth"
    script = f"return [...{tables}].filter(one => {clipped}).map(one => one.ariaLabel)"
    assert chrome.execute_script(script) == []


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
    page("#explorer")
    tree: dict[str, Any] = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    nameless = [
        json.dumps(node["role"])
        for node in tree["nodes"]
        if not node.get("ignored")
        and node["role"].get("value") in ("button", "link", "combobox", "image", "img", "table")
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []


def ranked(chrome: Chrome, position: int) -> list[str]:
    return [
        one.text for one in visible(chrome, f"#rank-table tbody tr > :nth-child({position + 1})")
    ]


def test_order_and_filters_of_the_ranking_are_in_the_address(open_of_both: Open) -> None:
    chrome = open_of_both()
    every = len(ranked(chrome, 0))
    heading = press(chrome, "#rank-table thead button", "Accuracy").text
    position = [one.text for one in elements(chrome, "#rank-table thead th")].index(heading)
    values = [float(text.split()[0]) for text in ranked(chrome, position)]
    assert values == sorted(values, reverse=True)
    press(chrome, "#rank-table thead button", "Accuracy")
    Select(chrome.find_element(By.NAME, "of")).select_by_visible_text("article")
    assert set(ranked(chrome, 1)) == {"article"}
    shown = ranked(chrome, 0)
    assert 0 < len(shown) < every
    again = open_of_both(f"#{chrome.current_url.partition('#')[2]}")
    assert ranked(again, 0) == shown
    values = [float(text.split()[0]) for text in ranked(again, position)]
    assert values == sorted(values)


def test_networks_are_switched_with_their_recipes(
    open_page: Open, of_both: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(of_both, folder, ignore=shutil.ignore_patterns("predictions"))
    names = Names.read(folder)
    recipes = (
        replace(one, network="other") if one.name == "article" else one for one in names.recipes
    )
    replace(names, recipes=tuple(recipes)).write(folder)
    write_page(Results.load(folder), folder)
    chrome = opened(open_page(folder))
    recipe = "nav [data-for=recipe] button"
    assert [one.text for one in visible(chrome, recipe)] == ["standard"]
    press(chrome, "nav [data-for=network] button", "other")
    assert [one.text for one in visible(chrome, recipe)] == ["article"]
    assert recipe_shown(chrome) == "article"
    assert chrome.find_element(By.ID, "count").text.startswith("0 of 0 images")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (WIDE, "light"), (WIDE, "dark")])
def test_everybody_can_use_it(page: Open, width: int, scheme: str) -> None:
    assert violations(page(width=width, scheme=scheme)) == []
    assert violations(opened(page(width=width, scheme=scheme))) == []
