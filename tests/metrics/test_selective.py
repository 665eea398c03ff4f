from fractions import Fraction
from itertools import pairwise, permutations

import pytest
import torch

from benchmarks.metrics.selective import COVERAGES
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
        ([1, 2, 3, 4, 5, 6, 7], [0, 1, 0, 0, 1, 1, 0]),
        ([1, 2, 2, 3, 3, 3, 3], [0, 1, 0, 0, 1, 1, 0]),
        ([2, 1, 2, 1, 2, 1, 2], [1, 0, 0, 1, 0, 1, 1]),
        ([1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 0, 0]),
    ],
    ids=["distinct", "ties", "two ties", "constant"],
)
def test_values_are_the_mean_over_all_orders_of_tied_images(uncertainty, wrong):
    orders = [
        [wrong[i] for i in order]
        for order in permutations(range(7))
        if all(uncertainty[a] <= uncertainty[b] for a, b in pairwise(order))
    ]
    areas = zip(*map(areas_in_one_order, orders), strict=True)
    expected = [float(sum(each) / len(orders)) for each in areas]
    arguments = torch.tensor(uncertainty).double(), ~torch.tensor(wrong).bool()
    assert [aurc(*arguments), augrc(*arguments)] == pytest.approx(expected, abs=1e-15)
    for coverage in COVERAGES:
        kept = next(k for k in range(1, 8) if 100 * k >= coverage * 7)
        errors = sum(Fraction(sum(order[:kept]), kept) for order in orders) / len(orders)
        assert error_at(coverage, *arguments) == pytest.approx(float(errors), abs=1e-15)


def test_error_at_coverage_counts_in_whole_numbers():
    for images in range(1, 400):
        correct = torch.arange(images) > 0
        for coverage in COVERAGES:
            kept = -(-images * coverage // 100)
            assert error_at(coverage, torch.arange(float(images)), correct) == 1 / kept
