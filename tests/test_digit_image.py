"""Images of digits in many formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image, ImageDraw

from benchmarks.check import READ, read_digit
from benchmarks.data.loading import load_mnist
from benchmarks.io import UserError


def drawn(
    mode: str = "L", background: object = 255, ink: object = 0, size: tuple[int, int] = (200, 320)
) -> Image.Image:
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
        ("L", 120, 250, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "jpg"),
        ("RGBA", (0, 0, 0, 0), (20, 40, 160, 255), "png"),
        ("LA", (0, 0), (0, 255), "png"),
        ("LA", (0, 0), (255, 255), "png"),
        ("I;16", 60000, 100, "png"),
    ],
)
def test_every_kind_of_image_gives_the_same_digit(
    mode: str, background: object, ink: object, suffix: str, tmp_path: Path
) -> None:
    plain = read(drawn("L", 0, 255), tmp_path / "plain.png")
    digit = read(drawn(mode, background, ink), tmp_path / f"digit.{suffix}")
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


def test_rotated_photograph_is_set_upright(tmp_path: Path) -> None:
    image = drawn()
    upright = read(image, tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated clockwise by 90 degrees
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.jpg", exif=exif)
    assert (read_digit(tmp_path / "rotated.jpg") - upright).abs().mean() < 0.02


@pytest.mark.parametrize("kind", [*READ, "MPO"])
def test_every_format_of_pixels_is_read(kind: str, tmp_path: Path) -> None:
    # A camera's JPEG of several pictures is an MPO.
    drawn().convert("RGB").save(tmp_path / "digit", format=kind)
    assert read_digit(tmp_path / "digit").max() == 1


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        read_digit(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_what_holds_no_digit_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    assert "there is no such file" in refusal(path)
    path.write_bytes(b"not an image")
    assert "cannot be read as an image" in refusal(path)
    for shade in (0, 128, 255):
        Image.new("L", (50, 50), shade).save(path)
        assert "blank" in refusal(path)
    pixels = np.zeros((50, 50), dtype=np.float32)
    pixels[20:30, 20:30] = np.nan
    Image.fromarray(pixels).save(tmp_path / "digit.tiff")
    assert "blank" in refusal(tmp_path / "digit.tiff")


@pytest.mark.parametrize("name", ["digit.eps", "digit.png"])
def test_postscript_starts_no_program(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn().save(tmp_path / name, format="EPS")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("was started"))
    assert "expected one of pixels: PNG, JPEG" in refusal(tmp_path / name)
