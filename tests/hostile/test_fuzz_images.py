"""Damaged images of a digit: read, or one line; never anything else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from benchmarks.epistemic_check.digit_image import FORMATS, read_digit
from benchmarks.errors import UserError
from tests.hostile.mutation import LENGTHS, damaged, fuzz, outcome


def drawn(kind: str) -> bytes:
    image, file = Image.new("RGB", (40, 30), "white"), io.BytesIO()
    ImageDraw.Draw(image).line([(10, 5), (30, 25)], fill="navy", width=4)
    image.save(file, format=kind)
    return file.getvalue()


@pytest.mark.parametrize("times", LENGTHS)
def test_damaged_image_is_read_or_refused(times: int, tmp_path: Path) -> None:
    def holds(content: bytes) -> None:
        (tmp_path / "digit").write_bytes(content)
        digit = outcome(lambda: read_digit(tmp_path / "digit"), UserError)
        assert digit is None or (digit.shape == (1, 28, 28) and bool(digit.isfinite().all()))

    fuzz(holds, 150 * times, content=damaged([drawn(kind) for kind in FORMATS]))
