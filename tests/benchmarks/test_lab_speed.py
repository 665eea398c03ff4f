"""The lab in a browser: how long after a stroke its answers come, and how long the page is busy.

``extra_info`` holds the page's own times in milliseconds, for 50 networks and 100 passes: from the
question to the first answer and to the last, and the longest time within a stroke in which the page
did nothing else. No speed depends on the weights, so the networks are untrained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from benchmarks.lab.contents import RecipeContents
from benchmarks.lab.gallery import GalleryImage, Group
from benchmarks.lab.page import write_lab
from benchmarks.lab.rounding import LARGE, rounded
from benchmarks.lab.standing import MEASURES
from benchmarks.report.names import Names
from benchmarks.run.configuration.presets import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from methods.networks.lenet5 import LeNet5, LeNet5ReLU
from tests.browsers import chromium, show
from tests.lab.strokes import EIGHT, by_mouse

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome

Measure = Callable[..., None]

PASSES, MEMBERS, TEST_IMAGES = 100, 50, 10_000

ANSWER = """
const done = arguments[0];
ask();
const wait = setInterval(() => {
  const times = ['first answer', 'all answers']
    .map((name) => performance.getEntriesByName(name)[0]);
  if (times.some((one) => !one)) return;
  clearInterval(wait);
  done(times.map((one) => one.duration));
}, 5);
"""

WATCH = """
window.longest = 0;
const channel = new MessageChannel();
let last = performance.now();
channel.port1.onmessage = () => {
  const now = performance.now();
  window.longest = Math.max(window.longest, now - last);
  last = now;
  channel.port2.postMessage(null);
};
channel.port2.postMessage(null);
"""


def contents(name: str, kind: type[LeNet5]) -> RecipeContents:
    """Of untrained networks, and a gallery of black images."""
    networks = [rounded(kind(dropout=0.5), LARGE if n else ()) for n in range(MEMBERS)]
    black = tuple(GalleryImage(index, 8, "A" * 1044 + "AA==") for index in (61, 591))
    zeros = np.zeros(TEST_IMAGES, np.float32)
    return RecipeContents(
        name=name,
        label=name,
        networks=tuple(networks),
        masks=networks[0].network.passes(0, 0, PASSES),
        standings={(m, s): zeros for m in ("mc_dropout", "deep_ensemble") for s in MEASURES},
        groups=[Group("", "", black)],
        change=0.0,
        votes_changed=0,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    names = Names(nouns_of(Plan(configuration_of("article"))))
    write_lab([contents("tanh", LeNet5), contents("relu", LeNet5ReLU)], names, "", path)
    return path


@pytest.fixture(scope="module")
def chrome(page: Path) -> Iterator[Chrome]:
    with chromium() as browser:
        show(browser, page.as_uri(), width=1440)
        browser.set_script_timeout(60)
        browser.execute_async_script(
            "const wait = setInterval((done) => {"
            "if ([...arrived.values()].some((one) => one.done < 50)) return;"
            "clearInterval(wait); done(); }, 50, arguments[0])"
        )
        yield browser


@pytest.mark.benchmark(group="an answer of the lab")
class TestLab:
    @pytest.mark.parametrize("recipe", ["tanh", "relu"])
    def test_answer(self, chrome: Chrome, measure: Measure, benchmark: Any, recipe: str) -> None:
        chrome.execute_script("chooseRecipe(arguments[0]); STEPS.letter()", recipe)
        times: list[list[float]] = []
        measure(lambda: times.append(chrome.execute_async_script(ANSWER)), rounds=7)
        first, last = zip(*times[1:], strict=True)
        benchmark.extra_info.update(first_ms=median(first), all_ms=median(last))

    def test_stroke(self, chrome: Chrome, measure: Measure, benchmark: Any) -> None:
        chrome.execute_script("chooseRecipe('tanh'); STEPS.own()")
        chrome.execute_script(WATCH)
        longest: list[float] = []

        def work() -> None:
            chrome.execute_script("longest = 0")
            by_mouse(chrome, EIGHT)
            longest.append(chrome.execute_script("return longest"))

        measure(work, rounds=5)
        benchmark.extra_info.update(longest_ms=median(longest[1:]))
