"""Images of ``--image`` that would fill the memory, start a program, or are of no format known."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image, ImageDraw

from benchmarks.epistemic_check.digit_image import FORMATS, MOST_PIXELS, read_digit
from benchmarks.errors import UserError


def drawn(size: tuple[int, int] = (60, 60)) -> Image.Image:
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).line([(15, 10), (45, 50)], fill=0, width=5)
    return image


def png_of(width: int, height: int) -> bytes:
    """A header that promises so many pixels, and hardly any data."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 100)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        read_digit(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("side", [4001, 12_000])
def test_image_of_too_many_pixels_is_refused_by_its_header(side: int, tmp_path: Path) -> None:
    (tmp_path / "digit.png").write_bytes(png_of(side, side))
    assert side**2 > MOST_PIXELS
    message = refusal(tmp_path / "digit.png")
    # Pillow refuses the largest of its own accord.
    assert f"{side}x{side} pixels; expected at most 16,000,000: scale it down" in message or (
        side > 10_000 and "exceeds limit" in message
    )


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
