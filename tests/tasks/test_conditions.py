"""On which images methods are evaluated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.io import UserError
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.shifts import rotated
from benchmarks.tasks.task import EvaluationSet, ImageLimits, Task, choice, stratified_choice
from methods.networks.recipes import LabelledImages
from tests.runs import CONDITIONS

ROTATED = [f"rotated-{angle:03d}" for angle in range(15, 181, 15)]


@pytest.fixture(scope="module")
def few(test_images: LabelledImages, training_images: LabelledImages) -> Task:
    """MNIST with few images."""

    def load(split: str, data_dir: Path | None) -> LabelledImages:
        return {"test": test_images, "train": training_images}[split]

    return replace(MNIST, groups=None, load=load)


def build(task: Task, name: str, images: int | None = None) -> EvaluationSet:
    return task.evaluation_set(CONDITIONS[name], ImageLimits(images), seed=0, data_dir=None)


def test_subset_is_stratified_by_class(few: Task) -> None:
    labels = build(few, "subset-clean", 50).labels
    assert labels is not None
    assert labels.bincount().tolist() == [5] * 10
    assert torch.equal(labels, build(few, "subset-rotated-045", 50).labels)  # type: ignore[arg-type]


def test_stratified_choice_is_of_any_number_of_classes_and_nested() -> None:
    labels = torch.arange(30) % 3
    few, many = (set(stratified_choice(labels, size, seed=0).tolist()) for size in (7, 12))
    assert few < many
    assert torch.bincount(labels[list(few)]).tolist() == [3, 2, 2]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), []),
        (("rotated-*", "clean", "rotated-015"), ROTATED),
        (("ood-*noise", "rotated-18?"), ["rotated-180", "ood-uniform_noise", "ood-gaussian_noise"]),
        (("ood-kmnist", "rotated-090"), ["rotated-090", "ood-kmnist"]),
    ],
)
def test_globs_choose_in_one_order_and_clean_is_always_there(
    patterns: tuple[str, ...], expected: list[str]
) -> None:
    assert MNIST.matching(patterns) == ("clean", *expected)


@pytest.mark.parametrize("pattern", ["rotated", "Clean", ""])
def test_glob_that_matches_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(UserError) as refused:
        MNIST.matching(("clean", pattern))
    message = str(refused.value)
    assert repr(pattern) in message
    assert all(condition.name in message for condition in MNIST.conditions)
    assert "\n" not in message


def test_labels_are_ill_defined_beyond_90_degrees() -> None:
    ill_defined = [each for each in MNIST.conditions if each.labels == "ill-defined"]
    assert [each.severity for each in ill_defined] == list(range(105, 181, 15))


@pytest.mark.parametrize("name", ["rotated-015", "rotated-180"])
def test_rotations_are_of_the_same_images_as_clean(name: str, few: Task) -> None:
    clean, built = build(few, "clean", 30), build(few, name, 30)
    assert torch.equal(built.labels, clean.labels)  # type: ignore[arg-type]
    torch.testing.assert_close(built.images, rotated(clean.images, CONDITIONS[name].severity or 0))


@pytest.mark.parametrize("most", [None, 120])
def test_images_of_every_severity_are_the_first_of_all(most: int | None, few: Task) -> None:
    clean, slight, strong = (
        few.evaluation_set(CONDITIONS[name], ImageLimits(most, 40), seed=0, data_dir=None)
        for name in ("clean", "rotated-015", "rotated-120")
    )
    for turned, angle in ((slight, 15), (strong, 120)):
        assert len(turned.images) == 40
        torch.testing.assert_close(turned.images, rotated(clean.images[:40], angle))
        assert torch.equal(turned.labels, clean.labels[:40])  # type: ignore[arg-type,index]
    assert slight.labels.bincount().tolist() == [4] * 10  # type: ignore[union-attr]
    # The others follow, each once.
    test, numbers = few.split("test", None), clean.numbers
    assert sorted(numbers.tolist()) == choice(300, most, 0).tolist()  # type: ignore[union-attr]
    assert torch.equal(clean.images, test.images[numbers])
    assert torch.equal(clean.labels, test.labels[numbers])  # type: ignore[arg-type]


def test_groups_are_those_of_the_chosen_test_images(few: Task) -> None:
    """Of one writer, for example; other images are of none."""
    grouped = replace(few, groups=lambda: 1000 - torch.arange(300) // 2)
    for name in ("clean", "rotated-015", "subset-clean", "ood-uniform_noise"):
        built = grouped.evaluation_set(
            grouped.condition(name), ImageLimits(60, 40), seed=0, data_dir=None
        )
        expected = None if name.startswith("ood") else 1000 - built.numbers // 2  # type: ignore
        torch.testing.assert_close(built.groups, expected)
        assert few.evaluation_set(few.condition(name), seed=0, data_dir=None).groups is None


def test_images_of_no_class_are_as_few_as_those_of_a_severity(few: Task) -> None:
    noise = EvaluationSet(torch.rand(50, 1, 28, 28, generator=torch.Generator()), None)
    condition = replace(CONDITIONS["ood-uniform_noise"], load=lambda *_: noise)
    some = few.evaluation_set(condition, ImageLimits(None, 8), seed=0, data_dir=None)
    numbers = some.numbers.tolist()  # type: ignore[union-attr]
    assert torch.equal(some.images, noise.images[numbers])
    assert len(set(numbers)) == 8
    assert numbers != list(range(8))
    clean = few.evaluation_set(CONDITIONS["clean"], ImageLimits(None, 8), seed=0, data_dir=None)
    assert len(clean.images) == 300  # all that there are


def test_fingerprint_follows_the_content(few: Task) -> None:
    clean = build(few, "clean", 10)
    assert clean.fingerprint == build(few, "clean", 10).fingerprint
    changed = clean.images.clone()
    changed[3, 0, 14, 14] += 0.5
    others = [changed, clean.images.flip(0), clean.images[:9]]
    prints = {clean.fingerprint, *(replace(clean, images=images).fingerprint for images in others)}
    assert len(prints) == 4
