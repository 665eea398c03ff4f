"""Strokes on the lab's canvas, by a mouse or a finger that the browser is told of."""

from __future__ import annotations

from collections.abc import Sequence

from selenium.webdriver import Chrome

Points = Sequence[tuple[float, float]]

EIGHT: Points = [
    *((0.62, 0.3), (0.5, 0.2), (0.38, 0.3), (0.42, 0.42), (0.5, 0.5), (0.6, 0.62)),
    *((0.62, 0.74), (0.5, 0.83), (0.38, 0.74), (0.4, 0.62), (0.5, 0.5), (0.6, 0.4), (0.62, 0.3)),
]
"""An 8 in one stroke, in shares of the canvas."""


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
