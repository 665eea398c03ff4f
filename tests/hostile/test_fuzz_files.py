"""Damaged files that a user names: what is in them, or one line; never anything else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.epistemic_check.digit_image import FORMATS, read_digit
from benchmarks.errors import UserError
from benchmarks.score.conditions import LABELLED
from benchmarks.score.prediction_files import read_predictions
from tests.hostile.fuzzing import LENGTHS, damaged, fuzz, outcome


def archives() -> list[bytes]:
    random, contents = np.random.default_rng(0), []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        arrays = {"probabilities": random.dirichlet(np.ones(3), (2, 5)), "labels": np.arange(5) % 3}
        save(file, **arrays, ood_far=random.dirichlet(np.ones(3), (2, 4)))
        contents.append(file.getvalue())
    return contents


def digits() -> list[bytes]:
    image, contents = Image.new("RGB", (40, 30), "white"), []
    ImageDraw.Draw(image).line([(10, 5), (30, 25)], fill="navy", width=4)
    for kind in FORMATS:
        file = io.BytesIO()
        image.save(file, format=kind)
        contents.append(file.getvalue())
    return contents


@pytest.mark.parametrize("times", LENGTHS)
def test_damaged_predictions_are_read_or_refused(times: int, tmp_path: Path) -> None:
    def holds(content: bytes) -> None:
        (tmp_path / "a.npz").write_bytes(content)
        external = outcome(lambda: read_predictions(tmp_path / "a.npz"), UserError)
        assert external is None or external.predictions[LABELLED].images == 5

    fuzz(holds, 100 * times, content=damaged(archives()))


@pytest.mark.parametrize("times", LENGTHS)
def test_damaged_image_is_read_or_refused(times: int, tmp_path: Path) -> None:
    def holds(content: bytes) -> None:
        (tmp_path / "digit").write_bytes(content)
        digit = outcome(lambda: read_digit(tmp_path / "digit"), UserError)
        assert digit is None or (digit.shape == (1, 28, 28) and bool(digit.isfinite().all()))

    fuzz(holds, 100 * times, content=damaged(digits()))
