"""The condition of digits by other writers, from another scanner: a natural shift of MNIST."""

from __future__ import annotations

from pathlib import Path

from torch.nn.functional import interpolate

from benchmarks.data.loading import load_digits
from benchmarks.tasks.conditions import OF_SHIFTS, Condition, EvaluationSet

SIDE = 28
"""Of MNIST's images, in pixels."""


def _load(seed: int, data_dir: Path | None) -> EvaluationSet:
    """All 1,797 digits of 8x8 pixels, resized (bilinear), with their labels."""
    digits = load_digits()
    resized = interpolate(digits.images, size=SIDE, mode="bilinear", align_corners=False)
    return EvaluationSet(resized, digits.labels)


NATURAL_DIGITS = Condition(
    name="natural-digits",
    label="scikit-learn's digits",
    group="natural",
    data="digits",
    paired_with="natural-digits",
    presets=OF_SHIFTS,
    size=1797,
    load=_load,
)
"""scikit-learn's digits (Alpaydin & Kaynak 1998), which fill their frame, as MNIST's do not."""
