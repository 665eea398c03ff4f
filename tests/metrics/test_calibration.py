import math
from itertools import product

import numpy as np
import pytest
import torch

from methods.scores.probabilities import confidence
from tests.metrics.support import (
    debiased_calibration_error,
    debiased_squared_calibration_error,
    equal_mass_bins,
    equal_width_bins,
    expected_calibration_error,
    maximum_calibration_error,
)

BINNINGS = [equal_width_bins, equal_mass_bins]


def random_prediction(images: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten classes, overconfident; no confidence lies on an edge."""
    generator = np.random.default_rng(images)
    mean = generator.dirichlet(np.full(10, 0.2), images)
    return torch.from_numpy(mean), torch.from_numpy(generator.integers(0, 3, images))


def random_flags(images: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    mean, labels = random_prediction(images)
    return confidence(mean), mean.argmax(1) == labels


def flags(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.bool)


def test_bins_by_hand_with_an_empty_one():
    bins = equal_width_bins(torch.tensor([0.5, 0.25, 1.0, 0.875]), flags(1, 0, 1, 0), bins=4)
    assert bins.lower.tolist() == [0, 0.25, 0.5, 0.75]
    assert bins.upper.tolist() == [0.25, 0.5, 0.75, 1]
    assert bins.count.tolist() == [1, 1, 0, 2]
    assert bins.confidence[[0, 1, 3]].tolist() == [0.25, 0.5, 0.9375]
    assert bins.accuracy[[0, 1, 3]].tolist() == [0, 1, 0.5]
    assert bins.confidence[2].isnan()
    assert bins.accuracy[2].isnan()
    assert expected_calibration_error(bins) == (0.25 + 0.5 + 2 * 0.4375) / 4


def test_every_upper_edge_belongs_to_its_bin():
    edges = torch.arange(16, dtype=torch.float64) / 15
    bins = equal_width_bins(edges, torch.ones(16, dtype=torch.bool))
    assert bins.count.tolist() == [2] + [1] * 14  # a confidence of 0 falls into the first


@pytest.mark.parametrize("binning", BINNINGS)
def test_confidence_of_exactly_one_is_in_the_last_bin(binning):
    bins = binning(torch.tensor([0.5, 1.0, 1.0, 1.0, 1.0]), flags(1, 1, 1, 0, 0))
    assert bins.upper[-1] == 1
    assert (bins.count[-1], bins.confidence[-1], bins.accuracy[-1]) == (4, 1, 0.5)
    assert expected_calibration_error(bins) == (0.5 + 4 * 0.5) / 5


def test_maximum_calibration_error_leaves_out_small_bins():
    confidences = torch.tensor([0.1] * 9 + [0.9] * 10)
    bins = equal_width_bins(confidences, flags(*[1] * 19))
    assert maximum_calibration_error(bins) == pytest.approx(0.1)
    assert maximum_calibration_error(bins, smallest_bin=9) == pytest.approx(0.9)
    assert math.isnan(maximum_calibration_error(bins, smallest_bin=11))


@pytest.mark.parametrize("binning", BINNINGS)
def test_debiased_error_is_the_authors_resampling_with_ever_more_resamples(binning):
    bins = binning(*random_flags(), bins=10)
    filled = (bins.count > 0).numpy()
    count, conf, acc = (
        field.numpy()[filled] for field in (bins.count, bins.confidence, bins.accuracy)
    )
    weight, std = count / count.sum(), np.sqrt(acc * (1 - acc) / count)
    redrawn = np.random.default_rng(0).normal(acc, std, (20_000, len(acc)))
    errors = np.abs(redrawn - conf) @ weight
    expected = 2 * np.abs(acc - conf) @ weight - errors.mean()
    value = debiased_calibration_error(bins)
    assert value == pytest.approx(expected, abs=5 * errors.std() / math.sqrt(20_000))


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.75])
def test_debiased_squared_error_expects_the_true_squared_error(accuracy):
    confidences = torch.full((4,), 0.75, dtype=torch.float64)
    expectation = sum(
        accuracy ** sum(outcome)
        * (1 - accuracy) ** (4 - sum(outcome))
        * debiased_squared_calibration_error(equal_width_bins(confidences, flags(*outcome)))
        for outcome in product([0, 1], repeat=4)
    )
    assert expectation == pytest.approx((0.75 - accuracy) ** 2, abs=1e-15)


def test_debiased_squared_error_counts_a_bin_of_one_image_as_zero():
    bins = equal_width_bins(torch.tensor([0.125, 0.75, 0.75]), flags(1, 1, 0))
    assert debiased_squared_calibration_error(bins) == pytest.approx(2 / 3 * (0.0625 - 0.25))


@pytest.mark.parametrize("binning", BINNINGS)
@pytest.mark.parametrize(
    ("confidences", "bounds"),
    [([0.5, 3.0], "0.5 to 3"), ([-0.5, 0.5], "-0.5 to 0.5"), ([0.5, torch.nan], "nan to nan")],
    ids=["logits", "negative", "nan"],
)
def test_what_are_no_confidences_is_refused(binning, confidences, bounds):
    with pytest.raises(ValueError, match=f"range from {bounds}; expected .* in \\[0, 1\\]"):
        binning(torch.tensor(confidences), flags(1, 1))
