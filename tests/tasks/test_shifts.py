"""Translated images against NumPy's roll, and scikit-learn's digits against its own images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import datasets

from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.shifts import translated


@pytest.mark.parametrize("pixels", [2, 12])
def test_translation_is_a_roll_along_the_width(pixels: int) -> None:
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    expected = np.roll(images.numpy(), pixels, axis=3)
    assert np.array_equal(translated(images, pixels).numpy(), expected)
    # What was in the first column is `pixels` further to the right, in the same row.
    assert torch.equal(translated(images, pixels)[..., pixels], images[..., 0])


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_distances_are_those_of_ovadia_et_al(name: str) -> None:
    chosen = [one for one in TASKS[name].conditions if one.group == "translated"]
    assert [one.severity for one in chosen] == [2, 4, 6, 8, 10, 12]
    assert all(one.in_mean and one.labels == "valid" for one in chosen)
    clean, rolled = (
        TASKS[name].evaluation_set(condition, 20, seed=0, data_dir=None)
        for condition in (TASKS[name].condition("clean"), chosen[-1])
    )
    assert torch.equal(rolled.images, torch.roll(clean.images, 12, dims=3))
    assert torch.equal(rolled.labels, clean.labels)  # type: ignore[arg-type]


def test_natural_digits_are_scikit_learn_s_resized() -> None:
    condition = MNIST.condition("natural-digits")
    built = MNIST.evaluation_set(condition, None, seed=0, data_dir=None)
    digits = datasets.load_digits()
    assert built.images.shape == (1797, 1, 28, 28)
    assert built.labels is not None
    assert built.labels.tolist() == digits.target.tolist()
    # Pixel (3, 3) of 28 lies at (3 + 1/2)·8/28 - 1/2 = 1/2: halfway between pixels 0 and 1 of 8.
    corner = digits.images[:, :2, :2].mean(axis=(1, 2)) / 16
    np.testing.assert_allclose(built.images[:, 0, 3, 3].numpy(), corner, atol=1e-6)
