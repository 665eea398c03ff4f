"""Pictures of digits, from whatever people draw with."""

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
    picture = Image.new(mode, size, background)  # type: ignore[arg-type]
    width, height = size
    corners = [
        (0.2 * width, 0.2 * height),
        (0.8 * width, 0.2 * height),
        (0.4 * width, 0.8 * height),
    ]
    ImageDraw.Draw(picture).line(corners, fill=ink, width=max(1, width // 10))  # type: ignore[arg-type]
    return picture


def read(picture: Image.Image, path: Path) -> torch.Tensor:
    picture.save(path)
    return read_digit(path)


def test_mnists_images_stay_as_they_are(tmp_path: Path) -> None:
    images = load_mnist("test").images[:100]
    unchanged = 0
    for image in images:
        picture = Image.fromarray((image[0] * 255).round().byte().numpy())
        found = read(picture, tmp_path / "digit.png")
        # Faint pixels around the digit are no ink.
        unchanged += int(torch.allclose(found, image, atol=0.11))
    assert unchanged >= 95


@pytest.mark.parametrize(
    ("mode", "background", "ink", "suffix"),
    [
        ("L", 255, 0, "png"),
        ("L", 0, 255, "png"),
        ("L", 120, 10, "png"),
        ("L", 120, 250, "png"),
        ("1", 1, 0, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "jpg"),
        ("RGB", (10, 60, 30), (240, 240, 240), "webp"),
        ("RGBA", (0, 0, 0, 0), (20, 40, 160, 255), "png"),
        ("RGBA", (0, 0, 0, 0), (255, 255, 255, 255), "png"),
        ("RGB", (0, 130, 0), (255, 0, 0), "png"),
        ("LA", (0, 0), (0, 255), "png"),
        ("CMYK", (0, 0, 0, 0), (0, 0, 0, 255), "jpg"),
        ("I;16", 60000, 100, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "gif"),
    ],
)
def test_every_kind_of_picture_gives_the_same_digit(
    mode: str, background: object, ink: object, suffix: str, tmp_path: Path
) -> None:
    size = (200, 320)
    plain = read(drawn("L", 0, 255, size), tmp_path / "plain.png")
    found = read(drawn(mode, background, ink, size), tmp_path / f"digit.{suffix}")
    assert found.shape == (1, 28, 28)
    assert (found - plain).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(28, 28), (20, 60), (3000, 2000)])
def test_digit_fills_a_box_of_20_pixels_around_the_middle(
    size: tuple[int, int], tmp_path: Path
) -> None:
    found = read(drawn("L", 0, 255, size), tmp_path / "digit.png")[0].numpy()
    assert found.min() == 0
    assert found.max() == 1
    rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = (found.sum(axis=1 - axis) * np.arange(28)).sum() / found.sum()
        assert centre == pytest.approx(14, abs=3)


def test_turned_photograph_is_set_upright(tmp_path: Path) -> None:
    picture = drawn("L", 255, 0, (200, 320))
    upright = read(picture, tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    assert (read_digit(tmp_path / "turned.jpg") - upright).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        (b"", "cannot be read as a picture"),
        (b"not a picture", "cannot be read as a picture"),
        (b"\x89PNG\r\n\x1a\n damaged", "cannot be read as a picture"),
    ],
)
def test_what_is_no_picture_gets_one_line(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        read_digit(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a picture"):
        read_digit(tmp_path)


def test_picture_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    drawn("L", 0, 255, (200, 200)).save(path)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(UserError, match="cannot be read as a picture"):
        read_digit(path)


def test_picture_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn("L", 0, 255, (200, 200)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)
    with pytest.raises(UserError, match="cannot be read as a picture"):
        read_digit(tmp_path / "large.png")


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_blank_picture_is_refused(shade: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="blank"):
        read(Image.new("L", (50, 50), shade), tmp_path / "blank.png")


def test_faintest_ink_of_16_bits_is_blank(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="blank"):
        read(drawn("I;16", 0, 12, (50, 50)), tmp_path / "faint.png")


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    pixels = np.zeros((50, 50), dtype=np.float32)
    pixels[20:30, 20:30] = np.nan
    with pytest.raises(UserError, match="no finite numbers"):
        read(Image.fromarray(pixels), tmp_path / "digit.tiff")
