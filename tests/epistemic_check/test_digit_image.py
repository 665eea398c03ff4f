"""Images of digits in many formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.data.loading import load_mnist
from benchmarks.epistemic_check.digit_image import read_digit
from benchmarks.errors import UserError


def drawn(mode: str, background: object, ink: object, size: tuple[int, int]) -> Image.Image:
    """A seven."""
    image = Image.new(mode, size, background)  # type: ignore[arg-type]
    width, height = size
    corners = [
        (0.2 * width, 0.2 * height),
        (0.8 * width, 0.2 * height),
        (0.4 * width, 0.8 * height),
    ]
    ImageDraw.Draw(image).line(corners, fill=ink, width=max(1, width // 10))  # type: ignore[arg-type]
    return image


def read(image: Image.Image, path: Path) -> torch.Tensor:
    image.save(path)
    return read_digit(path)


def test_mnists_images_stay_as_they_are(tmp_path: Path) -> None:
    images = load_mnist("test").images[:100]
    unchanged = 0
    for image in images:
        file = Image.fromarray((image[0] * 255).round().byte().numpy())
        digit = read(file, tmp_path / "digit.png")
        # Faint pixels around the digit are no ink.
        unchanged += int(torch.allclose(digit, image, atol=0.11))
    assert unchanged >= 95


@pytest.mark.parametrize(
    ("mode", "background", "ink", "suffix"),
    [
        ("L", 255, 0, "png"),
        ("L", 0, 255, "png"),
        ("L", 120, 250, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "jpg"),
        ("RGBA", (0, 0, 0, 0), (20, 40, 160, 255), "png"),
        ("LA", (0, 0), (0, 255), "png"),
        ("I;16", 60000, 100, "png"),
    ],
)
def test_every_kind_of_image_gives_the_same_digit(
    mode: str, background: object, ink: object, suffix: str, tmp_path: Path
) -> None:
    size = (200, 320)
    plain = read(drawn("L", 0, 255, size), tmp_path / "plain.png")
    digit = read(drawn(mode, background, ink, size), tmp_path / f"digit.{suffix}")
    assert digit.shape == (1, 28, 28)
    assert (digit - plain).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(28, 28), (20, 60), (3000, 2000)])
def test_digit_fills_a_box_of_20_pixels_around_the_middle(
    size: tuple[int, int], tmp_path: Path
) -> None:
    digit = read(drawn("L", 0, 255, size), tmp_path / "digit.png")[0].numpy()
    assert digit.min() == 0
    assert digit.max() == 1
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = (digit.sum(axis=1 - axis) * np.arange(28)).sum() / digit.sum()
        assert centre == pytest.approx(14, abs=3)


def test_rotated_photograph_is_set_upright(tmp_path: Path) -> None:
    image = drawn("L", 255, 0, (200, 320))
    upright = read(image, tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated clockwise by 90 degrees
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.jpg", exif=exif)
    assert (read_digit(tmp_path / "rotated.jpg") - upright).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"not an image", "cannot be read as an image"),
    ],
)
def test_what_is_no_image_gets_one_line(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "digit.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_digit(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_blank_image_is_refused(shade: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="blank"):
        read(Image.new("L", (50, 50), shade), tmp_path / "blank.png")


def test_pixels_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    pixels = np.zeros((50, 50), dtype=np.float32)
    pixels[20:30, 20:30] = np.nan
    with pytest.raises(UserError, match="some pixels are not finite"):
        read(Image.fromarray(pixels), tmp_path / "digit.tiff")
