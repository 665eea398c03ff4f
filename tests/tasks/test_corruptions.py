"""The conditions of corrupted images: paired with clean ones, and from which images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.corruptions import CORRUPTIONS
from benchmarks.data.files import CACHE_VARIABLE, DATA_VARIABLE
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.shifts import COMPUTED, ORIGINAL, corruptions
from benchmarks.tasks.task import Task
from methods.networks.labelled_images import LabelledImages


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_images: LabelledImages) -> Task:
    """MNIST with corrupted images, of few test images; the cache is the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)

    def load(split: str, data_dir: Path | None) -> LabelledImages:
        return test_images

    added = corruptions("mnist", lambda data_dir: test_images, originals="mnist_c")
    others = [one for one in MNIST.conditions if one.group != "corrupted"]
    return replace(MNIST, conditions=(*others, *added), load=load)


def test_conditions_are_paired_with_one_another(task: Task) -> None:
    conditions = [one for one in task.conditions if one.group == "corrupted"]
    assert [one.name for one in conditions] == [f"corrupted-{name}" for name in CORRUPTIONS]
    for one in conditions:
        assert (one.reference, one.data, one.size) == ("clean", "mnist_c", 2000)
        assert one.paired_with == conditions[0].name
        assert (one.labels, one.severity, one.in_mean, one.presets) == (
            "valid",
            None,
            True,
            ("medium", "full"),
        )
    assert task.matching(("corrupted-*",))[0] == "clean"


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_are_those_of_the_test_set_corrupted(task: Task, name: str) -> None:
    """Of few test images all are evaluated, in their order."""
    built = task.evaluation_set(task.condition(f"corrupted-{name}"), None, seed=3, data_dir=None)
    assert built.source == COMPUTED
    assert built.images.dtype == torch.float32
    whole = task.split("test", None)
    assert torch.equal(built.labels, whole.labels)  # type: ignore[arg-type]
    pixels = np.rint(255 * whole.images[:, 0].numpy()).astype(np.uint8)
    expected = CORRUPTIONS[name].apply(pixels)
    np.testing.assert_array_equal(np.rint(255 * built.images[:, 0].numpy()), expected)


def test_choice_is_stratified_and_the_same_for_each(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.tasks.shifts.CORRUPTED_IMAGES", 50)
    one, other = (
        task.evaluation_set(task.condition(f"corrupted-{name}"), None, seed=seed, data_dir=None)
        for name, seed in (("stripe", 0), ("brightness", 1))
    )
    assert one.labels is not None
    assert one.labels.bincount().tolist() == [5] * 10
    assert torch.equal(one.labels, other.labels)  # type: ignore[arg-type]
    # Where the stripes are not, both show the same image: one of them brighter.
    inside = slice(9, 19)
    bright = (one.images[..., inside] + 0.5).clamp(max=1)
    torch.testing.assert_close(bright, other.images[..., inside], atol=2 / 255, rtol=0)


def test_published_images_are_taken_where_they_are_at_hand(task: Task, tmp_path: Path) -> None:
    published = np.random.default_rng(0).integers(256, size=(300, 28, 28, 1), dtype=np.uint8)
    folder = tmp_path / "data" / "mnist_c" / "fog"
    folder.mkdir(parents=True)
    np.save(folder / "test_images.npy", published)
    fog, stripe = (
        task.evaluation_set(
            task.condition(f"corrupted-{name}"), None, seed=0, data_dir=tmp_path / "data"
        )
        for name in ("fog", "stripe")
    )
    assert (fog.source, stripe.source) == (ORIGINAL, COMPUTED)
    np.testing.assert_array_equal(
        np.rint(255 * fog.images.numpy()), published.swapaxes(1, 3).swapaxes(2, 3)
    )
