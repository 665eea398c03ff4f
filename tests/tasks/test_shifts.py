"""Rotated, translated and corrupted images, and scikit-learn's digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import datasets

from benchmarks.corruptions import CORRUPTIONS
from benchmarks.data.files import CACHE_VARIABLE, DATA_VARIABLE
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.shifts import corruptions, rotated
from benchmarks.tasks.task import ImageLimits, Task
from methods.networks.recipes import LabelledImages


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_translations_are_those_of_ovadia_et_al(name: str) -> None:
    chosen = [condition for condition in TASKS[name].conditions if condition.group == "translated"]
    assert [condition.severity for condition in chosen] == [2, 4, 6, 8, 10, 12]
    assert all(condition.in_mean and condition.labels == "valid" for condition in chosen)
    clean, rolled = (
        TASKS[name].evaluation_set(condition, ImageLimits(20), seed=0, data_dir=None)
        for condition in (TASKS[name].condition("clean"), chosen[-1])
    )
    assert np.array_equal(rolled.images, np.roll(clean.images.numpy(), 12, axis=3))
    assert torch.equal(rolled.images[..., 12], clean.images[..., 0])  # to the right
    assert torch.equal(rolled.labels, clean.labels)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TASKS)
def test_headline_shifts_are_corruptions_and_rotation_by_up_to_45_degrees(name: str) -> None:
    averaged = [c for c in TASKS[name].conditions if c.in_mean and c.headline]
    rotations = [c.severity for c in averaged if c.group == "rotated"]
    assert rotations == [15, 30, 45]
    others = {c.group for c in averaged} - {"rotated"}
    assert others == (set() if name == "digits" else {"corrupted"})


def test_natural_digits_are_scikit_learn_s_resized() -> None:
    condition = MNIST.condition("natural-digits")
    built = MNIST.evaluation_set(condition, seed=0, data_dir=None)
    digits = datasets.load_digits()
    assert built.images.shape == (1797, 1, 28, 28)
    assert built.labels is not None
    assert built.labels.tolist() == digits.target.tolist()
    # Pixel (3, 3) of 28 lies at (3 + 1/2)·8/28 - 1/2 = 1/2: halfway between pixels 0 and 1 of 8.
    corner = digits.images[:, :2, :2].mean(axis=(1, 2)) / 16
    np.testing.assert_allclose(built.images[:, 0, 3, 3].numpy(), corner, atol=1e-6)


@pytest.mark.parametrize("angle", [15, 90, 120, 180, 270])
def test_rotation_is_torchvisions_to_the_bit(angle: int) -> None:
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2.functional import rotate

    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = rotate(images, float(angle), InterpolationMode.BILINEAR, fill=[0.0])
    assert torch.equal(rotated(images, angle), expected)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_images: LabelledImages) -> Task:
    """MNIST with corrupted images, of few test images; the cache is the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)

    def load(split: str, data_dir: Path | None) -> LabelledImages:
        return test_images

    added = corruptions("mnist", lambda data_dir: test_images)
    others = [c for c in MNIST.conditions if c.group != "corrupted"]
    return replace(MNIST, conditions=(*others, *added), groups=None, load=load)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_are_those_of_the_test_set_corrupted(task: Task, name: str) -> None:
    """Of few test images all are evaluated, in their order."""
    built = task.evaluation_set(task.condition(f"corrupted-{name}"), seed=3, data_dir=None)
    assert built.images.dtype == torch.float32
    whole = task.split("test", None)
    assert torch.equal(built.labels, whole.labels)  # type: ignore[arg-type]
    pixels = np.rint(255 * whole.images[:, 0].numpy()).astype(np.uint8)
    expected = CORRUPTIONS[name].apply(pixels)
    np.testing.assert_array_equal(np.rint(255 * built.images[:, 0].numpy()), expected)


def test_choice_is_stratified_and_the_same_for_each(
    task: Task, training_images: LabelledImages
) -> None:
    """Of more than 2,000 images."""
    many = training_images.images.repeat(2, 1, 1, 1)
    whole = LabelledImages(many, torch.arange(len(many)) % 10)
    added = corruptions("mnist", lambda data_dir: whole, groups=lambda: torch.arange(len(many)))
    stripe, bright = (
        task.evaluation_set(condition, seed=seed, data_dir=None)
        for seed, condition in enumerate(added)
        if condition.name in ("corrupted-stripe", "corrupted-brightness")
    )
    assert bright.labels is not None
    assert bright.labels.bincount().tolist() == [200] * 10
    assert torch.equal(bright.labels, stripe.labels)  # type: ignore[arg-type]
    assert bright.groups is not None
    assert torch.equal(bright.groups, stripe.groups)  # type: ignore[arg-type]
    assert torch.equal(whole.labels[bright.groups], bright.labels)
    assert len(bright.groups.unique()) == 2000
