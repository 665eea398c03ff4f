"""Images of digits in many formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.check import read_digit
from benchmarks.data.loading import load_mnist
from benchmarks.io import UserError


def drawn(
    mode: str = "L", background: object = 255, ink: object = 0, size: tuple[int, int] = (200, 320)
) -> Image.Image:
    """A seven."""
    image = Image.new(mode, size, background)  # type: ignore[arg-type]
    corners = [
        (share * size[0], row * size[1]) for share, row in ((0.2, 0.2), (0.8, 0.2), (0.4, 0.8))
    ]
    ImageDraw.Draw(image).line(corners, fill=ink, width=max(1, size[0] // 10))  # type: ignore[arg-type]
    return image


def read(image: Image.Image, path: Path) -> torch.Tensor:
    image.save(path)
    return read_digit(path)


def test_mnists_images_stay_as_they_are(tmp_path: Path) -> None:
    unchanged = 0
    for image in load_mnist("test").images[:100]:
        file = Image.fromarray((image[0] * 255).round().byte().numpy())
        digit = read(file, tmp_path / "digit.png")
        # Faint pixels around the digit are no ink.
        unchanged += int(torch.allclose(digit, image, atol=0.11))
    assert unchanged >= 95


@pytest.mark.parametrize(
    ("mode", "background", "ink", "suffix"),
    [
        ("L", 120, 250, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "jpg"),
        ("RGBA", (0, 0, 0, 0), (20, 40, 160, 255), "png"),
        ("LA", (0, 0), (255, 255), "png"),
        ("I;16", 60000, 100, "png"),
    ],
)
def test_every_kind_of_image_gives_the_same_digit(
    mode: str, background: object, ink: object, suffix: str, tmp_path: Path
) -> None:
    plain = read(drawn("L", 0, 255), tmp_path / "plain.png")
    image = drawn(mode, background, ink)
    digits = [read(image, tmp_path / f"digit.{suffix}")]
    if suffix == "jpg":  # a photograph, to be rotated clockwise by 90 degrees
        exif = Image.Exif()
        exif[0x0112] = 6
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.jpg", exif=exif)
        digits.append(read_digit(tmp_path / "rotated.jpg"))
    for digit in digits:
        assert digit.shape == (1, 28, 28)
        assert (digit - plain).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(28, 28), (20, 60), (3000, 2000)])
def test_digit_fills_a_box_of_20_pixels_around_the_middle(
    size: tuple[int, int], tmp_path: Path
) -> None:
    digit = read(drawn("L", 0, 255, size), tmp_path / "digit.png")[0].numpy()
    assert (digit.min(), digit.max()) == (0, 1)
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = (digit.sum(axis=1 - axis) * np.arange(28)).sum() / digit.sum()
        assert centre == pytest.approx(14, abs=3)


def test_what_holds_no_digit_gets_one_line_and_postscript_starts_no_program(tmp_path: Path) -> None:
    paths = [
        tmp_path / name for name in ("none.png", "text.png", "digit.png", "nan.tiff", "grey.png")
    ]
    _, text, postscript, tiff, grey = paths
    text.write_bytes(b"not an image")
    drawn().save(postscript, format="EPS")
    Image.fromarray(np.full((10, 10), np.nan, dtype=np.float32)).save(tiff)
    Image.new("L", (50, 50), 128).save(grey)
    messages = (
        *("there is no such file", "cannot be read as an image"),
        *("expected one of pixels: PNG, JPEG", "the image is blank", "the image is blank"),
    )
    for path, message in zip(paths, messages, strict=True):
        with pytest.raises(UserError, match=rf"\A[^\n]*{message}[^\n]*\Z"):
            read_digit(path)
