"""Images of ``--image`` that would start a program, or are of no format known."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image, ImageDraw

from benchmarks.epistemic_check.digit_image import FORMATS, read_digit
from benchmarks.errors import UserError


def drawn(size: tuple[int, int] = (60, 60)) -> Image.Image:
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).line([(15, 10), (45, 50)], fill=0, width=5)
    return image


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        read_digit(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", ["digit.eps", "digit.png"])
def test_postscript_starts_no_program(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn().save(tmp_path / name, format="EPS")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("was started"))
    assert "expected one of pixels: PNG, JPEG" in refusal(tmp_path / name)


@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_every_format_of_pixels_is_read(kind: str, tmp_path: Path) -> None:
    # A camera's JPEG of several pictures is an MPO.
    drawn().convert("RGB").save(tmp_path / "digit", format=kind)
    assert read_digit(tmp_path / "digit").max() == 1
