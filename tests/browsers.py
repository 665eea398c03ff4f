"""Chromium without a window, for tests of pages, which are marked ``browser``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver")

FETCHED = (
    "return performance.getEntriesByType('resource').map(entry => entry.name)"
    ".filter(name => !name.startsWith('data:') && !name.startsWith('blob:'))"
)
"""A script that returns the addresses of what a page has requested."""

AXE = """
const done = arguments[arguments.length - 1];
const alike = [["figure svg > *"], [".images > li:nth-child(n + 4)"]];
axe.run({ exclude: alike }).then((results) => done(results.violations.map(
  (rule) => `${rule.help}: ${rule.nodes.map((node) => node.html.slice(0, 200)).join('; ')}`
)));
"""
"""A script that returns what axe-core finds wrong, of many images in the first ones."""


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser, closed in the end; the test is skipped where none is installed."""
    program, driver = _installed(BROWSERS), _installed(DRIVERS)
    if program is None or driver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def show(
    browser: Chrome,
    address: str,
    *,
    width: int,
    scheme: str = "light",
    medium: str = "screen",
) -> Chrome:
    """The browser with this page, opened anew."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    emulated = {"features": [feature], "media": medium}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get(address)
    return browser


def violations(browser: Chrome) -> list[str]:
    """What axe-core finds wrong for people who use a keyboard, a screen reader or high contrast.

    The test is skipped where axe-core is not installed: a package for another driver holds it.
    """
    package = find_spec("axe_playwright_python")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no axe-core: pip install axe-playwright-python")
    script = Path(package.submodule_search_locations[0]) / "axe.min.js"
    browser.execute_script(script.read_text(encoding="utf-8"))
    browser.set_script_timeout(120)
    return list(browser.execute_async_script(AXE))


def _installed(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)
