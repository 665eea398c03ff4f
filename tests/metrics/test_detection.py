import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.metrics.detection import flagging_order
from benchmarks.metrics.metric import each_once
from tests.metrics.support import aupr_in, aupr_out, auroc, fpr95

METRICS = [auroc, aupr_out, aupr_in, fpr95]


@pytest.fixture(params=[None, 1, 0], ids=["distinct", "ties", "many ties"])
def scores_and_positive(request) -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(0)
    positive = generator.random(700) < 0.3
    scores = generator.normal(1.2 * positive)
    if request.param is not None:
        scores = scores.round(request.param)
    return torch.from_numpy(scores), torch.from_numpy(positive)


def test_auroc_agrees_with_scikit_learn_and_with_all_pairs(scores_and_positive):
    scores, positive = scores_and_positive
    difference = scores[positive][:, None] - scores[~positive]
    all_pairs = (torch.sign(difference) + 1).double().mean().item() / 2
    assert auroc(scores, positive) == pytest.approx(all_pairs, abs=1e-14)
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-14)


def test_aupr_agrees_with_scikit_learn(scores_and_positive):
    scores, positive = scores_and_positive
    theirs_out = average_precision_score(positive, scores)
    theirs_in = average_precision_score(~positive, -scores)
    assert aupr_out(scores, positive) == pytest.approx(theirs_out, abs=1e-14)
    assert aupr_in(scores, positive) == pytest.approx(theirs_in, abs=1e-14)


def test_fpr95_is_the_first_point_of_the_roc_curve_at_95_percent(scores_and_positive):
    scores, positive = scores_and_positive
    false, true, _ = sklearn.roc_curve(positive, scores, drop_intermediate=False)
    flagged = (true * positive.sum().item()).round()
    first = np.flatnonzero(100 * flagged >= 95 * positive.sum().item())[0]
    assert fpr95(scores, positive) == pytest.approx(false[first])


def test_roc_curve_agrees_with_scikit_learn_and_encloses_the_auroc(scores_and_positive):
    scores, positive = scores_and_positive
    kinds = scores[~positive].numpy(), scores[positive].numpy()
    flagged, positives = flagging_order(*kinds).counts(each_once(700))[..., 0]
    false, true = (count / count[-1] for count in (flagged - positives, positives))
    their_false, their_true, _ = sklearn.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, their_false, atol=1e-15)
    np.testing.assert_allclose(true, their_true, atol=1e-15)
    assert np.trapezoid(true, false) == pytest.approx(auroc(scores, positive))


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


def test_higher_scores_are_positive():
    scores, positive = torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([0, 0, 1, 1]).bool()
    assert [metric(scores, positive) for metric in METRICS] == [1, 1, 1, 0]
    assert auroc(-scores, positive) == 0
    assert fpr95(-scores, positive) == 1


def test_constant_score_is_chance():
    positive = torch.arange(10) < 3
    values = [metric(torch.zeros(10), positive) for metric in METRICS]
    assert values == pytest.approx([0.5, 0.3, 0.7, 1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_is_undefined(metric, positive):
    assert math.isnan(metric(torch.tensor([1.0, 2.0]), torch.tensor([positive] * 2)))


@pytest.mark.parametrize("metric", METRICS)
def test_infinite_scores_are_ranked(metric):
    positive = torch.tensor([False, True, False, True])
    infinite = torch.tensor([-torch.inf, torch.inf, 0.5, 0.25])
    assert metric(infinite, positive) == metric(torch.tensor([-9, 9, 0.5, 0.25]), positive)
