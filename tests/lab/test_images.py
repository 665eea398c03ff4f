"""From a drawing to the pixels that networks see: in JavaScript as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.check import read_digit
from benchmarks.tasks.shifts import rotated
from methods.networks.recipes import LabelledImages
from tests.lab.script import computed, needs_node

pytestmark = needs_node

SIDE = 280
DRAWINGS: dict[str, list[tuple[int, int]]] = {
    "wide": [(20, 60), (250, 70), (130, 200), (131, 207)],
    "tall": [(140, 10), (150, 265), (146, 30)],
    "small and off the middle": [(33, 200), (57, 233), (40, 241)],
    "at the edge": [(270, 270), (279, 150)],
}


def drawing(points: list[tuple[int, int]]) -> Image.Image:
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).line(points, fill=255, width=22, joint="curve")
    return image.resize((SIDE * 2, SIDE * 2)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def ink(image: Image.Image) -> list[float]:
    return (np.asarray(image, dtype=np.float64).ravel() / 255).tolist()


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_becomes_the_image_that_epistemic_check_reads(name: str, tmp_path: Path) -> None:
    image = drawing(DRAWINGS[name])
    image.save(tmp_path / "drawing.png")
    expected = read_digit(tmp_path / "drawing.png").flatten()
    found = computed(f"return fitted(Float32Array.from(given), {SIDE});", ink(image))
    assert expected.max() == 1
    torch.testing.assert_close(torch.tensor(found), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [1, 30, 45.5, 90, -120, 180])
def test_rotation_is_that_of_the_conditions(angle: float, test_images: LabelledImages) -> None:
    # Grey to the edges, where the ways of rotating differ.
    images = (test_images.images[:2] + 0.3).clamp(0, 1)
    found: Any = computed(
        "return given.images.map((one) => rotated(Float32Array.from(one), given.angle));",
        {"images": images.flatten(start_dim=1).tolist(), "angle": angle},
    )
    expected = rotated(images, angle).flatten(start_dim=1)
    torch.testing.assert_close(torch.tensor(found), expected, atol=2e-4, rtol=0)


def test_drawing_in_the_frame_of_an_image_is_averaged() -> None:
    shown = np.random.default_rng(0).integers(0, 256, (28, 28)) / 255
    enlarged = np.kron(shown, np.ones((10, 10)))
    enlarged[:10, :5] = 1  # drawn over half of the first pixel
    found = computed(f"return framed(Float32Array.from(given), {SIDE});", enlarged.ravel().tolist())
    expected = shown.copy()
    expected[0, 0] = (1 + shown[0, 0]) / 2
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-5)
