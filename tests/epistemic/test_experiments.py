"""Levels of training images, their noise, and draws of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from benchmarks.epistemic.experiments import LabelNoise, Level, drawn, sizes
from benchmarks.epistemic.people import shares_of
from benchmarks.io import UserError
from benchmarks.run.configuration import chosen_configuration
from methods.networks.recipes import LabelledImages

COUNT, CLASSES = 4000, 10
LABELS = torch.arange(COUNT) % CLASSES
WHOLE = LabelledImages(torch.arange(COUNT, dtype=torch.float32)[:, None, None, None], LABELS)


def numbers_of(images: LabelledImages) -> set[int]:
    return set(images.images.flatten().int().tolist())


@pytest.mark.parametrize("noise", [LabelNoise(0.0), LabelNoise(0.4), LabelNoise(0.2, pair=True)])
def test_conditional_entropy_is_that_of_the_noisy_labels(noise: LabelNoise) -> None:
    labels = LABELS.repeat(50)
    noisy = noise.applied(labels, CLASSES, 1)
    shift = (noisy - labels) % CLASSES  # the same for all classes
    found = entropy(np.bincount(shift, minlength=CLASSES))
    assert noise.conditional_entropy(CLASSES) == pytest.approx(found, abs=0.01)


def test_noise_hits_the_same_images_for_a_seed_and_others_for_another() -> None:
    first, again, other = (LabelNoise(0.3).applied(LABELS, CLASSES, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_shares_are_nested_and_have_as_many_images_of_each_class() -> None:
    levels = sizes((0.3, 0.01, 1.0))
    assert [level.name for level in levels] == ["share-0.01", "share-0.3", "all"]
    few, more, every = (level.training(WHOLE, CLASSES, 5) for level in levels)
    assert numbers_of(few) < numbers_of(more) < numbers_of(every)
    assert torch.bincount(few.labels).tolist() == [4] * CLASSES
    assert numbers_of(few) != numbers_of(levels[0].training(WHOLE, CLASSES, 6))


def test_noisy_level_changes_labels_alone_and_test_labels_of_all_replicates_alike() -> None:
    level = Level("noise-0.4", "40 %", noise=LabelNoise(0.4))
    training = level.training(WHOLE, CLASSES, 0)
    assert torch.equal(training.images, WHOLE.images)
    assert (training.labels != LABELS).double().mean().item() == pytest.approx(0.36, abs=0.03)
    tested = level.test_labels(LABELS, CLASSES)
    assert (tested != LABELS).double().mean().item() == pytest.approx(0.36, abs=0.03)
    assert not torch.equal(tested, training.labels)


def test_bootstrap_draws_with_replacement_and_tenths_are_disjoint() -> None:
    resampled = drawn(WHOLE, "bootstrap", 0, 1)
    assert len(resampled.labels) == COUNT
    assert len(numbers_of(resampled)) / COUNT == pytest.approx(1 - np.exp(-1), abs=0.02)
    tenths = [drawn(WHOLE, "tenths", number, 1) for number in range(10)]
    assert set.union(*map(numbers_of, tenths)) == numbers_of(WHOLE)
    assert {len(tenth.labels) for tenth in tenths} == {COUNT // 10}


@pytest.mark.parametrize("share", [0.005, 0.0, 1.5])
def test_share_that_leaves_a_class_empty_is_refused_in_one_line(share: float) -> None:
    with pytest.raises(UserError, match=rf"--shares: {share:g} of the 1,000 training images leav"):
        chosen_configuration(preset="epistemic", task="digits", shares=(share,))


def test_peoples_counts_become_shares() -> None:
    counts = 10.0 * torch.eye(CLASSES)[LABELS] + 1
    shares = shares_of(counts.double(), LABELS, CLASSES)
    assert shares.sum(dim=1) == pytest.approx(1)
    assert shares.max().item() == pytest.approx(11 / 20)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (torch.ones(COUNT, 3), r"the shape \[4000, 3\]; expected \[4000, 10\]"),
        (
            torch.eye(CLASSES)[(LABELS + 1) % CLASSES],
            "the label of 0.0% of the images; expected at least 70%",
        ),
        (
            torch.eye(CLASSES)[LABELS] * (torch.arange(COUNT) != 7)[:, None],
            "the counts of image 7 are",
        ),
    ],
)
def test_counts_of_other_images_are_refused_in_one_line(counts: torch.Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        shares_of(counts.double(), LABELS, CLASSES)
    assert "\n" not in str(raised.value)
