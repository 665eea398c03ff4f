"""Scores by hand, and what is refused; `test_agreement.py` compares them with libraries."""

import math

import pytest
import torch

from benchmarks.metrics.scoring import brier, correct, negative_log_likelihood

SCORES = [correct, negative_log_likelihood, brier]


def test_ties_go_to_the_lowest_class():
    tied = torch.tensor([[0.2, 0.4, 0.4]]).expand(3, 3)
    assert correct(tied, torch.tensor([0, 1, 2])).tolist() == [False, True, False]


def test_no_probability_for_the_label_is_infinite_and_not_clipped():
    mean = torch.tensor([[1.0, 0.0], [0.75, 0.25]])
    values = negative_log_likelihood(mean, torch.tensor([1, 1]))
    assert values.isinf().tolist() == [True, False]


def test_likelihood_below_single_precision_is_still_finite():
    mean = torch.tensor([[1.0, 1e-300]], dtype=torch.float64)
    value = negative_log_likelihood(mean, torch.tensor([1])).item()
    assert value == pytest.approx(300 * math.log(10))


def test_brier_score_spans_zero_to_two():
    mean = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    values = brier(mean, torch.tensor([0, 0, 0]))
    assert values.tolist() == [0, 0.25 + 0.0625 + 0.0625, 2]


@pytest.mark.parametrize("score", SCORES)
def test_logits_are_refused(score):
    with pytest.raises(ValueError, match="apply softmax"):
        score(torch.tensor([[4.0, -1.0]]), torch.tensor([0]))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("label", [-1, 2])
def test_labels_of_no_class_are_refused(score, label):
    with pytest.raises(ValueError, match=f"labels range from .*{label}.* expected .* 0 to 1"):
        score(torch.tensor([[0.5, 0.5]]), torch.tensor([label]))


@pytest.mark.parametrize("score", SCORES)
def test_labels_that_would_broadcast_are_refused(score):
    with pytest.raises(ValueError, match=r"labels have the shape \[1\]; expected \[2\]"):
        score(torch.tensor([[0.5, 0.5], [0.1, 0.9]]), torch.tensor([0]))
