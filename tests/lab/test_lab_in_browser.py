"""The lab in a browser: drawn on by mouse, finger and keys, and its answers beside Python's.

A set of its own: ``python -m pytest -m browser``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.check import read_digit
from benchmarks.lab.contents import rounded
from benchmarks.run.configuration import configuration_of
from benchmarks.run.plan import Plan
from benchmarks.tasks.shifts import rotated
from methods import Prediction
from methods.networks.architectures import LeNet5
from tests.browsers import FETCHED, chromium, show, violations
from tests.lab.conftest import MEMBERS, few_images
from tests.runs import run_of

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

Open = Callable[..., Chrome]
Points = Sequence[tuple[float, float]]

EIGHT: Points = [
    *((0.62, 0.3), (0.5, 0.2), (0.38, 0.3), (0.42, 0.42), (0.5, 0.5), (0.6, 0.62)),
    *((0.62, 0.74), (0.5, 0.83), (0.38, 0.74), (0.4, 0.62), (0.5, 0.5), (0.6, 0.4), (0.62, 0.3)),
]
"""An 8 in one stroke, in shares of the canvas."""


COUNTS = """
const number = ({ textContent }) => Number(textContent.replace('>', ''));
return Object.fromEntries([...document.querySelectorAll('[data-plot]')].map(
  (plot) => [plot.dataset.plot, [...plot.querySelectorAll('.count')].map(number)]
));
"""

SEEN = """
const {data} = document.getElementById('seen').getContext('2d').getImageData(0, 0, 28, 28);
return Array.from({length: 784}, (_, i) => data[4 * i]);
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def lab(browser: Chrome, small_lab: Path) -> Iterator[Open]:
    """Opens the page anew, all networks loaded; the console must stay silent to the end."""

    def open_lab(*, width: int = 1440, scheme: str = "light") -> Chrome:
        chrome = show(browser, small_lab.as_uri(), width=width, scheme=scheme)
        until(
            chrome,
            "return /^(\\d+) of \\1 networks/.test(document.getElementById('loaded').textContent)",
        )
        return answered(chrome)

    yield open_lab
    assert browser.get_log("browser") == []


def until(chrome: Chrome, script: str, *arguments: object) -> None:
    WebDriverWait(chrome, 120).until(lambda _: chrome.execute_script(script, *arguments))


def answered(chrome: Chrome) -> Chrome:
    """The page once all networks have answered the newest question."""
    until(chrome, "return performance.getEntriesByName('all answers').length > 0")
    return chrome


def press(chrome: Chrome, selector: str) -> Chrome:
    chrome.execute_script("arguments[0].click()", chrome.find_element(By.CSS_SELECTOR, selector))
    return chrome


def counts(chrome: Chrome) -> dict[str, list[int]]:
    columns: dict[str, list[int]] = chrome.execute_script(COUNTS)
    return columns


def seen(chrome: Chrome) -> np.ndarray:
    return np.array(chrome.execute_script(SEEN)).reshape(28, 28)


def set_slider(chrome: Chrome, name: str, value: int) -> None:
    chrome.execute_script(
        "const slider = document.getElementById(arguments[0]); slider.value = arguments[1];"
        "slider.dispatchEvent(new Event('input'))",
        name,
        value,
    )
    chrome.execute_script("return new Promise((done) => setTimeout(done, 200))")
    answered(chrome)


def predictions(small_lab: Path, image: torch.Tensor) -> dict[str, Prediction]:
    """PyTorch's, by the networks of the page."""
    with few_images():
        configuration = replace(configuration_of("article"), epochs=1)
        plan, workspace = Plan(configuration), run_of(configuration, small_lab.parent).workspace
        training = workspace.images(plan.task, plan.recipe.split)
        trained = plan.pool(store=workspace.store).networks(range(MEMBERS), training)
    networks = [rounded(cast(LeNet5, network)).network for network in trained]
    masks = networks[0].passes(configuration.seed, 0, 100)
    with torch.no_grad():
        logits = torch.stack([network(image) for network in networks])
        passes = networks[0](image.expand(100, 1, 28, 28), masks)[:, None]
    members = {"softmax": logits[:1], "mc_dropout": passes, "deep_ensemble": logits}
    return {name: Prediction.of_logits(logits) for name, logits in members.items()}


def by_mouse(chrome: Chrome, points: Points) -> None:
    """Press, move and release the left button."""
    kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 2), "mouseReleased"]
    for kind, (x, y) in zip(kinds, _on_screen(chrome, points), strict=True):
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        chrome.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def by_finger(chrome: Chrome, points: Points) -> None:
    """Touch, move and lift one finger."""
    chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        for number, (x, y) in enumerate(_on_screen(chrome, points)):
            kind = "touchMove" if number else "touchStart"
            event = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            chrome.execute_cdp_cmd("Input.dispatchTouchEvent", event)
        chrome.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    finally:
        chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def _on_screen(chrome: Chrome, points: Points) -> list[tuple[float, float]]:
    box = chrome.execute_script(
        "const pad = document.getElementById('pad'); pad.scrollIntoView({block: 'center'});"
        "const {left, top, width, height} = pad.getBoundingClientRect();"
        "return [left, top, width, height]"
    )
    left, top, width, height = box
    return [(left + x * width, top + y * height) for x, y in points]


def test_nothing_is_fetched_and_the_first_step_is_shown(lab: Open) -> None:
    chrome = lab()
    assert chrome.execute_script(FETCHED) == []
    assert sum(counts(chrome)["mc_dropout"]) == 100
    assert sum(counts(chrome)["deep_ensemble"]) == MEMBERS
    assert chrome.find_elements(By.CSS_SELECTOR, '.pick[data-index="61"][aria-pressed="true"]')
    assert re.match(r"(Right|Wrong): ", chrome.find_element(By.ID, "verdict").text)


@pytest.mark.parametrize(("index", "angle"), [(61, 0), (591, 0), (591, 40)])
def test_answers_are_those_of_python(
    lab: Open, small_lab: Path, tmp_path: Path, index: int, angle: int
) -> None:
    chrome = press(lab(), f'.pick[data-index="{index}"]')
    set_slider(chrome, "angle", angle)
    with few_images():
        configuration = configuration_of("article")
        test = run_of(configuration, tmp_path).workspace.images(Plan(configuration).task, "test")
    image = rotated(test.images[[index]], angle) if angle else test.images[[index]]
    assert np.abs(seen(chrome) - 255 * image[0, 0].numpy()).max() <= 1
    shown = counts(chrome)
    for name, expected in predictions(small_lab, image).items():
        if name == "softmax":
            assert np.abs(np.array(shown[name]) - 100 * expected.mean[0].numpy()).max() <= 1.5
        else:
            votes = expected.vote_share[0].numpy() * (expected.members or 0)
            assert np.abs(np.array(shown[name]) - votes).max() <= 1


@pytest.mark.parametrize("draw", [by_mouse, by_finger])
@pytest.mark.parametrize("width", [390, 1440])
def test_stroke_is_seen_as_epistemic_check_reads_it(
    lab: Open, tmp_path: Path, draw: Callable[..., None], width: int
) -> None:
    chrome = press(lab(width=width), '[data-step="own"]')
    draw(chrome, EIGHT)
    answered(chrome)
    ink = chrome.execute_script("return Array.from(pad.read()).filter((_, i) => i % 4 === 0)")
    drawn = np.array(ink, dtype=np.uint8).reshape(280, 280)
    assert 0.02 < (drawn > 0).mean() < 0.5
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    expected = 255 * read_digit(tmp_path / "drawn.png")[0].numpy()
    assert np.abs(seen(chrome) - expected).max() <= 1
    assert sum(counts(chrome)["deep_ensemble"]) == MEMBERS


def test_page_is_used_by_keyboard_alone(lab: Open) -> None:
    chrome = press(lab(), '[data-step="own"]')
    pad = chrome.switch_to.active_element
    assert pad.get_attribute("id") == "pad"
    pad.send_keys(Keys.SPACE, *[Keys.ARROW_UP] * 8)
    answered(chrome)
    assert seen(chrome).max() > 200
    reached = set()
    for _ in range(80):
        chrome.switch_to.active_element.send_keys(Keys.TAB)
        focused = chrome.switch_to.active_element
        names = (focused.get_attribute("id"), focused.get_attribute("class"))
        channel = "channel" if focused.get_attribute("data-channel") is not None else ""
        reached.add(next(filter(None, (channel, *names, focused.tag_name))))
    assert {"wipe", "angle", "channel", "next-pass", "blank-pass", "pick"} <= reached


def test_a_stroke_on_the_turned_pad_lands_where_it_is_drawn(lab: Open) -> None:
    chrome = press(lab(), '[data-step="own"]')
    chrome.execute_script("setAngle(90)")
    by_mouse(chrome, [(0.5, 0.1), (0.5, 0.15), (0.5, 0.2)])
    ink = chrome.execute_script("return Array.from(pad.read()).filter((_, i) => i % 4 === 0)")
    rows, columns = np.nonzero(np.array(ink).reshape(280, 280))
    # Turned counter-clockwise by 90 degrees, the canvas has its right side on top.
    assert rows.mean() == pytest.approx(140, abs=3)
    assert columns.mean() == pytest.approx(0.85 * 280, abs=4)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "light"), (1440, "dark")])
def test_everybody_can_use_it(lab: Open, width: int, scheme: str) -> None:
    assert violations(lab(width=width, scheme=scheme)) == []
