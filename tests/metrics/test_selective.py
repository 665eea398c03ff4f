from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.metrics.metric import each_once
from benchmarks.metrics.ranking import Ranking
from tests.metrics.support import augrc, aurc, error_at


def areas_in_one_order(wrong: list[int]) -> tuple[Fraction, Fraction]:
    n = len(wrong)
    errors = [sum(wrong[:i]) for i in range(n + 1)]
    mean_risk = sum(Fraction(errors[i], i) for i in range(1, n + 1)) / n
    trapezoids = sum(Fraction(a + b, 2 * n) for a, b in pairwise(errors)) / n
    return mean_risk, trapezoids


@pytest.mark.parametrize(
    ("uncertainty", "wrong"),
    [
        ([1, 2, 3, 4, 5, 6], [0, 1, 0, 0, 1, 1]),
        ([1, 2, 2, 3, 3, 3], [0, 1, 0, 0, 1, 1]),
        ([2, 1, 2, 1, 2, 1], [1, 0, 0, 1, 0, 1]),
        ([1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 0]),
    ],
    ids=["distinct", "ties", "two ties", "constant"],
)
def test_areas_are_the_mean_over_all_orders_of_tied_images(uncertainty, wrong):
    orders = [
        areas_in_one_order([wrong[i] for i in order])
        for order in permutations(range(6))
        if all(uncertainty[a] <= uncertainty[b] for a, b in pairwise(order))
    ]
    expected = [float(sum(areas) / len(orders)) for areas in zip(*orders, strict=True)]
    arguments = torch.tensor(uncertainty).double(), ~torch.tensor(wrong).bool()
    assert [aurc(*arguments), augrc(*arguments)] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("coverage", [99, 95, 90, 80])
@pytest.mark.parametrize(
    ("uncertainty", "wrong"),
    [
        ([1, 2, 3, 4, 5, 6, 7], [0, 1, 0, 0, 1, 1, 0]),
        ([1, 2, 2, 3, 3, 3, 3], [0, 1, 0, 0, 1, 1, 0]),
        ([2, 1, 2, 1, 2, 1, 2], [1, 0, 0, 1, 0, 1, 1]),
        ([1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 0, 0]),
    ],
    ids=["distinct", "ties", "two ties", "constant"],
)
def test_error_at_coverage_is_the_mean_over_all_orders(uncertainty, wrong, coverage):
    kept = next(k for k in range(1, 8) if 100 * k >= coverage * 7)
    errors = [
        Fraction(sum(wrong[i] for i in order[:kept]), kept)
        for order in permutations(range(7))
        if all(uncertainty[a] <= uncertainty[b] for a, b in pairwise(order))
    ]
    arguments = torch.tensor(uncertainty).double(), ~torch.tensor(wrong).bool()
    expected = float(sum(errors) / len(errors))
    assert error_at(coverage, *arguments) == pytest.approx(expected, abs=1e-15)


def test_error_at_coverage_counts_in_whole_numbers():
    for images in range(1, 400):
        correct = torch.arange(images) > 0
        for coverage in (99, 95, 90, 80):
            kept = -(-images * coverage // 100)
            assert error_at(coverage, torch.arange(float(images)), correct) == 1 / kept


@pytest.mark.parametrize("decimals", [16, 1], ids=["distinct", "ties"])
def test_augrc_is_what_auroc_and_accuracy_make_it(decimals):
    generator = np.random.default_rng(0)
    wrong = generator.random(800) < 0.2
    uncertainty = generator.normal(wrong).round(decimals)
    accuracy = 1 - wrong.mean()
    area = (1 - roc_auc_score(wrong, uncertainty)) * accuracy * (1 - accuracy)
    value = augrc(torch.from_numpy(uncertainty), torch.from_numpy(~wrong))
    assert value == pytest.approx(area + (1 - accuracy) ** 2 / 2, abs=1e-14)


def test_curve_by_hand():
    correct = np.array([False, False, True, True])
    images, errors = Ranking.by(np.array([0.9, 0.1, 0.5, 0.5]), ~correct).counts(each_once(4))
    assert images[:, 0].tolist() == [0, 1, 3, 4]
    assert errors[:, 0].tolist() == [0, 1, 1, 2]
    # Of the tied images in between, errors are expected in proportion.
    risk = np.interp([1, 2, 3, 4], images[:, 0], errors[:, 0]) / [1, 2, 3, 4]
    np.testing.assert_allclose(risk, [1, 1 / 2, 1 / 3, 2 / 4])


@pytest.mark.parametrize(("right", "error_rate"), [(1000, 0.0), (0, 1.0), (970, 0.03)])
def test_constant_uncertainty_gives_the_error_rate(right, error_rate):
    correct = torch.arange(1000) < right
    uncertainty = torch.zeros(1000)
    assert aurc(uncertainty, correct) == pytest.approx(error_rate, abs=1e-12)
    assert augrc(uncertainty, correct) == pytest.approx(error_rate / 2, abs=1e-12)
    assert error_at(90, uncertainty, correct) == pytest.approx(error_rate, abs=1e-15)
