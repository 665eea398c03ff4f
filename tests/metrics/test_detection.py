"""Detection by hand, and at its edges; `test_agreement.py` compares it with scikit-learn."""

import math

import pytest
import torch

from tests.metrics.support import aupr_in, aupr_out, auroc, fpr95

METRICS = [auroc, aupr_out, aupr_in, fpr95]


@pytest.mark.parametrize("hundreds", [0.2, 1, 1.4, 3, 100])
def test_fpr95_takes_exactly_95_percent_as_enough(hundreds):
    positives = round(100 * hundreds)
    missed = positives // 20
    high, low = torch.full((positives - missed,), 3.0), torch.full((missed,), 1.0)
    middle = torch.full((4,), 2.0)
    scores = torch.cat([high, low, middle])
    positive = torch.arange(len(scores)) < positives
    assert fpr95(scores, positive) == 0
    scores[0] = 1.0  # one more is missed, so that the negatives must be flagged as well
    assert fpr95(scores, positive) == 1


def test_by_hand_with_a_tie_between_the_classes():
    scores = torch.tensor([4.0, 3.0, 3.0, 2.0, 1.0])
    positive = torch.tensor([True, True, False, False, True])
    assert auroc(scores, positive) == (2 + 1.5 + 0) / 6
    assert aupr_out(scores, positive) == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert aupr_in(scores, positive) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert fpr95(scores, positive) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_is_undefined(metric, positive):
    assert math.isnan(metric(torch.tensor([1.0, 2.0]), torch.tensor([positive] * 2)))
